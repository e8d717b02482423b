/* The scheduler.
 *
 * States (see proc.h) and who may change them:
 *   RUNNABLE  on exactly one run queue, or in the hands of sched_ready or sched_finish on its way there
 *   RUNNING   on_cpu is true; only its own hart changes it, interrupts off
 *   SLEEPING  set by itself under the wait bucket's lock; RUNNABLE again by sched_ready, called by whoever
 *             took it off the wait queue
 *
 * The danger in a switch is the kernel stack: between "I am no longer running" and the moment the last
 * register is saved, another hart must not run the process. Two rules keep that away:
 *   1. A process that gives way while RUNNABLE is put on a queue only by sched_finish, on the next one's
 *      stack.
 *   2. Whoever wakes a SLEEPING process waits for on_cpu to become false before it makes it RUNNABLE. The
 *      wait is short: the sleeper has interrupts off, and holds no lock, from SLEEPING to the end of the
 *      switch.
 * So a process on a run queue is never on a stack, and any hart may take it.
 *
 * The idle processes are on no queue. An idle hart is in idle_mask; to wake it, its bit is taken out (so that
 * one wake-up sends one interrupt) and an IPI sent. It sets the bit first, then looks at the queues once
 * more, then waits in wfi; the waker puts the process on the queue first, then looks at the mask: one of the
 * two sees the other (both sides sequentially consistent). wfi with interrupts off returns when one is
 * pending, so nothing is lost between the look and the wfi. */
#include "proc/sched.h"

#include "abi/errno.h"
#include "debug/check.h"
#include "debug/debug.h"
#include "lib/printk.h"
#include "mm/aspace.h"
#include "proc/cpu.h"
#include "proc/proc.h"
#include "sync/wait.h"
#include "trap/fp.h"
#include "trap/riscv.h"
#include "trap/timer.h"

struct proc *context_switch(struct proc *from, struct proc *to); /* trampoline.S */

static uint64_t idle_mask; /* atomic: bit i = hart i is idle and not yet woken */

/* For sched_instructions. Under QEMU's -icount the counter of instructions is one for the whole machine, and also
 * its clock: while all harts are in wfi, it leaps ahead to the next event. The last hart to enter wfi leaves the
 * counter in halt_start, the first to come out of it adds to `leaps` how far it has moved. */
static uint64_t halt_start, leaps; /* atomic */
static unsigned halted;            /* atomic: harts in wfi */

void sched_init_cpu(struct cpu *c)
{
    spin_init(&c->run_lock, "run queue", RANK_RUNQUEUE);
    list_init(&c->run_queue);
}

/* ---- policy: FIFO queues; the functions below are all that knows the order ---- */

/* The first three with c's run_lock held. The running process is on no queue. */
static void sched_policy_put(struct cpu *c, struct proc *p)
{
    list_push_back(&c->run_queue, &p->run_link);
    c->run_count++;
}

static struct proc *sched_policy_take(struct cpu *c)
{
    if (list_empty(&c->run_queue))
        return NULL; /* nobody waits */
    debug_shuffle(&c->run_queue);
    struct proc *p = list_first(&c->run_queue, struct proc, run_link);
    list_remove(&p->run_link);
    c->run_count--;
    return p;
}

/* `running` has used its slice: does another one get the hart? Then sched_policy_take says which. */
static bool sched_policy_expired(struct cpu *c, struct proc *running)
{
    return c->run_count > 0;
}

/* Where a process that becomes ready goes: to the hart it ran on last if that is idle (its caches know it),
 * else here: the waker often sleeps soon. An idle hart is told in either case, and steals. */
static struct cpu *sched_policy_place(const struct proc *p, struct cpu *here)
{
    bool idle = __atomic_load_n(&idle_mask, __ATOMIC_RELAXED) >> p->cpu->index & 1;

    return idle ? p->cpu : here;
}

/* ---- mechanism ---- */

/* Wake an idle hart for work that lies on c's queue: c itself if it is idle, else any. Another waker, or the hart
 * itself, may be faster to take its bit out: then the next one has to be woken. */
static void wake_idle(struct cpu *c)
{
    uint64_t idle;

    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* pairs with the one in sched_idle */
    while ((idle = __atomic_load_n(&idle_mask, __ATOMIC_RELAXED))) {
        uint64_t bit = idle >> c->index & 1 ? 1ul << c->index : idle & -idle;
        if (__atomic_fetch_and(&idle_mask, ~bit, __ATOMIC_SEQ_CST) & bit) {
            struct cpu *target = &cpus[__builtin_ctzl(bit)];
            if (target != mycpu())
                cpu_kick(target);
            return;
        }
    }
}

static void enqueue(struct cpu *c, struct proc *p)
{
    spin_lock(&c->run_lock);
    sched_policy_put(c, p);
    spin_unlock(&c->run_lock);
    wake_idle(c);
}

void sched_ready(struct proc *p)
{
    irq_push();
    for (unsigned n = 1; __atomic_load_n(&p->on_cpu, __ATOMIC_ACQUIRE);
         n++) /* rule 2; pairs with sched_finish */
        spin_wait(n);
    p->state = PROC_RUNNABLE;
    enqueue(sched_policy_place(p, mycpu()), p);
    irq_pop();
}

static struct proc *take(struct cpu *c)
{
    spin_lock(&c->run_lock);
    struct proc *p = sched_policy_take(c);
    spin_unlock(&c->run_lock);
    return p;
}

/* The next process for hart c: from its own queue, else another hart's. */
static struct proc *take_or_steal(struct cpu *c)
{
    struct proc *p = take(c);

    for (unsigned i = 1; !p && i < machine.nharts; i++) {
        struct cpu *victim = &cpus[(c->index + i) % machine.nharts];
        if (__atomic_load_n(&victim->run_count, __ATOMIC_RELAXED))
            p = take(victim);
    }
    return p;
}

static void switch_to(struct proc *prev, struct proc *next)
{
    struct cpu *c = prev->cpu;
    uint64_t now = rdtime();

    prev->run_time += now - prev->run_start;
    if (prev == c->idle)
        c->idle_time += now - prev->run_start;
    next->run_start = now;
    if (next->cpu != c) {
        fence_i(); /* another hart may have written the program's text since this one last fetched it */
        next->cpu = c;
    }
    next->state = PROC_RUNNING;
    next->switches++;
    c->switches++;
    __atomic_store_n(&next->on_cpu, true, __ATOMIC_RELAXED);
    if (next != c->idle)
        timer_tick(true);
    if (prev->fp_used)
        fp_save(prev);
    if (next->fp_used)
        fp_restore(next);
    if (c->aspace != next->aspace) {
        aspace_switch(next->aspace);
        fence_i();
    }
    kstack_sync();
    sched_finish(context_switch(prev, next));
}

void sched_switch(void)
{
    struct proc *self = current();
    assert(self->irq.depth == 1);
    struct proc *next = take_or_steal(self->cpu);
    switch_to(self, next ? next : self->cpu->idle);
}

void sched_finish(struct proc *prev)
{
    bool runnable = prev->state == PROC_RUNNABLE && prev != prev->cpu->idle;
    struct cpu *c = prev->cpu;

    __atomic_store_n(&prev->on_cpu, false, __ATOMIC_RELEASE); /* from here on its stack is free */
    if (runnable)
        enqueue(c, prev); /* rule 1 */
}

void sched_yield(void)
{
    struct proc *self = current();

    irq_push();
    __atomic_fetch_and(&self->attention, ~ATTENTION_RESCHED, __ATOMIC_RELAXED);
    struct proc *next = take(self->cpu);
    if (next) {
        self->state = PROC_RUNNABLE;
        switch_to(self, next);
    }
    irq_pop();
}

int sched_sleep_ns(uint64_t ns)
{
    uint64_t now = time_monotonic();

    wait_begin(&current()->wait_timer, true); /* a channel that nobody wakes */
    int result = wait_end(now + MIN(ns, UINT64_MAX / 2 - now));
    return result == -ETIMEDOUT ? 0 : result;
}

void sched_tick(void)
{
    struct cpu *c = mycpu();

    spin_lock(&c->run_lock);
    bool give_way = sched_policy_expired(c, current());
    spin_unlock(&c->run_lock);
    if (give_way)
        __atomic_fetch_or(&current()->attention, ATTENTION_RESCHED, __ATOMIC_RELAXED);
}

unsigned sched_load(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < machine.nharts; i++) {
        struct cpu *c = &cpus[i];
        n += __atomic_load_n(&c->run_count, __ATOMIC_RELAXED);
        n += c->online && !__atomic_load_n(&c->idle->on_cpu, __ATOMIC_RELAXED);
    }
    return n;
}

uint64_t sched_instructions(void)
{
    return csr_read(instret) - __atomic_load_n(&leaps, __ATOMIC_RELAXED);
}

static void halt(void)
{
    __atomic_store_n(&halt_start, csr_read(instret), __ATOMIC_RELAXED);
    __atomic_fetch_add(&halted, 1, __ATOMIC_RELEASE);
    wfi();
    if (__atomic_fetch_sub(&halted, 1, __ATOMIC_ACQUIRE) == machine.nharts)
        __atomic_fetch_add(&leaps, csr_read(instret) - __atomic_load_n(&halt_start, __ATOMIC_RELAXED),
                           __ATOMIC_RELAXED);
}

_Noreturn void sched_idle(void *unused)
{
    struct proc *self = current();

    struct cpu *c = self->cpu;
    uint64_t bit = 1ul << c->index;

    irq_enable();
    for (;;) {
        irq_push();
        __atomic_fetch_or(&idle_mask, bit, __ATOMIC_SEQ_CST);
        __atomic_thread_fence(__ATOMIC_SEQ_CST); /* pairs with the one in wake_idle */
        struct proc *next = take_or_steal(c);
        if (!next) {
            timer_tick(false);
            halt();
        }
        bool woken = !(__atomic_fetch_and(&idle_mask, ~bit, __ATOMIC_SEQ_CST) & bit);
        if (next) {
            if (woken) /* for a process that may not be this one: pass it on */
                wake_idle(c);
            self->state = PROC_RUNNABLE; /* but never on a queue: see sched_finish */
            switch_to(self, next);
        }
        irq_pop(); /* takes the interrupt that ended wfi */
    }
}

/* ---- debug builds ---- */

#ifdef LODE_DEBUG
size_t sched_check(void)
{
    size_t queued = 0;
    struct proc *p;

    for (unsigned i = 0; i < machine.nharts; i++) {
        const struct cpu *c = &cpus[i];
        unsigned n = 0;
        if (!check_list(&c->run_queue, "run queue"))
            continue;
        list_for_each_entry (p, &c->run_queue, run_link) {
            CHECK(p->state == PROC_RUNNABLE && !p->on_cpu,
                  "process %d: on the run queue of hart %u, but its state is %d", p->pid, i, p->state);
            n++;
        }
        CHECK(n == c->run_count, "hart %u: %u processes on the run queue, %u counted", i, n, c->run_count);
        CHECK(!c->online || c->idle->state == PROC_RUNNING || c->idle->state == PROC_RUNNABLE,
              "hart %u: its idle process is in state %d", i, c->idle->state);
        queued += n;
    }
    return queued;
}
#endif
