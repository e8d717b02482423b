/* The virtio entropy device (VIRTIO 1.1, section 5.4): fills the memory it is given with random bytes. Used
 * at boot only, before anything could sleep, so it is polled and needs no interrupt. */
#include "boot/machine.h"
#include "drivers/drivers.h"
#include "drivers/virtio.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "trap/riscv.h"

#define WAIT_MAX 10 /* tenths of a second until the device counts as dead */

static struct virtio_device *device; /* NULL: there is none */
static struct virtq queue;

void virtio_rng_probe(struct virtio_device *dev)
{
    if (device != NULL || !virtio_begin(dev, 0) || !virtq_init(dev, &queue, 0))
        return;
    virtio_go(dev);
    device = dev;
}

bool virtio_rng_read(void *buf, size_t n)
{
    uint16_t head;
    uint32_t written = 0;
    uint8_t *bounce = device != NULL ? kzalloc(n) : NULL; /* buf may not be in the direct map */
    if (bounce == NULL)
        return false;
    virtq_add(&queue, bounce, (uint32_t)n, true);
    virtq_submit(&queue);
    virtq_notify(&queue);
    enum virtq_result result;
    uint64_t start = rdtime();
    do {
        result = virtq_take(&queue, &head, &written);
    } while (result == VIRTQ_NOTHING && rdtime() - start < machine.timebase / 10 * WAIT_MAX);
    virtio_ack(device);
    bool good = result == VIRTQ_DONE && written > 0;
    if (good) {
        memcpy(buf, bounce, n);
    } else {
        virtio_stop(device); /* it must not write to memory that is given back */
        device = NULL;
    }
    kfree(bounce);
    return good;
}
