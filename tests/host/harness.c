/* The host harness but for its disk; harness.h says what it promises.
 *
 * `running` is the thread that has the baton; it alone touches any state here, so there are no locks. A
 * thread that gives the baton away posts the semaphore of the next one and waits for its own. "Interrupts"
 * are function calls on the running thread, made at moments when it has none of the spin locks:
 * preemption_point. */
#include "harness.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "abi/errno.h"
#include "lib/printk.h"
#include "mm/page.h"
#include "mm/usercopy.h"
#include "proc/kthread.h"
#include "sync/mutex.h"
#include "sync/spinlock.h"
#include "sync/wait.h"
#include "trap/timer.h"

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif
#ifdef WITH_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#else
#define ASAN_POISON_MEMORY_REGION(addr, size)   ((void)(addr), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(addr, size) ((void)(addr), (void)(size))
#endif

/* The functions of kernel headers that this program has no header for: proc/proc.h needs a RISC-V compiler,
 * and proc/sched.h's sched_yield is another one than the C library's, whose header <pthread.h> includes. */
bool signal_pending(void);
void kernel_sched_yield(void) __asm__("sched_yield");
int sched_sleep_ns(uint64_t ns);

/* ---- Threads ---- */

#define MAX_THREADS 128
#define MAX_HELD    16

struct proc {
    const char *name;
    void (*main)(void *);
    void *arg;
    pthread_t host;
    sem_t baton;
    bool used, finished;
    bool cancelled; /* harness_reset: it ends when it gets the baton */
    bool of_kernel; /* started by kthread_start */
    bool asleep;
    const void *chan;      /* what it waits on */
    const char *chan_name; /* for a mutex: its name */
    bool interruptible;
    int result;        /* of the sleep */
    uint64_t deadline; /* WAIT_FOREVER: none */
    uint64_t order;    /* of falling asleep, or becoming runnable: who is first */
    unsigned irq_depth;
    struct spinlock *held[MAX_HELD];
    unsigned nheld;
    struct mutex *mutexes[MAX_HELD];
    unsigned nmutexes;
};

static sem_t cancelled; /* posted by a thread that has ended so */
static struct proc threads[MAX_THREADS] = {{.name = "main", .used = true}};
static struct proc *threads_end = &threads[1]; /* those from here on have never been used */
static struct proc *running = &threads[0];
static bool in_interrupt;
static uint64_t order_counter;
static uint64_t random_state; /* 0: not seeded */
static uint64_t now_ns = 1000000000;
static int64_t day_offset = 1700000000000000000; /* some day of 2023 */
static unsigned idle_deadlines;                  /* deadlines reached since a thread of the test's has run */
static bool signal_is_pending;

#define MAX_TIMERS 64
static struct timer *timers[MAX_TIMERS];
static int timers_end; /* those from here on have never been used */

uint64_t harness_mix(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

void harness_seed(uint64_t seed)
{
    random_state = seed;
}

bool harness_seeded(void)
{
    return random_state != 0;
}

uint64_t harness_random(void)
{
    return harness_mix(&random_state);
}

static bool one_in(unsigned n)
{
    return random_state != 0 && harness_random() % n == 0;
}

static void print_threads(void)
{
    for (struct proc *t = threads; t < threads_end; t++) {
        if (!t->used || t->finished)
            continue;
        fprintf(stderr, "  thread %s: %s", t->name, t == running ? "has the baton, " : "");
        if (t->asleep)
            fprintf(stderr, "waits on %p%s%s", t->chan, t->chan_name ? ", mutex " : "",
                    t->chan_name ? t->chan_name : "");
        else
            fprintf(stderr, "could run");
        for (unsigned i = 0; i < t->nmutexes; i++)
            fprintf(stderr, "%s%s", i == 0 ? "; holds mutexes: " : ", ", t->mutexes[i]->name);
        for (unsigned i = 0; i < t->nheld; i++)
            fprintf(stderr, "%s%s", i == 0 ? "; holds spin locks: " : ", ", t->held[i]->name);
        fprintf(stderr, "\n");
    }
}

static void make_runnable(struct proc *t, int result)
{
    t->asleep = false;
    t->result = result;
    t->chan = NULL;
    t->chan_name = NULL;
    t->order = ++order_counter;
}

void harness_interrupt(void (*handler)(void *), void *arg)
{
    bool nested = in_interrupt;

    if (running->nheld > 0)
        panic("harness: an interrupt with spin lock %s held", running->held[0]->name);
    in_interrupt = true;
    running->irq_depth++;
    handler(arg);
    running->irq_depth--;
    in_interrupt = nested;
}

bool harness_irqs_on(void)
{
    return running->irq_depth == 0;
}

static void fire_timer(void *arg)
{
    struct timer *t = arg;

    t->function(t);
}

/* Everything whose deadline the clock has reached. */
static void fire_deadlines(void)
{
    for (int i = 0; i < timers_end; i++) {
        struct timer *t = timers[i];

        if (t && t->deadline <= now_ns) {
            timers[i] = NULL;
            t->cpu = NULL;
            harness_interrupt(fire_timer, t);
        }
    }
    for (struct proc *t = threads; t < threads_end; t++)
        if (t->used && t->asleep && t->deadline != WAIT_FOREVER && t->deadline <= now_ns)
            make_runnable(t, -ETIMEDOUT);
}

/* Moves the clock to the next deadline. False: there is none. */
static bool advance_to_deadline(void)
{
    uint64_t next = UINT64_MAX;

    for (int i = 0; i < timers_end; i++)
        if (timers[i])
            next = MIN(next, timers[i]->deadline);
    for (struct proc *t = threads; t < threads_end; t++)
        if (t->used && t->asleep && t->deadline != WAIT_FOREVER)
            next = MIN(next, t->deadline);
    if (next == UINT64_MAX)
        return false;
    now_ns = MAX(now_ns, next);
    fire_deadlines();
    return true;
}

/* The runnable thread that waits longest, or any of them; NULL. */
static struct proc *choose(const struct proc *except)
{
    struct proc *best = NULL;
    unsigned candidates = 0;

    for (struct proc *t = threads; t < threads_end; t++) {
        if (!t->used || t->finished || t->asleep || t == except)
            continue;
        candidates++;
        if (!best || (random_state ? one_in(candidates) : t->order < best->order))
            best = t;
    }
    return best;
}

static struct proc *wait_for_runnable(void)
{
    struct proc *next;

    while (!(next = choose(NULL))) {
        if (harness_disk_complete_one()) {
            now_ns += 50000;
            continue;
        }
        if (!advance_to_deadline()) {
            print_threads();
            panic("harness: deadlock, no thread can ever run again");
        }
        if (++idle_deadlines > 1000) {
            print_threads();
            panic("harness: the test's threads wait for ever while the kernel's go on");
        }
    }
    if (!next->of_kernel)
        idle_deadlines = 0;
    return next;
}

/* Gives the baton away; returns when it comes back. The caller is asleep, or behind the others in order. */
static void switch_thread(struct proc *next)
{
    struct proc *self = running;

    if (next == self)
        return;
    running = next;
    sem_post(&next->baton);
    while (sem_wait(&self->baton) != 0)
        ;
    if (self->cancelled) {
        sem_post(&cancelled);
        pthread_exit(NULL);
    }
}

static void preemption_point(void)
{
    static bool inside;
    struct proc *next;

    if (in_interrupt || running->irq_depth > 0 || inside)
        return;
    inside = true; /* interrupt handlers take and release spin locks */
    while (harness_disk_complete_due())
        ;
    if (one_in(8))
        harness_disk_complete_one();
    fire_deadlines();
    inside = false;
    if (one_in(16) && (next = choose(running))) {
        running->order = ++order_counter;
        switch_thread(next);
    }
}

void harness_yield(void)
{
    struct proc *next = choose(running);

    if (!next)
        harness_disk_complete_one();
    else {
        running->order = ++order_counter;
        switch_thread(next);
    }
}

void sched_yield(void)
{
    harness_yield();
}

static void *thread_body(void *arg)
{
    struct proc *self = arg;

    while (sem_wait(&self->baton) != 0)
        ;
    if (!self->cancelled)
        self->main(self->arg);
    if (self->cancelled) {
        sem_post(&cancelled);
        return NULL;
    }
    if (self->nheld > 0 || self->nmutexes > 0 || self->irq_depth > 0)
        panic("harness: thread %s ends with locks held", self->name);
    self->finished = true;
    wakeup(self);
    if (self->of_kernel)
        self->used = false;
    running = wait_for_runnable();
    sem_post(&running->baton); /* from here on another thread may reuse *self */
    return NULL;
}

static struct proc *start(const char *name, void (*main)(void *), void *arg, bool of_kernel)
{
    for (struct proc *t = threads; t < threads + MAX_THREADS; t++) {
        if (t->used)
            continue;
        *t = (struct proc){.name = name, .main = main, .arg = arg, .used = true, .of_kernel = of_kernel};
        t->order = ++order_counter;
        threads_end = MAX(threads_end, t + 1);
        sem_init(&t->baton, 0, 0);
        if (pthread_create(&t->host, NULL, thread_body, t) != 0)
            panic("harness: pthread_create failed");
        pthread_detach(t->host);
        return t;
    }
    panic("harness: too many threads");
}

struct proc *kthread_start(const char *name, void (*main)(void *), void *arg)
{
    return start(name, main, arg, true);
}

struct proc *harness_thread(const char *name, void (*main)(void *), void *arg)
{
    return start(name, main, arg, false);
}

/* ---- Sleeping ---- */

static void may_sleep(const char *what)
{
    if (in_interrupt)
        panic("harness: %s in interrupt context", what);
    if (running->nheld > 0)
        panic("harness: %s with spin lock %s held", what, running->held[0]->name);
    if (running->irq_depth > 0)
        panic("harness: %s with interrupts off", what);
}

static int wait_on(const void *chan, bool interruptible, uint64_t deadline)
{
    struct proc *self = running;

    may_sleep("sleep");
    self->asleep = true;
    self->chan = chan;
    self->interruptible = interruptible;
    self->deadline = deadline;
    self->order = ++order_counter;
    switch_thread(wait_for_runnable());
    return self->result;
}

/* Taking a lock away without a preemption point: releasing and falling asleep are one step. */
static void drop_spinlock(struct spinlock *l);
static void drop_mutex(struct mutex *m);

int sleep_interruptible(const void *chan, struct spinlock *l, uint64_t deadline)
{
    int result = -EINTR;

    drop_spinlock(l);
    if (!signal_is_pending)
        result = wait_on(chan, true, deadline);
    spin_lock(l);
    return result;
}

void sleep(const void *chan, struct spinlock *l)
{
    drop_spinlock(l);
    wait_on(chan, false, WAIT_FOREVER);
    spin_lock(l);
}

int sleep_mutex_interruptible(const void *chan, struct mutex *m, uint64_t deadline)
{
    int result = -EINTR;

    drop_mutex(m);
    if (!signal_is_pending)
        result = wait_on(chan, true, deadline);
    mutex_lock(m);
    return result;
}

static struct proc *longest_waiting(const void *chan)
{
    struct proc *best = NULL;

    for (struct proc *t = threads; t < threads_end; t++)
        if (t->used && t->asleep && t->chan == chan && (!best || t->order < best->order))
            best = t;
    return best;
}

int wakeup_one(const void *chan)
{
    struct proc *t = longest_waiting(chan);

    if (!t)
        return 0;
    make_runnable(t, 0);
    return 1;
}

int wakeup(const void *chan)
{
    int n = 0;

    while (wakeup_one(chan))
        n++;
    return n;
}

void harness_join(struct proc *thread)
{
    while (!thread->finished)
        wait_on(thread, false, WAIT_FOREVER);
    thread->used = false;
}

void harness_sleep(uint64_t ns)
{
    wait_on(&now_ns, false, now_ns + MAX(ns, 1));
}

int sched_sleep_ns(uint64_t ns)
{
    if (signal_is_pending)
        return -EINTR;
    int result = wait_on(&now_ns, true, now_ns + MAX(ns, 1));
    return result == -ETIMEDOUT ? 0 : result;
}

void harness_idle(void)
{
    for (;;) {
        struct proc *next = choose(running);

        if (next) {
            running->order = ++order_counter;
            switch_thread(next);
        } else if (!harness_disk_complete_one()) {
            return;
        }
    }
}

void harness_set_signal(bool pending)
{
    signal_is_pending = pending;
    for (struct proc *t = threads; pending && t < threads_end; t++)
        if (t->used && t->asleep && t->interruptible)
            make_runnable(t, -EINTR);
}

bool signal_pending(void)
{
    return signal_is_pending;
}

/* ---- Locks ---- */

void irq_push(void)
{
    running->irq_depth++;
}

static void irq_pop_quietly(void)
{
    if (running->irq_depth == 0)
        panic("harness: irq_pop without irq_push");
    running->irq_depth--;
}

void irq_pop(void)
{
    irq_pop_quietly();
    preemption_point();
}

void spin_init(struct spinlock *l, const char *name, enum lock_rank rank)
{
    *l = (struct spinlock)SPINLOCK_INIT(name, rank);
}

bool spin_held(const struct spinlock *l)
{
    return l->locked && l->owner == running;
}

static void check_rank(unsigned rank, const char *name)
{
    for (unsigned i = 0; rank != RANK_NONE && i < running->nheld; i++)
        if (running->held[i]->rank >= rank)
            panic("harness: %s (rank %u) wanted while spin lock %s (rank %u) is held", name, rank,
                  running->held[i]->name, running->held[i]->rank);
}

void spin_lock(struct spinlock *l)
{
    preemption_point();
    if (l->locked)
        panic("harness: spin lock %s is taken twice, the first time by thread %s", l->name,
              l->owner ? l->owner->name : "?");
    check_rank(l->rank, l->name);
    if (running->nheld == MAX_HELD)
        panic("harness: too many spin locks held");
    irq_push();
    l->locked = 1;
    l->owner = running;
    running->held[running->nheld++] = l;
}

bool spin_trylock(struct spinlock *l)
{
    if (l->locked)
        return false;
    if (running->nheld == MAX_HELD)
        panic("harness: too many spin locks held");
    irq_push();
    l->locked = 1;
    l->owner = running;
    running->held[running->nheld++] = l;
    return true;
}

static void drop_spinlock(struct spinlock *l)
{
    unsigned i = 0;

    if (!spin_held(l))
        panic("harness: spin lock %s is released by %s, which does not hold it", l->name, running->name);
    while (running->held[i] != l)
        i++;
    running->held[i] = running->held[--running->nheld];
    l->locked = 0;
    l->owner = NULL;
    irq_pop_quietly();
}

void spin_unlock(struct spinlock *l)
{
    drop_spinlock(l);
    preemption_point();
}

void mutex_init(struct mutex *m, const char *name)
{
    *m = (struct mutex)MUTEX_INIT(name);
}

bool mutex_held(const struct mutex *m)
{
    return m->word == (uintptr_t)running;
}

bool mutex_trylock(struct mutex *m)
{
    if (m->word != 0)
        return false;
    if (running->nmutexes == MAX_HELD)
        panic("harness: too many mutexes held");
    m->word = (uintptr_t)running;
    running->mutexes[running->nmutexes++] = m;
    return true;
}

void mutex_lock(struct mutex *m)
{
    may_sleep("mutex_lock");
    preemption_point();
    if (mutex_held(m))
        panic("harness: mutex %s is taken twice by thread %s", m->name, running->name);
    while (!mutex_trylock(m)) {
        running->chan_name = m->name;
        wait_on(m, false, WAIT_FOREVER);
    }
}

static void drop_mutex(struct mutex *m)
{
    unsigned i = 0;

    if (!mutex_held(m))
        panic("harness: mutex %s is released by %s, which does not hold it", m->name, running->name);
    while (running->mutexes[i] != m)
        i++;
    running->mutexes[i] = running->mutexes[--running->nmutexes];
    m->word = 0;
    wakeup_one(m);
}

void mutex_unlock(struct mutex *m)
{
    drop_mutex(m);
    preemption_point();
}

/* ---- Time ---- */

uint64_t time_monotonic(void)
{
    return now_ns += 100; /* so that loops which wait for a time end */
}

uint64_t time_of_day(void)
{
    return time_monotonic() + day_offset;
}

void time_set_of_day(uint64_t ns)
{
    day_offset = ns - now_ns;
}

void timer_arm(struct timer *t, uint64_t deadline, void (*function)(struct timer *))
{
    timer_cancel(t);
    for (int i = 0; i < MAX_TIMERS; i++) {
        if (timers[i])
            continue;
        t->deadline = deadline;
        t->function = function;
        t->cpu = (struct cpu *)&timers[i]; /* anything but NULL: it is armed */
        timers[i] = t;
        timers_end = MAX(timers_end, i + 1);
        return;
    }
    panic("harness: too many timers");
}

void timer_cancel(struct timer *t)
{
    for (int i = 0; i < timers_end; i++)
        if (timers[i] == t)
            timers[i] = NULL;
    t->cpu = NULL;
}

/* ---- Failing allocations ---- */

static uint64_t allocs, fail_at;
static bool fail_all, has_failed;

void harness_fail_alloc(uint64_t n, bool all)
{
    allocs = 0;
    fail_at = n;
    fail_all = all;
    has_failed = false;
}

uint64_t harness_allocs(void)
{
    return allocs;
}

bool harness_alloc_failed(void)
{
    return has_failed;
}

static bool alloc_fails(void)
{
    preemption_point();
    allocs++;
    if (fail_at == 0 || allocs < fail_at || (allocs > fail_at && !fail_all))
        return false;
    return has_failed = true;
}

/* ---- Pages ---- */

static struct page pages[HARNESS_PAGES];
static uint8_t *ram; /* page i is at ram + i * PAGE_SIZE */
static uint32_t free_pages[HARNESS_PAGES], nfree;
static size_t page_limit = HARNESS_PAGES, pages_used;
static size_t pages_touched; /* those behind have never been in use */

static bool poison = true;

size_t (*page_reclaim_hook)(size_t n);

__attribute__((constructor)) static void init(void)
{
    sem_init(&threads[0].baton, 0, 0);
    sem_init(&cancelled, 0, 0);
    ram = mmap(NULL, HARNESS_PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (ram == MAP_FAILED)
        panic("harness: no memory for pages");
    for (size_t i = HARNESS_PAGES; i-- > 0;)
        free_pages[nfree++] = i;
    ASAN_POISON_MEMORY_REGION(ram, HARNESS_PAGES * PAGE_SIZE);
}

void harness_poison(bool on)
{
    poison = on;
}

void harness_set_pages(size_t n)
{
    page_limit = MIN(n, HARNESS_PAGES);
}

size_t harness_pages_used(void)
{
    return pages_used;
}

size_t page_total(void)
{
    return page_limit;
}

size_t page_free_count(void)
{
    return page_limit > pages_used ? page_limit - pages_used : 0;
}

struct page *pa_page(paddr_t pa)
{
    if (pa < (uintptr_t)ram || pa >= (uintptr_t)ram + HARNESS_PAGES * PAGE_SIZE)
        return NULL;
    return &pages[(pa - (uintptr_t)ram) / PAGE_SIZE];
}

paddr_t page_pa(const struct page *p)
{
    return (uintptr_t)ram + (size_t)(p - pages) * PAGE_SIZE;
}

static struct page *claim(size_t first, unsigned order, unsigned flags)
{
    struct page *p = &pages[first];
    size_t bytes = PAGE_SIZE << order;

    for (size_t i = 0; i < (size_t)1 << order; i++)
        p[i] = (struct page){0};
    p->refs = 1;
    p->order = order;
    pages_touched = MAX(pages_touched, first + ((size_t)1 << order));
    pages_used += (size_t)1 << order;
    ASAN_UNPOISON_MEMORY_REGION((void *)page_pa(p), bytes);
    if (flags & PAGE_ZERO)
        memset((void *)page_pa(p), 0, bytes);
    else if (poison)
        memset((void *)page_pa(p), 0xa5, bytes);
    return p;
}

/* Aligned blocks are rare: a search from the upper end of RAM will do. */
static struct page *claim_order(unsigned order, unsigned flags)
{
    static bool is_free[HARNESS_PAGES];
    size_t count = (size_t)1 << order;

    memset(is_free, 0, sizeof(is_free));
    for (uint32_t i = 0; i < nfree; i++)
        is_free[free_pages[i]] = true;
    for (size_t first = HARNESS_PAGES - count;; first -= count) {
        size_t n = 0;

        while (n < count && is_free[first + n])
            n++;
        if (n == count) {
            uint32_t kept = 0;

            for (uint32_t i = 0; i < nfree; i++)
                if (free_pages[i] < first || free_pages[i] >= first + count)
                    free_pages[kept++] = free_pages[i];
            nfree = kept;
            return claim(first, order, flags);
        }
        if (first == 0)
            return NULL;
    }
}

struct page *page_alloc_order(unsigned order, unsigned flags)
{
    size_t count = (size_t)1 << order;

    if (order > PAGE_MAX_ORDER)
        panic("harness: page_alloc_order(%u)", order);
    check_rank(RANK_PAGE, "the page allocator");
    if (!(flags & PAGE_NORECLAIM) && running->nheld > 0)
        panic("harness: page_alloc that may reclaim, with spin lock %s held", running->held[0]->name);
    if (alloc_fails())
        return NULL;
    if (pages_used + count > page_limit && !(flags & PAGE_NORECLAIM) && page_reclaim_hook)
        page_reclaim_hook(MAX(count, 32));
    if (pages_used + count > page_limit)
        return NULL;
    return order == 0 ? claim(free_pages[--nfree], 0, flags) : claim_order(order, flags);
}

struct page *page_alloc(unsigned flags)
{
    return page_alloc_order(0, flags);
}

void page_get(struct page *p)
{
    if (p->refs == 0)
        panic("harness: page_get of a free page");
    p->refs++;
}

void page_put(struct page *p)
{
    if (p->refs == 0)
        panic("harness: page_put of a free page");
    if (--p->refs > 0)
        return;
    for (size_t i = 0; i < (size_t)1 << p->order; i++)
        free_pages[nfree++] = p - pages + i;
    pages_used -= (size_t)1 << p->order;
    ASAN_POISON_MEMORY_REGION((void *)page_pa(p), PAGE_SIZE << p->order);
}

/* ---- Slabs and kmalloc: the host's malloc, so that ASan sees every object, and a table of what is live ----
 */

struct live {
    struct live *next;
    void *object;
    struct slab_cache *cache; /* NULL: from kmalloc */
    size_t size;
};

#define LIVE_BUCKETS 16384
static struct live *live_table[LIVE_BUCKETS];
static struct slab_cache *caches[64];
static unsigned ncaches;
static size_t kmallocs;

static struct live **live_bucket(const void *object)
{
    return &live_table[((uintptr_t)object >> 4) * 0x9e3779b97f4a7c15 >> 50];
}

static void *live_add(struct slab_cache *c, size_t size)
{
    struct live *l = malloc(sizeof(*l)), **bucket;
    size_t align =
        size > PAGE_SIZE / 2 ? PAGE_SIZE : 16; /* as the kernel's kmalloc, which gives whole pages then */
    void *object = aligned_alloc(align, (size + align - 1) & ~(align - 1));

    if (!l || !object)
        panic("harness: the host is out of memory");
    if (poison)
        memset(object, 0xa5, size);
    bucket = live_bucket(object);
    *l = (struct live){.next = *bucket, .object = object, .cache = c, .size = size};
    *bucket = l;
    return object;
}

static void live_remove(struct slab_cache *c, void *object)
{
    struct live **link = live_bucket(object), *l;

    while (*link && (*link)->object != object)
        link = &(*link)->next;
    l = *link;
    if (!l)
        panic("harness: %p is freed, but not allocated", object);
    if (l->cache != c)
        panic("harness: %p is freed to %s, but came from %s", object, c ? c->name : "kmalloc",
              l->cache ? l->cache->name : "kmalloc");
    *link = l->next;
    free(l);
    free(object);
}

static void remember_cache(struct slab_cache *c)
{
    for (unsigned i = 0; i < ncaches; i++)
        if (caches[i] == c)
            return;
    if (ncaches < ARRAY_SIZE(caches))
        caches[ncaches++] = c;
}

void *slab_alloc(struct slab_cache *c)
{
    check_rank(RANK_SLAB, c->name);
    if (alloc_fails())
        return NULL;
    if (c->objects++ == 0)
        remember_cache(c);
    return memset(live_add(c, c->size), 0, c->size);
}

void slab_free(struct slab_cache *c, void *object)
{
    if (!object)
        return;
    check_rank(RANK_SLAB, c->name);
    live_remove(c, object);
    c->objects--;
}

void *kmalloc(size_t size)
{
    check_rank(RANK_SLAB, "kmalloc");
    if (size > 4ul << 20 || alloc_fails())
        return NULL;
    kmallocs++;
    return live_add(NULL, MAX(size, 1));
}

void *kzalloc(size_t size)
{
    void *p = kmalloc(size);

    return p ? memset(p, 0, size) : NULL;
}

void kfree(void *p)
{
    if (!p)
        return;
    check_rank(RANK_SLAB, "kfree");
    live_remove(NULL, p);
    kmallocs--;
}

size_t harness_objects(const struct slab_cache *c)
{
    size_t n = kmallocs;

    if (c)
        return c->objects;
    for (unsigned i = 0; i < ncaches; i++)
        n += caches[i]->objects;
    return n;
}

void harness_print_objects(void)
{
    for (unsigned i = 0; i < ncaches; i++)
        if (caches[i]->objects > 0)
            diag("%zu objects of %s (%zu bytes each)", caches[i]->objects, caches[i]->name, caches[i]->size);
    if (kmallocs > 0)
        diag("%zu objects of kmalloc", kmallocs);
}

/* ---- Another machine ---- */

void harness_reset(void)
{
    if (running != &threads[0])
        panic("harness: harness_reset by thread %s", running->name);
    for (struct proc *t = threads + 1; t < threads_end; t++) {
        if (!t->used)
            continue;
        t->cancelled = true;
        sem_post(&t->baton);
        while (sem_wait(&cancelled) != 0)
            ;
        t->used = false;
    }
    running->nheld = running->nmutexes = running->irq_depth = 0;
    memset(timers, 0, sizeof(timers));
    harness_disk_reset();
    for (unsigned i = 0; i < LIVE_BUCKETS; i++)
        while (live_table[i])
            live_remove(live_table[i]->cache, live_table[i]->object);
    kmallocs = ncaches = 0;
    for (size_t i = 0; i < pages_touched; i++)
        if (pages[i].refs > 0) {
            pages[i].refs = 1;
            page_put(&pages[i]);
        }
    page_reclaim_hook = NULL;
    harness_clear_messages();
}

/* ---- User memory ---- */

#define PRESENT_SLOTS 1024 /* a range of fewer pages than this never evicts itself */
static uint64_t present[PRESENT_SLOTS];
static bool user_absent;
static uint64_t forbidden_start, forbidden_end;

void harness_user_absent(bool on)
{
    user_absent = on;
    memset(present, 0, sizeof(present));
}

void harness_user_forbid(const void *start, size_t n)
{
    forbidden_start = (uintptr_t)start;
    forbidden_end = forbidden_start + n;
}

/* How many of the n bytes at addr can be touched: up to a forbidden byte and, where asked for, an absent
 * page. */
static size_t reachable(uint64_t addr, size_t n, bool only_present)
{
    uint64_t end = addr + n;

    if (addr < forbidden_end && end > forbidden_start)
        end = MAX(addr, forbidden_start);
    if (only_present && user_absent) {
        if (one_in(8))
            present[harness_random() % PRESENT_SLOTS] = 0;
        for (uint64_t page = addr / PAGE_SIZE; page * PAGE_SIZE < end; page++)
            if (present[page % PRESENT_SLOTS] != page) {
                end = MAX(addr, page * PAGE_SIZE);
                break;
            }
    }
    return end - addr;
}

int user_prefault(uptr_t addr, size_t n, bool write)
{
    (void)write;
    may_sleep("a user copy that may fault");
    for (unsigned i = 0; i < running->nmutexes; i++)
        if (strstr(running->mutexes[i]->name, "inode"))
            panic("harness: user memory may fault while mutex %s is held", running->mutexes[i]->name);
    preemption_point();
    for (uint64_t page = addr / PAGE_SIZE; page * PAGE_SIZE < addr + n; page++)
        present[page % PRESENT_SLOTS] = page;
    return reachable(addr, n, false) == n ? 0 : -EFAULT;
}

enum move { FILL, EMPTY, ZERO };

static size_t move(struct uio *u, void *mem, size_t n, enum move how, bool nofault)
{
    size_t count = MIN(n, u->left);

    if (!u->kernel)
        count = reachable(u->addr, count, nofault);
    if (count == 0)
        return 0;
    if (how == FILL)
        memcpy((void *)u->addr, mem, count);
    else if (how == EMPTY)
        memcpy(mem, (void *)u->addr, count);
    else
        memset((void *)u->addr, 0, count);
    u->addr += count;
    u->left -= count;
    return count;
}

static int move_faulting(struct uio *u, void *mem, size_t n, enum move how)
{
    n = MIN(n, u->left);
    if (!u->kernel)
        user_prefault(u->addr, n, how != EMPTY);
    return move(u, mem, n, how, false) == n ? 0 : -EFAULT;
}

int uio_read(struct uio *u, const void *src, size_t n)
{
    return move_faulting(u, (void *)src, n, FILL);
}

int uio_write(struct uio *u, void *dst, size_t n)
{
    return move_faulting(u, dst, n, EMPTY);
}

int uio_zero(struct uio *u, size_t n)
{
    return move_faulting(u, NULL, n, ZERO);
}

size_t uio_read_nofault(struct uio *u, const void *src, size_t n)
{
    return move(u, (void *)src, n, FILL, true);
}

size_t uio_write_nofault(struct uio *u, void *dst, size_t n)
{
    return move(u, dst, n, EMPTY, true);
}

int uio_prefault(const struct uio *u, size_t n, bool fill)
{
    return u->kernel ? 0 : user_prefault(u->addr, MIN(n, u->left), fill);
}

int copyin(void *dst, uptr_t src, size_t n)
{
    struct uio u = {.addr = src, .left = n};

    return uio_write(&u, dst, n);
}

int copyout(uptr_t dst, const void *src, size_t n)
{
    struct uio u = {.addr = dst, .left = n};

    return uio_read(&u, src, n);
}

ssize_t copyinstr(char *dst, uptr_t src, size_t max)
{
    size_t n = strnlen((const char *)src, max);

    if (n == max)
        return -ENAMETOOLONG;
    return copyin(dst, src, n + 1) == 0 ? (ssize_t)n : -EFAULT;
}

/* ---- Messages ---- */

static char messages[64 * 1024];
static size_t messages_used;
static int echo = -1; /* -1: as the environment says */

const char *harness_messages(void)
{
    return messages;
}

void harness_clear_messages(void)
{
    messages_used = 0;
    messages[0] = '\0';
}

void harness_echo(bool on)
{
    echo = on;
}

void printk(const char *format, ...)
{
    char line[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    size_t n = strlen(line);
    if (messages_used + n + 1 > sizeof(messages)) { /* keep the newer half */
        messages_used -= sizeof(messages) / 2;
        memmove(messages, messages + sizeof(messages) / 2, messages_used);
    }
    memcpy(messages + messages_used, line, n + 1);
    messages_used += n;
    if (echo < 0)
        echo = getenv("HARNESS_VERBOSE") != NULL;
    if (echo)
        fputs(line, stderr);
}

size_t printk_log_size(void)
{
    return messages_used;
}

size_t printk_read_log(char *buf, size_t n)
{
    n = MIN(n, messages_used);
    memcpy(buf, messages + messages_used - n, n);
    return n;
}

static _Noreturn void die(const char *kind, const char *format, va_list args)
{
    fflush(stdout);
    fprintf(stderr, "%s: ", kind);
    vfprintf(stderr, format, args);
    fprintf(stderr, " [thread %s]\n", running->name);
#ifdef WITH_ASAN
    __sanitizer_print_stack_trace();
#endif
    abort();
}

void panic(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    die("panic", format, args);
}

void boot_fail(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    die("boot_fail", format, args);
}

/* ---- Results ---- */

static struct results {
    unsigned run, failed;
} * results;

static struct results *get_results(void)
{
    if (!results)
        results = harness_shared(sizeof(*results));
    return results;
}

bool ok(bool cond, const char *format, ...)
{
    struct results *r = get_results();
    va_list args;

    printf("%s %u - ", cond ? "ok" : "not ok", ++r->run);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
    if (!cond)
        r->failed++;
    return cond;
}

void diag(const char *format, ...)
{
    va_list args;

    printf("# ");
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}

int done(void)
{
    struct results *r = get_results();

    printf("1..%u\n", r->run);
    if (r->failed)
        printf("# %u of %u failed\n", r->failed, r->run);
    fflush(stdout);
    return r->failed > 0 || r->run == 0;
}

int harness_child(int (*f)(void *), void *arg)
{
    int status;

    get_results();
    for (struct proc *t = threads + 1; t < threads_end; t++)
        if (t->used)
            panic("harness: harness_child while thread %s exists", t->name);
    fflush(stdout);
    int pid = fork();
    if (pid < 0)
        panic("harness: fork failed");
    if (pid == 0) {
        status = f(arg);
        fflush(stdout);
        _exit(status);
    }
    if (waitpid(pid, &status, 0) != pid)
        panic("harness: waitpid failed");
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

void *harness_shared(size_t n)
{
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED)
        panic("harness: no shared memory");
    return p;
}
