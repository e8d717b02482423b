/* Copies between kernel and user memory.
 *
 * A user address is looked up in the page table by software and reached through the direct map, a page at a
 * time. The page-table entry is checked as the hardware would check it: a page that is shared copy-on-write
 * cannot be written to before the fault handler has copied it.
 *
 * The page must not go away between the look and the end of the copy. Where processes share the address
 * space, its pt_lock sees to that. Where it has one reference, that is the running process's, which alone
 * would take pages away, and is busy here; so there is no lock to take. (A reference that /proc takes
 * meanwhile is for looking only.) A fault is handled without the lock; then the copy goes on where it
 * stopped.
 *
 * Addresses need no check but one a page: from USER_TOP on there are no entries. A copy that would wrap meets
 * that, or unmapped memory, first. */
#include "mm/usercopy.h"

#include "abi/errno.h"
#include "lib/string.h"
#include "mm/pagetable.h"
#include "proc/proc.h"

/* What is to happen to the user's bytes. */
enum op { OUT_OF_USER, INTO_USER, ZERO_USER };

/* Where user byte va is in the direct map, if the rights in `need` are there; NULL. Caller holds pt_lock. */
static inline char *locate(const struct aspace *as, uptr_t va, pte_t need)
{
    if (unlikely(va >= USER_TOP))
        return NULL;
    const pte_t *pte = pagetable_find(as, va);
    if (unlikely(!pte) || unlikely((*pte & need) != need))
        return NULL;
    return (char *)pa_kva(pte_pa(*pte)) + va % PAGE_SIZE;
}

static inline pte_t rights_for(enum op op)
{
    return op == OUT_OF_USER ? PTE_V | PTE_U | PTE_R : PTE_V | PTE_U | PTE_W;
}

static inline void move_bytes(char *user, char *kernel, size_t n, enum op op)
{
    if (op == OUT_OF_USER)
        memcpy(kernel, user, n);
    else if (op == INTO_USER)
        memcpy(user, kernel, n);
    else
        memset(user, 0, n);
}

/* The usual case, within one page and without a fault or a lock: true if that is what it was. Expanded for
 * each operation, since a copy of a few bytes is little else. */
static inline __attribute__((always_inline)) bool move_small(struct aspace *as, uptr_t va, char *kernel,
                                                             size_t n, enum op op)
{
    if (n > PAGE_SIZE - va % PAGE_SIZE || __atomic_load_n(&as->refs, __ATOMIC_RELAXED) != 1)
        return false;
    char *user = locate(as, va, rights_for(op));
    if (unlikely(!user))
        return false;
    move_bytes(user, kernel, n, op);
    return true;
}

/* As many of n bytes as can be had without a fault; returns how many. */
static size_t move(struct aspace *as, uptr_t va, char *kernel, size_t n, enum op op)
{
    bool shared = __atomic_load_n(&as->refs, __ATOMIC_RELAXED) != 1;
    size_t done = 0;

    while (done < n) {
        size_t chunk = MIN(n - done, PAGE_SIZE - va % PAGE_SIZE);
        if (shared)
            spin_lock(&as->pt_lock);
        char *user = locate(as, va, rights_for(op));
        if (likely(user))
            move_bytes(user, kernel, chunk, op);
        if (shared)
            spin_unlock(&as->pt_lock);
        if (unlikely(!user))
            break;
        done += chunk;
        va += chunk;
        kernel += chunk;
    }
    return done;
}

static int fault(struct aspace *as, uptr_t va, enum op op)
{
    if (va >= USER_TOP)
        return -EFAULT;
    int err = aspace_fault(as, va, op == OUT_OF_USER ? FAULT_READ : FAULT_WRITE);
    return err == -ENXIO ? -EFAULT : err; /* beyond the end of a mapped file */
}

/* All n bytes, with faults. *moved says how many it was when that failed. */
static int transfer(struct aspace *as, uptr_t va, char *kernel, size_t n, enum op op, size_t *moved)
{
    size_t done = move(as, va, kernel, n, op);
    int err = 0;

    while (unlikely(done < n) && !(err = fault(as, va + done, op)))
        done += move(as, va + done, kernel + done, n - done, op);
    *moved = done;
    return err;
}

static inline __attribute__((always_inline)) int copy(struct aspace *as, uptr_t va, char *kernel, size_t n,
                                                      enum op op)
{
    size_t moved;

    return likely(move_small(as, va, kernel, n, op)) ? 0 : transfer(as, va, kernel, n, op, &moved);
}

int copyin(void *dst, uptr_t src, size_t n)
{
    return copy(current()->aspace, src, dst, n, OUT_OF_USER);
}

int copyout(uptr_t dst, const void *src, size_t n)
{
    return copy(current()->aspace, dst, (char *)(uintptr_t)src, n, INTO_USER);
}

int aspace_copyout(struct aspace *as, uptr_t dst, const void *src, size_t n)
{
    size_t moved;

    return transfer(as, dst, (char *)(uintptr_t)src, n, INTO_USER, &moved);
}

/* Copies up to n bytes up to and including a NUL; returns how many. */
static size_t copy_string(char *to, const char *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((to[i] = from[i]) == '\0')
            return i + 1;
    return n;
}

ssize_t copyinstr(char *dst, uptr_t src, size_t max)
{
    struct aspace *as = current()->aspace;
    bool shared = __atomic_load_n(&as->refs, __ATOMIC_RELAXED) != 1;
    size_t done = 0;

    while (done < max) {
        uptr_t va = src + done;
        size_t chunk = MIN(max - done, PAGE_SIZE - va % PAGE_SIZE);
        if (shared)
            spin_lock(&as->pt_lock);
        const char *user = locate(as, va, rights_for(OUT_OF_USER));
        if (likely(user))
            chunk = copy_string(dst + done, user, chunk);
        if (shared)
            spin_unlock(&as->pt_lock);
        if (unlikely(!user)) {
            int err = fault(as, va, OUT_OF_USER);
            if (err)
                return err;
            continue;
        }
        done += chunk;
        if (dst[done - 1] == '\0')
            return done - 1;
    }
    return -ENAMETOOLONG;
}

int user_prefault(uptr_t addr, size_t n, bool write)
{
    struct aspace *as = current()->aspace;
    enum op op = write ? INTO_USER : OUT_OF_USER;
    int err = 0;

    for (size_t done = 0; done < n && !err; done += PAGE_SIZE - (addr + done) % PAGE_SIZE) {
        spin_lock(&as->pt_lock);
        bool there = locate(as, addr + done, rights_for(op));
        spin_unlock(&as->pt_lock);
        if (!there)
            err = fault(as, addr + done, op);
    }
    return err;
}

/* ---- uio ---- */

static inline void advance(struct uio *u, size_t n)
{
    u->addr += n;
    u->left -= n;
}

static inline __attribute__((always_inline)) int uio_move(struct uio *u, void *kernel, size_t n, enum op op)
{
    size_t moved = n = MIN(n, u->left);
    int err = 0;

    if (unlikely(u->kernel))
        move_bytes((char *)u->addr, kernel, n, op);
    else if (!move_small(current()->aspace, u->addr, kernel, n, op))
        err = transfer(current()->aspace, u->addr, kernel, n, op, &moved);
    advance(u, moved);
    return err;
}

static inline __attribute__((always_inline)) size_t uio_move_nofault(struct uio *u, void *kernel, size_t n,
                                                                     enum op op)
{
    n = MIN(n, u->left);
    if (unlikely(u->kernel))
        move_bytes((char *)u->addr, kernel, n, op);
    else if (!move_small(current()->aspace, u->addr, kernel, n, op))
        n = move(current()->aspace, u->addr, kernel, n, op);
    advance(u, n);
    return n;
}

int uio_read(struct uio *u, const void *src, size_t n)
{
    return uio_move(u, (void *)(uintptr_t)src, n, INTO_USER);
}

int uio_write(struct uio *u, void *dst, size_t n)
{
    return uio_move(u, dst, n, OUT_OF_USER);
}

int uio_zero(struct uio *u, size_t n)
{
    return uio_move(u, NULL, n, ZERO_USER);
}

size_t uio_read_nofault(struct uio *u, const void *src, size_t n)
{
    return uio_move_nofault(u, (void *)(uintptr_t)src, n, INTO_USER);
}

size_t uio_write_nofault(struct uio *u, void *dst, size_t n)
{
    return uio_move_nofault(u, dst, n, OUT_OF_USER);
}

size_t uio_zero_nofault(struct uio *u, size_t n)
{
    return uio_move_nofault(u, NULL, n, ZERO_USER);
}

int uio_prefault(const struct uio *u, size_t n, bool fill)
{
    return u->kernel ? 0 : user_prefault(u->addr, MIN(n, u->left), fill);
}
