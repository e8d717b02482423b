/* kernel/mm/pagetable.c for every state of three pages at places where tables end: each with or without tables, without a
 * page, or with one that is private or shared and has any rights; every range of them, every protection, and every set of harts
 * that have the address space loaded. What the page table says afterwards, how often each page is held and which tables are
 * left is what a plain look at the three states says.
 *
 * Two harts have a TLB each, the worst that the architecture allows: whatever a flush leaves in it stays, and what a flush
 * takes is loaded again at once from the page table of that moment. A page or a table that is let go of while a TLB still leads to it is
 * an error, as are rights that a TLB has and the page table has no more when the function returns. */
#include "harness.h"

#include <string.h>

#include "lib/types.h"

uintptr_t page_array_origin;

#define current riscv_current /* which reads a register that the host has not */
#include "proc/proc.h"
#undef current

static struct cpu *this_hart;
static struct proc self;
static struct proc *current(void)
{
    self.cpu = this_hart;
    return &self;
}

#include "mm/pagetable.h"
#include "proc/cpu.h"

struct cpu cpus[MAX_HARTS];

static void hart_flush_page(vaddr_t va);
static void hart_flush(void);
static void hart_fence_i(void);
static void release(struct page *p);

#define tlb_flush_page hart_flush_page
#define tlb_flush_user hart_flush
#define fence_i        hart_fence_i
#define page_put       release
#include "mm/pagetable.c"
#undef page_put

#define PAGES 3
#define HARTS 2 /* the second is this one */
#define SELF  1

enum state { NO_TABLE, NO_PAGE, NONE, READ, WRITE, EXEC, SHARED, STATES };
static const pte_t bits[STATES] = {[READ] = PTE_V | PTE_R,
                                   [WRITE] = PTE_V | PTE_R | PTE_W,
                                   [EXEC] = PTE_V | PTE_R | PTE_X,
                                   [SHARED] = PTE_V | PTE_R | PTE_W | PTE_SHARED};

/* What the three entries should be: 0, or the bits without the page's number. */
struct look {
    pte_t entry[PAGES];
};

static struct aspace space, child;
static struct page *pages[PAGES];
static vaddr_t at[PAGES];
static const char *wrong; /* what was wrong first */
static unsigned cases;

static void expect(bool right, const char *what)
{
    if (!right && !wrong)
        wrong = what;
}

/* ---- Harts ---- */

#define REACHED 16 /* pages and tables that three addresses lead to, the root not */

static struct tlb {
    struct {
        vaddr_t va;
        pte_t entry;
    } page[PAGES];
    struct page *table[REACHED];
    unsigned npages, ntables;
} tlbs[HARTS];
static unsigned fetches; /* fence.i here */
static uint64_t remote;  /* harts that were asked to fence */

/* What the hart could have loaded of the page table as it is now. */
static void load(struct tlb *t)
{
    t->npages = t->ntables = 0;
    for (unsigned i = 0; i < PAGES; i++) {
        pte_t e = space.root[at[i] >> 30];
        for (unsigned shift = 21; e; shift -= 9) {
            t->table[t->ntables++] = pte_page(e);
            e = pte_table(e)[at[i] >> shift & 511];
            if (shift == PAGE_SHIFT)
                break;
        }
        if (!(e & PTE_V))
            continue;
        t->page[t->npages].va = at[i];
        t->page[t->npages++].entry = e;
    }
}

static void hart_flush(void)
{
    expect(space.harts & 1u << SELF, "a flush on a hart that has not loaded the table");
    load(&tlbs[SELF]);
}

static void hart_flush_page(vaddr_t va)
{
    struct tlb *t = &tlbs[SELF];

    for (unsigned i = 0; i < t->npages; i++)
        if (t->page[i].va == va)
            t->page[i].entry = *pagetable_find(&space, va);
}

static void hart_fence_i(void)
{
    fetches++;
}

void kvm_fence_remote(uint64_t harts)
{
    expect(harts && !(harts & 1u << SELF) && !(harts & ~space.harts), "a fence is asked of the right harts");
    remote |= harts;
    for (unsigned h = 0; h < HARTS; h++)
        if (harts & 1u << h)
            load(&tlbs[h]);
}

static void release(struct page *p)
{
    for (unsigned h = 0; h < HARTS; h++) {
        for (unsigned i = 0; i < tlbs[h].npages; i++) {
            pte_t had = tlbs[h].page[i].entry, *now = pagetable_find(&space, tlbs[h].page[i].va);
            expect(pte_page(had) != p || (now && pte_pa(*now) == pte_pa(had)),
                   "no TLB leads to a page that is let go of");
        }
        for (unsigned i = 0; i < tlbs[h].ntables; i++)
            expect(tlbs[h].table[i] != p, "no TLB leads to a table that is let go of");
    }
    page_put(p);
}

/* Nothing that the page table does not give, but rights that it could have given may be missing. */
static void check_tlbs(void)
{
    for (unsigned h = 0; h < HARTS; h++)
        for (unsigned i = 0; i < tlbs[h].npages; i++) {
            pte_t had = tlbs[h].page[i].entry, *now = pagetable_find(&space, tlbs[h].page[i].va);
            expect(now && *now && pte_pa(*now) == pte_pa(had) && !(had & ~*now & PTE_RIGHTS),
                   "no TLB gives what the page table does not");
        }
}

/* ---- The page table ---- */

/* Entries in use, and the tables below this one, all of them; counts must be right. */
static unsigned count_entries(pte_t *table, unsigned shift, unsigned *tables, bool may_be_empty)
{
    unsigned used = 0;

    for (unsigned i = 0; i < 512; i++) {
        if (!table[i])
            continue;
        used++;
        if (shift == PAGE_SHIFT)
            continue;
        expect(table[i] == (pa_pte(pte_pa(table[i])) | PTE_V), "an entry for a table has V alone");
        unsigned below = count_entries(pte_table(table[i]), shift - 9, tables, may_be_empty);
        expect(below == pte_page(table[i])->table_used, "a table knows how many entries it has");
        expect(below > 0 || may_be_empty, "an empty table is let go of");
        (*tables)++;
    }
    return used;
}

static size_t pages_before; /* in use by the test itself */

static void check(const struct look *mine, const struct look *theirs, bool may_be_empty)
{
    const struct look *looks[] = {mine, theirs};
    struct aspace *spaces[] = {&space, &child};
    unsigned held[PAGES] = {0}, tables = 0;

    for (unsigned s = 0; s < 2; s++) {
        unsigned resident = 0;
        for (unsigned i = 0; i < PAGES; i++) {
            pte_t *pte = pagetable_find(spaces[s], at[i]), want = looks[s]->entry[i];
            if (want) {
                want |= pa_pte(page_pa(pages[i]));
                resident++;
                held[i]++;
            }
            expect((pte ? *pte : 0) == want,
                   s == 0 ? "the entry is as expected" : "the child's entry is as expected");
        }
        expect(spaces[s]->resident == resident, "the number of pages that are present");
        expect(count_entries(spaces[s]->root, 30, &tables, may_be_empty) ==
                   kva_page(spaces[s]->root)->table_used,
               "the root knows how many entries it has");
    }
    for (unsigned i = 0; i < PAGES; i++)
        expect(page_refs(pages[i]) == 1 + held[i], "each entry holds its page, once");
    expect(harness_pages_used() == pages_before + tables, "no page leaks");
    check_tlbs();
}

static const enum state *made; /* of each page */

static struct look make(const enum state *states, unsigned harts)
{
    struct look l = {0};

    space.refs = 1;
    space.harts = harts;
    for (unsigned i = 0; i < PAGES; i++) {
        if (states[i] == NO_TABLE)
            continue;
        pte_t *pte = pagetable_walk(&space, at[i]);
        if (states[i] == NO_PAGE)
            continue;
        page_get(pages[i]);
        pagetable_enter(&space, pte, pages[i], bits[states[i]]);
        l.entry[i] = PTE_U | PTE_A | PTE_D | bits[states[i]];
    }
    for (unsigned h = 0; h < HARTS; h++) {
        tlbs[h].npages = tlbs[h].ntables = 0;
        if (harts & 1u << h)
            load(&tlbs[h]);
    }
    made = states;
    return l;
}

static void unload(void)
{
    space.harts = 0;
    memset(tlbs, 0, sizeof(tlbs));
}

/* As aspace_put does; everything is gone then. */
static void destroy(void)
{
    unload();
    space.refs = child.refs = 0;
    pagetable_unmap(&space, at[0], at[PAGES - 1] + PAGE_SIZE);
    pagetable_unmap(&child, at[0], at[PAGES - 1] + PAGE_SIZE);
    expect(kva_page(space.root)->table_used == 0 && kva_page(child.root)->table_used == 0,
           "the root is empty");
    expect(space.resident == 0 && child.resident == 0, "nothing is present");
    expect(harness_pages_used() == pages_before, "all tables are let go of");
}

static bool covers(vaddr_t start, vaddr_t end, unsigned i)
{
    return at[i] >= start && at[i] < end;
}

static const struct look nothing;

static void unmap(vaddr_t start, vaddr_t end, struct look l)
{
    for (unsigned i = 0; i < PAGES; i++)
        if (covers(start, end, i))
            l.entry[i] = 0;
    pagetable_unmap(&space, start, end);
    check(&l, &nothing, true);
    for (unsigned i = 0; i < PAGES; i++) /* tables that cover a part of the range have a page, or are gone */
        if (covers(start, end, i) && space.root[at[i] >> 30]) {
            expect(pte_page(space.root[at[i] >> 30])->table_used > 0, "an empty table is let go of");
            pte_t upper = pte_table(space.root[at[i] >> 30])[at[i] >> 21 & 511];
            expect(!upper || pte_page(upper)->table_used > 0, "an empty lowest table is let go of");
        }
}

static void protect(vaddr_t start, vaddr_t end, int prot, struct look l)
{
    pte_t allowed = prot == PROT_NONE                  ? 0
                    : prot == (PROT_READ | PROT_WRITE) ? PTE_V | PTE_R | PTE_W
                    : prot == (PROT_READ | PROT_EXEC)  ? PTE_V | PTE_R | PTE_X
                                                       : PTE_V | PTE_R;

    for (unsigned i = 0; i < PAGES; i++)
        if (covers(start, end, i) && l.entry[i]) {
            l.entry[i] &= ~(PTE_V | PTE_R | PTE_W | PTE_X) | allowed;
            l.entry[i] |= allowed & (PTE_V | PTE_R);
        }
    pagetable_protect(&space, start, end, prot);
    check(&l, &nothing, true);
}

/* The fail-th allocation and all after it fail. True: all was copied. What the child lacks otherwise, the parent may still have W for. */
static bool copy(vaddr_t start, vaddr_t end, struct look l, unsigned fail)
{
    struct look theirs = {0};

    for (unsigned i = 0; i < PAGES; i++)
        if (covers(start, end, i) && l.entry[i]) {
            if (!(l.entry[i] & PTE_SHARED))
                l.entry[i] &= ~PTE_W;
            theirs.entry[i] = l.entry[i];
        }
    child.refs = 1;
    harness_fail_alloc(fail, true);
    bool copied = pagetable_copy(&child, &space, start, end);
    bool failed = harness_alloc_failed();
    harness_fail_alloc(0, false);
    expect(copied == !failed, "false means no memory");
    pagetable_flush(&space);
    for (unsigned i = 0; failed && i < PAGES; i++) {
        pte_t *mine = pagetable_find(&space, at[i]), *other = pagetable_find(&child, at[i]);
        bool is_there = other && *other;
        expect(!is_there || (theirs.entry[i] && *other == *mine),
               "a part of the copy is as the whole would be");
        if (!is_there)
            theirs.entry[i] = 0;
        if (!is_there && bits[made[i]] & PTE_W && mine && *mine & PTE_W)
            l.entry[i] |= PTE_W;
    }
    check(&l, &theirs, true);
    return copied;
}

static void replace(unsigned i, struct look l)
{
    struct page *old = pages[i], *new = page_alloc(0);

    page_get(new); /* one for the entry, one for the test */
    pages_before++;
    pagetable_replace(&space, at[i], pagetable_find(&space, at[i]), new, bits[WRITE]);
    pages[i] = new;
    l.entry[i] = PTE_U | PTE_A | PTE_D | bits[WRITE];
    expect(page_refs(old) == 1, "the old page is let go of");
    check(&l, &nothing, true);
    page_put(old);
    pages_before--;
}

static void sync_code(unsigned harts)
{
    fetches = 0;
    remote = 0;
    pagetable_sync_code(&space);
    expect(fetches == 1 && remote == (harts & ~(1u << SELF)),
           "this hart and those that have it loaded fetch anew");
}

/* One function on one state, which is made before and gone after. */
static void each(const enum state *states, unsigned harts, vaddr_t start, vaddr_t end)
{
    static const int prots[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC};

    unmap(start, end, make(states, harts));
    destroy();
    for (unsigned p = 0; p < ARRAY_SIZE(prots); p++) {
        protect(start, end, prots[p], make(states, harts));
        destroy();
    }
    bool copied = false;
    for (unsigned fail = 1; !copied; fail++) {
        copied = copy(start, end, make(states, harts), fail);
        destroy();
        cases++;
    }
    cases += 1 + ARRAY_SIZE(prots);
}

static void all(const char *where, vaddr_t first, vaddr_t second, vaddr_t third)
{
    /* Ranges begin and end at the pages, between them, and beyond. */
    vaddr_t edges[] = {first & ~(TABLE_SPAN - 1), first,   first + PAGE_SIZE, second + PAGE_SIZE,
                       third + PAGE_SIZE,         USER_TOP};
    unsigned total = 1;

    at[0] = first, at[1] = second, at[2] = third;
    wrong = NULL;
    cases = 0;
    for (unsigned i = 0; i < PAGES; i++)
        total *= STATES;
    for (unsigned combination = 0; combination < total << HARTS; combination++) {
        enum state states[PAGES];
        unsigned harts = combination % (1u << HARTS);
        for (unsigned i = 0, c = combination >> HARTS; i < PAGES; i++, c /= STATES)
            states[i] = c % STATES;
        for (unsigned i = 0; i < ARRAY_SIZE(edges) && !wrong; i++)
            for (unsigned j = i + 1; j < ARRAY_SIZE(edges); j++)
                if (edges[i] < edges[j])
                    each(states, harts, edges[i], edges[j]);
        for (unsigned i = 0; i < PAGES && !wrong; i++) {
            if (states[i] < NONE)
                continue;
            replace(i, make(states, harts));
            sync_code(harts);
            destroy();
            cases += 2;
        }
        if (wrong) {
            diag("pages at 0x%lx, 0x%lx, 0x%lx in states %u, %u, %u, harts 0x%x; this does not hold: %s",
                 first, second, third, states[0], states[1], states[2], harts, wrong);
            break;
        }
    }
    ok(!wrong, "three pages %s: %u cases", where, cases);
}

/* So many pages at once that they are let go of in several parts, with the end of a table among them. */
static void many(void)
{
    unsigned lengths[] = {1,         BATCH - 2,     BATCH - 1, BATCH, BATCH + 1, 2 * BATCH - 1,
                          2 * BATCH, 2 * BATCH + 1, 513,       1100};

    wrong = NULL;
    cases = 0;
    for (unsigned l = 0; l < ARRAY_SIZE(lengths) && !wrong; l++)
        for (unsigned before = 0; before <= MIN(lengths[l], 2 * BATCH + 1); before++) {
            vaddr_t start = (1ul << 30) - before * PAGE_SIZE;
            space.refs = 1;
            space.harts = 3;
            at[0] = start;
            at[1] = start + lengths[l] / 2 * PAGE_SIZE;
            at[2] = start + (lengths[l] - 1) * PAGE_SIZE;
            for (unsigned i = 0; i < lengths[l]; i++) {
                page_get(pages[0]);
                pagetable_enter(&space, pagetable_walk(&space, start + i * PAGE_SIZE), pages[0], bits[WRITE]);
            }
            load(&tlbs[0]);
            load(&tlbs[1]);
            pagetable_unmap(&space, start, start + lengths[l] * PAGE_SIZE);
            check(&nothing, &nothing, false);
            unload();
            cases++;
            if (wrong) {
                diag("%u pages, %u of them before the end of a table; this does not hold: %s", lengths[l],
                     before, wrong);
                break;
            }
        }
    ok(!wrong, "many pages at once: %u cases", cases);
}

int main(void)
{
    this_hart = &cpus[SELF];
    this_hart->index = SELF;
    struct aspace *spaces[] = {&space, &child};
    for (unsigned s = 0; s < 2; s++) {
        struct page *root = page_alloc(PAGE_ZERO);
        spaces[s]->root = page_kva(root);
        root->table_used = 0;
        page_array_origin = (uintptr_t)root - page_pa(root) / PAGE_SIZE * sizeof(struct page);
        spin_init(&spaces[s]->pt_lock, "page table", RANK_ASPACE);
    }
    for (unsigned i = 0; i < PAGES; i++)
        pages[i] = page_alloc(0);
    pages_before = harness_pages_used();
    all("in one table", 0x10000, 0x11000, 0x13000);
    all("across the end of a table", (1ul << 21) - PAGE_SIZE, 1ul << 21, (2ul << 21) + PAGE_SIZE);
    all("across the end of a gigabyte", (1ul << 30) - PAGE_SIZE, 1ul << 30, (1ul << 30) + (1ul << 21));
    all("far apart", PAGE_SIZE, 3ul << 30, USER_TOP - PAGE_SIZE);
    many();
    return done();
}
