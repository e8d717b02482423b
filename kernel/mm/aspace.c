/* Address spaces: which regions there are, and what a page fault does about it.
 *
 * A region is a range of whole pages with one set of rights and one source of content: a file, or zeros.
 * Regions are a singly linked list in order of address; they do not overlap. A list, since there are few:
 * anonymous neighbours with the same rights are joined, so a program that maps many blocks has one region all
 * the same. last_hit is where the last search ended, and the next one begins there if it can.
 *
 *   regions:  text -> data, bss -> heap -> ... mmap ... -> stack
 *                 |
 *                 +- start, end, prot, inode, offset, file_len
 *
 * Pages come on first touch only. What the page table holds for an address of a region:
 *
 *   nothing             untouched
 *   page, fewer rights  shared copy-on-write (after fork, or a file's page read so far), or rights just given
 *   page, all rights    the region's own, or MAP_SHARED
 *
 * The fault handler moves an address down this list. The count of references of a page says whether it is
 * shared: with one, nobody else can come to have it while as->lock is held. Shared anonymous memory needs no
 * object of its own: fork fills it first, so that parent and child both have every page for good.
 *
 * W^X: no region can be written and executed at once. Giving rights needs no flush: a hart with an old
 * translation faults once more, finds the rights given and flushes that page for itself. Taking away is
 * pagetable.c's business.
 *
 * as->lock protects regions, brk and counters, and is held while a file's page is read. inode_put may take
 * locks and start transactions, so regions that go are collected and freed when as->lock has been released.
 */
#include "mm/aspace.h"

#include "abi/errno.h"
#include "abi/mman.h"
#include "fs/inode.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/pagetable.h"
#include "mm/slab.h"
#include "proc/cpu.h"

#define STACK_LIMIT (USER_STACK_TOP - USER_STACK_MAX) /* the stack grows down to here */
#define MAP_TOP     (STACK_LIMIT - USER_STACK_GAP)    /* mmap and the heap end below */

struct region {
    struct region *next;
    vaddr_t start, end;
    uint8_t prot;
    bool shared;         /* MAP_SHARED */
    bool grows;          /* downwards, on a fault below it: the stack */
    struct inode *inode; /* referenced; NULL: zeros */
    uint64_t offset;     /* in the file, of start */
    uint64_t file_len;   /* bytes from start that come from the file; zeros behind */
};

static struct slab_cache aspace_slab = SLAB_INIT(aspace_slab, "aspace", struct aspace);
static struct slab_cache region_slab = SLAB_INIT(region_slab, "region", struct region);

/* ---- the list of regions ---- */

/* Where a region at addr hangs, or would: the link to the first region that ends above addr. */
static struct region **slot(struct aspace *as, vaddr_t addr)
{
    struct region **link = &as->regions;

    if (as->last_hit && as->last_hit->end <= addr)
        link = &as->last_hit->next;
    while (*link && (*link)->end <= addr)
        link = &(*link)->next;
    return link;
}

static struct region *find(struct aspace *as, vaddr_t addr)
{
    struct region *r = as->last_hit;

    if (likely(r && r->start <= addr && addr < r->end))
        return r;
    r = *slot(as, addr);
    if (!r || addr < r->start)
        return NULL;
    as->last_hit = r;
    return r;
}

static struct region *region_new(const struct region *from)
{
    struct region *r = slab_alloc(&region_slab);

    if (!r)
        return NULL;
    *r = *from;
    if (r->inode)
        inode_get(r->inode);
    return r;
}

/* No lock is held. */
static void free_regions(struct region *r)
{
    while (r) {
        struct region *next = r->next;
        inode_put(r->inode);
        slab_free(&region_slab, r);
        r = next;
    }
}

/* Only anonymous regions are joined. */
static bool fit(const struct region *a, const struct region *b)
{
    return a->end == b->start && a->prot == b->prot && a->shared == b->shared && a->grows == b->grows &&
           !a->inode && !b->inode;
}

static bool join_next(struct aspace *as, struct region *r)
{
    struct region *next = r->next;

    if (!next || !fit(r, next))
        return false;
    r->end = next->end;
    r->next = next->next;
    if (as->last_hit == next)
        as->last_hit = r;
    slab_free(&region_slab, next);
    return true;
}

static void move_start(struct region *r, vaddr_t start)
{
    uint64_t delta = start - r->start;

    r->start = start;
    r->offset += delta;
    r->file_len = r->file_len > delta ? r->file_len - delta : 0;
}

/* Divides r at addr, strictly inside it. */
static bool split(struct region *r, vaddr_t addr)
{
    struct region *upper = region_new(r);

    if (!upper)
        return false;
    move_start(upper, addr);
    r->end = addr;
    r->next = upper;
    return true;
}

static int insert(struct aspace *as, const struct region *new)
{
    struct region **link = slot(as, new->start), *r;
    struct region *prev = link == &as->regions ? NULL : container_of(link, struct region, next);

    if (*link && (*link)->start < new->end)
        return -EEXIST;
    if (prev && fit(prev, new)) {
        prev->end = new->end;
        join_next(as, prev);
        return 0;
    }
    if (*link && fit(new, *link)) {
        (*link)->start = new->start;
        return 0;
    }
    if (!(r = region_new(new)))
        return -ENOMEM;
    r->next = *link;
    *link = r;
    return 0;
}

/* Takes [start, end) out of all regions; those that vanish are pushed on *gone. Fails without having changed
 * anything, and only where a region has to be divided. */
static int cut(struct aspace *as, vaddr_t start, vaddr_t end, struct region **gone)
{
    struct region **link = slot(as, start), *r = *link;

    if (r && r->start < start && r->end > end && !split(r, end))
        return -ENOMEM;
    while ((r = *link) && r->start < end) {
        pagetable_unmap(as, MAX(r->start, start), MIN(r->end, end));
        if (r->start < start) {
            r->end = start;
            link = &r->next;
        } else if (r->end > end) {
            move_start(r, end);
        } else {
            *link = r->next;
            if (as->last_hit == r)
                as->last_hit = NULL;
            r->next = *gone;
            *gone = r;
        }
    }
    return 0;
}

/* ---- life and death ---- */

struct aspace *aspace_create(void)
{
    struct aspace *as = slab_alloc(&aspace_slab);
    struct page *root = page_alloc(PAGE_ZERO);

    if (!as || !root) {
        slab_free(&aspace_slab, as);
        if (root)
            page_put(root);
        return NULL;
    }
    as->refs = 1;
    as->root = page_kva(root);
    as->satp = SATP_SV39 | page_pa(root) >> PAGE_SHIFT;
    as->tables = 1;
    root->table_used = 0;
    kvm_copy_root(as->root);
    mutex_init(&as->lock, "aspace");
    spin_init(&as->pt_lock, "page table", RANK_ASPACE);
    return as;
}

void aspace_get(struct aspace *as)
{
    __atomic_fetch_add(&as->refs, 1, __ATOMIC_RELAXED);
}

void aspace_put(struct aspace *as)
{
    if (__atomic_fetch_sub(&as->refs, 1, __ATOMIC_ACQ_REL) > 1)
        return;
    assert(as->harts == 0);
    for (struct region *r = as->regions; r; r = r->next)
        pagetable_unmap(as, r->start, r->end);
    assert(as->resident == 0 && as->tables == 1);
    free_regions(as->regions);
    page_put(kva_page(as->root));
    slab_free(&aspace_slab, as);
}

void aspace_switch(struct aspace *as)
{
    struct cpu *c = mycpu();
    struct aspace *old = c->aspace;
    uint64_t bit = 1ul << c->index;

    if (as == old)
        return;
    if (as)
        __atomic_fetch_or(&as->harts, bit,
                          __ATOMIC_SEQ_CST); /* before the first translation: see pagetable.c */
    csr_write(satp, as ? as->satp : kvm_satp);
    tlb_flush_user(); /* all address spaces have the number 0, and a write to satp flushes nothing (4.2.1) */
    c->aspace = as;
    if (old)
        __atomic_fetch_and(&old->harts, ~bit, __ATOMIC_SEQ_CST); /* after the last translation */
}

/* ---- faults ---- */

/* A page with the content of va, page-aligned, in r. own: nobody else has it, and it may be written to. */
static int fetch(const struct region *r, vaddr_t va, bool write, struct page **result, bool *own)
{
    uint64_t at = va - r->start;
    struct page *page, *cached;

    *own = true;
    if (!r->inode || at >= r->file_len) {
        *result = page_alloc(PAGE_ZERO);
        return *result ? 0 : -ENOMEM;
    }
    int err = inode_page(r->inode, (r->offset + at) >> PAGE_SHIFT, &cached);
    if (err)
        return err;
    size_t bytes = MIN(r->file_len - at, PAGE_SIZE);
    if (r->shared || (!write && bytes == PAGE_SIZE)) {
        *own = false;
        *result = cached;
        return 0;
    }
    page = page_alloc(0);
    if (page) {
        memcpy(page_kva(page), page_kva(cached), bytes);
        memset((char *)page_kva(page) + bytes, 0, PAGE_SIZE - bytes);
    }
    page_put(cached);
    *result = page;
    return page ? 0 : -ENOMEM;
}

/* The page is not there: pte is where it belongs, NULL where the table is missing. */
static int fill(struct aspace *as, const struct region *r, vaddr_t va, pte_t *pte, bool write)
{
    pte_t rights = pagetable_rights(r->prot);
    struct page *page;
    bool own;

    if (!pte && !(pte = walk(as, va)))
        return -ENOMEM;
    int err = fetch(r, va, write, &page, &own);
    if (err)
        return err;
    if (!own)
        rights &= ~PTE_W;
    if (rights & PTE_X)
        pagetable_sync_code(as);
    pagetable_enter(as, pte, page, rights | (r->shared ? PTE_SHARED : 0));
    return 0;
}

/* The page is there: give the rights that are missing, after copying it if others have it, too. */
static int upgrade(struct aspace *as, const struct region *r, vaddr_t va, pte_t *pte, bool write)
{
    pte_t old = *pte, rights = pagetable_rights(r->prot);

    if (!write)
        rights &= ~PTE_W;
    if (rights & ~old & PTE_X)
        pagetable_sync_code(as);
    if (write && !(old & PTE_SHARED) && page_refs(pte_page(old)) > 1) {
        struct page *copy = page_alloc(0);
        if (!copy)
            return -ENOMEM;
        memcpy(page_kva(copy), pa_kva(pte_pa(old)), PAGE_SIZE);
        pagetable_replace(as, va, pte, copy, rights);
        return 0;
    }
    if (rights & ~old)
        __atomic_store_n(pte, old | rights, __ATOMIC_RELEASE);
    tlb_flush_page(va);
    return 0;
}

/* Nothing is mapped at va: the stack reaches down to it if it may. */
static struct region *grow_stack(struct aspace *as, vaddr_t va)
{
    struct region **link = slot(as, va), *r = *link;
    vaddr_t below = link == &as->regions ? 0 : container_of(link, struct region, next)->end;

    if (!r || !r->grows || va < STACK_LIMIT || va - below < USER_STACK_GAP)
        return NULL;
    r->start = va;
    return r;
}

static inline bool allowed(const struct region *r, enum fault_access access)
{
    if (access == FAULT_WRITE)
        return r->prot & PROT_WRITE;
    return access == FAULT_EXEC ? r->prot & PROT_EXEC : r->prot != PROT_NONE;
}

int aspace_fault(struct aspace *as, vaddr_t addr, enum fault_access access)
{
    vaddr_t va = PAGE_ROUND_DOWN(addr);
    bool write = access == FAULT_WRITE;
    int err = -EFAULT;

    mutex_lock(&as->lock);
    struct region *r = find(as, va);
    if (!r)
        r = grow_stack(as, va);
    if (r && allowed(r, access)) {
        pte_t *pte = pagetable_find(as, va);
        err = pte && *pte ? upgrade(as, r, va, pte, write) : fill(as, r, va, pte, write);
    }
    mutex_unlock(&as->lock);
    return err;
}

/* ---- fork ---- */

/* Shared anonymous memory: every page of it comes to be, before it is shared. */
static int populate(struct aspace *as, const struct region *r)
{
    for (vaddr_t va = r->start; va < r->end; va += PAGE_SIZE) {
        pte_t *pte = pagetable_find(as, va);
        int err = pte && *pte ? 0 : fill(as, r, va, pte, false);
        if (err)
            return err;
    }
    return 0;
}

static bool copy_region(struct aspace *child, struct aspace *as, const struct region *r, struct region **link)
{
    if (r->shared && !r->inode && populate(as, r))
        return false;
    struct region *copy = region_new(r);
    if (!copy)
        return false;
    copy->next = NULL;
    *link = copy; /* first of all, so that aspace_put finds what has been copied */
    return pagetable_copy(child, as, r->start, r->end);
}

struct aspace *aspace_fork(struct aspace *as)
{
    struct aspace *child = aspace_create();
    bool ok = child;

    if (!ok)
        return NULL;
    mutex_lock(&as->lock);
    struct region **link = &child->regions;
    for (struct region *r = as->regions; r && ok; r = r->next) {
        ok = copy_region(child, as, r, link);
        if (ok)
            link = &(*link)->next;
    }
    child->brk_start = as->brk_start;
    child->brk = as->brk;
    pagetable_flush(as); /* what was writable is copy-on-write now */
    mutex_unlock(&as->lock);
    if (!ok) {
        aspace_put(child);
        child = NULL;
    }
    return child;
}

/* ---- mapping ---- */

static bool is_user_range(vaddr_t addr, size_t len)
{
    return addr >= USER_MIN && addr < USER_TOP && len <= USER_TOP - addr;
}

int aspace_map(struct aspace *as, vaddr_t addr, size_t len, int prot, int flags, struct inode *inode,
               uint64_t offset, uint64_t file_len)
{
    const struct region new = {.start = addr,
                               .end = addr + len,
                               .prot = prot,
                               .shared = (flags & MAP_TYPE) != MAP_PRIVATE,
                               .grows = flags & MAP_GROWSDOWN,
                               .inode = inode,
                               .offset = offset,
                               .file_len = MIN(file_len, len)};
    struct region *gone = NULL;

    if (len == 0 || (addr | len | offset) % PAGE_SIZE || (new.shared &&inode &&prot &PROT_WRITE))
        return -EINVAL;
    if (prot & PROT_WRITE && prot & PROT_EXEC)
        return -EACCES;
    if (!is_user_range(addr, len))
        return -ENOMEM;
    mutex_lock(&as->lock);
    int err = flags & MAP_FIXED ? cut(as, new.start, new.end, &gone) : 0;
    if (!err)
        err = insert(as, &new);
    mutex_unlock(&as->lock);
    free_regions(gone);
    return err;
}

int aspace_map_stack(struct aspace *as)
{
    return aspace_map(as, USER_STACK_TOP - PAGE_SIZE, PAGE_SIZE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_GROWSDOWN, NULL, 0, 0);
}

int aspace_unmap(struct aspace *as, vaddr_t addr, size_t len)
{
    struct region *gone = NULL;

    if (addr % PAGE_SIZE || len == 0 || !is_user_range(addr, len))
        return -EINVAL;
    mutex_lock(&as->lock);
    int err = cut(as, addr, PAGE_ROUND_UP(addr + len), &gone);
    mutex_unlock(&as->lock);
    free_regions(gone);
    return err;
}

/* Whether every page of the range belongs to a region, and may have these rights. */
static int check_protect(struct aspace *as, vaddr_t start, vaddr_t end, int prot)
{
    for (const struct region *r = *slot(as, start); start < end; start = r->end, r = r->next) {
        if (!r || r->start > start)
            return -ENOMEM;
        if (r->shared && r->inode && prot & PROT_WRITE)
            return -EACCES;
    }
    return 0;
}

static int protect(struct aspace *as, vaddr_t start, vaddr_t end, int prot)
{
    int err = check_protect(as, start, end, prot);
    if (err)
        return err;
    struct region *r = *slot(as, start);
    if (r->start < start) {
        if (!split(r, start))
            return -ENOMEM;
        r = r->next;
    }
    struct region *last = *slot(as, end - 1);
    if (last->end > end && !split(last, end))
        return -ENOMEM;
    for (; r && r->start < end; r = r->next)
        r->prot = prot;
    pagetable_protect(as, start, end, prot);
    for (r = *slot(as, start - 1); r && r->start <= end;)
        if (!join_next(as, r))
            r = r->next;
    return 0;
}

int aspace_protect(struct aspace *as, vaddr_t addr, size_t len, int prot)
{
    if (addr % PAGE_SIZE)
        return -EINVAL;
    if (prot & PROT_WRITE && prot & PROT_EXEC)
        return -EACCES;
    if (len == 0)
        return 0;
    if (!is_user_range(addr, len))
        return -ENOMEM;
    mutex_lock(&as->lock);
    int err = protect(as, addr, PAGE_ROUND_UP(addr + len), prot);
    mutex_unlock(&as->lock);
    return err;
}

vaddr_t aspace_find(struct aspace *as, size_t len)
{
    vaddr_t free = USER_MIN, best = 0;

    mutex_lock(&as->lock);
    for (const struct region *r = as->regions;; r = r->next) {
        vaddr_t end = r ? MIN(r->start, MAP_TOP) : MAP_TOP;
        if (end > free && end - free >= len)
            best = end - len;
        if (!r || r->end >= MAP_TOP)
            break;
        free = r->end;
    }
    mutex_unlock(&as->lock);
    return best;
}

int64_t aspace_brk(struct aspace *as, vaddr_t new_brk)
{
    struct region heap = {.prot = PROT_READ | PROT_WRITE}, *gone = NULL;

    mutex_lock(&as->lock);
    vaddr_t start = as->brk_start, old_top = PAGE_ROUND_UP(as->brk), new_top = PAGE_ROUND_UP(new_brk);
    /* Memory may be promised to several that is there once, but not what could never be there. */
    if (new_brk >= start && new_brk <= MAP_TOP && new_brk - start <= page_total() * PAGE_SIZE) {
        int err = 0;
        heap.start = old_top;
        heap.end = new_top;
        if (new_top > old_top)
            err = insert(as, &heap);
        else if (new_top < old_top)
            err = cut(as, new_top, old_top, &gone);
        if (!err)
            as->brk = new_brk;
    }
    int64_t result = as->brk;
    mutex_unlock(&as->lock);
    free_regions(gone);
    return result;
}

size_t aspace_mapped(struct aspace *as)
{
    size_t bytes = 0;

    mutex_lock(&as->lock);
    for (const struct region *r = as->regions; r; r = r->next)
        bytes += r->end - r->start;
    mutex_unlock(&as->lock);
    return bytes / PAGE_SIZE;
}
