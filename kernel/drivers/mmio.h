/* Access to device registers. The volatile access has exactly the device's width: plain stores could be
 * merged by the compiler. The fences order them against memory (RISC-V Unprivileged ISA, "FENCE"). */
#pragma once
#include "boot/machine.h"
#include "lib/types.h"
#include "mm/aspace.h"

/* The registers of a device that the device tree lists; NULL where it does not. Boot only. */
static inline void *mmio_map(const struct mem_range *r)
{
    return r->start != r->end ? kvm_map_device(r->start, r->end - r->start) : NULL;
}

#define MMIO_ACCESS(bits)                                                                                    \
    static inline uint##bits##_t mmio_read##bits(const volatile void *reg)                                   \
    {                                                                                                        \
        uint##bits##_t v = *(const volatile uint##bits##_t *)reg;                                            \
        __asm__ volatile("fence i, rw" ::: "memory");                                                        \
        return v;                                                                                            \
    }                                                                                                        \
    static inline void mmio_write##bits(volatile void *reg, uint##bits##_t v)                                \
    {                                                                                                        \
        __asm__ volatile("fence rw, o" ::: "memory");                                                        \
        *(volatile uint##bits##_t *)reg = v;                                                                 \
    }
MMIO_ACCESS(8)
MMIO_ACCESS(32)
