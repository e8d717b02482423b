/* Devices without hardware: null, zero, full, random and urandom. */
#include "abi/errno.h"
#include "drivers/drivers.h"
#include "fs/file.h"
#include "lib/string.h"
#include "proc/proc.h"

enum { MAJOR = 1, NULL_MINOR = 3, ZERO_MINOR = 5, FULL_MINOR = 7, RANDOM_MINOR = 8, URANDOM_MINOR = 9 };

static ssize_t memdev_read(struct file *f, struct uio *u, uint64_t *at)
{
    unsigned minor = DEV_MINOR(f->inode->rdev);
    bool zeros = minor == ZERO_MINOR || minor == FULL_MINOR;
    size_t wanted = u->left;
    uint8_t random[256];
    int err = 0;
    (void)at;
    if (!zeros && minor != RANDOM_MINOR && minor != URANDOM_MINOR)
        return minor == NULL_MINOR ? 0 : -ENXIO;
    do { /* in small steps: a request may be for gigabytes, and a signal must end it */
        size_t n = MIN(u->left, zeros ? 16 * PAGE_SIZE : sizeof(random));
        if (!zeros)
            random_bytes(random, n);
        err = zeros ? uio_zero(u, n) : uio_read(u, random, n);
    } while (u->left && !err && !signal_pending());
    memset(random, 0, sizeof(random)); /* what somebody may use as a key does not stay on the stack */
    return u->left < wanted ? (ssize_t)(wanted - u->left) : err;
}

static ssize_t memdev_write(struct file *f, struct uio *u, uint64_t *at)
{
    unsigned minor = DEV_MINOR(f->inode->rdev);
    (void)at;
    if (minor == FULL_MINOR)
        return -ENOSPC;
    return minor >= NULL_MINOR && minor <= URANDOM_MINOR ? (ssize_t)u->left : -ENXIO;
}

/* Every place is like every other. */
static int64_t memdev_seek(struct file *f, int64_t offset, int whence)
{
    (void)f, (void)offset, (void)whence;
    return 0;
}

void memdev_init(void)
{
    static const struct file_ops ops = {.read = memdev_read, .write = memdev_write, .seek = memdev_seek};
    device_register(MAJOR, &ops);
}
