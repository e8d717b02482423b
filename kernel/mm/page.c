/* Physical pages.
 *
 * Free memory is kept as blocks of 2^order pages, each aligned to its size, in a list for each order (the
 * buddy system). A block is split in two halves when a smaller one is wanted; when it is freed and its other
 * half, its buddy, is free as well, they become one again. The buddy's number differs in one bit.
 *
 * Nearly all requests are for one page. So each hart keeps up to cache_limit single pages of its own, which
 * it reaches with no lock, just interrupts off, and exchanges with the lists in batches.
 *
 *     page_alloc <-> cpu->pages <-- 2^batch_order at once --> free_lists[0 .. PAGE_MAX_ORDER]
 *
 * Invariants, under page_lock:
 *   1. A page heads a free block exactly when its `order` has the bit FREE_BLOCK; then it is on that order's
 * list.
 *   2. Two buddies of the same order below the largest are never both free blocks.
 *   3. free_count is the number of pages in free blocks.
 * refs is 0 in free blocks and in harts' caches; it is changed atomically and without locks. */
#include "mm/page.h"

#include "boot/machine.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/page_inline.h"
#include "proc/cpu.h"
#include "sync/spinlock.h"

#define FREE_BLOCK    0x80u
#define ORDER_TRIES   8  /* reclaiming need not give pages that lie together */
#define RECLAIM_BATCH 32 /* pages */

extern char kernel_start[], kernel_end[]; /* kernel.ld */

uintptr_t page_array_origin;
size_t (*page_reclaim_hook)(size_t n);

static struct page *pages;                /* c  by (address - base) / PAGE_SIZE */
static paddr_t base;                      /* c  aligned to the largest block */
static size_t npages;                     /* c  in the array, holes included */
static size_t total;                      /* c */
static unsigned cache_limit, batch_order; /* c */
static struct spinlock page_lock = SPINLOCK_INIT("pages", RANK_PAGE);
static struct list free_lists[PAGE_MAX_ORDER + 1];
static size_t free_count;

struct page *pa_page(paddr_t pa)
{
    size_t i = (pa - base) >> PAGE_SHIFT; /* huge below base */
    return i < npages ? &pages[i] : NULL;
}

paddr_t page_pa(const struct page *p)
{
    return base + ((size_t)(p - pages) << PAGE_SHIFT);
}

/* ---- blocks; the caller holds page_lock ---- */

static void block_push(struct page *p, unsigned order)
{
    p->order = order | FREE_BLOCK;
    list_push_front(&free_lists[order], &p->link);
}

static void block_put(struct page *p, unsigned order)
{
    size_t i = p - pages;

    free_count += 1ul << order;
    for (; order < PAGE_MAX_ORDER; order++) {
        size_t buddy = i ^ 1ul << order;
        if (buddy >= npages || pages[buddy].order != (order | FREE_BLOCK))
            break;
        list_remove(&pages[buddy].link);
        pages[buddy].order = pages[i].order = 0; /* only the lower one heads the whole */
        i &= ~(1ul << order);
    }
    block_push(&pages[i], order);
}

static struct page *block_take(unsigned order)
{
    unsigned o = order;

    while (list_empty(&free_lists[o]))
        if (o++ == PAGE_MAX_ORDER)
            return NULL;
    struct page *p = list_first(&free_lists[o], struct page, link);
    list_remove(&p->link);
    while (o-- > order)
        block_push(p + (1ul << o), o); /* the upper half goes back */
    p->order = order;
    free_count -= 1ul << order;
    return p;
}

/* ---- harts' caches; interrupts are off ---- */

/* The callers turn interrupts off and on by hand: for code this short irq_push would be half of it. */

static bool cache_fill(struct cpu *c)
{
    unsigned order = batch_order;
    struct page *p;

    spin_lock(&page_lock);
    while (!(p = block_take(order)) && order > 0)
        order--;
    spin_unlock(&page_lock);
    if (!p)
        return false;
    for (size_t i = 1ul << order; i-- > 0;) {
        p[i].order = 0;
        c->pages.page[c->pages.count++] = &p[i];
    }
    return true;
}

static void cache_drain(struct cpu *c, unsigned keep)
{
    spin_lock(&page_lock);
    while (c->pages.count > keep)
        block_put(c->pages.page[--c->pages.count], 0);
    spin_unlock(&page_lock);
}

/* ---- for all ---- */

static bool reclaim(size_t n, unsigned flags)
{
    return !(flags & PAGE_NORECLAIM) && page_reclaim_hook && page_reclaim_hook(n) > 0;
}

/* Zeroing is most of what a fresh page costs: 256 bytes a round. */
static void zero(uint64_t *at, size_t bytes)
{
    for (uint64_t *end = at + bytes / 8; at < end; at += 32) {
        at[0] = at[1] = at[2] = at[3] = at[4] = at[5] = at[6] = at[7] = 0;
        at[8] = at[9] = at[10] = at[11] = at[12] = at[13] = at[14] = at[15] = 0;
        at[16] = at[17] = at[18] = at[19] = at[20] = at[21] = at[22] = at[23] = 0;
        at[24] = at[25] = at[26] = at[27] = at[28] = at[29] = at[30] = at[31] = 0;
    }
}

static struct page *hand_out(struct page *p, unsigned order, unsigned flags)
{
    __atomic_store_n(&p->refs, 1, __ATOMIC_RELAXED);
    if (flags & PAGE_ZERO)
        zero(pa_kva(ram_pa(p)), PAGE_SIZE << order);
    return p;
}

struct page *page_alloc(unsigned flags)
{
    for (;;) {
        struct page *p = NULL;
        uint64_t on = csr_read_clear(sstatus, SSTATUS_SIE) & SSTATUS_SIE;
        struct cpu *c = mycpu();
        if (likely(c->pages.count > 0) || cache_fill(c))
            p = c->pages.page[--c->pages.count];
        csr_set(sstatus, on);
        if (likely(p))
            return hand_out(p, 0, flags);
        if (!reclaim(RECLAIM_BATCH, flags))
            return NULL;
    }
}

struct page *page_alloc_order(unsigned order, unsigned flags)
{
    if (order == 0)
        return page_alloc(flags);
    if (order > PAGE_MAX_ORDER)
        return NULL;
    for (unsigned tries = 0; tries < ORDER_TRIES; tries++) {
        irq_push();
        if (tries > 0)
            cache_drain(mycpu(), 0); /* pages there may be what a block lacks */
        spin_lock(&page_lock);
        struct page *p = block_take(order);
        spin_unlock(&page_lock);
        irq_pop();
        if (p)
            return hand_out(p, order, flags);
        if (tries > 0 && !reclaim((1ul << order) + RECLAIM_BATCH, flags))
            break;
    }
    return NULL;
}

void page_free(struct page *p)
{
    assert(!(p->order & FREE_BLOCK));
    if (unlikely(p->order > 0)) {
        spin_lock(&page_lock);
        block_put(p, p->order);
        spin_unlock(&page_lock);
        return;
    }
    uint64_t on = csr_read_clear(sstatus, SSTATUS_SIE) & SSTATUS_SIE;
    struct cpu *c = mycpu();
    if (unlikely(c->pages.count >= cache_limit))
        cache_drain(c, cache_limit / 2);
    c->pages.page[c->pages.count++] = p;
    csr_set(sstatus, on);
}

void page_get(struct page *p)
{
    page_share(p);
}

void page_put(struct page *p)
{
    page_release(p);
}

size_t page_total(void)
{
    return total;
}

size_t page_free_count(void)
{
    size_t n = __atomic_load_n(&free_count, __ATOMIC_RELAXED);

    for (unsigned i = 0; i < machine.nharts; i++)
        n += __atomic_load_n(&cpus[i].pages.count, __ATOMIC_RELAXED);
    return n;
}

/* ---- boot ---- */

bool page_next_ram(const struct mem_range *taken, unsigned n, paddr_t from, struct mem_range *result)
{
    bool found = false;

    for (unsigned r = 0; r < machine.nram; r++) {
        paddr_t start = MAX(PAGE_ROUND_UP(machine.ram[r].start), from);
        paddr_t end = PAGE_ROUND_DOWN(MIN(machine.ram[r].end, PAGE_DIRECT_MAX));
        for (unsigned i = 0; i < n;) {
            bool inside = PAGE_ROUND_DOWN(taken[i].start) <= start && start < PAGE_ROUND_UP(taken[i].end);
            if (inside)
                start = PAGE_ROUND_UP(taken[i].end);
            i = inside ? 0 : i + 1; /* the new start may lie in one seen before */
        }
        for (unsigned i = 0; i < n; i++)
            if (taken[i].start > start && taken[i].start < end)
                end = PAGE_ROUND_DOWN(taken[i].start);
        if (start < end && (!found || start < result->start)) {
            *result = (struct mem_range){start, end};
            found = true;
        }
    }
    return found;
}

/* In the largest aligned blocks that fit. */
static void add_range(struct mem_range r)
{
    size_t i = (r.start - base) >> PAGE_SHIFT, end = (r.end - base) >> PAGE_SHIFT;

    total += end - i;
    while (i < end) {
        unsigned order = PAGE_MAX_ORDER;
        while (i & ((1ul << order) - 1) || i + (1ul << order) > end)
            order--;
        block_put(&pages[i], order);
        i += 1ul << order;
    }
}

void page_boot(void)
{
    struct mem_range taken[MACHINE_RESERVED + 2], r;
    unsigned n = machine.nreserved;
    paddr_t first = 0, last = 0;

    memcpy(taken, machine.reserved, n * sizeof(taken[0]));
    taken[n++] = (struct mem_range){kva_pa(kernel_start), kva_pa(kernel_end)};
    for (paddr_t from = 0; page_next_ram(taken, n, from, &r); from = last = r.end)
        if (from == 0)
            first = r.start;
    base = first & ~((PAGE_SIZE << PAGE_MAX_ORDER) - 1);
    npages = (last - base) >> PAGE_SHIFT;
    size_t bytes = npages * sizeof(struct page);
    for (paddr_t from = 0;; from = r.end) {
        if (!page_next_ram(taken, n, from, &r))
            boot_fail("lode: too little memory: no room for the table of pages, %lu KB", bytes >> 10);
        if (r.end - r.start > bytes)
            break;
    }
    pages = pa_kva(r.start);
    memset(pages, 0, bytes);
    page_array_origin = (uintptr_t)pages - (base >> PAGE_SHIFT) * sizeof(struct page);
    taken[n++] = (struct mem_range){r.start, r.start + bytes};

    for (unsigned order = 0; order <= PAGE_MAX_ORDER; order++)
        list_init(&free_lists[order]);
    for (paddr_t from = 0; page_next_ram(taken, n, from, &r); from = r.end)
        add_range(r);
    /* What lies idle in the harts' caches is bounded by 1/64 of all memory. */
    cache_limit = MIN(CPU_PAGES, MAX(4, total / 64 / machine.nharts));
    while (4ul << batch_order <= cache_limit)
        batch_order++;
}
