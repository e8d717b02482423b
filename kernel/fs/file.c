/* Open files.
 *
 * A struct file is one opening of something: descriptors made by dup and fork share it, and its offset. It
 * lives as long as somebody holds a reference: a descriptor, or a system call under way, so that closing a
 * descriptor never pulls the file away from under another process that reads it.
 *
 * What reading and writing mean is in the file's ops. Here are those of inodes (files and directories), of
 * character devices, and of O_PATH, which is only a place; pipes have pipe.c.
 *
 * f->lock is held while a read or write moves the offset, so that two processes which share it never get the
 * same bytes or overwrite each other's. User memory may fault under it, and inodes are locked under it. */
#include "fs/file.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "fs/namei.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "proc/proc.h"

#define CHUNK      (256 * 1024ul) /* bytes moved between two looks for a signal */
#define CHRDEV_MAX 32
#define OPEN_TIME  (O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC) /* flags that matter to open alone */

static struct slab_cache file_slab = SLAB_INIT(file_slab, "file", struct file);
static const struct chrdev_ops *chrdevs[CHRDEV_MAX]; /* c after boot */

struct file *file_create(const struct file_ops *ops, struct inode *ip, void *private, uint32_t flags)
{
    struct file *f = slab_alloc(&file_slab);

    if (!f)
        return NULL;
    f->ops = ops;
    f->refs = 1;
    f->flags = flags;
    f->inode = ip;
    f->private = private;
    mutex_init(&f->lock, "file");
    return f;
}

void file_release(struct file *f)
{
    f->ops->release(f);
    slab_free(&file_slab, f);
}

size_t file_count(void)
{
    return __atomic_load_n(&file_slab.objects, __ATOMIC_RELAXED);
}

void file_stat(struct file *f, struct abi_stat *st)
{
    memset(st, 0, sizeof(*st));
    if (f->inode) {
        inode_stat(f->inode, st);
    } else {
        st->mode = S_IFIFO | 0600;
        st->nlink = 1;
        st->blksize = PAGE_SIZE;
    }
}

/* ---- writers against programs that run ---- */

/* Counts a writer, also when it is refused. exec, too, counts itself first and looks for the other side then:
 * of two that come at once, at least one sees the other. */
static int begin_write(struct inode *ip)
{
    __atomic_fetch_add(&ip->writers, 1, __ATOMIC_SEQ_CST);
    return __atomic_load_n(&ip->denywrite, __ATOMIC_SEQ_CST) ? -ETXTBSY : 0;
}

static void end_write(struct inode *ip)
{
    __atomic_fetch_sub(&ip->writers, 1, __ATOMIC_RELEASE);
}

int file_truncate(struct inode *ip, uint64_t size)
{
    int err = begin_write(ip);

    if (!err)
        err = inode_truncate(ip, size);
    end_write(ip);
    return err;
}

/* ---- inodes' files ---- */

enum direction { READ, WRITE, APPEND };

static ssize_t step(struct inode *ip, struct uio *u, uint64_t *offset, enum direction d)
{
    ssize_t n = d == READ    ? inode_read(ip, u, *offset)
                : d == WRITE ? inode_write(ip, u, *offset)
                             : inode_append(ip, u, offset);
    *offset += MAX(n, 0);
    return n;
}

/* In steps of a chunk, so that a signal ends a huge request soon: what was moved by then is the result. */
static ssize_t in_chunks(struct inode *ip, struct uio *u, uint64_t *offset, enum direction d)
{
    size_t done = 0;

    if (likely(u->left <= CHUNK))
        return step(ip, u, offset, d);
    while (u->left) {
        struct uio part = {.addr = u->addr, .left = MIN(u->left, CHUNK), .kernel = u->kernel};
        size_t wanted = part.left;
        ssize_t n = step(ip, &part, offset, d);

        if (n < 0)
            return done ? (ssize_t)done : n;
        done += n;
        u->addr += n;
        u->left -= n;
        if ((size_t)n < wanted || signal_pending())
            break;
    }
    return done;
}

/* At a given place, or at the file's own offset. */
static ssize_t move(struct file *f, struct uio *u, uint64_t *at, enum direction d)
{
    if (at)
        return in_chunks(f->inode, u, at, d);
    mutex_lock(&f->lock);
    ssize_t n = in_chunks(f->inode, u, &f->offset, d);
    mutex_unlock(&f->lock);
    return n;
}

static ssize_t inode_file_read(struct file *f, struct uio *u, uint64_t *at)
{
    return move(f, u, at, READ);
}

static ssize_t inode_file_write(struct file *f, struct uio *u, uint64_t *at)
{
    ssize_t n = move(f, u, at, f->flags & O_APPEND ? APPEND : WRITE);

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
    if (__builtin_add_overflow(base, offset, &place))
        place = -EOVERFLOW;
    else if (place < 0)
        place = -EINVAL;
    else
        f->offset = place;
    mutex_unlock(&f->lock);
    return place;
}

static void inode_file_release(struct file *f)
{
    if (f->flags & O_ACCMODE)
        end_write(f->inode);
    inode_put(f->inode);
}

static const struct file_ops inode_file_ops = {.read = inode_file_read,
                                               .write = inode_file_write,
                                               .seek = inode_file_seek,
                                               .release = inode_file_release};
static const struct file_ops path_ops = {.release =
                                             inode_file_release}; /* nothing reads or writes an O_PATH file */

/* ---- character devices ---- */

void chrdev_register(unsigned major, const struct chrdev_ops *ops)
{
    assert(major < CHRDEV_MAX && !chrdevs[major]);
    chrdevs[major] = ops;
}

const struct chrdev_ops *chrdev_find(unsigned major)
{
    return major < CHRDEV_MAX ? chrdevs[major] : NULL;
}

static const struct chrdev_ops *device(const struct file *f)
{
    return chrdevs[DEV_MAJOR(f->inode->rdev)]; /* there, else it could not have been opened */
}

static ssize_t device_read(struct file *f, struct uio *u, uint64_t *at)
{
    (void)at;
    return device(f)->read ? device(f)->read(DEV_MINOR(f->inode->rdev), u, f->flags) : -EINVAL;
}

static ssize_t device_write(struct file *f, struct uio *u, uint64_t *at)
{
    (void)at;
    return device(f)->write ? device(f)->write(DEV_MINOR(f->inode->rdev), u, f->flags) : -EINVAL;
}

static int device_ioctl(struct file *f, uint64_t request, uptr_t arg)
{
    return device(f)->ioctl ? device(f)->ioctl(DEV_MINOR(f->inode->rdev), request, arg) : -ENOTTY;
}

/* Every place in /dev/null and its kin is like every other. */
static int64_t memory_seek(struct file *f, int64_t offset, int whence)
{
    (void)f, (void)offset, (void)whence;
    return 0;
}

static const struct file_ops device_ops = {
    .read = device_read, .write = device_write, .ioctl = device_ioctl, .release = inode_file_release};
static const struct file_ops memory_ops = {.read = device_read,
                                           .write = device_write,
                                           .seek = memory_seek,
                                           .ioctl = device_ioctl,
                                           .release = inode_file_release};

/* ---- opening ---- */

static int choose_ops(const struct inode *ip, int flags, const struct file_ops **ops)
{
    *ops = &inode_file_ops;
    if (flags & O_PATH) {
        *ops = &path_ops;
        return 0;
    }
    switch (ip->mode & S_IFMT) {
    case S_IFREG:
        return 0;
    case S_IFDIR:
        return flags & O_TRUNC ? -EISDIR : 0; /* opening for writing has been refused already */
    case S_IFIFO:                             /* pipes with names can be made, but not connected */
        return -EOPNOTSUPP;
    case S_IFCHR:
        *ops = DEV_MAJOR(ip->rdev) == MEMDEV_MAJOR ? &memory_ops : &device_ops;
        return chrdev_find(DEV_MAJOR(ip->rdev)) ? 0 : -ENXIO;
    default:
        return -ENXIO;
    }
}

int file_open(struct inode *dir, const char *path, int flags, uint32_t mode, struct file **result)
{
    const struct file_ops *ops;
    struct file *f = NULL;
    struct inode *ip;

    if (flags & O_PATH)
        flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW;
    if ((flags & O_ACCMODE) == O_ACCMODE)
        return -EINVAL;
    /* Truncated only when it is certain that the file can be opened, and is not a program that runs. */
    int err = namei_open(dir, path, flags & ~O_TRUNC, mode, &ip);
    if (err)
        return err;
    err = choose_ops(ip, flags, &ops);
    if (!err && !(f = file_create(ops, ip, NULL, flags & ~OPEN_TIME)))
        err = -ENFILE;
    if (err) {
        inode_put(ip);
        return err;
    }
    if (flags & O_ACCMODE)
        err = begin_write(ip);
    if (!err && flags & O_TRUNC && S_ISREG(ip->mode) && ip->dev == 1)
        err = file_truncate(ip, 0);
    if (err)
        file_put(f);
    else
        *result = f;
    return err;
}
