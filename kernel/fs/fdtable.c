/* Descriptor tables: from small numbers to open files.
 *
 * A table is an array of slots that doubles when it is full, up to the limit (RLIMIT_NOFILE). The first few
 * are part of the table itself, enough for most programs. `lowest` makes finding the lowest free descriptor
 * cheap: every slot below it is in use.
 *
 * Threads share a table; its lock (l) is for them. A table that nobody shares is looked at by its owner
 * alone, so the lock is left out: only the owner could make others share it. Nobody reads another process's
 * table. Files are released, and memory allocated, with the lock free. */
#include "debug/check.h"
#include "fs/fdtable.h"

#include "abi/errno.h"
#include "abi/limits.h"
#include "lib/string.h"
#include "mm/page.h"
#include "mm/slab.h"

#define DEFAULT_LIMIT 1024

/* Counts that programs drive: each reference to an open file is a slot, each to an inode an open file at least. */
_Static_assert(PAGE_RAM_MAX / sizeof(struct fd_slot) <= UINT32_MAX, "struct file, refs");
_Static_assert(PAGE_RAM_MAX / sizeof(struct file) <= UINT32_MAX / 2, "struct inode, refs below INODE_DEAD");

static struct slab_cache fdtable_slab = SLAB_INIT(fdtable_slab, "fdtable", struct fdtable);

/* Returns whether the lock was needed, for unlock. */
static inline bool lock(struct fdtable *t)
{
    bool shared = fdtable_is_shared(t);
    if (unlikely(shared))
        spin_lock(&t->lock);
    return shared;
}

static inline void unlock(struct fdtable *t, bool locked)
{
    if (unlikely(locked))
        spin_unlock(&t->lock);
}

/* ---- tables ---- */

struct fdtable *fdtable_create(void)
{
    struct fdtable *t = slab_alloc(&fdtable_slab);
    if (!t)
        return NULL;
    t->refs = 1;
    t->size = FD_FIRST_SLOTS;
    t->limit = DEFAULT_LIMIT;
    t->slots = t->first;
    spin_init(&t->lock, "fdtable", RANK_FILE);
    return t;
}

void fdtable_put(struct fdtable *t)
{
    if (__atomic_fetch_sub(&t->refs, 1, __ATOMIC_ACQ_REL) != 1)
        return;
    for (uint32_t fd = 0; fd < t->size; fd++)
        if (t->slots[fd].file)
            file_put(t->slots[fd].file);
    if (t->slots != t->first)
        kfree(t->slots);
    slab_free(&fdtable_slab, t);
}

/* Makes room for at least `want` slots. 0 or -ENOMEM. */
static int grow(struct fdtable *t, uint32_t want)
{
    uint32_t size = FD_FIRST_SLOTS;
    while (size < want)
        size *= 2;
    struct fd_slot *slots = kzalloc(size * sizeof(*slots)), *unused = slots;
    if (!slots)
        return -ENOMEM;
    bool locked = lock(t);
    if (t->size < size) { /* else another thread was faster */
        memcpy(slots, t->slots, t->size * sizeof(*slots));
        unused = t->slots;
        t->slots = slots;
        t->size = size;
    }
    unlock(t, locked);
    if (unused != t->first)
        kfree(unused);
    return 0;
}

struct fdtable *fdtable_copy(struct fdtable *t)
{
    struct fdtable *copy = fdtable_create();
    if (!copy)
        return NULL;
    bool locked = lock(t);
    while (copy->size < t->size) { /* another thread may make t larger while the lock is free */
        uint32_t size = t->size;
        unlock(t, locked);
        if (grow(copy, size)) {
            fdtable_put(copy);
            return NULL;
        }
        locked = lock(t);
    }
    memcpy(copy->slots, t->slots, t->size * sizeof(*t->slots));
    for (uint32_t fd = 0; fd < t->size; fd++)
        if (t->slots[fd].file)
            file_get(t->slots[fd].file);
    copy->lowest = t->lowest;
    unlock(t, locked);
    copy->limit = fdtable_limit(t);
    return copy;
}

uint32_t fdtable_limit(struct fdtable *t)
{
    return __atomic_load_n(&t->limit, __ATOMIC_RELAXED);
}

void fdtable_set_limit(struct fdtable *t, uint64_t limit)
{
    __atomic_store_n(&t->limit, (uint32_t)MIN(limit, (uint64_t)OPEN_MAX), __ATOMIC_RELAXED);
}

/* ---- descriptors ---- */

struct file *fd_file(int fd)
{
    struct fdtable *t = current()->files;
    bool locked = lock(t);
    struct file *f = fdtable_look(t, (uint32_t)fd);
    if (f)
        file_get(f);
    unlock(t, locked);
    return f;
}

static struct file *take(struct fdtable *t, uint32_t fd, bool only_cloexec)
{
    struct file *f = NULL;
    bool locked = lock(t);
    if (fd < t->size && (!only_cloexec || t->slots[fd].cloexec)) {
        f = t->slots[fd].file;
        t->slots[fd] = (struct fd_slot){NULL, false};
        t->lowest = MIN(t->lowest, fd);
    }
    unlock(t, locked);
    return f;
}

struct file *fd_take(int fd)
{
    return take(current()->files, (uint32_t)fd, false);
}

void fdtable_close_on_exec(struct fdtable *t)
{
    for (uint32_t fd = 0; fd < t->size; fd++) {
        struct file *f = take(t, fd, true);
        if (f)
            file_put(f);
    }
}

__attribute__((noinline)) static int install_from(struct fdtable *t, struct file *f, uint32_t from,
                                                  bool cloexec)
{
    for (;;) {
        bool locked = lock(t);
        uint32_t fd = MAX(from, t->lowest), size = t->size;
        while (fd < size && t->slots[fd].file)
            fd++;
        bool full = fd >= fdtable_limit(t);
        if (!full && fd < size) {
            t->slots[fd] = (struct fd_slot){f, cloexec};
            if (from <= t->lowest)
                t->lowest = fd + 1;
        }
        unlock(t, locked);
        if (full)
            return -EMFILE;
        if (fd < size)
            return (int)fd;
        if (grow(t, fd + 1))
            return -ENOMEM;
    }
}

int fd_install(struct file *f, uint32_t from, bool cloexec)
{
    struct fdtable *t = current()->files;
    uint32_t fd = t->lowest;
    /* The common case of what install_from does. */
    if (unlikely(from || fdtable_is_shared(t) || fd >= t->size || fd >= fdtable_limit(t) ||
                 t->slots[fd].file))
        return install_from(t, f, from, cloexec);
    t->slots[fd] = (struct fd_slot){f, cloexec};
    t->lowest = fd + 1;
    return (int)fd;
}

int fd_replace(struct file *f, int fd, bool cloexec)
{
    struct fdtable *t = current()->files;
    if ((uint32_t)fd >= fdtable_limit(t))
        return -EBADF;
    if ((uint32_t)fd >= t->size && grow(t, (uint32_t)fd + 1))
        return -ENOMEM;
    bool locked = lock(t);
    struct file *old = t->slots[fd].file;
    t->slots[fd] = (struct fd_slot){f, cloexec};
    unlock(t, locked);
    if (old)
        file_put(old);
    return fd;
}

int fd_cloexec(int fd, int set)
{
    struct fdtable *t = current()->files;
    bool locked = lock(t);
    int was = (uint32_t)fd < t->size && t->slots[fd].file ? t->slots[fd].cloexec : -EBADF;
    if (was >= 0 && set >= 0)
        t->slots[fd].cloexec = set;
    unlock(t, locked);
    return was;
}

/* ---- debug builds ---- */

#ifdef LODE_DEBUG
void fdtable_check(struct fdtable *t)
{
    CHECK(t->refs > 0 && t->lowest <= t->size, "descriptors: %u references, lowest %u of %u", t->refs,
          t->lowest, t->size);
    for (uint32_t fd = 0; fd < t->size; fd++) {
        const struct file *f = t->slots[fd].file;
        CHECK(f || (fd >= t->lowest && !t->slots[fd].cloexec),
              "descriptor %u: free, below the lowest free one, %u", fd, t->lowest);
        if (!f ||
            !CHECK(check_pointer(f) && f->refs > 0 && f->ops, "descriptor %u: its file is not open", fd))
            continue;
        CHECK(!f->inode || f->inode->refs > 0, "descriptor %u: no reference to its inode", fd);
        pipe_check(f);
    }
}
#endif
