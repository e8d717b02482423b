/* usertests: the system's own tests of what user programs see.
 *
 *   usertests [-l] [-q] [-n TIMES] [-s SEED] [NAME | PATTERN ...]
 *
 * Output is TAP. Each test runs in a child, in a fresh directory below /tmp. After it, what it had must be
 * given back, to the last page: `struct state` says what is counted. A failure names the command that
 * repeats it. */
#include "tests.h"

#define TOPIC(name) &topic_##name,
static const struct topic *const topics[] = {TOPICS(TOPIC)};
#define MAX_TESTS 1000

/* What there is of everything, by name: the lines of /proc/lode, and three more:
 *
 *   pages         pages of memory that neither caches nor the kernel's own structures hold: page_use
 *   disk_blocks   blocks of the disk in use
 *   disk_inodes   inodes of the disk in use
 *
 * All are exact. What remains of a test in the caches (inodes, and pages of files) is not counted. */
struct state {
    unsigned n;
    struct line {
        char name[28];
        long value;
    } lines[48];
};

/* ---- what tests leave behind ---- */

static bool is_cache(const char *name)
{
    static const char *const caches[] = {"inodes", "slab_inode", "slab_buf"};

    for (unsigned i = 0; i < sizeof(caches) / sizeof(caches[0]); i++)
        if (!strcmp(name, caches[i]))
            return true;
    return !strncmp(name, "pages_", 6);
}

static long value_of(const struct state *s, const char *name)
{
    for (unsigned i = 0; i < s->n; i++)
        if (!strcmp(s->lines[i].name, name))
            return s->lines[i].value;
    return 0; /* a slab has no line before its first object */
}

static void add_line(struct state *s, const char *name, long value)
{
    if (s->n == sizeof(s->lines) / sizeof(s->lines[0]))
        diex("too many lines in /proc/lode");
    strlcpy(s->lines[s->n].name, name, sizeof(s->lines[0].name));
    s->lines[s->n++].value = value;
}

/* Page tables, and memory of processes and pipes: everything but free pages, the slabs' (whose objects are
 * counted), kernel stacks and the kernel's tables (kept for the next process), and the page cache. */
static long page_use(const struct state *s)
{
    return value_of(s, "pages_total") - value_of(s, "pages_free") - value_of(s, "pages_slab") -
           value_of(s, "pages_kvm") - value_of(s, "slab_buf");
}

/* With a directory's inode, the kernel keeps an index of it. The directories that stay after a test get
 * theirs now, so that it makes no difference whether the test has used them. */
static void make_indexes(void)
{
    static const char *const names[] = {"/x",     "/bin/x",   "/dev/x",     "/etc/x",
                                        "/tmp/x", "/tests/x", "/tests/sh/x"};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        access(names[i], F_OK);
}

static void read_state(struct state *s)
{
    struct abi_statfs fs;

    make_indexes();
    s->n = 0;
    char *text = read_file("/proc/lode");
    if (!text || getstatfs("/", &fs) < 0)
        die("/proc/lode");
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        char *space = strchr(line, ' ');
        if (!space || space > end)
            diex("/proc/lode: a line without a number");
        *space = 0;
        add_line(s, line, strtol(space + 1, NULL, 10));
    }
    free(text);
    add_line(s, "pages", page_use(s));
    add_line(s, "disk_blocks", fs.blocks - fs.bfree);
    add_line(s, "disk_inodes", fs.files - fs.ffree);
}

/* Something that is on its way out (a killed process, a delayed close) gets a second to be gone. */
static bool leaked(const struct state *before)
{
    struct state after;
    unsigned i = 0;

    for (int try = 0; try < 50; try++) {
        read_state(&after);
        for (i = 0; i < after.n; i++)
            if (!is_cache(after.lines[i].name) &&
                after.lines[i].value > value_of(before, after.lines[i].name))
                break;
        if (i == after.n)
            return false;
        sleep_ms(20);
    }
    for (i = 0; i < after.n; i++) {
        long was = value_of(before, after.lines[i].name);
        if (!is_cache(after.lines[i].name) && after.lines[i].value > was)
            printf("# left behind: %s: expected %ld as before, found %ld\n", after.lines[i].name, was,
                   after.lines[i].value);
    }
    return true;
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

/* In a child, since the depth of a tree would show in this process's stack. */
static void remove_directory(const char *dir)
{
    int pid = fork();

    if (pid == 0) {
        remove_tree(dir);
        exit(0);
    }
    waitpid(pid, NULL, 0);
}

/* In the child: runs the test in its directory. */
static void run_in_directory(const struct test *t, const char *dir, uint64_t seed)
{
    random_start(seed);
    if (mkdir(dir) < 0 || chdir(dir) < 0)
        die("%s", dir);
    t->run();
    exit(0);
}

/* Runs it and removes its directory. Did it succeed? */
static bool run_in_child(const struct test *t, const char *dir, uint64_t seed)
{
    int status, pid = fork();

    if (pid < 0) {
        printf("# fork: %s\n", strerror(errno));
        return false;
    }
    if (pid == 0)
        run_in_directory(t, dir, seed);
    waitpid(pid, &status, 0);
    if (!WAIT_HAS_EXITED(status))
        printf("# the test was ended by signal %d (%s)\n", WAIT_SIGNAL(status),
               signal_text(WAIT_SIGNAL(status)));
    remove_directory(dir);
    return status == 0;
}

static bool run_test(const struct test *t, uint64_t seed)
{
    struct state before;
    char dir[64];

    snprintf(dir, sizeof(dir), "/tmp/ut%d", getpid());
    remove_directory(dir);
    read_state(&before);
    bool ok = run_in_child(t, dir, seed);
    return !leaked(&before) && ok;
}

static void nothing(void)
{
}

/* Once without counting, for what only the first run takes (memory of this process, caches of the kernel). */
static void warm_up(void)
{
    static const struct test t = {"nothing", nothing, 0};
    struct state s;

    for (int i = 0; i < 2; i++)
        run_in_child(&t, "/tmp/ut0", 1);
    read_state(&s);
    read_state(&s);
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
    random_start(seed);
    for (unsigned i = 0; i < sizeof(topics) / sizeof(topics[0]); i++)
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
    warm_up();
    for (int64_t round = 0; round < times; round++) {
        for (unsigned i = 0; i < n; i++) {
            bool ok = run_test(chosen[i], (uint64_t)(seed + round));
            printf("%sok %u - %s\n", ok ? "" : "not ", ++number, chosen[i]->name);
            if (!ok) {
                failed++;
                printf("# to repeat: usertests -s %ld %s\n", (long)(seed + round), chosen[i]->name);
            }
        }
    }
    return failed ? 1 : 0;
}
