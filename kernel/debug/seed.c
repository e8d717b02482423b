/* Chance. With seed=N, time slices have random lengths, processes give way at random points, and of several
 * that wait, for an event or for a hart, any may be first. All comes from one generator, so where the machine
 * repeats its steps exactly (scripts/run --icount --ramdisk), N stands for one order of events.
 *
 * QEMU with -icount runs one hart until a timer is due or set, then the next hart. So short slices also make the
 * harts take turns often, and before some locks are taken a timer is set just for that.
 *
 * With a seed and one hart, so where time is that hart's own, it also reports interrupts that were off for long. */
#include "debug/debug.h"

#include "boot/machine.h"
#include "lib/list.h"
#include "lib/printk.h"
#include "proc/cpu.h"
#include "proc/sched.h"
#include "trap/riscv.h"
#include "trap/timer.h"

#define SLICE_MIN   2000ul /* ns: longer than the interrupt takes */
#define SLICE_BITS  12     /* up to SLICE_MIN << SLICE_BITS, 8 ms */
#define IRQS_OFF_NS 10000000ul
#define PLACES      16

static bool seeded;                  /* c  after boot, like the next */
static uint64_t preempt_mask;        /* of 16, 32, 64 or 128 chances to give way one is taken */
static uint64_t state;               /* atomic */
static uint64_t off_since;           /* o  time CSR when interrupts were turned off; 0: unknown */
static const void *reported[PLACES]; /* atomic */

/* splitmix64 (Steele, Lea and Flood, 2014): its state just counts, so harts need no lock. */
static uint64_t next(void)
{
    uint64_t z = __atomic_add_fetch(&state, 0x9e3779b97f4a7c15ul, __ATOMIC_RELAXED);

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ul;
    z = (z ^ z >> 27) * 0x94d049bb133111ebul;
    return z ^ z >> 31;
}

void debug_seed(const char *number)
{
    const char *c = number;

    for (state = 0; *c >= '0' && *c <= '9'; c++)
        state = state * 10 + (uint64_t)(*c - '0');
    if (*c || c == number)
        boot_fail("seed=%s: not a decimal number", number);
    preempt_mask = (16ul << state % 4) - 1;
    printk("lode: seed %lu: slices, preemption, wake-ups and run queues vary\n", state);
    seeded = true;
}

uint64_t debug_slice(uint64_t ns)
{
    if (!seeded)
        return ns;
    uint64_t r = next(),
             least = SLICE_MIN << (r >> 32) % SLICE_BITS; /* each length's logarithm is as likely */
    return least + (uint32_t)r % least;
}

void debug_shuffle(struct list *l)
{
    if (!seeded || list_empty(l))
        return;
    for (uint64_t n = next() % 8; n > 0; n--) {
        struct list *first = l->next;
        list_remove(first);
        list_push_back(l, first);
    }
}

void debug_preempt(void)
{
    struct proc *p = current();

    if (seeded && p->irq.depth == 0 && csr_read(sstatus) & SSTATUS_SIE && p != p->cpu->idle &&
        !(next() & preempt_mask))
        sched_yield();
}

/* ---- interrupts off ---- */

void debug_irqs_off(void)
{
    if (!seeded)
        return;
    if (!(next() & preempt_mask))
        timer_end_turn(); /* the other harts' turn, here where a lock is about to be taken */
    off_since = machine.nharts == 1 ? rdtime() : 0;
}

uint64_t debug_irqs_were_off(void)
{
    uint64_t ticks = off_since && current() != mycpu()->idle ? rdtime() - off_since : 0; /* it waits in wfi */

    off_since = 0;
    return ticks;
}

/* Two harts at once may both find that it is: then there are two lines. */
static bool first_time(const void *place)
{
    for (unsigned i = 0; i < PLACES; i++) {
        const void *seen = __atomic_load_n(&reported[i], __ATOMIC_RELAXED);
        if (!seen)
            __atomic_store_n(&reported[i], place, __ATOMIC_RELAXED);
        if (!seen || seen == place)
            return !seen;
    }
    return false;
}

void debug_irqs_on(uint64_t were_off, const void *place)
{
    if (were_off && time_ticks_to_ns(were_off) > IRQS_OFF_NS && first_time(place))
        printk("lode: interrupts were off for %lu us, until\n  at 0x%lx\n", time_ticks_to_ns(were_off) / 1000,
               (uintptr_t)place);
    debug_preempt();
}
