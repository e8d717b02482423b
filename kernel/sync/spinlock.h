/* Spin locks. The holder has interrupts off and is not preempted; it must not sleep, nor copy to or from
 * user memory in a way that may fault. Hold times are short and bounded. */
#pragma once
#include "lib/types.h"
#include "sync/lockrank.h"

struct proc;

struct spinlock {
    uint32_t locked;    /* 0 free, 1 held */
    uint16_t rank;      /* enum lock_rank, c */
    const char *name;   /* c */
    struct proc *owner; /* debug builds: the holder */
};

#define SPINLOCK_INIT(lock_name, lock_rank)                                                                  \
    {                                                                                                        \
        .rank = (lock_rank), .name = (lock_name)                                                             \
    }

void spin_init(struct spinlock *l, const char *name, enum lock_rank rank);
bool spin_trylock(struct spinlock *l); /* in any order of ranks, since it does not wait */

/* For whatever may sleep: panics if the caller holds a spin lock, even when it need not sleep this time. */
#ifdef LODE_DEBUG
#define CHECK_LOCKS true
#else
#define CHECK_LOCKS false
#endif
/* In each loop that waits for another hart: the n-th round, from 1. Does meanwhile what other harts wait for. */
void spin_wait(unsigned n);

void spin_wait_until_free(const struct spinlock *l); /* for spin_lock: returns when it looks free */

void spin_check_none_held(void); /* if (CHECK_LOCKS) */

/* spin_lock and spin_unlock; irq_push and irq_pop, which turn interrupts (and so preemption) off, nestably: the
 * outermost pop restores what was before. They are on every path, so the kernel has them inline: a pair takes 24
 * instructions then, instead of 45. Debug builds, and tests on the host, have functions. */
#if defined(__riscv) && !defined(LODE_DEBUG)
#include "sync/spinfast.h"
#else
void spin_lock(struct spinlock *l);
void spin_unlock(struct spinlock *l);
void irq_push(void);
void irq_pop(void);
#endif
