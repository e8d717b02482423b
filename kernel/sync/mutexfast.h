/* Taking a mutex that is free, and giving back one that nobody waits for: one atomic instruction each. mutex.c says
 * what the word is. */
#pragma once
#include "lib/types.h"

#define MUTEX_WAITERS 1ul

/* The rare rest of mutex_lock and mutex_unlock. */
void mutex_wait(struct mutex *m); /* returns when the caller has it */
void mutex_wake(struct mutex *m); /* one of those who wait */

static inline bool mutex_take(struct mutex *m, uintptr_t flag)
{
    uintptr_t free = 0, self;
    __asm__("mv %0, tp" : "=r"(self)); /* current() */
    return __atomic_compare_exchange_n(&m->word, &free, self | flag, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* Whether somebody may be waiting. */
static inline bool mutex_release(struct mutex *m)
{
    return __atomic_exchange_n(&m->word, 0, __ATOMIC_SEQ_CST) & MUTEX_WAITERS;
}

#ifndef LODE_DEBUG
static inline void mutex_lock(struct mutex *m)
{
    if (unlikely(!mutex_take(m, 0)))
        mutex_wait(m);
}

static inline void mutex_unlock(struct mutex *m)
{
    if (unlikely(mutex_release(m)))
        mutex_wake(m);
}
#endif
