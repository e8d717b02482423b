/* The order in which spin locks are taken: a lock may be acquired only while every spin lock held has a
 * lower rank. Debug builds check it. docs/locking.md explains each. Mutexes order among themselves as
 * docs/locking.md has it; they are taken with no spin lock held. */
#pragma once

enum lock_rank {
    RANK_NONE = 0,       /* not checked (boot only) */
    RANK_OUTER = 10,     /* subsystems' own locks, none taken inside another: inode hash, journal, fd table */
    RANK_FILE = 20,      /* open-file and descriptor-table internals */
    RANK_TTY = 30,       /* the console's line discipline */
    RANK_PROC_TREE = 40, /* parent/child links, pid hash */
    RANK_ASPACE = 50,    /* page tables of an address space, while pages are copied */
    RANK_CACHE = 60,     /* page and block cache: hash and LRU */
    RANK_DISK = 70,      /* a disk driver's queue */
    RANK_WAIT = 80,      /* a bucket of wait queues */
    RANK_PROC = 90,      /* signal state of one process */
    RANK_TIMER = 100,    /* a hart's timers */
    RANK_RUNQUEUE = 110, /* a hart's run queue */
    RANK_SLAB = 120,
    RANK_PAGE = 130,   /* the page allocator */
    RANK_RANDOM = 135, /* the random number generator's key */
    RANK_UART = 140,
    RANK_LOG = 150, /* the ring of kernel messages: printk works under any lock */
};
