/* The system calls for memory: brk, mmap, munmap, mprotect.
 *
 * Two things are not as on Linux. Memory cannot be writable and executable at once: -EACCES. A file cannot be
 * mapped shared and writable: -EINVAL from mmap, -EACCES from mprotect. */
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/mman.h"
#include "fs/file.h"
#include "mm/aspace.h"
#include "mm/page.h"
#include "proc/proc.h"
#include "trap/syscall.h"

#define PROT_ALL (PROT_READ | PROT_WRITE | PROT_EXEC)
#define DISK_DEV 1 /* inode.h: dev */

int64_t sys_brk(const uint64_t arg[6])
{
    return aspace_brk(current()->aspace, arg[0]);
}

/* 0 if the open file may be mapped. */
static int check_file(const struct file *f, uint64_t offset, size_t len)
{
    if (!f)
        return -EBADF;
    if ((f->flags & O_ACCMODE) == O_WRONLY)
        return -EACCES;
    if (!f->inode || f->inode->dev != DISK_DEV || !S_ISREG(f->inode->mode))
        return -ENODEV;
    return offset + len < offset ? -EOVERFLOW : 0;
}

/* Maps at the address given, or, where that is only a hint, wherever there is room. Returns the address. */
static int64_t map(vaddr_t hint, size_t len, int prot, int flags, struct inode *inode, uint64_t offset)
{
    struct aspace *as = current()->aspace;
    bool fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);
    vaddr_t addr = fixed ? hint : PAGE_ROUND_DOWN(hint);

    if (flags & MAP_FIXED_NOREPLACE)
        flags &= ~MAP_FIXED;
    int err = aspace_map(as, addr, len, prot, flags, inode, offset, len);
    for (bool again = err && !fixed; again; again = err == -EEXIST) { /* a thread may take the place first */
        addr = aspace_find(as, len);
        err = addr ? aspace_map(as, addr, len, prot, flags, inode, offset, len) : -ENOMEM;
    }
    return err ? err : (int64_t)addr;
}

int64_t sys_mmap(const uint64_t arg[6])
{
    size_t len = PAGE_ROUND_UP(arg[1]);
    int prot = arg[2] & PROT_ALL, flags = arg[3] & ~MAP_GROWSDOWN, type = flags & MAP_TYPE;
    uint64_t offset = arg[5];

    if (arg[1] == 0 || offset % PAGE_SIZE)
        return -EINVAL;
    if (type != MAP_SHARED && type != MAP_PRIVATE && type != MAP_SHARED_VALIDATE)
        return -EINVAL;
    if (len == 0 || len > USER_TOP)
        return -ENOMEM;
    if (flags & MAP_ANONYMOUS) {
        /* As for brk: not what could never be there. */
        if (prot & PROT_WRITE && !(flags & MAP_NORESERVE) && len > page_total() * PAGE_SIZE)
            return -ENOMEM;
        return map(arg[0], len, prot, flags, NULL, 0);
    }
    struct file *f = fd_file(arg[4]);
    int64_t result = check_file(f, offset, len);
    if (!result)
        result = map(arg[0], len, prot, flags, f->inode, offset);
    if (f)
        file_put(f);
    return result;
}

int64_t sys_munmap(const uint64_t arg[6])
{
    return aspace_unmap(current()->aspace, arg[0], arg[1]);
}

int64_t sys_mprotect(const uint64_t arg[6])
{
    if ((arg[2] & 0xffffffff) & ~(uint64_t)PROT_ALL)
        return -EINVAL;
    return aspace_protect(current()->aspace, arg[0], arg[1], arg[2] & PROT_ALL);
}
