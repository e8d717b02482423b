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
 * again. Sleeping never does: it would take longer than asked for. Nor does rt_sigreturn, after which the registers
 * hold what the program wants: -EINTR in a0 means nothing, and a7 is any number. */
__attribute__((noinline)) static void attend(struct trapframe *tf, syscall_fn *handler, int64_t result)
{
    struct proc *p = current();

    p->interrupted_call = result == -EINTR && handler != sys_nanosleep && handler != sys_clock_nanosleep &&
                          handler != sys_rt_sigreturn;
    p->interrupted_arg0 = tf->a0;
    tf->a0 = (uint64_t)result;
    trap_before_user(tf);
    p->interrupted_call = false;
}

void trap_syscall(struct trapframe *tf)
{
    syscall_fn *handler = likely(tf->a7 < ARRAY_SIZE(handlers)) ? handlers[tf->a7] : NULL;

    irq_enable();
    tf->epc += 4; /* behind the ecall */
    int64_t result = likely(handler) ? handler(tf->a) : -ENOSYS;
    irq_disable();
    if (unlikely(__atomic_load_n(&current()->attention, __ATOMIC_RELAXED)))
        attend(tf, handler, result);
    else
        tf->a0 = (uint64_t)result;
}
