/* Freed memory. It is filled with a pattern, and when it is handed out again, the pattern must still be
 * there: who has gone on writing to it is found then. Read as an address, the pattern is one that nothing is
 * ever mapped at, so following a pointer out of freed memory is a fault. Memory handed out without being
 * zeroed holds another such pattern.
 *
 * A page's struct page says who freed it (freed_by), while it is free. Pages that were never handed out have
 * no freed_by and no pattern, so that booting need not touch all memory.
 *
 * A free object of a slab:   | link, 2 | pattern, 6 | freed_by, 8 | pattern ... */
#include "debug/debug.h"

#include "lib/printk.h"
#include "mm/page.h"
#include "mm/slab.h"

#define FREED 0xdedededededededeul
#define FRESH 0xf1f1f1f1f1f1f1f1ul

static void fill(uint64_t *at, size_t bytes, uint64_t pattern)
{
    for (size_t i = 0; i < bytes / 8; i++)
        at[i] = pattern;
}

/* The offset of the first byte that is not the pattern's; `bytes` if all are. */
static size_t damaged(const uint64_t *at, size_t bytes)
{
    for (size_t i = 0; i < bytes / 8; i++)
        if (at[i] != FREED)
            return 8 * i + __builtin_ctzl(at[i] ^ FREED) / 8;
    return bytes;
}

const char *debug_pattern(vaddr_t addr)
{
    return addr >> 16 == FREED >> 16   ? " (a pointer out of freed memory)"
           : addr >> 16 == FRESH >> 16 ? " (a pointer out of memory that nobody has filled)"
                                       : "";
}

/* ---- pages ---- */

void debug_page_live(struct page *p, uint32_t refs)
{
    if (refs == 0)
        panic("page 0x%lx is used or freed, but is free already; it was freed\n  at 0x%lx", page_pa(p),
              (uintptr_t)p->freed_by);
}

void debug_page_freed(struct page *p, const void *by)
{
    assert(page_refs(p) == 0);
    for (size_t i = 0; i < 1ul << p->order; i++) {
        if (p[i].freed_by)
            panic("page 0x%lx is freed twice; first\n  at 0x%lx", page_pa(&p[i]), (uintptr_t)p[i].freed_by);
        p[i].freed_by = by;
        fill(page_kva(&p[i]), PAGE_SIZE, FREED);
    }
}

void debug_page_taken(struct page *p, unsigned order)
{
    assert(page_refs(p) == 0);
    for (size_t i = 0; i < 1ul << order; i++) {
        size_t at = p[i].freed_by ? damaged(page_kva(&p[i]), PAGE_SIZE) : PAGE_SIZE;
        if (at < PAGE_SIZE)
            panic("page 0x%lx was written after it was freed, at offset %zu; it was freed\n  at 0x%lx",
                  page_pa(&p[i]), at, (uintptr_t)p[i].freed_by);
        p[i].freed_by = NULL;
        fill(page_kva(&p[i]), PAGE_SIZE, FRESH);
    }
}

/* ---- objects of slabs ---- */

typedef uint16_t __attribute__((may_alias)) link_t;
typedef uint64_t __attribute__((may_alias)) word_t;

void debug_slab_new_page(struct page *p)
{
    fill(page_kva(p), PAGE_SIZE, FREED);
}

void debug_slab_taken(struct slab_cache *c, void *object)
{
    link_t *link = object;
    word_t *word = object;
    bool linked = *link == 0xffff || (*link % c->size == 0 && *link + c->size <= PAGE_SIZE);
    size_t at = !linked                        ? 0
                : (word[0] ^ FREED) >> 16 != 0 ? 2
                                               : 16 + damaged((uint64_t *)object + 2, c->size - 16);

    if (at < c->size)
        panic("slab %s: object 0x%lx was written after it was freed, at offset %zu; it was freed\n"
              "  at 0x%lx",
              c->name, (uintptr_t)object, at, word[1]);
    word[0] = FRESH << 16 | *link;
    fill((uint64_t *)object + 1, c->size - 8, FRESH);
}

void debug_slab_freed(struct slab_cache *c, void *object, const void *by)
{
    struct page *p = kva_page(object);
    size_t offset = (uintptr_t)object % PAGE_SIZE;
    char *page = page_kva(p);
    word_t *word = object;

    if (offset % c->size)
        panic("slab %s: 0x%lx is freed, which is inside an object", c->name, (uintptr_t)object);
    for (link_t o = p->slab_free; o != 0xffff; o = *(link_t *)(page + o))
        if (o == offset)
            panic("slab %s: object 0x%lx is freed twice; first\n  at 0x%lx", c->name, (uintptr_t)object,
                  word[1]);
    fill(object, c->size, FREED);
    word[1] = (uintptr_t)by;
}
