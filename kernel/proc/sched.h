/* The scheduler: which process runs next on a hart, and the switch to it.
 *
 * Policy. Round robin: each hart has a FIFO queue of RUNNABLE processes; the timer takes the hart away after
 * a slice when another one waits. All knowledge of the order is in the functions sched_policy_* of sched.c,
 * so that another policy replaces just those. */
#pragma once
#include "lib/types.h"

struct proc;
struct cpu;

#define SCHED_SLICE 10000000ull /* ns: 10 ms */

void sched_init_cpu(struct cpu *c);

/* Make a process RUNNABLE that is new or has been taken off its wait queue, and choose its hart. Any context.
 */
void sched_ready(struct proc *p);

/* Give the hart to the next process. The caller has set its own state (SLEEPING under the wait bucket's lock,
 * or ZOMBIE), has interrupts off, irq_depth 1, and no lock. Returns when it runs again. */
void sched_switch(void);

void sched_yield(void);          /* to the end of the queue; also a trap's way out, on ATTENTION_RESCHED */
int sched_sleep_ns(uint64_t ns); /* 0, or -EINTR when a signal came first */
void sched_tick(void);           /* timer interrupt, every slice */

/* The second half of a switch, on the new process's stack. */
void sched_finish(struct proc *prev);
_Noreturn void sched_idle(void *unused); /* body of the idle processes */

/* Runnable processes, all queues and harts together. */
unsigned sched_load(void);

/* Instructions executed by all harts since boot. Exact under QEMU's -icount, where it may be compared with itself;
 * other machines count each hart's alone. */
uint64_t sched_instructions(void);
