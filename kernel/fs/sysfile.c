/* System calls on descriptors. docs/system-calls.md has their arguments and errors.
 *
 * A call holds a reference to its file from beginning to end: another thread may close the descriptor
 * meanwhile. Descriptors are ints: of their registers, the low 32 bits count. Records for the user (stat,
 * directory entries) are built in zeroed kernel memory and copied out whole, so no stale byte gets out. */
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/limits.h"
#include "abi/system.h"
#include "fs/file.h"
#include "fs/fs.h"
#include "fs/pipe.h"
#include "lib/string.h"
#include "mm/aspace.h"
#include "mm/slab.h"
#include "proc/proc.h"
#include "trap/syscall.h"

/* A vector is moved through one buffer, as if it were one read or write, up to this length. */
#define GATHER_MAX (64 * 1024ul)

/* Lets go of the file; the result is handed through. */
static inline int64_t put(struct file *f, int64_t result)
{
    file_put(f);
    return result;
}

/* ---- read and write ---- */

static ssize_t do_read(struct file *f, struct uio *u, uint64_t *at)
{
    if (unlikely(f->flags & (O_WRONLY | O_PATH)))
        return -EBADF;
    if (unlikely(at && !f->ops->seek))
        return -ESPIPE;
    return u->left ? f->ops->read(f, u, at) : 0;
}

static ssize_t do_write(struct file *f, struct uio *u, uint64_t *at)
{
    if (unlikely(!(f->flags & O_ACCMODE)))
        return -EBADF;
    if (unlikely(at && !f->ops->seek))
        return -ESPIPE;
    return u->left ? f->ops->write(f, u, at) : 0;
}

typedef ssize_t move_fn(struct file *f, struct uio *u, uint64_t *at);

/* Longer requests are cut; but a length that does not fit into the user half is a bad one, as on Linux. */
static bool make_uio(struct uio *u, uptr_t addr, uint64_t len)
{
    *u = (struct uio){.addr = addr, .left = MIN(len, (uint64_t)RW_MAX)};
    return len <= USER_TOP && addr <= USER_TOP - len;
}

static inline __attribute__((always_inline)) int64_t transfer(const uint64_t arg[6], uint64_t *at,
                                                              move_fn *move)
{
    struct uio u;
    struct file *f = fd_file((int)arg[0]);

    if (unlikely(!f))
        return -EBADF;
    return put(f, likely(make_uio(&u, arg[1], arg[2])) ? move(f, &u, at) : -EFAULT);
}

int64_t sys_read(const uint64_t arg[6])
{
    return transfer(arg, NULL, do_read);
}

int64_t sys_write(const uint64_t arg[6])
{
    return transfer(arg, NULL, do_write);
}

int64_t sys_pread64(const uint64_t arg[6])
{
    uint64_t at = arg[3];

    return (int64_t)at < 0 ? -EINVAL : transfer(arg, &at, do_read);
}

int64_t sys_pwrite64(const uint64_t arg[6])
{
    uint64_t at = arg[3];

    return (int64_t)at < 0 ? -EINVAL : transfer(arg, &at, do_write);
}

/* ---- readv and writev ---- */

struct vector {
    struct abi_iovec *iov;
    unsigned count;
    size_t total;
};

/* Copies the vector in, once, and checks it. The caller frees iov. */
static int vector_get(struct vector *v, uptr_t addr, uint64_t count)
{
    *v = (struct vector){.count = (unsigned)count};
    if (count > IOV_MAX)
        return -EINVAL;
    v->iov = kmalloc(MAX(count, 1ul) * sizeof(*v->iov));
    if (!v->iov)
        return -ENOMEM;
    int err = copyin(v->iov, addr, count * sizeof(*v->iov));
    for (unsigned i = 0; i < v->count && !err; i++) {
        struct uio u;
        if (v->iov[i].len > (uint64_t)INT64_MAX - v->total)
            err = -EINVAL;
        else if (!make_uio(&u, v->iov[i].base, v->iov[i].len))
            err = -EFAULT;
        v->total += v->iov[i].len;
    }
    if (err)
        kfree(v->iov);
    return err;
}

/* Copies between the vector and n bytes of a buffer. */
static int vector_copy(const struct vector *v, char *buf, size_t n, bool in)
{
    int err = 0;

    for (unsigned i = 0; n > 0 && !err; i++) {
        size_t part = MIN(v->iov[i].len, n);
        err = in ? copyin(buf, v->iov[i].base, part) : copyout(v->iov[i].base, buf, part);
        buf += part;
        n -= part;
    }
    return err;
}

/* As one read or write: a pipe's writev is atomic, and readv does not wait for more than there is. */
static ssize_t vector_move_at_once(struct file *f, const struct vector *v, size_t n, bool write)
{
    char *buf = kmalloc(MAX(n, 1ul));
    struct uio u = {.addr = (uintptr_t)buf, .left = n, .kernel = true};
    ssize_t result = 0;

    if (!buf)
        return -ENOMEM;
    if (write)
        result = vector_copy(v, buf, n, true);
    for (unsigned i = 0; !write && i < v->count && !result; i++) /* what is read must not get lost */
        result = user_prefault(v->iov[i].base, MIN(v->iov[i].len, n), true);
    if (!result)
        result = write ? do_write(f, &u, NULL) : do_read(f, &u, NULL);
    if (!write && result > 0) {
        int err = vector_copy(v, buf, result, false);
        result = err ? err : result;
    }
    kfree(buf);
    return result;
}

static ssize_t vector_move(struct file *f, const struct vector *v, bool write)
{
    size_t done = 0;

    /* What has no places can block, or deliver little: a short count is normal there. */
    if (v->total <= GATHER_MAX || (!write && f->ops->read && !f->ops->seek))
        return vector_move_at_once(f, v, MIN(v->total, GATHER_MAX), write);
    for (unsigned i = 0; i < v->count && done < RW_MAX; i++) {
        struct uio u = {.addr = v->iov[i].base, .left = MIN(v->iov[i].len, RW_MAX - done)};
        size_t wanted = u.left;
        ssize_t n = write ? do_write(f, &u, NULL) : do_read(f, &u, NULL);
        if (n < 0)
            return done ? (ssize_t)done : n;
        done += n;
        if ((size_t)n < wanted || signal_pending())
            break;
    }
    return done;
}

static int64_t vector_call(const uint64_t arg[6], bool write)
{
    struct file *f = fd_file((int)arg[0]);
    struct vector v;

    if (!f)
        return -EBADF;
    ssize_t n = vector_get(&v, arg[1], arg[2]);
    if (!n) {
        n = vector_move(f, &v, write);
        kfree(v.iov);
    }
    return put(f, n);
}

int64_t sys_readv(const uint64_t arg[6])
{
    return vector_call(arg, false);
}

int64_t sys_writev(const uint64_t arg[6])
{
    return vector_call(arg, true);
}

/* ---- descriptors ---- */

/* fd, made for f; or an error, and the reference that was meant for it goes. */
static int64_t installed(struct file *f, int fd)
{
    return fd < 0 ? put(f, fd) : fd;
}

int64_t sys_dup(const uint64_t arg[6])
{
    struct file *f = fd_file((int)arg[0]);

    return f ? installed(f, fd_install(f, false)) : -EBADF;
}

int64_t sys_dup3(const uint64_t arg[6])
{
    uint32_t flags = (uint32_t)arg[2];

    if (flags & ~(uint32_t)O_CLOEXEC || (int)arg[0] == (int)arg[1])
        return -EINVAL;
    struct file *f = fd_file((int)arg[0]);
    return f ? installed(f, fd_replace(f, (int)arg[1], flags & O_CLOEXEC)) : -EBADF;
}

int64_t sys_close(const uint64_t arg[6])
{
    struct file *f = fd_take((int)arg[0]);

    return f ? put(f, 0) : -EBADF;
}

static int64_t dup_from(struct file *f, uint64_t from, bool cloexec)
{
    if (from >= fdtable_limit(current()->files))
        return -EINVAL;
    file_get(f);
    return installed(f, fd_install_from(f, (unsigned)from, cloexec));
}

static int set_flags(struct file *f, uint32_t flags)
{
    const uint32_t changeable = O_APPEND | O_NONBLOCK;

    if (f->flags & O_PATH)
        return -EBADF;
    mutex_lock(&f->lock);
    __atomic_store_n(&f->flags, (f->flags & ~changeable) | (flags & changeable), __ATOMIC_RELAXED);
    mutex_unlock(&f->lock);
    return 0;
}

int64_t sys_fcntl(const uint64_t arg[6])
{
    int fd = (int)arg[0];
    struct file *f = fd_file(fd);

    if (!f)
        return -EBADF;
    switch ((int)arg[1]) {
    case F_DUPFD:
        return put(f, dup_from(f, arg[2], false));
    case F_DUPFD_CLOEXEC:
        return put(f, dup_from(f, arg[2], true));
    case F_GETFD:
        return put(f, fd_cloexec(fd, -1)); /* FD_CLOEXEC is 1 */
    case F_SETFD:
        return put(f, MIN(fd_cloexec(fd, arg[2] & FD_CLOEXEC), 0));
    case F_GETFL:
        return put(f, f->flags);
    case F_SETFL:
        return put(f, set_flags(f, (uint32_t)arg[2]));
    default:
        return put(f, -EINVAL);
    }
}

int64_t sys_pipe2(const uint64_t arg[6])
{
    uint32_t flags = (uint32_t)arg[1];
    struct file *ends[2];
    int fd[2] = {-1, -1};

    if (flags & ~(uint32_t)(O_CLOEXEC | O_NONBLOCK))
        return -EINVAL;
    int err = pipe_create(ends, flags & O_NONBLOCK);
    if (err)
        return err;
    for (int i = 0; i < 2; i++) {
        fd[i] = (int)installed(ends[i], fd_install(ends[i], flags & O_CLOEXEC));
        err = MIN(err, fd[i]);
    }
    if (!err)
        err = copyout(arg[0], fd, sizeof(fd));
    for (int i = 0; err && i < 2; i++) {
        struct file *f = fd_take(fd[i]);
        if (f)
            file_put(f);
    }
    return err;
}

int64_t sys_lseek(const uint64_t arg[6])
{
    struct file *f = fd_file((int)arg[0]);

    if (!f || f->flags & O_PATH)
        return f ? put(f, -EBADF) : -EBADF;
    if (!f->ops->seek || (uint32_t)arg[2] > SEEK_END)
        return put(f, f->ops->seek ? -EINVAL : -ESPIPE);
    return put(f, f->ops->seek(f, (int64_t)arg[1], (int)arg[2]));
}

int64_t sys_ioctl(const uint64_t arg[6])
{
    struct file *f = fd_file((int)arg[0]);

    if (!f || f->flags & O_PATH)
        return f ? put(f, -EBADF) : -EBADF;
    return put(f, f->ops->ioctl ? f->ops->ioctl(f, (uint32_t)arg[1], arg[2]) : -ENOTTY);
}

int64_t sys_fstat(const uint64_t arg[6])
{
    struct file *f = fd_file((int)arg[0]);
    struct abi_stat st;

    if (!f)
        return -EBADF;
    file_stat(f, &st);
    return put(f, copyout(arg[1], &st, sizeof(st)));
}

/* ---- inodes by descriptor ---- */

/* The file, if it has an inode of one of the kinds in the mask (a bit for each value of S_IFMT); else -E
 * `wrong`. O_PATH is no open file. */
#define KIND(type) (1u << ((type) >> 12))
#define ANY_KIND   (~0u)
static int inode_file(int fd, uint32_t kinds, int wrong, struct file **result)
{
    struct file *f = fd_file(fd);

    if (!f || f->flags & O_PATH)
        return f ? (int)put(f, -EBADF) : -EBADF;
    *result = f;
    return f->inode && kinds & KIND(f->inode->mode & S_IFMT) ? 0 : (int)put(f, wrong);
}

int64_t sys_ftruncate(const uint64_t arg[6])
{
    struct file *f;
    int err = (int64_t)arg[1] < 0 ? -EINVAL : inode_file((int)arg[0], KIND(S_IFREG), -EINVAL, &f);

    return err ? err : put(f, f->flags & O_ACCMODE ? file_truncate(f->inode, arg[1]) : -EINVAL);
}

int64_t sys_fchmod(const uint64_t arg[6])
{
    struct file *f;
    int err = inode_file((int)arg[0], ANY_KIND, -EINVAL, &f);

    return err ? err : put(f, inode_chmod(f->inode, (uint32_t)arg[1] & 07777));
}

int64_t sys_fchown(const uint64_t arg[6])
{
    struct file *f;
    int err = inode_file((int)arg[0], ANY_KIND, -EINVAL, &f);

    return err ? err : put(f, inode_chown(f->inode, (uint32_t)arg[1], (uint32_t)arg[2]));
}

int64_t sys_fsync(const uint64_t arg[6])
{
    struct file *f;
    int err = inode_file((int)arg[0], KIND(S_IFREG) | KIND(S_IFDIR), -EINVAL, &f);

    return err ? err : put(f, inode_fsync(f->inode, false));
}

int64_t sys_fdatasync(const uint64_t arg[6])
{
    struct file *f;
    int err = inode_file((int)arg[0], KIND(S_IFREG) | KIND(S_IFDIR), -EINVAL, &f);

    return err ? err : put(f, inode_fsync(f->inode, true));
}

int64_t sys_sync(const uint64_t arg[6])
{
    (void)arg;
    fs_sync();
    return 0;
}

/* ---- directories ---- */

struct entries {
    char *buf;
    size_t size, used;
    uint64_t next; /* offset after the last one */
    bool full;
};

static bool add_entry(void *arg, ino_t ino, uint8_t type, const char *name, size_t name_len, uint64_t next)
{
    struct entries *e = arg;
    size_t len = (offsetof(struct abi_dirent64, name) + name_len + 1 + 7) & ~7ul;
    struct abi_dirent64 *d = (struct abi_dirent64 *)(e->buf + e->used);

    e->full = len > e->size - e->used;
    if (e->full)
        return false;
    memset(d, 0, len);
    d->ino = ino;
    d->off = (int64_t)next;
    d->reclen = (uint16_t)len;
    d->type = type;
    memcpy(d->name, name, name_len);
    e->used += len;
    e->next = next;
    return true;
}

/* Collects entries under the locks, copies them out when the inode's is free. */
static int64_t read_entries(struct file *f, uptr_t addr, struct entries *e)
{
    struct inode *ip = f->inode;
    int err = -ENOENT;

    mutex_lock(&f->lock);
    uint64_t offset = f->offset;
    inode_lock(ip);
    if (ip->nlink > 0)
        err = ip->ops->readdir(ip, &offset, add_entry, e);
    inode_unlock(ip);
    if (!err && !e->used && e->full)
        err = -EINVAL;
    if (e->used) /* what was found before an error counts */
        err = copyout(addr, e->buf, e->used);
    if (!err && e->used)
        f->offset = e->next;
    mutex_unlock(&f->lock);
    return err ? err : (int64_t)e->used;
}

int64_t sys_getdents64(const uint64_t arg[6])
{
    struct entries e = {.size = MIN((uint32_t)arg[2], PAGE_SIZE)};
    struct file *f;
    int64_t err = inode_file((int)arg[0], KIND(S_IFDIR), -ENOTDIR, &f);

    if (err)
        return err;
    e.buf = kmalloc(PAGE_SIZE);
    int64_t result = e.buf ? read_entries(f, arg[1], &e) : -ENOMEM;
    kfree(e.buf);
    return put(f, result);
}
