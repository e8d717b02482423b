/* The map of a file: from a page's index to a block on disk (abi/fsformat.h has its shape).
 *
 * Every pointer is checked before it is followed: those in the inode when it is loaded, those in blocks of
 * pointers here. Changing functions find and allocate all they need before they change the first pointer. */
#include "abi/errno.h"
#include "fs/balloc.h"
#include "fs/diskfs.h"
#include "fs/journal.h"
#include "lib/printk.h"
#include "lib/string.h"

#define PTR_BITS 10

static int bad_pointer(struct inode *ip, blkno_t block)
{
    printk("lode fs: inode %u: block number %u in its map is no data block\n", ip->ino, block);
    return -EIO;
}

/* A way down the map: the place of the pointer looked at, and how many levels of pointer blocks are below. */
struct cursor {
    blkno_t *slot;
    struct buf *holder; /* the block of pointers that slot lies in, referenced; NULL: the inode itself */
    unsigned level;
    uint64_t index; /* within what slot covers */
};

/* Down to the pointer of the page at index, or to the first missing one. The caller puts c->holder. */
static int descend(struct inode *ip, uint64_t index, struct cursor *c)
{
    *c = (struct cursor){.index = index};
    if (index < FS_NDIRECT) {
        c->slot = &ip->fs->disk->direct[index];
        return 0;
    }
    c->index -= FS_NDIRECT;
    for (c->level = 1; c->index >> (PTR_BITS * c->level) != 0; c->level++) {
        if (c->level == 3)
            return -EFBIG;
        c->index -= 1ull << (PTR_BITS * c->level);
    }
    c->slot = &ip->fs->disk->indirect[c->level - 1];
    while (c->level > 0 && *c->slot) {
        struct buf *b;
        int r = cache_read_block(*c->slot, &b);
        if (c->holder)
            cache_put(c->holder);
        c->holder = NULL;
        if (r)
            return r;
        c->holder = b;
        c->level--;
        c->slot = (blkno_t *)b->data + (c->index >> (PTR_BITS * c->level)) % FS_NPTRS;
        if (*c->slot && !fs_data_block(*c->slot)) {
            r = bad_pointer(ip, *c->slot);
            cache_put(b);
            return r;
        }
    }
    return 0;
}

int imap_find(struct inode *ip, uint64_t index, blkno_t *block)
{
    if (likely(index < FS_NDIRECT)) {
        *block = ip->fs->disk->direct[index];
        return 0;
    }
    struct cursor c;
    int r = descend(ip, index, &c);
    if (r)
        return r;
    *block = *c.slot; /* 0 on any level: a hole */
    if (c.holder)
        cache_put(c.holder);
    return 0;
}

/* A block of pointers, all zero, in the cache. */
static struct buf *new_pointers(blkno_t block)
{
    struct buf *b = cache_get(NULL, block);
    if (b) {
        memset(b->data, 0, FS_BLOCK_SIZE);
        cache_set_valid(b, true);
    }
    return b;
}

int imap_alloc(struct inode *ip, uint64_t index, blkno_t *block)
{
    struct cursor c;
    int r = descend(ip, index, &c);
    if (r)
        return r;
    blkno_t fresh[4];
    struct buf *pointers[3];
    unsigned made = 0, levels = c.level;
    if (*c.slot) { /* only a damaged file has blocks beyond its end */
        *block = *c.slot;
        if (c.holder)
            cache_put(c.holder);
        return 0;
    }
    r = balloc_alloc(ip->fs->goal, levels + 1, fresh);
    for (; r == 0 && made < levels; made++)
        if (!(pointers[made] = new_pointers(fresh[made])))
            break;
    if (r == 0 && made < levels) {
        while (made > 0) /* before others can have the blocks */
            cache_drop(pointers[--made]);
        balloc_undo(levels + 1, fresh);
        r = -ENOMEM;
    }
    if (r == 0) {
        for (unsigned i = 0; i <= levels; i++) { /* fresh[0] is the topmost */
            *c.slot = fresh[i];
            journal_write(c.holder ? c.holder : ip->fs->table);
            if (c.holder)
                cache_put(c.holder);
            c.holder = NULL;
            if (i < levels) {
                c.holder = pointers[i];
                c.slot = (blkno_t *)c.holder->data + (c.index >> (PTR_BITS * (levels - i - 1))) % FS_NPTRS;
            }
        }
        *block = fresh[levels];
        ip->fs->goal = *block + 1;
        ip->nblocks += levels + 1;
    }
    if (c.holder)
        cache_put(c.holder);
    return r;
}

/* What a step of shrinking may still do. */
struct budget {
    unsigned maps;   /* blocks of the block map to journal */
    unsigned blocks; /* blocks to free: bounds how long the handle stays open */
};

static int free_block(struct inode *ip, blkno_t *slot, struct budget *budget)
{
    bool costs = balloc_free_costs(*slot);
    if (budget->blocks == 0 || (costs && budget->maps == 0))
        return 0;
    budget->blocks--;
    budget->maps -= costs;
    int r = balloc_free(*slot);
    if (r)
        return r;
    *slot = 0;
    ip->nblocks -= ip->nblocks > 0;
    return 1;
}

/* Frees what lies at or beyond page `keep` below slot, which covers the pages from `base` on: 1, 0 or -EIO as
 * imap_shrink. Nested as deep as the map. A block of pointers that loses all is freed without being
 * journaled. */
static int prune(struct inode *ip, blkno_t *slot, unsigned level, uint64_t base, uint64_t keep,
                 struct budget *budget)
{
    if (*slot == 0)
        return 1;
    if (!fs_data_block(*slot))
        return bad_pointer(ip, *slot);
    if (level == 0)
        return free_block(ip, slot, budget);
    struct buf *b;
    int r = cache_read_block(*slot, &b);
    if (r)
        return r;
    uint64_t span = 1ull << (PTR_BITS * (level - 1));
    blkno_t *pointer = b->data;
    r = 1;
    for (unsigned i = FS_NPTRS; r == 1 && i-- > 0 && base + (i + 1) * span > keep;)
        r = prune(ip, &pointer[i], level - 1, base + i * span, keep, budget);
    if (r == 1 && base >= keep)
        r = free_block(ip, slot, budget);
    if (*slot) {
        journal_write(b);
        cache_put(b);
    } else {
        cache_drop(b);
    }
    return r;
}

int imap_shrink(struct inode *ip, uint64_t keep)
{
    struct budget budget = {.maps = SHRINK_MAPS, .blocks = 4 * FS_NPTRS};
    struct fs_inode *disk = ip->fs->disk;
    uint64_t base = FS_MAX_BLOCKS;
    int r = 1;
    for (unsigned level = 3; r == 1 && level > 0; level--) {
        base -= 1ull << (PTR_BITS * level);
        if (base + (1ull << (PTR_BITS * level)) > keep)
            r = prune(ip, &disk->indirect[level - 1], level, base, keep, &budget);
    }
    for (unsigned i = FS_NDIRECT; r == 1 && i-- > 0 && i >= keep;)
        r = prune(ip, &disk->direct[i], 0, i, keep, &budget);
    ip->fs->goal = 0;
    journal_write(ip->fs->table);
    return r;
}
