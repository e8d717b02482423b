/* What the tests of the lottery lab share: the two system calls, failing in words, and processes that want the
 * hart all the time. */
#pragma once
#include "user/lode.h"

#define DEFAULT_TICKETS 10
#define MAX_TICKETS     1000000000
#define SLICE_MS        10
#define MAX_SPINNERS    40

/* As README.md has it. The tests do not include kernel/abi/pinfo.h, so that they compile before it is there. */
struct entry {
    int32_t pid;
    int32_t tickets;
    uint64_t ran;
};

static inline long system_call(long number, long first, long second)
{
    register long a0 __asm__("a0") = first;
    register long a1 __asm__("a1") = second;
    register long a7 __asm__("a7") = number;

    __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a7) : "memory");
    return a0;
}

static inline long settickets(long n)
{
    return system_call(244, n, 0);
}

static inline long getpinfo(void *list, long max)
{
    return system_call(245, (long)list, max);
}

/* The children that have to go before the test does. */
static int spinners[MAX_SPINNERS], spinner_count;

static inline void end_spinners(void)
{
    for (int i = 0; i < spinner_count; i++)
        sendsig(spinners[i], SIGKILL);
    for (int i = 0; i < spinner_count; i++)
        waitpid(spinners[i], NULL, 0);
    spinner_count = 0;
}

#define expect(condition, ...)                                                                               \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            printf(__VA_ARGS__);                                                                             \
            printf("\n");                                                                                    \
            end_spinners();                                                                                  \
            exit(1);                                                                                         \
        }                                                                                                    \
    } while (0)

/* A result as people know it: "0", "-22 (Invalid argument)". */
static inline const char *result_text(long result)
{
    static char text[2][80];
    static int turn;
    char *t = text[turn ^= 1];

    if (result < 0 && result > -4096)
        snprintf(t, sizeof(text[0]), "%ld (%s)", result, strerror((int)-result));
    else
        snprintf(t, sizeof(text[0]), "%ld", result);
    return t;
}

static inline void expect_result(const char *what, long came, long expected)
{
    expect(came == expected, "%s: expected %s, it returned %s", what, result_text(expected),
           result_text(came));
}

static inline uint64_t now_ms(void)
{
    struct abi_timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.sec * 1000 + (uint64_t)t.nsec / 1000000;
}

static inline void sleep_ms(uint64_t ms)
{
    struct abi_timespec t = {(int64_t)(ms / 1000), (int64_t)(ms % 1000) * 1000000};

    nanosleep(&t, NULL);
}

/* Uses 0.2 ms of the hart. Instructions that do nothing, in a row, cost the emulator next to nothing: so a test can
 * use minutes of the guest's time in seconds. */
static inline void work(void)
{
    for (int i = 0; i < 100; i++)
        __asm__ volatile(".rept 2000\n nop\n .endr");
}

/* All processes, by getpinfo; the number of them. */
static inline int all_processes(struct entry *list, int max)
{
    long n = getpinfo(list, max);

    expect(n >= 0, "getpinfo(list, %d): expected the number of processes, it returned %s", max,
           result_text(n));
    expect(n <= max, "getpinfo(list, %d) returned %ld: there are not that many processes", max, n);
    return (int)n;
}

static inline struct entry process_entry(int pid)
{
    struct entry list[64];
    int n = all_processes(list, 64);

    for (int i = 0; i < n; i++)
        if (list[i].pid == pid)
            return list[i];
    expect(false, "getpinfo does not tell of process %d, which is there", pid);
    return (struct entry){0};
}

/* Processor time of a process in slices, by /proc, where it is in 1/100 s. */
static inline uint64_t slices_of(int pid)
{
    char path[32];

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    char *text = read_file(path);
    expect(text, "%s cannot be read", path);
    char *at = strrchr(text, ')') + 3;
    uint64_t sum = 0;
    for (int field = 4; field <= 15; field++) {
        uint64_t value = strtoul(at, &at, 10);
        if (field >= 14)
            sum += value;
    }
    free(text);
    return sum;
}

/* Children wait here until all are there: none of them competes with those that are still to be made. */
static int gate[2], gate_is_there;

/* Makes a child that takes `tickets` tickets, says so, waits for open_gate, does `job(arg)` and ends. When this
 * returns it has its tickets. */
static inline int start_child(int tickets, void (*job)(long), long arg)
{
    int ready[2];
    long result;

    expect(spinner_count < MAX_SPINNERS, "too many processes for this test");
    expect(pipe(ready) == 0 && (gate_is_there || pipe(gate) == 0), "there is no pipe");
    gate_is_there = 1;
    int pid = fork();
    expect(pid >= 0, "fork failed");
    if (pid == 0) {
        spinner_count = 0;
        result = settickets(tickets);
        write(ready[1], &result, sizeof(result));
        close(ready[0]);
        close(ready[1]);
        close(gate[1]);
        read(gate[0], &result, 1); /* until nobody can write any more */
        job(arg);
        exit(0);
    }
    spinners[spinner_count++] = pid;
    close(ready[1]);
    expect(read(ready[0], &result, sizeof(result)) == sizeof(result), "a child ended too early");
    close(ready[0]);
    expect(result == 0, "settickets(%d): expected 0, it returned %s", tickets, result_text(result));
    return pid;
}

static inline void open_gate(void)
{
    close(gate[0]);
    close(gate[1]);
    gate_is_there = 0;
}

static inline void spin(long unused)
{
    (void)unused;
    for (;;)
        work();
}

static inline void asleep(long unused)
{
    (void)unused;
    for (;;)
        sleep_ms(1000000);
}

/* One that takes part in a test of shares. */
struct share {
    int tickets, pid;
    uint64_t before, got; /* slices */
};

/* What each gets within so many seconds. The caller has many tickets, so that it soon wins when it wakes. */
static inline void measure(struct share *s, int n, int seconds)
{
    for (int i = 0; i < n; i++)
        s[i].before = slices_of(s[i].pid);
    sleep_ms((uint64_t)seconds * 1000);
    for (int i = 0; i < n; i++)
        s[i].got = slices_of(s[i].pid) - s[i].before;
}

/* Compares the shares with the tickets.
 *
 * Of n draws, a process with the part p of the tickets wins n p on average, and the number is spread binomially:
 * standard deviation sqrt(n p (1 - p)). Further away than 5.5 times that it is, by chance, once in 26 million
 * runs; the tests are made of fewer than 20 such comparisons, so a right scheduler fails with a probability below
 * one in a million. Two slices more are for the edges of the time measured and for the clock of /proc. */
static inline void check_shares(const char *when, const struct share *s, int n, int seconds)
{
    double all_tickets = 0, all = 0;

    for (int i = 0; i < n; i++) {
        all_tickets += s[i].tickets;
        all += (double)s[i].got;
    }
    double slices = (double)seconds * 1000 / SLICE_MS;
    expect(all >= 0.97 * slices,
           "%s: the processes want the hart all the time, but in %d slices they ran only %ld", when,
           (int)slices, (long)all);
    for (int i = 0; i < n; i++)
        expect(s[i].got > 0, "%s: the process with %d of %ld tickets got nothing in %ld slices: it starves",
               when, s[i].tickets, (long)all_tickets, (long)all);
    for (int i = 0; i < n; i++) {
        double p = s[i].tickets / all_tickets, mean = all * p, variance = mean * (1 - p);
        double away = (double)s[i].got - mean;
        double over = (away < 0 ? -away : away) - 2;
        long spread = 0;
        while ((double)spread * (double)spread < 30.25 * variance)
            spread++;
        expect(over <= 0 || over * over <= 30.25 * variance,
               "%s: the process with %d of %ld tickets should win about %ld of %ld slices (%ld more or less "
               "are\n"
               "by chance once in 26 million times); it had %lu",
               when, s[i].tickets, (long)all_tickets, (long)mean, (long)all, spread + 2, s[i].got);
    }
}
