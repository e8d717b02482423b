/* The frame in which usertests runs its tests: each in a child process of its own, in a fresh directory, for a
 * limited time, with a check afterwards that nothing was left behind. */
#pragma once
#include "user/lode.h"

struct test {
    const char *name;
    void (*run)(void); /* returns if all is well; CHECK ends the child where not */
    bool slow;         /* left out by -q */
    unsigned limit;    /* seconds of guest time; 0: LIMIT */
};
#define LIMIT 60
/* clang-format off */
#define TEST(name)                {#name, name, false, 0}
#define SLOW(name)                {#name, name, true, 0}
#define SLOW_LIMIT(name, seconds) {#name, name, true, seconds}
/* clang-format on */

struct topic {
    const char *name;
    const struct test *tests;
    unsigned count;
};

/* The topics, each a file, in the order in which they run. */
/* clang-format off */
#define TOPICS(DO) \
    DO(lde) DO(fault) DO(proc) DO(wait) DO(kill) DO(signal) DO(sched) DO(exec) DO(file) DO(xv6) DO(dir) DO(link) \
    DO(pipe) DO(device) DO(procfs) DO(sbrk) DO(mem) DO(short) DO(pointer) DO(copy) DO(leak) DO(hostile) \
    DO(load) DO(failing)
/* clang-format on */
#define DECLARE(name) extern const struct topic topic_##name;
TOPICS(DECLARE)
#undef DECLARE

/* Ends the test as failed, saying where and why (a printf format and its arguments). */
#define CHECK(cond, ...)                                                                                     \
    do {                                                                                                     \
        if (!(cond))                                                                                         \
            test_fail(__FILE__, __LINE__, #cond, __VA_ARGS__);                                               \
    } while (0)
/* The same for a raw system call that has to return a certain value: CHECK_CALL(-EBADF, sys_close(-1)). */
#define CHECK_CALL(want, call)                                                                               \
    do {                                                                                                     \
        long got_ = (call), want_ = (want);                                                                  \
        if (got_ != want_)                                                                                   \
            test_fail(__FILE__, __LINE__, #call, "returned %ld (%s), expected %ld", got_,                    \
                      got_ < 0 ? strerror(-got_) : "", want_);                                               \
    } while (0)
_Noreturn void test_fail(const char *file, int line, const char *what, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* Runs f(arg) in a child; returns its wait status (abi/wait.h). A function that returns exits with 0. */
int in_child(void (*f)(long), long arg);
/* Leaves something in the memory that is given out next: a child had it, and has written to each byte. */
void dirty_memory(void);
/* Starts f(arg) in a child and returns its pid. */
int start_child(void (*f)(long), long arg);
int wait_for(int pid); /* its wait status */
/* Runs f(0) to f(n - 1) in n children at once, all of which must exit with 0. */
#define MAX_CHILDREN 300
void in_children(int n, void (*f)(long));
/* Runs f(arg) in a child that must be ended by that signal. */
void expect_signal(void (*f)(long), long arg, int sig, const char *what);
/* Kills a child, which must not have ended before. */
void end_child(int pid);
/* Its letter in /proc/PID/stat; 0 if there is no such process. */
char process_state(int pid);
/* Waits, for at most two seconds, until it is in that state: 'S' asleep, 'Z' ended. */
void wait_until(int pid, char state);

/* What children do. */
void exit_with(long status);
void sleep_forever(long unused);
void spin_forever(long unused);
void read_at(long addr);
void write_at(long addr);
void jump_to(long addr);

/* A system call with all six arguments and any number, by bare registers. */
long raw_syscall(long number, long a0, long a1, long a2, long a3, long a4, long a5);

/* A number from the system's counters (/proc/lode), or from those of the disk (/proc/disk); -1 if there is no such
 * line. */
long counter(const char *name);
long disk_counter(const char *name);

uint64_t now_ns(void);          /* monotonic */
bool counts_instructions(void); /* time and rdinstret go by instructions: QEMU's -icount */
/* A bound for how long something may take: ns where time counts instructions, and many times that where it
 * is the host's, which may be busy with other things. */
uint64_t patience(uint64_t ns);
void sleep_ms(int ms);
unsigned harts(void);

char *new_pages(size_t n); /* of zeros */
char *shared_pages(size_t n);

int open_new(const char *path); /* an empty file, to read and write */
int64_t file_size(const char *path);
unsigned link_count(const char *path);
int count_entries(const char *path); /* of a directory, without "." and ".." */

/* A new file with n bytes of a pattern; check_file compares. */
uint8_t pattern_byte(uint64_t offset, unsigned seed);
void make_file(const char *path, uint64_t n, unsigned seed);
void check_file(const char *path, uint64_t n, unsigned seed);

/* Pseudo-random numbers, the same for the same seed (-s). */
void random_start(uint64_t seed);
uint32_t random_next(void);

/* main.c. Makes every page of data, heap and stack this process's own: after fork, the first write to one needs a page,
 * and who finds none is killed. */
void own_memory(void);
