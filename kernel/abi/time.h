/* Clocks and times (Linux riscv64 layouts). */
#pragma once
#include <stdint.h>

#define CLOCK_REALTIME           0
#define CLOCK_MONOTONIC          1
#define CLOCK_PROCESS_CPUTIME_ID 2
#define CLOCK_THREAD_CPUTIME_ID  3
#define CLOCK_MONOTONIC_RAW      4
#define CLOCK_REALTIME_COARSE    5
#define CLOCK_MONOTONIC_COARSE   6
#define CLOCK_BOOTTIME           7
#define TIMER_ABSTIME            1

#define UTIME_NOW  0x3fffffff
#define UTIME_OMIT 0x3ffffffe

#define NSEC_PER_SEC 1000000000ULL
#define USER_HZ      100 /* clock ticks a second in times() and /proc */

struct abi_timespec {
    int64_t sec;
    int64_t nsec;
};

struct abi_timeval {
    int64_t sec;
    int64_t usec;
};

/* times(): clock ticks of 1/USER_HZ s */
struct abi_tms {
    int64_t utime, stime, cutime, cstime;
};

#define RUSAGE_SELF     0
#define RUSAGE_CHILDREN (-1)

struct abi_rusage {
    struct abi_timeval utime, stime;
    int64_t maxrss, ixrss, idrss, isrss, minflt, majflt, nswap, inblock, oublock;
    int64_t msgsnd, msgrcv, nsignals, nvcsw, nivcsw;
};
