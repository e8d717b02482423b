/* The order in which spin locks are taken: a lock may be acquired only while every spin lock held has a
 * lower rank. Debug builds check it. docs/locking.md explains each. Mutexes order among themselves as
 * docs/locking.md has it; they are taken with no spin lock held. */
#pragma once

enum lock_rank {
    RANK_NONE,      /* of a lock that nobody has initialised */
    RANK_OUTER,     /* subsystems' own locks, none taken inside another: inode hash, journal */
    RANK_FILE,      /* open-file and descriptor-table internals */
    RANK_TTY,       /* the console's line discipline */
    RANK_PROC_TREE, /* parent/child links, pid hash */
    RANK_ASPACE,    /* page tables of an address space, while pages are copied */
    RANK_CACHE,     /* page and block cache: hash and LRU */
    RANK_DISK,      /* a disk driver's queue */
    RANK_WAIT,      /* a bucket of wait queues */
    RANK_PROC,      /* signal state of one process */
    RANK_TIMER,     /* a hart's timers */
    RANK_RUNQUEUE,  /* a hart's run queue */
    RANK_SLAB,
    RANK_PAGE,   /* the page allocator */
    RANK_RANDOM, /* the random number generator's key */
    RANK_UART,
    RANK_LOG, /* the ring of kernel messages: printk works under any lock */
};
