/* The virtio entropy device (VIRTIO 1.1, section 5.4): fills the memory it is given with random bytes. Used
 * at boot only, before anything could sleep, so it is polled and needs no interrupt. */
#include "abi/errno.h"
#include "boot/machine.h"
#include "drivers/drivers.h"
#include "drivers/virtio.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "trap/riscv.h"

static struct virtq queue; /* queue.dev NULL: there is no device */

void virtio_rng_probe(struct virtio_device *dev)
{
    if (queue.dev == NULL && virtio_open(dev, 0, &queue))
        virtio_go(dev);
}

size_t virtio_rng_read(void *buf, size_t n)
{
    uint32_t written = 0;
    uint8_t *bounce = queue.dev != NULL ? kzalloc(n) : NULL; /* buf may not be in the direct map */
    if (bounce == NULL)
        return 0;
    virtq_add(&queue, bounce, (uint32_t)n, true);
    virtq_submit(&queue);
    virtq_notify(&queue);
    int head;
    uint64_t start = rdtime();
    do
        head = virtq_take(&queue, &written);
    while (head == -EAGAIN && rdtime() - start < machine.timebase); /* 1 s: then it counts as dead */
    virtio_stop(queue.dev); /* it has done its work, or must not write to memory that is given back */
    queue.dev = NULL;
    n = head >= 0 ? MIN(written, n) : 0;
    memcpy(buf, bounce, n);
    kfree(bounce);
    return n;
}
