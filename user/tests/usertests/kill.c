/* Killing: whom it reaches, and that a process dies wherever it is, leaving nothing locked. */
#include "tests.h"

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

/* ---- as xv6 has it ---- */

/* xv6 marked a free slot of its table, and the next child died at birth. */
static void kill_no_process(void)
{
    static const int none[] = {0, -1, 0x7fffffff, -0x7fffffff - 1};

    for (unsigned i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        CHECK(kill(none[i]) == -1, "kill(%d) succeeded, expected -1", none[i]);
        int status = in_child(exit_with, 7);
        CHECK(status == WAIT_EXITED(7), "the next child's status is 0x%x, expected exit with 7", status);
    }
}

static void kill_init(void)
{
    static const int signals[] = {SIGKILL, SIGTERM, SIGSEGV, SIGINT};

    for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        CHECK_CALL(-EPERM, sys_kill(1, signals[i]));
    CHECK(kill(1) == -1, "kill(1) succeeded");
}

/* A killed child's status is -1, always, from whatever it is doing. */
static void killstatus(void)
{
    for (int i = 0; i < 50; i++) {
        int status = 0, pid = fork();
        CHECK(pid >= 0, "fork: %s", strerror(errno));
        if (pid == 0)
            for (;;)
                getpid();
        if (i % 2)
            sleep_ms(1);
        CHECK(kill(pid) == 0, "kill: %s", strerror(errno));
        CHECK(wait(&status) == pid && status == -1, "round %d: status %d, expected -1", i, status);
    }
}

/* ---- where it is when it is killed ---- */

static int state_pipe[2];

static void new_pipe(void)
{
    CHECK(pipe(state_pipe) == 0, "pipe: %s", strerror(errno));
}

/* Kills a child that is in the middle of f; it has to be gone within a second. */
static void kill_within(void (*f)(long), long arg, int delay_ms, const char *where)
{
    int pid = start_child(f, arg);

    sleep_ms(delay_ms);
    uint64_t start = now_ns();
    end_child(pid);
    uint64_t ms = (now_ns() - start) / 1000000;
    CHECK(ms < patience(1000), "in %s: took %lu ms, expected less than %lu", where, ms, patience(1000));
}

static void kill_asleep(void)
{
    kill_within(sleep_forever, 0, 5, "sleep");
}

static void kill_at_birth(void)
{
    for (int i = 0; i < 30; i++)
        kill_within(sleep_forever, 0, 0, "its first steps");
}

static void kill_running(void)
{
    kill_within(spin_forever, 0, 5, "user code");
}

static void read_pipe(long unused)
{
    char c;
    (void)unused;
    exit(read(state_pipe[0], &c, 1) + 10);
}

static void kill_reading_pipe(void)
{
    new_pipe();
    kill_within(read_pipe, 0, 5, "pipe read");
}

static void fill_pipe(long unused)
{
    static char buf[4096];
    (void)unused;
    for (;;)
        write(state_pipe[1], buf, sizeof(buf));
}

static void kill_writing_pipe(void)
{
    new_pipe();
    kill_within(fill_pipe, 0, 5, "pipe write");
}

/* The other readers of the pipe go on after one was killed in the middle. */
static void killed_reader_frees_pipe(void)
{
    char c = 0;

    new_pipe();
    int first = start_child(read_pipe, 0), second = start_child(read_pipe, 0);
    wait_until(first, 'S');
    wait_until(second, 'S');
    end_child(first);
    CHECK_CALL(1, sys_write(state_pipe[1], (long)"x", 1));
    CHECK(wait_for(second) == WAIT_EXITED(11), "the other reader got nothing");
    CHECK_CALL(1, sys_write(state_pipe[1], (long)"y", 1));
    CHECK(read(state_pipe[0], &c, 1) == 1 && c == 'y', "read '%c', expected 'y'", c);
}

static void wait_for_child(long unused)
{
    (void)unused;
    int pid = start_child(sleep_forever, 0);
    write(state_pipe[1], &pid, sizeof(pid));
    wait(0);
    exit(1);
}

/* The grandchild goes on, and becomes process 1's. */
static void kill_waiting_parent(void)
{
    int grandchild;

    new_pipe();
    int pid = start_child(wait_for_child, 0);
    CHECK(read(state_pipe[0], &grandchild, sizeof(grandchild)) == sizeof(grandchild), "read");
    wait_until(pid, 'S');
    end_child(pid);
    CHECK(process_state(grandchild) != 0, "the grandchild has gone with its parent");
    CHECK_CALL(0, sys_kill(grandchild, SIGKILL));
    for (int i = 0; i < 500 && process_state(grandchild); i++)
        sleep_ms(2);
    CHECK(!process_state(grandchild), "the grandchild is still there: nobody waits for it");
}

static void use_files(long id)
{
    char name[32];

    snprintf(name, sizeof(name), "killed%ld", id % 4);
    for (;;) {
        int fd = open(name, O_CREAT | O_RDWR);
        write(fd, "0123456789", 10);
        close(fd);
        unlink(name);
    }
}

static void kill_in_transactions(void)
{
    for (int i = 0; i < 40; i++)
        kill_within(use_files, i, i % 4, "file calls");
    make_file("after", 1000, 1);
    check_file("after", 1000, 1);
}

static void sync_files(long unused)
{
    (void)unused;
    int fd = open("synced", O_CREAT | O_RDWR);
    for (;;) {
        write(fd, "0123456789", 10);
        fsync(fd);
    }
}

static void kill_in_fsync(void)
{
    for (int i = 0; i < 20; i++)
        kill_within(sync_files, 0, i % 4, "fsync");
    CHECK_CALL(0, sys_sync(0));
}

static void fault_pages(long unused)
{
    (void)unused;
    for (;;) {
        char *p = sbrk(64 * 4096);
        for (int i = 0; i < 64; i++)
            p[i * 4096] = 1;
        sbrk(-64 * 4096);
    }
}

static void kill_in_page_faults(void)
{
    for (int i = 0; i < 20; i++)
        kill_within(fault_pages, 0, i % 4, "page faults");
}

static void exec_forever(long unused)
{
    static char again[] = "exec sh -c \"$0\" \"$0\"";
    char *argv[] = {"sh", "-c", again, again, NULL};
    (void)unused;
    execve("/bin/sh", argv, environ);
}

static void kill_in_exec(void)
{
    for (int i = 0; i < 20; i++) {
        kill_within(exec_forever, 0, i % 4, "exec");
    }
}

/* 1 GB, into the same 256 pages again and again. */
static void huge_read(long addr)
{
    static struct abi_iovec iov[IOV_MAX];
    int fd = open("/dev/zero", O_RDONLY);

    for (int i = 0; i < IOV_MAX; i++)
        iov[i] = (struct abi_iovec){(uint64_t)addr, 1 << 20};
    for (;;)
        sys_readv(fd, (long)iov, IOV_MAX);
}

/* One call that moves much: the signal is seen on its way. */
static void kill_in_huge_read(void)
{
    kill_within(huge_read, (long)new_pages((1 << 20) / 4096), 20, "read of 1 GB");
}

static void write_to_null(long unused)
{
    (void)unused;
    int fd = open("/dev/null", O_WRONLY);
    for (;;)
        sys_write(fd, 0x10000, 0x7fffffffffffffff);
}

static void kill_in_huge_write(void)
{
    kill_within(write_to_null, 0, 5, "write of 2^63 bytes");
}

static void fork_forever(long unused)
{
    (void)unused;
    for (;;) {
        int pid = fork();
        if (pid == 0)
            exit(0);
        wait(0);
    }
}

static void kill_in_fork(void)
{
    for (int i = 0; i < 30; i++)
        kill_within(fork_forever, 0, i % 4, "fork and wait");
}

static void vfork_parent(long unused)
{
    (void)unused;
    if (sys_clone(CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0) == 0) {
        sleep_ms(500);
        sys_exit(0);
    }
    exit(5);
}

/* The parent waits inside vfork; it cannot go before the child, whose memory it is, has left it. */
static void kill_in_vfork(void)
{
    int pid = start_child(vfork_parent, 0);

    wait_until(pid, 'S');
    end_child(pid);
    sleep_ms(500); /* the child of vfork ends */
}

/* ---- details ---- */

static void kill_zombie(void)
{
    int pid = start_child(exit_with, 9);

    wait_until(pid, 'Z');
    for (int i = 0; i < 3; i++)
        CHECK_CALL(0, sys_kill(pid, SIGKILL));
    int status = wait_for(pid);
    CHECK(status == WAIT_EXITED(9), "wait status 0x%x, expected exit with 9", status);
}

static void kill_twice(void)
{
    for (int i = 0; i < 20; i++) {
        int pid = start_child(spin_forever, 0);
        CHECK_CALL(0, sys_kill(pid, SIGTERM));
        sys_kill(pid, SIGKILL);
        int status = wait_for(pid);
        CHECK(WAIT_SIGNAL(status) == SIGTERM || WAIT_SIGNAL(status) == SIGKILL, "wait status 0x%x", status);
    }
}

static void blocked_until_unblocked(long unused)
{
    uint64_t mask = 1ul << (SIGTERM - 1), old = 1;
    (void)unused;

    CHECK_CALL(0, sys_rt_sigprocmask(SIG_BLOCK, (long)&mask, (long)&old, 8));
    CHECK(old == 0, "signals 0x%lx were blocked", old);
    sys_kill(getpid(), SIGTERM);
    getpid();
    sys_rt_sigprocmask(SIG_UNBLOCK, (long)&mask, 0, 8);
    exit(1);
}

static void blocked_signal_waits(void)
{
    expect_signal(blocked_until_unblocked, 0, SIGTERM, "unblocking");
}

static void block_everything(long unused)
{
    uint64_t all = -1;
    (void)unused;

    CHECK_CALL(0, sys_rt_sigprocmask(SIG_SETMASK, (long)&all, 0, 8));
    spin_forever(0);
}

static void sigkill_cannot_be_blocked(void)
{
    kill_within(block_everything, 0, 10, "with all signals blocked");
}

/* An exception in the program counts even when its signal is blocked or ignored. */
static void ignore_then_fault(long addr)
{
    uint64_t all = -1;

    setsignal(SIGSEGV, SIGNAL_IGNORE);
    sys_rt_sigprocmask(SIG_SETMASK, (long)&all, 0, 8);
    *(volatile char *)addr = 1;
}

static void fault_with_signal_blocked(void)
{
    expect_signal(ignore_then_fault, 8, SIGSEGV, "a fault with SIGSEGV ignored and blocked");
}

static void thread_kill_arguments(void)
{
    int pid = start_child(sleep_forever, 0);

    CHECK_CALL(-EINVAL, sys_tkill(0, SIGKILL));
    CHECK_CALL(-EINVAL, sys_tkill(-1, SIGKILL));
    CHECK_CALL(-EINVAL, sys_tgkill(0, pid, SIGKILL));
    CHECK_CALL(-ESRCH, sys_tgkill(1, pid, SIGKILL));
    CHECK_CALL(-EINVAL, sys_tkill(pid, 65));
    CHECK_CALL(0, sys_tgkill(pid, pid, SIGKILL));
    CHECK(wait_for(pid) == WAIT_SIGNALED(SIGKILL), "tgkill has not killed it");
}

static void kill_group(void)
{
    int pids[5];

    for (int i = 0; i < 5; i++) {
        pids[i] = start_child(sleep_forever, 0);
        CHECK_CALL(0, sys_setpgid(pids[i], pids[0]));
    }
    CHECK_CALL(0, sys_kill(-pids[0], SIGTERM));
    for (int i = 0; i < 5; i++)
        CHECK(wait_for(pids[i]) == WAIT_SIGNALED(SIGTERM), "process %d of the group", i);
    CHECK_CALL(-ESRCH, sys_kill(-pids[0], SIGTERM));
}

static const struct test tests[] = {
    TEST(kill_errors),
    TEST(kill_self_signals),
    TEST(ignored_signals),
    TEST(kill_no_process),
    TEST(kill_init),
    TEST(killstatus),
    TEST(kill_asleep),
    TEST(kill_at_birth),
    TEST(kill_running),
    TEST(kill_reading_pipe),
    TEST(kill_writing_pipe),
    TEST(killed_reader_frees_pipe),
    TEST(kill_waiting_parent),
    TEST(kill_in_transactions),
    TEST(kill_in_fsync),
    TEST(kill_in_page_faults),
    TEST(kill_in_exec),
    TEST(kill_in_huge_read),
    TEST(kill_in_huge_write),
    TEST(kill_in_fork),
    TEST(kill_in_vfork),
    TEST(kill_zombie),
    TEST(kill_twice),
    TEST(blocked_signal_waits),
    TEST(sigkill_cannot_be_blocked),
    TEST(fault_with_signal_blocked),
    TEST(thread_kill_arguments),
    TEST(kill_group),
};
const struct topic topic_kill = {"kill", tests, sizeof(tests) / sizeof(tests[0])};
