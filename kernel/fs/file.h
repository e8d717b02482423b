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

/* What an open file does, by kind: inode's file, pipe, character device. NULL: -EINVAL, or as said. */
struct file_ops {
    ssize_t (*read)(struct file *f, struct uio *u);
    ssize_t (*write)(struct file *f, struct uio *u);
    int (*ioctl)(struct file *f, uint64_t request, uptr_t arg); /* NULL: -ENOTTY */
    void (*release)(struct file *f); /* last reference gone; may sleep */
};

struct file {
    const struct file_ops *ops; /* c */
    uint32_t refs;        /* a */
    uint32_t flags;       /* l  O_ACCMODE is constant; O_APPEND, O_NONBLOCK may change */
    struct mutex lock;    /* offset, while a read or write moves it */
    uint64_t offset;      /* l */
    struct inode *inode;  /* c  NULL for pipes */
    void *private;        /* c  the pipe, the device */
};

void file_get(struct file *f);
void file_put(struct file *f); /* releases at 0: may sleep */
size_t file_count(void); /* open files in the system */

/* Opens as openat does: 0 and *result referenced. */
int file_open(struct inode *dir, const char *path, int flags, uint32_t mode, struct file **result);

struct fdtable;
struct fdtable *fdtable_create(void);
struct fdtable *fdtable_copy(struct fdtable *t); /* for fork; NULL without memory */
void fdtable_get(struct fdtable *t);
void fdtable_put(struct fdtable *t); /* closes all at 0 */
void fdtable_close_on_exec(struct fdtable *t);
/* The file behind a descriptor of the current process, referenced; NULL: -EBADF. */
struct file *fd_file(int fd);
int fd_install(struct file *f, bool cloexec); /* takes over the reference on success; -EMFILE, -ENOMEM */

/* Character devices, by major number. */
struct chrdev_ops {
    ssize_t (*read)(unsigned minor, struct uio *u, int flags);
    ssize_t (*write)(unsigned minor, struct uio *u, int flags);
    int (*ioctl)(unsigned minor, uint64_t request, uptr_t arg);
};
void chrdev_register(unsigned major, const struct chrdev_ops *ops); /* boot only; majors below 32 */
const struct chrdev_ops *chrdev_find(unsigned major); /* NULL: opening gives -ENXIO */
void memdev_init(void); /* 1:3 null, 1:5 zero, 1:7 full, 1:8 random, 1:9 urandom */
