/* The Goldfish real-time clock: nanoseconds since 1970 in two halves. Reading the lower one latches the
 * upper one, so it comes first (Android's goldfish virtual hardware, "Goldfish RTC"). */
#include "boot/machine.h"
#include "drivers/drivers.h"
#include "drivers/mmio.h"
#include "mm/aspace.h"
#include "trap/timer.h"

#define RTC_TIME_LOW  0x00
#define RTC_TIME_HIGH 0x04

void rtc_init(void)
{
    if (machine.rtc.start == machine.rtc.end)
        return;
    uint8_t *regs = kvm_map_device(machine.rtc.start, machine.rtc.end - machine.rtc.start);
    uint64_t low = mmio_read32(regs + RTC_TIME_LOW);
    uint64_t high = mmio_read32(regs + RTC_TIME_HIGH);
    time_set_of_day(high << 32 | low);
}
