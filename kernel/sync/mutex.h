/* Mutexes: locks whose holder may sleep, be preempted, do I/O and touch user memory. Not for interrupt
 * handlers; taken with no spin lock held. Not recursive. Waiting is not ended by signals. */
#pragma once
#include "lib/types.h"

struct mutex {
    uintptr_t word;   /* owner's address, bit 0 set while somebody may be waiting; 0 = free */
    const char *name; /* c */
};

#define MUTEX_INIT(mutex_name)                                                                               \
    {                                                                                                        \
        .name = (mutex_name)                                                                                 \
    }

void mutex_init(struct mutex *m, const char *name);
bool mutex_held(const struct mutex *m); /* by the caller */

/* mutex_lock and mutex_unlock. The kernel has them inline, because every path through the file system takes
 * some: a pair takes 17 instructions less. Debug builds, and tests on the host, have functions. */
#ifdef __riscv
#include "sync/mutexfast.h"
#endif
#if !defined(__riscv) || defined(LODE_DEBUG)
void mutex_lock(struct mutex *m);
void mutex_unlock(struct mutex *m);
#endif
