/* The parts that sleeping is made of, for sync/ itself and for signals. Everybody else uses wait.h.
 *
 * To wait: wait_begin puts the current process on the channel's queue, while it still runs; then it lets go
 * of its locks or looks at its condition once more; then wait_end sleeps, unless a wake-up came in between.
 */
#pragma once
#include "lib/types.h"

struct proc;

void wait_begin(const void *chan, bool interruptible);
int wait_end(uint64_t deadline); /* 0 woken, -EINTR, -ETIMEDOUT */
void wait_cancel(void);          /* instead of wait_end: does not sleep */

/* Wakes p if it waits interruptibly: its wait ends with `result`. For signals and timeouts. */
void wait_interrupt(struct proc *p, int result);
