/* Time.
 *
 * The time CSR counts at machine.timebase, in step on all harts. Each hart has one comparator, stimecmp where
 * the ISA has Sstc, else the firmware's (SBI set_timer). It is set to the earliest of the hart's timers and
 * its scheduler tick; an idle hart has no tick, so it sleeps until something is really due.
 *
 * Timers are kept per hart in a pairing heap (Fredman, Sedgewick, Sleator and Tarjan, 1986): arming takes
 * constant time, and taking out any timer amortised logarithmic time, without memory of its own. A node's
 * prev is its left sibling, or its parent if it is the first child; the root's prev is NULL. */
#include "trap/timer.h"

#include "boot/machine.h"
#include "boot/sbi.h"
#include "abi/time.h"
#include "debug/check.h"
#include "debug/debug.h"
#include "drivers/drivers.h"
#include "lib/printk.h"
#include "proc/cpu.h"
#include "proc/sched.h"
#include "trap/riscv.h"

#define NEVER    (~0ull)
#define TURN_END 5000 /* ns */

struct time_base time_base;

void timer_init(void)
{
    time_base.boot_ticks = rdtime();
    time_base.ns_per_tick_32 = (NSEC_PER_SEC << 32) / machine.timebase;
    if (!machine.sstc && !sbi_has_time)
        boot_fail("no timer: the harts have no Sstc and the firmware has no TIME extension");
}

uint64_t time_ticks_to_ns(uint64_t ticks)
{
    return (unsigned __int128)ticks * time_base.ns_per_tick_32 >> 32;
}

/* Rounded up, so that the clock has reached ns when the comparator fires. */
static uint64_t ns_to_ticks(uint64_t ns)
{
    return ns / NSEC_PER_SEC * machine.timebase + ns % NSEC_PER_SEC * machine.timebase / NSEC_PER_SEC + 1;
}

uint64_t time_monotonic(void)
{
    return time_ticks_to_ns(rdtime() - time_base.boot_ticks);
}

uint64_t time_of_day(void)
{
    return time_monotonic() + time_base.day_offset;
}

void time_set_of_day(uint64_t ns)
{
    time_base.day_offset = ns - time_monotonic();
}

static void set_comparator(uint64_t ticks)
{
    if (machine.sstc)
        csr_write(0x14d, ticks); /* stimecmp (Sstc extension); the assembler may not know the name */
    else
        sbi_set_timer(ticks);
}

/* Sets this hart's comparator to what comes first, with interrupts off. Its timer_lock is given back before:
 * under -icount a write to the comparator ends the hart's turn (timer_end_turn), and were it always with the
 * lock held, another hart could wait for it for ever. In between nobody but this hart could arm a timer. */
static void unlock_and_program(struct cpu *c)
{
    uint64_t deadline = c->timers ? c->timers->deadline : NEVER;

    spin_unlock(&c->timer_lock);
    if (c->tick_deadline && c->tick_deadline < deadline)
        deadline = c->tick_deadline;
    set_comparator(deadline == NEVER ? NEVER : time_base.boot_ticks + ns_to_ticks(deadline));
}

/* The interrupt sets the comparator right again. The time must be enough for the call into the firmware that
 * asks other harts for something: a turn that ended before it would be followed by a long one. */
void timer_end_turn(void)
{
    set_comparator(rdtime() + ns_to_ticks(TURN_END));
}

/* ---- pairing heap ---- */

static struct timer *meld(struct timer *a, struct timer *b)
{
    if (!a || !b)
        return a ? a : b;
    if (b->deadline < a->deadline) {
        struct timer *t = a;
        a = b;
        b = t;
    }
    b->sibling = a->child;
    if (b->sibling)
        b->sibling->prev = b;
    b->prev = a;
    a->child = b;
    return a;
}

/* Melds a list of siblings: in pairs from the left, then all together from the right. */
static struct timer *meld_siblings(struct timer *first)
{
    struct timer *pairs = NULL, *root = NULL;

    while (first) {
        struct timer *a = first, *b = a->sibling;
        first = b ? b->sibling : NULL;
        a->sibling = a->prev = NULL;
        if (b)
            b->sibling = b->prev = NULL;
        a = meld(a, b);
        a->sibling = pairs;
        pairs = a;
    }
    while (pairs) {
        struct timer *next = pairs->sibling;
        pairs->sibling = NULL;
        root = meld(root, pairs);
        pairs = next;
    }
    return root;
}

/* Takes t out of c's heap. Caller holds its lock. */
static void heap_remove(struct cpu *c, struct timer *t)
{
    struct timer *children = meld_siblings(t->child);

    if (!t->prev) {
        c->timers = children;
    } else {
        if (t->prev->child == t)
            t->prev->child = t->sibling;
        else
            t->prev->sibling = t->sibling;
        if (t->sibling)
            t->sibling->prev = t->prev;
        c->timers = meld(c->timers, children);
    }
    t->armed = false;
}

/* ---- timers ---- */

void timer_arm(struct timer *t, uint64_t deadline, void (*function)(struct timer *))
{
    irq_push();
    struct cpu *c = mycpu();

    spin_lock(&c->timer_lock);
    assert(!t->armed);
    *t = (struct timer){.deadline = deadline, .function = function, .cpu = c, .armed = true};
    c->timers = meld(c->timers, t);
    if (c->timers == t)
        unlock_and_program(c);
    else
        spin_unlock(&c->timer_lock);
    irq_pop();
}

void timer_cancel(struct timer *t)
{
    struct cpu *c = t->cpu;

    spin_lock(&c->timer_lock);
    if (t->armed)
        heap_remove(c, t);
    spin_unlock(&c->timer_lock);
    /* It may be due just now: then its function is running on that hart. */
    for (unsigned n = 1; __atomic_load_n(&c->timer_running, __ATOMIC_ACQUIRE) == t; n++)
        spin_wait(n);
}

/* Runs what is due; true when that is the tick, too. */
static bool run_due(struct cpu *c)
{
    uint64_t now = time_monotonic();

    spin_lock(&c->timer_lock);
    while (c->timers && c->timers->deadline <= now) {
        struct timer *t = c->timers;
        __atomic_store_n(&c->timer_running, t, __ATOMIC_RELAXED); /* seen by who then finds t not armed */
        heap_remove(c, t);
        spin_unlock(&c->timer_lock);
        t->function(t);
        __atomic_store_n(&c->timer_running, NULL, __ATOMIC_RELEASE);
        spin_lock(&c->timer_lock);
    }
    bool tick = c->tick_deadline && c->tick_deadline <= now;
    if (tick)
        c->tick_deadline = now + debug_slice(SCHED_SLICE);
    unlock_and_program(c);
    return tick;
}

void timer_tick(bool on)
{
    struct cpu *c = mycpu();

    if (likely(on == (c->tick_deadline != 0)))
        return;
    c->tick_deadline = on ? time_monotonic() + debug_slice(SCHED_SLICE) : 0;
    spin_lock(&c->timer_lock);
    unlock_and_program(c);
}

void timer_interrupt(bool user)
{
    struct cpu *c = mycpu();
    struct proc *p = current();

    if (!run_due(c))
        return;
    if (user)
        p->user_ticks++;
    else
        p->kernel_ticks++;
    random_stir(rdtime());
    sched_tick();
}

static void limit_reached(struct timer *t)
{
    panic_out_of_time("limit: the machine's time is over, after", t->deadline);
}

/* Looks again when process 1, if it does not run any more, will not have run for the whole time. */
static void watchdog(struct timer *t)
{
    uint64_t time = bootarg_number("watchdog") * NSEC_PER_SEC, ran = proc_init_run_start();
    uint64_t deadline = time_ticks_to_ns(ran ? ran - time_base.boot_ticks : 0) + time;

    if (deadline <= t->deadline)
        panic_out_of_time("hang: process 1 has not run for", time);
    timer_arm(t, deadline, watchdog);
}

/* Both limits on every hart: one of them may be stuck. */
void timer_init_hart(void)
{
    struct cpu *c = mycpu();
    uint64_t limit = bootarg_number("limit"), patience = bootarg_number("watchdog");

    spin_init(&c->timer_lock, "timers", RANK_TIMER);
    set_comparator(NEVER);
    if (limit != 0)
        timer_arm(&c->limit, limit * NSEC_PER_SEC, limit_reached);
    if (patience != 0)
        timer_arm(&c->watchdog, patience * NSEC_PER_SEC, watchdog);
    csr_set(sie, SIE_STIE);
}

/* ---- debug builds ---- */

#ifdef LODE_DEBUG
/* In the order of a walk down to the first child, then along the siblings; it goes up by the links to the left.
 * There may be more levels than a stack of calls has room for. */
static void check_heap(const struct cpu *c)
{
    const struct timer *parent = NULL, *left = NULL;

    for (const struct timer *t = c->timers; t;) {
        if (!CHECK(check_pointer(t) && t->prev == (left ? left : parent) && (parent || !t->sibling),
                   "timers of hart %u: links disagree at 0x%lx", c->index, (uintptr_t)t))
            return;
        CHECK(t->armed && t->cpu == c, "timers of hart %u: 0x%lx is not armed, or another's", c->index,
              (uintptr_t)t);
        CHECK(!parent || parent->deadline <= t->deadline, "timers of hart %u: 0x%lx is due before its parent",
              c->index, (uintptr_t)t);
        left = t->child ? NULL : t;
        parent = t->child ? t : parent;
        t = t->child ? t->child : t->sibling;
        while (!t && parent) { /* all below the parent is done */
            left = parent;
            while (parent->prev && parent->prev->child != parent)
                parent = parent->prev;
            parent = parent->prev;
            t = left->sibling;
        }
    }
}

void timer_check(void)
{
    for (unsigned i = 0; i < machine.nharts; i++)
        if (cpus[i].online)
            check_heap(&cpus[i]);
}
#endif
