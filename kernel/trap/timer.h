/* Time: the clock, the timer interrupt, and timers that call a function.
 *
 * Times are in nanoseconds. The monotonic clock counts from boot; the time of day is the monotonic clock plus
 * an offset that the RTC gives at boot. */
#pragma once
#include "lib/types.h"

void timer_init(void);      /* boot hart, after machine_probe */
void timer_init_hart(void); /* each hart: timer interrupt on */

uint64_t time_monotonic(void); /* ns since boot; never goes back, on any hart */
uint64_t time_of_day(void);    /* ns since 1970-01-01 UTC */
void time_set_of_day(uint64_t ns);

/* A call in the future. The function runs once, in interrupt context on the hart that armed it, with
 * interrupts off and no locks held; it must not sleep. */
struct timer {
    uint64_t deadline; /* t  ns, monotonic */
    void (*function)(struct timer *);
    struct timer *child, *sibling, *prev; /* t  pairing heap; prev is the parent for a first child */
    struct cpu *cpu;                      /* t  whose heap it is in; NULL when not armed */
};

void timer_arm(struct timer *t, uint64_t deadline, void (*function)(struct timer *));
/* After it returns, the function neither runs nor will run. */
void timer_cancel(struct timer *t);

/* The scheduler's tick: this hart gets a timer interrupt every SCHED_SLICE from start to stop. Interrupts
 * off. */
void timer_tick_start(void);
void timer_tick_stop(void);

/* From the trap handler: what is due on this hart. user: it interrupted user mode. */
void timer_interrupt(bool user);

uint64_t time_ticks_to_ns(uint64_t ticks); /* ticks of the time CSR */

/* Turn this hart's timer interrupt off and on; pairs do not nest. */
void timer_off(void);
void timer_on(void);
