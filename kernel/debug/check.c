/* Checking the kernel's invariants while it runs: a read of /proc/check.
 *
 * One hart checks; the others are held still in the handler of an interrupt, which can come only where no spin lock
 * is held (holders have interrupts off). So whatever a spin lock protects is whole, and can be looked at without
 * taking the lock. What a mutex protects may be in the middle of a change, and is left out unless the mutex is free;
 * so is what a process changes itself without any lock, unless that process sleeps.
 *
 * Some states between two critical sections look wrong for a moment: a process that was taken off its wait queue
 * and is not yet on a run queue, while the one that wakes it is interrupted. So violations count only if there are
 * some after each of TRIES checks, between which the others go on.
 *
 * Holding still: the checker makes `round` odd and interrupts the others; each answers with that number and waits
 * in wfi until `round` is even. Only software interrupts are let through to wfi on both sides, since others may be
 * pending all the time. The checker does not wait for a hart that is not online. */
#include "debug/check.h"

#include "lib/list.h"
#include "lib/printk.h"
#include "mm/page.h"
#include "mm/pagetable.h"
#include "proc/cpu.h"
#include "proc/sched.h"
#include "sync/mutex.h"
#include "trap/riscv.h"

#define TRIES    4
#define PAUSE    5000000ul /* ns between them */
#define LIST_MAX (1ul << 22)

static struct mutex check_mutex = MUTEX_INIT("check"); /* one checks at a time; protects the report */
static char report[4096];
static size_t report_length;

static uint64_t round;               /* atomic */
static uint64_t answered[MAX_HARTS]; /* atomic */
static struct cpu *checker;          /* changes while round is even */

/* ---- the report ---- */

void check_failed(const char *format, ...)
{
    size_t left = sizeof(report) - report_length;
    va_list args;

    va_start(args, format);
    size_t n = (size_t)vsnprintf(report + report_length, left, format, args);
    va_end(args);
    if (n + 1 < left) { /* else this line and those after it are left out */
        report_length += n;
        report[report_length++] = '\n';
    }
    report[report_length] = 0;
}

bool check_pointer(const void *p)
{
    return (uintptr_t)p >= KERNEL_OFFSET && (uintptr_t)p % 8 == 0;
}

bool check_list(const struct list *head, const char *what)
{
    const struct list *l = head;
    size_t n = 0;

    do {
        if (!CHECK(check_pointer(l->next) && l->next->prev == l, "%s: links disagree at 0x%lx, element %lu",
                   what, (uintptr_t)l, n) ||
            !CHECK(++n < LIST_MAX, "%s: the list does not end", what))
            return false;
        l = l->next;
    } while (l != head);
    return true;
}

bool check_free(const struct mutex *m)
{
    return __atomic_load_n(&m->word, __ATOMIC_RELAXED) == 0;
}

/* ---- holding the others still ---- */

/* Waits in wfi, with interrupts off, for a software interrupt. One that comes before is pending, and ends it. It
 * may be for a fence: a hart that waits for this one's cannot be held before it has that. */
static void wait_for_kick(void)
{
    wfi();
    csr_clear(sip, SIE_SSIE);
    kvm_fence_answer();
}

void check_hold(void)
{
    uint64_t *answer = &answered[mycpu()->index], now;
    uint64_t enabled = csr_read(sie);

    while ((now = __atomic_load_n(&round, __ATOMIC_ACQUIRE)) & 1) {
        csr_write(sie, SIE_SSIE);
        if (*answer != now) {
            __atomic_store_n(answer, now, __ATOMIC_RELEASE);
            cpu_kick(checker);
        }
        wait_for_kick();
    }
    csr_write(sie, enabled);
}

static void kick_others(void)
{
    for (unsigned i = 0; i < machine.nharts; i++)
        if (&cpus[i] != mycpu() && cpus[i].online)
            cpu_kick(&cpus[i]);
}

static bool all_hold(void)
{
    for (unsigned i = 0; i < machine.nharts; i++)
        if (&cpus[i] != mycpu() && cpus[i].online && __atomic_load_n(&answered[i], __ATOMIC_ACQUIRE) != round)
            return false;
    return true;
}

/* Interrupts are off, by hand: irq_push would count it as this process's doing, which is looked at. */
static void hold_others(void)
{
    checker = mycpu();
    __atomic_fetch_add(&round, 1, __ATOMIC_SEQ_CST);
    kick_others();
    while (!all_hold())
        wait_for_kick();
}

static void release_others(void)
{
    __atomic_fetch_add(&round, 1, __ATOMIC_SEQ_CST);
    kick_others();
}

/* ---- all checks ---- */

static void check_once(void)
{
    report_length = 0;
    irq_disable();
    uint64_t enabled = csr_read(sie);
    csr_write(sie, SIE_SSIE);
    hold_others();
    page_check();
    slab_check();
    timer_check();
    proc_check();
    proc_check_take_pages();
    cache_check();
    proc_check_give_pages();
    inode_check();
    journal_check();
    balloc_check();
    release_others();
    csr_write(sie, enabled);
    /* A wake-up that came meanwhile has lost its interrupt: this hart looks at its queue by itself, soon. */
    irq_enable();
}

size_t check_all(char *buf, size_t size)
{
    mutex_lock(&check_mutex);
    check_once();
    for (unsigned tries = 1; report_length > 0 && tries < TRIES; tries++) {
        sched_sleep_ns(PAUSE);
        check_once();
    }
    int n = snprintf(buf, size, "%s", report_length > 0 ? report : "ok\n");
    mutex_unlock(&check_mutex);
    return (size_t)n;
}
