/* Calls into the firmware (RISC-V SBI specification 1.0; chapter numbers below). */
#include "boot/sbi.h"

/* Extension ids and function ids. */
#define SBI_LEGACY_PUTCHAR 0x01 /* 5.2 */
#define SBI_BASE           0x10 /* 4 */
#define SBI_BASE_PROBE     3
#define SBI_TIME           0x54494d45 /* 6 */
#define SBI_IPI            0x735049   /* 7 */
#define SBI_HSM            0x48534d   /* 9 */
#define SBI_SRST           0x53525354 /* 10 */

bool sbi_has_time, sbi_has_ipi, sbi_has_hsm;

static struct sbi_ret call(uint64_t ext, uint64_t fid, uint64_t arg0, uint64_t arg1, uint64_t arg2,
                           uint64_t arg3)
{
    register uint64_t a0 __asm__("a0") = arg0;
    register uint64_t a1 __asm__("a1") = arg1;
    register uint64_t a2 __asm__("a2") = arg2;
    register uint64_t a3 __asm__("a3") = arg3;
    register uint64_t a6 __asm__("a6") = fid;
    register uint64_t a7 __asm__("a7") = ext;

    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a3), "r"(a6), "r"(a7) : "memory");
    return (struct sbi_ret){a0, a1};
}

static bool probe(uint64_t ext)
{
    struct sbi_ret r = call(SBI_BASE, SBI_BASE_PROBE, ext, 0, 0, 0);
    return r.error == 0 && r.value != 0;
}

void sbi_init(void)
{
    sbi_has_time = probe(SBI_TIME);
    sbi_has_ipi = probe(SBI_IPI);
    sbi_has_hsm = probe(SBI_HSM);
}

void sbi_putchar(int c)
{
    call(SBI_LEGACY_PUTCHAR, 0, c, 0, 0, 0);
}

void sbi_set_timer(uint64_t time)
{
    call(SBI_TIME, 0, time, 0, 0, 0);
}

void sbi_send_ipi(uint64_t hartid)
{
    call(SBI_IPI, 0, 1, hartid, 0, 0);
}

struct sbi_ret sbi_hart_start(uint64_t hartid, paddr_t entry, uint64_t opaque)
{
    return call(SBI_HSM, 0, hartid, entry, opaque, 0);
}

struct sbi_ret sbi_system_reset(uint32_t type, uint32_t reason)
{
    return call(SBI_SRST, 0, type, reason, 0, 0);
}
