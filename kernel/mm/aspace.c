/* Address spaces: which regions there are, and what a page fault does about it.
 *
 * A region is a range of whole pages with one set of rights and one source of content: a file, or zeros.
 * They are a singly linked list in order of address, without overlaps. A list, since there are few: anonymous
 * neighbours with the same rights are joined. last_hit is where the last search ended, and the next one
 * begins there if it can.
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
 * W^X: no region can be written and executed at once, and none that shares zeros can be executed at all: what one
 * process executed, another could write. Giving rights needs no flush: a hart with an old
 * translation faults once more, finds the rights given and flushes for itself. Taking away is pagetable.c's
 * business.
 *
 * as->lock protects regions, brk and counters, and is held while a file's page is read. inode_put may take
 * locks and start transactions, so regions that go are collected and freed when as->lock has been released.
 */
#include "mm/aspace.h"

#include "abi/errno.h"
#include "abi/mman.h"
#include "debug/check.h"
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

/* Joins the anonymous regions alike that meet in [start, end]. */
static void join(struct aspace *as, vaddr_t start, vaddr_t end)
{
    struct region *r = *slot(as, start - 1), *next;

    while (r && (next = r->next) && next->start <= end) {
        if (r->end != next->start || r->prot != next->prot || r->shared != next->shared ||
            r->grows != next->grows || r->inode || next->inode) {
            r = next;
            continue;
        }
        r->end = next->end;
        r->next = next->next;
        if (as->last_hit == next)
            as->last_hit = r;
        slab_free(&region_slab, next);
    }
}

static void move_start(struct region *r, vaddr_t start)
{
    uint64_t delta = start - r->start;

    r->start = start;
    r->offset += delta;
    r->file_len = r->file_len > delta ? r->file_len - delta : 0;
}

/* Divides the region that addr is strictly inside of, if there is one. False without memory. */
static bool split(struct aspace *as, vaddr_t addr)
{
    struct region *r = *slot(as, addr), *upper;

    if (!r || r->start >= addr)
        return true;
    if (!(upper = region_new(r)))
        return false;
    move_start(upper, addr);
    r->end = addr;
    r->next = upper;
    return true;
}

/* r becomes the list's, and may be gone afterwards. */
static int insert(struct aspace *as, struct region *r)
{
    struct region **link = slot(as, r->start);
    vaddr_t start = r->start, end = r->end;

    if (*link && (*link)->start < end)
        return -EEXIST;
    r->next = *link;
    *link = r;
    join(as, start, end);
    return 0;
}

/* Takes [start, end) out of all regions; those that vanish are pushed on *gone. Fails without having changed
 * anything, and only where a region has to be divided: else it works without memory. */
static int cut(struct aspace *as, vaddr_t start, vaddr_t end, struct region **gone)
{
    struct region **link = slot(as, start), *r = *link;

    if (r && r->start < start && r->end > end && !split(as, end))
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
    struct page *root = as ? page_alloc(PAGE_ZERO) : NULL;

    if (!root) {
        slab_free(&aspace_slab, as);
        return NULL;
    }
    as->refs = 1;
    as->root = page_kva(root);
    as->satp = SATP_SV39 | page_pa(root) >> PAGE_SHIFT;
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
    struct page *root = kva_page(as->root);

    if (__atomic_fetch_sub(&as->refs, 1, __ATOMIC_ACQ_REL) > 1)
        return;
    assert(as->harts == 0);
    for (struct region *r = as->regions; r; r = r->next)
        pagetable_unmap(as, r->start, r->end);
    assert(as->resident == 0 && root->table_used == 0);
    free_regions(as->regions);
    page_put(root);
    slab_free(&aspace_slab, as);
}

void aspace_switch(struct aspace *as)
{
    struct cpu *c = mycpu();
    struct aspace *old = c->aspace;
    uint64_t bit = 1ul << c->index;

    if (as == old)
        return;
    if (as) /* before the first translation: see pagetable.c */
        __atomic_fetch_or(&as->harts, bit, __ATOMIC_SEQ_CST);
    csr_write(satp, as ? as->satp : kvm_satp);
    tlb_flush_user(); /* all address spaces have the number 0, and a write to satp flushes nothing (4.2.1) */
    c->aspace = as;
    if (old) /* after the last translation */
        __atomic_fetch_and(&old->harts, ~bit, __ATOMIC_SEQ_CST);
}

/* ---- faults ---- */

/* Of a region with a file: the page for the bytes from `at`, less than file_len. *rights are reduced to what
 * the program may do with it. */
static int file_page(const struct region *r, uint64_t at, bool write, struct page **result, pte_t *rights)
{
    struct page *cached;
    int err = inode_page(r->inode, (r->offset + at) >> PAGE_SHIFT, &cached);
    size_t bytes = MIN(r->file_len - at, PAGE_SIZE);

    if (err)
        return err;
    if (r->shared || (!write && bytes == PAGE_SIZE)) {
        *rights &= ~PTE_W;
        *result = cached;
        return 0;
    }
    *result = page_alloc(0);
    if (*result) {
        memcpy(page_kva(*result), page_kva(cached), bytes);
        memset((char *)page_kva(*result) + bytes, 0, PAGE_SIZE - bytes);
    }
    page_put(cached);
    return *result ? 0 : -ENOMEM;
}

/* The page is not there: pte is where it belongs, NULL where the table is missing. */
static int fill(struct aspace *as, const struct region *r, vaddr_t va, pte_t *pte, bool write)
{
    pte_t rights = pagetable_rights(r->prot) | (r->shared ? PTE_SHARED : 0);
    struct page *page;
    int err;

    if (!pte && !(pte = pagetable_walk(as, va)))
        return -ENOMEM;
    if (!r->inode || va - r->start >= r->file_len)
        err = (page = page_alloc(PAGE_ZERO)) ? 0 : -ENOMEM;
    else
        err = file_page(r, va - r->start, write, &page, &rights);
    if (err)
        return err;
    if (rights & PTE_X)
        pagetable_sync_code(as);
    pagetable_enter(as, pte, page, rights);
    return 0;
}

/* The page is there: give the rights that are missing, after copying it if others have it, too. */
static int upgrade(struct aspace *as, const struct region *r, vaddr_t va, pte_t *pte, bool write)
{
    pte_t old = *pte, rights = pagetable_rights(r->prot);

    if (write && !(old & PTE_SHARED) && page_refs(pte_page(old)) > 1) {
        struct page *copy = page_alloc(0);
        if (!copy)
            return -ENOMEM;
        memcpy(page_kva(copy), pa_kva(pte_pa(old)), PAGE_SIZE);
        pagetable_replace(as, va, pte, copy, rights); /* W, so not X */
        return 0;
    }
    if (!write)
        rights &= ~PTE_W;
    if (rights & ~old & PTE_X)
        pagetable_sync_code(as);
    if (rights & ~old) {
        __atomic_store_n(pte, old | rights, __ATOMIC_RELEASE);
        tlb_flush_page(va);
    } else {
        tlb_flush_user(); /* what is old here may be an entry that leads to a table */
    }
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

int aspace_fault(struct aspace *as, vaddr_t addr, enum fault_access access)
{
    static const uint8_t wanted[] = {[FAULT_READ] = PROT_READ | PROT_WRITE | PROT_EXEC,
                                     [FAULT_WRITE] = PROT_WRITE,
                                     [FAULT_EXEC] = PROT_EXEC}; /* one of these */
    vaddr_t va = PAGE_ROUND_DOWN(addr);
    bool write = access == FAULT_WRITE;
    int err = -EFAULT;

    mutex_lock(&as->lock);
    struct region *r = find(as, va);
    if (!r)
        r = grow_stack(as, va);
    if (r && r->prot & wanted[access]) {
        pte_t *pte = pagetable_find(as, va);
        err = pte && *pte ? upgrade(as, r, va, pte, write) : fill(as, r, va, pte, write);
    }
    mutex_unlock(&as->lock);
    return err;
}

/* ---- fork ---- */

static bool copy_region(struct aspace *child, struct aspace *as, const struct region *r, struct region **link)
{
    /* Of shared anonymous memory every page has to be there before it is shared. */
    for (vaddr_t va = r->start; r->shared && !r->inode && va < r->end; va += PAGE_SIZE) {
        pte_t *pte = pagetable_find(as, va);
        if ((!pte || !*pte) && fill(as, r, va, pte, false))
            return false;
    }
    if (!(*link = region_new(r))) /* before the pages, so that aspace_put finds what has been copied */
        return false;
    (*link)->next = NULL;
    return pagetable_copy(child, as, r->start, r->end);
}

struct aspace *aspace_fork(struct aspace *as)
{
    struct aspace *child = aspace_create();
    bool ok = true;

    if (!child)
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
    if (ok)
        return child;
    aspace_put(child);
    return NULL;
}

/* ---- mapping ---- */

static bool is_user_range(vaddr_t addr, size_t len)
{
    return addr >= USER_MIN && addr < USER_TOP && len <= USER_TOP - addr;
}

int aspace_map(struct aspace *as, vaddr_t addr, size_t len, int prot, int flags, struct inode *inode,
               uint64_t offset, uint64_t file_len)
{
    bool shared = (flags & MAP_TYPE) != MAP_PRIVATE;

    if (len == 0 || (addr | len | offset) % PAGE_SIZE || (shared && inode && prot & PROT_WRITE))
        return -EINVAL;
    if (prot & PROT_EXEC && (prot & PROT_WRITE || (shared && !inode)))
        return -EACCES;
    if (!is_user_range(addr, len))
        return -ENOMEM;
    const struct region new = {.start = addr,
                               .end = addr + len,
                               .prot = prot,
                               .shared = shared,
                               .grows = flags & MAP_GROWSDOWN,
                               .inode = inode,
                               .offset = offset,
                               .file_len = MIN(file_len, len)};
    struct region *r = region_new(&new), *gone = NULL; /* before anything is cut away */
    if (!r)
        return -ENOMEM;
    mutex_lock(&as->lock);
    int err = flags & MAP_FIXED ? cut(as, new.start, new.end, &gone) : 0;
    if (!err)
        err = insert(as, r);
    mutex_unlock(&as->lock);
    free_regions(gone);
    if (err)
        free_regions(r);
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

static int protect(struct aspace *as, vaddr_t start, vaddr_t end, int prot)
{
    vaddr_t at = start;

    /* Every page of the range must belong to a region, and be allowed to have these rights. */
    for (const struct region *r = *slot(as, at); at < end; at = r->end, r = r->next) {
        if (!r || r->start > at)
            return -ENOMEM;
        if (r->shared && prot & (r->inode ? PROT_WRITE : PROT_EXEC))
            return -EACCES;
    }
    if (!split(as, start) || !split(as, end))
        return -ENOMEM;
    for (struct region *r = *slot(as, start); r && r->start < end; r = r->next)
        r->prot = prot;
    pagetable_protect(as, start, end, prot);
    join(as, start, end);
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
    struct region *gone = NULL, *more = NULL;
    int err = 0;

    mutex_lock(&as->lock);
    const struct region heap = {
        .start = PAGE_ROUND_UP(as->brk), .end = PAGE_ROUND_UP(new_brk), .prot = PROT_READ | PROT_WRITE};
    /* Memory may be promised to several that is there once, but not what could never be there. */
    if (new_brk < as->brk_start || new_brk > MAP_TOP || new_brk - as->brk_start > page_total() * PAGE_SIZE)
        err = -ENOMEM;
    else if (heap.end < heap.start)
        err = cut(as, heap.end, heap.start, &gone);
    else if (heap.end > heap.start && (!(more = region_new(&heap)) || (err = insert(as, more))))
        err = -ENOMEM;
    if (!err)
        as->brk = new_brk;
    else
        slab_free(&region_slab, more);
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

/* ---- debug builds ---- */

#ifdef LODE_DEBUG
static void check_regions(const struct aspace *as)
{
    const struct region *hit = NULL;
    vaddr_t end = USER_MIN;

    for (const struct region *r = as->regions; r; end = r->end, r = r->next) {
        CHECK(end <= r->start && r->start < r->end && r->end <= USER_TOP &&
                  !((r->start | r->end) % PAGE_SIZE),
              "region 0x%lx-0x%lx: out of order, or overlaps the one before", r->start, r->end);
        CHECK(!(r->prot & PROT_WRITE && r->prot & PROT_EXEC), "region 0x%lx: can be written and executed",
              r->start);
        CHECK(!r->inode || r->inode->refs > 0, "region 0x%lx: no reference to its file", r->start);
        hit = r == as->last_hit ? r : hit;
    }
    CHECK(as->last_hit == hit, "address space 0x%lx: last_hit is none of its regions", (uintptr_t)as);
    CHECK(as->brk_start <= as->brk, "address space 0x%lx: the break is before the heap", (uintptr_t)as);
}

static void check_entry(struct aspace *as, vaddr_t va, pte_t e)
{
    struct region *hit = as->last_hit, *r = find(as, va);

    as->last_hit = hit;
    if (!CHECK(r, "page at 0x%lx: belongs to no region", va))
        return;
    pte_t more = e & PTE_RIGHTS & ~pagetable_rights(r->prot);
    CHECK(!more, "page at 0x%lx: has rights 0x%lx that its region has not", va, more);
    CHECK((e & (PTE_W | PTE_X)) != (PTE_W | PTE_X), "page at 0x%lx: can be written and executed", va);
    CHECK(!(e & PTE_SHARED) == !r->shared, "page at 0x%lx: shared or not, unlike its region", va);
    CHECK((e & (PTE_U | PTE_A | PTE_D)) == (PTE_U | PTE_A | PTE_D), "page at 0x%lx: its entry is 0x%lx", va,
          e);
    CHECK(!(e & PTE_W) || e & PTE_SHARED || page_refs(pte_page(e)) == 1,
          "page at 0x%lx: can be written, but has %u references", va, page_refs(pte_page(e)));
}

/* Counts entries of the table; the pages below it in *pages. */
static void check_table(struct aspace *as, pte_t *table, unsigned level, vaddr_t base, size_t *pages)
{
    unsigned used = 0;

    for (unsigned i = 0; i < (level == 2 ? 256 : 512); i++) {
        vaddr_t va = base | (vaddr_t)i << (PAGE_SHIFT + 9 * level);
        if (!table[i])
            continue;
        used++;
        *pages += level == 0;
        if (level == 0)
            check_entry(as, va, table[i]);
        else
            check_table(as, pte_table(table[i]), level - 1, va, pages);
    }
    CHECK(kva_page(table)->table_used == used && page_refs(kva_page(table)) == 1,
          "page table at 0x%lx: %u entries in use, %u counted", base, used, kva_page(table)->table_used);
}

void aspace_check(struct aspace *as)
{
    size_t pages = 0;

    CHECK(as->refs > 0, "address space 0x%lx: no references", (uintptr_t)as);
    for (unsigned i = 0; i < machine.nharts; i++)
        CHECK((as->harts >> i & 1) == (cpus[i].aspace == as),
              "address space 0x%lx: hart %u is wrong in its mask 0x%lx", (uintptr_t)as, i, as->harts);
    if (!check_free(&as->lock))
        return;
    check_regions(as);
    check_table(as, as->root, 2, 0, &pages);
    CHECK(pages == as->resident, "address space 0x%lx: %lu pages, %lu counted", (uintptr_t)as, pages,
          as->resident);
}

void aspace_check_pages(struct aspace *as, int delta)
{
    for (unsigned i = 0; i < 256; i++)
        for (unsigned j = 0; as->root[i] && j < 512; j++)
            for (pte_t e = pte_table(as->root[i])[j], *at = pte_table(e), *end = at + 512; e && at < end;
                 at++)
                if (*at)
                    CHECK((pte_page(*at)->refs += delta) < UINT32_MAX / 2 || delta > 0,
                          "page 0x%lx: is mapped more often than it has references", pte_pa(*at));
}
#endif
