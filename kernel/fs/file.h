/* Open files and descriptor tables. An open file is counted: descriptors of several processes (fork) or of one
 * (dup) share it, and its offset. */
#pragma once
#include "abi/stat.h"
#include "fs/inode.h"
#include "lib/types.h"
#include "mm/usercopy.h"
#include "sync/mutex.h"
#include "sync/spinlock.h"

struct file;

/* What an open file does, by kind: inode's file, pipe, character device. */
struct file_ops {
    /* At least one byte is asked for, and the file is open for it. Bytes moved, or -E. `at`: the place to read or
     * write, which moves on; NULL: the file's own offset. NULL functions: -EINVAL. */
    ssize_t (*read)(struct file *f, struct uio *u, uint64_t *at);
    ssize_t (*write)(struct file *f, struct uio *u, uint64_t *at);
    int64_t (*seek)(struct file *f, int64_t offset, int whence); /* NULL: has no places, -ESPIPE */
    int (*ioctl)(struct file *f, uint64_t request, uptr_t arg);  /* NULL: -ENOTTY */
    void (*release)(struct file *f); /* last reference gone; may sleep. The inode is put in any case */
};

struct file {
    const struct file_ops *ops; /* c */
    uint32_t refs;              /* a */
    uint32_t flags;             /* l  O_ACCMODE and O_PATH are constant; O_APPEND, O_NONBLOCK may change */
    struct mutex lock;          /* offset, while a read or write moves it */
    uint64_t offset;            /* l */
    struct inode *inode;        /* c  NULL for pipes */
    void *private;              /* c  the pipe */
};

/* One reference; takes over that to the inode. flags: O_..., NULL: no memory. */
struct file *file_create(const struct file_ops *ops, struct inode *ip, void *private, uint32_t flags);
void file_release(struct file *f); /* for file_put */

static inline void file_get(struct file *f)
{
    __atomic_fetch_add(&f->refs, 1, __ATOMIC_RELAXED);
}

/* Releases at 0: may sleep. */
static inline void file_put(struct file *f)
{
    if (unlikely(__atomic_fetch_sub(&f->refs, 1, __ATOMIC_ACQ_REL) == 1))
        file_release(f);
}

void file_stat(struct file *f, struct abi_stat *st);
int file_truncate(struct inode *ip, uint64_t size); /* inode_truncate; -ETXTBSY for a program that runs */

/* Opens as openat does: 0 and *result referenced. mode as umask left it. */
int file_open(struct inode *dir, const char *path, int flags, uint32_t mode, struct file **result);

struct fdtable;
struct fdtable *fdtable_create(void);
struct fdtable *fdtable_copy(struct fdtable *t); /* for fork; NULL without memory */
void fdtable_put(struct fdtable *t); /* closes all at 0 */
void fdtable_close_on_exec(struct fdtable *t);
uint32_t fdtable_limit(struct fdtable *t); /* descriptors are below this (RLIMIT_NOFILE) */
void fdtable_set_limit(struct fdtable *t, uint64_t limit); /* at most OPEN_MAX; what is open stays open */

/* Descriptors of the current process. */
struct file *fd_file(int fd); /* the file behind it, referenced; NULL: -EBADF */
struct file *fd_take(int fd); /* the same, and the descriptor is free now; the caller gets its reference */
/* The lowest free descriptor, at least `from`. Takes over the reference on success; -EMFILE, -ENOMEM. */
int fd_install(struct file *f, uint32_t from, bool cloexec);
/* That very descriptor, closing what it was: fd, -EBADF (beyond the limit), -ENOMEM. Takes over on success. */
int fd_replace(struct file *f, int fd, bool cloexec);
int fd_cloexec(int fd, int set); /* was it set to be closed by exec? -EBADF. set: 0 or 1, -1: leave as it is */

/* Character devices, by major number: what their open files do. The minor is in f->inode->rdev. */
void device_register(unsigned major, const struct file_ops *ops); /* boot only; majors below 32 */
void memdev_init(void); /* 1:3 null, 1:5 zero, 1:7 full, 1:8 random, 1:9 urandom */
