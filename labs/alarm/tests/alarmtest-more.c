/* More tests of alarms: those that handouts leave out. */
#include "alarm.h"

/* ---- fork and exec ---- */

static void part_fork(void)
{
    set_alarm(1, count_call);
    int pid = fork_or_fail();
    if (pid == 0) {
        calls = 0;
        spin_ms(200);
        EXPECT(calls == 0, "a child that has not called sigalarm: its handler was called %d times", calls);
        exit(0);
    }
    wait_ok(pid);
    calls = 0;
    spin_until_called(1); /* the parent's goes on */
}

static void part_exec(void)
{
    char *arguments[] = {"alarmtest-more", "after-exec", NULL};

    int pid = fork_or_fail();
    if (pid == 0) {
        set_alarm(5, count_call);
        execve("/bin/alarmtest-more", arguments, environ);
        FAIL("exec gave error %d", errno);
    }
    int status = wait_status(pid);
    EXPECT(WAIT_HAS_EXITED(status),
           "exec must stop the alarm: the new program was ended by signal %d when the alarm was due",
           WAIT_SIGNAL(status));
    EXPECT(WAIT_EXIT_CODE(status) == 42,
           "exec must stop the alarm: the new program exited with %d, expected 42", WAIT_EXIT_CODE(status));
}

/* What part_exec runs. */
static void part_after_exec(void)
{
    spin_ms(200);
    exit(calls ? 2 : 42);
}

static volatile int forked; /* the child's pid, 0 in the child */

static void forking_handler(void)
{
    calls = calls + 1;
    set_alarm(0, NULL);
    forked = fork_or_fail();
    sigreturn();
}

static void part_fork_in_handler(void)
{
    set_alarm(1, forking_handler);
    spin_until_called(1);
    if (forked == 0)
        exit(42);
    int status = wait_status(forked);
    EXPECT(WAIT_HAS_EXITED(status) && WAIT_EXIT_CODE(status) == 42,
           "a child that fork made in a handler calls sigreturn: expected that it goes on where its parent "
           "was interrupted");
}

/* ---- system calls ---- */

/* A handler that makes system calls itself. */
static void calling_handler(void)
{
    calls = calls + 1;
    getpid();
    sys_close(-1);
    sigreturn();
}

static void part_calls(void)
{
    int pid = getpid(), null = open("/dev/null", O_WRONLY);
    int64_t end = now_ms() + 2000;

    set_alarm(1, calling_handler);
    while (calls < 30) {
        long result = sys_getpid(0);
        EXPECT(result == pid, "getpid returned %ld, expected %d: an alarm has come between", result, pid);
        result = sys_write(null, (long)"12345", 5L);
        EXPECT(result == 5, "a write of 5 bytes returned %ld: an alarm has come between", result);
        result = sys_dup(-1);
        EXPECT(result == -EBADF, "dup(-1) returned %ld, expected %d: an alarm has come between", result,
               -EBADF);
        EXPECT(now_ms() < end, "after 2 s of system calls the handler has been called %d times", calls);
    }
}

/* ---- anew ---- */

static volatile int64_t left_at, shortest = 1000;

static void long_handler(void)
{
    int64_t since = now_ms() - left_at;

    if (calls > 0 && since < shortest)
        shortest = since;
    calls = calls + 1;
    spin_ms(10 * TICK_MS);
    left_at = now_ms();
    sigreturn();
}

static void part_anew(void)
{
    set_alarm(4, long_handler);
    spin_until_called(4);
    EXPECT(shortest >= 3 * TICK_MS,
           "an alarm every 4 ticks (40 ms), whose handler takes 100 ms: it was called again %ld ms after "
           "sigreturn, expected 30 or more",
           shortest);
}

/* ---- with signals ---- */

static volatile int signals, alarms_in_signal;

static void on_signal(int sig)
{
    int before = calls;

    signals = signals + (sig == SIGUSR1);
    spin_ms(5 * TICK_MS);
    alarms_in_signal = alarms_in_signal + calls - before;
}

static void signalling_handler(void)
{
    calls = calls + 1;
    if (calls == 3)
        sendsig(getpid(), SIGUSR1);
    sigreturn();
}

static void part_signals(void)
{
    setsignal(SIGUSR1, (uintptr_t)on_signal);
    set_alarm(1, count_call);
    sendsig(getpid(), SIGUSR1);
    EXPECT(signals == 1, "the signal's handler was called %d times, expected 1", signals);
    EXPECT(alarms_in_signal > 0, "no alarm while a signal's handler ran for 5 ticks");
    calls = signals = 0;
    set_alarm(1, signalling_handler);
    spin_until_called(6);
    EXPECT(signals == 1,
           "a signal sent in the alarm's handler: its own handler was called %d times, expected 1", signals);
}

int main(int argc, char **argv)
{
    static const struct part parts[] = {
        {"fork", part_fork},       {"exec", part_exec}, {"fork-in-handler", part_fork_in_handler},
        {"calls", part_calls},     {"anew", part_anew}, {"after-exec", part_after_exec},
        {"signals", part_signals},
    };

    return RUN_PART(parts, argc, argv);
}
