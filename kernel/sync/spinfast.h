/* The locks of spinlock.h inline. What they keep of a process is reached through tp, without struct proc. */
#pragma once
#include "sync/irqstate.h"
#include "trap/riscv.h"

void spin_wait_until_free(const struct spinlock *l);

static inline void irq_push(void)
{
    uint64_t was_on = csr_read_clear(sstatus, SSTATUS_SIE) & SSTATUS_SIE;
    struct irq_state *irq = irq_state();

    if (irq->depth++ == 0)
        irq->was_on = was_on;
}

static inline void irq_pop(void)
{
    struct irq_state *irq = irq_state();

    if (--irq->depth == 0)
        csr_set(sstatus, irq->was_on);
}

static inline void spin_lock(struct spinlock *l)
{
    irq_push();
    while (unlikely(__atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE)))
        spin_wait_until_free(l);
}

static inline void spin_unlock(struct spinlock *l)
{
    __atomic_store_n(&l->locked, 0, __ATOMIC_RELEASE);
    irq_pop();
}
