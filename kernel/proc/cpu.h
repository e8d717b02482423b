/* One struct cpu per hart.
 *
 * Letters: c constant after boot; o only that hart, interrupts off; r its run queue's lock; t its timers'
 * lock; a atomic. */
#pragma once
#include "boot/machine.h"
#include "lib/list.h"
#include "lib/types.h"
#include "proc/proc.h"
#include "sync/spinlock.h"

struct aspace;
struct page;

#define CPU_PAGES 64 /* pages in a hart's cache of free pages */

struct cpu {
    unsigned index;           /* c  0 .. machine.nharts-1 */
    uint64_t hartid;          /* c  the firmware's number */
    bool online;              /* a */
    struct proc *parked;      /* a  it has stopped for good, in this process ... */
    const void *parked_frame; /* ... and with this frame pointer */
    struct proc *idle;        /* c  runs when nothing else is ready */

    /* Scheduling (sched.c). */
    struct spinlock run_lock;
    struct list run_queue; /* r  RUNNABLE, first in first out */
    unsigned run_count;    /* r  (read without lock as a hint) */
    uint64_t idle_time;    /* o  timebase ticks spent idle */
    uint64_t switches;     /* o */

    /* Time (trap/timer.c). */
    struct spinlock timer_lock;
    struct timer *timers;        /* t  pairing heap: the root is the earliest */
    struct timer *timer_running; /* t  whose function is being called */
    uint64_t tick_deadline;      /* o  ns; 0: no tick (idle) */
    struct timer limit;          /* o  the boot argument limit=: the machine's end */
    struct timer watchdog;       /* o  watchdog=: when process 1 must have run */
    uint64_t interrupts;         /* o */

    /* Memory (mm). */
    struct aspace *aspace;      /* o  loaded; NULL: the kernel's table */
    uint64_t kstack_generation; /* o */
    uint64_t fences_asked;      /* a  by other harts: kvm_fence_remote */
    uint64_t fences_done;       /* a  written by this hart only */
    struct {
        unsigned count;
        struct page *page[CPU_PAGES];
    } pages; /* o */
};

extern struct cpu cpus[MAX_HARTS];

/* The hart this runs on. Interrupts off, or the answer may be stale at once. */
static inline struct cpu *mycpu(void)
{
    return current()->cpu;
}

/* Send an interrupt to another hart: it looks at its run queue, and whether to stop. */
void cpu_kick(struct cpu *c);
void cpu_kicked(void);         /* from the trap handler of the hart that was kicked */
void cpu_stop_others(void);    /* panic: the other harts stop for good; never waits for long */
_Noreturn void cpu_park(void); /* this hart stops for good; interrupts off */

/* boot/hart.c */
void hart_init_boot(uint64_t hartid); /* makes tp and cpus[0] valid: the first thing that runs */
void hart_start_all(void); /* start the harts other than the boot hart; a failing one is a message */
