/* System calls on paths, and those that do the same to a descriptor's inode. docs/system-calls.md has their
 * arguments and errors.
 *
 * Each copies its path in, once, finds the directory from which a relative one starts, and leaves the rest to
 * namei.c or to the inode that the path names. */
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/limits.h"
#include "fs/file.h"
#include "fs/fs.h"
#include "fs/namei.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "proc/proc.h"
#include "trap/syscall.h"
#include "trap/timer.h"

#define SHORT_PATH 128    /* a path that fits is kept on the stack */
#define PROC_MAGIC 0x9fa0 /* file system types of statfs */
#define PIPE_MAGIC 0x50495045

/* A path in kernel memory, and where it starts. */
struct path_arg {
    struct inode *dir; /* held by file, or by the process, as its working directory */
    struct file *file; /* referenced, or NULL */
    char *path;        /* short_path, or kmalloc'ed */
    char short_path[SHORT_PATH];
};

/* Lets go of the path; the result is handed through. */
static inline int64_t put_path(struct path_arg *at, int64_t result)
{
    if (unlikely(at->file))
        file_put(at->file);
    if (unlikely(at->path != at->short_path))
        kfree(at->path);
    return result;
}

/* Only the path, for what starts nowhere. */
static int copy_path(struct path_arg *at, uptr_t path)
{
    at->dir = current()->cwd;
    at->file = NULL;
    at->path = at->short_path;
    ssize_t n = copyinstr(at->path, path, SHORT_PATH);
    if (likely(n >= 0))
        return 0;
    if (n != -ENAMETOOLONG)
        return (int)n;
    at->path = kmalloc(PATH_MAX);
    if (!at->path)
        return -ENOMEM;
    n = copyinstr(at->path, path, PATH_MAX);
    return n < 0 ? (int)put_path(at, n) : 0;
}

static int get_path(struct path_arg *at, uint64_t fd, uptr_t path)
{
    int err = copy_path(at, path);
    if (err || (int)fd == AT_FDCWD || at->path[0] == '/') /* an absolute path ignores the descriptor */
        return err;
    at->file = fd_file((int)fd);
    if (!at->file)
        return (int)put_path(at, -EBADF);
    at->dir = at->file->inode;
    return at->dir && S_ISDIR(at->dir->mode) ? 0 : (int)put_path(at, -ENOTDIR);
}

/* The paths of arguments 0 to 3. */
static int get_two_paths(struct path_arg *from, struct path_arg *to, const uint64_t arg[6])
{
    int err = get_path(from, arg[0], arg[1]);
    if (!err && (err = get_path(to, arg[2], arg[3])))
        put_path(from, 0);
    return err;
}

/* The inode that a path names, referenced. flags: NAMEI_... */
static int find(uint64_t fd, uptr_t path, uint32_t flags, struct inode **result)
{
    struct path_arg at;
    int err = get_path(&at, fd, path);
    return err ? err : (int)put_path(&at, namei(at.dir, at.path, flags, result));
}

/* The inode behind a descriptor, referenced. */
static int find_open(uint64_t fd, struct inode **result)
{
    struct file *f = fd_file((int)fd);
    if (!f)
        return -EBADF;
    int err = f->flags & O_PATH ? -EBADF : f->inode ? 0 : -EINVAL;
    if (!err)
        inode_get(*result = f->inode);
    file_put(f);
    return err;
}

static int64_t put_inode(struct inode *ip, int64_t result)
{
    inode_put(ip);
    return result;
}

static uint32_t nofollow(uint64_t at_flags)
{
    return at_flags & AT_SYMLINK_NOFOLLOW ? NAMEI_NOFOLLOW : 0;
}

static uint32_t new_mode(uint64_t mode)
{
    return (uint32_t)mode & 07777 & ~current()->umask;
}

/* ---- making and removing names ---- */

int64_t sys_openat(const uint64_t arg[6])
{
    int flags = (int)arg[2];
    struct path_arg at;
    struct file *f;
    int err = get_path(&at, arg[0], arg[1]);
    if (err || (err = put_path(&at, file_open(at.dir, at.path, flags, S_IFREG | new_mode(arg[3]), &f))))
        return err;
    int fd = fd_install(f, 0, flags & O_CLOEXEC);
    if (fd < 0)
        file_put(f);
    return fd;
}

/* Defines a call on the path `at` that `get` finds: its result is that of `what`. */
#define PATH_CALL(name, get, what)                                                                           \
    int64_t sys_##name(const uint64_t arg[6])                                                                \
    {                                                                                                        \
        struct path_arg at;                                                                                  \
        int err = (get);                                                                                     \
        return err ? err : put_path(&at, (what));                                                            \
    }

static uint32_t type_of(uint64_t mode)
{
    return mode & S_IFMT ? (uint32_t)mode & S_IFMT : S_IFREG;
}

PATH_CALL(mknodat, type_of(arg[2]) == S_IFDIR ? -EPERM : get_path(&at, arg[0], arg[1]),
          namei_mknod(at.dir, at.path, type_of(arg[2]) | new_mode(arg[2]), (uint32_t)arg[3]))
PATH_CALL(mkdirat, get_path(&at, arg[0], arg[1]), namei_mkdir(at.dir, at.path, new_mode(arg[2])))
PATH_CALL(unlinkat, (uint32_t)arg[2] & ~AT_REMOVEDIR ? -EINVAL : get_path(&at, arg[0], arg[1]),
          namei_unlink(at.dir, at.path, arg[2] & AT_REMOVEDIR))

int64_t sys_symlinkat(const uint64_t arg[6])
{
    struct path_arg target, at;
    int64_t err = copy_path(&target, arg[0]);
    if (err)
        return err;
    err = get_path(&at, arg[1], arg[2]);
    if (!err)
        err = put_path(&at, namei_symlink(at.dir, at.path, target.path));
    return put_path(&target, err);
}

int64_t sys_linkat(const uint64_t arg[6])
{
    uint32_t flags = (uint32_t)arg[4];
    struct path_arg from, to;
    int err = flags & ~(uint32_t)AT_SYMLINK_FOLLOW ? -EINVAL : get_two_paths(&from, &to, arg);
    if (err)
        return err;
    err = namei_link(from.dir, from.path, to.dir, to.path, flags & AT_SYMLINK_FOLLOW);
    return put_path(&from, put_path(&to, err));
}

int64_t sys_renameat2(const uint64_t arg[6])
{
    struct path_arg from, to;
    int err = get_two_paths(&from, &to, arg);
    if (err)
        return err;
    err = namei_rename(from.dir, from.path, to.dir, to.path, (uint32_t)arg[4]);
    return put_path(&from, put_path(&to, err));
}

/* ---- asking ---- */

/* Defines a call on the inode `ip` that `get` finds, referenced: its result is that of `what`. */
#define INODE_CALL(name, get, what)                                                                          \
    int64_t sys_##name(const uint64_t arg[6])                                                                \
    {                                                                                                        \
        struct inode *ip;                                                                                    \
        int err = (get);                                                                                     \
        return err ? err : put_inode(ip, (what));                                                            \
    }

int64_t sys_readlinkat(const uint64_t arg[6])
{
    struct path_arg at;
    char *buf = kmalloc(PATH_MAX);
    ssize_t n = !buf ? -ENOMEM : (int)arg[3] <= 0 ? -EINVAL : get_path(&at, arg[0], arg[1]);
    if (!n)
        n = put_path(&at, namei_readlink(at.dir, at.path, buf, MIN((size_t)(int)arg[3], PATH_MAX)));
    int err = n > 0 ? copyout(arg[2], buf, n) : 0;
    kfree(buf);
    return err ? err : n;
}

int64_t sys_newfstatat(const uint64_t arg[6])
{
    uint32_t flags = (uint32_t)arg[3];
    struct inode *ip;
    struct abi_stat st;
    char first = 1;
    int err = 0;
    if (flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT))
        return -EINVAL;
    if (flags & AT_EMPTY_PATH && (err = copyin(&first, arg[1], 1)))
        return err;
    if (first)
        err = find(arg[0], arg[1], nofollow(flags), &ip);
    else if ((int)arg[0] == AT_FDCWD)
        inode_get(ip = current()->cwd);
    else /* the file behind the descriptor, of any kind */
        return sys_fstat((const uint64_t[6]){arg[0], arg[2]});
    if (err)
        return err;
    inode_stat(ip, &st);
    return put_inode(ip, copyout(arg[2], &st, sizeof(st)));
}

/* Programs run as root: they may read and write everything, and execute what anybody may. */
static int check_access(struct inode *ip, uint64_t wanted)
{
    inode_lock(ip);
    bool may = !(wanted & X_OK) || S_ISDIR(ip->mode) || ip->mode & 0111;
    inode_unlock(ip);
    return may ? 0 : -EACCES;
}

INODE_CALL(faccessat, (uint32_t)arg[2] & ~(R_OK | W_OK | X_OK) ? -EINVAL : find(arg[0], arg[1], 0, &ip),
           check_access(ip, arg[2]))

static int copy_statfs(const struct inode *ip, uptr_t addr)
{
    struct abi_statfs st = {
        .type = ip ? PROC_MAGIC : PIPE_MAGIC, .bsize = PAGE_SIZE, .frsize = PAGE_SIZE, .namelen = NAME_MAX};
    if (ip && ip->dev == 1)
        fs_statfs(&st);
    return copyout(addr, &st, sizeof(st));
}

INODE_CALL(statfs, find(AT_FDCWD, arg[0], 0, &ip), copy_statfs(ip, arg[1]))

int64_t sys_fstatfs(const uint64_t arg[6])
{
    struct file *f = fd_file((int)arg[0]);
    if (!f)
        return -EBADF;
    int err = copy_statfs(f->inode, arg[1]);
    file_put(f);
    return err;
}

/* ---- the working directory ---- */

int64_t sys_getcwd(const uint64_t arg[6])
{
    char *buf = kmalloc(PATH_MAX);
    int64_t n = buf ? namei_path(current()->cwd, buf, PATH_MAX) : -ENOMEM;
    if (!n) {
        n = (int64_t)strlen(buf) + 1;
        int err = (uint64_t)n > arg[1] ? -ERANGE : copyout(arg[0], buf, (size_t)n);
        n = err ? err : n;
    }
    kfree(buf);
    return n;
}

static int64_t set_cwd(struct inode *dir)
{
    struct inode *old = current()->cwd;
    current()->cwd = dir;
    return put_inode(old, 0);
}

int64_t sys_chdir(const uint64_t arg[6])
{
    struct inode *dir;
    int err = find(AT_FDCWD, arg[0], NAMEI_DIRECTORY, &dir);
    return err ? err : set_cwd(dir);
}

int64_t sys_fchdir(const uint64_t arg[6])
{
    struct file *f = fd_file((int)arg[0]);
    if (!f)
        return -EBADF;
    struct inode *dir = f->inode && S_ISDIR(f->inode->mode) ? f->inode : NULL;
    if (dir)
        inode_get(dir);
    file_put(f);
    return dir ? set_cwd(dir) : -ENOTDIR;
}

/* ---- changing attributes ---- */

INODE_CALL(truncate, (int64_t)arg[1] < 0 ? -EINVAL : find(AT_FDCWD, arg[0], 0, &ip),
           file_truncate(ip, arg[1]))
INODE_CALL(fchmod, find_open(arg[0], &ip), inode_chmod(ip, (uint32_t)arg[1]))
INODE_CALL(fchmodat, find(arg[0], arg[1], 0, &ip), inode_chmod(ip, (uint32_t)arg[2]))
INODE_CALL(fchown, find_open(arg[0], &ip), inode_chown(ip, (uint32_t)arg[1], (uint32_t)arg[2]))
INODE_CALL(fchownat,
           (uint32_t)arg[4] & ~AT_SYMLINK_NOFOLLOW ? -EINVAL : find(arg[0], arg[1], nofollow(arg[4]), &ip),
           inode_chown(ip, (uint32_t)arg[2], (uint32_t)arg[3]))

/* The nanoseconds that a time of utimensat means. */
static int64_t file_time(const struct abi_timespec *t, int64_t now)
{
    const int64_t far = INT64_MAX / (int64_t)NSEC_PER_SEC - 1; /* the year 2262; later is the same */
    if (t->nsec == UTIME_OMIT)
        return INT64_MIN;
    if (t->nsec == UTIME_NOW)
        return now;
    return MAX(MIN(t->sec, far), -far) * (int64_t)NSEC_PER_SEC + t->nsec;
}

static bool valid_time(const struct abi_timespec *t)
{
    return t->nsec == UTIME_NOW || t->nsec == UTIME_OMIT || (t->nsec >= 0 && t->nsec < (int64_t)NSEC_PER_SEC);
}

int64_t sys_utimensat(const uint64_t arg[6])
{
    struct abi_timespec t[2] = {{.nsec = UTIME_NOW}, {.nsec = UTIME_NOW}};
    uint32_t flags = (uint32_t)arg[3];
    int64_t now = (int64_t)time_of_day();
    struct inode *ip;
    int err = arg[2] ? copyin(t, arg[2], sizeof(t)) : 0;
    if (err)
        return err;
    if (flags & ~(uint32_t)AT_SYMLINK_NOFOLLOW || !valid_time(&t[0]) || !valid_time(&t[1]))
        return -EINVAL;
    err = arg[1] ? find(arg[0], arg[1], nofollow(flags), &ip) : find_open(arg[0], &ip);
    return err ? err : put_inode(ip, inode_set_times(ip, file_time(&t[0], now), file_time(&t[1], now)));
}
