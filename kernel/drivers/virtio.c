/* What all virtio devices share: the registers of the memory-mapped transport and the split virtqueue (VIRTIO
 * 1.1, sections 4.2 and 2.6). A queue consists of three arrays in memory:
 *
 *   descriptors   pieces of memory, chained to requests; free ones form a list
 *   available     a ring of heads of chains that the driver has handed over
 *   used          a ring of heads that the device has finished
 *
 * The device may lie: a completion counts only for a head that is in range and in flight. */
#include "drivers/virtio.h"

#include "abi/errno.h"
#include "drivers/drivers.h"
#include "drivers/mmio.h"
#include "lib/printk.h"
#include "mm/page.h"
#include "mm/slab.h"
#include "trap/riscv.h"

/* Registers (4.2.2, table 4.1). */
#define REG_MAGIC               0x000
#define REG_VERSION             0x004
#define REG_DEVICE_ID           0x008
#define REG_DEVICE_FEATURES     0x010
#define REG_DEVICE_FEATURES_SEL 0x014
#define REG_DRIVER_FEATURES     0x020
#define REG_DRIVER_FEATURES_SEL 0x024
#define REG_QUEUE_SEL           0x030
#define REG_QUEUE_NUM_MAX       0x034
#define REG_QUEUE_NUM           0x038
#define REG_QUEUE_READY         0x044
#define REG_QUEUE_NOTIFY        0x050
#define REG_INTERRUPT_STATUS    0x060
#define REG_INTERRUPT_ACK       0x064
#define REG_STATUS              0x070
#define REG_QUEUE_DESC          0x080 /* here and below: lower half, upper half at + 4 */
#define REG_QUEUE_DRIVER        0x090
#define REG_QUEUE_DEVICE        0x0a0
#define REG_CONFIG              0x100

#define MAGIC          0x74726976 /* "virt" */
#define VERSION_MODERN 2

/* Device status (2.1). */
#define STATUS_ACKNOWLEDGE 1
#define STATUS_DRIVER      2
#define STATUS_DRIVER_OK   4
#define STATUS_FEATURES_OK 8

#define FEATURE_VERSION_1 (1ull << 32)

#define DESC_NEXT      1 /* 2.6.5 */
#define DESC_WRITE     2
#define USED_NO_NOTIFY 1 /* 2.6.8 */

#define RESET_TRIES                                                                                          \
    1000000 /* reads of the status until a device that does not finish its reset is given up */

struct virtq_avail {
    uint16_t flags, index;
    uint16_t ring[];
};

struct virtq_used {
    uint16_t flags, index;
    struct {
        uint32_t id, len;
    } ring[];
};

static uint32_t reg_read(const struct virtio_device *dev, unsigned reg)
{
    return mmio_read32(dev->regs + reg);
}

static void reg_write(struct virtio_device *dev, unsigned reg, uint32_t value)
{
    mmio_write32(dev->regs + reg, value);
}

static void reg_write_address(struct virtio_device *dev, unsigned reg, const void *kva)
{
    reg_write(dev, reg, (uint32_t)kva_pa(kva));
    reg_write(dev, reg + 4, (uint32_t)(kva_pa(kva) >> 32));
}

uint32_t virtio_config32(const struct virtio_device *dev, unsigned offset)
{
    return reg_read(dev, REG_CONFIG + offset);
}

void virtio_stop(struct virtio_device *dev)
{
    reg_write(dev, REG_STATUS, 0);
    for (int i = 0; i < RESET_TRIES && reg_read(dev, REG_STATUS) != 0; i++)
        ;
}

/* The steps of 3.1.1, up to FEATURES_OK. */
static bool agree(struct virtio_device *dev, uint64_t wanted)
{
    uint32_t status = STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK;
    virtio_stop(dev);
    reg_write(dev, REG_STATUS, STATUS_ACKNOWLEDGE);
    reg_write(dev, REG_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER);

    wanted |= FEATURE_VERSION_1;
    dev->features = 0;
    for (uint32_t half = 0; half < 2; half++) {
        reg_write(dev, REG_DEVICE_FEATURES_SEL, half);
        uint32_t agreed = reg_read(dev, REG_DEVICE_FEATURES) & (uint32_t)(wanted >> 32 * half);
        reg_write(dev, REG_DRIVER_FEATURES_SEL, half);
        reg_write(dev, REG_DRIVER_FEATURES, agreed);
        dev->features |= (uint64_t)agreed << 32 * half;
    }
    reg_write(dev, REG_STATUS, status);
    return dev->features & FEATURE_VERSION_1 && reg_read(dev, REG_STATUS) & STATUS_FEATURES_OK;
}

static bool set_up_queue(struct virtio_device *dev, struct virtq *q)
{
    reg_write(dev, REG_QUEUE_SEL, 0);
    unsigned max = reg_read(dev, REG_QUEUE_NUM_MAX), size = VIRTQ_SIZE_MAX;
    while (size > max)
        size /= 2;
    if (size == 0 || reg_read(dev, REG_QUEUE_READY) != 0)
        return false;
    *q = (struct virtq){.dev = dev, .size = size, .nfree = size};
    q->desc = kzalloc(size * sizeof(q->desc[0]));
    q->avail = kzalloc(sizeof(*q->avail) + size * sizeof(q->avail->ring[0]));
    q->used = kzalloc(sizeof(*q->used) + size * sizeof(q->used->ring[0]));
    if (q->desc == NULL || q->avail == NULL || q->used == NULL)
        boot_fail("no memory for a virtio queue");
    for (unsigned i = 0; i < size; i++)
        q->desc[i].next = (uint16_t)(i + 1);
    reg_write(dev, REG_QUEUE_NUM, size);
    reg_write_address(dev, REG_QUEUE_DESC, q->desc);
    reg_write_address(dev, REG_QUEUE_DRIVER, q->avail);
    reg_write_address(dev, REG_QUEUE_DEVICE, q->used);
    reg_write(dev, REG_QUEUE_READY, 1);
    return true;
}

bool virtio_open(struct virtio_device *dev, uint64_t wanted, struct virtq *q)
{
    if (agree(dev, wanted) && set_up_queue(dev, q))
        return true;
    printk("lode: a virtio device is not used: it does not agree on features or a queue\n");
    virtio_stop(dev);
    return false;
}

void virtio_go(struct virtio_device *dev)
{
    reg_write(dev, REG_STATUS, reg_read(dev, REG_STATUS) | STATUS_DRIVER_OK);
}

void virtio_ack(struct virtio_device *dev)
{
    reg_write(dev, REG_INTERRUPT_ACK, reg_read(dev, REG_INTERRUPT_STATUS));
    /* The device sees this before the queue is looked at, or it could take back the interrupt for a
     * completion that comes in between and is not seen. */
    __asm__ volatile("fence o, r" ::: "memory");
}

void virtq_add(struct virtq *q, const void *kva, uint32_t len, bool device_writes)
{
    uint16_t i = q->free_head;
    assert(q->nfree > 0);
    q->free_head = q->desc[i].next;
    q->nfree--;
    if (q->building++ == 0) {
        q->head = i;
    } else {
        q->desc[q->tail].next = i;
        q->desc[q->tail].flags |= DESC_NEXT;
    }
    q->tail = i;
    q->desc[i].addr = kva_pa(kva);
    q->desc[i].len = len;
    q->desc[i].flags = device_writes ? DESC_WRITE : 0;
}

void virtq_submit(struct virtq *q)
{
    q->in_flight[q->head] = true;
    q->building = 0;
    q->avail->ring[q->avail->index % q->size] = q->head;
    /* Release: a device that sees the new index sees the descriptors and the ring entry (2.6.13.3). */
    __atomic_store_n(&q->avail->index, (uint16_t)(q->avail->index + 1), __ATOMIC_RELEASE);
}

void virtq_notify(struct virtq *q)
{
    /* The index must be out before the flag is read: the device does it the other way round (2.6.13.4.1). */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!(__atomic_load_n(&q->used->flags, __ATOMIC_RELAXED) & USED_NO_NOTIFY))
        reg_write(q->dev, REG_QUEUE_NOTIFY, 0);
}

int virtq_take(struct virtq *q, uint32_t *written)
{
    /* Acquire: pairs with the device's store of the index after the entry and the data. */
    if (__atomic_load_n(&q->used->index, __ATOMIC_ACQUIRE) == q->used_seen)
        return -EAGAIN;
    unsigned slot = q->used_seen++ % q->size;
    uint32_t id = __atomic_load_n(&q->used->ring[slot].id, __ATOMIC_RELAXED); /* once: it may change */
    *written = q->used->ring[slot].len;
    if (id >= q->size || !q->in_flight[id])
        return -EIO;
    q->in_flight[id] = false;
    uint16_t last = (uint16_t)id;
    for (q->nfree++; q->desc[last].flags & DESC_NEXT; q->nfree++)
        last = q->desc[last].next;
    q->desc[last].next = q->free_head;
    q->free_head = (uint16_t)id;
    return (int)id;
}

void virtio_init(void)
{
    static struct virtio_device devices[MACHINE_VIRTIO];
    for (unsigned i = 0; i < machine.nvirtio; i++) {
        struct virtio_device *dev = &devices[i];
        dev->regs = mmio_map(&machine.virtio[i]);
        dev->irq = machine.virtio_irq[i];
        if (dev->regs == NULL || reg_read(dev, REG_MAGIC) != MAGIC || reg_read(dev, REG_DEVICE_ID) == 0)
            continue; /* an empty slot */
        if (reg_read(dev, REG_VERSION) != VERSION_MODERN)
            printk("lode: virtio slot %u has a legacy device: start QEMU with -global "
                   "virtio-mmio.force-legacy=false\n",
                   i);
        else if (reg_read(dev, REG_DEVICE_ID) == VIRTIO_ID_BLOCK)
            virtio_blk_probe(dev);
        else if (reg_read(dev, REG_DEVICE_ID) == VIRTIO_ID_ENTROPY)
            virtio_rng_probe(dev);
    }
}
