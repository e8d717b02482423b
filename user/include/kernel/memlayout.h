/* Addresses that programs written for xv6 know. In lode, too, none of them is a program's to touch. */
#pragma once
#include "kernel/riscv.h"

#define KERNBASE   0x80000000L
#define PHYSTOP    (KERNBASE + 128L * 1024 * 1024)
#define TRAMPOLINE (MAXVA - PGSIZE)
#define TRAPFRAME  (TRAMPOLINE - PGSIZE) /* the stack ends below */
