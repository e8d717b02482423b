/* Time: the clock, the timer interrupt, and timers that call a function.
 *
 * Times are in nanoseconds. The monotonic clock counts from boot; the time of day is the monotonic clock plus
 * an offset that the RTC gives at boot. */
#pragma once
#include "lib/types.h"

void timer_init(void);      /* boot hart, after machine_probe */
void timer_init_hart(void); /* each hart: timer interrupt on */

uint64_t time_monotonic(void);     /* ns since boot; never goes back, on any hart */
uint64_t time_of_day(void);        /* ns since 1970-01-01 UTC */
void time_set_of_day(uint64_t ns); /* at boot only: programs are told the offset when they start */

/* What the clock is computed from. exec hands it on to programs (abi/system.h, AT_LODE_BOOT). */
extern struct time_base {
    uint64_t boot_ticks;     /* c  the time CSR at boot */
    uint64_t ns_per_tick_32; /* c  ns per tick, 32.32 fixed point */
    uint64_t day_offset;     /* c  time of day - monotonic, ns */
} time_base;

/* A call in the future. The function runs once, in interrupt context on the hart that armed it, with
 * interrupts off and no locks held; it must not sleep. */
struct timer {
    uint64_t deadline; /* t  ns, monotonic */
    void (*function)(struct timer *);
    struct timer *child, *sibling, *prev; /* t  pairing heap; prev is the parent for a first child */
    struct cpu *cpu;                      /* o  the hart that armed it last */
    bool armed;                           /* t  in that hart's heap */
};

/* Both by the timer's owner only. After timer_cancel the function neither runs nor will run; it is for
 * timers that have been armed, due or not. */
void timer_arm(struct timer *t, uint64_t deadline, void (*function)(struct timer *));
void timer_cancel(struct timer *t);

/* For loops that wait for another hart: called with interrupts off, before such a wait and every now and then
 * in it. Sets off a timer interrupt within a few microseconds. Under QEMU's -icount, harts take turns that last until
 * the next timer of any of them, which may be seconds away; so this is what lets the other hart go on. */
void timer_end_turn(void);

/* The scheduler's tick: while it is on, this hart gets a timer interrupt every SCHED_SLICE. Interrupts off.
 */
void timer_tick(bool on);

/* From the trap handler: what is due on this hart. user: it interrupted user mode. */
void timer_interrupt(bool user);

uint64_t time_ticks_to_ns(uint64_t ticks); /* ticks of the time CSR */
