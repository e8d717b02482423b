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

/* A clock in ns, by the library, which need not ask the kernel, or by system call. */
static uint64_t read_clock(int clock, bool by_library)
{
    struct abi_timespec t = {-1, -1};
    long result = by_library ? clock_gettime(clock, &t) : sys_clock_gettime(clock, (long)&t);

    CHECK(result == 0 && t.sec >= 0 && t.nsec >= 0 && t.nsec < (int64_t)NSEC_PER_SEC,
          "clock %d %s: result %ld, %ld s, %ld ns", clock, by_library ? "by the library" : "by system call",
          result, t.sec, t.nsec);
    return (uint64_t)t.sec * NSEC_PER_SEC + t.nsec;
}

/* The library's readings and the kernel's form one sequence: none lies before the one taken before it. */
static void clocks_by_library(void)
{
    static const int none[] = {8, 31, 32, 33, 77, -1, -32, 0x7fffffff, -0x7fffffff - 1};
    struct abi_timespec t;

    for (int clock = 0; clock < 8; clock++) {
        uint64_t last = 0;
        for (int i = 0; i < 2000; i++) {
            uint64_t now = read_clock(clock, i & 2);
            CHECK(now >= last, "clock %d: %s %lu ns, and then %s %lu ns", clock,
                  (i - 1) & 2 ? "the library says" : "the kernel says", last,
                  i & 2 ? "the library" : "the kernel", now);
            last = now;
        }
    }
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        errno = 0;
        CHECK(clock_gettime(none[i], &t) == -1 && errno == EINVAL, "clock %d: %s", none[i], strerror(errno));
    }
}

/* Reads the clock whenever it knows what somebody has read before. */
static uint64_t *latest_reading;

static void raise_latest(long n)
{
    for (int i = 0; i < 5000; i++) {
        uint64_t seen = __atomic_load_n(latest_reading, __ATOMIC_ACQUIRE);
        uint64_t now = read_clock(CLOCK_MONOTONIC, (i + n) & 1);
        CHECK(now >= seen, "%s %lu ns, when somebody had read %lu ns already",
              (i + n) & 1 ? "the library says" : "the kernel says", now, seen);
        while (seen < now && !__atomic_compare_exchange_n(latest_reading, &seen, now, false, __ATOMIC_ACQ_REL,
                                                          __ATOMIC_ACQUIRE))
            ;
    }
}

static void clock_across_harts(void)
{
    latest_reading = (uint64_t *)shared_pages(1);
    in_children((int)(2 * harts()), raise_latest);
}

/* A program that exec starts is told, however much lies before the auxiliary vector. */
static void clock_after_exec(void)
{
    char *argv[] = {"date", "+%s%N", NULL}, *many[300], text[32] = "";
    int p[2];
    int64_t said;

    for (int i = 0; i < 299; i++)
        many[i] = "NAME=value";
    many[299] = NULL;
    CHECK(pipe(p) == 0, "pipe");
    for (int i = 0; i < 300; i += 299) {
        uint64_t before = read_clock(CLOCK_REALTIME, false);
        int pid = fork();
        if (pid == 0) {
            dup2(p[1], 1);
            execve("/bin/date", argv, many + i);
            exit(127);
        }
        CHECK(wait_for(pid) == 0, "date");
        CHECK_CALL(20, read(p[0], text, sizeof(text) - 1));
        text[19] = 0;
        CHECK(parse_number(text, &said), "date says '%s'", text);
        uint64_t after = read_clock(CLOCK_REALTIME, false);
        CHECK((uint64_t)said >= before && (uint64_t)said <= after, "date says %ld, between %lu and %lu", said,
              before, after);
    }
}

/* A program that fakes what the library is told: nothing at all, and that the machine has run for very long. */
static void auxclock(long mode)
{
    char *argv[] = {"auxclock", (char *)mode, NULL};

    execve("/bin/auxclock", argv, environ);
    exit(127);
}

static void clock_told_otherwise(void)
{
    CHECK(in_child(auxclock, (long)"none") == 0, "auxclock none: it says why");
    CHECK(in_child(auxclock, (long)"century") == 0, "auxclock century: it says why");
}

/* The least of some tries, since an interrupt may come in between. */
static void clock_without_call(void)
{
    uint64_t from, to, least = UINT64_MAX;

    for (int try = 0; try < 10; try++) {
        __asm__ volatile("rdinstret %0" : "=r"(from) : : "memory");
        for (int i = 0; i < 16; i++)
            now_ns();
        __asm__ volatile("rdinstret %0" : "=r"(to) : : "memory");
        least = to - from < least ? to - from : least;
    }
    CHECK(!counts_instructions() || least < 16 * 80, "reading the clock takes %lu instructions", least / 16);
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
    TEST(sleep_arguments),
    TEST(clocks),
    SLOW(spinners_do_not_starve),
    TEST(preempt),
    TEST(short_sleeps),
    TEST(many_sleepers),
    TEST(sleepers_wake_in_order),
    TEST(endless_sleeps),
    TEST(absolute_sleep),
    TEST(clock_same_on_all_harts),
    TEST(clocks_agree),
    TEST(clocks_by_library),
    TEST(clock_across_harts),
    TEST(clock_after_exec),
    TEST(clock_without_call),
    TEST(clock_told_otherwise),
    TEST(two_players),
    TEST(many_waiters),
    TEST(time_of_children),
    TEST(all_harts_work),
};
const struct topic topic_sched = {"sched", tests, sizeof(tests) / sizeof(tests[0])};
