/* kernel/fs/balloc.c for all bitmaps up to a bound: ten blocks, whose bits lie across the end of a word, or of a block of
 * the map. For each set of used blocks, each goal and 1 to 3 wanted: what balloc_alloc gives is what a plain search gives, and
 * the bitmap and the counts after it are right; also after balloc_undo, and after balloc_free and its commit. */
#include "harness.h"

#include <string.h>

#include "fs/balloc.c"

#define BITS 10

struct fs_super fs_super;
static unsigned damaged;
static uint64_t words[2][WORDS], pending[2][WORDS];
static struct buf bufs[2] = {{.data = words[0]}, {.data = words[1]}};
static struct map maps[2];

void journal_write(struct buf *b)
{
    b->flags |= BUF_JOURNALED;
}

void fs_damaged(const char *format, ...)
{
    damaged++;
}

int cache_read_block(blkno_t block, struct buf **result)
{
    return -EIO; /* balloc_init is not used here */
}

static bool bit_of(blkno_t b)
{
    return words[b / FS_BITS_PER_BLOCK][b % FS_BITS_PER_BLOCK / 64] >> (b % 64) & 1;
}

/* The blocks from `first` on: bit i of `used` says of block first + i. All others look free, but are out of bounds. */
static void set_up(blkno_t first, unsigned used)
{
    memset(words, 0, sizeof(words));
    memset(pending, 0, sizeof(pending));
    pending_blocks = free_blocks = 0;
    damaged = 0;
    fs_super.data_start = first;
    fs_super.nblocks = first + BITS + 1;
    block_hint = first;
    blocks = maps;
    for (unsigned k = 0; k < 2; k++)
        maps[k] = (struct map){.buf = &bufs[k], .pending = pending[k]};
    for (unsigned i = 0; i < BITS; i++) {
        blkno_t b = first + i;
        if (used >> i & 1) {
            words[b / FS_BITS_PER_BLOCK][b % FS_BITS_PER_BLOCK / 64] |= 1ull << (b % 64);
            continue;
        }
        maps[b / FS_BITS_PER_BLOCK].free++;
        free_blocks++;
    }
}

static bool state_is(blkno_t first, unsigned used)
{
    unsigned free = 0;

    for (unsigned i = 0; i < BITS; i++) {
        if (bit_of(first + i) != (used >> i & 1))
            return false;
        free += !(used >> i & 1);
    }
    return free_blocks == free && maps[0].free + maps[1].free == free && !damaged;
}

/* What a plain search takes: the first free ones from `goal` on, around the end. False where there are not enough. */
static bool expected(unsigned used, unsigned goal, unsigned n, unsigned *taken)
{
    *taken = 0;
    for (unsigned i = 0; i < BITS && n > 0; i++) {
        unsigned k = (goal + i) % BITS;
        if (!(used >> k & 1)) {
            *taken |= 1u << k;
            n--;
        }
    }
    return n == 0;
}

static bool one(blkno_t first, unsigned used, unsigned goal, unsigned n)
{
    blkno_t got[3];
    unsigned taken, given = 0;

    set_up(first, used);
    bool possible = expected(used, goal, n, &taken);
    int r = balloc_alloc(first + goal, n, got);
    if (r != (possible ? 0 : -ENOSPC))
        return false;
    if (!possible)
        return state_is(first, used);
    for (unsigned i = 0; i < n; i++)
        given |= 1u << (got[i] - first);
    if (given != taken || !state_is(first, used | taken))
        return false;
    balloc_undo(n, got);
    if (!state_is(first, used) || balloc_alloc(first + goal, n, got) != 0)
        return false;
    for (unsigned i = 0; i < n; i++) /* freed, but in use until the commit; a second time is damage */
        if (balloc_free(got[i]) != 0 || balloc_free(got[i]) != -EIO || !bit_of(got[i]))
            return false;
    if (damaged != n || balloc_free_blocks() != free_blocks + n)
        return false;
    damaged = 0;
    balloc_apply_frees();
    return state_is(first, used);
}

static void all(blkno_t first, const char *where)
{
    unsigned wrong = 0;

    for (unsigned used = 0; used < 1u << BITS; used++)
        for (unsigned goal = 0; goal < BITS; goal++)
            for (unsigned n = 1; n <= 3; n++)
                if (!one(first, used, goal, n) && wrong++ == 0)
                    diag("used 0x%x of the blocks from %u on, goal %u, %u wanted: another result than a "
                         "plain search's",
                         used, first, first + goal, n);
    ok(wrong == 0, "all bitmaps of %u blocks across %s: %u of %u cases wrong", BITS, where, wrong,
       (1u << BITS) * BITS * 3);
}

int main(void)
{
    all(100, "no boundary");
    all(59, "the end of a word");
    all(FS_BITS_PER_BLOCK - 5, "the end of a block of the map");
    return done();
}
