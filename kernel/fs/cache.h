/* The cache of 4 KB blocks: pages of files and directories, and the disk's own tables, in one cache.
 *
 * A struct buf is found by (owner, index): an inode and a page number in its file, or NULL and a block number
 * on disk for bitmaps, the inode table and blocks of pointers. It is counted: the hash table holds one
 * reference while the buf can be found, a transaction one for each list it is on, reads in flight and
 * users one each. Its content is protected by the owner's lock, by the lock of what is stored in it else. */
#pragma once
#include "fs/disk.h"
#include "lib/list.h"
#include "lib/types.h"

struct inode;
struct page;

enum buf_flags {
    BUF_UPTODATE = 1,  /* data is valid */
    BUF_READING = 2,   /* a read is in flight */
    BUF_WRITING = 4,   /* ordered data on its way to the disk: must not be changed */
    BUF_JOURNALED = 8, /* in the running transaction; its content goes through the journal */
    BUF_ORDERED = 16,  /* in the running transaction; newly allocated data, written home before the commit */
};

/* c constant; h the hash chain's lock; l the cache's lock; o owner's lock; a atomic. BUF_JOURNALED and
 * BUF_ORDERED are set within transactions and cleared when none is open, so a transaction may trust what it
 * reads. */
struct buf {
    struct inode *owner;    /* c */
    uint64_t index;         /* c */
    struct page *page;      /* c */
    void *data;             /* c  the page's memory */
    blkno_t block;          /* o  home on disk; 0: a hole of the file */
    uint32_t refs;          /* a */
    uint16_t flags;         /* l */
    bool used;              /* a  since reclaim looked last */
    bool hashed;            /* h  can be found */
    struct buf *hash_next;  /* h */
    struct list link;       /* l  the LRU list when clean, or a transaction's list, or none */
    struct list owner_link; /* l  the inode's bufs */
};

int cache_init(void); /* 0, -ENOMEM */

struct buf *cache_find(struct inode *owner, uint64_t index); /* referenced, any state; NULL: not cached */
struct buf *cache_get(struct inode *owner, uint64_t index);  /* the same, creates; NULL: no memory */
void cache_hold(struct buf *b);
/* Acquires: what is read from data afterwards is what was there when the flag was set. */
static inline bool cache_is_valid(const struct buf *b)
{
    return __atomic_load_n(&b->flags, __ATOMIC_ACQUIRE) & BUF_UPTODATE;
}
void cache_free(struct buf *b); /* for cache_put */
static inline void cache_put(struct buf *b) /* any context */
{
    if (unlikely(__atomic_sub_fetch(&b->refs, 1, __ATOMIC_ACQ_REL) == 0))
        cache_free(b);
}

/* A block by its number, read from disk if need be. 0, -EIO, -ENOMEM. */
int cache_read_block(blkno_t block, struct buf **result);

/* Reading: claim each buf (false: it is valid or being read already), then add it, which takes over the
 * caller's reference, and at last submit. Neighbours on disk become one request. Adding fails with -ENOMEM,
 * and the claim is undone. */
struct cache_read;
bool cache_claim(struct buf *b);
int cache_read_add(struct cache_read **run, struct buf *b);
void cache_read_submit(struct cache_read **run);
void cache_set_valid(struct buf *b, bool valid); /* ends BUF_READING */
void cache_wait(struct buf *b, unsigned flag);   /* until the flag is off */

/* Out of the cache, and out of the running transaction: its block is free, or its place in the file gone.
 * cache_drop takes over the caller's reference. cache_drop_from: all bufs of the file from page `first` on.
 */
void cache_drop(struct buf *b);
void cache_drop_from(struct inode *ip, uint64_t first);
bool cache_has_none(struct inode *ip); /* of the file's pages; certain only while nobody uses the inode */

/* For the journal. cache_attach moves b to a transaction's list and gives it a reference and the flag; false
 * when it has one of the two flags already. cache_detach takes the first buf off a list, exchanging its
 * flags. cache_clean: the content is on disk; b returns to the LRU list and a reference is dropped. */
bool cache_attach(struct buf *b, struct list *to, unsigned flag);
struct buf *cache_detach(struct list *from, unsigned clear, unsigned set);
void cache_clean(struct buf *b);
