/* Block and inode bitmaps (balloc.h).
 *
 * The maps' bufs stay referenced from mount on: allocation does no I/O and does not fail for memory. Beside
 * each block of the block map lies a page of pending bits: blocks freed by the running transaction. They stay
 * in use in the map until its commit, so that no transaction can write new data over a block that a crash
 * would bring back.
 *
 * Blocks are taken next-fit from a goal that the caller chooses, usually the block after the file's last one:
 * files written one after the other lie one after the other. Full blocks of the map are skipped by their
 * counts.
 *
 * The mutex protects everything here; bit operations are on 64-bit words, which is the disk's order of bits
 * since all is little-endian. */
#include "fs/balloc.h"
#include "abi/errno.h"
#include "debug/check.h"
#include "fs/cache.h"
#include "fs/journal.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "sync/mutex.h"

#define WORDS (FS_BLOCK_SIZE / 8)

struct map {
    struct buf *buf;   /* c */
    uint64_t *pending; /* bits to clear at the commit; NULL in the inode map */
    uint32_t free;     /* clear bits in it, those past the end of the disk not counted */
};

static struct mutex balloc_mutex = MUTEX_INIT("balloc");
static struct map *blocks, *inodes;
static uint64_t free_blocks, pending_blocks;
static uint32_t free_inodes;
static blkno_t block_hint;
static ino_t inode_hint;

static int load(struct map **maps, blkno_t start, uint64_t nbits, uint64_t *free)
{
    uint64_t n = (nbits + FS_BITS_PER_BLOCK - 1) / FS_BITS_PER_BLOCK;
    *maps = kzalloc(n * sizeof(**maps));
    if (!*maps)
        return -ENOMEM;
    *free = 0;
    for (uint64_t i = 0; i < n; i++) {
        struct map *m = &(*maps)[i];
        int r = cache_read_block((blkno_t)(start + i), &m->buf);
        if (r)
            return r;
        const uint64_t *word = m->buf->data;
        uint64_t left = MIN(nbits - i * FS_BITS_PER_BLOCK, FS_BITS_PER_BLOCK);
        for (uint64_t w = 0; w * 64 < left; w++) {
            uint64_t valid = left - w * 64 < 64 ? (1ull << (left - w * 64)) - 1 : ~0ull;
            m->free += (uint32_t)__builtin_popcountll(~word[w] & valid);
        }
        *free += m->free;
    }
    return 0;
}

int balloc_init(void)
{
    uint64_t inode_count;
    int r = load(&blocks, fs_super.block_map_start, fs_super.nblocks, &free_blocks);
    if (r == 0)
        r = load(&inodes, fs_super.inode_map_start, fs_super.ninodes, &inode_count);
    for (uint64_t i = 0; r == 0 && i * FS_BITS_PER_BLOCK < fs_super.nblocks; i++)
        if (!(blocks[i].pending = kzalloc(FS_BLOCK_SIZE)))
            r = -ENOMEM;
    if (r)
        return r;
    free_inodes = (uint32_t)inode_count;
    block_hint = fs_super.data_start;
    return 0;
}

/* Finds a clear bit in [from, end), sets it and journals the block. -1: none. */
static int64_t take_bit(struct map *maps, uint64_t from, uint64_t end)
{
    while (from < end) {
        struct map *m = &maps[from / FS_BITS_PER_BLOCK];
        uint64_t base = from & ~(uint64_t)(FS_BITS_PER_BLOCK - 1);
        uint64_t *word = m->buf->data;
        for (uint64_t w = from % FS_BITS_PER_BLOCK / 64; m->free && w < WORDS; w++, from = base + w * 64) {
            uint64_t clear = ~word[w] & (~0ull << (from % 64));
            if (!clear)
                continue;
            uint64_t bit = base + w * 64 + (unsigned)__builtin_ctzll(clear);
            if (bit >= end)
                return -1;
            word[w] |= 1ull << (bit % 64);
            m->free--;
            journal_write(m->buf);
            return (int64_t)bit;
        }
        from = base + FS_BITS_PER_BLOCK;
    }
    return -1;
}

static void clear_bit(struct map *maps, uint64_t bit)
{
    struct map *m = &maps[bit / FS_BITS_PER_BLOCK];
    ((uint64_t *)m->buf->data)[bit % FS_BITS_PER_BLOCK / 64] &= ~(1ull << (bit % 64));
    m->free++;
    journal_write(m->buf);
}

int balloc_alloc(blkno_t goal, unsigned n, blkno_t *block)
{
    const uint64_t start = fs_super.data_start, end = fs_super.nblocks - 1;
    if (goal < start || goal >= end)
        goal = block_hint;
    mutex_lock(&balloc_mutex);
    unsigned got = 0;
    while (got < n && free_blocks > 0) {
        int64_t bit = take_bit(blocks, goal, end);
        if (bit < 0)
            bit = take_bit(blocks, start, goal);
        if (bit < 0)
            break;
        free_blocks--;
        block[got++] = (blkno_t)bit;
        block_hint = goal = (blkno_t)bit + 1 < end ? (blkno_t)bit + 1 : (blkno_t)start;
    }
    mutex_unlock(&balloc_mutex);
    if (got == n)
        return 0;
    balloc_undo(got, block);
    return -ENOSPC;
}

void balloc_undo(unsigned n, const blkno_t *block)
{
    mutex_lock(&balloc_mutex);
    for (unsigned i = 0; i < n; i++)
        clear_bit(blocks, block[i]);
    free_blocks += n;
    mutex_unlock(&balloc_mutex);
}

int balloc_free(blkno_t block)
{
    bool bad = !fs_data_block(block);
    if (!bad) {
        mutex_lock(&balloc_mutex);
        struct map *m = &blocks[block / FS_BITS_PER_BLOCK];
        uint64_t w = block % FS_BITS_PER_BLOCK / 64, bit = 1ull << (block % 64);
        bad = !(((uint64_t *)m->buf->data)[w] & bit) || (m->pending[w] & bit);
        if (!bad) {
            m->pending[w] |= bit;
            pending_blocks++;
            journal_write(m->buf);
        }
        mutex_unlock(&balloc_mutex);
    }
    if (bad)
        fs_damaged("block %u is freed, but not in use", block);
    return bad ? -EIO : 0;
}

bool balloc_free_costs(blkno_t block)
{
    return fs_data_block(block) && !(blocks[block / FS_BITS_PER_BLOCK].buf->flags & BUF_JOURNALED);
}

void balloc_apply_frees(void)
{
    mutex_lock(&balloc_mutex);
    for (uint64_t i = 0; pending_blocks && i * FS_BITS_PER_BLOCK < fs_super.nblocks; i++) {
        struct map *m = &blocks[i];
        uint64_t *word = m->buf->data;
        for (unsigned w = 0; w < WORDS; w++) {
            word[w] &= ~m->pending[w];
            m->free += (uint32_t)__builtin_popcountll(m->pending[w]);
        }
        memset(m->pending, 0, FS_BLOCK_SIZE);
    }
    free_blocks += pending_blocks;
    pending_blocks = 0;
    mutex_unlock(&balloc_mutex);
}

int balloc_inode_alloc(ino_t *ino)
{
    mutex_lock(&balloc_mutex);
    int64_t bit = take_bit(inodes, MAX(inode_hint, 1u), fs_super.ninodes);
    if (bit < 0)
        bit = take_bit(inodes, 1, inode_hint);
    if (bit > 0) {
        free_inodes--;
        *ino = (ino_t)bit;
        inode_hint = (ino_t)bit + 1;
    }
    mutex_unlock(&balloc_mutex);
    return bit > 0 ? 0 : -ENOSPC;
}

void balloc_inode_free(ino_t ino)
{
    mutex_lock(&balloc_mutex);
    clear_bit(inodes, ino);
    free_inodes++;
    inode_hint = MIN(inode_hint, ino);
    mutex_unlock(&balloc_mutex);
}

uint64_t balloc_free_blocks(void)
{
    return free_blocks + pending_blocks;
}

uint32_t balloc_free_inodes(void)
{
    return free_inodes;
}

/* ---- debug builds ---- */

#ifdef LODE_DEBUG
/* The clear bits of a map; *pending: the bits that are set, but freed. */
static uint64_t check_map(const struct map *maps, uint64_t nbits, const char *what, uint64_t *pending)
{
    uint64_t clear = 0, start = 0;

    for (const struct map *m = maps; start < nbits; m++, start += FS_BITS_PER_BLOCK) {
        uint64_t bits = MIN(nbits - start, FS_BITS_PER_BLOCK), free = bits;
        for (uint64_t w = 0; w * 64 < bits; w++) {
            uint64_t valid = bits - w * 64 < 64 ? (1ull << (bits - w * 64)) - 1 : ~0ull;
            uint64_t used = ((uint64_t *)m->buf->data)[w] & valid, freed = m->pending ? m->pending[w] : 0;
            free -= (unsigned)__builtin_popcountll(used);
            *pending += (unsigned)__builtin_popcountll(freed);
            CHECK(!(freed & ~used), "map of %s: one near %lu is freed, but not in use", what, start + w * 64);
        }
        CHECK(free == m->free, "map of %s: from %lu on %lu are free, %u counted", what, start, free, m->free);
        clear += free;
    }
    return clear;
}

void balloc_check(void)
{
    uint64_t pending = 0, no_pending = 0;

    if (!blocks || !inodes || !check_free(&balloc_mutex))
        return;
    uint64_t clear = check_map(blocks, fs_super.nblocks, "blocks", &pending);
    CHECK(clear == free_blocks && pending == pending_blocks,
          "blocks: %lu free, %lu freed; %lu and %lu counted", clear, pending, free_blocks, pending_blocks);
    clear = check_map(inodes, fs_super.ninodes, "inodes", &no_pending);
    CHECK(clear == free_inodes, "inodes: %lu free, %u counted", clear, free_inodes);
}
#endif
