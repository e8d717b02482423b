/* Directories: arrays of struct fs_dirent in the directory's pages, with an index in memory.
 *
 * The index is an open-addressing hash table from names' hashes to slots, built by the first lookup and kept
 * in step by dir_set. It is a help, not the truth: each hit is compared with the entry itself, and where
 * memory for the table is lacking the entries are searched one by one. When it is three quarters full it is
 * thrown away, and the next lookup builds a larger one. All is protected by the directory's lock.
 *
 * A damaged directory may hold anything: entries are looked at only through entry_name, which takes no entry
 * that could not have been written by dir_set. */
#include "abi/errno.h"
#include "fs/balloc.h"
#include "fs/diskfs.h"
#include "fs/journal.h"
#include "lib/string.h"
#include "mm/slab.h"

#define SLOT_EMPTY   0u
#define SLOT_DELETED UINT32_MAX /* was in use: a search goes on behind it */

struct dir_index {
    uint32_t mask;   /* size - 1, the size a power of two */
    uint32_t filled; /* not SLOT_EMPTY */
    struct {
        uint32_t hash;
        uint32_t slot; /* slot + 1, or one of the above */
    } at[];
};

static uint32_t hash(const char *name, size_t len)
{
    uint32_t h = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < len; i++)
        h = (h ^ (uint8_t)name[i]) * 16777619u;
    return h;
}

/* The length of an entry's name; 0: the entry is free, or no valid one. */
static size_t entry_name(const struct fs_dirent *e)
{
    if (e->ino == 0 || e->ino >= fs_super.ninodes)
        return 0;
    size_t len = strnlen(e->name, FS_NAME_MAX);
    return memchr(e->name, '/', len) ? 0 : len;
}

/* The index and the search compare only names that a path has brought: these have no '/'. */
static bool has_name(const struct fs_dirent *e, const char *name, size_t len)
{
    return e->ino != 0 && e->ino < fs_super.ninodes && memcmp(e->name, name, len) == 0 &&
           (len == FS_NAME_MAX || e->name[len] == '\0');
}

static uint32_t slots(const struct inode *dir)
{
    return (uint32_t)(dir->size / FS_DIRENT_SIZE);
}

void dir_put_place(struct dir_place *p)
{
    if (p->buf)
        cache_put(p->buf);
    p->buf = NULL;
}

static int get_entry(struct inode *dir, uint32_t slot, struct dir_place *p)
{
    int r = file_page(dir, slot / FS_DIRENTS_PER_BLOCK, 1, &p->buf);
    if (unlikely(r)) {
        p->buf = NULL;
        return r;
    }
    if (unlikely(p->buf->block == 0)) { /* a hole: nothing could be written there */
        dir_put_place(p);
        return -EIO;
    }
    p->slot = slot;
    p->entry = (struct fs_dirent *)p->buf->data + slot % FS_DIRENTS_PER_BLOCK;
    return 0;
}

int dir_parent(struct inode *dir, struct dir_place *p)
{
    return get_entry(dir, 1, p);
}

/* Moves p on by one slot. */
static int next_entry(struct inode *dir, struct dir_place *p)
{
    p->entry++;
    if (++p->slot % FS_DIRENTS_PER_BLOCK != 0)
        return 0;
    dir_put_place(p);
    return p->slot < slots(dir) ? get_entry(dir, p->slot, p) : -ENOENT;
}

/* From `start` on, the first entry with that name, or (name NULL) the first free one. 0, -ENOENT, -E... */
static int search(struct inode *dir, uint32_t start, const char *name, size_t len, struct dir_place *p)
{
    int r = start < slots(dir) ? get_entry(dir, start, p) : -ENOENT;
    while (r == 0) {
        if (name ? has_name(p->entry, name, len) : p->entry->ino == 0)
            return 0;
        r = next_entry(dir, p);
    }
    return r;
}

void dir_forget_index(struct inode *dir)
{
    kfree(dir->fs->index);
    dir->fs->index = NULL;
}

static void index_insert(struct dir_index *x, uint32_t h, uint32_t slot)
{
    uint32_t i = h & x->mask;
    while (x->at[i].slot != SLOT_EMPTY && x->at[i].slot != SLOT_DELETED)
        i = (i + 1) & x->mask;
    x->filled += x->at[i].slot == SLOT_EMPTY;
    x->at[i].hash = h;
    x->at[i].slot = slot + 1;
}

/* NULL index and 0: no memory. */
static int build_index(struct inode *dir)
{
    uint64_t size = 64;
    while (size < 2ull * slots(dir))
        size *= 2;
    struct dir_index *x = kzalloc(sizeof(*x) + size * sizeof(x->at[0]));
    if (!x)
        return 0;
    x->mask = (uint32_t)size - 1;
    uint32_t free_slot = slots(dir);
    struct dir_place p;
    int r = get_entry(dir, 0, &p);
    while (r == 0) {
        size_t len = entry_name(p.entry);
        if (len)
            index_insert(x, hash(p.entry->name, len), p.slot);
        else if (p.entry->ino == 0)
            free_slot = MIN(free_slot, p.slot);
        r = next_entry(dir, &p);
    }
    if (r != -ENOENT) {
        kfree(x);
        return r;
    }
    dir->fs->free_slot = free_slot;
    dir->fs->index = x;
    return 0;
}

/* In a function of its own, so that dir_find saves fewer registers. */
__attribute__((noinline)) static int find_without_index(struct inode *dir, const char *name, size_t len,
                                                        struct dir_place *p)
{
    int r = build_index(dir);
    if (r)
        return r;
    return dir->fs->index ? dir_find(dir, name, len, p) : search(dir, 0, name, len, p);
}

int dir_find(struct inode *dir, const char *name, size_t len, struct dir_place *p)
{
    if (len > FS_NAME_MAX)
        return -ENAMETOOLONG;
    const struct dir_index *x = dir->fs->index;
    if (unlikely(!x))
        return find_without_index(dir, name, len, p);
    uint32_t h = hash(name, len);
    for (uint32_t i = h & x->mask; x->at[i].slot != SLOT_EMPTY; i = (i + 1) & x->mask) {
        if (x->at[i].hash != h || x->at[i].slot == SLOT_DELETED)
            continue;
        int r = get_entry(dir, x->at[i].slot - 1, p);
        if (r)
            return r;
        if (has_name(p->entry, name, len))
            return 0;
        dir_put_place(p);
    }
    return -ENOENT;
}

int dir_prepare(struct inode *dir, struct dir_place *p)
{
    int r = search(dir, MAX(dir->fs->free_slot, 2u), NULL, 0, p);
    if (r == -ENOENT) {
        uint32_t end = slots(dir);
        r = dir->size >= FS_DIR_MAX ? -ENOSPC : file_new_page(dir, end / FS_DIRENTS_PER_BLOCK, &p->buf);
        if (r)
            return r;
        dir->size += FS_BLOCK_SIZE;
        inode_update(dir, true);
        p->slot = end;
        p->entry = p->buf->data;
    }
    if (r == 0)
        dir->fs->free_slot = p->slot;
    return r;
}

void dir_set(struct inode *dir, struct dir_place *p, const char *name, size_t len, ino_t ino, uint32_t mode)
{
    struct fs_private *f = dir->fs;
    struct dir_index *x = f->index;
    if (ino == 0) {
        uint32_t h = x ? hash(p->entry->name, strnlen(p->entry->name, FS_NAME_MAX)) : 0;
        for (uint32_t i = h & (x ? x->mask : 0); x && x->at[i].slot != SLOT_EMPTY; i = (i + 1) & x->mask)
            if (x->at[i].slot == p->slot + 1)
                x->at[i].slot = SLOT_DELETED;
        f->free_slot = MIN(f->free_slot, p->slot);
    } else if (p->entry->ino == 0 && x) {
        index_insert(x, hash(name, len), p->slot);
        if (x->filled > x->mask / 4 * 3)
            dir_forget_index(dir);
    }
    memset(p->entry, 0, sizeof(*p->entry));
    if (ino) {
        p->entry->ino = ino;
        p->entry->type = DT_OF_MODE(mode);
        memcpy(p->entry->name, name, len);
    }
    journal_write(p->buf);
    inode_update(dir, true);
}

int dir_check_empty(struct inode *dir)
{
    struct dir_place p;
    int r = get_entry(dir, 0, &p);
    while (r == 0) {
        if (p.slot >= 2 && p.entry->ino != 0) {
            dir_put_place(&p);
            return -ENOTEMPTY;
        }
        r = next_entry(dir, &p);
    }
    return r == -ENOENT ? 0 : r;
}

int dir_lookup(struct inode *dir, const char *name, size_t len, struct inode **result)
{
    if (dir->nlink == 0)
        return -ENOENT; /* removed, but somebody's working directory */
    struct dir_place p;
    int r = dir_find(dir, name, len, &p);
    if (r)
        return r;
    ino_t ino = p.entry->ino;
    dir_put_place(&p);
    return inode_find(ino, false, result);
}

int dir_readdir(struct inode *dir, uint64_t *offset, dirent_fn *emit, void *arg)
{
    struct dir_place p;
    uint64_t slot = *offset / FS_DIRENT_SIZE;
    if (dir->nlink == 0)
        return -ENOENT;
    int r = slot < slots(dir) ? get_entry(dir, (uint32_t)slot, &p) : -ENOENT;
    while (r == 0) {
        size_t len = entry_name(p.entry);
        uint64_t next = (p.slot + 1ull) * FS_DIRENT_SIZE;
        if (len && !emit(arg, p.entry->ino, p.entry->type, p.entry->name, len, next)) {
            dir_put_place(&p);
            return 0;
        }
        *offset = next;
        r = next_entry(dir, &p);
    }
    return r == -ENOENT ? 0 : r;
}
