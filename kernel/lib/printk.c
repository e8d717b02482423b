/* Kernel messages.
 *
 * A message is formatted on the stack, appended to the log (a ring of the last 64 KB, read by dmesg) and
 * handed to the console. log_lock protects the ring; its rank is the highest, so printk works under any
 * other lock, and the console is called without it. Relies on current() alone, so it works from the first
 * line of C on. */
#include "lib/printk.h"
#include "drivers/drivers.h"
#include "lib/string.h"
#include "sync/spinlock.h"

#define LOG_SIZE    65536u
#define MESSAGE_MAX 400 /* longer ones are cut: kernel stacks are small */

static struct spinlock log_lock = SPINLOCK_INIT("log", RANK_LOG);
static char log_ring[LOG_SIZE];
static uint64_t log_end; /* bytes ever logged; the next goes to log_ring[log_end % LOG_SIZE] */

/* Copies n bytes, the first of which has number `from`, out of the ring or (out NULL) into it. */
static void log_copy(uint64_t from, size_t n, char *out, const char *in)
{
    while (n > 0) {
        size_t at = from % LOG_SIZE, k = MIN(n, LOG_SIZE - at);
        if (out != NULL) {
            memcpy(out, log_ring + at, k);
            out += k;
        } else {
            memcpy(log_ring + at, in, k);
            in += k;
        }
        from += k;
        n -= k;
    }
}

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
    bool lock = !panicked; /* after a panic its holder may never let go */
    if (lock)
        spin_lock(&log_lock);
    log_copy(log_end, n, NULL, message);
    log_end += n;
    if (lock)
        spin_unlock(&log_lock);
    console_kernel_write(message, n);
}

size_t printk_log_size(void)
{
    return MIN(__atomic_load_n(&log_end, __ATOMIC_RELAXED), LOG_SIZE);
}

size_t printk_read_log(char *buf, size_t n)
{
    spin_lock(&log_lock);
    n = MIN(n, MIN(log_end, LOG_SIZE));
    log_copy(log_end - n, n, buf, NULL);
    spin_unlock(&log_lock);
    return n;
}
