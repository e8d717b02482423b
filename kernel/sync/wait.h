/* Sleeping and waking. A channel is any address that stands for the event waited for. Wait queues are
 * hashed by channel, so waking costs what it wakes, not the number of processes.
 *
 * The condition is protected by the caller's lock: the sleeper checks it under the lock and sleeps in one
 * step; the waker changes it under the lock and then wakes. So no wake-up is lost. After waking, the
 * condition has to be checked again: others may have been faster. */
#pragma once
#include "lib/types.h"
#include "sync/spinlock.h"
#include "sync/mutex.h"

struct proc;

#define WAIT_FOREVER 0ull

void wait_init(void); /* boot hart, before anybody waits */

/* Release the lock, sleep on chan, take the lock again. Not ended by signals: only for waits that are short
 * and certain to end (disk I/O, a mutex, a commit). */
void sleep(const void *chan, struct spinlock *l);

/* The same, ended also by a pending signal (-EINTR) or when the monotonic clock reaches `deadline`, in ns
 * (-ETIMEDOUT; WAIT_FOREVER: never). 0: woken. With a signal pending on entry they do not sleep. */
int sleep_interruptible(const void *chan, struct spinlock *l, uint64_t deadline);
int sleep_mutex_interruptible(const void *chan, struct mutex *m, uint64_t deadline);

/* Wake all, or the longest-waiting one. Any context; return how many were woken. */
int wakeup(const void *chan);
int wakeup_one(const void *chan);

/* What sleeping is made of, for sync/, sched.c and signal.c. wait_begin puts the current process on the
 * channel's queue, while it still runs; then it lets go of its locks or looks at its condition once more;
 * then wait_end sleeps, unless a wake-up came in between. */
void wait_begin(const void *chan, bool interruptible);
int wait_end(uint64_t deadline); /* 0 woken, -EINTR, -ETIMEDOUT */
void wait_cancel(void);          /* instead of wait_end: does not sleep */

/* Wakes p if it waits interruptibly: its wait ends with `result`. For signals and timeouts. */
void wait_interrupt(struct proc *p, int result);
