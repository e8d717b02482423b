/* Tests of the system call trace. See README.md for what it does. */
#include "capture.h"

enum {
    DUP3 = 24,
    FTRUNCATE = 46,
    FCHMOD = 52,
    FCHOWN = 55,
    OPENAT = 56,
    LSEEK = 62,
    READ = 63,
    EXIT_GROUP = 94
};
enum { GETPID = 172, GETPPID = 173, BRK = 214, MUNMAP = 215, CLONE = 220, RENAMEAT2 = 276 };

static void part_exists(void)
{
    trace(mask, sizeof(mask));
    trace(mask, 8);
    trace(mask, 0);
    trace(NULL, 0);
    static uint64_t large[9];
    trace(large, 64);
    long result = call(TRACE, (long)mask, 3, 0);
    EXPECT(result == -EINVAL, "trace with a mask of 3 bytes returned %ld, expected %d (EINVAL)", result,
           -EINVAL);
    result = call(TRACE, (long)large, 72, 0);
    EXPECT(result == -EINVAL, "trace with a mask of 72 bytes returned %ld, expected %d (EINVAL)", result,
           -EINVAL);
    result = call(TRACE, 8, 40, 0);
    EXPECT(result == -EFAULT, "trace with a mask at address 8 returned %ld, expected %d (EFAULT)", result,
           -EFAULT);
}

static void some_calls(void)
{
    call(GETPID, 0, 0, 0);
    call(GETPPID, 0, 0, 0);
    call(GETPID, 0, 0, 0);
}

static void part_one(void)
{
    mask_only(GETPID, 0);
    int pid = capture(some_calls);
    wait_ok(pid);
    call(GETPID, 0, 0, 0); /* not traced here */
    snprintf(want, sizeof(want), "%d: getpid() -> %d\n%d: getpid() -> %d\n", pid, pid, pid, pid);
    expect_lines(want);
}

static void part_two(void)
{
    mask_only(GETPID, GETPPID);
    int pid = capture(some_calls), parent = getpid();
    wait_ok(pid);
    snprintf(want, sizeof(want), "%d: getpid() -> %d\n%d: getppid() -> %d\n%d: getpid() -> %d\n", pid, pid,
             pid, parent, pid, pid);
    expect_lines(want);
}

static void numbers(void)
{
    call(READ, -1, 0x1234, 5);
    call(READ, 0x1fffffffful, 0, 1l << 40);
    call(LSEEK, 77, -7, 2);
    call(DUP3, -1, 7, 02000000);
    call(FCHMOD, -1, 0644, 0);
    call(FCHMOD, -1, 0, 0);
    call(FCHOWN, 99, -1, 1000);
    call(MUNMAP, 0x1001, 4096, 0);
}

static void part_numbers(void)
{
    memset(mask, -1, sizeof(mask));
    mask[TRACE / 64] &= ~(1ul << TRACE % 64);
    int pid = capture(numbers);
    wait_ok(pid);
    const char *text[] = {
        "read(-1, 0x1234, 5) -> -9",
        "read(-1, 0x0, 1099511627776) -> -9",
        "lseek(77, -7, 2) -> -9",
        "dup3(-1, 7, 0x80000) -> -9",
        "fchmod(-1, 0644) -> -9",
        "fchmod(-1, 0) -> -9",
        "fchown(99, 4294967295, 1000) -> -9",
        "munmap(0x1001, 4096) -> -22",
    };
    int n = 0;
    for (unsigned i = 0; i < sizeof(text) / sizeof(*text); i++)
        n += snprintf(want + n, sizeof(want) - n, "%d: %s\n", pid, text[i]);
    expect_lines(want);
}

static char long_name[] = "/no/123456789012345678901234567890"; /* 34 bytes */
static char exact_name[] = "/no/1234567890123456789012345678";  /* 32 bytes */
static char odd_name[] = "/no\n\t\x7f\x80\"\\ x";

static void strings(void)
{
    call(OPENAT, -100, (long)"/nofile", 0);
    call(OPENAT, -100, (long)long_name, 0x10000);
    call(OPENAT, -100, (long)exact_name, 0);
    call(OPENAT, -100, (long)odd_name, 0);
    call(OPENAT, -100, (long)"", 0);
}

static void part_strings(void)
{
    mask_only(OPENAT, 0);
    int pid = capture(strings);
    wait_ok(pid);
    /* The fourth argument is whatever is in a3: it is taken from the line that came. */
    const char *text[] = {
        "openat(-100, \"/nofile\", 0x0, ",
        "openat(-100, \"/no/1234567890123456789012345678\"..., 0x10000, ",
        "openat(-100, \"/no/1234567890123456789012345678\", 0x0, ",
        "openat(-100, \"/no....\"\\ x\", 0x0, ",
        "openat(-100, \"\", 0x0, ",
    };
    const char *rest = lines;
    char line[300], begin[300];
    for (unsigned i = 0; i < sizeof(text) / sizeof(*text); i++) {
        next_line(&rest, line);
        snprintf(begin, sizeof(begin), "%d: %s", pid, text[i]);
        int n = strlen(begin), length = strlen(line);
        EXPECT(strncmp(line, begin, n) == 0 && length > 7 && strcmp(line + length - 7, ") -> -2") == 0,
               "line %d of the trace:\n    expected %s...) -> -2\n    it is    %s", i + 1, begin, line);
    }
    EXPECT(*rest == '\0', "after the five lines of openat more was traced: %s", rest);
}

static void large_result(void)
{
    call(BRK, 0, 0, 0);
}

static void part_result(void)
{
    long end = call(BRK, 0, 0, 0); /* the child's is the same */

    mask_only(BRK, 0);
    int pid = capture(large_result);
    wait_ok(pid);
    snprintf(want, sizeof(want), "%d: brk(0x0) -> %ld\n", pid, end);
    expect_lines(want);
}

static void part_exit_child(void)
{
    call(EXIT_GROUP, 3, 0, 0);
}

static void part_exit(void)
{
    mask_only(EXIT_GROUP, 0);
    int pid = capture(part_exit_child);
    int status = wait_status(pid);
    EXPECT(WAIT_HAS_EXITED(status) && WAIT_EXIT_CODE(status) == 3,
           "a traced exit_group(3): the wait status is 0x%x, expected 0x300", status);
    snprintf(want, sizeof(want), "%d: exit_group(3) -> ?\n", pid);
    expect_lines(want);
}

/* A child that calls getpid; and one that has a child that does, and turns its own tracing off. */
static void family(void)
{
    int pid = fork_or_fail();

    if (pid == 0) {
        call(GETPID, 0, 0, 0);
        sys_exit_group(0);
    }
    wait_ok(pid);
    pid = fork_or_fail();
    if (pid == 0) {
        pid = fork_or_fail();
        if (pid == 0) {
            call(GETPID, 0, 0, 0);
            sys_exit_group(0);
        }
        wait_ok(pid);
        trace(NULL, 0);
        call(GETPID, 0, 0, 0);
        sys_exit_group(0);
    }
    wait_ok(pid);
    call(GETPID, 0, 0, 0);
}

/* The number that follows text in `lines`, from *at on, which goes on behind it; -1: it is not there. */
static int number_after(const char **at, const char *text)
{
    const char *found = strstr(*at, text);

    if (!found)
        return -1;
    *at = found + strlen(text);
    return atoi(*at);
}

static void part_fork(void)
{
    mask_only(GETPID, CLONE);
    int pid = capture(family);
    const char *at = lines;
    wait_ok(pid);
    int child = number_after(&at, "clone(0x11, 0x0, 0x0, 0x0, 0x0) -> ");
    for (int i = 1; i < 3; i++)
        EXPECT(number_after(&at, "clone(0x11, 0x0, 0x0, 0x0, 0x0) -> ") > 0,
               "expected three lines of clone, one of them of a child, came\n%s", lines);
    /* In which order a parent's clone and its child's first call end is not said. */
    int callers[] = {child, pid};
    for (int i = 0; i < 2; i++) {
        snprintf(want, sizeof(want), "%d: getpid() -> %d\n", callers[i], callers[i]);
        EXPECT(strstr(lines, want) != NULL, "expected the line %scame\n%s", want, lines);
    }
    int lines_of_getpid = 0;
    for (at = lines; (at = strstr(at, "getpid() -> ")) != NULL; at++)
        lines_of_getpid++;
    EXPECT(lines_of_getpid == 3,
           "expected three lines of getpid (of a child, of a grandchild, and of the first process; the child "
           "that turned "
           "tracing off has none), came\n%s",
           lines);
}

static void run_self(void)
{
    char *arguments[] = {"tracetest", "after-exec", NULL};

    execve("/bin/tracetest", arguments, environ);
}

static void part_after_exec(void)
{
    some_calls();
    exit(0);
}

static void part_exec(void)
{
    mask_only(GETPID, 221);
    int pid = capture(run_self);
    wait_ok(pid);
    char line[300];
    const char *rest = lines;
    next_line(&rest, line);
    snprintf(want, sizeof(want), "%d: execve(\"/bin/tracetest\", 0x", pid);
    int length = strlen(line);
    EXPECT(strncmp(line, want, strlen(want)) == 0 && length > 6 && strcmp(line + length - 6, ") -> 0") == 0,
           "line 1 of the trace:\n    expected %s..., 0x...) -> 0\n    it is    %s", want, line);
    memmove(lines, rest, strlen(rest) + 1);
    snprintf(want, sizeof(want), "%d: getpid() -> %d\n%d: getpid() -> %d\n", pid, pid, pid, pid);
    expect_lines(want);
}

static void turned_off(void)
{
    call(GETPID, 0, 0, 0);
    trace(NULL, 0);
    call(GETPID, 0, 0, 0);
    mask_only(GETPID, 0);
    call(TRACE, 8, 40, 0); /* fails, and changes nothing */
    call(GETPID, 0, 0, 0);
    trace(mask, sizeof(mask));
    call(GETPID, 0, 0, 0);
    call(TRACE, 8, 40, 0);
    call(GETPID, 0, 0, 0);
}

static void part_off(void)
{
    mask_only(GETPID, 0);
    int pid = capture(turned_off);
    wait_ok(pid);
    int n = 0;
    for (int i = 0; i < 3; i++)
        n += snprintf(want + n, sizeof(want) - n, "%d: getpid() -> %d\n", pid, pid);
    expect_lines(want);
}

int main(int argc, char **argv)
{
    static const struct part parts[] = {
        {"exists", part_exists},   {"one", part_one},   {"two", part_two},   {"numbers", part_numbers},
        {"strings", part_strings}, {"fork", part_fork}, {"exec", part_exec}, {"after-exec", part_after_exec},
        {"result", part_result},   {"exit", part_exit}, {"off", part_off},
    };

    return RUN_PART(parts, argc, argv);
}
