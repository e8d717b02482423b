/* The Goldfish real-time clock: nanoseconds since 1970 in two halves. Reading the lower one latches the
 * upper one, so it comes first (Android's goldfish virtual hardware, "Goldfish RTC"). */
#include "abi/time.h"
#include "drivers/drivers.h"
#include "drivers/mmio.h"
#include "lib/printk.h"
#include "trap/timer.h"

#define RTC_TIME_LOW  0x00
#define RTC_TIME_HIGH 0x04

void rtc_init(void)
{
    uint8_t *regs = mmio_map(&machine.rtc);
    if (regs == NULL) {
        printk("lode: no real-time clock: the date starts in 1970\n");
        return;
    }
    uint64_t low = mmio_read32(regs + RTC_TIME_LOW);
    uint64_t high = mmio_read32(regs + RTC_TIME_HIGH);
    uint64_t seconds = (high << 32 | low) / NSEC_PER_SEC;
    time_set_of_day(high << 32 | low);
    printk("lode: real-time clock: %02lu:%02lu:%02lu UTC\n", seconds / 3600 % 24, seconds / 60 % 60,
           seconds % 60);
}
