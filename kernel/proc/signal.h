/* Signal dispositions: what a process does on each signal. Counted, so that threads can share them.
 *
 * A signal is ignored, or ends the process: programs cannot run handlers yet. One whose handler is set is
 * kept with the disposition that was asked for, and ends the process like the default. */
#pragma once
#include "abi/signal.h"
#include "lib/types.h"
#include "sync/spinlock.h"

struct trapframe;

struct sighand {
    uint32_t refs; /* a */
    struct abi_sigaction
        action[NSIG + 1]; /* by signal number; the owner writes, others read `handler` atomically */
};

struct sighand *sighand_copy(const struct sighand *s); /* of NULL: all default. NULL without memory */
void sighand_put(struct sighand *s);
void sighand_exec(struct sighand *s); /* handlers become the default, ignored stays ignored */

/* On the way to user mode, interrupts on: acts on pending signals; may not return. */
void signal_deliver(struct trapframe *tf);
