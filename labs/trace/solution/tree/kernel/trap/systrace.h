/* Tracing of system calls: a line on a process's descriptor 2 for each call that it has asked for (sys_trace),
 *
 *     PID: NAME(ARGUMENT, ...) -> RESULT
 *
 * Children inherit what is asked for, and exec keeps it. */
#pragma once
#include "proc/proc.h"
#include "trap/syscall.h"

static inline bool systrace_wanted(const struct proc *p, uint64_t number)
{
    return p->traced[number / 64] >> number % 64 & 1;
}

/* Makes a call that is in the table, and writes the line. */
int64_t systrace_call(syscall_fn *handler, uint64_t number, const uint64_t arg[6]);
