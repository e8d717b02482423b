/* User page tables: finding, entering, sharing and taking away pages.
 *
 *   root (512 x 1 GB, upper half the kernel's) -> table (512 x 2 MB) -> table (512 x 4 KB) -> page
 *
 * A table counts its entries in use (page->table_used) and is freed when a range that it covers has been
 * unmapped and none is left. An entry holds one reference to its page.
 *
 * A and D are set from the start, so the hardware never writes to a table; only the holder of as->lock
 * changes one. Usercopy of other threads reads tables at the same time, under pt_lock, and uses the page it
 * finds until it lets go. So entering a page takes no more than one ordered store, but taking one away is
 * done under pt_lock.
 *
 * Stale translations. A hart may hold translations of an address space only while its bit is in as->harts
 * (aspace_switch). Whoever takes rights or pages away first changes the entries, then has the harts in the
 * mask flush, and only then lets go of the pages. A hart that enters the mask later reads the new entries:
 * flush has a full fence between the change and the look at the mask, aspace_switch one between its bit and
 * the first translation. */
#include "mm/pagetable.h"

#include "abi/mman.h"
#include "proc/cpu.h"

#define PTE_USER    (PTE_U | PTE_A | PTE_D)
#define TABLE_SPAN  (PAGE_SIZE << 9) /* what a lowest table covers */
#define FLUSH_PAGES 16               /* from here on all at once */
#define BATCH       64               /* pages taken away between two flushes */

pte_t pagetable_rights(int prot)
{
    if (!(prot & (PROT_READ | PROT_WRITE | PROT_EXEC)))
        return 0;
    return PTE_V | PTE_R | (prot & PROT_WRITE ? PTE_W : 0) | (prot & PROT_EXEC ? PTE_X : 0);
}

pte_t *walk(struct aspace *as, vaddr_t va)
{
    pte_t *table = as->root;

    for (unsigned shift = 30; shift > PAGE_SHIFT; shift -= 9) {
        pte_t *e = &table[va >> shift & 511];
        if (!*e) {
            struct page *p = page_alloc(PAGE_ZERO);
            if (!p)
                return NULL; /* a table that was made above is freed when the region goes */
            p->table_used = 0;
            ram_page(e)->table_used++;
            as->tables++;
            __atomic_store_n(e, pa_pte(ram_pa(p)) | PTE_V, __ATOMIC_RELEASE); /* after its zeros */
        }
        table = pte_table(*e);
    }
    return &table[va >> PAGE_SHIFT & 511];
}

/* ---- other harts ---- */

static void flush(struct aspace *as, vaddr_t start, uint64_t size)
{
    irq_push();
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    uint64_t harts = __atomic_load_n(&as->harts, __ATOMIC_RELAXED), self = 1ul << mycpu()->index;
    bool all = size > FLUSH_PAGES * PAGE_SIZE;
    if (harts & self) {
        if (all)
            tlb_flush_user();
        else
            for (uint64_t done = 0; done < size; done += PAGE_SIZE)
                tlb_flush_page(start + done);
    }
    if (unlikely(harts & ~self))
        tlb_flush_remote(harts & ~self, all ? 0 : start, all ? ~0ul : size);
    irq_pop();
}

void pagetable_flush(struct aspace *as)
{
    flush(as, 0, ~0ul);
}

void pagetable_sync_code(struct aspace *as)
{
    irq_push();
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    uint64_t others = __atomic_load_n(&as->harts, __ATOMIC_RELAXED) & ~(1ul << mycpu()->index);
    fence_i();
    if (unlikely(others))
        icache_flush_remote(others);
    irq_pop();
}

/* ---- one page ---- */

void pagetable_enter(struct aspace *as, pte_t *pte, struct page *page, pte_t bits)
{
    ram_page(pte)->table_used++;
    as->resident++;
    __atomic_store_n(pte, pa_pte(ram_pa(page)) | PTE_USER | bits, __ATOMIC_RELEASE); /* after its content */
}

void pagetable_replace(struct aspace *as, vaddr_t va, pte_t *pte, struct page *page, pte_t bits)
{
    struct page *old = pte_page(*pte);

    spin_lock(&as->pt_lock);
    *pte = pa_pte(ram_pa(page)) | PTE_USER | bits;
    spin_unlock(&as->pt_lock);
    flush(as, va, PAGE_SIZE);
    page_release(old);
}

/* ---- ranges ---- */

/* The part of [va, end) that one lowest table covers, with its first entry; NULL: no table. */
static pte_t *span(struct aspace *as, vaddr_t va, vaddr_t end, vaddr_t *next)
{
    uint64_t size = as->root[va >> 30] ? TABLE_SPAN : 1ul << 30;

    *next = MIN(end, (va & ~(size - 1)) + size);
    return pagetable_find(as, va);
}

/* Pages and tables that are out of the page table, but may still be in a TLB. */
struct gone {
    struct aspace *as;
    vaddr_t start; /* of the range since the last flush */
    bool tables;   /* among them: a flush by address does not reach these (Privileged Architecture, 4.2.1) */
    unsigned n;
    struct page *page[BATCH + 2];
};

static void gone_release(struct gone *g, vaddr_t end)
{
    if (g->n > 0)
        flush(g->as, g->start, g->tables ? ~0ul : end - g->start);
    for (unsigned i = 0; i < g->n; i++)
        page_release(g->page[i]);
    g->n = 0;
    g->tables = false;
    g->start = end;
}

static void unlink_table(struct gone *g, pte_t *entry)
{
    spin_lock(&g->as->pt_lock);
    g->page[g->n++] = pte_page(*entry);
    *entry = 0;
    spin_unlock(&g->as->pt_lock);
    ram_page(entry)->table_used--;
    g->as->tables--;
    g->tables = true;
}

/* Take out the tables on the way to va that have become empty. */
static void prune(struct gone *g, vaddr_t va)
{
    pte_t *upper = &g->as->root[va >> 30];
    if (!*upper)
        return;
    pte_t *lower = &pte_table(*upper)[va >> 21 & 511];
    if (*lower && pte_page(*lower)->table_used == 0)
        unlink_table(g, lower);
    if (pte_page(*upper)->table_used == 0)
        unlink_table(g, upper);
}

/* Release the pages of n entries at once: nobody uses the address space any more, no hart remembers it. */
static unsigned drop(struct aspace *as, pte_t *pte, unsigned n)
{
    unsigned dropped = 0;

    for (pte_t *end = pte + n; pte < end; pte++) {
        pte_t e = *pte;
        if (!e)
            continue;
        *pte = 0;
        page_release(pte_page(e));
        dropped++;
    }
    as->resident -= dropped;
    ram_page(pte - 1)->table_used -= dropped;
    return n;
}

/* Take out the pages of up to n entries, as many as g has room for; returns how many entries that was. */
static unsigned take_out(struct gone *g, pte_t *pte, unsigned n)
{
    struct page **out = &g->page[g->n], *table = ram_page(pte);

    n = MIN(n, BATCH - g->n);
    spin_lock(&g->as->pt_lock);
    for (pte_t *end = pte + n; pte < end; pte++) {
        pte_t e = *pte;
        if (e) {
            *out++ = pte_page(e);
            *pte = 0;
        }
    }
    spin_unlock(&g->as->pt_lock);
    unsigned taken = out - &g->page[g->n];
    g->n += taken;
    g->as->resident -= taken;
    table->table_used -= taken;
    return n;
}

void pagetable_unmap(struct aspace *as, vaddr_t start, vaddr_t end)
{
    struct gone g;
    vaddr_t next;

    g.as = as; /* not the array: that would be zeroed */
    g.start = start;
    g.tables = false;
    g.n = 0;
    for (vaddr_t va = start; va < end; va = next) {
        pte_t *pte = span(as, va, end, &next);
        for (vaddr_t at = va; pte && at < next;) {
            unsigned entries = (next - at) / PAGE_SIZE;
            entries = as->refs == 0 ? drop(as, pte, entries) : take_out(&g, pte, entries);
            pte += entries;
            at += entries * PAGE_SIZE;
            if (g.n == BATCH)
                gone_release(&g, at);
        }
        prune(&g, va);
        if (g.tables)
            gone_release(&g, next);
    }
    gone_release(&g, end);
}

void pagetable_protect(struct aspace *as, vaddr_t start, vaddr_t end, int prot)
{
    pte_t rights = pagetable_rights(prot), lost = 0;
    vaddr_t next;

    for (vaddr_t va = start; va < end; va = next) {
        pte_t *pte = span(as, va, end, &next);
        if (!pte)
            continue;
        spin_lock(&as->pt_lock);
        for (pte_t *stop = pte + (next - va) / PAGE_SIZE; pte < stop; pte++) {
            pte_t e = *pte;
            if (!e)
                continue;
            *pte = (e & ~PTE_RIGHTS) | (e & rights) | (rights & (PTE_V | PTE_R));
            lost |= e & PTE_RIGHTS & ~rights;
        }
        spin_unlock(&as->pt_lock);
    }
    if (lost)
        flush(as, start, end - start);
}

/* The inner loop of fork: n entries. Returns how many hold a page. */
static unsigned copy_entries(pte_t *to, pte_t *from, unsigned n)
{
    unsigned copied = 0;

    for (pte_t *end = from + n; from < end; from++, to++) {
        pte_t e = *from;
        if (!e)
            continue;
        page_share(pte_page(e));
        if ((e & (PTE_W | PTE_SHARED)) == PTE_W)
            *from = e &= ~PTE_W;
        *to = e;
        copied++;
    }
    return copied;
}

bool pagetable_copy(struct aspace *child, struct aspace *as, vaddr_t start, vaddr_t end)
{
    vaddr_t next;

    for (vaddr_t va = start; va < end; va = next) {
        pte_t *from = span(as, va, end, &next);
        if (!from)
            continue;
        pte_t *to = walk(child, va);
        if (!to)
            return false;
        spin_lock(&as->pt_lock);
        unsigned copied = copy_entries(to, from, (next - va) / PAGE_SIZE);
        spin_unlock(&as->pt_lock);
        ram_page(to)->table_used += copied;
        child->resident += copied;
    }
    return true;
}
