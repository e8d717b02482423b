/* The harness's own test: threads, locks, time, memory, failing allocations, the disk and its power cuts. */
#include "harness.h"

#include <signal.h>
#include <string.h>

#include "abi/errno.h"
#include "lib/printk.h"
#include "mm/page.h"
#include "mm/usercopy.h"
#include "proc/kthread.h"
#include "sync/mutex.h"
#include "sync/wait.h"
#include "trap/timer.h"

static struct spinlock lock = SPINLOCK_INIT("test", RANK_OUTER);
static struct spinlock inner = SPINLOCK_INIT("inner", RANK_CACHE);
static struct mutex mutex = MUTEX_INIT("test mutex");
static unsigned tokens, taken, inside;

static void consumer(void *arg)
{
    for (int i = 0; i < 100; i++) {
        spin_lock(&lock);
        while (tokens == 0)
            sleep(&tokens, &lock);
        tokens--;
        taken++;
        spin_unlock(&lock);
        mutex_lock(&mutex);
        if (inside++ != 0)
            panic("two threads in the mutex");
        sched_yield();
        inside--;
        mutex_unlock(&mutex);
    }
    (void)arg;
}

static int threads_and_locks(void *arg)
{
    struct proc *t[4];

    harness_seed((uintptr_t)arg);
    for (int i = 0; i < 4; i++)
        t[i] = harness_thread("consumer", consumer, NULL);
    for (int i = 0; i < 400; i++) {
        spin_lock(&lock);
        tokens++;
        wakeup(&tokens);
        spin_unlock(&lock);
        harness_yield();
    }
    for (int i = 0; i < 4; i++)
        harness_join(t[i]);
    return taken == 400 && tokens == 0 ? 0 : 1;
}

static int wait_for_ever(void *arg)
{
    spin_lock(&lock);
    sleep(arg, &lock);
    return 0;
}

static int out_of_rank(void *arg)
{
    (void)arg;
    spin_lock(&inner);
    spin_lock(&lock);
    return 0;
}

static int sleep_with_lock(void *arg)
{
    spin_lock(&inner);
    mutex_lock(&mutex);
    (void)arg;
    return 0;
}

static int use_freed_page(void *arg)
{
    struct page *p = page_alloc(0);

    (void)arg;
    page_put(p);
    return *(volatile char *)page_kva(p);
}

static struct slab_cache test_slab = SLAB_INIT(test_slab, "test", struct bio);

static int memory(void *arg)
{
    struct page *a = page_alloc(PAGE_ZERO), *b = page_alloc_order(3, 0);
    void *o = slab_alloc(&test_slab), *k = kmalloc(5000);
    bool good = a && b && o && k && (page_pa(b) & 0x7fff) == 0 && harness_pages_used() == 9 &&
                harness_objects(&test_slab) == 1 && harness_objects(NULL) == 2 && kva_page(page_kva(a)) == a;

    (void)arg;
    page_put(a);
    page_put(b);
    slab_free(&test_slab, o);
    kfree(k);
    harness_fail_alloc(2, false);
    a = page_alloc(0);
    good = good && a && !kmalloc(10) && harness_alloc_failed();
    page_put(a);
    harness_fail_alloc(0, false);
    harness_set_pages(1);
    a = page_alloc(0);
    good = good && a && !page_alloc(0);
    page_put(a);
    return good && harness_pages_used() == 0 && harness_objects(NULL) == 0 ? 0 : 1;
}

static int timeouts(void *arg)
{
    uint64_t start = time_monotonic();

    (void)arg;
    spin_lock(&lock);
    int result = sleep_interruptible(&tokens, &lock, start + 5000000000);
    spin_unlock(&lock);
    return result == -ETIMEDOUT && time_monotonic() - start >= 5000000000 ? 0 : 1;
}

static int user_copies(void *arg)
{
    static char buffer[20000], copy[20000];
    struct uio u = {.addr = (uintptr_t)buffer, .left = sizeof(buffer)};
    unsigned rounds = 0;
    bool good;

    (void)arg;
    harness_seed(3);
    harness_user_absent(true);
    memset(copy, 'x', sizeof(copy));
    good = uio_read_nofault(&u, copy, 100) == 0;
    while (u.left > 0 && rounds++ < 1000) {
        uio_prefault(&u, u.left, true);
        uio_read_nofault(&u, copy, u.left);
    }
    harness_user_forbid(buffer + 100, 1);
    good = good && u.left == 0 && buffer[19999] == 'x' && copyout((uintptr_t)buffer, copy, 200) == -EFAULT;
    mutex_init(&mutex, "inode");
    mutex_lock(&mutex);
    copyin(copy, (uintptr_t)buffer, 1); /* has to abort */
    return good ? 1 : 2;
}

/* ---- The disk ---- */

static int fill(blkno_t block, int byte)
{
    struct page *p = page_alloc(0);
    struct bio b = {.op = BIO_WRITE, .block = block, .nblocks = 1, .data = {page_kva(p)}};

    memset(page_kva(p), byte, PAGE_SIZE);
    int result = disk_wait(&b);
    page_put(p);
    return result;
}

static int logged_writes(void *arg)
{
    harness_disk_deferred(arg != NULL);
    harness_log_start();
    fill(1, 'a');
    fill(2, 'b');
    disk_flush();
    harness_log_mark(7);
    fill(1, 'c');
    fill(3, 'd');
    harness_disk_fail(1 << BIO_WRITE, 2, false);
    int good = fill(4, 'e') == 0 && fill(5, 'f') == -EIO && fill(6, 'g') == 0;
    harness_log_stop();
    return good ? 0 : 1;
}

static void the_log(void)
{
    struct harness_event e[30];
    size_t n = harness_log_count();
    unsigned writes = 0, never = 0, mark = 0;
    bool flush_covers = false;

    ok(n >= 15 && n <= 30, "the log has %zu events", n);
    for (size_t i = 0; i < n; i++) {
        e[i] = harness_log_event(i);
        writes += e[i].kind == HARNESS_WRITE && e[i].nblocks == 1;
        never += e[i].kind == HARNESS_WRITE && e[i].completed == UINT64_MAX;
        if (e[i].kind == HARNESS_MARK && e[i].value == 7)
            mark = writes;
        if (e[i].kind == HARNESS_FLUSH)
            flush_covers = i > e[0].completed && harness_log_event(e[i].completed).value == i;
    }
    ok(writes == 7 && never == 1, "seven writes, of which one has failed");
    ok(mark == 2 && flush_covers,
       "two writes before the flush and the mark, and the flush begins when they are complete");
    ok(e[0].block == 1 && e[0].data[0] == 'a' && e[0].data[4095] == 'a', "what a write wrote");
}

int main(void)
{
    ok(harness_child(threads_and_locks, NULL) == 0, "four consumers, in order");
    for (uintptr_t seed = 1; seed <= 5; seed++)
        ok(harness_child(threads_and_locks, (void *)seed) == 0, "four consumers, seed %d", (int)seed);
    ok(harness_child(timeouts, NULL) == 0, "a sleep times out on the fake clock");
    ok(harness_child(memory, NULL) == 0, "pages, slabs, failing allocations");
    diag("the messages that follow are wanted");
    ok(harness_child(wait_for_ever, &lock) == -SIGABRT, "a deadlock is found");
    ok(harness_child(out_of_rank, NULL) == -SIGABRT, "locks out of rank are found");
    ok(harness_child(sleep_with_lock, NULL) == -SIGABRT, "sleeping with a spin lock is found");
    ok(harness_child(user_copies, NULL) == -SIGABRT,
       "user copies come up short, and must not fault under an inode's lock");
#if defined(__SANITIZE_ADDRESS__)
    ok(harness_child(use_freed_page, NULL) != 0, "use of a free page is found");
#else
    (void)use_freed_page;
#endif
    harness_disk_create(16);
    ok(harness_child(logged_writes, NULL) == 0, "writes and an injected error");
    the_log();
    harness_disk_create(16);
    ok(harness_child(logged_writes, &lock) == 0, "the same with late completions");
    the_log();
    return done();
}
