/* Processes: fork, wait, exit, kill, sleeping, groups. */
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

static void kill_errors(void)
{
    CHECK_CALL(-EPERM, sys_kill(1, SIGKILL));
    CHECK_CALL(-ESRCH, sys_kill(0x7fffffff, SIGKILL));
    CHECK_CALL(-ESRCH, sys_kill(-0x7fffffff, SIGKILL));
    CHECK_CALL(-ESRCH, sys_kill(-0x80000000l, SIGKILL));
    CHECK_CALL(-EINVAL, sys_kill(getpid(), 65));
    CHECK_CALL(-EINVAL, sys_kill(getpid(), -1));
    CHECK_CALL(0, sys_kill(getpid(), 0));
    int pid = start_child(exit_with, 5);
    sleep_ms(20);
    CHECK_CALL(0, sys_kill(pid, SIGKILL)); /* a zombie: no effect, no error */
    CHECK_CALL(0, sys_kill(pid, SIGKILL));
    int status = wait_for(pid);
    CHECK(status == WAIT_EXITED(5), "status 0x%x", status);
    CHECK_CALL(-ESRCH, sys_kill(pid, SIGKILL));
}

static void kill_self(long sig)
{
    sys_kill(getpid(), sig);
    exit(1);
}

static void kill_self_signals(void)
{
    static const int deadly[] = {SIGHUP, SIGINT, SIGKILL, SIGTERM, SIGSEGV, SIGUSR1, SIGPIPE, SIGALRM};

    for (unsigned i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++) {
        int status = in_child(kill_self, deadly[i]);
        CHECK(WAIT_SIGNAL(status) == deadly[i], "signal %d: status 0x%x", deadly[i], status);
    }
    int status = in_child(kill_self, SIGCHLD);
    CHECK(status == WAIT_EXITED(1), "SIGCHLD ended it: 0x%x", status);
}

static void ignored_signals(void)
{
    int p[2];

    setsignal(SIGINT, SIGNAL_IGNORE);
    CHECK_CALL(0, sys_kill(getpid(), SIGINT));
    setsignal(SIGPIPE, SIGNAL_IGNORE);
    CHECK(pipe(p) == 0, "pipe");
    close(p[0]);
    CHECK_CALL(-EPIPE, sys_write(p[1], (long)"x", 1));
    CHECK(setsignal(SIGKILL, SIGNAL_IGNORE) < 0 && errno == EINVAL, "SIGKILL can be ignored");
}

/* Where a process can be when it is killed. */
static int state_pipe[2];

static void block_in_read(long unused)
{
    char c;
    (void)unused;
    read(state_pipe[0], &c, 1);
    exit(1);
}

static void block_in_write(long unused)
{
    static char buf[4096];
    (void)unused;
    for (;;)
        write(state_pipe[1], buf, sizeof(buf));
}

static void block_in_wait(long unused)
{
    (void)unused;
    int pid = start_child(sleep_forever, 0);
    write(state_pipe[1], &pid, sizeof(pid));
    wait(0);
    exit(1);
}

static void system_calls(long unused)
{
    (void)unused;
    for (;;) {
        int fd = open("killed", O_CREAT | O_RDWR);
        write(fd, "0123456789", 10);
        close(fd);
        unlink("killed");
    }
}

static void faults(long unused)
{
    (void)unused;
    for (;;) {
        char *p = sbrk(64 * 4096);
        for (int i = 0; i < 64; i++)
            p[i * 4096] = 1;
        sbrk(-64 * 4096);
    }
}

static void kill_everywhere(void)
{
    static const struct {
        const char *where;
        void (*f)(long);
    } cases[] = {{"sleep", sleep_forever},    {"pipe read", block_in_read}, {"pipe write", block_in_write},
                 {"user code", spin_forever}, {"file calls", system_calls}, {"page faults", faults}};

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CHECK(pipe(state_pipe) == 0, "pipe");
        int pid = start_child(cases[i].f, 0);
        sleep_ms(20);
        uint64_t start = now_ns();
        CHECK_CALL(0, sys_kill(pid, SIGKILL));
        int status = wait_for(pid);
        CHECK(status == WAIT_SIGNALED(SIGKILL), "in %s: status 0x%x", cases[i].where, status);
        CHECK(now_ns() - start < 2000000000, "in %s: took %lu ms", cases[i].where,
              (now_ns() - start) / 1000000);
        close(state_pipe[0]);
        close(state_pipe[1]);
    }
    CHECK(pipe(state_pipe) == 0, "pipe");
    int grandchild, pid = start_child(block_in_wait, 0);
    read(state_pipe[0], &grandchild, sizeof(grandchild));
    sys_kill(pid, SIGKILL);
    CHECK(wait_for(pid) == WAIT_SIGNALED(SIGKILL), "in wait");
    CHECK_CALL(0, sys_kill(grandchild, SIGKILL)); /* process 1 waits for it */
}

static void sleep_arguments(void)
{
    struct abi_timespec t = {-1, 0}, big = {0, 1000000000};

    CHECK_CALL(-EINVAL, sys_nanosleep((long)&t, 0));
    CHECK_CALL(-EINVAL, sys_nanosleep((long)&big, 0));
    CHECK_CALL(-EFAULT, sys_nanosleep(8, 0));
    t = (struct abi_timespec){0, 0};
    CHECK_CALL(0, sys_nanosleep((long)&t, 0));
    CHECK(sleep(0) == 0, "sleep(0)");
    CHECK(sleep(-1) <= 0, "sleep(-1) returned something odd");
}

static void clocks(void)
{
    struct abi_timespec t;
    uint64_t last = 0;

    for (int i = 0; i < 1000; i++) {
        uint64_t now = now_ns();
        CHECK(now >= last, "the monotonic clock went back by %lu ns", last - now);
        last = now;
    }
    CHECK_CALL(0, sys_clock_gettime(CLOCK_REALTIME, (long)&t));
    CHECK(t.sec > 1600000000, "time of day is %ld", (long)t.sec);
    CHECK_CALL(-EINVAL, sys_clock_gettime(77, (long)&t));
    CHECK_CALL(-EFAULT, sys_clock_gettime(CLOCK_REALTIME, 8));
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

/* 20 busy processes, and one that only answers: it is not starved. */
static void spinners_do_not_starve(void)
{
    int pids[20];
    uint64_t worst = 0;

    for (int i = 0; i < 20; i++)
        pids[i] = start_child(spin_forever, 0);
    for (int i = 0; i < 5; i++) {
        uint64_t start = now_ns();
        sleep_ms(1);
        uint64_t took = now_ns() - start;
        worst = took > worst ? took : worst;
    }
    for (int i = 0; i < 20; i++)
        sendsig(pids[i], SIGKILL);
    for (int i = 0; i < 20; i++)
        wait_for(pids[i]);
    CHECK(worst < 1000000000, "a sleep of 1 ms took %lu ms", worst / 1000000);
}

static const struct test tests[] = {
    TEST(exit_status_values),
    TEST(xv6_wait_status),
    TEST(wait_bad_pointer),
    TEST(wait_selects),
    TEST(orphans),
    TEST(exit_races_wait),
    TEST(kill_errors),
    TEST(kill_self_signals),
    TEST(ignored_signals),
    TEST(kill_everywhere),
    TEST(sleep_arguments),
    TEST(clocks),
    TEST(many_children),
    SLOW(fork_bomb),
    TEST(fork_copies_memory),
    TEST(process_groups),
    TEST(vfork_like),
    TEST(cpu_time),
    SLOW(spinners_do_not_starve),
};
const struct topic topic_proc = {"proc", tests, sizeof(tests) / sizeof(tests[0])};
