/* bench: what the operating system's primitives cost.
 *
 *     bench [-l] [PATTERN...]       the rows whose names match (*, ?, [a-z]); all without patterns. -l lists them
 *     bench grow [PROCESSES FILES]  costs that should not grow: with 10 and with 5,000 processes, with 10,000 open
 *                                   files, with a full page cache
 *     bench scale [WORKERS...]      independent work of 1, 2, 4 ... processes at a time, up to one per hart
 *
 * Each line printed is
 *
 *     BENCH row instructions nanoseconds [ratio]
 *
 * for one operation. Instructions are those of user and kernel together, all harts: under QEMU's -icount, rdinstret
 * counts them for the whole machine. While all harts wait that counter leaps ahead to the next event, so rows that
 * wait for the disk count the waiting. Without -icount only the nanoseconds mean something, with it only the
 * instructions.
 *
 * The same source is built for Linux (os.h), where it can also be process 1: then it mounts what it needs, works on
 * the root file system, and switches the machine off at the end. Files are made in a directory bench.PID of the
 * working directory. The exit status is 0, 1 if a row failed, 2 if the program was called wrongly. */
#include "bench.h"

char buf[64 * KB];
const char *self = "/bin/bench";

static const struct row *const tables[] = {call_rows,  pipe_rows, process_rows,   memory_rows,
                                           sched_rows, file_rows, directory_rows, NULL};

static const char *row_name; /* the running one's */
static uint64_t instructions_at, ns_at;

static inline uint64_t read_instret(void)
{
    uint64_t n;
    __asm__ volatile("rdinstret %0" : "=r"(n) : : "memory");
    return n;
}

static uint64_t read_clock(void)
{
    os_time t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return os_nanoseconds(t);
}

/* Reading the clock takes instructions, too, which are left out; it may even be a system call. */
void begin(void)
{
    ns_at = read_clock();
    instructions_at = read_instret();
}

struct cost elapsed(void)
{
    uint64_t instructions = read_instret() - instructions_at;
    return (struct cost){instructions, read_clock() - ns_at};
}

void report(struct cost total, uint64_t n)
{
    struct cost one = cost_of_one(total, n);
    printf("BENCH %s %lu %lu\n", row_name, one.instructions, one.ns);
}

void end(uint64_t n)
{
    report(elapsed(), n);
}

void report_mode(const char *mode, const char *operation, const char *condition, struct cost one,
                 const struct cost *base)
{
    printf("BENCH %s/%s/%s %lu %lu", mode, operation, condition, one.instructions, one.ns);
    if (base) {
        uint64_t hundredths =
            (one.instructions * 100 + base->instructions / 2) / (base->instructions ? base->instructions : 1);
        printf(" %lu.%lu%lu", hundredths / 100, hundredths / 10 % 10, hundredths % 10);
    }
    printf("\n");
}

_Noreturn void fail(const char *what)
{
    int error = errno;
    printf("bench: %s: %s: %s\n", row_name, what, strerror(error));
    exit(1);
}

/* Ends all that is left of a process group: children of ours, and of our children. */
static void end_group(int group)
{
    os_kill(-group, SIGKILL);
    while (os_kill(-group, 0) == 0) {
        while (waitpid(-1, NULL, WNOHANG) > 0) /* where we are process 1 they are ours now */
            ;
        os_yield();
    }
}

/* Runs f in a child, in a process group of its own: is all well? */
static bool in_child(const char *name, void (*f)(long), long arg)
{
    int status = 1;
    row_name = name;
    int pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        f(arg);
        exit(0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid) {
        printf("bench: %s: cannot be started: %s\n", name, strerror(errno));
        return false;
    }
    if ((status & 0x7f) != 0)
        printf("bench: %s: ended by signal %d\n", name, status & 0x7f);
    end_group(pid);
    remove_contents(".");
    return status == 0;
}

/* This program anew, so that the row finds a small process, with nothing copied on write. */
static void execute_row(long row)
{
    static char only[] = "only";
    char *argv[] = {(char *)self, only, (char *)((const struct row *)row)->name, NULL};
    execve(self, argv, environ);
    fail(self);
}

/* What execute_row executes: the one row of that name. */
static int only(const char *name)
{
    for (int t = 0; tables[t]; t++) {
        for (const struct row *r = tables[t]; r->name; r++) {
            if (strcmp(r->name, name) == 0) {
                row_name = name;
                r->run();
                return 0;
            }
        }
    }
    return 2;
}

/* Runs or lists the rows that match. */
static int rows(bool list, int count, char **patterns)
{
    int failures = 0;
    unsigned long matched = 0; /* a bit per pattern */
    for (int t = 0; tables[t]; t++) {
        for (const struct row *r = tables[t]; r->name; r++) {
            bool wanted = count == 0;
            for (int i = 0; i < count; i++) {
                if (pattern_match(patterns[i], r->name)) {
                    wanted = true;
                    matched |= 1ul << i;
                }
            }
            if (wanted && list)
                printf("%-24s %s\n", r->name, r->what);
            else if (wanted)
                failures += !in_child(r->name, execute_row, (long)r);
        }
    }
    for (int i = 0; i < count; i++) {
        if (!(matched >> i & 1)) {
            printf("bench: no row matches %s; bench -l lists them\n", patterns[i]);
            return 2;
        }
    }
    return failures > 0;
}

static void run_grow(long sizes)
{
    exit(grow((int)(sizes >> 32), (int)sizes) > 0);
}

static void run_scale(long workers_list)
{
    struct cost base[8], result[8];
    const int *workers = (const int *)workers_list;
    for (int i = 0; workers[i]; i++)
        if (scale(workers[i], i ? base : NULL, i ? result : base) > 0)
            exit(1);
}

/* A number of at least 1, or 0. */
static int positive(const char *text)
{
    int n = 0;
    for (const char *c = text; *c; c++) {
        if (*c < '0' || *c > '9' || n > 100000000)
            return 0;
        n = n * 10 + *c - '0';
    }
    return n;
}

static int usage_error(void)
{
    printf("usage: bench [-l] [PATTERN...] | bench grow [PROCESSES FILES] | bench scale [WORKERS...]\n");
    return 2;
}

static int run(int argc, char **argv)
{
    bool list = argc > 1 && strcmp(argv[1], "-l") == 0;
    if (list || argc < 2 || (strcmp(argv[1], "grow") != 0 && strcmp(argv[1], "scale") != 0)) {
        if (argc - 1 - list > 64 || (argc > 1 && argv[1][0] == '-' && !list))
            return usage_error();
        return rows(list, argc - 1 - list, argv + 1 + list);
    }
    if (argv[1][0] == 'g') {
        int processes = argc == 4 ? positive(argv[2]) : 5000, files = argc == 4 ? positive(argv[3]) : 10000;
        if ((argc != 2 && argc != 4) || !processes || !files)
            return usage_error();
        return !in_child("grow", run_grow, (long)processes << 32 | files);
    }
    int workers[32] = {0}, count = 0;
    if (argc == 2) {
        int harts = hart_count();
        for (int k = 1; k < harts; k *= 2)
            workers[count++] = k;
        workers[count++] = harts;
    }
    for (int i = 2; i < argc; i++) {
        if (!positive(argv[i]) || count == 31)
            return usage_error();
        workers[count++] = positive(argv[i]);
    }
    return !in_child("scale", run_scale, (long)workers);
}

static void prepare_process_one(void)
{
#ifdef LINUX
    mkdir("/dev", 0755);
    mkdir("/proc", 0755);
    mount("none", "/dev", "devtmpfs", 0, 0);
    mount("none", "/proc", "proc", 0, 0);
#endif
}

static void power_off(void)
{
#ifdef LINUX
    sync();
    reboot(RB_POWER_OFF);
#endif
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "nop") == 0)
        exit(0);
    if (argc > 0 && argv[0][0] == '/')
        self = argv[0];
#ifdef LINUX
    setvbuf(stdout, NULL, _IONBF, 0);
#endif
    if (argc == 3 && strcmp(argv[1], "only") == 0)
        exit(only(argv[2]));
    if (getpid() == 1)
        prepare_process_one();

    char directory[32];
    snprintf(directory, sizeof(directory), "bench.%d", getpid());
    int status = 1;
    if (os_mkdir(directory) < 0 || chdir(directory) < 0) {
        printf("bench: %s: %s\n", directory, strerror(errno));
    } else {
        status = run(argc, argv);
        if (chdir("..") < 0 || rmdir(directory) < 0) {
            printf("bench: %s: %s\n", directory, strerror(errno));
            status = 1;
        }
    }
    if (getpid() == 1)
        power_off();
    exit(status);
}
