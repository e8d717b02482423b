/* The user half of page tables, for aspace.c and usercopy.c. Callers hold as->lock, except where as is not
 * yet, or no longer, known to anybody else. */
#pragma once
#include "mm/aspace.h"
#include "mm/page.h"
#include "trap/riscv.h"

/* A user page's entry. V, R, W and X say what a program may do now, which may be less than its region allows:
 * a page shared copy-on-write has no W. An entry that is not 0 holds a reference to its page even without V
 * (PROT_NONE). */
#define PTE_RIGHTS (PTE_V | PTE_R | PTE_W | PTE_X)
#define PTE_SHARED PTE_SOFT0 /* of a MAP_SHARED region: never copied on write */

/* What PROT_ bits allow. W without R is reserved in Sv39, and what may be executed may be read. */
pte_t pagetable_rights(int prot);

static inline paddr_t pte_pa(pte_t pte)
{
    return pte >> PTE_PPN_SHIFT << PAGE_SHIFT;
}

static inline pte_t pa_pte(paddr_t pa)
{
    return pa >> PAGE_SHIFT << PTE_PPN_SHIFT;
}

static inline struct page *pte_page(pte_t pte)
{
    return (struct page *)(page_array_origin + (pte >> PTE_PPN_SHIFT) * sizeof(struct page));
}

static inline pte_t *pte_table(pte_t pte)
{
    return pa_kva(pte_pa(pte));
}

/* The entry for user address va, NULL where there is no table for it. Also under pt_lock alone. */
static inline pte_t *pagetable_find(const struct aspace *as, vaddr_t va)
{
    pte_t e = as->root[va >> 30];
    if (unlikely(!e) || unlikely(!(e = pte_table(e)[va >> 21 & 511])))
        return NULL;
    return &pte_table(e)[va >> PAGE_SHIFT & 511];
}

/* The same; missing tables are made. NULL without memory. */
pte_t *pagetable_walk(struct aspace *as, vaddr_t va);

/* Enter a page at an entry that is 0; takes over the caller's reference. */
void pagetable_enter(struct aspace *as, pte_t *pte, struct page *page, pte_t bits);
/* Put another page in the place of the one there, which is released. */
void pagetable_replace(struct aspace *as, vaddr_t va, pte_t *pte, struct page *page, pte_t bits);
/* Before rights with X are given: all harts that may run the program will fetch what has been stored. */
void pagetable_sync_code(struct aspace *as);

/* Of [start, end): release all pages, and the tables that are empty then. */
void pagetable_unmap(struct aspace *as, vaddr_t start, vaddr_t end);
/* Take away what prot does not allow. Of what it does, R is given at once, W and X by the fault handler. */
void pagetable_protect(struct aspace *as, vaddr_t start, vaddr_t end, int prot);
/* Share the pages with child, private ones copy-on-write. False without memory. Afterwards, also when it has
 * failed, the caller calls pagetable_flush. */
bool pagetable_copy(struct aspace *child, struct aspace *as, vaddr_t start, vaddr_t end);
void pagetable_flush(struct aspace *as); /* all of its translations, on all harts */

/* kvm.c. The harts of a mask, by our index and without this one, flush all translations and do fence.i; all
 * that this hart has stored before is seen by them after. Interrupts off; returns when they have. */
void kvm_fence_remote(uint64_t harts);
void kvm_fence_answer(void); /* what other harts have asked of this one, if anything; interrupts off */
/* The kernel's entries for a new root table, and its own table for satp. */
void kvm_copy_root(pte_t *root);
extern uint64_t kvm_satp;
