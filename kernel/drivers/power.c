/* Switching the machine off. The sifive_test device hands an exit status to whoever runs QEMU (its registers:
 * hw/misc/sifive_test in QEMU's documentation of the virt board); without it the firmware's system reset
 * extension does, and knows only success and failure. */
#include "boot/sbi.h"
#include "drivers/drivers.h"
#include "drivers/mmio.h"
#include "lib/printk.h"
#include "trap/riscv.h"

#define TEST_PASS  0x5555u
#define TEST_FAIL  0x3333u /* the status in the upper 16 bits */
#define TEST_RESET 0x7777u

/* SBI specification 1.0, chapter 10: types and reasons. */
#define RESET_SHUTDOWN       0
#define RESET_COLD_REBOOT    1
#define RESET_NO_REASON      0
#define RESET_SYSTEM_FAILURE 1

static void *test_device; /* NULL: there is none, or it is not mapped yet */

void power_init(void)
{
    test_device = mmio_map(&machine.test);
}

/* By the device, which acts at once, or by the firmware, which returns only where it cannot. */
static _Noreturn void leave(uint32_t device_value, uint32_t type, uint32_t reason)
{
    uart_flush();
    irq_disable();
    if (test_device != NULL)
        mmio_write32(test_device, device_value);
    sbi_system_reset(type, reason);
    printk("lode: this machine cannot be switched off by software\n");
    uart_flush();
    for (;;)
        wfi();
}

void machine_power_off(int status)
{
    uint32_t value = status == 0 ? TEST_PASS : (uint32_t)status << 16 | TEST_FAIL;
    leave(value, RESET_SHUTDOWN, status == 0 ? RESET_NO_REASON : RESET_SYSTEM_FAILURE);
}

void machine_reboot(void)
{
    leave(TEST_RESET, RESET_COLD_REBOOT, RESET_NO_REASON);
}
