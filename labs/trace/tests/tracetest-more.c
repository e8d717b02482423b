/* More tests of the system call trace: those that handouts leave out. */
#include "capture.h"

enum { OPENAT = 56, CLOSE = 57, WRITE = 64, READLINKAT = 78, SYMLINKAT = 36, RENAMEAT2 = 276, GETPID = 172 };

/* Opens the string, which cannot be read; the line shows its address. */
static const char *bad_strings[4];

static void open_bad(void)
{
    for (unsigned i = 0; i < 4; i++)
        sys_openat(AT_FDCWD, (long)bad_strings[i], 0L, 0L);
}

static void part_bad_strings(void)
{
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int n = 0;

    EXPECT(page != MAP_FAILED, "mmap gave error %d", errno);
    memset(page, 'x', 4096);
    munmap(page + 4096, 4096);
    bad_strings[0] = NULL;
    bad_strings[1] = (const char *)0x1234567;
    bad_strings[2] = (const char *)0xffffffc080200000;
    bad_strings[3] = page + 4090; /* runs out of its page without an end */
    mask_only(OPENAT, 0);
    int pid = capture(open_bad);
    wait_ok(pid);
    for (unsigned i = 0; i < 4; i++)
        n += snprintf(want + n, sizeof(want) - n, "%d: openat(-100, 0x%lx, 0x0, 0) -> -14\n", pid,
                      (uint64_t)bad_strings[i]);
    expect_lines(want);
}

static char path[64] = "/tmp/tracetest-link";

/* The call overwrites its own argument. */
static void read_over_path(void)
{
    sys_readlinkat(AT_FDCWD, (long)path, (long)path, 64L);
}

static void part_before(void)
{
    mkdir("/tmp");
    symlink("what-it-points-to", path);
    mask_only(READLINKAT, 0);
    int pid = capture(read_over_path);
    wait_ok(pid);
    unlink_file(path);
    snprintf(want, sizeof(want), "%d: readlinkat(-100, \"/tmp/tracetest-link\", 0x%lx, 64) -> 17\n", pid,
             (uint64_t)path);
    expect_lines(want);
}

/* Calls with 2 closed, and with 2 open for reading only, do what they do without tracing. */
static void without_2(void)
{
    long got;

    for (int round = 0; round < 2; round++) {
        sys_close(2);
        if (round == 1 && (got = open("/dev/null", O_RDONLY)) != 2)
            exit(10);
        if (sys_getpid(0) != getpid())
            exit(11);
        if (sys_close(-1) != -EBADF)
            exit(12);
    }
}

static void part_no_descriptor(void)
{
    mask_only(GETPID, CLOSE);
    int pid = capture(without_2);
    int status = wait_status(pid);
    EXPECT(WAIT_HAS_EXITED(status), "without a descriptor 2 to write to, a traced process ended by signal %d",
           WAIT_SIGNAL(status));
    EXPECT(WAIT_EXIT_CODE(status) == 0,
           "without a descriptor 2 to write to, a traced call returned something else");
    EXPECT(lines[0] == '\0', "the line of close(2) has no descriptor to go to; it went here: %s", lines);
}

#define WRITERS 4
#define EACH    400 /* more in all than a pipe holds: so they wait for it, and go on in turns */

static char name[] = "/no/such/file/with-a-long/name";

static void together(void)
{
    int pids[WRITERS];

    for (int i = 0; i < WRITERS; i++) {
        pids[i] = fork_or_fail();
        if (pids[i] != 0)
            continue;
        for (int k = 0; k < EACH; k++) {
            sys_renameat2(AT_FDCWD, (long)name, (long)AT_FDCWD, (long)name, 0L);
            if (k % 8 == i)
                sys_sched_yield(0);
        }
        sys_exit_group(0);
    }
    for (int i = 0; i < WRITERS; i++)
        wait_ok(pids[i]);
}

static void part_whole(void)
{
    mask_only(RENAMEAT2, 0);
    int pid = capture(together), count = 0;
    char line[300];

    wait_ok(pid);
    for (const char *rest = lines; *rest; count++) {
        next_line(&rest, line);
        snprintf(want, sizeof(want), "%d: renameat2(-100, \"%s\", -100, \"%s\", 0x0) -> -2", atoi(line), name,
                 name);
        EXPECT(strcmp(line, want) == 0,
               "4 traced processes at once: line %d\n    should be %s\n    it is     %s", count + 1, want,
               line);
    }
    EXPECT(count == WRITERS * EACH, "4 traced processes at once: expected %d lines, there are %d",
           WRITERS * EACH, count);
}

/* What is longest: two strings of 32 bytes and more. */
static char longest[] = "/no/123456789012345678901234567890";

static void long_line(void)
{
    sys_renameat2((long)0xffffffff80000000, (long)longest, (long)0xffffffff80000000, (long)longest,
                  0xffffffffl);
}

static void part_longest(void)
{
    mask_only(RENAMEAT2, 0);
    int pid = capture(long_line);
    wait_ok(pid);
    snprintf(want, sizeof(want),
             "%d: renameat2(-2147483648, \"%.32s\"..., -2147483648, \"%.32s\"..., 0xffffffff) -> -22\n", pid,
             longest, longest);
    expect_lines(want);
}

static uint64_t cost_of_getpid(int n)
{
    uint64_t start = instructions();

    for (int i = 0; i < n; i++)
        call(GETPID, 0, 0, 0);
    return (instructions() - start) / n;
}

static void part_cost(void)
{
    const uint64_t most = 200;

    trace(NULL, 0);
    cost_of_getpid(100);
    uint64_t cost = cost_of_getpid(5000);
    EXPECT(cost <= most,
           "getpid takes %lu instructions in a process that is not traced: expected at most %lu", cost, most);
}

int main(int argc, char **argv)
{
    static const struct part parts[] = {
        {"bad-strings", part_bad_strings},
        {"before", part_before},
        {"no-descriptor", part_no_descriptor},
        {"whole", part_whole},
        {"longest", part_longest},
        {"cost", part_cost},
    };

    return RUN_PART(parts, argc, argv);
}
