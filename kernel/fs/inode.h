/* Inodes in memory: one for each file in use, found by number, counted. They also stand for the files of
 * /proc, which have operations of their own.
 *
 * An inode's lock (a mutex) protects its fields and its file's content; directories' entries likewise. Locks
 * of two inodes: parent before child; two directories by rename's rule (namei.c). No inode lock is held
 * while user memory may fault: the operations below that move user bytes see to that themselves. */
#pragma once
#include "abi/errno.h"
#include "abi/fsformat.h"
#include "abi/stat.h"
#include "lib/list.h"
#include "lib/types.h"
#include "mm/usercopy.h"
#include "sync/mutex.h"

struct inode;
struct page;

/* For getdents: called for each entry, returns false to stop before it (buffer full). `next` is the offset of the entry after. */
typedef bool dirent_fn(void *arg, ino_t ino, uint8_t type, const char *name, size_t name_len, uint64_t next);

/* What a kind of file system does. All are called with the inode's lock held, except read and write (which lock
 * as they need) and page. NULL: not supported there. Errors are -E... */
struct inode_ops {
    int (*lookup)(struct inode *dir, const char *name, size_t len, struct inode **result); /* referenced, unlocked */
    int (*readdir)(struct inode *dir, uint64_t *offset, dirent_fn *emit, void *arg);
    ssize_t (*read)(struct inode *ip, struct uio *u, uint64_t *place);
    ssize_t (*write)(struct inode *ip, struct uio *u, uint64_t *place);
    ssize_t (*readlink)(struct inode *ip, char *buf, size_t size);
    void (*release)(struct inode *ip); /* last reference gone */
};

struct inode {
    const struct inode_ops *ops; /* c */
    uint64_t dev;           /* c  1 = the disk, 2 = /proc */
    ino_t ino;              /* c */
    uint32_t refs;          /* a  references; the top bit (disk only): no links left, freed at the last put */
    struct list hash_link;  /* inode table's lock */
    struct list lru_link;   /* inode table's lock: unreferenced, still cached */
    struct mutex lock;
    struct inode *mounted;  /* c after boot: the root of a file system that covers this directory */
    struct inode *covered;  /* c after boot: the directory that this root covers, its way out by ".." */
    void *private;          /* for the file system: /proc keeps what the file stands for */

    /* i: the inode's lock */
    uint16_t mode;          /* i */
    uint32_t nlink;         /* i */
    uint32_t uid, gid;      /* i */
    uint32_t rdev;          /* c */
    uint64_t size;          /* i  bytes */
    uint64_t nblocks;       /* i  4 KB blocks held */
    int64_t atime, mtime, ctime; /* i  ns since 1970 */
    uint32_t writers;       /* a  open for writing; exec refuses these with -ETXTBSY */
    uint32_t denywrite;     /* a  being executed: open for writing gives -ETXTBSY */
    /* The disk file system's own fields (pages, map, directory index, orphan list, transaction) follow. */
    struct fs_private *fs;
};

static inline void inode_get(struct inode *ip)
{
    __atomic_fetch_add(&ip->refs, 1, __ATOMIC_RELAXED);
}
/* May free the file (when it has no links left): takes locks, starts transactions; no lock may be held. NULL is ignored. */
void inode_put(struct inode *ip);
static inline void inode_lock(struct inode *ip)
{
    mutex_lock(&ip->lock);
}
static inline void inode_unlock(struct inode *ip)
{
    mutex_unlock(&ip->lock);
}

/* Read or write at a place in the file, which moves on; u asks for a byte at least; return bytes moved (short at end of file, fault, disk full,
 * ...) or -E when none could be. A write of up to 64 KB is one transaction: wholly there or not at all after a crash. */
static inline ssize_t inode_read(struct inode *ip, struct uio *u, uint64_t *place)
{
    if (unlikely(!S_ISREG(ip->mode)))
        return S_ISDIR(ip->mode) ? -EISDIR : -EINVAL;
    return ip->ops->read ? ip->ops->read(ip, u, place) : -EINVAL;
}
ssize_t inode_write(struct inode *ip, struct uio *u, uint64_t *place);
/* The same at the end of file, wherever that is by then; *place becomes the end of what was written. */
ssize_t inode_append(struct inode *ip, struct uio *u, uint64_t *place);
ssize_t inode_read_kernel(struct inode *ip, void *buf, size_t n, uint64_t offset);
int inode_truncate(struct inode *ip, uint64_t size); /* longer, too: a hole */
void inode_stat(struct inode *ip, struct abi_stat *st);
int inode_fsync(struct inode *ip, bool data_only); /* returns when all that was done to the file is on stable storage */
int inode_chmod(struct inode *ip, uint32_t mode);
int inode_chown(struct inode *ip, uint32_t uid, uint32_t gid); /* ~0u = unchanged */
int inode_set_times(struct inode *ip, int64_t atime, int64_t mtime); /* ns; INT64_MIN = unchanged */

/* The page of the page cache that holds byte index*4096 of the file, read from disk if need be: referenced.
 * For address spaces. -EIO, -ENOMEM; -ENXIO beyond the end of the file. */
int inode_page(struct inode *ip, uint64_t index, struct page **result);
