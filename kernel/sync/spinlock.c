/* Spin locks, and the counting of "interrupts off".
 *
 * A spin lock is taken with interrupts off on its hart: were they on, a handler that wants the same lock
 * would wait for ever for the code it has interrupted. The depth of nesting is kept in the process, not in
 * the hart: a process that is switched away inside irq_push (sched.c) finds its own depth when it comes back,
 * on whatever hart that is.
 *
 * The word is taken with acquire and given back with release ordering: what the holder wrote is seen by the
 * next one. Waiting reads only, so that a waiting hart does not take the cache line from the holder.
 *
 * Debug builds check the order of ranks. A process never holds two locks of one rank, so the ranks it holds
 * fit in a bit mask. An interrupt handler's locks count as the interrupted process's, which holds none. */
#include "sync/spinlock.h"

#include "debug/debug.h"
#include "lib/printk.h"
#include "mm/pagetable.h"
#include "proc/proc.h"
#include "trap/riscv.h"
#include "trap/timer.h"

#define SPIN_ROUNDS 256        /* between two ends of a turn */
#define SPINS_MAX   (1u << 28) /* some seconds */

void spin_init(struct spinlock *l, const char *name, enum lock_rank rank)
{
    *l = (struct spinlock)SPINLOCK_INIT(name, rank);
}

static void note_taken(struct spinlock *l)
{
    l->owner = current();
    irq_state()->ranks_held |= 1u << l->rank;
}

void spin_wait(unsigned n)
{
    if (n % SPIN_ROUNDS == 0)
        timer_end_turn();
    irq_push();
    kvm_fence_answer();
    irq_pop();
}

/* Waits until the lock looks free. Holders are done within microseconds: one that has not let go after seconds
 * never will. */
void spin_wait_until_free(const struct spinlock *l)
{
    for (unsigned spins = 1; spins < SPINS_MAX; spins++) {
        if (!__atomic_load_n(&l->locked, __ATOMIC_RELAXED))
            return;
        spin_wait(spins);
    }
    const struct proc *owner = __atomic_load_n(&l->owner, __ATOMIC_RELAXED);
    if (owner)
        panic("spin lock \"%s\" is never let go of by pid %d (%s)", l->name, owner->pid, owner->name);
    panic("spin lock \"%s\" is never let go of", l->name);
}

bool spin_trylock(struct spinlock *l)
{
    irq_push();
    if (__atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE)) {
        irq_pop();
        return false;
    }
    if (CHECK_LOCKS)
        note_taken(l);
    return true;
}

void spin_check_none_held(void)
{
    if (irq_state()->ranks_held)
        panic("a process that may sleep holds spin locks of ranks 0x%x", irq_state()->ranks_held);
}

/* ---- debug builds; the others have them inline ---- */

#ifdef LODE_DEBUG
void irq_push(void)
{
    uint64_t was_on = csr_read_clear(sstatus, SSTATUS_SIE) & SSTATUS_SIE;
    struct irq_state *irq = irq_state();

    if (irq->depth++ == 0) {
        irq->was_on = was_on;
        debug_irqs_off();
    }
}

void irq_pop(void)
{
    struct irq_state *irq = irq_state();

    if (--irq->depth == 0 && irq->was_on) {
        uint64_t were_off = debug_irqs_were_off();
        irq_enable();
        debug_irqs_on(were_off, __builtin_return_address(0));
    }
}

void spin_lock(struct spinlock *l)
{
    irq_push();
    if (__atomic_load_n(&l->owner, __ATOMIC_RELAXED) == current())
        panic("spin lock \"%s\" is taken by the process that holds it already", l->name);
    if (irq_state()->ranks_held >> l->rank || l->rank == RANK_NONE)
        panic("spin lock \"%s\" of rank %u is taken while ranks 0x%x are held", l->name, l->rank,
              irq_state()->ranks_held);
    while (__atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE))
        spin_wait_until_free(l);
    note_taken(l);
}

void spin_unlock(struct spinlock *l)
{
    l->owner = NULL;
    irq_state()->ranks_held &= ~(1u << l->rank);
    __atomic_store_n(&l->locked, 0, __ATOMIC_RELEASE);
    irq_pop();
}
#endif
