/* Slabs: pages cut into objects of one size.
 *
 * The free objects of a page are a list through their first two bytes: each holds the offset of the next in
 * the page. A cache knows only its pages with free objects; a full page is found again through the address of
 * an object, when that is freed. A page without live objects goes back to the page allocator, save the last
 * partial one, so that one object allocated and freed in turn costs no page each time.
 *
 * Each cache's lock protects its list and, of its pages, slab_used, slab_free and the free objects' links.
 * Pages are allocated outside of it, since the page allocator may reclaim. */
#include "mm/slab.h"

#include "debug/check.h"
#include "debug/debug.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/page.h"
#include "proc/proc.h"

#define SLAB_FULL 0xffffu /* ends the list of free objects */

static struct spinlock list_lock = SPINLOCK_INIT("slab list", RANK_SLAB);
static struct slab_cache *list_head; /* grows only */
static size_t page_count;            /* atomic: pages of all slabs */

typedef uint16_t __attribute__((may_alias)) free_link_t;

static inline free_link_t *link_at(const struct page *p, size_t offset)
{
    return (free_link_t *)((char *)page_kva(p) + offset);
}

/* Who holds a spin lock has interrupts off, and may hold one that reclaiming takes. */
static unsigned page_flags(void)
{
    return current()->irq.depth > 0 ? PAGE_NORECLAIM : 0;
}

static void enlist(struct slab_cache *c)
{
    spin_lock(&list_lock);
    if (!c->listed) {
        c->listed = true;
        c->next = list_head;
        __atomic_store_n(&list_head, c, __ATOMIC_RELEASE); /* pairs with slab_for_each */
    }
    spin_unlock(&list_lock);
}

void slab_for_each(void (*f)(struct slab_cache *c, void *arg), void *arg)
{
    for (struct slab_cache *c = __atomic_load_n(&list_head, __ATOMIC_ACQUIRE); c; c = c->next)
        f(c, arg);
}

static struct page *new_page(struct slab_cache *c)
{
    assert(c->size >= 32 && c->size <= PAGE_SIZE);
    if (unlikely(!c->listed))
        enlist(c);
    struct page *p = page_alloc(page_flags());
    if (!p)
        return NULL;
    debug_slab_new_page(p);
    size_t last = (PAGE_SIZE / c->size - 1) * c->size;
    for (size_t offset = 0; offset < last; offset += c->size)
        *link_at(p, offset) = offset + c->size;
    *link_at(p, last) = SLAB_FULL;
    __atomic_fetch_add(&page_count, 1, __ATOMIC_RELAXED);
    p->slab = c;
    p->slab_free = 0;
    p->slab_used = 0;
    return p;
}

/* An object, not zeroed. */
static void *take(struct slab_cache *c)
{
    if (unlikely(debug_fails(FAIL_ALLOC)))
        return NULL;
    spin_lock(&c->lock);
    if (list_empty(&c->partial)) {
        spin_unlock(&c->lock);
        struct page *fresh = new_page(c);
        if (!fresh)
            return NULL;
        spin_lock(&c->lock);
        list_push_front(&c->partial, &fresh->link);
    }
    struct page *p = list_first(&c->partial, struct page, link);
    free_link_t *object = link_at(p, p->slab_free);
    debug_slab_taken(c, object);
    p->slab_free = *object;
    p->slab_used++;
    c->objects++;
    if (p->slab_free == SLAB_FULL)
        list_remove(&p->link);
    spin_unlock(&c->lock);
    return object;
}

void *slab_alloc(struct slab_cache *c)
{
    void *object = take(c);

    return object ? memset(object, 0, c->size) : NULL;
}

void slab_free(struct slab_cache *c, void *object)
{
    if (!object)
        return;
    struct page *p = kva_page(object);
    if (p->slab != c || p->slab_used == 0)
        panic("slab %s: 0x%lx is freed, which is no live object of it", c->name, (uintptr_t)object);
    spin_lock(&c->lock);
    debug_slab_freed(c, object, __builtin_return_address(0));
    if (p->slab_free == SLAB_FULL)
        list_push_front(&c->partial, &p->link);
    *(free_link_t *)object = p->slab_free;
    p->slab_free = (uintptr_t)object % PAGE_SIZE;
    c->objects--;
    bool empty = --p->slab_used == 0 && p->link.next != p->link.prev; /* and not the only one */
    if (empty)
        list_remove(&p->link);
    spin_unlock(&c->lock);
    if (empty) {
        __atomic_fetch_sub(&page_count, 1, __ATOMIC_RELAXED);
        p->slab = NULL;
        page_put(p);
    }
}

size_t slab_pages(void)
{
    return __atomic_load_n(&page_count, __ATOMIC_RELAXED);
}

/* ---- odd sizes ---- */

#define KMALLOC_CACHE(i, n) [i] = SLAB_INIT_SIZE(kmalloc_caches[i], "kmalloc-" #n, (n))

static struct slab_cache kmalloc_caches[] = {
    KMALLOC_CACHE(0, 32),  KMALLOC_CACHE(1, 64),   KMALLOC_CACHE(2, 128),  KMALLOC_CACHE(3, 256),
    KMALLOC_CACHE(4, 512), KMALLOC_CACHE(5, 1024), KMALLOC_CACHE(6, 2048),
};

void *kmalloc(size_t size)
{
    for (unsigned i = 0; i < ARRAY_SIZE(kmalloc_caches); i++)
        if (size <= kmalloc_caches[i].size)
            return take(&kmalloc_caches[i]);
    unsigned order = 0;
    while (order <= PAGE_MAX_ORDER && PAGE_SIZE << order < size)
        order++;
    struct page *p = page_alloc_order(order, page_flags());
    return p ? page_kva(p) : NULL;
}

void *kzalloc(size_t size)
{
    void *p = kmalloc(size);

    return p ? memset(p, 0, size) : NULL;
}

void kfree(void *p)
{
    if (!p)
        return;
    struct page *page = kva_page(p);
    if (page_refs(page) == 0)
        panic("kfree: 0x%lx is freed, but its page is free already", (uintptr_t)p);
    if (page->slab)
        slab_free(page->slab, p);
    else
        page_put(page);
}

/* ---- debug builds ---- */

#ifdef LODE_DEBUG
/* The live objects on a page with free ones; the pages that are full are in no list. */
static size_t check_page(const struct slab_cache *c, const struct page *p)
{
    size_t capacity = PAGE_SIZE / c->size, free = 0;

    CHECK(p->refs == 1 && p->slab == c, "slab %s: its page 0x%lx has %u references, or is another's", c->name,
          page_pa(p), p->refs);
    for (free_link_t at = p->slab_free; at != SLAB_FULL && free <= capacity; at = *link_at(p, at), free++)
        if (!CHECK(at % c->size == 0 && at + c->size <= PAGE_SIZE,
                   "slab %s: page 0x%lx: a free object at offset %u", c->name, page_pa(p), at))
            break;
    CHECK(free > 0 && free + p->slab_used == capacity,
          "slab %s: page 0x%lx: %lu free objects, %u used, of %lu", c->name, page_pa(p), free, p->slab_used,
          capacity);
    return p->slab_used;
}

static void check_slab(struct slab_cache *c, void *pages)
{
    size_t used = 0;
    struct page *p;

    if (!check_list(&c->partial, c->name))
        return;
    list_for_each_entry (p, &c->partial, link) {
        used += check_page(c, p);
        ++*(size_t *)pages;
    }
    CHECK(used <= c->objects && (c->objects - used) % (PAGE_SIZE / c->size) == 0,
          "slab %s: %lu objects, %lu of them on partial pages", c->name, c->objects, used);
    *(size_t *)pages += (c->objects - used) / (PAGE_SIZE / c->size);
}

void slab_check(void)
{
    size_t pages = 0;

    slab_for_each(check_slab, &pages);
    CHECK(pages == page_count, "slabs: %lu pages, %lu counted", pages, page_count);
}
#endif
