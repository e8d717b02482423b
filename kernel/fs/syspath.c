/* System calls on paths. docs/system-calls.md has their arguments and errors.
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
struct place {
    struct inode *dir; /* referenced */
    char *path;        /* short_path, or kmalloc'ed */
    char short_path[SHORT_PATH];
};

static void free_path(struct place *at)
{
    if (at->path != at->short_path)
        kfree(at->path);
}

static int copy_path(struct place *at, uptr_t path)
{
    at->path = at->short_path;
    ssize_t n = copyinstr(at->path, path, SHORT_PATH);
    if (n != -ENAMETOOLONG)
        return n < 0 ? (int)n : 0;
    at->path = kmalloc(PATH_MAX);
    if (!at->path)
        return -ENOMEM;
    n = copyinstr(at->path, path, PATH_MAX);
    if (n < 0)
        free_path(at);
    return n < 0 ? (int)n : 0;
}

/* The directory behind a descriptor or AT_FDCWD, referenced. */
static int get_dir(int fd, struct inode **result)
{
    struct inode *dir = current()->cwd;
    int err = 0;

    if (fd == AT_FDCWD) {
        inode_get(dir);
    } else {
        struct file *f = fd_file(fd);
        if (!f)
            return -EBADF;
        dir = f->inode;
        if (dir && S_ISDIR(dir->mode))
            inode_get(dir);
        else
            err = -ENOTDIR;
        file_put(f);
    }
    *result = dir;
    return err;
}

static int get_place(struct place *at, int fd, uptr_t path)
{
    int err = copy_path(at, path);

    if (err)
        return err;
    err = get_dir(at->path[0] == '/' ? AT_FDCWD : fd, &at->dir); /* an absolute path ignores the descriptor */
    if (err)
        free_path(at);
    return err;
}

/* Lets go of the place; the result is handed through. */
static int64_t put_place(struct place *at, int64_t result)
{
    inode_put(at->dir);
    free_path(at);
    return result;
}

/* The inode that a path names, referenced. flags: AT_SYMLINK_NOFOLLOW. */
static int find(int fd, uptr_t path, uint32_t flags, struct inode **result)
{
    struct place at;
    int err = get_place(&at, fd, path);

    if (err)
        return err;
    err = namei(at.dir, at.path, flags & AT_SYMLINK_NOFOLLOW ? NAMEI_NOFOLLOW : 0, result);
    return put_place(&at, err);
}

static int64_t put_inode(struct inode *ip, int64_t result)
{
    inode_put(ip);
    return result;
}

static uint32_t new_mode(uint64_t mode)
{
    return (uint32_t)mode & 07777 & ~current()->umask;
}

/* ---- making and removing names ---- */

int64_t sys_openat(const uint64_t arg[6])
{
    int flags = (int)arg[2], err, fd;
    struct place at;
    struct file *f;

    if ((err = get_place(&at, (int)arg[0], arg[1])))
        return err;
    if ((err = put_place(&at, file_open(at.dir, at.path, flags, S_IFREG | new_mode(arg[3]), &f))))
        return err;
    fd = fd_install(f, flags & O_CLOEXEC);
    if (fd < 0)
        file_put(f);
    return fd;
}

int64_t sys_mknodat(const uint64_t arg[6])
{
    uint32_t mode = (uint32_t)arg[2], type = mode & S_IFMT ? mode & S_IFMT : S_IFREG;
    uint32_t rdev = type == S_IFCHR ? (uint32_t)arg[3] : 0;
    struct place at;
    int err;

    if (type != S_IFREG && type != S_IFCHR && type != S_IFIFO)
        return type == S_IFDIR ? -EPERM : -EINVAL;
    if ((err = get_place(&at, (int)arg[0], arg[1])))
        return err;
    return put_place(&at, namei_mknod(at.dir, at.path, type | new_mode(mode), rdev));
}

int64_t sys_mkdirat(const uint64_t arg[6])
{
    struct place at;
    int err = get_place(&at, (int)arg[0], arg[1]);

    return err ? err : put_place(&at, namei_mkdir(at.dir, at.path, new_mode(arg[2])));
}

int64_t sys_unlinkat(const uint64_t arg[6])
{
    uint32_t flags = (uint32_t)arg[2];
    struct place at;
    int err = flags & ~(uint32_t)AT_REMOVEDIR ? -EINVAL : get_place(&at, (int)arg[0], arg[1]);

    return err ? err : put_place(&at, namei_unlink(at.dir, at.path, flags & AT_REMOVEDIR));
}

int64_t sys_symlinkat(const uint64_t arg[6])
{
    struct place target, at;
    int64_t err = copy_path(&target, arg[0]);

    if (err)
        return err;
    err = get_place(&at, (int)arg[1], arg[2]);
    if (!err)
        err = put_place(&at, namei_symlink(at.dir, at.path, target.path));
    free_path(&target);
    return err;
}

/* Two paths: arguments 0 to 3. */
static int get_two(struct place *from, struct place *to, const uint64_t arg[6])
{
    int err = get_place(from, (int)arg[0], arg[1]);

    if (!err && (err = get_place(to, (int)arg[2], arg[3])))
        put_place(from, 0);
    return err;
}

int64_t sys_linkat(const uint64_t arg[6])
{
    uint32_t flags = (uint32_t)arg[4];
    struct place from, to;
    int err = flags & ~(uint32_t)AT_SYMLINK_FOLLOW ? -EINVAL : get_two(&from, &to, arg);

    if (err)
        return err;
    err = namei_link(from.dir, from.path, to.dir, to.path, flags & AT_SYMLINK_FOLLOW);
    return put_place(&from, put_place(&to, err));
}

int64_t sys_renameat2(const uint64_t arg[6])
{
    struct place from, to;
    int err = get_two(&from, &to, arg);

    if (err)
        return err;
    err = namei_rename(from.dir, from.path, to.dir, to.path, (uint32_t)arg[4]);
    return put_place(&from, put_place(&to, err));
}

/* ---- asking ---- */

int64_t sys_readlinkat(const uint64_t arg[6])
{
    struct place at;
    char *buf = kmalloc(PATH_MAX);
    ssize_t n = !buf ? -ENOMEM : (int)arg[3] <= 0 ? -EINVAL : get_place(&at, (int)arg[0], arg[1]);

    if (!n)
        n = put_place(&at, namei_readlink(at.dir, at.path, buf, MIN((size_t)(int)arg[3], PATH_MAX)));
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
    if (!first && (int)arg[0] != AT_FDCWD) /* the file behind the descriptor, of any kind */
        return sys_fstat((const uint64_t[6]){arg[0], arg[2]});
    err = first ? find((int)arg[0], arg[1], flags, &ip) : get_dir(AT_FDCWD, &ip);
    if (err)
        return err;
    inode_stat(ip, &st);
    return put_inode(ip, copyout(arg[2], &st, sizeof(st)));
}

/* Programs run as root: they may read and write everything, and execute what anybody may. */
int64_t sys_faccessat(const uint64_t arg[6])
{
    uint32_t wanted = (uint32_t)arg[2];
    struct inode *ip;
    int err = wanted & ~(uint32_t)(R_OK | W_OK | X_OK) ? -EINVAL : find((int)arg[0], arg[1], 0, &ip);

    if (err)
        return err;
    inode_lock(ip);
    if (wanted & X_OK && !S_ISDIR(ip->mode) && !(ip->mode & 0111))
        err = -EACCES;
    inode_unlock(ip);
    return put_inode(ip, err);
}

static int copy_statfs(const struct inode *ip, uptr_t addr)
{
    struct abi_statfs st;

    memset(&st, 0, sizeof(st));
    if (ip && ip->dev == 1)
        fs_statfs(&st);
    else
        st = (struct abi_statfs){
            .type = PROC_MAGIC, .bsize = PAGE_SIZE, .frsize = PAGE_SIZE, .namelen = NAME_MAX};
    return copyout(addr, &st, sizeof(st));
}

int64_t sys_statfs(const uint64_t arg[6])
{
    struct inode *ip;
    int err = find(AT_FDCWD, arg[0], 0, &ip);

    return err ? err : put_inode(ip, copy_statfs(ip, arg[1]));
}

int64_t sys_fstatfs(const uint64_t arg[6])
{
    struct file *f = fd_file((int)arg[0]);
    int err = f ? copy_statfs(f->inode, arg[1]) : -EBADF;

    if (f)
        file_put(f);
    return err;
}

/* ---- the working directory ---- */

int64_t sys_getcwd(const uint64_t arg[6])
{
    char *buf = kmalloc(PATH_MAX);
    int err = buf ? namei_path(current()->cwd, buf, PATH_MAX) : -ENOMEM;
    size_t n = err ? 0 : strlen(buf) + 1;

    if (!err)
        err = n > arg[1] ? -ERANGE : copyout(arg[0], buf, n);
    kfree(buf);
    return err ? err : (int64_t)n;
}

static int64_t set_cwd(struct inode *dir)
{
    struct inode *old = current()->cwd;

    current()->cwd = dir;
    return put_inode(old, 0);
}

int64_t sys_chdir(const uint64_t arg[6])
{
    struct place at;
    struct inode *dir;
    int err = get_place(&at, AT_FDCWD, arg[0]);

    if (!err)
        err = put_place(&at, namei(at.dir, at.path, NAMEI_DIRECTORY, &dir));
    return err ? err : set_cwd(dir);
}

int64_t sys_fchdir(const uint64_t arg[6])
{
    struct inode *dir;
    int err = (int)arg[0] == AT_FDCWD ? -EBADF : get_dir((int)arg[0], &dir);

    return err ? err : set_cwd(dir);
}

/* ---- changing attributes ---- */

int64_t sys_truncate(const uint64_t arg[6])
{
    struct inode *ip;
    int err = (int64_t)arg[1] < 0 ? -EINVAL : find(AT_FDCWD, arg[0], 0, &ip);

    return err ? err : put_inode(ip, file_truncate(ip, arg[1]));
}

int64_t sys_fchmodat(const uint64_t arg[6])
{
    struct inode *ip;
    int err = find((int)arg[0], arg[1], 0, &ip);

    return err ? err : put_inode(ip, inode_chmod(ip, (uint32_t)arg[2] & 07777));
}

int64_t sys_fchownat(const uint64_t arg[6])
{
    uint32_t flags = (uint32_t)arg[4];
    struct inode *ip;
    int err = flags & ~(uint32_t)AT_SYMLINK_NOFOLLOW ? -EINVAL : find((int)arg[0], arg[1], flags, &ip);

    return err ? err : put_inode(ip, inode_chown(ip, (uint32_t)arg[2], (uint32_t)arg[3]));
}

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

/* The inode behind an open file, referenced. */
static int find_open(int fd, struct inode **result)
{
    struct file *f = fd_file(fd);
    int err = f && f->inode && !(f->flags & O_PATH) ? 0 : -EBADF;

    if (!err)
        inode_get(*result = f->inode);
    if (f)
        file_put(f);
    return err;
}

int64_t sys_utimensat(const uint64_t arg[6])
{
    struct abi_timespec t[2] = {{.nsec = UTIME_NOW}, {.nsec = UTIME_NOW}};
    uint32_t flags = (uint32_t)arg[3];
    int64_t now = (int64_t)time_of_day();
    struct inode *ip;
    int err = arg[2] ? copyin(t, arg[2], sizeof(t)) : 0;

    if (!err && (flags & ~(uint32_t)AT_SYMLINK_NOFOLLOW || !valid_time(&t[0]) || !valid_time(&t[1])))
        err = -EINVAL;
    if (!err)
        err = arg[1] ? find((int)arg[0], arg[1], flags, &ip) : find_open((int)arg[0], &ip);
    return err ? err : put_inode(ip, inode_set_times(ip, file_time(&t[0], now), file_time(&t[1], now)));
}
