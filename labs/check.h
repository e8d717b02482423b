/* For the programs that test a lab: one program has several parts, `NAME PART` runs one. A part that finds
 * nothing wrong prints "ok"; else a line says what was expected and what came, and the exit status is 1.
 *
 * New system calls are made by their numbers, so that the programs can be compiled before there are any. */
#pragma once
#include "user/lode.h"

/* A system call by its number, with up to three arguments: what the kernel returns, -errno for an error. */
static inline long call(long number, long first, long second, long third)
{
    register long a0 __asm__("a0") = first;
    register long a1 __asm__("a1") = second;
    register long a2 __asm__("a2") = third;
    register long a7 __asm__("a7") = number;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a7) : "memory");
    return a0;
}

/* Ends the part as failed, with a printf format that says why. */
#define FAIL(...)                                                                                            \
    do {                                                                                                     \
        printf("FAILED: " __VA_ARGS__);                                                                      \
        printf("\n");                                                                                        \
        exit(1);                                                                                             \
    } while (0)

/* Ends the part as failed unless the condition holds. */
#define EXPECT(condition, ...)                                                                               \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            FAIL(__VA_ARGS__);                                                                               \
    } while (0)

/* Waits for that child, or with -1 for any: its wait status (abi/wait.h). */
static inline int wait_status(int pid)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0)
        EXPECT(errno == EINTR, "waitpid gave error %d", errno);
    return status;
}

/* Waits for a child that has to end well; it has said why if it does not. */
static inline void wait_ok(int pid)
{
    int status = wait_status(pid);

    EXPECT(WAIT_HAS_EXITED(status), "a child was killed by signal %d", WAIT_SIGNAL(status));
    if (WAIT_EXIT_CODE(status) != 0)
        exit(1);
}

static inline int fork_or_fail(void)
{
    int pid = fork();

    EXPECT(pid >= 0, "fork gave error %d", errno);
    return pid;
}

static inline void sleep_us(long us)
{
    struct abi_timespec t = {us / 1000000, us % 1000000 * 1000};

    nanosleep(&t, NULL);
}

/* Instructions that this hart has executed: exact where time is counted by instructions. */
static inline uint64_t instructions(void)
{
    uint64_t n;

    __asm__ volatile("rdinstret %0" : "=r"(n) : : "memory");
    return n;
}

struct part {
    const char *name;
    void (*run)(void);
};

static inline int run_part(const struct part *parts, unsigned count, int argc, char **argv)
{
    for (unsigned i = 0; argc == 2 && i < count; i++) {
        if (strcmp(parts[i].name, argv[1]) != 0)
            continue;
        parts[i].run();
        printf("ok\n");
        return 0;
    }
    printf("usage: %s PART; the parts are", argv[0]);
    for (unsigned i = 0; i < count; i++)
        printf(" %s", parts[i].name);
    printf("\n");
    return 2;
}
#define RUN_PART(parts, argc, argv) run_part(parts, sizeof(parts) / sizeof((parts)[0]), argc, argv)
