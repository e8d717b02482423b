/* System calls: the number in a7 picks the handler, a0 to a5 are its arguments, the result goes to a0. All
 * other registers come back as they were. The number is checked with all its 64 bits. */
#include "trap/syscall.h"

#include "abi/errno.h"
#include "proc/proc.h"
#include "trap/riscv.h"
#include "trap/trap.h"
#include "trap/trapframe.h"

static syscall_fn *const handlers[] = {
#define SYSCALL(number, name, kinds) [number] = sys_##name,
#include "abi/syscalls.h"
#undef SYSCALL
};

void trap_syscall(struct trapframe *tf)
{
    uint64_t number = tf->a7, arg0 = tf->a0;

    irq_enable();
    tf->epc += 4; /* behind the ecall */
    if (unlikely(number >= ARRAY_SIZE(handlers) || !handlers[number]))
        tf->a0 = -ENOSYS;
    else
        tf->a0 = handlers[number](tf->a);
    irq_disable();
    struct proc *p = current();
    if (unlikely(__atomic_load_n(&p->attention, __ATOMIC_RELAXED))) {
        p->interrupted_arg0 = arg0;
        /* Sleeping is never started again: it would take longer than asked for. */
        p->interrupted_call = (int64_t)tf->a0 == -EINTR && handlers[number] != sys_nanosleep &&
                              handlers[number] != sys_clock_nanosleep;
        trap_before_user(tf);
        p->interrupted_call = false;
    }
}
