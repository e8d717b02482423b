/* Where a program begins. The kernel has left on the stack (16-byte aligned): argc, the argv pointers, NULL,
 * the environment's pointers, NULL, the auxiliary vector.
 *
 *   1. gp: the linker shortens accesses to small data relative to it
 *   2. the stack pointer as argument to lib_start, which does not return
 */
.section .text.start, "ax"
.globl _start
_start:
.option push
.option norelax
    la gp, __global_pointer$ /* 1 */
.option pop
    mv a0, sp /* 2 */
    tail lib_start

/* The stubs of the system calls: sys_NAME for each line of the table. Arguments arrive where the kernel
 * expects them, and what it returns is returned. */
#define SYSCALL(number, name, kinds) \
    .section .text.sys_##name, "ax"; \
    .globl sys_##name; \
    .type sys_##name, @function; \
sys_##name: \
    li a7, number; \
    ecall; \
    ret;
#include "abi/syscalls.h"

/* getpid cannot fail, so it is its own stub. */
.globl getpid
.set getpid, sys_getpid

.section .note.GNU-stack, "", @progbits
