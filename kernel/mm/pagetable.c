/* User page tables: finding, entering, sharing and taking away pages.
 *
 *   root (512 x 1 GB, upper half the kernel's) -> table (512 x 2 MB) -> table (512 x 4 KB) -> page
 *
 * A table counts its entries in use (page->table_used) and is freed when a range that it covers has been
 * unmapped and none is left. An entry holds one reference to its page.
 *
 * A and D are set from the start, so the hardware never writes to a table; only the holder of as->lock
 * changes one. Usercopy of other threads reads tables at the same time, under pt_lock, and uses the page it
 * finds until it lets go. So taking one away is done under pt_lock; entering one takes just one store, after
 * those of its content (release), which also orders it for the hardware's walks.
 *
 * Stale translations. A hart may hold translations of an address space only while its bit is in as->harts
 * (aspace_switch). Whoever takes rights or pages away first changes the entries, then has the harts in the
 * mask flush, and only then lets go of the pages. A hart that enters the mask later reads the new entries:
 * flush has a full fence between the change and the look at the mask, aspace_switch one between its bit and
 * the first translation. */
#include "mm/pagetable.h"

#include "abi/mman.h"
#include "proc/cpu.h"

#define PTE_USER   (PTE_U | PTE_A | PTE_D)
#define TABLE_SPAN (PAGE_SIZE << 9) /* what a lowest table covers */
#define BATCH      64               /* pages taken away between two flushes */

pte_t pagetable_rights(int prot)
{
    if (!(prot & (PROT_READ | PROT_WRITE | PROT_EXEC)))
        return 0;
    return PTE_V | PTE_R | (prot & PROT_WRITE ? PTE_W : 0) | (prot & PROT_EXEC ? PTE_X : 0);
}

pte_t *pagetable_walk(struct aspace *as, vaddr_t va)
{
    pte_t *table = as->root;

    for (unsigned shift = 30; shift > PAGE_SHIFT; shift -= 9) {
        pte_t *e = &table[va >> shift & 511];
        if (!*e) {
            struct page *p = page_alloc(PAGE_ZERO);
            if (!p)
                return NULL; /* a table that was made above is freed when the region goes */
            p->table_used = 0;
            kva_page(e)->table_used++;
            __atomic_store_n(e, pa_pte(page_pa(p)) | PTE_V, __ATOMIC_RELEASE);
        }
        table = pte_table(*e);
    }
    return &table[va >> PAGE_SHIFT & 511];
}

/* ---- other harts ---- */

/* One page, or with size ~0 everything, tables included: a flush by address does not reach these (Privileged
 * Architecture, 4.2.1). */
static void flush(struct aspace *as, vaddr_t va, uint64_t size)
{
    irq_push();
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    uint64_t harts = __atomic_load_n(&as->harts, __ATOMIC_RELAXED), self = 1ul << mycpu()->index;
    if (harts & self && size == PAGE_SIZE)
        tlb_flush_page(va);
    else if (harts & self)
        tlb_flush_user();
    if (unlikely(harts & ~self))
        kvm_fence_remote(harts & ~self);
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
        kvm_fence_remote(others);
    irq_pop();
}

/* ---- one page ---- */

void pagetable_enter(struct aspace *as, pte_t *pte, struct page *page, pte_t bits)
{
    kva_page(pte)->table_used++;
    as->resident++;
    __atomic_store_n(pte, pa_pte(page_pa(page)) | PTE_USER | bits, __ATOMIC_RELEASE);
}

void pagetable_replace(struct aspace *as, vaddr_t va, pte_t *pte, struct page *page, pte_t bits)
{
    struct page *old = pte_page(*pte);

    spin_lock(&as->pt_lock);
    __atomic_store_n(pte, pa_pte(page_pa(page)) | PTE_USER | bits, __ATOMIC_RELEASE);
    spin_unlock(&as->pt_lock);
    flush(as, va, PAGE_SIZE);
    page_put(old);
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
    unsigned n;
    struct page *page[BATCH + 2];
};

static void gone_release(struct gone *g, struct aspace *as)
{
    if (g->n > 0)
        pagetable_flush(as);
    while (g->n > 0)
        page_put(g->page[--g->n]);
}

/* Take out the table that an upper table's entry leads to, if it is empty. */
static void prune(struct gone *g, struct aspace *as, pte_t *entry)
{
    if (!*entry || pte_page(*entry)->table_used > 0)
        return;
    g->page[g->n++] = pte_page(*entry);
    spin_lock(&as->pt_lock);
    *entry = 0;
    spin_unlock(&as->pt_lock);
    kva_page(entry)->table_used--;
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
        page_put(pte_page(e));
        dropped++;
    }
    as->resident -= dropped;
    kva_page(pte - 1)->table_used -= dropped;
    return n;
}

/* Take out the pages of up to n entries, as many as g has room for; returns how many entries that was. */
static unsigned take_out(struct gone *g, struct aspace *as, pte_t *pte, unsigned n)
{
    unsigned before = g->n;

    n = MIN(n, BATCH - before);
    spin_lock(&as->pt_lock);
    for (pte_t *end = pte + n; pte < end; pte++) {
        if (!*pte)
            continue;
        g->page[g->n++] = pte_page(*pte);
        *pte = 0;
    }
    spin_unlock(&as->pt_lock);
    as->resident -= g->n - before;
    kva_page(pte - 1)->table_used -= g->n - before;
    return n;
}

void pagetable_unmap(struct aspace *as, vaddr_t start, vaddr_t end)
{
    struct gone g; /* no initialiser: it would zero the array */
    vaddr_t next;

    g.n = 0;
    for (vaddr_t va = start; va < end; va = next) {
        pte_t *pte = span(as, va, end, &next), *upper = &as->root[va >> 30];
        for (unsigned left = pte ? (next - va) / PAGE_SIZE : 0, n; left > 0; left -= n, pte += n) {
            n = as->refs == 0 ? drop(as, pte, left) : take_out(&g, as, pte, left);
            if (g.n == BATCH)
                gone_release(&g, as);
        }
        if (*upper)
            prune(&g, as, &pte_table(*upper)[va >> 21 & 511]);
        prune(&g, as, upper);
        if (g.n >= BATCH)
            gone_release(&g, as);
    }
    gone_release(&g, as);
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
        pagetable_flush(as);
}

/* The inner loop of fork: n entries. Returns how many hold a page. */
static unsigned copy_entries(pte_t *to, pte_t *from, unsigned n)
{
    unsigned copied = 0;

    for (pte_t *end = from + n; from < end; from++, to++) {
        pte_t e = *from;
        if (!e)
            continue;
        page_get(pte_page(e));
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
        pte_t *to = pagetable_walk(child, va);
        if (!to)
            return false;
        spin_lock(&as->pt_lock);
        unsigned copied = copy_entries(to, from, (next - va) / PAGE_SIZE);
        spin_unlock(&as->pt_lock);
        kva_page(to)->table_used += copied;
        child->resident += copied;
    }
    return true;
}
