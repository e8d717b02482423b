/* fork, exit and wait: families, and who waits for whom. */
#include "tests.h"

static void wait_bad_pointer(void)
{
    int pid = start_child(exit_with, 3), status;

    CHECK_CALL(-EFAULT, sys_wait4(pid, 0x3ffffff000, 0, 0));
    CHECK_CALL(-EFAULT, sys_wait4(-1, -8, 0, 0));
    CHECK_CALL(pid, sys_wait4(pid, (long)&status, 0, 0));
    CHECK(status == WAIT_EXITED(3), "status 0x%x", status);
}

static void wait_selects(void)
{
    int a = start_child(exit_with, 1), b = start_child(sleep_forever, 0), status;

    CHECK_CALL(0, sys_wait4(b, (long)&status, WNOHANG, 0));
    CHECK_CALL(a, sys_wait4(a, (long)&status, 0, 0));
    CHECK_CALL(-ECHILD, sys_wait4(a, (long)&status, 0, 0));
    CHECK_CALL(-ECHILD, sys_wait4(getpid(), (long)&status, 0, 0));
    CHECK_CALL(-EINVAL, sys_wait4(-1, (long)&status, 0x100, 0));
    CHECK_CALL(0, sys_kill(b, SIGTERM));
    CHECK_CALL(b, sys_wait4(-1, (long)&status, 0, 0));
    CHECK(status == WAIT_SIGNALED(SIGTERM), "status 0x%x", status);
}

static void twochildren(void)
{
    for (int i = 0; i < 300; i++) {
        int a = start_child(exit_with, 1), b = start_child(exit_with, 2);
        int first = wait(0), second = wait(0);
        CHECK((first == a && second == b) || (first == b && second == a),
              "waited for %d and %d, expected %d and %d", first, second, a, b);
    }
}

static void forktest(void)
{
    enum { N = 1000 }; /* xv6 had 64 */
    int n = 0;

    while (n < N && (n % 100 != 99 || wait(0) > 0)) {
        int pid = fork();
        if (pid < 0)
            break;
        if (pid == 0)
            exit(0);
        n++;
    }
    CHECK(n == N || errno == EAGAIN || errno == ENOMEM, "fork %d: %s", n, strerror(errno));
    CHECK(n > 64, "%d forks, expected more than 64", n);
    while (wait(0) > 0)
        ;
    CHECK_CALL(-ECHILD, sys_wait4(-1, 0, 0, 0));
}

static void fork_many(long n)
{
    for (int i = 0; i < 100; i++) {
        int pid = start_child(exit_with, 0);
        CHECK(wait(0) == pid, "child %ld, round %d: another pid", n, i);
    }
}

static void forkfork(void)
{
    in_children(3, fork_many);
}

static void fork_until(long stop)
{
    while (access("stop", F_OK) < 0)
        if (fork() < 0)
            close(open((char *)stop, O_CREAT | O_RDWR));
}

/* Children fork children without waiting, until a file says stop; all end, whoever waits for them. */
static void forkforkforkfork_step(long unused)
{
    (void)unused;
    setpgid(0, 0);
    int pid = start_child(fork_until, (long)"stop");
    sleep_ms(20);
    close(open("stop", O_CREAT | O_RDWR));
    waitpid(pid, NULL, 0);
}

static void forkforkfork(void)
{
    int pid = start_child(forkforkforkfork_step, 0);

    CHECK(wait_for(pid) == 0, "first child");
    for (int i = 0; i < 2000 && sys_kill(-pid, 0) == 0; i++)
        sleep_ms(5);
    sys_kill(-pid, SIGKILL);
}

static void exitwait(void)
{
    for (int i = 0; i < 200; i++) {
        int status = in_child(exit_with, i & 0x7f);
        CHECK(status == WAIT_EXITED(i & 0x7f), "round %d: wait status 0x%x", i, status);
    }
}

static void leave_child(long unused)
{
    (void)unused;
    if (fork() == 0) {
        fork();
        fork();
        exit(0);
    }
}

/* The child exits while its own children do. */
static void reparent(void)
{
    for (int i = 0; i < 200; i++)
        CHECK(in_child(leave_child, 0) == 0, "round %d", i);
}

static void leave_two(long unused)
{
    (void)unused;
    fork();
    fork();
}

static void reparent2(void)
{
    for (int i = 0; i < 200; i++)
        CHECK(in_child(leave_two, 0) == 0, "round %d", i);
}

static void tell_parent(long fd)
{
    int last = getppid();

    for (int i = 0; i < 1000 && getppid() == last; i++)
        sleep_ms(1);
    last = getppid();
    write(fd, &last, sizeof(last));
}

static void start_and_leave(long fd)
{
    start_child(tell_parent, fd);
}

static void orphans_parent_is_init(void)
{
    int p[2], parent = 0;

    CHECK(pipe(p) == 0, "pipe");
    CHECK(in_child(start_and_leave, p[1]) == 0, "child");
    CHECK(read(p[0], &parent, sizeof(parent)) == sizeof(parent) && parent == 1,
          "the orphan's parent is %d, expected 1", parent);
}

/* No zombie stays, however many there were. */
static void orphans_are_reaped(void)
{
    long before = counter("processes"), after = 0;

    for (int i = 0; i < 300; i++)
        CHECK(in_child(leave_child, 0) == 0, "round %d", i);
    for (int i = 0; i < 200 && (after = counter("processes")) > before; i++)
        sleep_ms(5);
    CHECK(after == before, "%ld processes, expected %ld", after, before);
}

static void wait_nohang(void)
{
    int pid = start_child(sleep_forever, 0), status = 77;

    CHECK_CALL(0, sys_wait4(pid, (long)&status, WNOHANG, 0));
    CHECK_CALL(0, sys_wait4(-1, (long)&status, WNOHANG, 0));
    CHECK(status == 77, "status was written: 0x%x", status);
    end_child(pid);
    CHECK_CALL(-ECHILD, sys_wait4(-1, (long)&status, WNOHANG, 0));
}

static void wait_by_group(void)
{
    int a = start_child(sleep_forever, 0), b = start_child(exit_with, 4), status;

    CHECK_CALL(0, sys_setpgid(a, a));
    CHECK_CALL(0, sys_wait4(-a, (long)&status, WNOHANG, 0));
    CHECK_CALL(b, sys_wait4(0, (long)&status, 0, 0));
    CHECK(status == WAIT_EXITED(4), "wait status 0x%x", status);
    CHECK_CALL(-ECHILD, sys_wait4(0, (long)&status, 0, 0));
    sys_kill(a, SIGKILL);
    CHECK_CALL(a, sys_wait4(-a, (long)&status, 0, 0));
}

static void burn(long ms)
{
    for (uint64_t end = now_ns() + ms * 1000000ul; now_ns() < end;)
        ;
}

static void wait_gives_usage(void)
{
    struct abi_rusage ru;
    int pid = start_child(burn, 60);

    memset(&ru, 0, sizeof(ru));
    CHECK_CALL(pid, sys_wait4(pid, 0, 0, (long)&ru));
    int64_t us = (ru.utime.sec + ru.stime.sec) * 1000000 + ru.utime.usec + ru.stime.usec;
    CHECK(us > 1000 && us < 10000000, "used %ld us in 60 ms", (long)us);
    pid = start_child(exit_with, 0);
    CHECK_CALL(-EFAULT, sys_wait4(pid, 0, 0, 8));
    CHECK_CALL(pid, sys_wait4(pid, 0, 0, 0));
}

static void exit_soon(long ms)
{
    sleep_ms(ms);
}

/* Parent and child exit at the same time, in both orders. */
static void exit_together_step(long i)
{
    start_child(exit_soon, i % 3);
    sleep_ms((i + 1) % 3);
}

static void parent_and_child_exit_together(void)
{
    for (int i = 0; i < 10; i++)
        in_children(6, exit_together_step);
}

static void collect_pids(long index)
{
    (void)index;
}

/* Process ids are positive, and of two processes that live at once never the same. */
static void pids_are_unique(void)
{
    enum { N = 200 };
    int pids[N];

    for (int i = 0; i < N; i++)
        pids[i] = start_child(collect_pids, i);
    for (int i = 0; i < N; i++) {
        CHECK(pids[i] > 1, "pid %d", pids[i]);
        for (int k = 0; k < i; k++)
            CHECK(pids[i] != pids[k], "pid %d twice", pids[i]);
    }
    for (int i = 0; i < N; i++)
        CHECK(wait_for(pids[i]) == 0, "child %d", i);
}

static void hold_file(long fd)
{
    char c;

    CHECK_CALL(1, sys_read(fd, (long)&c, 1));
    CHECK(c == 'b', "read '%c', expected 'b'", c);
}

/* Descriptors are inherited, with the offset; what the child closes stays open here. */
static void fork_shares_descriptors(void)
{
    char c;
    int fd = open_new("f");

    write(fd, "abc", 3);
    lseek(fd, 1, SEEK_SET);
    CHECK(in_child(hold_file, fd) == 0, "child");
    CHECK(read(fd, &c, 1) == 1 && c == 'c', "read '%c', expected 'c'", c);
}

static void fork_of_big_process(void)
{
    char *p = new_pages(1000);

    memset(p, 1, 1000 * 4096);
    for (int i = 0; i < 30; i++)
        CHECK(in_child(exit_with, 0) == 0, "child %d", i);
    for (int i = 0; i < 1000 * 4096; i++)
        CHECK(p[i] == 1, "byte %d is %d", i, p[i]);
}

static const struct test tests[] = {
    TEST(wait_bad_pointer),
    TEST(wait_selects),
    TEST(twochildren),
    TEST(forktest),
    TEST(forkfork),
    TEST(forkforkfork),
    TEST(exitwait),
    TEST(reparent),
    TEST(reparent2),
    TEST(orphans_parent_is_init),
    TEST(orphans_are_reaped),
    TEST(wait_nohang),
    TEST(wait_by_group),
    TEST(wait_gives_usage),
    TEST(parent_and_child_exit_together),
    TEST(pids_are_unique),
    TEST(fork_shares_descriptors),
    TEST(fork_of_big_process),
};
const struct topic topic_wait = {"wait", tests, sizeof(tests) / sizeof(tests[0])};
