/* Sleeping and waking.
 *
 * Wait queues are the buckets of a hash table over channels. A bucket's lock protects its list and, for each
 * process on it: wait_chan, wait_link, wait_interruptible, wait_result, and the step to SLEEPING.
 *
 *   wait_begin    on the queue, still RUNNING: may be preempted, and woken, like that
 *   wait_end      SLEEPING, if nobody has taken it off the queue in between
 *   wake-up       off the queue; if SLEEPING, handed to sched_ready
 *
 * So a wake-up that comes between looking at the condition and sleeping is never lost: it takes the process
 * off the queue, and wait_end finds that. */
#include "sync/wait.h"

#include "abi/errno.h"
#include "debug/check.h"
#include "debug/debug.h"
#include "lib/list.h"
#include "proc/proc.h"
#include "proc/sched.h"

#define BUCKET_BITS 9

static struct bucket {
    struct spinlock lock;
    struct list procs; /* in order of arrival */
} buckets[1 << BUCKET_BITS];

void wait_init(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(buckets); i++) {
        spin_init(&buckets[i].lock, "wait", RANK_WAIT);
        list_init(&buckets[i].procs);
    }
}

/* Fibonacci hashing: channels are addresses, alike in their low bits. */
static struct bucket *bucket_of(const void *chan)
{
    return &buckets[((uintptr_t)chan * 0x9e3779b97f4a7c15ul) >> (64 - BUCKET_BITS)];
}

static struct bucket *lock_bucket(const void *chan)
{
    struct bucket *b = bucket_of(chan);

    spin_lock(&b->lock);
    return b;
}

void wait_begin(const void *chan, bool interruptible)
{
    struct proc *p = current();
    struct bucket *b = lock_bucket(chan);

    p->wait_result = 0;
    p->wait_interruptible = interruptible;
    p->wait_chan = chan;
    list_push_back(&b->procs, &p->wait_link);
    spin_unlock(&b->lock);
}

/* Takes p off its queue: the caller holds the bucket's lock. Returns true if p was asleep, and has to be made
 * ready; if not, it may go on at once. */
static bool take_off(struct proc *p, int result)
{
    bool asleep = p->state == PROC_SLEEPING;

    list_remove(&p->wait_link);
    p->wait_result = result;
    /* Pairs with wait_end, which may read no more than this. */
    __atomic_store_n(&p->wait_chan, NULL, __ATOMIC_RELEASE);
    return asleep;
}

/* Ends p's wait, if it waits and may be disturbed. p may be woken by others at any time, and even wait for
 * something else by the time its bucket is locked. */
static void end_wait(struct proc *p, int result, bool only_interruptible)
{
    const void *chan;
    bool same = false, asleep = false;

    while (!same && (chan = __atomic_load_n(&p->wait_chan, __ATOMIC_ACQUIRE))) {
        struct bucket *b = lock_bucket(chan);
        same = p->wait_chan == chan;
        if (same && (p->wait_interruptible || !only_interruptible))
            asleep = take_off(p, result);
        spin_unlock(&b->lock);
    }
    if (asleep)
        sched_ready(p);
}

void wait_cancel(void)
{
    end_wait(current(), 0, false);
}

void wait_interrupt(struct proc *p, int result)
{
    end_wait(p, result, true);
}

static void timed_out(struct timer *t)
{
    wait_interrupt(container_of(t, struct proc, wait_timer), -ETIMEDOUT);
}

int wait_end(uint64_t deadline)
{
    struct proc *p = current();
    const void *chan;

    if (CHECK_LOCKS)
        spin_check_none_held();
    if (p->wait_interruptible) {
        /* A signal sent before wait_begin found nobody to interrupt: look for it now. The sender sets the
         * signal, then looks at wait_chan; here it is the other way round, and with a full fence on both
         * sides one of the two sees the other. */
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        if (signal_pending())
            wait_interrupt(p, -EINTR);
    }
    if (deadline != WAIT_FOREVER)
        timer_arm(&p->wait_timer, deadline, timed_out);

    irq_push();
    chan = __atomic_load_n(&p->wait_chan, __ATOMIC_ACQUIRE);
    if (chan) {
        struct bucket *b = lock_bucket(chan);
        bool sleeps = p->wait_chan != NULL; /* nobody but p itself puts it on another queue */

        if (sleeps)
            p->state = PROC_SLEEPING;
        spin_unlock(&b->lock);
        if (sleeps)
            sched_switch();
    }
    irq_pop();

    if (deadline != WAIT_FOREVER)
        timer_cancel(&p->wait_timer);
    return p->wait_result;
}

void sleep(const void *chan, struct spinlock *l)
{
    wait_begin(chan, false);
    spin_unlock(l);
    wait_end(WAIT_FOREVER);
    spin_lock(l);
}

int sleep_interruptible(const void *chan, struct spinlock *l, uint64_t deadline)
{
    wait_begin(chan, true);
    spin_unlock(l);
    int result = wait_end(deadline);
    spin_lock(l);
    return result;
}

int sleep_mutex_interruptible(const void *chan, struct mutex *m, uint64_t deadline)
{
    wait_begin(chan, true);
    mutex_unlock(m);
    int result = wait_end(deadline);
    mutex_lock(m);
    return result;
}

/* Wakes at most `max` of those that wait for chan; in order, so that nobody is passed over. */
static int wake(const void *chan, int max)
{
    struct bucket *b = lock_bucket(chan);
    struct proc *p, *next;
    struct list woken = LIST_INIT(woken);
    int n = 0;

    debug_shuffle(&b->procs);
    list_for_each_entry_safe (p, next, &b->procs, wait_link) {
        if (p->wait_chan != chan)
            continue;
        if (take_off(p, 0))
            list_push_back(&woken, &p->wait_link);
        if (++n == max)
            break;
    }
    spin_unlock(&b->lock);
    while (!list_empty(&woken)) {
        debug_shuffle(&woken);
        p = list_first(&woken, struct proc, wait_link);
        list_remove(&p->wait_link);
        sched_ready(p);
    }
    return n;
}

int wakeup(const void *chan)
{
    return wake(chan, -1);
}

int wakeup_one(const void *chan)
{
    return wake(chan, 1);
}

/* ---- debug builds ---- */

#ifdef LODE_DEBUG
size_t wait_check(void)
{
    size_t waiting = 0;
    struct proc *p;

    for (unsigned i = 0; i < ARRAY_SIZE(buckets); i++) {
        if (!CHECK(!buckets[i].lock.locked, "wait queue %u: its lock is held, by nobody who runs", i) ||
            !check_list(&buckets[i].procs, "wait queue"))
            continue;
        list_for_each_entry (p, &buckets[i].procs, wait_link) {
            CHECK(p->wait_chan && bucket_of(p->wait_chan) == &buckets[i],
                  "process %d: on a wait queue, but not that of its channel 0x%lx", p->pid,
                  (uintptr_t)p->wait_chan);
            CHECK(p->state != PROC_ZOMBIE, "process %d: has ended, but is on a wait queue", p->pid);
            waiting++;
        }
    }
    return waiting;
}
#endif
