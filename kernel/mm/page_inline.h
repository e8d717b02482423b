/* For the loops of mm/ that have a handful of instructions for each page: what page.h does, without calls. */
#pragma once
#include "mm/page.h"
#include "trap/riscv.h"

/* RAM above this physical address does not fit into the direct map and is not used. */
#define PAGE_DIRECT_MAX (128ul << 30)

extern uintptr_t page_array_origin; /* c  where the struct page of physical page 0 would be */

void page_free(struct page *p); /* its last reference is gone */

static inline struct page *pte_page(pte_t pte)
{
    return (struct page *)(page_array_origin + (pte >> PTE_PPN_SHIFT) * sizeof(struct page));
}

static inline paddr_t pte_pa(pte_t pte)
{
    return pte >> PTE_PPN_SHIFT << PAGE_SHIFT;
}

static inline pte_t pa_pte(paddr_t pa)
{
    return pa >> PAGE_SHIFT << PTE_PPN_SHIFT;
}

/* As page_pa and kva_page, for pages and addresses that are known to be RAM. */
static inline paddr_t ram_pa(const struct page *p)
{
    return ((uintptr_t)p - page_array_origin) / sizeof(struct page) << PAGE_SHIFT;
}

static inline struct page *ram_page(const void *kva)
{
    return (struct page *)(page_array_origin + (kva_pa(kva) >> PAGE_SHIFT) * sizeof(struct page));
}

static inline void page_share(struct page *p)
{
    __atomic_fetch_add(&p->refs, 1, __ATOMIC_RELAXED);
}

static inline void page_release(struct page *p)
{
    /* Release: what this holder did to the page comes before its reuse; acquire: and after what the others
     * did. */
    if (__atomic_fetch_sub(&p->refs, 1, __ATOMIC_ACQ_REL) == 1)
        page_free(p);
}
