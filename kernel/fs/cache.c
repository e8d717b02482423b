/* The cache of file pages and metadata blocks (cache.h).
 *
 * Bufs hang in a hash table with a lock for every 64th chain, so that hits on different harts do not meet.
 * One more lock, cache_lock, covers flags and lists. Neither is taken inside the other.
 *
 * A buf is on the LRU list exactly while it is in the hash table and no transaction has it; only such bufs
 * are evicted. The list is a clock: a hit sets `used`, which saves the buf from reclaim once.
 *
 * Reclaim runs inside page_alloc, wherever that is called: it takes only spin locks, needs no memory and
 * starts no I/O. It takes a buf when the hash table's reference is the only one and no address space maps its
 * page. References are gained from the table under the chain's lock, so that check, made under it, stays
 * true. */
#include "fs/cache.h"
#include "abi/errno.h"
#include "debug/check.h"
#include "fs/diskfs.h"
#include "fs/journal.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/page.h"
#include "mm/slab.h"
#include "sync/wait.h"

#define STRIPES 64

static struct {
    struct spinlock lock;
} stripes[STRIPES];
static struct buf **chains;
static unsigned chain_shift; /* 64 - log2(number of chains) */

static struct spinlock cache_lock = SPINLOCK_INIT("cache", RANK_CACHE);
static struct list lru = LIST_INIT(lru); /* oldest first */
static size_t lru_count;
static struct slab_cache buf_slab = SLAB_INIT(buf_slab, "buf", struct buf);

struct cache_read {
    struct bio bio;
    struct buf *buf[BIO_MAX_BLOCKS];
};

static inline uint64_t hash(struct inode *owner, uint64_t index)
{
    return (((uintptr_t)owner >> 5) + index) * 0x9e3779b97f4a7c15ull >> chain_shift;
}

static inline struct spinlock *stripe(uint64_t h)
{
    return &stripes[h % STRIPES].lock;
}

static void lru_push(struct buf *b)
{
    list_push_back(&lru, &b->link);
    lru_count++;
}

/* Where nobody has it: it can be found, is on no list, and no transaction nor its commit wants it. */
static void lru_push_if_clean(struct buf *b)
{
    if (b->hashed && list_empty(&b->link) && !(b->flags & (BUF_JOURNALED | BUF_ORDERED | BUF_WRITING)))
        lru_push(b);
}

/* Off whatever list it is on; only a clean buf can be on the LRU list. */
static void unlink_buf(struct buf *b)
{
    if (!list_empty(&b->link) && !(b->flags & (BUF_JOURNALED | BUF_ORDERED | BUF_WRITING)))
        lru_count--;
    list_remove(&b->link);
}

void cache_hold(struct buf *b)
{
    __atomic_fetch_add(&b->refs, 1, __ATOMIC_RELAXED);
}

void cache_free(struct buf *b)
{
    page_put(b->page);
    slab_free(&buf_slab, b);
}

/* The chain's lock is held. */
static inline struct buf *find_locked(uint64_t h, struct inode *owner, uint64_t index)
{
    struct buf *b = chains[h];
    while (b && (b->index != index || b->owner != owner))
        b = b->hash_next;
    if (b) {
        cache_hold(b);
        b->used = true;
    }
    return b;
}

struct buf *cache_find(struct inode *owner, uint64_t index)
{
    uint64_t h = hash(owner, index);
    spin_lock(stripe(h));
    struct buf *b = find_locked(h, owner, index);
    spin_unlock(stripe(h));
    return b;
}

struct buf *cache_get(struct inode *owner, uint64_t index)
{
    struct buf *found = cache_find(owner, index);
    if (found)
        return found;
    struct buf *b = slab_alloc(&buf_slab);
    if (b && !(b->page = page_alloc(0))) {
        slab_free(&buf_slab, b);
        b = NULL;
    }
    if (!b)
        return NULL;
    b->owner = owner;
    b->index = index;
    b->data = page_kva(b->page);
    b->block = owner ? 0 : (blkno_t)index;
    b->refs = 2; /* the table's and the caller's */
    list_init(&b->link);
    list_init(&b->owner_link);

    uint64_t h = hash(owner, index);
    spin_lock(stripe(h));
    found = find_locked(h, owner, index); /* somebody may have been faster */
    if (!found) {
        b->hashed = true;
        b->hash_next = chains[h];
        chains[h] = b;
    }
    spin_unlock(stripe(h));
    if (found) {
        b->refs = 1;
        cache_put(b);
        return found;
    }
    /* Since the chain's lock was released, others may have found it: dropped it, or put it into a
     * transaction. */
    spin_lock(&cache_lock);
    lru_push_if_clean(b);
    if (owner && b->hashed)
        list_push_back(&owner->fs->bufs, &b->owner_link);
    spin_unlock(&cache_lock);
    return b;
}

/* Out of the hash table, unless more than max_refs references exist. The table's reference passes to the
 * caller. */
static bool unhash(struct buf *b, uint32_t max_refs)
{
    uint64_t h = hash(b->owner, b->index);
    spin_lock(stripe(h));
    bool gone = b->hashed && __atomic_load_n(&b->refs, __ATOMIC_RELAXED) <= max_refs &&
                (max_refs == UINT32_MAX || page_refs(b->page) == 1);
    if (gone) {
        struct buf **p = &chains[h];
        while (*p != b)
            p = &(*p)->hash_next;
        *p = b->hash_next;
        b->hashed = false;
    }
    spin_unlock(stripe(h));
    return gone;
}

void cache_drop(struct buf *b)
{
    bool gone = unhash(b, UINT32_MAX);
    spin_lock(&cache_lock);
    bool attached = b->flags & (BUF_JOURNALED | BUF_ORDERED);
    if (!(b->flags & BUF_WRITING)) /* the commit has it on its list, and lets go of it itself */
        unlink_buf(b);
    if (attached)
        journal_forget(b->flags & BUF_JOURNALED);
    b->flags &= ~(BUF_JOURNALED | BUF_ORDERED);
    list_remove(&b->owner_link);
    spin_unlock(&cache_lock);
    if (gone)
        cache_put(b);
    if (attached)
        cache_put(b);
    cache_put(b);
}

void cache_drop_from(struct inode *ip, uint64_t first)
{
    struct list kept = LIST_INIT(kept), *bufs = &ip->fs->bufs;
    spin_lock(&cache_lock);
    while (!list_empty(bufs)) {
        struct buf *b = list_first(bufs, struct buf, owner_link);
        list_remove(&b->owner_link);
        list_push_back(&kept, &b->owner_link);
        if (b->index < first)
            continue;
        cache_hold(b);
        spin_unlock(&cache_lock);
        cache_drop(b);
        spin_lock(&cache_lock);
    }
    list_splice_back(bufs, &kept);
    spin_unlock(&cache_lock);
}

bool cache_has_none(struct inode *ip)
{
    spin_lock(&cache_lock); /* so that a buf on its way out is off the list wholly */
    bool none = list_empty(&ip->fs->bufs);
    spin_unlock(&cache_lock);
    return none;
}

/* Takes over a reference that the caller gained under cache_lock, while taking b off the LRU list. */
static bool evict(struct buf *b)
{
    bool gone = unhash(b, 2);
    spin_lock(&cache_lock);
    if (gone)
        list_remove(&b->owner_link);
    else
        lru_push_if_clean(b);
    spin_unlock(&cache_lock);
    if (gone)
        cache_put(b);
    cache_put(b);
    return gone;
}

static size_t reclaim(size_t n)
{
    size_t freed = 0;
    for (size_t tries = 2 * lru_count; freed < n && tries > 0; tries--) {
        spin_lock(&cache_lock);
        if (list_empty(&lru)) {
            spin_unlock(&cache_lock);
            break;
        }
        struct buf *b = list_first(&lru, struct buf, link);
        unlink_buf(b);
        bool keep = b->used || __atomic_load_n(&b->refs, __ATOMIC_RELAXED) > 1 || page_refs(b->page) > 1;
        b->used = false;
        if (keep)
            lru_push(b);
        else
            cache_hold(b);
        spin_unlock(&cache_lock);
        if (!keep && evict(b))
            freed++;
    }
    return freed ? freed : inode_reclaim(n);
}

int cache_init(void)
{
    unsigned bits = 6;
    while (bits < 18 && (2ul << bits) <= page_total() / 2)
        bits++;
    chain_shift = 64 - bits;
    chains = kzalloc(sizeof(*chains) << bits);
    if (!chains)
        return -ENOMEM;
    for (unsigned i = 0; i < STRIPES; i++)
        spin_init(&stripes[i].lock, "cache chain", RANK_CACHE);
    page_reclaim_hook = reclaim;
    return 0;
}

void cache_set_valid(struct buf *b, bool valid)
{
    spin_lock(&cache_lock);
    b->flags &= ~BUF_READING;
    if (valid)
        b->flags |= BUF_UPTODATE;
    wakeup(b);
    spin_unlock(&cache_lock);
}

bool cache_claim(struct buf *b)
{
    spin_lock(&cache_lock);
    bool claimed = !(b->flags & (BUF_UPTODATE | BUF_READING));
    if (claimed)
        b->flags |= BUF_READING;
    spin_unlock(&cache_lock);
    return claimed;
}

void cache_wait(struct buf *b, unsigned flag)
{
    spin_lock(&cache_lock);
    while (b->flags & flag)
        sleep(b, &cache_lock);
    spin_unlock(&cache_lock);
}

/* Interrupt context. */
static void read_done(struct bio *bio)
{
    struct cache_read *run = bio->arg;
    for (unsigned i = 0; i < bio->nblocks; i++) {
        cache_set_valid(run->buf[i], bio->status == 0);
        cache_put(run->buf[i]);
    }
    kfree(run);
}

void cache_read_submit(struct cache_read **run)
{
    if (*run)
        disk_submit(&(*run)->bio);
    *run = NULL;
}

int cache_read_add(struct cache_read **run, struct buf *b)
{
    struct cache_read *r = *run;
    if (r && (r->bio.nblocks == BIO_MAX_BLOCKS || r->bio.block + r->bio.nblocks != b->block))
        cache_read_submit(run);
    if (!*run) {
        *run = r = kmalloc(sizeof(*r));
        if (!r) {
            cache_set_valid(b, false);
            cache_put(b);
            return -ENOMEM;
        }
        r->bio.op = BIO_READ;
        r->bio.block = b->block;
        r->bio.nblocks = 0;
        r->bio.done = read_done;
        r->bio.arg = r;
    }
    r->bio.data[r->bio.nblocks] = b->data;
    r->buf[r->bio.nblocks++] = b;
    return 0;
}

int cache_read_block(blkno_t block, struct buf **result)
{
    struct buf *b = cache_get(NULL, block);
    if (!b)
        return -ENOMEM;
    while (unlikely(!cache_is_valid(b))) {
        struct cache_read *run = NULL;
        bool mine = cache_claim(b);
        int r = 0;
        if (mine) {
            cache_hold(b);
            r = cache_read_add(&run, b);
            cache_read_submit(&run);
        }
        cache_wait(b, BUF_READING);
        /* Where somebody else has read in vain, the reason is not known: it may have been memory. */
        if (mine && !cache_is_valid(b)) {
            cache_put(b);
            return r ? r : -EIO;
        }
    }
    *result = b;
    return 0;
}

bool cache_attach(struct buf *b, struct list *to, unsigned flag)
{
    spin_lock(&cache_lock);
    bool added = !(b->flags & (BUF_JOURNALED | BUF_ORDERED));
    if (added) {
        assert(!(b->flags & BUF_WRITING) && b->block != 0);
        unlink_buf(b);
        b->flags |= flag;
        list_push_back(to, &b->link);
        cache_hold(b);
    }
    spin_unlock(&cache_lock);
    return added;
}

struct buf *cache_detach(struct list *from, unsigned clear, unsigned set)
{
    struct buf *b = NULL;
    spin_lock(&cache_lock);
    if (!list_empty(from)) {
        b = list_first(from, struct buf, link);
        list_remove(&b->link);
        b->flags = (b->flags & ~clear) | set;
        if (clear & BUF_WRITING)
            wakeup(b);
    }
    spin_unlock(&cache_lock);
    return b;
}

void cache_clean(struct buf *b)
{
    spin_lock(&cache_lock);
    lru_push_if_clean(b);
    spin_unlock(&cache_lock);
    cache_put(b);
}

/* ---- debug builds ---- */

#ifdef LODE_DEBUG
#define BUF_BUSY (BUF_JOURNALED | BUF_ORDERED | BUF_WRITING)

static void check_buf(const struct buf *b, uint64_t chain)
{
    bool attached = b->flags & (BUF_JOURNALED | BUF_ORDERED), linked = !list_empty(&b->link);

    CHECK(b->hashed && hash(b->owner, b->index) == chain, "cached page %lu: in the wrong chain", b->index);
    CHECK(b->data == page_kva(b->page) && page_refs(b->page) > 0 && page_refs(b->page) < UINT32_MAX / 2,
          "cached page %lu: its memory has %u references of its own", b->index, page_refs(b->page));
    CHECK(b->refs >= 1u + attached + (!linked && !(b->flags & BUF_BUSY)),
          "cached page %lu: %u references, flags 0x%x, %s a list", b->index, b->refs, b->flags,
          linked ? "on" : "on not");
    CHECK((b->flags & (BUF_JOURNALED | BUF_ORDERED)) != (BUF_JOURNALED | BUF_ORDERED) &&
              (!attached || linked),
          "cached page %lu: flags 0x%x", b->index, b->flags);
    CHECK((b->flags & (BUF_UPTODATE | BUF_READING)) != (BUF_UPTODATE | BUF_READING),
          "cached page %lu: valid, but being read", b->index);
}

void cache_check(void)
{
    size_t n = 0, found = 0;
    struct buf *b;

    if (!chains)
        return;
    for (uint64_t chain = 0; chain < 1ull << (64 - chain_shift); chain++)
        for (b = chains[chain]; b && CHECK(check_pointer(b), "chain %lu of cached pages is broken", chain);
             b = b->hash_next, found++)
            check_buf(b, chain);
    CHECK(found == buf_slab.objects, "cached pages: %lu can be found, %lu exist", found, buf_slab.objects);
    if (!check_list(&lru, "cached pages"))
        return;
    list_for_each_entry (b, &lru, link) {
        CHECK(b->hashed && !(b->flags & BUF_BUSY), "cached page %lu: on the LRU list, flags 0x%x, hashed %d",
              b->index, b->flags, b->hashed);
        n++;
    }
    CHECK(n == lru_count, "%lu cached pages on the LRU list, %lu counted", n, lru_count);
}
#endif
