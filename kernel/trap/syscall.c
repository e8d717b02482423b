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

/* There is more to do before the program goes on. A signal handler that interrupts the call may have it start
 * again, for which it needs what was in a0. Sleeping never starts again: it would take longer than asked for.
 */
static void attend(struct trapframe *tf, uint64_t arg0)
{
    struct proc *p = current();

    p->interrupted_arg0 = arg0;
    p->interrupted_call = (int64_t)tf->a0 == -EINTR && handlers[tf->a7] != sys_nanosleep &&
                          handlers[tf->a7] != sys_clock_nanosleep;
    trap_before_user(tf);
    p->interrupted_call = false;
}

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
    if (unlikely(__atomic_load_n(&current()->attention, __ATOMIC_RELAXED)))
        attend(tf, arg0);
}
