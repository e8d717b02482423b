/* What the two programs that test alarms have in common. */
#pragma once
#include "labs/check.h"

#define SIGALARM  246
#define SIGRETURN 247
#define TICK_MS   10

static volatile int calls; /* of the handler */

static long sigalarm(long ticks, void (*handler)(void))
{
    return call(SIGALARM, ticks, (long)handler, 0);
}

static void set_alarm(long ticks, void (*handler)(void))
{
    long result = sigalarm(ticks, handler);

    EXPECT(result == 0, "sigalarm (system call %d) with %ld ticks returned %ld (%s), expected 0", SIGALARM,
           ticks, result, strerror((int)-result));
}

static void sigreturn(void)
{
    long result = call(SIGRETURN, 0, 0, 0);

    FAIL("sigreturn (system call %d) in a handler came back, with %ld (%s)", SIGRETURN, result,
         strerror((int)-result));
}

/* The simplest handler. */
static void count_call(void)
{
    calls = calls + 1;
    sigreturn();
}

static int64_t now_ms(void)
{
    struct abi_timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.sec * 1000 + t.nsec / 1000000;
}

/* Uses the processor for so long. */
static void spin_ms(int ms)
{
    int64_t end = now_ms() + ms;

    while (now_ms() < end)
        ;
}

/* Uses the processor until the handler has been called `n` times. */
static void spin_until_called(int n)
{
    int64_t end = now_ms() + 2000;

    while (calls < n)
        EXPECT(now_ms() < end, "after 2 s of computing the handler has been called %d times, expected %d",
               calls, n);
}
