/* The disk: a virtio block device (VIRTIO 1.1, section 5.2).
 *
 * A bio becomes a chain of descriptors: a header, the data, with blocks that are neighbours in memory merged,
 * and a status byte that the device writes. Several are in flight; those that find no free descriptors wait
 * in `queue`, first in first out. The interrupt handler takes completions, starts waiting ones and calls
 * done.
 *
 * disk_lock protects the virtqueue, `queue` and `in_flight`; done is called without it. A device that breaks
 * the rules is reset and fails all requests, now and later: no caller waits for ever. */
#include "abi/errno.h"
#include "drivers/drivers.h"
#include "drivers/virtio.h"
#include "fs/disk.h"
#include "lib/printk.h"
#include "mm/slab.h"
#include "sync/spinlock.h"

/* Features (5.2.3) and configuration (5.2.4). */
#define FEATURE_SEG_MAX (1ull << 2)
#define FEATURE_RO      (1ull << 5)
#define FEATURE_FLUSH   (1ull << 9)
#define CONFIG_CAPACITY 0 /* 64 bits, in sectors */
#define CONFIG_SEG_MAX  12

/* Requests (5.2.6). */
#define TYPE_IN      0
#define TYPE_OUT     1
#define TYPE_FLUSH   4
#define STATUS_OK    0
#define STATUS_UNSET 0xff /* ours: the device has not written any */

#define SECTORS_PER_BLOCK (FS_BLOCK_SIZE / 512)
#define DESC_MAX          (BIO_MAX_BLOCKS + 2) /* that one bio may need */

struct request {
    uint32_t type, reserved; /* the header as the device reads it */
    uint64_t sector;
    uint8_t status; /* written by the device */
    struct bio *bio;
};

static struct spinlock disk_lock = SPINLOCK_INIT("disk", RANK_DISK);
static struct virtio_device *disk; /* c  NULL: there is none */
static struct virtq vq;
static struct request *requests; /* by head; bio NULL: not in flight */
static struct list queue = LIST_INIT(queue);
static bool broken;

/* Hands b to the device; there are DESC_MAX free descriptors. The head is the first descriptor to be added,
 * so it is known which request structure belongs to the chain. */
static void start(struct bio *b)
{
    struct request *r = &requests[vq.free_head];
    r->type = b->op == BIO_READ ? TYPE_IN : b->op == BIO_WRITE ? TYPE_OUT : TYPE_FLUSH;
    r->sector = (uint64_t)b->block * SECTORS_PER_BLOCK; /* 0 in a flush, as 5.2.6.1 wants it */
    r->status = STATUS_UNSET;
    r->bio = b;
    virtq_add(&vq, r, offsetof(struct request, status), false);
    for (unsigned i = 0, n; i < b->nblocks; i += n) {
        for (n = 1; i + n < b->nblocks && b->data[i + n] == (uint8_t *)b->data[i] + n * FS_BLOCK_SIZE; n++)
            ;
        virtq_add(&vq, b->data[i], n * FS_BLOCK_SIZE, b->op == BIO_READ);
    }
    virtq_add(&vq, &r->status, 1, true);
    virtq_submit(&vq);
}

static void start_waiting(void)
{
    bool started = false;
    while (!list_empty(&queue) && vq.nfree >= DESC_MAX) {
        struct bio *b = list_first(&queue, struct bio, link);
        list_remove(&b->link);
        start(b);
        started = true;
    }
    if (started)
        virtq_notify(&vq);
}

/* Stops the device and moves all of its bios to `finished`, failed. */
static void give_up(struct list *finished)
{
    struct bio *b;
    printk("lode: the disk reports requests that it does not have: it is given up\n");
    broken = true;
    virtio_stop(disk);
    for (unsigned i = 0; i < vq.size; i++) {
        if (requests[i].bio != NULL)
            list_push_back(&queue, &requests[i].bio->link);
        requests[i].bio = NULL;
    }
    list_for_each_entry (b, &queue, link)
        b->status = -EIO;
    list_splice_back(finished, &queue);
}

/* The result of a request that the device has finished, having written so many bytes: data and status. */
static int result_of(const struct request *r, uint32_t written)
{
    static const char *const names[] = {[BIO_READ] = "read", [BIO_WRITE] = "write", [BIO_FLUSH] = "flush"};
    const struct bio *b = r->bio;
    uint8_t status = __atomic_load_n(&r->status, __ATOMIC_RELAXED);
    if (status == STATUS_OK && (b->op != BIO_READ || written > b->nblocks * FS_BLOCK_SIZE))
        return 0;
    printk("lode: disk error: %s of %u blocks at block %u: status %u\n", names[b->op], b->nblocks, b->block,
           status);
    return -EIO;
}

static void interrupt(void *arg)
{
    struct list finished = LIST_INIT(finished);
    uint32_t written;
    int head = -EAGAIN;
    (void)arg;
    spin_lock(&disk_lock);
    virtio_ack(disk);
    while (!broken && (head = virtq_take(&vq, &written)) >= 0) {
        struct bio *b = requests[head].bio;
        b->status = result_of(&requests[head], written);
        requests[head].bio = NULL;
        list_push_back(&finished, &b->link);
    }
    if (head == -EIO)
        give_up(&finished);
    start_waiting();
    spin_unlock(&disk_lock);
    while (!list_empty(&finished)) {
        struct bio *b = list_first(&finished, struct bio, link);
        list_remove(&b->link);
        b->done(b); /* b may be gone now */
    }
}

static void submit(struct bio *b)
{
    spin_lock(&disk_lock);
    bool dead = broken;
    /* Without that feature the device has no cache that could lose writes: nothing to do. */
    bool nothing = !dead && b->op == BIO_FLUSH && !(disk->features & FEATURE_FLUSH);
    if (!dead && !nothing) {
        list_push_back(&queue, &b->link);
        start_waiting();
    }
    spin_unlock(&disk_lock);
    if (dead || nothing)
        disk_finish(b, dead ? -EIO : 0);
}

void virtio_blk_probe(struct virtio_device *dev)
{
    const char *why = NULL;
    if (disk_blocks() != 0) {
        printk("lode: a second disk is not used\n");
        return;
    }
    if (!virtio_open(dev, FEATURE_SEG_MAX | FEATURE_RO | FEATURE_FLUSH, &vq))
        return;
    if (vq.size < DESC_MAX ||
        (dev->features & FEATURE_SEG_MAX && virtio_config32(dev, CONFIG_SEG_MAX) < BIO_MAX_BLOCKS))
        why = "takes too few pieces of memory in one request";
    else if ((requests = kzalloc(vq.size * sizeof(*requests))) == NULL)
        why = "needs more memory";
    else if (!plic_enable(dev->irq, interrupt, NULL))
        why = "has no interrupt";
    if (why != NULL) {
        printk("lode: a disk is not used: it %s\n", why);
        virtio_stop(dev);
        return;
    }
    uint64_t sectors = virtio_config32(dev, CONFIG_CAPACITY);
    sectors |= (uint64_t)virtio_config32(dev, CONFIG_CAPACITY + 4) << 32;
    disk = dev;
    disk_register(sectors / SECTORS_PER_BLOCK, submit);
    virtio_go(dev);
    printk("lode: disk: %lu MB, queue of %u, interrupt %u, %s%s\n", sectors >> 11, vq.size, dev->irq,
           dev->features & FEATURE_FLUSH ? "flushed on demand" : "no write cache",
           dev->features & FEATURE_RO ? ", read-only" : "");
}
