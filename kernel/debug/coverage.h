/* A build with COVERAGE=1 knows which of its code has run (coverage.c). */
#pragma once
#include <stdint.h>

struct coverage_head {
    uint64_t base;  /* address of the first bit's place */
    uint64_t count; /* bits that are set */
};

#ifdef LODE_COVERAGE
void coverage_init(void); /* boot: makes the device */
#else
static inline void coverage_init(void)
{
}
#endif
