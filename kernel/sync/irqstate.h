/* What a flow of control knows of its interrupts and locks: a part of struct proc, at a fixed place, so that the
 * inline functions of spinfast.h, which proc.h needs, can reach it. */
#pragma once
#include "lib/types.h"

struct irq_state {
    uint32_t depth;      /* nesting of irq_push */
    uint32_t ranks_held; /* debug builds: bit i = holds a spin lock of rank i */
    uint64_t was_on;     /* SSTATUS_SIE, if interrupts were on at the outermost irq_push; else 0 */
};

#define PROC_IRQ 112 /* offset in struct proc; asserted in proc.h */

/* The running process's. */
static inline struct irq_state *irq_state(void)
{
    char *proc;
    __asm__("mv %0, tp" : "=r"(proc)); /* as current() */
    return (struct irq_state *)(proc + PROC_IRQ);
}
