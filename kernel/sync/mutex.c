/* Mutexes.
 *
 * The word holds the owner's address, so taking a free mutex and giving back one that nobody waits for is one
 * atomic instruction each. Bit 0 says that somebody may be waiting. A process that has to wait sets the bit,
 * puts itself on the wait queue and looks again before it sleeps; the owner that finds the bit set frees the
 * mutex first and then wakes one. Whoever wakes takes the mutex with the bit set, since others may wait
 * still. */
#include "sync/mutex.h"

#include "debug/debug.h"
#include "lib/printk.h"
#include "proc/proc.h"
#include "sync/wait.h"

void mutex_init(struct mutex *m, const char *name)
{
    m->word = 0;
    m->name = name;
}

bool mutex_held(const struct mutex *m)
{
    return (__atomic_load_n(&m->word, __ATOMIC_RELAXED) & ~MUTEX_WAITERS) == (uintptr_t)current();
}

void mutex_wait(struct mutex *m)
{
    assert(!mutex_held(m));
    while (!mutex_take(m, MUTEX_WAITERS)) {
        wait_begin(m, false);
        /* Sets the bit only while the mutex is held; the owner frees it before it wakes, and this process is
         * on the queue already, so either the bit is seen or the mutex is seen free. */
        uintptr_t word = __atomic_load_n(&m->word, __ATOMIC_RELAXED);
        if (word == 0 || !__atomic_compare_exchange_n(&m->word, &word, word | MUTEX_WAITERS, false,
                                                      __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
            wait_cancel();
        else
            wait_end(WAIT_FOREVER);
    }
}

void mutex_wake(struct mutex *m)
{
    wakeup_one(m);
}

#ifdef LODE_DEBUG
void mutex_lock(struct mutex *m)
{
    spin_check_none_held();
    debug_preempt();
    if (!mutex_take(m, 0))
        mutex_wait(m);
}

void mutex_unlock(struct mutex *m)
{
    assert(mutex_held(m));
    if (mutex_release(m))
        mutex_wake(m);
    debug_preempt();
}
#endif
