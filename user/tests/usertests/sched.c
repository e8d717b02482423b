/* Time and turns: sleeping, clocks, fairness, wake-ups. */
#include "tests.h"

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
    CHECK(worst < patience(1000000000), "a sleep of 1 ms took %lu ms", worst / 1000000);
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

static void preempt_read(long fd)
{
    char c = 'x';

    write(fd, &c, 1);
    spin_forever(0);
}

/* Two loops that never call the kernel, and a third that waits for its turn. */
static void preempt(void)
{
    int p[2], pids[3];
    char c;

    CHECK(pipe(p) == 0, "pipe");
    pids[0] = start_child(spin_forever, 0);
    pids[1] = start_child(spin_forever, 0);
    pids[2] = start_child(preempt_read, p[1]);
    close(p[1]);
    CHECK(read(p[0], &c, 1) == 1, "nothing came");
    for (int i = 0; i < 3; i++)
        end_child(pids[i]);
    CHECK(read(p[0], &c, 1) == 0, "the dead still hold the pipe");
}

/* No sleep is forgotten, and none is much longer than asked for. */
static void short_sleeps(void)
{
    uint64_t start = now_ns(), worst = 0;

    for (int i = 0; i < 300; i++) {
        uint64_t from = now_ns();
        sleep_ms(1);
        uint64_t took = now_ns() - from;
        CHECK(took >= 1000000, "slept %lu ns, expected at least 1 ms", took);
        worst = took > worst ? took : worst;
    }
    CHECK(now_ns() - start < patience(5000000000), "300 sleeps of 1 ms took %lu ms",
          (now_ns() - start) / 1000000);
    CHECK(worst < patience(1000000000), "one took %lu ms", worst / 1000000);
}

static void sleep_a_little(long i)
{
    for (int k = 0; k < 10; k++)
        sleep_ms((i + k) % 5);
}

static void many_sleepers(void)
{
    in_children(64, sleep_a_little);
}

/* Who sleeps until an earlier time is awake first. All are asleep before the first of them. */
static int order_pipe[2];
static uint64_t order_start;

static void sleep_and_tell(long i)
{
    uint64_t until = order_start + patience(30000000) * (uint64_t)i;
    struct abi_timespec t = {until / NSEC_PER_SEC, until % NSEC_PER_SEC};

    sys_clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, (long)&t, 0);
    write(order_pipe[1], &i, sizeof(i));
}

static void sleepers_wake_in_order(void)
{
    long who;

    CHECK(pipe(order_pipe) == 0, "pipe");
    order_start = now_ns() + patience(200000000);
    for (int i = 4; i >= 0; i--)
        start_child(sleep_and_tell, i);
    for (int i = 0; i < 5; i++)
        CHECK(read(order_pipe[0], &who, sizeof(who)) == sizeof(who) && who == i, "%ld came as number %d", who,
              i);
}

/* Whatever its bits, a long sleep ends with the process; xv6 took -1 for 2^32 - 1 ticks. */
static void sleep_for(long seconds)
{
    struct abi_timespec t = {seconds, 999999999};

    CHECK_CALL(0, sys_nanosleep((long)&t, 0));
    exit(1);
}

static void endless_sleeps(void)
{
    static const long seconds[] = {0x7fffffff, 0xffffffff, 0x7fffffffffffffff, 1l << 62, 18446744073};

    for (unsigned i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
        int pid = start_child(sleep_for, seconds[i]);
        wait_until(pid, 'S');
        sleep_ms(5);
        CHECK(process_state(pid) == 'S', "a sleep of %ld s is over", seconds[i]);
        end_child(pid);
    }
}

static void absolute_sleep(void)
{
    uint64_t until = now_ns() + 20000000;
    struct abi_timespec t = {until / NSEC_PER_SEC, until % NSEC_PER_SEC};

    CHECK_CALL(0, sys_clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, (long)&t, 0));
    CHECK(now_ns() >= until, "awake %lu ns too early", until - now_ns());
    uint64_t start = now_ns();
    CHECK_CALL(0, sys_clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, (long)&t, 0)); /* in the past */
    CHECK(now_ns() - start < patience(500000000), "waited for the past for %lu ms",
          (now_ns() - start) / 1000000);
    CHECK_CALL(-EINVAL, sys_clock_nanosleep(77, 0, (long)&t, 0));
}

static void look_at_clock(long last)
{
    CHECK(now_ns() >= (uint64_t)last, "the clock is %lu ns behind the parent's", last - now_ns());
}

/* One clock for all harts. */
static void clock_same_on_all_harts(void)
{
    for (int i = 0; i < 50; i++)
        CHECK(in_child(look_at_clock, now_ns()) == 0, "round %d", i);
}

static void clocks_agree(void)
{
    struct abi_timespec res, t;
    struct abi_timeval tv;

    for (int clock = 0; clock < 8; clock++) {
        CHECK_CALL(0, sys_clock_getres(clock, (long)&res));
        CHECK(res.sec == 0 && res.nsec > 0, "resolution of clock %d: %ld s %ld ns", clock, (long)res.sec,
              (long)res.nsec);
        CHECK_CALL(0, sys_clock_gettime(clock, (long)&t));
        CHECK(t.nsec >= 0 && t.nsec < 1000000000, "clock %d: %ld ns", clock, (long)t.nsec);
    }
    CHECK_CALL(0, sys_clock_gettime(CLOCK_REALTIME, (long)&t));
    CHECK_CALL(0, sys_gettimeofday((long)&tv, 0));
    CHECK(tv.sec - t.sec <= 1 && tv.sec >= t.sec, "time of day: %ld and %ld", (long)t.sec, (long)tv.sec);
    int ticks = uptime();
    sleep(2);
    CHECK(uptime() >= ticks + 2, "uptime is %d after sleep(2) at %d", uptime(), ticks);
}

static int ball[2][2];

static void play(long side)
{
    char c;

    for (int i = 0; i < 3000; i++) {
        CHECK_CALL(1, sys_read(ball[side][0], (long)&c, 1));
        CHECK_CALL(1, sys_write(ball[!side][1], (long)&c, 1));
    }
}

/* A wake-up lost would end the game. */
static void two_players(void)
{
    CHECK(pipe(ball[0]) == 0 && pipe(ball[1]) == 0, "pipe");
    write(ball[0][1], "b", 1);
    in_children(2, play);
}

/* 64 processes around one pipe: each event wakes somebody. */
static int queue[2];

static void take_tokens(long unused)
{
    char c;
    (void)unused;
    for (int i = 0; i < 50; i++)
        CHECK_CALL(1, sys_read(queue[0], (long)&c, 1));
}

static void many_waiters(void)
{
    int pids[64];

    CHECK(pipe(queue) == 0, "pipe");
    for (int i = 0; i < 64; i++)
        pids[i] = start_child(take_tokens, 0);
    for (int i = 0; i < 64 * 50; i++)
        CHECK_CALL(1, sys_write(queue[1], (long)"t", 1));
    for (int i = 0; i < 64; i++)
        CHECK(wait_for(pids[i]) == 0, "reader %d", i);
}

/* As many busy processes as harts: each has a hart for itself, nearly all the time. */
static void work_and_tell(long fd)
{
    struct abi_timespec used;

    for (uint64_t end = now_ns() + 200000000; now_ns() < end;)
        ;
    CHECK_CALL(0, sys_clock_gettime(CLOCK_PROCESS_CPUTIME_ID, (long)&used));
    CHECK_CALL((long)sizeof(used), sys_write(fd, (long)&used, sizeof(used)));
}

static void all_harts_work(void)
{
    struct abi_timespec used;
    unsigned n = harts();
    int p[2];

    CHECK(pipe(p) == 0, "pipe");
    for (unsigned i = 0; i < n; i++)
        start_child(work_and_tell, p[1]);
    for (unsigned i = 0; i < n; i++) {
        CHECK_CALL((long)sizeof(used), sys_read(p[0], (long)&used, sizeof(used)));
        CHECK(used.sec > 0 || used.nsec > 120000000,
              "one of %u processes on %u harts got %ld ms of 200 ms: a hart stays idle", n, n,
              (long)used.nsec / 1000000);
    }
}

static void use_time(long ms)
{
    for (uint64_t end = now_ns() + ms * 1000000ul; now_ns() < end;)
        ;
}

static void time_of_children(void)
{
    struct abi_rusage before, after;

    CHECK_CALL(0, sys_getrusage(RUSAGE_CHILDREN, (long)&before));
    CHECK(in_child(use_time, 60) == 0, "child");
    CHECK_CALL(0, sys_getrusage(RUSAGE_CHILDREN, (long)&after));
    int64_t us = (after.utime.sec + after.stime.sec - before.utime.sec - before.stime.sec) * 1000000 +
                 after.utime.usec + after.stime.usec - before.utime.usec - before.stime.usec;
    CHECK(us > 1000 && us < 10000000, "a child that worked for 60 ms has used %ld us", (long)us);
}

static const struct test tests[] = {
    TEST(sleep_arguments),        TEST(clocks),
    SLOW(spinners_do_not_starve), TEST(preempt),
    TEST(short_sleeps),           TEST(many_sleepers),
    TEST(sleepers_wake_in_order), TEST(endless_sleeps),
    TEST(absolute_sleep),         TEST(clock_same_on_all_harts),
    TEST(clocks_agree),           TEST(two_players),
    TEST(many_waiters),           TEST(time_of_children),
    TEST(all_harts_work),
};
const struct topic topic_sched = {"sched", tests, sizeof(tests) / sizeof(tests[0])};
