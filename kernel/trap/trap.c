/* What a trap means: system call, interrupt, page fault, or a program's mistake.
 *
 *                     from user mode                         from the kernel
 *   system call       trap_syscall, in syscall.c             (cannot happen)
 *   interrupt         timer, device, another hart            the same
 *   page fault        aspace_fault; a mistake ends it        the kernel is wrong: panic
 *   other exception   first floating point; else ends it     the kernel is wrong: panic
 *
 * The kernel never follows a user address, so a fault in the kernel is never the program's doing.
 * Interrupts are off from the trap until trap_user turns them on, which it does for all that may take long.
 */
#include "trap/trap.h"

#include "abi/errno.h"
#include "abi/signal.h"
#include "abi/wait.h"
#include "debug/debug.h"
#include "drivers/drivers.h"
#include "lib/printk.h"
#include "mm/aspace.h"
#include "proc/cpu.h"
#include "proc/sched.h"
#include "proc/signal.h"
#include "trap/fp.h"
#include "trap/riscv.h"
#include "trap/timer.h"
#include "trap/trapframe.h"

void trap_entry(void); /* trampoline.S */

void trap_init_hart(void)
{
    csr_write(sscratch, 0);
    csr_write(stvec, trap_entry);
    /* User programs may read cycle, time and instret (section 4.1.5). */
    csr_write(scounteren, 7);
    csr_set(sie, SIE_SSIE);
}

/* The exceptions in words, and the signal that each is to a program. */
static const struct exception {
    const char *what;
    int sig;
} exceptions[] = {
    [EXC_INST_MISALIGNED] = {"jump to a misaligned address", SIGBUS},
    [EXC_INST_ACCESS] = {"instruction access fault", SIGSEGV},
    [EXC_INST_ILLEGAL] = {"illegal or privileged instruction", SIGILL},
    [EXC_BREAKPOINT] = {"breakpoint", SIGTRAP},
    [EXC_LOAD_MISALIGNED] = {"misaligned read", SIGBUS},
    [EXC_LOAD_ACCESS] = {"read access fault", SIGSEGV},
    [EXC_STORE_MISALIGNED] = {"misaligned write", SIGBUS},
    [EXC_STORE_ACCESS] = {"write access fault", SIGSEGV},
    [EXC_INST_PAGE] = {"jump", SIGSEGV},
    [EXC_LOAD_PAGE] = {"read", SIGSEGV},
    [EXC_STORE_PAGE] = {"write", SIGSEGV},
};

static struct exception exception(uint64_t cause)
{
    if (cause < ARRAY_SIZE(exceptions) && exceptions[cause].what)
        return exceptions[cause];
    return (struct exception){"unknown exception", SIGSEGV};
}

/* The current program did what it must not: its handler for that runs, or it ends, and this says why in
 * words. */
static void program_fault(const struct trapframe *tf, int sig, const char *what, const char *why,
                          uint64_t addr)
{
    struct proc *p = current();

    if (signal_fault(sig, addr))
        return;
    printk("%s[%d]: %s%s 0x%lx, at pc 0x%lx: killed\n", p->name, p->pid, what, why, addr, tf->epc);
    proc_exit(WAIT_SIGNALED(sig));
}

static void user_page_fault(const struct trapframe *tf, uint64_t cause, uint64_t addr)
{
    enum fault_access access = cause == EXC_STORE_PAGE  ? FAULT_WRITE
                               : cause == EXC_INST_PAGE ? FAULT_EXEC
                                                        : FAULT_READ;
    int err, sig = SIGSEGV;
    const char *why;

    if (access == FAULT_EXEC && addr == SIGNAL_RETURN) {
        signal_return();
        return;
    }
    err = aspace_fault(current()->aspace, addr, access);
    if (likely(!err))
        return;
    if (err == -ENOMEM && proc_wait_for_memory())
        return;
    if (err == -ENOMEM) {
        sig = SIGKILL;
        why = " found no free memory for address";
    } else if (err == -EIO) {
        sig = SIGBUS;
        why = " of a file page that the disk could not deliver, address";
    } else if (err == -ENXIO) {
        sig = SIGBUS;
        why = " beyond the end of the mapped file, address";
    } else if (addr < USER_MIN) {
        why = " through a null pointer, address";
    } else if (addr >= USER_TOP) {
        why = " outside user space, address";
    } else {
        why = " not allowed there or nothing mapped, address";
    }
    program_fault(tf, sig, exception(cause).what, why, addr);
}

static void user_exception(struct trapframe *tf, uint64_t cause, uint64_t addr)
{
    bool page_fault = cause == EXC_INST_PAGE || cause == EXC_LOAD_PAGE || cause == EXC_STORE_PAGE;

    if (page_fault)
        user_page_fault(tf, cause, addr);
    else if (cause != EXC_INST_ILLEGAL || !fp_first_use(tf))
        program_fault(tf, exception(cause).sig, exception(cause).what,
                      cause == EXC_INST_ILLEGAL ? "" : ", address", addr);
}

static void interrupt(uint64_t cause, bool user)
{
    mycpu()->interrupts++;
    switch (cause & ~SCAUSE_INTERRUPT) {
    case IRQ_S_TIMER:
        timer_interrupt(user);
        break;
    case IRQ_S_EXT:
        plic_interrupt();
        break;
    case IRQ_S_SOFT: /* another hart's cpu_kick */
        csr_clear(sip, SIE_SSIE);
        cpu_kicked();
        break;
    default:
        panic("interrupt %lu, which was never turned on", cause & ~SCAUSE_INTERRUPT);
    }
}

void trap_before_user(struct trapframe *tf)
{
    struct proc *p = current();

    irq_disable();
    while (unlikely(__atomic_load_n(&p->attention, __ATOMIC_RELAXED))) {
        irq_enable();
        if (p->attention & ATTENTION_RESCHED)
            sched_yield();
        if (p->attention & ATTENTION_SIGNAL)
            signal_deliver(tf);
        irq_disable();
    }
}

void trap_user(struct trapframe *tf, uint64_t cause)
{
    if (cause & SCAUSE_INTERRUPT) {
        interrupt(cause, true);
    } else {
        uint64_t addr = csr_read(stval); /* before interrupts may change it */
        irq_enable();
        user_exception(tf, cause, addr);
    }
    trap_before_user(tf);
}

void trap_kernel(struct trapframe *tf, uint64_t cause)
{
    struct proc *p = current();

    if (!(cause & SCAUSE_INTERRUPT)) {
        uint64_t addr = csr_read(stval);
        panic("%s in the kernel: address 0x%lx, pc 0x%lx, ra 0x%lx%s", exception(cause).what, addr, tf->epc,
              tf->ra,
              kstack_is_guard(addr) ? " (guard page of a kernel stack: it has overflowed)"
                                    : debug_pattern(addr));
    }
    interrupt(cause, false);
    /* Interrupts were on, so no spin lock is held: the kernel may be preempted here. Not the idle process,
     * which looks for work itself, nor one that is putting itself to sleep, which has interrupts off. */
    if (unlikely(p->attention & ATTENTION_RESCHED) && p != mycpu()->idle)
        sched_yield();
}

_Noreturn void trap_stack_overflow(uint64_t sp, uint64_t pc)
{
    panic("kernel stack overflow: sp 0x%lx, in the function\n  at 0x%lx", sp, pc);
}

/* Debug kernels: context_switch has not brought back register s<n> of the process that is running now. */
_Noreturn void trap_bad_switch(unsigned long n)
{
    panic("the switch to this process has not restored its register s%lu", n);
}
