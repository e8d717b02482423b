/* Calls into the firmware (RISC-V SBI specification 1.0). */
#pragma once
#include "lib/types.h"

/* Error codes are negative (chapter 3, table 1); value and error come back together. */
struct sbi_ret {
    int64_t error, value;
};

void sbi_init(void);                                /* finds out which extensions there are: */
extern bool sbi_has_time, sbi_has_ipi, sbi_has_hsm; /* c */

void sbi_putchar(int c);           /* legacy console, early messages only */
void sbi_set_timer(uint64_t time); /* in ticks of the time CSR */
void sbi_send_ipi(uint64_t hartid);
struct sbi_ret sbi_hart_start(uint64_t hartid, paddr_t entry, uint64_t opaque);
struct sbi_ret sbi_system_reset(uint32_t type, uint32_t reason); /* returns only on failure */
