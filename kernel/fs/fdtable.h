/* What a descriptor table is made of, for what every read and write needs inline: looking at the open file.
 * fdtable.c says how it works, file.h has its functions. */
#pragma once
#include "fs/file.h"
#include "proc/proc.h"

#define FD_FIRST_SLOTS 16

struct fd_slot {
    struct file *file; /* l  NULL: free */
    bool cloexec;      /* l  closed by exec */
};

struct fdtable {
    uint32_t refs;   /* a */
    uint32_t size;   /* l  slots */
    uint32_t lowest; /* l */
    uint32_t limit;  /* a */
    struct spinlock lock;
    struct fd_slot *slots; /* l */
    struct fd_slot first[FD_FIRST_SLOTS];
};

/* Pairs with fdtable_put: what the last of the other threads did to the table is seen. */
static inline bool fdtable_is_shared(const struct fdtable *t)
{
    return __atomic_load_n(&t->refs, __ATOMIC_ACQUIRE) > 1;
}

/* The open file behind the descriptor, NULL: none. The table's lock is held, or the table not shared. */
static inline struct file *fdtable_look(const struct fdtable *t, uint32_t fd)
{
    return fd < t->size ? t->slots[fd].file : NULL;
}

/* f, which the current process has got from a table that is not shared, by fdtable_look, is open there only: nobody
 * else can use it until the process itself lets others. Acquire: what the last of the others did with it is seen. (A
 * call that counts its file, by fd_file, gets false.) */
static inline bool fd_is_only_place(const struct file *f)
{
    return __atomic_load_n(&f->refs, __ATOMIC_ACQUIRE) == 1 && !fdtable_is_shared(current()->files);
}
