/* Kernel messages.
 *
 * A message is formatted on the stack, appended to the log (a ring of the last 64 KB, read by dmesg) and
 * handed to the serial port. log_lock protects the ring; its rank is the highest, so printk works under any
 * other lock, and the port is called without it. Relies on current() alone, so it works from the first line
 * of C on. */
#include "lib/printk.h"
#include "drivers/drivers.h"
#include "lib/string.h"
#include "sync/spinlock.h"

#define LOG_SIZE    65536u
#define MESSAGE_MAX 400 /* longer ones are cut: kernel stacks are small */

static struct spinlock log_lock = SPINLOCK_INIT("log", RANK_LOG);
static char log_ring[LOG_SIZE];
static uint64_t log_end; /* bytes ever logged; the next goes to log_ring[log_end % LOG_SIZE] */

void printk(const char *format, ...)
{
    char message[MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    size_t n = (size_t)vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    if (n >= sizeof(message)) {
        n = sizeof(message) - 1;
        memcpy(message + n - 4, "...\n", 4);
    }
    bool lock = !panicking(); /* the lock's holder may never let go */
    if (lock)
        spin_lock(&log_lock);
    for (size_t i = 0; i < n; i++)
        log_ring[log_end++ % LOG_SIZE] = message[i];
    if (lock)
        spin_unlock(&log_lock);
    uart_write_atomic(message, n);
}

size_t printk_log_size(void)
{
    return MIN(__atomic_load_n(&log_end, __ATOMIC_RELAXED), LOG_SIZE);
}

size_t printk_read_log(char *buf, size_t n)
{
    spin_lock(&log_lock);
    n = MIN(n, MIN(log_end, LOG_SIZE));
    for (size_t i = 0; i < n; i++)
        buf[i] = log_ring[(log_end - n + i) % LOG_SIZE];
    spin_unlock(&log_lock);
    return n;
}
