/* The scheduler.
 *
 * States (see proc.h) and who may change them:
 *   RUNNABLE  on exactly one run queue, or in the hands of sched_ready or sched_finish on its way there
 *   RUNNING   on_cpu is true; only its own hart changes it, interrupts off
 *   SLEEPING  set by itself under the wait bucket's lock; RUNNABLE again by sched_ready, called by whoever
 * took it off the wait queue
 *
 * The danger in a switch is the kernel stack: between "I am no longer running" and the moment the last
 * register is saved, another hart must not run the process. Two rules keep that away:
 *   1. A process that gives way while RUNNABLE is put on a queue only by sched_finish, on the next one's
 * stack.
 *   2. Whoever wakes a SLEEPING process waits for on_cpu to become false before it makes it RUNNABLE. The
 * wait is short: the sleeper has interrupts off, and holds no lock, from SLEEPING to the end of the switch.
 * So a process on a run queue is never on a stack, and any hart may take it.
 *
 * The idle processes are on no queue. An idle hart is in idle_mask; to wake it, its bit is taken out (so that
 * one wake-up sends one interrupt) and an IPI sent. It sets the bit first, then looks at the queues once
 * more, then waits in wfi; the waker puts the process on the queue first, then looks at the mask: one of the
 * two sees the other (both sides sequentially consistent). wfi with interrupts off returns when one is
 * pending, so nothing is lost between the look and the wfi. */
#include "proc/sched.h"

#include "abi/errno.h"
#include "lib/printk.h"
#include "mm/aspace.h"
#include "proc/cpu.h"
#include "proc/proc.h"
#include "sync/waitqueue.h"
#include "trap/fp.h"
#include "trap/riscv.h"
#include "trap/timer.h"

struct proc *context_switch(struct proc *from, struct proc *to); /* trampoline.S */

static uint64_t idle_mask; /* atomic: bit i = hart i is idle and not yet woken */

void sched_init_cpu(struct cpu *c)
{
    spin_init(&c->run_lock, "run queue", RANK_RUNQUEUE);
    list_init(&c->run_queue);
}

/* ---- policy: FIFO queues; the functions below are all that knows the order ---- */

/* Caller holds c's run_lock. */
static void sched_policy_put(struct cpu *c, struct proc *p)
{
    list_push_back(&c->run_queue, &p->run_link);
    c->run_count++;
}

/* Caller holds c's run_lock. NULL: nobody waits. */
static struct proc *sched_policy_take(struct cpu *c)
{
    if (list_empty(&c->run_queue))
        return NULL;
    struct proc *p = list_first(&c->run_queue, struct proc, run_link);
    list_remove(&p->run_link);
    c->run_count--;
    return p;
}

/* The running process has used its slice: does another one get the hart? */
static bool sched_policy_expired(const struct cpu *c)
{
    return c->run_count > 0;
}

/* Where a process that becomes ready goes: to the hart it ran on last if that is idle (its caches know it),
 * else here: the waker often sleeps soon. An idle hart is told in either case, and steals. */
static struct cpu *sched_policy_place(const struct proc *p, struct cpu *here)
{
    struct cpu *last = p->cpu;

    if (last && last != here && (__atomic_load_n(&idle_mask, __ATOMIC_RELAXED) >> last->index & 1))
        return last;
    return here;
}

/* ---- mechanism ---- */

static void enqueue(struct cpu *c, struct proc *p)
{
    spin_lock(&c->run_lock);
    sched_policy_put(c, p);
    spin_unlock(&c->run_lock);
}

/* Wake an idle hart for work that lies on c's queue: c itself if it is idle, else any. */
static void wake_idle(struct cpu *c)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* pairs with the one in sched_idle */
    uint64_t idle = __atomic_load_n(&idle_mask, __ATOMIC_RELAXED);

    if (!idle)
        return;
    uint64_t bit = idle >> c->index & 1 ? 1ul << c->index : idle & -idle;
    if (__atomic_fetch_and(&idle_mask, ~bit, __ATOMIC_SEQ_CST) & bit) {
        struct cpu *target = &cpus[__builtin_ctzl(bit)];
        if (target != mycpu())
            cpu_kick(target);
    }
}

void sched_ready(struct proc *p)
{
    irq_push();
    while (__atomic_load_n(&p->on_cpu, __ATOMIC_ACQUIRE)) /* rule 2; pairs with sched_finish */
        ;
    p->state = PROC_RUNNABLE;
    struct cpu *c = sched_policy_place(p, mycpu());
    enqueue(c, p);
    wake_idle(c);
    irq_pop();
}

/* Another hart's waiting process, for a hart that has none. */
static struct proc *steal(struct cpu *self)
{
    for (unsigned i = 1; i < machine.nharts; i++) {
        struct cpu *victim = &cpus[(self->index + i) % machine.nharts];

        if (!__atomic_load_n(&victim->run_count, __ATOMIC_RELAXED) || !spin_trylock(&victim->run_lock))
            continue;
        struct proc *p = sched_policy_take(victim);
        spin_unlock(&victim->run_lock);
        if (p)
            return p;
    }
    return NULL;
}

static struct proc *take_own(struct cpu *c)
{
    spin_lock(&c->run_lock);
    struct proc *p = sched_policy_take(c);
    spin_unlock(&c->run_lock);
    return p;
}

/* Account for the time that p has had. */
static void charge(struct cpu *c, struct proc *p, uint64_t now)
{
    if (p == c->idle)
        c->idle_time += now - p->run_start;
    p->run_time += now - p->run_start;
}

static void switch_to(struct proc *prev, struct proc *next)
{
    struct cpu *c = prev->cpu;
    uint64_t now = rdtime();

    charge(c, prev, now);
    next->run_start = now;
    if (next->cpu != c) {
        fence_i(); /* the program's text may have been written by another hart since this one last fetched it
                    */
        next->cpu = c;
    }
    next->state = PROC_RUNNING;
    next->switches++;
    c->switches++;
    __atomic_store_n(&next->on_cpu, true, __ATOMIC_RELAXED);
    __atomic_store_n(&c->running, next, __ATOMIC_RELAXED);
    if (next != c->idle)
        timer_tick_start();
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
    struct cpu *c = self->cpu;

    assert(self->irq_depth == 1);
    struct proc *next = take_own(c);
    if (!next && !(next = steal(c)))
        next = c->idle;
    switch_to(self, next);
}

void sched_finish(struct proc *prev)
{
    bool runnable = prev->state == PROC_RUNNABLE && prev != prev->cpu->idle;
    struct cpu *c = prev->cpu;

    __atomic_store_n(&prev->on_cpu, false, __ATOMIC_RELEASE); /* from here on its stack is free */
    if (runnable) {                                           /* rule 1 */
        enqueue(c, prev);
        wake_idle(c);
    }
}

void sched_yield(void)
{
    struct proc *self = current();

    irq_push();
    __atomic_fetch_and(&self->attention, ~ATTENTION_RESCHED, __ATOMIC_RELAXED);
    struct proc *next = take_own(self->cpu);
    if (next) {
        self->state = PROC_RUNNABLE;
        switch_to(self, next);
    }
    irq_pop();
}

void sched_preempt(void)
{
    sched_yield();
}

int sched_sleep_ns(uint64_t ns)
{
    uint64_t now = time_monotonic();
    uint64_t deadline = ns > UINT64_MAX / 2 - now ? UINT64_MAX / 2 : now + ns;

    wait_begin(current(), true);
    int result = wait_end(deadline);
    return result == -ETIMEDOUT ? 0 : result;
}

void sched_tick(void)
{
    struct cpu *c = mycpu();

    if (sched_policy_expired(c))
        __atomic_fetch_or(&current()->attention, ATTENTION_RESCHED, __ATOMIC_RELAXED);
}

unsigned sched_load(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < machine.nharts; i++) {
        struct cpu *c = &cpus[i];
        n += __atomic_load_n(&c->run_count, __ATOMIC_RELAXED);
        n += c->online && __atomic_load_n(&c->running, __ATOMIC_RELAXED) != c->idle;
    }
    return n;
}

_Noreturn void sched_idle(void *unused)
{
    struct proc *self = current();

    (void)unused;
    irq_enable();
    for (;;) {
        irq_push();
        struct cpu *c = self->cpu;
        uint64_t bit = 1ul << c->index;
        struct proc *next;

        __atomic_fetch_or(&idle_mask, bit, __ATOMIC_SEQ_CST);
        __atomic_thread_fence(__ATOMIC_SEQ_CST); /* pairs with the one in wake_idle */
        next = take_own(c);
        if (!next)
            next = steal(c);
        if (!next) {
            timer_tick_stop();
            wfi();
        }
        __atomic_fetch_and(&idle_mask, ~bit, __ATOMIC_SEQ_CST);
        if (next) {
            self->state = PROC_RUNNABLE; /* but never on a queue: see sched_finish */
            switch_to(self, next);
        }
        irq_pop(); /* takes the interrupt that ended wfi */
    }
}

_Noreturn void sched_enter(void)
{
    struct proc *self = current();

    irq_push();
    self->state = PROC_ZOMBIE; /* main is never resumed */
    switch_to(self, self->cpu->idle);
    panic("main was resumed");
}
