/* A disk in memory, which the machine was given along with the kernel (machine.ramdisk). A request is done
 * before disk_submit returns: nothing waits for a device, so under QEMU's -icount a run does not depend on
 * how fast the host's disk is. What is written is gone when the machine is switched off. */
#include "abi/errno.h"
#include "boot/machine.h"
#include "drivers/drivers.h"
#include "drivers/mmio.h"
#include "fs/disk.h"
#include "lib/printk.h"
#include "lib/string.h"

static uint8_t *memory;

static void submit(struct bio *b)
{
    bool inside = b->block <= disk_blocks() && b->nblocks <= disk_blocks() - b->block;
    for (unsigned i = 0; inside && i < b->nblocks; i++) {
        uint8_t *block = memory + ((size_t)b->block + i) * FS_BLOCK_SIZE;
        if (b->op == BIO_READ)
            memcpy(b->data[i], block, FS_BLOCK_SIZE);
        else
            memcpy(block, b->data[i], FS_BLOCK_SIZE);
    }
    disk_finish(b, inside ? 0 : -EIO);
}

void ramdisk_init(void)
{
    uint64_t size = machine.ramdisk.end - machine.ramdisk.start;
    memory = mmio_map(&machine.ramdisk);
    if (memory == NULL)
        return;
    disk_register(size / FS_BLOCK_SIZE, submit);
    printk("lode: disk: %lu MB, in memory\n", size >> 20);
}
