/* Access to device registers. The volatile access has exactly the device's width: plain stores could be
 * merged by the compiler. The fences order them against memory (RISC-V Unprivileged ISA, "FENCE"). */
#pragma once
#include "lib/types.h"

static inline uint32_t mmio_read32(const volatile void *reg)
{
    uint32_t v = *(const volatile uint32_t *)reg;
    __asm__ volatile("fence i, rw" ::: "memory");
    return v;
}
static inline void mmio_write32(volatile void *reg, uint32_t v)
{
    __asm__ volatile("fence rw, o" ::: "memory");
    *(volatile uint32_t *)reg = v;
}
static inline uint8_t mmio_read8(const volatile void *reg)
{
    uint8_t v = *(const volatile uint8_t *)reg;
    __asm__ volatile("fence i, rw" ::: "memory");
    return v;
}
static inline void mmio_write8(volatile void *reg, uint8_t v)
{
    __asm__ volatile("fence rw, o" ::: "memory");
    *(volatile uint8_t *)reg = v;
}
