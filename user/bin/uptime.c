/* uptime: the time, how long the machine has been running, and how much is running (over 1, 5 and 15
 * minutes). */
#include "user/lode.h"

int main(void)
{
    struct abi_timespec now;
    char *up = read_file("/proc/uptime"), *load = read_file("/proc/loadavg");
    if (!up || !load)
        die(up ? "/proc/loadavg" : "/proc/uptime");
    clock_gettime(CLOCK_REALTIME, &now);
    struct utc t = utc_from_seconds(now.sec);
    uint64_t seconds = strtoul(up, NULL, 10), days = seconds / 86400;
    out_printf("%02d:%02d:%02d up ", t.hour, t.minute, t.second);
    if (days)
        out_printf("%lu day%s, ", days, days == 1 ? "" : "s");
    char *averages[3];
    for (int i = 0; i < 3; i++) {
        averages[i] = load;
        load = strchr(load, ' ');
        if (!load)
            diex("/proc/loadavg: not as expected");
        *load++ = 0;
    }
    out_printf("%02lu:%02lu:%02lu, load average: %s, %s, %s\n", seconds / 3600 % 24, seconds / 60 % 60,
               seconds % 60, averages[0], averages[1], averages[2]);
    out_flush();
    return 0;
}
