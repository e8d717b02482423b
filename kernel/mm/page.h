/* Physical pages: the allocator, and a reference count for each page.
 *
 * A buddy allocator with a cache of single pages for each hart. RAM is mapped as a whole (the direct map),
 * so any page's memory is reached through page_kva. */
#pragma once
#include "lib/types.h"
#include "lib/list.h"

struct slab_cache;

#ifndef KERNEL_OFFSET                      /* the host tests of kernel/fs set it to 0 */
#define KERNEL_OFFSET 0xffffffc000000000ul /* direct map: virtual = physical + KERNEL_OFFSET */
#endif

static inline void *pa_kva(paddr_t pa)
{
    return (void *)(pa + KERNEL_OFFSET);
}

static inline paddr_t kva_pa(const void *kva)
{
    return (paddr_t)kva - KERNEL_OFFSET;
}

/* One per page of RAM. Kept at 32 bytes: page tables name a page by its number, and number times size is a
 * shift. */
struct page {
    uint32_t refs;      /* atomic; 0 = free or in a hart's cache */
    uint8_t order;      /* of the block that this page heads; page.c marks free blocks in it */
    uint8_t slab_used;  /* s  live objects on a slab's page */
    uint16_t slab_free; /* s  where the first free object of a slab's page begins */
    union {
        struct list link;    /* free lists; slab lists */
        void *owner[2];      /* free for the page's user */
        unsigned table_used; /* a page table's entries in use: its aspace's lock */
    };
    struct slab_cache *slab; /* c  the slab cache a slab page belongs to, NULL for others */
};
_Static_assert(sizeof(struct page) == 32, "see above");

#define PAGE_ZERO      1u /* filled with zeros */
#define PAGE_NORECLAIM 2u /* do not reclaim cache pages to get it: for callers that hold locks of the cache  \
                           */

/* boot: finds the free RAM, which is what `machine` knows less what is reserved and the kernel's image, and
 * hands it to the allocator. The array of struct page lies at the beginning of it. boot_fail where there is
 * too little. */
void page_boot(void);

/* boot: the lowest stretch of RAM, in whole pages, at or above `from` that touches none of the ranges
 * taken[n]. Going on with from = result->end lists them all in order. */
struct mem_range;
bool page_next_ram(const struct mem_range *taken, unsigned n, paddr_t from, struct mem_range *result);

/* One page, reference count 1; NULL when memory is out even after reclaiming clean cache pages. With a spin
 * lock held only with PAGE_NORECLAIM, and none of RANK_PAGE or above; never sleeps for I/O. */
struct page *page_alloc(unsigned flags);
/* 2^order contiguous pages, order <= PAGE_MAX_ORDER, reference count 1 on the first. Freed by page_put. */
struct page *page_alloc_order(unsigned order, unsigned flags);
#define PAGE_MAX_ORDER 10

void page_get(struct page *p);
void page_put(struct page *p); /* frees at 0 */
static inline uint32_t page_refs(const struct page *p)
{
    return __atomic_load_n(&p->refs, __ATOMIC_ACQUIRE);
}

struct page *pa_page(paddr_t pa); /* NULL when pa lies below or above all free RAM */
paddr_t page_pa(const struct page *p);
static inline void *page_kva(const struct page *p)
{
    return pa_kva(page_pa(p));
}
static inline struct page *kva_page(const void *kva)
{
    return pa_page(kva_pa(kva));
}

size_t page_total(void);      /* pages handed to the allocator */
size_t page_free_count(void); /* free pages now, harts' caches included */

/* Set by the page cache: frees up to n clean pages, returns how many. Called without locks when memory is
 * low. */
extern size_t (*page_reclaim_hook)(size_t n);
