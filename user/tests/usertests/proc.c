/* Processes: what they are made of, and how they end. */
#include "tests.h"

static void exit_status_values(void)
{
    static const int values[] = {0, 1, 2, 127, 128, 255, 256, 257, -1, -256, 0x7fffffff, -0x7fffffff - 1};

    for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        int status = in_child(exit_with, values[i]);
        CHECK(status == WAIT_EXITED(values[i]), "exit(%d) gave status 0x%x", values[i], status);
    }
}

/* As xv6's library has it: wait gives what the child gave exit. */
static void xv6_wait_status(void)
{
    int status = 0, pid = fork();

    if (pid == 0)
        exit(7);
    CHECK(wait(&status) == pid && status == 7, "status %d", status);
    pid = fork();
    if (pid == 0)
        sleep_forever(0);
    CHECK(kill(pid) == 0, "kill");
    CHECK(wait(&status) == pid && status == -1, "killed child: status %d", status);
    CHECK(wait(0) == -1, "wait without children");
}

static void make_orphan(long seconds)
{
    if (fork() == 0) {
        sleep_ms(seconds);
        exit(0);
    }
}

/* Children whose parent is gone become process 1's, which waits for them: no zombies stay. */
static void orphans(void)
{
    for (int i = 0; i < 50; i++)
        CHECK(in_child(make_orphan, i % 3) == 0, "child");
}

static void exit_races_wait(void)
{
    for (int i = 0; i < 300; i++) {
        int pid = start_child(make_orphan, 0);
        CHECK(wait_for(pid) == 0, "child %d", i);
    }
}

static void many_children(void)
{
    enum { N = 200 };
    int pids[N];

    for (int i = 0; i < N; i++)
        pids[i] = start_child(exit_with, i % 100);
    for (int i = 0; i < N; i++) {
        int status = wait_for(pids[i]);
        CHECK(status == WAIT_EXITED(i % 100), "child %d: status 0x%x", i, status);
    }
}

static void bomb(long unused)
{
    (void)unused;
    setpgid(0, 0); /* the children stay in this group */
    while (fork() >= 0)
        ;
    sleep_forever(0);
}

/* Forks fail when memory gets short; after the bomb's group is killed all is as before. */
static void fork_bomb(void)
{
    int pid = start_child(bomb, 0);

    sleep_ms(1500);
    for (int i = 0; i < 20; i++) {
        sys_kill(-pid, SIGKILL);
        sleep_ms(20);
    }
    wait_for(pid);
    for (int i = 0; i < 500 && sys_kill(-pid, SIGKILL) == 0; i++)
        sleep_ms(20);
    CHECK(in_child(exit_with, 0) == 0, "fork after the bomb");
}

static void fork_copies_memory(void)
{
    static int word = 1;
    int *heap = malloc(4), p[2], seen[2];

    *heap = 1;
    CHECK(pipe(p) == 0, "pipe");
    int pid = fork();
    if (pid == 0) {
        word = 2;
        *heap = 2;
        write(p[1], &word, 4);
        write(p[1], heap, 4);
        exit(0);
    }
    CHECK(wait_for(pid) == 0, "child");
    read(p[0], seen, 8);
    CHECK(seen[0] == 2 && seen[1] == 2, "the child saw %d %d", seen[0], seen[1]);
    CHECK(word == 1 && *heap == 1, "the parent sees %d %d", word, *heap);
}

static void process_groups(void)
{
    int pid = start_child(sleep_forever, 0);

    CHECK_CALL(0, sys_setpgid(pid, pid));
    CHECK_CALL(pid, sys_getpgid(pid));
    CHECK_CALL(-ESRCH, sys_setpgid(1, 1));
    CHECK_CALL(-EINVAL, sys_setpgid(0, -1));
    CHECK_CALL(0, sys_kill(-pid, SIGTERM));
    CHECK(wait_for(pid) == WAIT_SIGNALED(SIGTERM), "group not killed");
    CHECK_CALL(-ESRCH, sys_getpgid(pid));
}

static void vfork_like(void)
{
    int status;
    long pid = sys_clone(CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0);

    if (pid == 0)
        sys_exit(6);
    CHECK(pid > 0, "clone: %ld", pid);
    CHECK(waitpid(pid, &status, 0) == pid && status == WAIT_EXITED(6), "status 0x%x", status);
    CHECK_CALL(-EINVAL, sys_clone(0x10000, 0, 0, 0, 0));
}

static void cpu_time(void)
{
    struct abi_rusage ru;
    uint64_t start = now_ns();

    while (now_ns() - start < 100000000)
        ;
    CHECK_CALL(0, sys_getrusage(RUSAGE_SELF, (long)&ru));
    int64_t used = (ru.utime.sec + ru.stime.sec) * 1000000 + ru.utime.usec + ru.stime.usec;
    CHECK(used > 1000, "used %ld us after 100 ms of work", (long)used);
    CHECK_CALL(-EINVAL, sys_getrusage(99, (long)&ru));
}

static void look_at_inheritance(long unused)
{
    uint64_t mask = 0;
    struct abi_sigaction action;
    (void)unused;
    CHECK_CALL(0137, sys_umask(022));
    CHECK_CALL(0, sys_rt_sigprocmask(SIG_BLOCK, 0, (long)&mask, 8));
    CHECK(mask == 1ul << (SIGUSR1 - 1), "the signals blocked in the child are 0x%lx", mask);
    CHECK_CALL(0, sys_rt_sigaction(SIGUSR2, 0, (long)&action, 8));
    CHECK(action.handler == SIGNAL_IGNORE, "SIGUSR2 is no longer ignored");
}

/* What a child has from its parent, besides memory and descriptors: umask, blocked and ignored signals. */
static void fork_inherits(void)
{
    uint64_t mask = 1ul << (SIGUSR1 - 1);

    sys_umask(0137);
    setsignal(SIGUSR2, SIGNAL_IGNORE);
    CHECK_CALL(0, sys_rt_sigprocmask(SIG_SETMASK, (long)&mask, 0, 8));
    CHECK(in_child(look_at_inheritance, 0) == 0, "child");
}

static const struct test tests[] = {
    TEST(exit_status_values), TEST(xv6_wait_status), TEST(orphans),
    TEST(exit_races_wait),    TEST(many_children),   SLOW(fork_bomb),
    TEST(fork_copies_memory), TEST(process_groups),  TEST(vfork_like),
    TEST(cpu_time),           TEST(fork_inherits),
};
const struct topic topic_proc = {"proc", tests, sizeof(tests) / sizeof(tests[0])};
