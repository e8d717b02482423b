/* Virtio devices behind memory-mapped registers, and their queues (VIRTIO 1.1; section numbers in virtio.c).
 * Private to the drivers. The callers serialise what they do with one queue. */
#pragma once
#include "lib/types.h"

#define VIRTIO_ID_BLOCK   2
#define VIRTIO_ID_ENTROPY 4

#define VIRTQ_SIZE_MAX 256

struct virtq_desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next;
};

struct virtio_device {
    uint8_t *regs;
    unsigned irq;
    uint64_t features; /* agreed on */
};

/* A chain of descriptors is one request; it is known by its first descriptor, the head. */
struct virtq {
    struct virtio_device *dev;
    unsigned size; /* c  a power of two */
    struct virtq_desc *desc;
    struct virtq_avail *avail;
    struct virtq_used *used;
    unsigned nfree; /* descriptors on the free list */
    uint16_t free_head;
    uint16_t used_seen;             /* completions taken so far */
    uint16_t head, tail;            /* of the chain being built */
    unsigned building;              /* its length */
    bool in_flight[VIRTQ_SIZE_MAX]; /* by head: the device has it */
};

uint32_t virtio_config32(const struct virtio_device *dev, unsigned offset);

/* Resets the device, agrees on those of the features wanted that it offers and sets up its queue 0, of at
 * most VIRTQ_SIZE_MAX descriptors. False with a message: then it is reset, and q->dev stays NULL. */
bool virtio_open(struct virtio_device *dev, uint64_t wanted, struct virtq *q);
void virtio_go(struct virtio_device *dev);   /* the driver is ready */
void virtio_stop(struct virtio_device *dev); /* reset: the device touches no memory any more */
void virtio_ack(struct virtio_device *dev);  /* in the interrupt handler, before looking at the queue */

/* Adds a piece of memory to the chain being built; n pieces need nfree >= n. */
void virtq_add(struct virtq *q, const void *kva, uint32_t len, bool device_writes);
void virtq_submit(struct virtq *q); /* hands the chain over */
void virtq_notify(struct virtq *q); /* after one or more virtq_submit */

/* The next completion: its head, whose descriptors are free again, and how many bytes the device says it has
 * written. -EAGAIN: none; -EIO: the device names a chain that it does not have. */
int virtq_take(struct virtq *q, uint32_t *written);

/* The device drivers: each takes the device, or says why not. */
void virtio_blk_probe(struct virtio_device *dev);
void virtio_rng_probe(struct virtio_device *dev);
