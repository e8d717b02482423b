/* Inodes in memory, their life and their attributes.
 *
 * An inode is in the hash table from its first use on. The table's own hold on it is not counted: with no
 * references it stays, to be found again, until inode_reclaim or the limit takes it, and then only if the
 * cache holds no page of it. The table's lock covers hash, list and the step of `refs` from 0 to 1; inode_put
 * only counts down.
 *
 * An inode whose last link goes is marked INODE_DEAD and put on the list of orphans, on disk as well, in that
 * same transaction. The put that leaves no reference frees its blocks, in as many transactions as it takes,
 * and in the last one the inode. A truncation too large for one transaction works alike: the size changes at
 * once, the inode is an orphan (`shrinking`) until the blocks are free; whoever wants to change the file
 * meanwhile helps to finish first (inode_begin). After a crash, mount goes on where this stopped.
 *
 * What is read from disk is checked wholly when it is loaded, before anybody sees it. */
#include "abi/errno.h"
#include "abi/limits.h"
#include "debug/check.h"
#include "fs/balloc.h"
#include "fs/diskfs.h"
#include "fs/journal.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/page.h"
#include "mm/slab.h"
#include "trap/timer.h"

#define INODES_KEPT_MAX 65536 /* so that the hash table is at most 1 MB */

struct disk_inode {
    struct inode inode;
    struct fs_private fs;
};

static struct slab_cache inode_slab = SLAB_INIT(inode_slab, "inode", struct disk_inode);

static struct spinlock table_lock = SPINLOCK_INIT("inode table", RANK_OUTER);
static struct list *buckets; /* table_lock, as all here */
static unsigned nbuckets;    /* c  a power of two; also how many inodes are kept in memory without pressure */
static struct list all = LIST_INIT(all); /* oldest first */
static size_t count;

static struct mutex orphan_mutex = MUTEX_INIT("orphans");
static struct list orphans = LIST_INIT(orphans); /* in the order of the list on disk */
static struct buf *head_table;                   /* c  block of inode 0 */
static struct fs_inode *head;                    /* c  inode 0, the head of the list on disk */

static const struct inode_ops disk_ops = {
    .lookup = dir_lookup,
    .readdir = dir_readdir,
    .read = file_read,
    .write = file_write,
    .readlink = file_readlink,
};

/* ---- The table ---- */

static int read_table(ino_t ino, struct buf **table, struct fs_inode **disk)
{
    int r = cache_read_block(fs_super.inode_start + ino / FS_INODES_PER_BLOCK, table);
    if (r == 0)
        *disk = (struct fs_inode *)(*table)->data + ino % FS_INODES_PER_BLOCK;
    return r;
}

int inode_table_init(void)
{
    nbuckets = 64;
    while (nbuckets < MIN(page_total() / 2, INODES_KEPT_MAX))
        nbuckets *= 2;
    buckets = kmalloc(nbuckets * sizeof(*buckets));
    if (!buckets)
        return -ENOMEM;
    for (unsigned i = 0; i < nbuckets; i++)
        list_init(&buckets[i]);
    return read_table(0, &head_table, &head);
}

/* Memory for an inode, locked, with one reference. */
static struct inode *allocate(ino_t ino)
{
    struct disk_inode *d = slab_alloc(&inode_slab);
    if (!d)
        return NULL;
    d->inode.ops = &disk_ops;
    d->inode.dev = 1;
    d->inode.ino = ino;
    d->inode.refs = 1;
    d->inode.fs = &d->fs;
    mutex_init(&d->inode.lock, "inode");
    list_init(&d->inode.hash_link);
    list_init(&d->inode.lru_link);
    list_init(&d->fs.bufs);
    list_init(&d->fs.orphan_link);
    d->fs.ahead_mark = UINT64_MAX;
    inode_lock(&d->inode);
    return &d->inode;
}

static void release_memory(struct inode *ip)
{
    dir_forget_index(ip);
    if (ip->fs->table)
        cache_put(ip->fs->table);
    slab_free(&inode_slab, container_of(ip, struct disk_inode, inode));
}

/* table_lock is held, for this and the next. */
static void unhash(struct inode *ip)
{
    if (!list_empty(&ip->lru_link))
        count--;
    list_remove(&ip->hash_link);
    list_remove(&ip->lru_link);
}

static struct inode *lookup(ino_t ino)
{
    struct inode *ip;
    list_for_each_entry (ip, &buckets[ino % nbuckets], hash_link)
        if (ip->ino == ino)
            return ip;
    return NULL;
}

/* A reference, unless the inode is dead. One step: a damaged directory may name what is just being freed. */
static bool get_alive(struct inode *ip)
{
    uint32_t refs = __atomic_load_n(&ip->refs, __ATOMIC_RELAXED);
    while (!(refs & INODE_DEAD))
        if (__atomic_compare_exchange_n(&ip->refs, &refs, refs + 1, true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return true;
    return false;
}

/* Frees up to n of the `tries` oldest inodes. */
static size_t evict(size_t n, size_t tries)
{
    size_t freed = 0;
    spin_lock(&table_lock);
    for (tries = MIN(tries, count); tries > 0 && freed < n; tries--) {
        struct inode *ip = list_first(&all, struct inode, lru_link);
        if (__atomic_load_n(&ip->refs, __ATOMIC_ACQUIRE) == 0 && cache_has_none(ip) && !ip->fs->shrinking) {
            unhash(ip);
            release_memory(ip);
            freed++;
        } else {
            list_remove(&ip->lru_link);
            list_push_back(&all, &ip->lru_link);
        }
    }
    spin_unlock(&table_lock);
    return freed;
}

size_t inode_reclaim(size_t n)
{
    return evict(n, SIZE_MAX);
}

/* Enters the new inode. If the number is there already: that one, referenced; NULL where it is dead. */
static struct inode *enter(struct inode *ip)
{
    if (count >= nbuckets)
        evict(4, 16);
    spin_lock(&table_lock);
    struct inode *there = lookup(ip->ino);
    if (!there) {
        list_push_front(&buckets[ip->ino % nbuckets], &ip->hash_link);
        list_push_back(&all, &ip->lru_link);
        count++;
        there = ip;
    } else if (!get_alive(there)) {
        there = NULL;
    }
    spin_unlock(&table_lock);
    return there;
}

/* ---- Loading ---- */

/* What is wrong with an inode on disk; NULL: nothing. */
static const char *check(const struct fs_inode *d, bool orphan)
{
    unsigned type = d->mode & S_IFMT;
    if (d->mode == 0)
        return "it has a name, but is free";
    if (type != S_IFREG && type != S_IFDIR && type != S_IFLNK && type != S_IFCHR && type != S_IFIFO)
        return "its type is unknown";
    if (d->nlink == 0 && !orphan)
        return "it has a name, but no links";
    bool dying = d->nlink == 0; /* and perhaps half freed */
    /* A directory has no holes; one with more blocks than the disk would be searched for ever. */
    bool bad_dir = d->size == 0 || d->size % FS_BLOCK_SIZE || d->size > FS_DIR_MAX ||
                   d->size / FS_BLOCK_SIZE > fs_super.nblocks;
    if (d->size > FS_MAX_SIZE || ((type == S_IFCHR || type == S_IFIFO) && d->size) ||
        (type == S_IFLNK && !dying && (d->size == 0 || d->size >= PATH_MAX)) ||
        (type == S_IFDIR && !dying && bad_dir))
        return "its size is impossible";
    for (unsigned i = 0; i < FS_NDIRECT + ARRAY_SIZE(d->indirect); i++) {
        blkno_t block = i < FS_NDIRECT ? d->direct[i] : d->indirect[i - FS_NDIRECT];
        if (block && !fs_data_block(block))
            return "a block number is no data block";
    }
    return NULL;
}

static int load(struct inode *ip, bool orphan)
{
    struct fs_private *f = ip->fs;
    int r = read_table(ip->ino, &f->table, &f->disk);
    if (r)
        return r;
    const struct fs_inode *d = f->disk;
    const char *wrong = check(d, orphan);
    if (wrong) {
        printk("lode fs: inode %u: %s\n", ip->ino, wrong);
        return -EIO;
    }
    ip->mode = d->mode;
    ip->nlink = d->nlink;
    ip->uid = d->uid;
    ip->gid = d->gid;
    ip->rdev = d->rdev;
    ip->size = d->size;
    ip->nblocks = d->nblocks;
    ip->atime = d->atime;
    ip->mtime = d->mtime;
    ip->ctime = d->ctime;
    f->changed = journal_running();                       /* perhaps: it may have been in memory before */
    __atomic_store_n(&f->loaded, true, __ATOMIC_RELEASE); /* pairs with inode_find */
    return 0;
}

/* The inode in memory, referenced, loaded now or by somebody else. -EAGAIN: that one has failed. */
static int find_or_load(ino_t ino, bool orphan, struct inode **result)
{
    spin_lock(&table_lock);
    struct inode *ip = lookup(ino);
    bool dead = ip && !get_alive(ip);
    spin_unlock(&table_lock);
    if (unlikely(dead))
        return -EIO; /* a second name for an inode with one link */
    int r = -EAGAIN;
    if (!ip) {
        struct inode *fresh = allocate(ino);
        if (!fresh)
            return -ENOMEM;
        ip = enter(fresh);
        if (ip == fresh)
            r = load(ip, orphan);
        inode_unlock(fresh);
        if (ip != fresh)
            release_memory(fresh);
        if (!ip)
            return -EIO;
    }
    if (unlikely(!__atomic_load_n(&ip->fs->loaded, __ATOMIC_ACQUIRE))) {
        inode_lock(ip); /* being loaded by somebody else, or in vain */
        inode_unlock(ip);
        if (!ip->fs->loaded) {
            spin_lock(&table_lock);
            unhash(ip);
            __atomic_fetch_or(&ip->refs, INODE_DEAD, __ATOMIC_RELAXED);
            spin_unlock(&table_lock);
            inode_put(ip);
            return r;
        }
    }
    *result = ip;
    return 0;
}

/* In a function of its own, so that inode_find saves few registers: 100 instructions become 71. */
__attribute__((noinline)) static int find_slow(ino_t ino, bool orphan, struct inode **result)
{
    int r;
    do /* who has failed may just have had no memory */
        r = find_or_load(ino, orphan, result);
    while (r == -EAGAIN);
    return r;
}

int inode_find(ino_t ino, bool orphan, struct inode **result)
{
    if (ino == 0 || ino >= fs_super.ninodes)
        return -EIO;
    spin_lock(&table_lock);
    struct inode *ip = lookup(ino);
    bool found = ip && __atomic_load_n(&ip->fs->loaded, __ATOMIC_ACQUIRE) && get_alive(ip);
    spin_unlock(&table_lock);
    if (unlikely(!found))
        return find_slow(ino, orphan, result);
    *result = ip;
    return 0;
}

static void clear(struct fs_inode *d)
{
    *d = (struct fs_inode){.generation = d->generation};
}

int inode_create(uint32_t mode, uint32_t rdev, struct inode **result)
{
    struct inode *ip = allocate(0);
    if (!ip)
        return -ENOMEM;
    struct fs_private *f = ip->fs;
    int r = balloc_inode_alloc(&ip->ino);
    if (r == 0 && (r = read_table(ip->ino, &f->table, &f->disk)) != 0)
        balloc_inode_free(ip->ino);
    if (r == 0 && (f->disk->mode != 0 || enter(ip) != ip)) {
        fs_damaged("inode %u is in use, but marked free", ip->ino);
        r = -EIO;
    }
    if (r) {
        inode_unlock(ip);
        release_memory(ip);
        return r;
    }
    clear(f->disk);
    f->disk->generation++;
    f->loaded = true;
    ip->mode = (uint16_t)mode;
    ip->rdev = rdev;
    ip->atime = (int64_t)time_of_day();
    inode_update(ip, true);
    *result = ip;
    return 0;
}

/* ---- Orphans ---- */

static void orphan_add(struct inode *ip)
{
    struct fs_private *f = ip->fs;
    mutex_lock(&orphan_mutex);
    if (list_empty(&f->orphan_link)) {
        f->disk->next_orphan = head->next_orphan;
        head->next_orphan = ip->ino;
        journal_write(f->table);
        journal_write(head_table);
        list_push_front(&orphans, &f->orphan_link);
    }
    mutex_unlock(&orphan_mutex);
}

static void orphan_remove(struct inode *ip)
{
    struct fs_private *f = ip->fs;
    mutex_lock(&orphan_mutex);
    if (f->orphan_link.prev == &orphans) {
        head->next_orphan = f->disk->next_orphan;
        journal_write(head_table);
    } else {
        struct fs_private *before = list_entry(f->orphan_link.prev, struct fs_private, orphan_link);
        before->disk->next_orphan = f->disk->next_orphan;
        journal_write(before->table);
    }
    f->disk->next_orphan = 0;
    journal_write(f->table);
    list_remove(&f->orphan_link);
    mutex_unlock(&orphan_mutex);
}

int inode_recover_orphans(void)
{
    for (ino_t ino = head->next_orphan; ino != 0;) {
        struct inode *ip;
        int r = inode_find(ino, true, &ip);
        if (r || !list_empty(&ip->fs->orphan_link)) {
            fs_damaged(r == -ENOMEM ? "no memory to follow the list of orphans at inode %u"
                                    : "the list of orphans is broken at inode %u",
                       ino);
            return r;
        }
        ip->fs->shrinking = ip->nlink > 0;
        list_push_back(&orphans, &ip->fs->orphan_link);
        ino = ip->fs->disk->next_orphan;
    }
    struct fs_private *f, *next;
    list_for_each_entry_safe (f, next, &orphans, orphan_link) {
        struct inode *ip = &container_of(f, struct disk_inode, fs)->inode;
        if (ip->nlink == 0)
            __atomic_fetch_or(&ip->refs, INODE_DEAD, __ATOMIC_RELAXED);
        else if (inode_begin(ip, 1) == 0) /* finishes the truncation */
            inode_end(ip, 1);
        inode_put(ip);
    }
    return 0;
}

/* Nobody has it any more, nor can find it. */
static void free_inode(struct inode *ip)
{
    struct fs_private *f = ip->fs;
    bool tried = false;
    int r = f->loaded ? 0 : 1;
    while (r <= 0) {
        if ((r < 0 && !journal_retry(r, &tried)) || journal_begin(SHRINK_CREDITS) != 0)
            return; /* stays an orphan: mount will free it */
        inode_lock(ip);
        ip->size = 0;
        cache_drop_from(ip, 0);
        r = imap_shrink(ip, 0);
        if (r == 1) {
            orphan_remove(ip);
            clear(f->disk);
            spin_lock(&table_lock);
            unhash(ip);
            spin_unlock(&table_lock);
            balloc_inode_free(ip->ino);
        } else {
            inode_update(ip, false);
        }
        inode_end(ip, SHRINK_CREDITS);
        if (r == 0)
            tried = false; /* it goes forward */
        if (r == -EIO)
            fs_damaged("inode %u cannot be freed", ip->ino);
    }
    release_memory(ip);
}

/* ---- Counting and locking ---- */

void inode_put(struct inode *ip)
{
    if (!ip)
        return;
    void (*release)(struct inode *) = ip->ops->release; /* ip may be gone once it is counted down */
    uint32_t left = __atomic_sub_fetch(&ip->refs, 1, __ATOMIC_ACQ_REL);
    if (unlikely(left == INODE_DEAD))
        free_inode(ip);
    else if (left == 0 && release)
        release(ip);
}

int inode_begin(struct inode *ip, unsigned credits)
{
    for (;;) {
        int r = journal_begin(credits);
        if (r)
            return r;
        inode_lock(ip);
        if (likely(!ip->fs->shrinking))
            return 0;
        inode_end(ip, credits);
        r = journal_begin(SHRINK_CREDITS);
        if (r)
            return r;
        inode_lock(ip);
        if (ip->fs->shrinking)
            r = inode_shrink(ip);
        inode_end(ip, SHRINK_CREDITS);
        if (r)
            return r;
    }
}

void inode_end(struct inode *ip, unsigned credits)
{
    inode_unlock(ip);
    journal_end(credits);
}

/* ---- Changes ---- */

void inode_update(struct inode *ip, bool content)
{
    struct fs_inode *d = ip->fs->disk;
    ip->ctime = (int64_t)time_of_day();
    if (content)
        ip->mtime = ip->ctime;
    d->mode = ip->mode;
    d->nlink = ip->nlink;
    d->uid = ip->uid;
    d->gid = ip->gid;
    d->rdev = ip->rdev;
    d->size = ip->size;
    d->nblocks = ip->nblocks;
    d->atime = ip->atime;
    d->mtime = ip->mtime;
    d->ctime = ip->ctime;
    ip->fs->changed = journal_running();
    journal_write(ip->fs->table);
}

void inode_add_links(struct inode *ip, int n)
{
    ip->nlink = n < 0 && ip->nlink < (uint32_t)-n ? 0 : ip->nlink + (uint32_t)n;
    if (ip->nlink == 0) {
        __atomic_fetch_or(&ip->refs, INODE_DEAD, __ATOMIC_RELAXED);
        orphan_add(ip);
    }
    inode_update(ip, false);
}

int inode_shrink(struct inode *ip)
{
    struct fs_private *f = ip->fs;
    int r = imap_shrink(ip, PAGE_ROUND_UP(ip->size) >> PAGE_SHIFT);
    if (r == 1 && f->shrinking)
        orphan_remove(ip);
    if (r != 1)
        orphan_add(ip);
    f->shrinking = r != 1;
    inode_update(ip, false);
    if (r == -EIO)
        fs_damaged("inode %u cannot be shortened", ip->ino);
    return MIN(r, 0);
}

/* To fewer bytes; in a handle, the inode locked. */
static int cut(struct inode *ip, uint64_t size)
{
    size_t in = size % PAGE_SIZE;
    if (in) {
        struct buf *b;
        int r = file_page(ip, size >> PAGE_SHIFT, 1, &b);
        if (r)
            return r;
        cache_wait(b, BUF_WRITING);
        if (b->block) {
            memset((char *)b->data + in, 0, PAGE_SIZE - in);
            journal_write(b);
        }
        cache_put(b);
    }
    ip->size = size;
    cache_drop_from(ip, PAGE_ROUND_UP(size) >> PAGE_SHIFT);
    return inode_shrink(ip);
}

int inode_truncate(struct inode *ip, uint64_t size)
{
    if (!S_ISREG(ip->mode))
        return S_ISDIR(ip->mode) ? -EISDIR : -EINVAL;
    if (!ip->fs)
        return -EPERM;
    if (size > FS_MAX_SIZE)
        return -EFBIG;
    int r = inode_begin(ip, SHRINK_CREDITS);
    if (r)
        return r;
    if (size < ip->size)
        r = cut(ip, size);
    ip->size = r ? ip->size : size;
    if (r == 0)
        inode_update(ip, true);
    bool more = ip->fs->shrinking;
    inode_end(ip, SHRINK_CREDITS);
    if (r == 0 && more && (r = inode_begin(ip, 1)) == 0)
        inode_end(ip, 1);
    return r;
}

/* Around a change of attributes. */
static int begin_change(struct inode *ip)
{
    return ip->fs ? inode_begin(ip, 1) : -EPERM;
}

static int end_change(struct inode *ip)
{
    inode_update(ip, false);
    inode_end(ip, 1);
    return 0;
}

int inode_chmod(struct inode *ip, uint32_t mode)
{
    int r = begin_change(ip);
    if (r)
        return r;
    ip->mode = (uint16_t)((ip->mode & S_IFMT) | (mode & 07777));
    return end_change(ip);
}

int inode_chown(struct inode *ip, uint32_t uid, uint32_t gid)
{
    int r = begin_change(ip);
    if (r)
        return r;
    ip->uid = uid == ~0u ? ip->uid : uid;
    ip->gid = gid == ~0u ? ip->gid : gid;
    return end_change(ip);
}

int inode_set_times(struct inode *ip, int64_t atime, int64_t mtime)
{
    int r = begin_change(ip);
    if (r)
        return r;
    ip->atime = atime == INT64_MIN ? ip->atime : atime;
    ip->mtime = mtime == INT64_MIN ? ip->mtime : mtime;
    return end_change(ip);
}

/* ---- Any kind of file system ---- */

ssize_t inode_write(struct inode *ip, struct uio *u, uint64_t *place)
{
    return ip->ops->write ? ip->ops->write(ip, u, place) : -EINVAL;
}

ssize_t inode_read_kernel(struct inode *ip, void *buf, size_t n, uint64_t offset)
{
    struct uio u = {.addr = (uintptr_t)buf, .left = n, .kernel = true};
    return inode_read(ip, &u, &offset);
}

void inode_stat(struct inode *ip, struct abi_stat *st)
{
    inode_lock(ip);
    *st = (struct abi_stat){.dev = ip->dev,
                            .ino = ip->ino,
                            .mode = ip->mode,
                            .nlink = ip->nlink,
                            .uid = ip->uid,
                            .gid = ip->gid,
                            .rdev = ip->rdev,
                            .size = (int64_t)ip->size,
                            .blksize = FS_BLOCK_SIZE,
                            .blocks = (int64_t)(ip->nblocks * (FS_BLOCK_SIZE / 512))};
    int64_t ns[3] = {ip->atime, ip->mtime, ip->ctime};
    struct abi_timespec *ts[3] = {&st->atime, &st->mtime, &st->ctime};
    for (unsigned i = 0; i < 3; i++) {
        ts[i]->sec = ns[i] / (int64_t)NSEC_PER_SEC;
        ts[i]->nsec = ns[i] % (int64_t)NSEC_PER_SEC;
        if (ts[i]->nsec < 0) { /* before 1970: from the second before */
            ts[i]->sec--;
            ts[i]->nsec += (int64_t)NSEC_PER_SEC;
        }
    }
    inode_unlock(ip);
}

int inode_fsync(struct inode *ip, bool data_only)
{
    (void)data_only; /* a group commit costs the same */
    if (!ip->fs)
        return 0;
    inode_lock(ip);
    uint64_t changed = ip->fs->changed;
    inode_unlock(ip);
    return journal_wait(changed);
}

/* ---- Debug builds ---- */

#ifdef LODE_DEBUG
/* Of one that nobody is changing. */
static void check_unlocked(struct inode *ip)
{
    const struct fs_private *f = ip->fs;
    const struct fs_inode *d = f->disk;
    bool dead = ip->refs & INODE_DEAD;
    const struct buf *b;

    CHECK(d->mode == ip->mode && d->nlink == ip->nlink && d->size == ip->size && d->nblocks == ip->nblocks,
          "inode %u: mode 0x%x, %u links, %lu bytes, %lu blocks; in the table 0x%x, %u, %lu, %lu", ip->ino,
          ip->mode, ip->nlink, ip->size, ip->nblocks, d->mode, d->nlink, d->size, d->nblocks);
    CHECK(dead == (ip->nlink == 0), "inode %u: %u links, refs 0x%x", ip->ino, ip->nlink, ip->refs);
    if (check_free(&orphan_mutex))
        CHECK((dead || f->shrinking) == !list_empty(&f->orphan_link), "inode %u: %u links, but %s orphan",
              ip->ino, ip->nlink, dead ? "no" : "an");
    if (check_list(&f->bufs, "pages of a file"))
        list_for_each_entry (b, &f->bufs, owner_link)
            CHECK(b->owner == ip, "inode %u: has a page of another", ip->ino);
}

static void check_orphans(void)
{
    const struct fs_private *f;
    ino_t ino = head->next_orphan;

    if (!check_free(&orphan_mutex) || !check_list(&orphans, "orphans"))
        return;
    list_for_each_entry (f, &orphans, orphan_link) {
        const struct inode *ip = &container_of(f, struct disk_inode, fs)->inode;
        CHECK(ip->ino == ino, "inode %u: is an orphan where the disk has %u", ip->ino, ino);
        ino = f->disk->next_orphan;
    }
    CHECK(ino == 0, "inode %u: is an orphan on disk alone", ino);
}

void inode_check(void)
{
    struct inode *ip;
    size_t n = 0;

    if (!head || !check_list(&all, "inodes"))
        return;
    for (unsigned i = 0; i < nbuckets; i++)
        if (!check_list(&buckets[i], "table of inodes"))
            return;
    list_for_each_entry (ip, &all, lru_link) {
        CHECK(lookup(ip->ino) == ip, "inode %u: not in the table, or twice", ip->ino);
        CHECK((ip->refs & ~INODE_DEAD) < 1u << 24, "inode %u: refs 0x%x", ip->ino, ip->refs);
        CHECK(ip->refs != 0 || check_free(&ip->lock), "inode %u: is locked, but nobody uses it", ip->ino);
        if (ip->fs->loaded && check_free(&ip->lock))
            check_unlocked(ip);
        n++;
    }
    CHECK(n == count, "%lu inodes, %lu counted", n, count);
    check_orphans();
}
#endif
