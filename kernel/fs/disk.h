/* The disk as the file system sees it: an array of 4 KB blocks, reached by requests of many blocks, several in
 * flight. Implemented by drivers/disk.c, on top of one of the drivers of disks; and by the tests' fake disk on the
 * host. */
#pragma once
#include "abi/fsformat.h"
#include "lib/list.h"
#include "lib/types.h"

#define BIO_MAX_BLOCKS 64

enum bio_op { BIO_READ, BIO_WRITE, BIO_FLUSH };

/* One request. The caller owns it and fills all fields but status and link; the driver owns it from
 * disk_submit until it has called done. */
struct bio {
    enum bio_op op;
    blkno_t block;              /* first block */
    unsigned nblocks;           /* consecutive blocks, 1..BIO_MAX_BLOCKS; 0 for a flush */
    void *data[BIO_MAX_BLOCKS]; /* memory for each block, kernel address, 4 KB aligned */
    int status;                 /* result: 0 or -EIO */
    void (*done)(struct bio *); /* in interrupt context, interrupts off: must not sleep */
    void *arg;                  /* for done's use */
    struct list link;           /* the driver's queue */
};

uint64_t disk_blocks(void); /* size; 0 = there is no disk */

/* Starts the request and returns at once; requests may complete in any order. A flush covers the writes
 * that had completed before it was submitted. Any context. `done` may run before it returns (a disk that has
 * failed, a flush of a disk without a cache), so hold no lock that done takes. */
void disk_submit(struct bio *b);

/* Submits and sleeps until done: 0 or -EIO. b->done and b->arg are set by it. */
int disk_wait(struct bio *b);
int disk_flush(void);

/* Requests submitted since boot, and the blocks in them, by operation. */
struct disk_counts {
    uint64_t requests[BIO_FLUSH + 1], blocks[BIO_FLUSH + 1];
};
struct disk_counts disk_counts(void);

/* For drivers. The function starts a request as disk_submit does. disk_finish ends one where no interrupt does
 * that: sets the status and calls done, interrupts off. */
void disk_register(uint64_t blocks, void (*submit)(struct bio *));
void disk_finish(struct bio *b, int status);
