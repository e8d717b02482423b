/* System calls on descriptors. docs/system-calls.md has their arguments and errors.
 *
 * A call holds a reference to its file from beginning to end: another thread may close the descriptor
 * meanwhile. Reads and writes do without where no other thread shares the table: only this process could close it,
 * and nothing that they call closes descriptors or ends the process. Descriptors are ints: of their registers, the low 32 bits count. Records for the user (stat,
 * directory entries) are built in zeroed kernel memory and copied out whole, so no stale byte gets out. */
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/limits.h"
#include "abi/system.h"
#include "fs/fdtable.h"
#include "fs/fs.h"
#include "fs/pipe.h"
#include "lib/string.h"
#include "mm/aspace.h"
#include "mm/slab.h"
#include "proc/proc.h"
#include "trap/syscall.h"

#define GATHER_MAX (64 * 1024ul) /* bytes of a vector that are moved as if by one read or write */

/* Lets go of the file; the result is handed through. */
static inline int64_t put(struct file *f, int64_t result)
{
    file_put(f);
    return result;
}

/* Defines a call on the file `f` that `get` finds, referenced: its result is that of `what`. */
#define FILE_CALL(name, get, what)                                                                           \
    int64_t sys_##name(const uint64_t arg[6])                                                                \
    {                                                                                                        \
        struct file *f = (get);                                                                              \
        return f ? put(f, (what)) : -EBADF;                                                                  \
    }

/* The file, if it is open for more than being a place (O_PATH); NULL: -EBADF. */
static struct file *open_file(const uint64_t arg[6])
{
    struct file *f = fd_file((int)arg[0]);
    if (!f || !(f->flags & O_PATH))
        return f;
    file_put(f);
    return NULL;
}

/* ---- read and write ---- */

static inline ssize_t move(struct file *f, struct uio *u, uint64_t *at, bool write)
{
    if (unlikely(write ? !(f->flags & O_ACCMODE) : f->flags & (O_WRONLY | O_PATH)))
        return -EBADF;
    if (unlikely(at && !f->ops->seek))
        return -ESPIPE;
    ssize_t (*op)(struct file *, struct uio *, uint64_t *) = write ? f->ops->write : f->ops->read;
    if (unlikely(!op))
        return -EINVAL;
    return u->left ? op(f, u, at) : 0;
}

/* Longer requests are cut; but a length that does not fit into the user half is a bad one, as on Linux. */
static inline bool make_uio(struct uio *u, uptr_t addr, uint64_t len)
{
    *u = (struct uio){.addr = addr, .left = MIN(len, (uint64_t)RW_MAX)};
    return len <= USER_TOP && addr <= USER_TOP - len;
}

/* With a file that stays open: counted, or of a table that nobody else can close it in. */
static inline int64_t transfer_open(struct file *f, const uint64_t arg[6], uint64_t *at, bool write)
{
    struct uio u;
    if (unlikely(!f))
        return -EBADF;
    return likely(make_uio(&u, arg[1], arg[2])) ? move(f, &u, at, write) : -EFAULT;
}

__attribute__((noinline)) static int64_t transfer_shared(const uint64_t arg[6], uint64_t *at, bool write)
{
    struct file *f = fd_file((int)arg[0]);
    int64_t n = transfer_open(f, arg, at, write);
    return f ? put(f, n) : n;
}

static inline __attribute__((always_inline)) int64_t transfer(const uint64_t arg[6], uint64_t *at, bool write)
{
    const struct fdtable *t = current()->files;
    if (unlikely(fdtable_is_shared(t)))
        return transfer_shared(arg, at, write);
    return transfer_open(fdtable_look(t, (uint32_t)arg[0]), arg, at, write);
}

int64_t sys_read(const uint64_t arg[6])
{
    return transfer(arg, NULL, false);
}

int64_t sys_write(const uint64_t arg[6])
{
    return transfer(arg, NULL, true);
}

int64_t sys_pread64(const uint64_t arg[6])
{
    uint64_t at = arg[3];
    return (int64_t)at < 0 ? -EINVAL : transfer(arg, &at, false);
}

int64_t sys_pwrite64(const uint64_t arg[6])
{
    uint64_t at = arg[3];
    return (int64_t)at < 0 ? -EINVAL : transfer(arg, &at, true);
}

/* ---- readv and writev ---- */

struct vector {
    struct abi_iovec *iov; /* kmalloc'ed */
    unsigned count;
    size_t total;
};

/* Copies the vector in, once, and checks it. The caller frees iov, also after an error. */
static int vector_get(struct vector *v, uptr_t addr, uint64_t count)
{
    struct uio u;
    *v = (struct vector){.count = (unsigned)count};
    if (count > IOV_MAX)
        return -EINVAL;
    v->iov = kmalloc(count * sizeof(*v->iov));
    int err = v->iov ? copyin(v->iov, addr, count * sizeof(*v->iov)) : -ENOMEM;
    for (unsigned i = 0; i < v->count && !err; i++) {
        if (v->iov[i].len > (uint64_t)INT64_MAX - v->total)
            err = -EINVAL;
        else if (!make_uio(&u, v->iov[i].base, v->iov[i].len))
            err = -EFAULT;
        v->total += v->iov[i].len;
    }
    return err;
}

/* What is done with the next n bytes of the vector: made sure that they can be written to; or copied from or
 * to a buffer, and taken off. */
enum vector_op { PREFAULT, GATHER, SCATTER };
static int vector_copy(struct abi_iovec *iov, char *buf, size_t n, enum vector_op op)
{
    int err = 0;
    for (; n > 0 && !err; iov++) {
        size_t part = MIN(iov->len, n);
        err = op == GATHER    ? copyin(buf, iov->base, part)
              : op == SCATTER ? copyout(iov->base, buf, part)
                              : user_prefault(iov->base, part, true);
        iov->base += op == PREFAULT ? 0 : part;
        iov->len -= op == PREFAULT ? 0 : part;
        buf += part;
        n -= part;
    }
    return err;
}

/* Through a buffer: so a pipe's writev is atomic, and readv does not wait for more than there is. */
static ssize_t vector_move(struct file *f, const struct vector *v, bool write)
{
    size_t done = 0, total = MIN(v->total, RW_MAX), size = MIN(total, GATHER_MAX), part;
    char *buf = kmalloc(size);
    ssize_t n;
    do {
        struct uio u = {.addr = (uintptr_t)buf, .left = part = MIN(total - done, size), .kernel = true};
        /* What has been read from a pipe must not get lost: hence the prefault. */
        n = buf ? vector_copy(v->iov, buf, part, write ? GATHER : PREFAULT) : -ENOMEM;
        if (!n)
            n = move(f, &u, NULL, write);
        int err = n > 0 && !write ? vector_copy(v->iov, buf, n, SCATTER) : 0;
        n = err ? err : n;
        done += MAX(n, 0);
        /* What has no places can block, or deliver little: a short count is normal there. */
    } while (n > 0 && (size_t)n == part && done < total && (write || f->ops->seek) && !signal_pending());
    kfree(buf);
    return done ? (ssize_t)done : n;
}

static ssize_t vector_call(struct file *f, const uint64_t arg[6], bool write)
{
    struct vector v;
    ssize_t n = vector_get(&v, arg[1], arg[2]);
    if (!n)
        n = vector_move(f, &v, write);
    kfree(v.iov);
    return n;
}

FILE_CALL(readv, fd_file((int)arg[0]), vector_call(f, arg, false))
FILE_CALL(writev, fd_file((int)arg[0]), vector_call(f, arg, true))

/* ---- descriptors ---- */

/* fd, made for f; or an error, and the reference that was meant for it goes. */
static int64_t installed(struct file *f, int fd)
{
    return fd < 0 ? put(f, fd) : fd;
}

int64_t sys_dup(const uint64_t arg[6])
{
    struct file *f = fd_file((int)arg[0]);
    return f ? installed(f, fd_install(f, 0, false)) : -EBADF;
}

int64_t sys_dup3(const uint64_t arg[6])
{
    uint32_t flags = (uint32_t)arg[2];
    if (flags & ~(uint32_t)O_CLOEXEC || (int)arg[0] == (int)arg[1])
        return -EINVAL;
    struct file *f = fd_file((int)arg[0]);
    return f ? installed(f, fd_replace(f, (int)arg[1], flags & O_CLOEXEC)) : -EBADF;
}

FILE_CALL(close, fd_take((int)arg[0]), 0)

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
    int fd = (int)arg[0], command = (int)arg[1];
    struct file *f = fd_file(fd);
    if (!f)
        return -EBADF;
    switch (command) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        if (arg[2] >= fdtable_limit(current()->files))
            return put(f, -EINVAL);
        return installed(f, fd_install(f, (uint32_t)arg[2], command == F_DUPFD_CLOEXEC));
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
    int fd[2];
    if (flags & ~(uint32_t)(O_CLOEXEC | O_NONBLOCK))
        return -EINVAL;
    int err = pipe_create(ends, flags & O_NONBLOCK);
    if (err)
        return err;
    for (int i = 0; i < 2; i++) {
        fd[i] = (int)installed(ends[i], fd_install(ends[i], 0, flags & O_CLOEXEC));
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

static int64_t seek(struct file *f, int64_t offset, uint32_t whence)
{
    if (!f->ops->seek)
        return -ESPIPE;
    return whence <= SEEK_END ? f->ops->seek(f, offset, (int)whence) : -EINVAL;
}

static int copy_stat(struct file *f, uptr_t addr)
{
    struct abi_stat st;
    file_stat(f, &st);
    return copyout(addr, &st, sizeof(st));
}

static int truncate_file(struct file *f, uint64_t size)
{
    bool may = f->inode && S_ISREG(f->inode->mode) && f->flags & O_ACCMODE;
    return may ? file_truncate(f->inode, size) : -EINVAL;
}

static int sync_file(struct file *f, bool data_only)
{
    bool may = f->inode && (S_ISREG(f->inode->mode) || S_ISDIR(f->inode->mode));
    return may ? inode_fsync(f->inode, data_only) : -EINVAL;
}

FILE_CALL(lseek, open_file(arg), seek(f, (int64_t)arg[1], (uint32_t)arg[2]))
FILE_CALL(ioctl, open_file(arg), f->ops->ioctl ? f->ops->ioctl(f, (uint32_t)arg[1], arg[2]) : -ENOTTY)
FILE_CALL(fstat, fd_file((int)arg[0]), copy_stat(f, arg[1]))
FILE_CALL(ftruncate, open_file(arg), (int64_t)arg[1] < 0 ? -EINVAL : truncate_file(f, arg[1]))
FILE_CALL(fsync, open_file(arg), sync_file(f, false))
FILE_CALL(fdatasync, open_file(arg), sync_file(f, true))

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
static int64_t read_entries(struct file *f, uptr_t addr, uint32_t size)
{
    struct entries e = {.size = MIN(size, PAGE_SIZE)};
    struct inode *ip = f->inode;
    if (!ip || !S_ISDIR(ip->mode))
        return -ENOTDIR;
    if (!(e.buf = kmalloc(PAGE_SIZE)))
        return -ENOMEM;
    mutex_lock(&f->lock);
    uint64_t offset = f->offset;
    inode_lock(ip);
    int err = ip->ops->readdir(ip, &offset, add_entry, &e);
    inode_unlock(ip);
    if (!err && !e.used && e.full)
        err = -EINVAL;
    if (e.used) /* what was found before an error counts */
        err = copyout(addr, e.buf, e.used);
    if (!err && e.used)
        f->offset = e.next;
    mutex_unlock(&f->lock);
    kfree(e.buf);
    return err ? err : (int64_t)e.used;
}

FILE_CALL(getdents64, open_file(arg), read_entries(f, arg[1], (uint32_t)arg[2]))
