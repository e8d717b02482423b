/* System calls that do next to nothing, and signals. */
#include "bench.h"

/* n calls after some that warm up. */
#define REPEAT(n, call)                                                                                      \
    do {                                                                                                     \
        for (int i = 0; i < 100; i++)                                                                        \
            call;                                                                                            \
        begin();                                                                                             \
        for (int i = 0; i < (n); i++)                                                                        \
            call;                                                                                            \
        end(n);                                                                                              \
    } while (0)

static void null_call(void)
{
    REPEAT(2000, null_syscall());
}

static void parent(void)
{
    REPEAT(2000, getppid());
}

static void seek(void)
{
    make_file("f", KB);
    int fd = need(open("f", O_RDONLY), "open");
    REPEAT(1000, need(lseek(fd, i & 511, SEEK_SET), "lseek"));
}

static void dup_close(void)
{
    REPEAT(1000, close(need(dup(0), "dup")));
}

static void gettime(void)
{
    os_time t;
    REPEAT(1000, need(clock_gettime(CLOCK_MONOTONIC, &t), "clock_gettime"));
}

static volatile int handled;

static void handle(int sig)
{
    (void)sig;
    handled++;
}

static void signal_self(void)
{
    int pid = getpid();
    need(os_on_signal(SIGUSR1, handle), "sigaction");
    REPEAT(500, need(os_kill(pid, SIGUSR1), "kill"));
    if (handled != 600) {
        errno = EINTR;
        fail("not every signal was handled");
    }
}

const struct row call_rows[] = {
    {"null-syscall", null_call, "getpid"},
    {"getppid", parent, "getppid"},
    {"clock-gettime", gettime, "the monotonic clock, by the library's way"},
    {"lseek", seek, "lseek in a file"},
    {"dup-close", dup_close, "dup and close a descriptor"},
    {"signal-handler", signal_self, "a signal to oneself, its handler, and back"},
    {NULL, NULL, NULL},
};
