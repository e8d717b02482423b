/* usertests: the system's own tests of what user programs see.
 *
 *   usertests [-l] [-q] [-n TIMES] [-s SEED] [NAME | PATTERN | TOPIC: | TOPIC:PATTERN ...]
 *
 *     -l  lists the tests, as TOPIC:NAME, in the order in which they would run
 *     -q  only the quick ones
 *     -n  all of them so many times
 *     -s  in an order, and with pseudo-random numbers, that depend on SEED
 *
 * Output is TAP. Each test runs in a child, in a fresh directory below /tmp, for a limited time: a test that takes
 * longer has failed, and is killed with all its processes. What it had must be given back, to the last page:
 * user/state.h says what is counted. In a debug kernel, the kernel's own invariants must hold (/proc/check).
 * A failure names the command that repeats it.
 *
 * No test may take the others down. Some eat all memory, so this process makes sure of its own before each: see
 * own_memory. Processes that a test leaves behind are found by comparing the list of processes, and killed. */
#include "tests.h"
#include "user/state.h"

#define TOPIC(name) &topic_##name,
static const struct topic *const topics[] = {TOPICS(TOPIC)};
#define MAX_TESTS     1000
#define MAX_PROCESSES 4096
#define MAX_DESCRIBED 20   /* processes; more are only killed */
#define NEVER_ENDS    (-1) /* in place of a wait status */
#define USAGE         "usertests [-l] [-q] [-n TIMES] [-s SEED] [NAME | PATTERN | TOPIC: | TOPIC:PATTERN ...]"

struct options {
    bool quick, shuffle;
    int64_t times, seed;
    char **patterns; /* ends with NULL; none: all tests */
};

/* The processes before a test. */
static int known[MAX_PROCESSES];
static unsigned known_count;

/* ---- processes that a test leaves behind ---- */

static bool is_known(int pid)
{
    for (unsigned i = 0; i < known_count; i++)
        if (known[i] == pid)
            return true;
    return false;
}

/* Calls f with the number of each process. */
static void each_process(void (*f)(int pid))
{
    struct dir d;

    if (dir_open(&d, "/proc") < 0)
        return;
    for (struct abi_dirent64 *e; (e = dir_next(&d));)
        if (isdigit(e->name[0]))
            f(atoi(e->name));
    dir_close(&d);
}

static void add_known(int pid)
{
    if (known_count < MAX_PROCESSES)
        known[known_count++] = pid;
}

static void know_processes(void)
{
    known_count = 0;
    each_process(add_known);
}

static char *stat_text; /* /proc/PID/stat of the process that is_of_test has looked at */

/* Is it new, and no child of a process that was there before the test? Children of this process and of process 1,
 * to which those go whose parents have ended, are the test's. What cannot be read (memory may be out) counts as
 * the test's, too. *state: its letter. */
static bool is_of_test(int pid, char *state)
{
    char path[32];

    *state = '?';
    if (is_known(pid))
        return false;
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    char *end = (stat_text = state_read_proc(path)) ? strrchr(stat_text, ')')
                                                    : NULL; /* behind its name: " STATE PARENT" */
    if (!end)
        return errno != ESRCH && errno != ENOENT;
    *state = end[2];
    int parent = atoi(end + 4);
    return *state != 'Z' && (parent == 1 || parent == getpid() || !is_known(parent));
}

static unsigned found;

/* Of "PID (NAME) STATE PARENT ...", the number that is so many words behind the name. */
static long word(const char *stat, int n)
{
    const char *at = strrchr(stat, ')');

    for (; at && n > 0; n--)
        at = strchr(at + 1, ' ');
    return at ? strtol(at, NULL, 10) : 0;
}

/* What is to be said about them, kept until they are dead: with thousands of them, every line that is printed would
 * wait until each has used its time slice. */
static char described[16384];
static unsigned described_length;

static void add_text(const char *format, ...) PRINTF_LIKE(1, 2);
static void add_text(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    described_length +=
        vsnprintf(described + described_length, sizeof(described) - described_length, format, args);
    va_end(args);
    if (described_length >= sizeof(described))
        described_length = sizeof(described) - 1;
}

static void describe(int pid)
{
    char path[32], state;

    if (found == MAX_DESCRIBED || !is_of_test(pid, &state))
        return;
    found++;
    if (state == '?') {
        add_text("# process %d\n", pid);
        return;
    }
    const char *name = strchr(stat_text, '(');
    add_text("# process %d %.*s: state %c, child of %ld, %ld ms in user mode, %ld ms in the kernel\n", pid,
             (int)(strrchr(stat_text, ')') + 1 - name), name, state, word(stat_text, 2),
             word(stat_text, 12) * 1000 / USER_HZ, word(stat_text, 13) * 1000 / USER_HZ);
    snprintf(path, sizeof(path), "/proc/%d/stack", pid);
    char *stack = state_read_proc(path);
    if (stack)
        for (char *line = stack, *end; (end = strchr(line, '\n')); line = end + 1)
            add_text("# %.*s\n", (int)(end - line), line);
}

/* Without reading of files where possible: there may be thousands, and all want the processor, too. */
static void kill_one(int pid)
{
    char state;

    if (!is_known(pid) && (getpgid(pid) == getpgid(0) || is_of_test(pid, &state)))
        sys_kill(pid, SIGKILL);
}

static void count_one(int pid)
{
    char state;

    found += is_of_test(pid, &state);
}

/* Says what the test's processes are doing, and kills them, until none is left: they may start others meanwhile. */
static void kill_processes(void)
{
    bool gone = false;

    found = described_length = 0;
    each_process(describe);
    for (int try = 0; !gone && try < 500; try++) {
        if (try > 0)
            sleep_ms(10);
        each_process(kill_one);
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        gone = counter("processes") == known_count;
    }
    for (char *line = described, *end; found > 0 && (end = strchr(line, '\n')); line = end + 1)
        printf("%.*s\n", (int)(end - line), line);
    if (gone)
        return;
    found = 0;
    each_process(count_one);
    if (found > 0)
        printf("# %u processes cannot be killed\n", found);
}

/* With the test's child gone: are its other processes, too? They get a second for it. */
static bool processes_are_gone(void)
{
    long count = 0, was = known_count;

    for (int try = 0; try < 50; try++) {
        count = counter("processes");
        if (count >= 0 && count <= was)
            return true;
        sleep_ms(20);
    }
    printf("# left behind: processes: expected %ld as before, found %ld\n", was, count);
    kill_processes();
    return false;
}

/* ---- memory ---- */

extern char data_start[]; /* user.ld */
static char *stack_top;

/* Its code and constants have been read, so that they are there. */
void own_memory(void)
{
    volatile char *stack = (char *)__builtin_frame_address(0) - 2 * 4096;

    for (volatile char *p = data_start; p < (volatile char *)sbrk(0); p += 4096)
        *p = *p;
    for (volatile char *p = stack; p < stack_top; p += 4096)
        *p = *p;
}

static void read_program(void)
{
    for (volatile char *p = (volatile char *)0x10000; p < data_start; p += 4096)
        *p;
}

/* ---- running ---- */

/* How long wait_until_ended is going to sleep. The handler makes it nothing: so also a child that ends just
 * before the call of nanosleep is not slept through. */
static volatile struct abi_timespec nap;

static void child_ended(int sig)
{
    (void)sig;
    nap.sec = nap.nsec = 0;
}

static int go_end; /* the end of start's pipe that is kept open */

/* Starts f(arg) in a child, which goes on when this process has its memory. Its pid, or -1. From then until the
 * child has ended, this process opens and closes nothing, so what the child counts is its own. */
static int start(void (*f)(const void *), const void *arg)
{
    int go[2], pid;
    char c;

    if (pipe(go) < 0)
        return -1;
    setsignal(SIGCHLD, (uint64_t)child_ended);
    pid = fork();
    if (pid == 0) {
        setsignal(SIGCHLD, SIGNAL_DEFAULT);
        close(go[1]);
        read(go[0], &c, 1);
        close(go[0]);
        f(arg);
        exit(0);
    }
    own_memory();
    close(go[0]);
    go_end = go[1];
    if (pid > 0)
        write(go_end, "", 1);
    else
        close(go_end);
    return pid;
}

/* Waits for a child of `start`, so many seconds: its wait status, or NEVER_ENDS. */
static int wait_until_ended(int pid, unsigned seconds)
{
    uint64_t deadline = now_ns() + seconds * NSEC_PER_SEC;
    int status = NEVER_ENDS;

    for (;;) {
        uint64_t now = now_ns(), left = now < deadline ? deadline - now : 0;
        nap.sec = left / NSEC_PER_SEC;
        nap.nsec = left % NSEC_PER_SEC;
        if (waitpid(pid, &status, WNOHANG) == pid || left == 0)
            break;
        nanosleep((const struct abi_timespec *)&nap, NULL);
    }
    setsignal(SIGCHLD, SIGNAL_DEFAULT);
    close(go_end);
    return status;
}

/* Removes what is in the current directory, up to the first directory that is not empty, and goes into that one.
 * False: there was none. */
static bool remove_entries(void)
{
    struct dir d;
    bool inside = false;

    if (dir_open(&d, ".") < 0)
        return false;
    for (struct abi_dirent64 *e; !inside && (e = dir_next(&d));)
        if (!dir_is_dot(e->name) && unlink_file(e->name) < 0 && rmdir(e->name) < 0)
            inside = chdir(e->name) == 0;
    dir_close(&d);
    return inside;
}

/* Removes a test's directory with all that is in it, however deep. It runs in a child, which has a limit of time. */
static void remove_tree(const void *arg)
{
    const char *path = arg;
    int depth = 0;

    if (chdir(path) < 0)
        return;
    while (depth >= 0) {
        while (remove_entries())
            depth++;
        chdir("..");
        depth--;
    }
    rmdir(path);
}

static void remove_directory(const char *dir)
{
    int pid = start(remove_tree, dir);

    if (pid < 0 || wait_until_ended(pid, LIMIT) == NEVER_ENDS) {
        printf("# %s cannot be removed\n", dir);
        if (pid > 0)
            sys_kill(pid, SIGKILL);
    }
}

struct run {
    const struct test *test;
    const char *dir;
    uint64_t seed;
};

/* In the child: runs the test in its directory. */
static void run_in_directory(const void *arg)
{
    const struct run *r = arg;

    random_start(r->seed);
    if (mkdir(r->dir) < 0 || chdir(r->dir) < 0)
        die("%s", r->dir);
    r->test->run();
}

/* Runs it, with all that it starts, and removes its directory. Did it succeed? */
static bool run_in_child(const struct run *r)
{
    unsigned limit = r->test->limit ? r->test->limit : LIMIT;
    int pid = start(run_in_directory, r), status = 0;

    if (pid < 0) {
        printf("# fork: %s\n", strerror(errno));
        return false;
    }
    if (patience(1) > 1) /* a busy host's time */
        limit *= 5;
    status = wait_until_ended(pid, limit);
    if (status == NEVER_ENDS) {
        printf("# the test is not done after %u s, and is killed\n", limit);
        kill_processes();
    } else if (!WAIT_HAS_EXITED(status)) {
        printf("# the test was ended by signal %d (%s)\n", WAIT_SIGNAL(status),
               signal_text(WAIT_SIGNAL(status)));
    }
    bool gone = processes_are_gone();
    remove_directory(r->dir);
    return status == 0 && gone;
}

/* Instructions that the machine has executed so far, in this test's time. */
static bool run_test(const struct test *t, unsigned number, uint64_t seed, long *instructions)
{
    struct state before;
    char dir[64];
    struct run r = {t, dir, seed};

    snprintf(dir, sizeof(dir), "/tmp/ut%d-%u", getpid(), number);
    know_processes();
    if (!state_read(&before)) {
        printf("# /proc/lode cannot be read: %s\n", strerror(errno));
        return false;
    }
    *instructions = counter("instructions");
    bool ok = run_in_child(&r);
    *instructions = counter("instructions") - *instructions;
    ok &= !state_leaked(&before);
    return state_is_sound() && ok;
}

static void nothing(void)
{
}

/* Some runs that do not count, for what only the first one takes (memory of this process, caches of the kernel). */
static void warm_up(void)
{
    static const struct test t = {"nothing", nothing, false, 0};
    const struct run r = {&t, "/tmp/ut0", 1};
    struct state s;

    read_program();
    for (int i = 0; i < 3; i++) {
        know_processes();
        state_read(&s);
        run_in_child(&r);
        state_is_sound();
    }
}

/* The commands that repeat a failure: the test alone, and all that ran with it. */
static void print_repeat(const struct options *o, int64_t seed, const char *name)
{
    printf("# all that ran: usertests%s -s %ld", o->quick ? " -q" : "", (long)seed);
    for (char **p = o->patterns; *p; p++)
        printf(" '%s'", *p);
    printf("\n# to repeat: usertests -s %ld %s\n", (long)seed, name);
}

/* ---- choosing ---- */

/* NAME, PATTERN, TOPIC: or TOPIC:PATTERN. */
static bool matches(const char *pattern, const struct topic *topic, const struct test *t)
{
    size_t n = strlen(topic->name);
    bool of_topic = !strncmp(pattern, topic->name, n) && pattern[n] == ':';

    if (of_topic)
        pattern += n + 1;
    return (of_topic && !*pattern) || pattern_match(pattern, t->name);
}

static bool selected(const struct options *o, const struct topic *topic, const struct test *t)
{
    bool match = !*o->patterns && topic != &topic_failing; /* that runs on demand */

    for (char **p = o->patterns; *p && !match; p++)
        match = matches(*p, topic, t);
    return match && !(o->quick && t->slow);
}

/* Each pattern must be of use: a name that is wrong would go unnoticed among others. */
static void check_patterns(char **patterns)
{
    for (; *patterns; patterns++) {
        bool match = false;
        for (unsigned i = 0; i < sizeof(topics) / sizeof(topics[0]); i++)
            for (unsigned j = 0; j < topics[i]->count; j++)
                match |= matches(*patterns, topics[i], &topics[i]->tests[j]);
        if (!match)
            diex("%s: no test has that name; usertests -l lists them", *patterns);
    }
}

static void shuffle(const struct test **tests, unsigned n, uint64_t seed)
{
    random_start(seed);
    for (unsigned i = n - 1; i > 0; i--) {
        unsigned j = random_next() % (i + 1);
        const struct test *t = tests[i];
        tests[i] = tests[j];
        tests[j] = t;
    }
}

static int run_all(const struct options *o, const struct test **tests, unsigned n)
{
    static const struct test *order[MAX_TESTS];
    unsigned failed = 0, number = 0;

    printf("1..%lu\n", n * o->times);
    warm_up();
    for (int64_t seed = o->seed; seed < o->seed + o->times; seed++) {
        memcpy(order, tests, n * sizeof(*tests));
        if (o->shuffle)
            shuffle(order, n, seed);
        for (unsigned i = 0; i < n; i++) {
            long instructions = 0;
            bool ok = run_test(order[i], ++number, seed, &instructions);
            printf("%sok %u - %s\n", ok ? "" : "not ", number, order[i]->name);
            printf("# %s: %ld instructions\n", order[i]->name, instructions);
            if (!ok) {
                failed++;
                print_repeat(o, seed, order[i]->name);
            }
        }
    }
    return failed ? 1 : 0;
}

static void list_all(const struct options *o, const struct test **tests, unsigned n)
{
    if (o->shuffle)
        shuffle(tests, n, o->seed);
    for (unsigned i = 0; i < n; i++)
        for (unsigned j = 0; j < sizeof(topics) / sizeof(topics[0]); j++)
            if (tests[i] >= topics[j]->tests && tests[i] < topics[j]->tests + topics[j]->count)
                printf("%s:%s\n", topics[j]->name, tests[i]->name);
}

int main(int argc, char **argv)
{
    static const struct test *chosen[MAX_TESTS];
    struct options o = {.times = 1, .seed = 1};
    unsigned n = 0;
    bool list = false;
    int c;

    stack_top = (char *)(argv + argc);
    while ((c = getopt(argc, argv, "lqn:s:")) >= 0) {
        if (c == 'l')
            list = true;
        else if (c == 'q')
            o.quick = true;
        else if (c == 'n' && parse_number(optarg, &o.times) && o.times > 0)
            ;
        else if (c == 's' && parse_number(optarg, &o.seed))
            o.shuffle = true;
        else
            usage(USAGE);
    }
    o.patterns = argv + optind;
    check_patterns(o.patterns);
    for (unsigned i = 0; i < sizeof(topics) / sizeof(topics[0]); i++) {
        for (unsigned j = 0; j < topics[i]->count; j++) {
            const struct test *t = &topics[i]->tests[j];
            if (!selected(&o, topics[i], t))
                continue;
            if (n == MAX_TESTS)
                diex("more than %d tests", MAX_TESTS);
            chosen[n++] = t;
        }
    }
    if (n == 0)
        diex("all tests of that name are slow: leave out -q");
    if (!list)
        return run_all(&o, chosen, n);
    list_all(&o, chosen, n);
    return 0;
}
