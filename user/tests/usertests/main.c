/* usertests: the system's own tests of what user programs see.
 *
 *   usertests [-l] [-q] [-n TIMES] [-s SEED] [NAME | PATTERN ...]
 *
 * Output is TAP. Each test runs in a child, in a fresh directory below /tmp; after it, the counters of
 * /proc/lode must be what they were before. A failure names the command that repeats it. */
#include "tests.h"

static const struct topic *const topics[] = {&topic_lde,  &topic_proc,    &topic_exec,
                                             &topic_file, &topic_dir,     &topic_pipe,
                                             &topic_mem,  &topic_pointer, &topic_load};
#define TOPICS    (sizeof(topics) / sizeof(topics[0]))
#define MAX_TESTS 1000

/* What a test must give back; the kernel counts them. */
static const char *const checked[] = {"processes", "open_files",   "slab_proc", "slab_aspace", "slab_region",
                                      "slab_file", "slab_fdtable", "slab_pipe", "slab_sighand"};
#define CHECKED (sizeof(checked) / sizeof(checked[0]))

static uint64_t random_state = 1;

/* ---- helpers for tests ---- */

_Noreturn void test_fail(const char *file, int line, const char *what, const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    fprintf(1, "# %s:%d: %s: %s\n", path_base(file), line, what, text);
    exit(1);
}

int start_child(void (*f)(long), long arg)
{
    int pid = fork();

    CHECK(pid >= 0, "fork: %s", strerror(errno));
    if (pid == 0) {
        f(arg);
        exit(0);
    }
    return pid;
}

int wait_for(int pid)
{
    int status, got = waitpid(pid, &status, 0);

    CHECK(got == pid, "waitpid(%d) gave %d: %s", pid, got, strerror(errno));
    return status;
}

int in_child(void (*f)(long), long arg)
{
    return wait_for(start_child(f, arg));
}

long raw_syscall(long number, long arg0, long arg1, long arg2, long arg3, long arg4, long arg5)
{
    register long a0 __asm__("a0") = arg0;
    register long a1 __asm__("a1") = arg1;
    register long a2 __asm__("a2") = arg2;
    register long a3 __asm__("a3") = arg3;
    register long a4 __asm__("a4") = arg4;
    register long a5 __asm__("a5") = arg5;
    register long a7 __asm__("a7") = number;

    __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a7) : "memory");
    return a0;
}

long counter(const char *name)
{
    char *text = read_file("/proc/lode");
    size_t n = strlen(name);
    long value = -1;

    for (char *line = text; line && *line;) {
        if (!strncmp(line, name, n) && line[n] == ' ')
            value = strtol(line + n, NULL, 10);
        char *end = strchr(line, '\n');
        line = end ? end + 1 : NULL;
    }
    free(text);
    return value;
}

uint64_t now_ns(void)
{
    struct abi_timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.sec * NSEC_PER_SEC + t.nsec;
}

void sleep_ms(int ms)
{
    struct abi_timespec t = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&t, NULL);
}

unsigned harts(void)
{
    uint64_t mask = 0;

    sys_sched_getaffinity(0, sizeof(mask), (long)&mask);
    return __builtin_popcountl(mask);
}

uint8_t pattern_byte(uint64_t offset, unsigned seed)
{
    return (uint8_t)((offset + seed) * 2654435761u >> 13);
}

void make_file(const char *path, uint64_t n, unsigned seed)
{
    static uint8_t buf[8192];
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC);

    CHECK(fd >= 0, "%s: %s", path, strerror(errno));
    for (uint64_t done = 0; done < n;) {
        size_t part = n - done < sizeof(buf) ? n - done : sizeof(buf);
        for (size_t i = 0; i < part; i++)
            buf[i] = pattern_byte(done + i, seed);
        CHECK_CALL((long)part, sys_write(fd, (long)buf, part));
        done += part;
    }
    close(fd);
}

void check_file(const char *path, uint64_t n, unsigned seed)
{
    static uint8_t buf[8192];
    int fd = open(path, O_RDONLY);
    uint64_t done = 0;
    long got;

    CHECK(fd >= 0, "%s: %s", path, strerror(errno));
    while ((got = sys_read(fd, (long)buf, sizeof(buf))) > 0) {
        for (long i = 0; i < got; i++)
            CHECK(buf[i] == pattern_byte(done + i, seed), "%s: byte %lu is %u", path, done + i, buf[i]);
        done += got;
    }
    CHECK(got == 0, "%s: read: %s", path, strerror(-got));
    CHECK(done == n, "%s has %lu bytes, expected %lu", path, done, n);
    close(fd);
}

uint32_t random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state >> 16;
}

/* ---- running ---- */

/* Removes a test's directory with all that is in it. */
static void remove_tree(const char *path)
{
    struct dir d;
    struct abi_dirent64 *e;
    struct abi_stat st;

    if (getlstat(path, &st) < 0)
        return;
    if (!S_ISDIR(st.mode)) {
        unlink_file(path);
        return;
    }
    if (dir_open(&d, path) == 0) {
        while ((e = dir_next(&d))) {
            if (dir_is_dot(e->name))
                continue;
            char *inner = path_join(path, e->name);
            remove_tree(inner);
            free(inner);
        }
        dir_close(&d);
    }
    rmdir(path);
}

static void read_counters(long values[CHECKED])
{
    for (unsigned i = 0; i < CHECKED; i++)
        values[i] = counter(checked[i]) < 0 ? 0 : counter(checked[i]); /* no such line before the first object */
}

/* Something that is on its way out (a killed process, a delayed close) gets a second to be gone. */
static bool leaked(const long before[CHECKED])
{
    long after[CHECKED];
    unsigned i = 0;

    for (int try = 0; try < 50; try++) {
        read_counters(after);
        for (i = 0; i < CHECKED && after[i] <= before[i]; i++)
            ;
        if (i == CHECKED)
            return false;
        sleep_ms(20);
    }
    printf("# left behind: %s was %ld, is %ld\n", checked[i], before[i], after[i]);
    return true;
}

/* In the child: runs the test in its directory. */
static void run_in_directory(const struct test *t, const char *dir)
{
    if (mkdir(dir) < 0 || chdir(dir) < 0)
        die("%s", dir);
    t->run();
    exit(0);
}

static bool run_test(const struct test *t)
{
    char dir[64];
    long before[CHECKED];
    int status;
    bool ok;

    snprintf(dir, sizeof(dir), "/tmp/ut%d", getpid());
    remove_tree(dir);
    read_counters(before);
    int pid = fork();
    if (pid < 0) {
        printf("# fork: %s\n", strerror(errno));
        return false;
    }
    if (pid == 0)
        run_in_directory(t, dir);
    waitpid(pid, &status, 0);
    ok = status == 0;
    if (!WAIT_HAS_EXITED(status))
        printf("# the test was ended by signal %d (%s)\n", WAIT_SIGNAL(status),
               signal_text(WAIT_SIGNAL(status)));
    if (ok && !(t->flags & TEST_GROWS) && leaked(before))
        ok = false;
    remove_tree(dir);
    return ok;
}

/* '*' for any characters, '?' for one. */
static bool matches(const char *pattern, const char *name)
{
    if (*pattern == '*')
        return matches(pattern + 1, name) || (*name && matches(pattern, name + 1));
    if (!*pattern || !*name)
        return !*pattern && !*name;
    return (*pattern == '?' || *pattern == *name) && matches(pattern + 1, name + 1);
}

static bool selected(const struct test *t, bool quick, char **patterns)
{
    if (quick && t->flags & TEST_SLOW)
        return false;
    if (!*patterns)
        return true;
    for (; *patterns; patterns++)
        if (matches(*patterns, t->name))
            return true;
    return false;
}

int main(int argc, char **argv)
{
    static const struct test *chosen[MAX_TESTS];
    unsigned n = 0, failed = 0, number = 0;
    bool list = false, quick = false, shuffle = false;
    int64_t times = 1, seed = 1;
    int c;

    while ((c = getopt(argc, argv, "lqn:s:")) >= 0) {
        if (c == 'l')
            list = true;
        else if (c == 'q')
            quick = true;
        else if (c == 'n' && parse_number(optarg, &times) && times > 0)
            ;
        else if (c == 's' && parse_number(optarg, &seed))
            shuffle = true;
        else
            usage("usertests [-l] [-q] [-n TIMES] [-s SEED] [NAME | PATTERN ...]");
    }
    random_state = (uint64_t)seed * 0x9e3779b97f4a7c15ul | 1;
    for (unsigned i = 0; i < TOPICS; i++)
        for (unsigned j = 0; j < topics[i]->count; j++)
            if (n < MAX_TESTS && selected(&topics[i]->tests[j], quick, argv + optind))
                chosen[n++] = &topics[i]->tests[j];
    if (n == 0)
        diex("no test has that name; usertests -l lists them");
    for (unsigned i = n - 1; shuffle && i > 0; i--) {
        unsigned j = random_next() % (i + 1);
        const struct test *t = chosen[i];
        chosen[i] = chosen[j];
        chosen[j] = t;
    }
    if (list) {
        for (unsigned i = 0; i < n; i++)
            printf("%s\n", chosen[i]->name);
        return 0;
    }
    printf("1..%lu\n", n * times);
    for (int64_t round = 0; round < times; round++) {
        for (unsigned i = 0; i < n; i++) {
            bool ok = run_test(chosen[i]);
            printf("%sok %u - %s\n", ok ? "" : "not ", ++number, chosen[i]->name);
            if (!ok) {
                failed++;
                printf("# to repeat: usertests -s %ld %s\n", (long)seed, chosen[i]->name);
            }
        }
    }
    return failed ? 1 : 0;
}
