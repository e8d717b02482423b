/* Physical pages.
 *
 * Free memory is kept as blocks of 2^order pages, each aligned to its size, in a list for each order (the
 * buddy system). A block is split in two halves when a smaller one is wanted; when it is freed and its other
 * half, its buddy, is free as well, they become one again. The buddy's address differs in one bit.
 *
 * Nearly all requests are for one page. So each hart keeps up to cache_limit single pages of its own, which
 * it reaches with no lock, just interrupts off, and exchanges with the lists in batches.
 *
 *     page_alloc <-> cpu->pages <-- 2^batch_order at once --> free_lists[0 .. PAGE_MAX_ORDER]
 *
 * Invariants, under page_lock:
 *   1. A page's `order` has the bit FREE_BLOCK exactly when it heads a free block, which is on that order's
 *      list then.
 *   2. Two buddies of the same order below the largest are never both free blocks.
 *   3. free_count is the number of pages in free blocks.
 * refs is 0 in free blocks and in harts' caches; it is changed atomically and without locks. */
#include "mm/page.h"

#include "boot/machine.h"
#include "debug/check.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "proc/cpu.h"
#include "sync/spinlock.h"
#include "trap/riscv.h"

#define FREE_BLOCK    0x80u
#define ORDER_TRIES   8  /* reclaiming need not give pages that lie together */
#define RECLAIM_BATCH 32 /* pages */

extern char kernel_start[], kernel_end[]; /* kernel.ld */

uintptr_t page_array_origin;
size_t (*page_reclaim_hook)(size_t n);

static struct page *pages_end;            /* c  of the array of struct page, holes included */
static size_t total;                      /* c */
static unsigned cache_limit, batch_order; /* c */
static struct spinlock page_lock = SPINLOCK_INIT("pages", RANK_PAGE);
static struct list free_lists[PAGE_MAX_ORDER + 1];
static size_t free_count;

/* ---- blocks; the caller holds page_lock ---- */

static void block_push(struct page *p, unsigned order)
{
    p->order = order | FREE_BLOCK;
    list_push_front(&free_lists[order], &p->link);
}

static void block_put(struct page *p, unsigned order)
{
    free_count += 1ul << order;
    for (; order < PAGE_MAX_ORDER; order++) {
        struct page *buddy = pa_page(page_pa(p) ^ PAGE_SIZE << order);
        if (buddy >= pages_end || buddy->order != (order | FREE_BLOCK))
            break;
        list_remove(&buddy->link);
        buddy->order = p->order = 0; /* only the lower one heads the whole */
        p = MIN(p, buddy);
    }
    block_push(p, order);
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
    p->order = 0;
    for (size_t i = 1ul << order; i-- > 0;)
        c->pages.page[c->pages.count++] = &p[i];
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
    debug_page_taken(p, order);
    __atomic_store_n(&p->refs, 1, __ATOMIC_RELAXED);
    if (flags & PAGE_ZERO)
        zero(page_kva(p), PAGE_SIZE << order);
    return p;
}

/* Here and in page_free interrupts are turned off and on by hand: irq_push would be half of the work. */
struct page *page_alloc(unsigned flags)
{
    if (unlikely(debug_fails(FAIL_ALLOC)))
        return NULL;
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
    if (order > PAGE_MAX_ORDER || unlikely(debug_fails(FAIL_ALLOC)))
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
    debug_page_freed(p, __builtin_return_address(0));
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

/* In whole pages, what cannot be used: the reserved ranges and, last, the kernel's image. */
static struct mem_range taken(unsigned i)
{
    struct mem_range r = {kva_pa(kernel_start), kva_pa(kernel_end)};

    if (i < machine.nreserved)
        r = machine.reserved[i];
    return (struct mem_range){PAGE_ROUND_DOWN(r.start), PAGE_ROUND_UP(r.end)};
}

bool page_next_ram(paddr_t from, struct mem_range *result)
{
    bool found = false;

    for (unsigned n = 0; n < machine.nram; n++) {
        paddr_t start = MAX(PAGE_ROUND_UP(machine.ram[n].start), from);
        paddr_t end = PAGE_ROUND_DOWN(MIN(machine.ram[n].end, PAGE_RAM_MAX));
        for (unsigned i = 0; i <= machine.nreserved;) {
            bool inside = taken(i).start <= start && start < taken(i).end;
            if (inside)
                start = taken(i).end;
            i = inside ? 0 : i + 1; /* the new start may lie in one seen before */
        }
        for (unsigned i = 0; i <= machine.nreserved; i++)
            if (taken(i).start > start)
                end = MIN(end, taken(i).start);
        if (start < end && (!found || start < result->start)) {
            *result = (struct mem_range){start, end};
            found = true;
        }
    }
    return found;
}

/* In the largest aligned blocks that fit. */
static void add_range(paddr_t start, paddr_t end)
{
    total += (end - start) / PAGE_SIZE;
    while (start < end) {
        unsigned order = PAGE_MAX_ORDER;
        while (start % (PAGE_SIZE << order) || end - start < PAGE_SIZE << order)
            order--;
        block_put(pa_page(start), order);
        start += PAGE_SIZE << order;
    }
}

/* The array of struct page covers everything from `base`, aligned to the largest block, to the end of RAM. It
 * lies at the beginning of the first stretch that has room for it. */
void page_boot(void)
{
    struct mem_range r = {0, 0}, array = {0, 0};
    paddr_t base = 0;

    if (page_next_ram(0, &r))
        base = r.start & ~((PAGE_SIZE << PAGE_MAX_ORDER) - 1);
    while (page_next_ram(r.end, &r))
        ;
    size_t bytes = (r.end - base) / PAGE_SIZE * sizeof(struct page);
    do {
        if (!page_next_ram(array.end, &array))
            boot_fail("lode: too little memory: no room for the table of pages, %lu KB", bytes >> 10);
    } while (array.end - array.start <= bytes);
    memset(pa_kva(array.start), 0, bytes);
    pages_end = pa_kva(array.start + bytes);
    page_array_origin = (uintptr_t)pa_kva(array.start) - base / PAGE_SIZE * sizeof(struct page);

    for (unsigned order = 0; order <= PAGE_MAX_ORDER; order++)
        list_init(&free_lists[order]);
    for (paddr_t from = 0; page_next_ram(from, &r); from = r.end)
        add_range(r.start == array.start ? PAGE_ROUND_UP(r.start + bytes) : r.start, r.end);
    /* What lies idle in the harts' caches is bounded by 1/64 of all memory. */
    cache_limit = MIN(CPU_PAGES, MAX(4, total / 64 / machine.nharts));
    while (4ul << batch_order <= cache_limit)
        batch_order++;
}

/* ---- debug builds ---- */

#ifdef LODE_DEBUG
static size_t check_block(struct page *p, unsigned order)
{
    struct page *buddy = pa_page(page_pa(p) ^ PAGE_SIZE << order);

    CHECK(p->order == (order | FREE_BLOCK),
          "page 0x%lx: its order is 0x%x, but it is on the list of order %u", page_pa(p), p->order, order);
    CHECK(order == PAGE_MAX_ORDER || buddy >= pages_end || buddy->order != p->order,
          "page 0x%lx: it and its buddy are free blocks of order %u", page_pa(p), order);
    for (size_t i = 0; i < 1ul << order; i++)
        CHECK(p[i].refs == 0, "page 0x%lx: %u references, but it is in a free block", page_pa(&p[i]),
              p[i].refs);
    return 1ul << order;
}

static size_t check_cache(const struct cpu *c)
{
    CHECK(c->pages.count <= cache_limit, "hart %u keeps %u pages, more than %u", c->index, c->pages.count,
          cache_limit);
    for (unsigned i = 0; i < c->pages.count; i++)
        CHECK(c->pages.page[i]->refs == 0 && c->pages.page[i]->order == 0,
              "page 0x%lx: %u references, order 0x%x, but it is in the cache of hart %u",
              page_pa(c->pages.page[i]), c->pages.page[i]->refs, c->pages.page[i]->order, c->index);
    return c->pages.count;
}

/* Every page is in a free block, or in a hart's cache, or in use, once. The table of pages itself is none. */
static void check_each_page(size_t in_lists, size_t cached)
{
    struct mem_range r;
    size_t in_blocks = 0, loose = 0;
    paddr_t table_end = PAGE_ROUND_UP(kva_pa(pages_end)), table = table_end;

    for (paddr_t from = 0; page_next_ram(from, &r); from = r.end) {
        paddr_t at = r.start < table && table <= r.end ? table_end : r.start;
        for (unsigned order; at < r.end; at += PAGE_SIZE << order) {
            const struct page *p = pa_page(at);
            bool free = p->order & FREE_BLOCK;
            order = p->order & ~FREE_BLOCK;
            if (!CHECK(order <= PAGE_MAX_ORDER, "page 0x%lx: its order is 0x%x", at, p->order))
                return;
            in_blocks += free ? 1ul << order : 0;
            loose += !free && p->refs == 0;
        }
    }
    CHECK(in_blocks == in_lists, "%lu pages are marked as free blocks, %lu are on the lists", in_blocks,
          in_lists);
    CHECK(loose == cached, "%lu pages have no references, %lu are in harts' caches", loose, cached);
}

void page_check(void)
{
    size_t in_lists = 0, cached = 0;
    struct page *p;

    for (unsigned order = 0; order <= PAGE_MAX_ORDER; order++) {
        if (!check_list(&free_lists[order], "free pages"))
            return;
        list_for_each_entry (p, &free_lists[order], link)
            in_lists += check_block(p, order);
    }
    CHECK(in_lists == free_count, "%lu pages are free, %lu counted", in_lists, free_count);
    for (unsigned i = 0; i < machine.nharts; i++)
        cached += check_cache(&cpus[i]);
    check_each_page(in_lists, cached);
}
#endif
