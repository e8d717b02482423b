/* System calls: the number in a7 picks the handler, a0 to a5 are its arguments, the result goes to a0. All
 * other registers come back as they were. The number is checked with all its 64 bits. */
#include "trap/syscall.h"

#include "abi/errno.h"
#include "trap/trap.h"
#include "trap/trapframe.h"

static syscall_fn *const handlers[] = {
#define SYSCALL(number, name, kinds) [number] = sys_##name,
#include "abi/syscalls.h"
#undef SYSCALL
};

static const char *const names[] = {
#define SYSCALL(number, name, kinds) [number] = #name,
#include "abi/syscalls.h"
#undef SYSCALL
};

void syscall_dispatch(struct trapframe *tf)
{
    uint64_t number = tf->a7;

    if (unlikely(number >= ARRAY_SIZE(handlers) || !handlers[number]))
        tf->a0 = -ENOSYS;
    else
        tf->a0 = handlers[number](tf->a);
}

const char *syscall_name(uint64_t number)
{
    return number < ARRAY_SIZE(names) ? names[number] : NULL;
}
