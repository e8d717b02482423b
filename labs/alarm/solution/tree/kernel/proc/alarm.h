/* Alarms: a process has a function of its own called after every so many timer ticks that found it running. */
#pragma once
#include "lib/types.h"
#include "trap/trapframe.h"

struct proc;

/* Part of a process. The timer interrupt, too, changes `ticks`: the process itself turns interrupts off
 * where it changes more than one field that alarm_tick looks at. */
struct alarm {
    uint32_t interval; /* o  ticks from one call to the next; 0: no alarm */
    uint32_t ticks;    /* o  since the last one */
    uptr_t handler;    /* o */
    bool active;       /* o  the handler is running; what it interrupted follows */
    bool fp_used;      /* o */
    struct trapframe tf;
    uint64_t fp[33];
};

void alarm_tick(struct proc *p);          /* timer interrupt: a tick found p running */
void alarm_deliver(struct trapframe *tf); /* on the way to user mode, after the signals */
void alarm_fork(struct proc *child);      /* a child has no alarm, but may be in a handler as its parent is */
