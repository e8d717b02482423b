/* The harness's disk: an array of blocks in shared memory, a queue of requests in flight, and a log of what it was
 * told, from which tests/crash makes the states after a power cut. harness.h says what it promises.
 *
 * What a write puts on the disk is its memory at completion; with a seed, a sector that changed in flight may
 * also keep what it was at submission, as with a real disk that had fetched it already. The log has the same
 * bytes. */
#include "harness.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "abi/errno.h"
#include "lib/printk.h"
#include "sync/wait.h"

#define SECTOR            512u
#define SECTORS_PER_BLOCK (FS_BLOCK_SIZE / SECTOR)

/* ---- The disk ---- */

static uint8_t *disk;      /* shared with child processes */
static uint64_t disk_size; /* blocks */
static bool deferred;
static struct harness_disk_stats stats;

static struct {
    unsigned ops;
    uint64_t n, seen;
    bool all;
    unsigned block_ops;
    blkno_t block;
} failing;

/* A request in flight: in order of submission. */
struct request {
    struct bio *bio;
    bool fails;
    uint8_t *before;   /* a write's data at submission */
    size_t log_submit; /* its event in the log, plus 1; 0: none */
};
#define MAX_IN_FLIGHT 4096
static struct request in_flight[MAX_IN_FLIGHT];
static unsigned nin_flight;

enum event_kind { EVENT_WRITE, EVENT_FLUSH, EVENT_COMPLETE, EVENT_MARK };

struct event {
    enum event_kind kind;
    blkno_t block; /* EVENT_WRITE */
    uint32_t nblocks;
    uint64_t data;      /* EVENT_WRITE: offset of the bytes in the log's data */
    uint64_t value;     /* EVENT_MARK: the mark; EVENT_COMPLETE: index of the submission's event */
    uint64_t completed; /* EVENT_WRITE, EVENT_FLUSH: index of the completion's event; NEVER */
};
#define NEVER UINT64_MAX

#define LOG_EVENTS (1u << 20)
#define LOG_BYTES  (2ul << 30) /* of address space; memory only as far as it is used */

/* In shared memory, so that a parent can look at what its child has written. */
static struct log {
    bool on;
    size_t count;
    uint64_t data_used;
    struct event events[LOG_EVENTS];
} * the_log;
static uint8_t *log_data;

uint64_t disk_blocks(void)
{
    return disk_size;
}

void harness_disk_create(uint64_t nblocks)
{
    if (disk) {
        munmap(disk, disk_size * FS_BLOCK_SIZE);
    } else {
        the_log = harness_shared(sizeof(*the_log));
        log_data = harness_shared(LOG_BYTES);
    }
    disk = harness_shared(nblocks * FS_BLOCK_SIZE);
    disk_size = nblocks;
    the_log->on = false;
    the_log->count = 0;
}

void harness_disk_load(const char *path)
{
    FILE *f = fopen(path, "rb");
    struct stat st;

    if (!f || fstat(fileno(f), &st) != 0 || st.st_size < (off_t)FS_BLOCK_SIZE)
        panic("harness: cannot load the image %s", path);
    harness_disk_create((uint64_t)st.st_size / FS_BLOCK_SIZE);
    if (fread(disk, FS_BLOCK_SIZE, disk_size, f) != disk_size)
        panic("harness: cannot read the image %s", path);
    fclose(f);
}

void harness_disk_save(const char *path)
{
    FILE *f = fopen(path, "wb");

    if (!f || fwrite(disk, FS_BLOCK_SIZE, disk_size, f) != disk_size || fclose(f) != 0)
        panic("harness: cannot write the image %s", path);
}

void *harness_disk_block(blkno_t block)
{
    if (block >= disk_size)
        panic("harness: harness_disk_block(%u) beyond the end", block);
    return disk + (uint64_t)block * FS_BLOCK_SIZE;
}

void harness_disk_deferred(bool on)
{
    deferred = on;
}

struct harness_disk_stats harness_disk_stats(void)
{
    return stats;
}

void harness_disk_clear_stats(void)
{
    stats = (struct harness_disk_stats){0};
}

void harness_disk_fail(unsigned ops, uint64_t n, bool all)
{
    failing.ops = ops;
    failing.n = n;
    failing.all = all;
    failing.seen = 0;
}

void harness_disk_fail_block(unsigned ops, blkno_t block)
{
    failing.block_ops = ops;
    failing.block = block;
}

static bool must_fail(const struct bio *b)
{
    unsigned op = 1u << b->op;

    if (failing.block != 0 && (failing.block_ops & op) && b->block <= failing.block &&
        failing.block < b->block + b->nblocks)
        return true;
    if (failing.n == 0 || !(failing.ops & op))
        return false;
    failing.seen++;
    return failing.seen == failing.n || (failing.seen > failing.n && failing.all);
}

/* ---- The log ---- */

void harness_log_start(void)
{
    if (nin_flight > 0)
        panic("harness: harness_log_start with requests in flight");
    the_log->on = true;
    the_log->count = 0;
    the_log->data_used = 0;
}

void harness_log_stop(void)
{
    the_log->on = false;
}

size_t harness_log_count(void)
{
    return the_log->count;
}

struct harness_event harness_log_event(size_t i)
{
    const struct event *e = &the_log->events[i];
    static const enum harness_event_kind kinds[] = {[EVENT_WRITE] = HARNESS_WRITE,
                                                    [EVENT_FLUSH] = HARNESS_FLUSH,
                                                    [EVENT_COMPLETE] = HARNESS_COMPLETE,
                                                    [EVENT_MARK] = HARNESS_MARK};

    return (struct harness_event){.kind = kinds[e->kind],
                                  .block = e->block,
                                  .nblocks = e->nblocks,
                                  .data = log_data + e->data,
                                  .value = e->value,
                                  .completed = e->completed};
}

static struct event *log_event(enum event_kind kind)
{
    if (the_log->count == LOG_EVENTS)
        panic("harness: the disk's log is full");
    struct event *e = &the_log->events[the_log->count++];

    *e = (struct event){.kind = kind, .completed = NEVER};
    return e;
}

void harness_log_mark(uint64_t value)
{
    if (the_log->on)
        log_event(EVENT_MARK)->value = value;
}

static void log_submit(struct request *r)
{
    const struct bio *b = r->bio;
    struct event *e;

    if (!the_log->on || b->op == BIO_READ)
        return;
    e = log_event(b->op == BIO_WRITE ? EVENT_WRITE : EVENT_FLUSH);
    r->log_submit = the_log->count;
    if (b->op == BIO_FLUSH)
        return;
    uint64_t bytes = (uint64_t)b->nblocks * FS_BLOCK_SIZE;
    if (the_log->data_used + bytes > LOG_BYTES)
        panic("harness: the disk's log is full");
    e->block = b->block;
    e->nblocks = b->nblocks;
    e->data = the_log->data_used;
    the_log->data_used += bytes;
    memcpy(log_data + e->data, r->before, bytes);
}

/* A request that failed is never logged as complete: its write may or may not be there for ever, its flush
 * did nothing. */
static void log_complete(struct request *r, const uint8_t *written)
{
    if (!r->log_submit || !the_log->on || r->fails)
        return;
    struct event *submit = &the_log->events[r->log_submit - 1];

    if (written)
        memcpy(log_data + submit->data, written, (uint64_t)r->bio->nblocks * FS_BLOCK_SIZE);
    submit->completed = the_log->count;
    log_event(EVENT_COMPLETE)->value = r->log_submit - 1;
}

/* ---- Requests ---- */

/* What the write puts on the disk. Changes r->before into that. */
static void take_write_data(struct request *r)
{
    struct bio *b = r->bio;
    bool changed = false;

    for (unsigned i = 0; i < b->nblocks * SECTORS_PER_BLOCK; i++) {
        uint8_t *old = r->before + (size_t)i * SECTOR;
        const uint8_t *new = (uint8_t *)b->data[i / SECTORS_PER_BLOCK] + i % SECTORS_PER_BLOCK *SECTOR;

        if (memcmp(old, new, SECTOR) == 0)
            continue;
        changed = true;
        if (!harness_seeded() || harness_random() % 2)
            memcpy(old, new, SECTOR);
    }
    if (changed)
        stats.changed_in_flight++;
}

static void transfer(struct request *r)
{
    struct bio *b = r->bio;
    uint8_t *place = disk + (uint64_t)b->block * FS_BLOCK_SIZE;

    if (b->op == BIO_READ && !r->fails) {
        for (unsigned i = 0; i < b->nblocks; i++)
            memcpy(b->data[i], place + (size_t)i * FS_BLOCK_SIZE, FS_BLOCK_SIZE);
    } else if (b->op == BIO_WRITE) {
        take_write_data(r);
        for (unsigned i = 0; i < b->nblocks * SECTORS_PER_BLOCK; i++)
            if (!r->fails || (harness_seeded() && harness_random() % 2))
                memcpy(place + (size_t)i * SECTOR, r->before + (size_t)i * SECTOR, SECTOR);
    }
}

static void complete(void *arg)
{
    struct request *r = arg;
    struct bio *b = r->bio;
    bool in_range = (uint64_t)b->block + b->nblocks <= disk_size;

    if (in_range) {
        transfer(r);
        log_complete(r, r->before);
    }
    b->status = r->fails ? -EIO : 0;
    free(r->before);
    b->done(b);
}

/* A write may not pass an earlier one, nor a read, of the same blocks: the last one to be submitted has to
 * win, as it would on a disk with one queue for a block. */
static bool must_wait(unsigned index)
{
    const struct bio *b = in_flight[index].bio;

    for (unsigned i = 0; i < index; i++) {
        const struct bio *a = in_flight[i].bio;

        if (a->op != BIO_FLUSH && b->op != BIO_FLUSH && (a->op == BIO_WRITE || b->op == BIO_WRITE) &&
            a->block < b->block + b->nblocks && b->block < a->block + a->nblocks)
            return true;
    }
    return false;
}

bool harness_disk_complete_one(void)
{
    unsigned index = 0;
    struct request r;

    if (nin_flight == 0)
        return false;
    if (harness_seeded())
        do {
            index = harness_random() % nin_flight;
        } while (must_wait(index));
    r = in_flight[index];
    nin_flight--;
    memmove(in_flight + index, in_flight + index + 1, (nin_flight - index) * sizeof(in_flight[0]));
    harness_interrupt(complete, &r);
    return true;
}

void harness_disk_reset(void)
{
    while (nin_flight > 0)
        free(in_flight[--nin_flight].before);
}

bool harness_disk_complete_due(void)
{
    return !deferred && harness_disk_complete_one();
}

static void check_request(const struct bio *b)
{
    bool is_flush = b->op == BIO_FLUSH;

    if (b->op != BIO_READ && b->op != BIO_WRITE && !is_flush)
        panic("harness: disk_submit: unknown operation %d", (int)b->op);
    if (is_flush ? b->nblocks != 0 : b->nblocks < 1 || b->nblocks > BIO_MAX_BLOCKS)
        panic("harness: disk_submit: %u blocks", b->nblocks);
    if (!b->done)
        panic("harness: disk_submit without a function to call when done");
    for (unsigned i = 0; i < b->nblocks; i++)
        if (((uintptr_t)b->data[i] & (FS_BLOCK_SIZE - 1)) != 0 || !b->data[i])
            panic("harness: disk_submit: the memory for block %u is at %p", i, b->data[i]);
    for (unsigned i = 0; i < nin_flight; i++)
        if (in_flight[i].bio == b)
            panic("harness: disk_submit of a request that is in flight");
}

static void count_request(const struct bio *b)
{
    if (b->op == BIO_FLUSH) {
        stats.flushes++;
    } else if (b->op == BIO_READ) {
        stats.reads++;
        stats.blocks_read += b->nblocks;
    } else {
        stats.writes++;
        stats.blocks_written += b->nblocks;
    }
}

void disk_submit(struct bio *b)
{
    struct request *r = &in_flight[nin_flight];
    bool out_of_range = (uint64_t)b->block + b->nblocks > disk_size;

    check_request(b);
    count_request(b);
    if (nin_flight == MAX_IN_FLIGHT)
        panic("harness: too many requests in flight");
    if (out_of_range)
        stats.out_of_range++;
    *r = (struct request){.bio = b, .fails = must_fail(b) || out_of_range};
    if (r->fails && !out_of_range)
        stats.failed++;
    if (b->op == BIO_WRITE) {
        r->before = malloc((size_t)b->nblocks * FS_BLOCK_SIZE);
        if (!r->before)
            panic("harness: the host is out of memory");
        for (unsigned i = 0; i < b->nblocks; i++)
            memcpy(r->before + (size_t)i * FS_BLOCK_SIZE, b->data[i], FS_BLOCK_SIZE);
    }
    if (!out_of_range)
        log_submit(r);
    nin_flight++;
    if (!deferred && harness_irqs_on())
        while (harness_disk_complete_one())
            ;
}

static void wake_waiter(struct bio *b)
{
    *(bool *)b->arg = true;
    wakeup(b);
}

int disk_wait(struct bio *b)
{
    static struct spinlock lock = SPINLOCK_INIT("disk", RANK_DISK);
    bool finished = false;

    b->done = wake_waiter;
    b->arg = &finished;
    disk_submit(b);
    spin_lock(&lock);
    while (!finished)
        sleep(b, &lock);
    spin_unlock(&lock);
    return b->status;
}

int disk_flush(void)
{
    struct bio b = {.op = BIO_FLUSH};

    return disk_wait(&b);
}
