/* sigalarm and sigreturn.
 *
 * The timer interrupt counts; when the interval is over it sets ATTENTION_ALARM, so that the process calls the
 * handler on its way to user mode. What the handler interrupts is kept in the process, not on the user's
 * stack, so it can be neither damaged nor without room. There is one place for it, and one is enough: while
 * the handler runs no tick counts. */
#include "proc/alarm.h"

#include "abi/errno.h"
#include "lib/string.h"
#include "proc/proc.h"
#include "trap/fp.h"
#include "trap/riscv.h"
#include "trap/syscall.h"

void alarm_tick(struct proc *p)
{
    struct alarm *a = &p->alarm;

    if (a->interval && !a->active && ++a->ticks >= a->interval)
        __atomic_fetch_or(&p->attention, ATTENTION_ALARM, __ATOMIC_RELAXED);
}

void alarm_deliver(struct trapframe *tf)
{
    struct proc *p = current();
    struct alarm *a = &p->alarm;

    irq_push(); /* no tick, and no switch that would save the floating-point registers */
    __atomic_fetch_and(&p->attention, ~ATTENTION_ALARM, __ATOMIC_RELAXED);
    if (a->interval && a->ticks >= a->interval) { /* else it was changed after the tick */
        if (p->fp_used)
            fp_save(p); /* before the trapframe, whose status it changes */
        a->active = true;
        a->fp_used = p->fp_used;
        a->tf = *tf;
        memcpy(a->fp, p->fp, sizeof(a->fp));
        tf->epc = a->handler;
        tf->sp &= ~15ul;
        tf->ra = 0;                  /* a handler that returns ends the process */
        p->interrupted_call = false; /* a signal must not take the handler's first instruction for an ecall */
    }
    irq_pop();
}

void alarm_fork(struct proc *child)
{
    child->alarm = current()->alarm;
    child->alarm.interval = 0;
}

int64_t sys_sigalarm(const uint64_t arg[6])
{
    struct alarm *a = &current()->alarm;

    if ((int)arg[0] < 0)
        return -EINVAL;
    irq_push();
    a->interval = (uint32_t)arg[0];
    a->ticks = 0;
    a->handler = arg[1];
    irq_pop();
    return 0;
}

int64_t sys_sigreturn(const uint64_t arg[6])
{
    struct proc *p = current();
    struct alarm *a = &p->alarm;

    if (!a->active)
        return -EINVAL;
    irq_push();
    *p->tf = a->tf;
    p->tf->proc = p; /* in a child, that of a->tf is its parent */
    memcpy(p->fp, a->fp, sizeof(p->fp));
    p->fp_used = a->fp_used;
    if (p->fp_used)
        fp_restore(p);
    a->active = false;
    a->ticks = 0;
    irq_pop();
    return (int64_t)p->tf->a0; /* which trap_syscall puts into a0 */
}
