/* Physical pages: the allocator, and a reference count for each page. All RAM is in the direct map, so that a
 * page's memory is reached through page_kva. */
#pragma once
#include "debug/debug.h"
#include "lib/list.h"
#include "lib/types.h"

struct mem_range;
struct slab_cache;

#ifndef KERNEL_OFFSET                      /* 0 in the host tests, which bring an allocator of their own */
#define KERNEL_OFFSET 0xffffffc000000000ul /* direct map: virtual = physical + KERNEL_OFFSET */
#endif
#define PAGE_DIRECT_MAX (128ul << 30) /* its size */

/* RAM above is not used, and so no count of references can overflow: whoever holds a reference keeps it in memory of
 * its own, in 8 bytes at least (a page-table entry). */
#define PAGE_RAM_MAX (32ul << 30)
_Static_assert(PAGE_RAM_MAX <= PAGE_DIRECT_MAX && PAGE_RAM_MAX / 8 - 1 <= UINT32_MAX, "references to a page");

static inline void *pa_kva(paddr_t pa)
{
    return (void *)(pa + KERNEL_OFFSET);
}

static inline paddr_t kva_pa(const void *kva)
{
    return (paddr_t)kva - KERNEL_OFFSET;
}

/* One per page of RAM. 32 bytes, so that from a page's number to its place here is a shift. */
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
    union {
        struct slab_cache *slab; /* c  the slab cache a slab page belongs to, NULL for others */
        const void *freed_by;    /* debug builds: of a free page, the code that freed it */
    };
};
_Static_assert(sizeof(struct page) == 32, "see above");

/* boot: hands all RAM that page_next_ram lists to the allocator, save what its own table of pages takes.
 * boot_fail where there is too little. */
void page_boot(void);

/* boot: the lowest stretch of RAM at or above `from`, in whole pages, that is neither reserved nor the
 * kernel's image. Going on with from = result->end lists them all in order. */
bool page_next_ram(paddr_t from, struct mem_range *result);

/* One page, reference count 1; NULL when memory is out even after reclaiming clean cache pages. Never sleeps
 * for I/O. With a spin lock held, below RANK_PAGE, only with PAGE_NORECLAIM. */
struct page *page_alloc(unsigned flags);
#define PAGE_ZERO      1u /* filled with zeros */
#define PAGE_NORECLAIM 2u /* reclaim no cache pages to get it */

/* 2^order contiguous pages, order <= PAGE_MAX_ORDER, reference count 1 on the first. Freed by page_put. */
struct page *page_alloc_order(unsigned order, unsigned flags);
#define PAGE_MAX_ORDER 10

size_t page_total(void);      /* pages handed to the allocator */
size_t page_free_count(void); /* free pages now, harts' caches included */

/* Set by the page cache: frees up to n clean pages, returns how many. Called without spin locks when memory
 * is low. */
extern size_t (*page_reclaim_hook)(size_t n);

/* page_get adds a reference; page_put takes one away, and frees the page at 0. pa_page is for RAM only. */
#if KERNEL_OFFSET
extern uintptr_t page_array_origin; /* c  where the struct page of physical page 0 would be */
void page_free(struct page *p);     /* its last reference is gone */

static inline struct page *pa_page(paddr_t pa)
{
    return (struct page *)(page_array_origin + pa / PAGE_SIZE * sizeof(struct page));
}

static inline paddr_t page_pa(const struct page *p)
{
    return ((uintptr_t)p - page_array_origin) / sizeof(struct page) * PAGE_SIZE;
}

static inline void page_get(struct page *p)
{
    debug_page_live(p, __atomic_fetch_add(&p->refs, 1, __ATOMIC_RELAXED));
}

/* Release: what this holder did to the page is over before its reuse; acquire: so is what the others did. */
static inline void page_put(struct page *p)
{
    uint32_t refs = __atomic_fetch_sub(&p->refs, 1, __ATOMIC_ACQ_REL);

    debug_page_live(p, refs);
    if (refs == 1)
        page_free(p);
}
#else
struct page *pa_page(paddr_t pa);
paddr_t page_pa(const struct page *p);
void page_get(struct page *p);
void page_put(struct page *p);
#endif

static inline uint32_t page_refs(const struct page *p)
{
    return __atomic_load_n(&p->refs, __ATOMIC_ACQUIRE);
}

static inline void *page_kva(const struct page *p)
{
    return pa_kva(page_pa(p));
}

static inline struct page *kva_page(const void *kva)
{
    return pa_page(kva_pa(kva));
}
