/* The locks of spinlock.h inline. What they keep of a process is reached through tp, without struct proc. */
#pragma once
#include "sync/irqstate.h"
#include "trap/riscv.h"

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
    while (unlikely(__atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE))) {
        /* Not an ordinary call: for that, a function would have to keep all that it needs afterwards in registers
         * which it has to save first, each time. That is some 10 instructions of a short function. */
        register struct spinlock *lock __asm__("t1") = l;
        __asm__ volatile("jal t0, spin_lock_contended" ::"r"(lock) : "t0", "memory");
    }
}

static inline void spin_unlock(struct spinlock *l)
{
    __atomic_store_n(&l->locked, 0, __ATOMIC_RELEASE);
    irq_pop();
}
