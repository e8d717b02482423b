/* Page arithmetic, and the registers that a program may read. */
#pragma once
#include "kernel/types.h"

#define PGSIZE  4096
#define PGSHIFT 12

#define PGROUNDUP(size)   (((size) + PGSIZE - 1) & ~(PGSIZE - 1))
#define PGROUNDDOWN(addr) (((addr)) & ~(PGSIZE - 1))

#define MAXVA (1L << 38) /* the first address above user memory */

static inline uint64 r_sp(void)
{
    uint64 value;
    __asm__ volatile("mv %0, sp" : "=r"(value));
    return value;
}

static inline uint64 r_time(void)
{
    uint64 value;
    __asm__ volatile("rdtime %0" : "=r"(value));
    return value;
}
