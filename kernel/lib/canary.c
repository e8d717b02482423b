/* Canaries: where a function has written beyond an array in its frame.
 *
 * The compiler (-fstack-protector) puts __stack_chk_guard between a frame's arrays and the return address, and
 * compares before the return. It is drawn at boot, so that nobody can know it and write it back. Its lowest byte, the
 * first in memory, is 0: what copies a string stops there.
 *
 * This file is compiled without: the value changes in here. */
#include "drivers/drivers.h"
#include "lib/printk.h"

_Noreturn void __stack_chk_fail(void);
uintptr_t __stack_chk_guard = 0x5ca1ab1e0ddba100ul; /* until canary_init */

void canary_init(void)
{
    uintptr_t drawn;

    random_bytes(&drawn, sizeof(drawn));
    __stack_chk_guard = drawn & ~0xfful;
}

void __stack_chk_fail(void)
{
    panic("a function wrote beyond an array on its stack; it was about to return\n  at 0x%lx",
          (uintptr_t)__builtin_return_address(0));
}
