/* Signal dispositions: what a process does on each signal. Counted, so that threads can share them.
 *
 * A signal is ignored, ends the process, or makes it run a handler (sigframe.c). */
#pragma once
#include "abi/signal.h"
#include "lib/types.h"
#include "mm/aspace.h"
#include "sync/spinlock.h"

struct trapframe;

struct sighand {
    uint32_t refs;   /* a */
    uint64_t caught; /* owner  bit n-1: signal n has a handler */
    struct abi_sigaction
        action[NSIG + 1]; /* by signal number; the owner writes, others read `handler` atomically */
};

struct sighand *sighand_copy(const struct sighand *s); /* of NULL: all default. NULL without memory */
void sighand_put(struct sighand *s);
void sighand_exec(struct sighand *s); /* handlers become the default, ignored stays ignored */

#define SIGNAL_BIT(sig) (1ul << ((sig)-1))

/* On the way to user mode, interrupts on: acts on pending signals; may not return. */
void signal_deliver(struct trapframe *tf);

/* The current process did something forbidden: true when it has a handler for that, which will run. */
bool signal_fault(int sig, uint64_t addr);

bool signal_deadly(void);               /* one is pending that will end the current process */
void signal_set_blocked(uint64_t mask); /* of the current process */

/* sigframe.c: change the current process's registers so that it runs the handler (false: its stack has no
 * room), and back to what they were. A handler returns to SIGNAL_RETURN, where nothing is ever mapped. */
#define SIGNAL_RETURN (USER_TOP - PAGE_SIZE)
bool signal_enter_handler(int sig, const struct abi_sigaction *action);
void signal_return(void);
