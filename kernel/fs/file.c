/* Open files.
 *
 * A struct file is one opening of something: descriptors made by dup and fork share it, and its offset. It
 * lives as long as somebody holds a reference: a descriptor, or a system call under way whose descriptor another
 * thread might close, so that closing a descriptor never pulls the file away from under who reads it.
 *
 * What reading and writing mean is in the file's ops: here for the files of inodes, elsewhere for pipes
 * (pipe.c) and devices. An O_PATH file is only a place and has none.
 *
 * f->lock is held while a read or write moves the offset, so that two processes which share it never get the
 * same bytes or overwrite each other's; where nobody can share it, it is left out. User memory may fault under
 * it, and inodes are locked under it. */
#include "fs/fdtable.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "fs/namei.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "proc/proc.h"

#define CHUNK     (256 * 1024l) /* bytes moved between two looks for a signal */
#define MAJORS    32
#define OPEN_TIME (O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC) /* flags that matter to open alone */

static struct slab_cache file_slab = SLAB_INIT(file_slab, "file", struct file);
static const struct file_ops *devices[MAJORS]; /* c after boot */

/* The file released last is kept for the next one to be opened: programs open and close in turn, and the
 * allocator would be the largest part of that. It counts as a live object of the slab. */
static struct file *spare; /* a */

static void free_file(struct file *f)
{
    slab_free(&file_slab, __atomic_exchange_n(&spare, f, __ATOMIC_ACQ_REL));
}

struct file *file_create(const struct file_ops *ops, struct inode *ip, void *private, uint32_t flags)
{
    struct file *f = __atomic_exchange_n(&spare, NULL, __ATOMIC_ACQUIRE);
    if (!f && !(f = slab_alloc(&file_slab)))
        return NULL;
    *f = (struct file){
        .ops = ops, .refs = 1, .flags = flags, .lock = MUTEX_INIT("file"), .inode = ip, .private = private};
    return f;
}

void file_stat(struct file *f, struct abi_stat *st)
{
    if (f->inode)
        inode_stat(f->inode, st);
    else
        *st = (struct abi_stat){.mode = S_IFIFO | 0600, .nlink = 1, .blksize = PAGE_SIZE};
}

/* ---- writers against programs that run ---- */

/* Counts a writer, unless the file is being executed. exec looks for writers and counts itself under the same
 * lock, so of two that come at once, one is refused. */
static int begin_write(struct inode *ip)
{
    inode_lock(ip);
    int err = __atomic_load_n(&ip->denywrite, __ATOMIC_RELAXED) ? -ETXTBSY : 0;
    if (!err)
        __atomic_fetch_add(&ip->writers, 1, __ATOMIC_RELAXED);
    inode_unlock(ip);
    return err;
}

static void end_write(struct inode *ip)
{
    __atomic_fetch_sub(&ip->writers, 1, __ATOMIC_RELAXED);
}

int file_truncate(struct inode *ip, uint64_t size)
{
    int err = begin_write(ip);
    if (err)
        return err;
    err = inode_truncate(ip, size);
    end_write(ip);
    return err;
}

void file_release(struct file *f)
{
    if (f->ops->release)
        f->ops->release(f);
    if (f->inode && f->flags & O_ACCMODE)
        end_write(f->inode);
    inode_put(f->inode);
    free_file(f);
}

/* ---- inodes' files ---- */

static inline ssize_t step(struct file *f, struct uio *u, uint64_t *place, bool write)
{
    if (!write)
        return inode_read(f->inode, u, place);
    return f->flags & O_APPEND ? inode_append(f->inode, u, place) : inode_write(f->inode, u, place);
}

/* In steps of a chunk, so that a signal ends a huge request soon: what was moved by then is the result. */
__attribute__((noinline)) static ssize_t move_chunks(struct file *f, struct uio *u, uint64_t *place,
                                                     bool write)
{
    size_t left = u->left;
    ssize_t n, done = 0;
    do {
        u->left = MIN(left, (size_t)CHUNK);
        n = step(f, u, place, write);
        done += MAX(n, 0);
        left -= MAX(n, 0);
    } while (n == CHUNK && left && !signal_pending());
    u->left = left;
    return done ? done : n;
}

/* At a given place, or at the file's own offset, in the general case. */
__attribute__((noinline)) static ssize_t move_any(struct file *f, struct uio *u, uint64_t *at, bool write)
{
    if (!at)
        mutex_lock(&f->lock);
    ssize_t n = move_chunks(f, u, at ? at : &f->offset, write);
    if (!at)
        mutex_unlock(&f->lock);
    return n;
}

static inline ssize_t move(struct file *f, struct uio *u, uint64_t *at, bool write)
{
    if (likely(u->left <= (size_t)CHUNK) && likely(!at) && likely(fd_is_only_place(f)))
        return step(f, u, &f->offset, write);
    return move_any(f, u, at, write);
}

static ssize_t inode_file_read(struct file *f, struct uio *u, uint64_t *at)
{
    return move(f, u, at, false);
}

static ssize_t inode_file_write(struct file *f, struct uio *u, uint64_t *at)
{
    ssize_t n = move(f, u, at, true);
    if (n > 0 && unlikely(f->flags & O_DSYNC)) { /* O_SYNC has this bit, too */
        int err = inode_fsync(f->inode, (f->flags & O_SYNC) != O_SYNC);
        if (err)
            return err;
    }
    return n;
}

static int64_t inode_file_seek(struct file *f, int64_t offset, int whence)
{
    int64_t base = 0, place;
    mutex_lock(&f->lock);
    if (whence == SEEK_CUR) {
        base = f->offset;
    } else if (whence == SEEK_END) {
        inode_lock(f->inode);
        base = f->inode->size;
        inode_unlock(f->inode);
    }
    if (__builtin_add_overflow(base, offset, &place) || place < 0 || place > (int64_t)FS_MAX_SIZE)
        place = -EINVAL;
    else
        f->offset = place;
    mutex_unlock(&f->lock);
    return place;
}

static const struct file_ops inode_ops = {
    .read = inode_file_read, .write = inode_file_write, .seek = inode_file_seek};
static const struct file_ops path_ops; /* nothing reads or writes an O_PATH file */

/* ---- opening ---- */

void device_register(unsigned major, const struct file_ops *ops)
{
    assert(major < MAJORS && !devices[major]);
    devices[major] = ops;
}

static int choose_ops(const struct inode *ip, int flags, const struct file_ops **ops)
{
    unsigned major = DEV_MAJOR(ip->rdev);
    *ops = flags & O_PATH ? &path_ops : &inode_ops;
    if (flags & O_PATH || S_ISREG(ip->mode))
        return 0;
    if (S_ISDIR(ip->mode))
        return flags & O_TRUNC ? -EISDIR : 0; /* opening for writing has been refused already */
    if (S_ISFIFO(ip->mode))
        return -EOPNOTSUPP; /* pipes with names can be made, but not connected */
    *ops = S_ISCHR(ip->mode) && major < MAJORS ? devices[major] : NULL;
    return *ops ? 0 : -ENXIO;
}

int file_open(struct inode *dir, const char *path, int flags, uint32_t mode, struct file **result)
{
    struct inode *ip;
    if (flags & O_PATH)
        flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW;
    if ((flags & O_ACCMODE) == O_ACCMODE)
        return -EINVAL;
    struct file *f = file_create(NULL, NULL, NULL, flags & ~OPEN_TIME);
    if (!f)
        return -ENFILE;
    /* Truncated only when it is certain that the file can be opened, and is not a program that runs. */
    int err = namei_open(dir, path, flags & ~O_TRUNC, mode, &ip);
    if (err)
        goto free_file;
    err = choose_ops(ip, flags, &f->ops);
    if (!err && flags & O_ACCMODE)
        err = begin_write(ip);
    if (err)
        goto put_inode;
    f->inode = ip;
    if (flags & O_TRUNC && S_ISREG(ip->mode) && ip->dev == 1 && (err = file_truncate(ip, 0)))
        file_put(f);
    else
        *result = f;
    return err;

put_inode:
    inode_put(ip);
free_file:
    free_file(f);
    return err;
}
