/* The disk, of whichever kind: what the drivers of disks share. The one that has found a disk registers it.
 *
 * wait_lock protects disk_wait's flag, and nothing else: it is never held while the driver is called. */
#include "fs/disk.h"

#include "abi/errno.h"
#include "debug/debug.h"
#include "drivers/drivers.h"
#include "sync/wait.h"

static struct spinlock wait_lock = SPINLOCK_INIT("disk wait", RANK_DISK);
static uint64_t nblocks;                    /* c  0: there is no disk */
static void (*driver_submit)(struct bio *); /* c */
static struct disk_counts counts;           /* a */

void disk_register(uint64_t blocks, void (*submit)(struct bio *))
{
    nblocks = blocks;
    driver_submit = submit;
}

uint64_t disk_blocks(void)
{
    return nblocks;
}

void disk_finish(struct bio *b, int status)
{
    irq_push();
    b->status = status;
    b->done(b); /* b may be gone now */
    irq_pop();
}

struct disk_counts disk_counts(void)
{
    struct disk_counts now;

    for (unsigned op = 0; op < ARRAY_SIZE(now.requests); op++) {
        now.requests[op] = __atomic_load_n(&counts.requests[op], __ATOMIC_RELAXED);
        now.blocks[op] = __atomic_load_n(&counts.blocks[op], __ATOMIC_RELAXED);
    }
    return now;
}

void disk_submit(struct bio *b)
{
    __atomic_fetch_add(&counts.requests[b->op], 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&counts.blocks[b->op], b->nblocks, __ATOMIC_RELAXED);
    if (driver_submit != NULL && likely(!debug_fails(FAIL_READ + b->op)))
        driver_submit(b);
    else
        disk_finish(b, -EIO);
}

static void wake_waiter(struct bio *b)
{
    spin_lock(&wait_lock);
    *(bool *)b->arg = true;
    wakeup(b);
    spin_unlock(&wait_lock); /* from here on b may be gone */
}

int disk_wait(struct bio *b)
{
    bool done = false;
    b->done = wake_waiter;
    b->arg = &done;
    disk_submit(b);
    spin_lock(&wait_lock);
    while (!done)
        sleep(b, &wait_lock);
    spin_unlock(&wait_lock);
    return b->status;
}

int disk_flush(void)
{
    struct bio b = {.op = BIO_FLUSH};
    return disk_wait(&b);
}
