/* Devices without hardware: null, zero, full, random and urandom. */
#include "abi/errno.h"
#include "drivers/drivers.h"
#include "fs/file.h"
#include "lib/string.h"
#include "proc/proc.h"

enum { NULL_MINOR = 3, ZERO_MINOR = 5, FULL_MINOR = 7, RANDOM_MINOR = 8, URANDOM_MINOR = 9 };

static ssize_t memdev_read(unsigned minor, struct uio *u, int flags)
{
    size_t wanted = u->left;
    uint8_t random[256];
    int err = 0;

    (void)flags;
    if (minor == NULL_MINOR)
        return 0;
    /* In small steps: a request may be for gigabytes, and a signal must end it. */
    while (u->left && !err && (u->left == wanted || !signal_pending())) {
        if (minor == ZERO_MINOR || minor == FULL_MINOR) {
            err = uio_zero(u, MIN(u->left, 16 * PAGE_SIZE));
        } else {
            size_t n = MIN(u->left, sizeof(random));
            random_bytes(random, n);
            err = uio_read(u, random, n);
        }
    }
    memset(random, 0, sizeof(random)); /* what somebody may use as a key does not stay on the stack */
    return u->left < wanted ? (ssize_t)(wanted - u->left) : err;
}

static ssize_t memdev_write(unsigned minor, struct uio *u, int flags)
{
    size_t n = u->left;

    (void)flags;
    if (minor == FULL_MINOR)
        return -ENOSPC;
    u->addr += n;
    u->left = 0;
    return n;
}

void memdev_init(void)
{
    static const struct chrdev_ops ops = {.read = memdev_read, .write = memdev_write};

    chrdev_register(MEMDEV_MAJOR, &ops);
}
