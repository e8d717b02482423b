/* Copies between kernel and user memory.
 *
 * A user address is looked up in the page table by software and reached through the direct map, a page at a
 * time. The page-table entry is checked as the hardware would check it: a page that is shared copy-on-write
 * cannot be written to before the fault handler has copied it.
 *
 * The page must not go away between the look and the end of the copy. Where processes share the address
 * space, its pt_lock sees to that. Where it has one reference, that is the running process's, which alone
 * would take pages away, and is busy here; so there is no lock to take. (A reference that /proc takes
 * meanwhile is for looking only.) Faults are handled without the lock.
 *
 * Addresses need one check a page: from USER_TOP on there are no entries. A copy that would wrap meets that,
 * or unmapped memory, first. */
#include "mm/usercopy.h"

#include "abi/errno.h"
#include "lib/string.h"
#include "mm/pagetable.h"
#include "proc/proc.h"

/* What is to happen to the user's bytes; from INTO_USER on they are written to. */
enum op { OUT_OF_USER, STRING_OUT, LOOK_READ, INTO_USER, ZERO_USER, LOOK_WRITE };

/* Most copies are a few bytes: what is on their way is expanded for each operation. */
#define EXPANDED inline __attribute__((always_inline))

/* Whether pt_lock must be held. Acquire: where another process that shared the address space has just left
 * it, the entries are read as that one left them. */
static inline bool is_shared(const struct aspace *as)
{
    return __atomic_load_n(&as->refs, __ATOMIC_ACQUIRE) != 1;
}

/* Copies up to n bytes up to and including a NUL; returns how many. */
static EXPANDED size_t copy_string(char *to, const char *from, size_t n)
{
    char *at = to, *end = to + n;

    while (at < end && (*at++ = *from++) != '\0')
        ;
    return (size_t)(at - to);
}

/* Returns how many of the n bytes are done with. */
static EXPANDED size_t move_bytes(char *user, char *kernel, size_t n, enum op op)
{
    if (op == STRING_OUT)
        return copy_string(kernel, user, n);
    if (op == OUT_OF_USER)
        memcpy(kernel, user, n);
    else if (op == INTO_USER)
        memcpy(user, kernel, n);
    else if (op == ZERO_USER)
        memset(user, 0, n);
    return n;
}

/* Whether there is an entry, and it allows the operation. */
static EXPANDED bool allows(const pte_t *pte, enum op op)
{
    pte_t need = PTE_V | PTE_U | (op >= INTO_USER ? PTE_W : PTE_R);

    return likely(pte) && likely((*pte & need) == need);
}

/* Where the byte at place `in` of the entry's page is in the direct map. */
static EXPANDED char *locate(const pte_t *pte, size_t in)
{
    return (char *)pa_kva(pte_pa(*pte)) + in;
}

static EXPANDED const pte_t *find(const struct aspace *as, uptr_t va)
{
    return likely(va < USER_TOP) ? pagetable_find(as, va) : NULL;
}

/* The usual case, on one page and without a fault or a lock; true if that is what it was. */
static EXPANDED bool move_small(const struct aspace *as, uptr_t va, char *kernel, size_t n, enum op op)
{
    const pte_t *pte;

    if (n > PAGE_SIZE - va % PAGE_SIZE || unlikely(is_shared(as)) ||
        unlikely(!allows(pte = find(as, va), op)))
        return false;
    move_bytes(locate(pte, va % PAGE_SIZE), kernel, n, op);
    return true;
}

/* Of n bytes, those on va's page; returns how many are done with, 0 where it takes a fault first. */
static EXPANDED size_t move_chunk(struct aspace *as, uptr_t va, char *kernel, size_t n, enum op op)
{
    bool shared = is_shared(as);
    const pte_t *pte;

    if (shared)
        spin_lock(&as->pt_lock);
    if (likely(allows(pte = find(as, va), op)))
        n = move_bytes(locate(pte, va % PAGE_SIZE), kernel, MIN(n, PAGE_SIZE - va % PAGE_SIZE), op);
    else
        n = 0;
    if (shared)
        spin_unlock(&as->pt_lock);
    return n;
}

static int fault(struct aspace *as, uptr_t va, enum op op)
{
    if (va >= USER_TOP)
        return -EFAULT;
    int err = aspace_fault(as, va, op >= INTO_USER ? FAULT_WRITE : FAULT_READ);
    return err == -ENXIO ? -EFAULT : err; /* beyond the end of a mapped file */
}

/* What is left of n bytes when *done are done with. When it fails, *done says how many it was by then; may_fault
 * false: when a fault would be needed. */
static int transfer(struct aspace *as, uptr_t va, char *kernel, size_t n, enum op op, bool may_fault,
                    size_t *done)
{
    int err = 0;

    while (*done < n && !err) {
        size_t chunk = move_chunk(as, va + *done, kernel + *done, n - *done, op);
        *done += chunk;
        if (!chunk)
            err = may_fault ? fault(as, va + *done, op) : -EFAULT;
    }
    return err;
}

static EXPANDED int copy(uptr_t va, char *kernel, size_t n, enum op op)
{
    struct aspace *as = current()->aspace;
    size_t done = 0;

    return likely(move_small(as, va, kernel, n, op)) ? 0 : transfer(as, va, kernel, n, op, true, &done);
}

int copyin(void *dst, uptr_t src, size_t n)
{
    return copy(src, dst, n, OUT_OF_USER);
}

int copyout(uptr_t dst, const void *src, size_t n)
{
    return copy(dst, (char *)(uintptr_t)src, n, INTO_USER);
}

int aspace_copyout(struct aspace *as, uptr_t dst, const void *src, size_t n)
{
    size_t done = 0;

    return transfer(as, dst, (char *)(uintptr_t)src, n, INTO_USER, true, &done);
}

ssize_t copyinstr(char *dst, uptr_t src, size_t max)
{
    struct aspace *as = current()->aspace;
    size_t done = 0;

    while (done < max) {
        size_t chunk = move_chunk(as, src + done, dst + done, max - done, STRING_OUT);
        done += chunk;
        if (chunk && dst[done - 1] == '\0')
            return done - 1;
        int err = chunk ? 0 : fault(as, src + done, STRING_OUT);
        if (err)
            return err;
    }
    return -ENAMETOOLONG;
}

int user_prefault(uptr_t addr, size_t n, bool write)
{
    size_t seen = 0;

    return transfer(current()->aspace, addr, NULL, n, write ? LOOK_WRITE : LOOK_READ, true, &seen);
}

/* ---- uio ---- */

/* *n becomes how many were moved. */
static EXPANDED int uio_move(struct uio *u, void *kernel, size_t *n, enum op op, bool may_fault)
{
    struct aspace *as = current()->aspace;
    size_t moved = MIN(*n, u->left);
    int err = 0;

    if (unlikely(u->kernel)) {
        move_bytes((char *)u->addr, kernel, moved, op);
    } else if (!move_small(as, u->addr, kernel, moved, op)) {
        *n = 0;
        err = transfer(as, u->addr, kernel, moved, op, may_fault, n);
        moved = *n;
    }
    u->addr += moved;
    u->left -= moved;
    *n = moved;
    return err;
}

int uio_read(struct uio *u, const void *src, size_t n)
{
    return uio_move(u, (void *)(uintptr_t)src, &n, INTO_USER, true);
}

int uio_write(struct uio *u, void *dst, size_t n)
{
    return uio_move(u, dst, &n, OUT_OF_USER, true);
}

int uio_zero(struct uio *u, size_t n)
{
    return uio_move(u, NULL, &n, ZERO_USER, true);
}

/* The general case of the following. */
__attribute__((noinline)) static size_t move_nofault(struct uio *u, void *kernel, size_t n, enum op op)
{
    uio_move(u, kernel, &n, op, false);
    return n;
}

/* Up to a page, which is what files are made of: it lies on two pages of the user's, as a rule, whose page-table
 * entries are neighbours, save at the end of a table. */
static EXPANDED size_t move_page(struct uio *u, char *kernel, size_t n, enum op op)
{
    const struct aspace *as = current()->aspace;
    size_t in = u->addr % PAGE_SIZE, part = PAGE_SIZE - in;

    n = MIN(n, u->left);
    if (unlikely(u->kernel) || unlikely(is_shared(as)) || unlikely(n > PAGE_SIZE))
        return move_nofault(u, kernel, n, op);
    const pte_t *pte = find(as, u->addr);
    if (unlikely(!allows(pte, op)))
        return 0;
    const pte_t *next = likely((uintptr_t)(pte + 1) % PAGE_SIZE) ? pte + 1 : find(as, u->addr + part);
    if (part >= n || unlikely(!allows(next, op)))
        n = part = MIN(part, n);
    u->addr += n;
    u->left -= n;
    move_bytes(locate(pte, in), kernel, part, op);
    if (part < n)
        move_bytes(locate(next, 0), kernel + part, n - part, op);
    return n;
}

size_t uio_read_nofault(struct uio *u, const void *src, size_t n)
{
    return move_page(u, (char *)(uintptr_t)src, n, INTO_USER);
}

size_t uio_write_nofault(struct uio *u, void *dst, size_t n)
{
    return move_page(u, dst, n, OUT_OF_USER);
}

int uio_prefault(const struct uio *u, size_t n, bool fill)
{
    return u->kernel ? 0 : user_prefault(u->addr, MIN(n, u->left), fill);
}
