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
static size_t copy_string(char *to, const char *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((to[i] = from[i]) == '\0')
            return i + 1;
    return n;
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

/* Where the byte of page-table entry *pte at place `in` of its page is in the direct map; NULL where it may not
 * be used so. */
static EXPANDED char *locate(const pte_t *pte, size_t in, enum op op)
{
    pte_t need = PTE_V | PTE_U | (op >= INTO_USER ? PTE_W : PTE_R);

    return likely(pte) && likely((*pte & need) == need) ? (char *)pa_kva(pte_pa(*pte)) + in : NULL;
}

static EXPANDED const pte_t *find(const struct aspace *as, uptr_t va)
{
    return likely(va < USER_TOP) ? pagetable_find(as, va) : NULL;
}

/* n bytes, which lie on one page; returns how many are done with, 0 where it takes a fault first. */
static EXPANDED size_t move_on_page(const struct aspace *as, uptr_t va, char *kernel, size_t n, enum op op)
{
    char *user = locate(find(as, va), va % PAGE_SIZE, op);

    return likely(user) ? move_bytes(user, kernel, n, op) : 0;
}

/* Of n bytes, those before the first page that takes a fault. Entries of neighbouring pages are neighbours, save
 * at the end of a table. */
static EXPANDED size_t move_pages_by(const struct aspace *as, uptr_t va, char *kernel, size_t n, enum op op)
{
    const pte_t *pte = find(as, va);
    size_t in = va % PAGE_SIZE, done = 0;
    char *user;

    while (done < n && (user = locate(pte, in, op))) {
        done += move_bytes(user, kernel + done, MIN(n - done, PAGE_SIZE - in), op);
        in = 0;
        pte++;
        if (unlikely((uintptr_t)pte % PAGE_SIZE == 0))
            pte = find(as, va + done);
    }
    return done;
}

/* Expanded only for reading and writing: of what the loop does for a page, that takes off a quarter. A function of
 * its own, so that it does not slow down small copies. */
static __attribute__((noinline)) size_t move_pages(const struct aspace *as, uptr_t va, char *kernel, size_t n,
                                                   enum op op)
{
    return op == INTO_USER     ? move_pages_by(as, va, kernel, n, INTO_USER)
           : op == OUT_OF_USER ? move_pages_by(as, va, kernel, n, OUT_OF_USER)
                               : move_pages_by(as, va, kernel, n, op);
}

/* The usual case, without a fault or a lock; returns how many of the n bytes are done with. */
static EXPANDED size_t move_private(const struct aspace *as, uptr_t va, char *kernel, size_t n, enum op op)
{
    if (unlikely(is_shared(as)))
        return 0;
    return n <= PAGE_SIZE - va % PAGE_SIZE ? move_on_page(as, va, kernel, n, op)
                                           : move_pages(as, va, kernel, n, op);
}

/* In any case, those on va's page. */
static EXPANDED size_t move_chunk(struct aspace *as, uptr_t va, char *kernel, size_t n, enum op op)
{
    bool shared = is_shared(as);

    n = MIN(n, PAGE_SIZE - va % PAGE_SIZE);
    if (shared)
        spin_lock(&as->pt_lock);
    n = move_on_page(as, va, kernel, n, op);
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
    size_t done = move_private(as, va, kernel, n, op);

    return likely(done == n) ? 0 : transfer(as, va, kernel, n, op, true, &done);
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
    size_t wanted = MIN(*n, u->left), moved;
    int err = 0;

    if (unlikely(u->kernel)) {
        moved = move_bytes((char *)u->addr, kernel, wanted, op);
    } else {
        /* Without faults, it is the pages of files that are copied, which seldom lie on one page of the user's. */
        moved = may_fault       ? move_private(as, u->addr, kernel, wanted, op)
                : is_shared(as) ? 0
                                : move_pages_by(as, u->addr, kernel, wanted, op);
        if (unlikely(moved < wanted))
            err = transfer(as, u->addr, kernel, wanted, op, may_fault, &moved);
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

size_t uio_read_nofault(struct uio *u, const void *src, size_t n)
{
    uio_move(u, (void *)(uintptr_t)src, &n, INTO_USER, false);
    return n;
}

size_t uio_write_nofault(struct uio *u, void *dst, size_t n)
{
    uio_move(u, dst, &n, OUT_OF_USER, false);
    return n;
}

int uio_prefault(const struct uio *u, size_t n, bool fill)
{
    return u->kernel ? 0 : user_prefault(u->addr, MIN(n, u->left), fill);
}
