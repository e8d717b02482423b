/* Spin locks, and the counting of "interrupts off".
 *
 * A spin lock is taken with interrupts off on its hart: were they on, a handler that wants the same lock
 * would wait for ever for the code it has interrupted. The depth of nesting is kept in the process, not in
 * the hart: a process that is switched away inside irq_push (sched.c) finds its own depth when it comes back,
 * on whatever hart that is.
 *
 * The word is taken with acquire and given back with release ordering: what the holder wrote is seen by the
 * next one. Waiting reads only, so that a waiting hart does not take the cache line from the holder. */
#include "sync/spinlock.h"

#include "lib/printk.h"
#include "proc/proc.h"
#include "trap/riscv.h"

void irq_push(void)
{
    bool was_on = csr_read_clear(sstatus, SSTATUS_SIE) & SSTATUS_SIE;
    struct proc *p = current();

    if (p->irq_depth++ == 0)
        p->irq_was_on = was_on;
}

void irq_pop(void)
{
    struct proc *p = current();

    if (--p->irq_depth == 0 && p->irq_was_on)
        irq_enable();
}

void spin_init(struct spinlock *l, const char *name, enum lock_rank rank)
{
    *l = (struct spinlock)SPINLOCK_INIT(name, rank);
}

bool spin_held(const struct spinlock *l)
{
    return __atomic_load_n(&l->locked, __ATOMIC_RELAXED) && l->owner == current();
}

void spin_lock(struct spinlock *l)
{
    irq_push();
#ifdef LODE_DEBUG
    if (spin_held(l))
        panic("spin lock %s taken twice", l->name);
#endif
    while (__atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE)) {
        while (__atomic_load_n(&l->locked, __ATOMIC_RELAXED))
            ;
    }
    l->owner = current();
}

bool spin_trylock(struct spinlock *l)
{
    irq_push();
    if (__atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE)) {
        irq_pop();
        return false;
    }
    l->owner = current();
    return true;
}

void spin_unlock(struct spinlock *l)
{
    l->owner = NULL;
    __atomic_store_n(&l->locked, 0, __ATOMIC_RELEASE);
    irq_pop();
}
