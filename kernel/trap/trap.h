/* Traps: the C side of trampoline.S. */
#pragma once
#include "lib/types.h"

struct trapframe;

void trap_init_hart(void); /* stvec and the interrupts that a hart takes */

/* Called by trampoline.S only, interrupts off. */
void trap_syscall(struct trapframe *tf); /* syscall.c */
void trap_user(struct trapframe *tf, uint64_t cause);
void trap_kernel(struct trapframe *tf, uint64_t cause);
_Noreturn void trap_stack_overflow(uint64_t sp, uint64_t pc);
_Noreturn void trap_bad_switch(unsigned long n); /* debug kernels */

/* What every way to user mode ends with: gives way if its time is up, delivers signals. Returns with
 * interrupts off, and they stay off until sret. */
void trap_before_user(struct trapframe *tf);
