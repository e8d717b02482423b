/* Kernel objects of one size each, on pages of their own; and kmalloc for odd sizes. Never sleep; without a
 * spin lock held they may reclaim cache pages. */
#pragma once
#include "lib/list.h"
#include "lib/types.h"
#include "sync/spinlock.h"

struct slab_cache {
    struct spinlock lock;
    const char *name;
    size_t size;         /* of an object: a multiple of 16, from 32 to a page */
    struct list partial; /* s  pages with free objects */
    size_t objects;      /* s  live objects */
    bool listed;         /* has been used: among those that slab_for_each sees */
    struct slab_cache *next;
};

/* static struct slab_cache inode_slab = SLAB_INIT(inode_slab, "inode", struct inode); */
#define SLAB_INIT(cache, object_name, type) SLAB_INIT_SIZE(cache, object_name, sizeof(type))
#define SLAB_INIT_SIZE(cache, object_name, bytes)                                                            \
    {                                                                                                        \
        .lock = SPINLOCK_INIT("slab", RANK_SLAB), .name = (object_name),                                     \
        .size = (bytes) < 32 ? 32 : ((bytes) + 15) & ~15ul, .partial = LIST_INIT((cache).partial)            \
    }

void *slab_alloc(struct slab_cache *c);             /* zeroed; NULL without memory */
void slab_free(struct slab_cache *c, void *object); /* NULL is ignored */

/* Any size up to 4 MB: up to half a page from slabs of powers of two, above that whole pages. */
void *kmalloc(size_t size); /* not zeroed */
void *kzalloc(size_t size);
void kfree(void *p); /* NULL is ignored */

size_t slab_pages(void); /* that slabs occupy, for /proc */

/* Calls f for each cache that has been used, for /proc. No lock is held. */
void slab_for_each(void (*f)(struct slab_cache *c, void *arg), void *arg);
