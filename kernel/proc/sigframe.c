/* Signal handlers: entering one, and coming back.
 *
 * To run a handler, the interrupted registers go to the user's stack as Linux riscv64 lays them out, and the
 * program goes on in the handler as if it had been called:
 *
 *   old sp ->  ...
 *              struct abi_ucontext: mask, registers, floating point     <- a2
 *   sp     ->  struct abi_siginfo                                       <- a1
 *   a0 = signal number, ra = SIGNAL_RETURN
 *
 * SIGNAL_RETURN is an address where nothing is ever mapped: the handler's return faults there, and the fault
 * handler calls signal_return. So no page of kernel-made code has to be in every program. */
#include "proc/signal.h"

#include "abi/errno.h"
#include "abi/wait.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "mm/usercopy.h"
#include "proc/proc.h"
#include "trap/fp.h"
#include "trap/riscv.h"
#include "trap/syscall.h"

#define FAULTS (SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGILL) | SIGNAL_BIT(SIGTRAP))

struct frame {
    struct abi_siginfo info;
    struct abi_ucontext context;
};
_Static_assert(sizeof(struct frame) == 1088, "rt_sigframe of Linux riscv64");

static void fill(struct frame *f, const struct proc *p, int sig)
{
    memset(f, 0, sizeof(*f));
    f->info.signo = sig;
    if (SIGNAL_BIT(sig) & FAULTS)
        memcpy(&f->info.pid, &p->fault_addr, sizeof(p->fault_addr)); /* si_addr, in their place */
    f->context.mask = p->sig_blocked;
    f->context.regs[0] = p->tf->epc;
    memcpy(&f->context.regs[1], p->tf, 31 * sizeof(uint64_t));
    if (p->fp_used) {
        memcpy(f->context.fp, p->fp, 32 * sizeof(uint64_t));
        f->context.fcsr = p->fp[32];
    }
}

/* Memory for a frame: NULL where there is none, and the process need not wait for it. */
static struct frame *new_frame(void)
{
    struct frame *f;

    do
        f = kmalloc(sizeof(*f));
    while (!f && proc_wait_for_memory());
    return f;
}

bool signal_enter_handler(int sig, const struct abi_sigaction *action)
{
    struct proc *p = current();
    struct frame *f = new_frame();
    uptr_t sp = (p->tf->sp - sizeof(*f)) & ~15ul;
    int err;

    if (!f)
        return false;
    irq_push();
    if (p->fp_used)
        fp_save(p);
    irq_pop();
    fill(f, p, sig);
    do
        err = copyout(sp, f, sizeof(*f));
    while (err == -ENOMEM && proc_wait_for_memory());
    kfree(f);
    if (err)
        return false;
    signal_set_blocked(p->sig_blocked | action->mask | (action->flags & SA_NODEFER ? 0 : SIGNAL_BIT(sig)));
    p->tf->epc = action->handler;
    p->tf->sp = sp;
    p->tf->ra = SIGNAL_RETURN;
    p->tf->a0 = sig;
    p->tf->a1 = sp + offsetof(struct frame, info);
    p->tf->a2 = sp + offsetof(struct frame, context);
    return true;
}

void signal_return(void)
{
    struct proc *p = current();
    struct frame *f = new_frame();

    if (!f || copyin(f, p->tf->sp, sizeof(*f))) {
        kfree(f);
        proc_exit(WAIT_SIGNALED(SIGSEGV)); /* the frame is gone: there is nothing to go back to */
    }
    p->tf->epc = f->context.regs[0];
    memcpy(p->tf, &f->context.regs[1], 31 * sizeof(uint64_t));
    if (p->fp_used) {
        irq_push();
        fp_save(p); /* leaves the state clean */
        memcpy(p->fp, f->context.fp, 32 * sizeof(uint64_t));
        p->fp[32] = f->context.fcsr & 0xff;
        fp_restore(p);
        irq_pop();
    }
    signal_set_blocked(f->context.mask);
    kfree(f);
}

int64_t sys_rt_sigreturn(const uint64_t arg[6])
{
    (void)arg;
    signal_return();
    return current()->tf->a0;
}
