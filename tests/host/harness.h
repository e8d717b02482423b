/* The host harness: a kernel's worth of surroundings for kernel/fs and kernel/lib, in one program on the
 * host.
 *
 * It implements, under the kernel's own headers, what the file system calls: pages, slabs and kmalloc, spin
 * locks, mutexes, sleeping and waking, kernel threads, the clock and timers, printk and panic, the moving of
 * user bytes, and a disk in RAM. Build everything together:
 *
 *   cc -std=c11 -g -O1 -D_GNU_SOURCE -DKERNEL_OFFSET=0ul -Ikernel -Itests/host -fsanitize=address,undefined \
 *      test.c tests/host/harness.c tests/host/harness_disk.c kernel/fs/....c kernel/lib/xxh64.c -lpthread
 *
 * (not kernel/lib/string.c and printk.c: the host's C library stands in for them). Include this header before
 * the kernel's: it makes the host's and the kernel's headers bear each other. <sys/stat.h> and abi/stat.h
 * cannot.
 *
 * Threads. Each kernel thread is a thread of the host, but exactly one runs at a time and the others wait for
 * the baton, so nothing is a data race unless it would be one on a single hart. The baton passes when the
 * running thread sleeps, waits for a mutex, yields or ends and, once harness_seed was called, also at random
 * where a kernel without spin locks held could be preempted (around locks and allocations). The main program
 * is a thread, too. When nobody can run, the harness completes disk requests, then advances the clock to the
 * next deadline; when there is neither, or the test's threads have not run for a thousand deadlines, it
 * prints who waits on what and aborts.
 *
 * Checks, each of which ends in panic (a message, a backtrace, abort): a spin lock taken twice, out of rank
 * or held while sleeping; sleeping in interrupt context; unlocking what is not held; faulting copies with a
 * spin lock or an inode's mutex held; freeing what is not allocated; page counts that underflow; bad memory
 * for a disk request.
 *
 * Kernel state is in static variables, so a machine lives as long as a host process. harness_child runs a
 * function in a forked process: that is how one test program boots many machines. The disk, its log, the TAP
 * counters and memory from harness_shared are shared with the children; all else they get as a copy. */
#pragma once
#include <sched.h>
#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>

/* Names that both sides have. The kernel's sources, which do not see this, use the symbols "sleep" and
 * "sched_yield": so these stay the names for the linker. */
#undef RENAME_EXCHANGE
#undef RENAME_NOREPLACE
struct spinlock;
#define ino_t       kernel_ino_t
#define sleep       kernel_sleep
#define sched_yield kernel_sched_yield
void sleep(const void *chan, struct spinlock *l) __asm__("sleep");
void sched_yield(void) __asm__("sched_yield");

#include "fs/disk.h"
#include "lib/types.h"
#include "mm/slab.h"

struct proc;

/* ---- Test results (TAP on standard output) ---- */

/* One test: prints "ok N - text" or "not ok N - text". Returns cond. */
bool ok(bool cond, const char *format, ...) __attribute__((format(printf, 2, 3)));
void diag(const char *format, ...) __attribute__((format(printf, 1, 2))); /* a comment line */
int done(
    void); /* prints the plan; returns main's exit status: 0 when all were ok and there was at least one */

/* Runs f(arg) in a child process and returns its result (0..127), or -N when signal N ended it (panic:
 * -SIGABRT). Only while no other thread has been started. */
int harness_child(int (*f)(void *), void *arg);
void *harness_shared(size_t n); /* zeroed memory that children share with their parent; never freed */

/* Another machine in the same process, for who has also set back the variables of the kernel: its threads are
 * gone (the caller must be the main program), all memory is free, nothing is in flight, the clock and the disk stay. */
void harness_reset(void);

/* ---- Threads and time ---- */

/* seed != 0: random choices (who runs next, preemption, which request completes), reproducible. 0: first
 * come, first served, and no preemption; the default. */
void harness_seed(uint64_t seed);
uint64_t harness_random(void); /* from the same generator */

/* A thread of the test (kthread_start's are the kernel's: they do not count for deadlock). */
struct proc *harness_thread(const char *name, void (*main)(void *), void *arg);
void harness_join(struct proc *thread);
void harness_yield(void);
void harness_sleep(uint64_t ns); /* of the fake clock */
void harness_idle(void); /* lets the others run until all of them sleep and no disk request is in flight */
void harness_set_signal(bool pending); /* what signal_pending() says; true also ends interruptible sleeps */

/* ---- Memory ---- */

/* Pages that exist, at most HARNESS_PAGES; counts the ones in use as well. Default: all. */
#define HARNESS_PAGES 65536
void harness_set_pages(size_t n);
size_t harness_pages_used(void);

/* The n-th allocation from now on fails (1: the next), and if `all` every later one, too. 0: none. Pages,
 * slab objects and kmalloc count alike. */
void harness_fail_alloc(uint64_t n, bool all);
uint64_t harness_allocs(void);   /* allocations since the last harness_fail_alloc */
bool harness_alloc_failed(void); /* one has been made to fail since */

/* Fresh memory is filled with 0xa5 (the default), so that whoever reads it shows; false saves time. */
void harness_poison(bool on);

size_t harness_objects(const struct slab_cache *c); /* live objects; NULL: of all caches and kmalloc */
void harness_print_objects(void);                   /* diag lines, one for each cache with live objects */

/* ---- User memory (any memory of the test's, behind a uio whose `kernel` is false) ---- */

/* on: a page counts as not present until it was prefaulted, and pages vanish at random once harness_seed was
 * called. So the _nofault copies come up short. */
void harness_user_absent(bool on);
void harness_user_forbid(const void *start,
                         size_t n); /* touching it gives -EFAULT; n = 0: nothing forbidden */

/* ---- Messages ---- */
const char *harness_messages(void); /* what printk has printed (the last 64 KB) */
void harness_clear_messages(void);
void harness_echo(
    bool on); /* printk also to standard error; default: when the environment has HARNESS_VERBOSE */

/* ---- The disk (harness_disk.c) ---- */

/* Contents are zeros, or an image file's, whose size (rounded down to blocks) then is the disk's. Aborts on
 * host errors. */
void harness_disk_create(uint64_t nblocks);
void harness_disk_load(const char *path);
void harness_disk_save(const char *path);
void *harness_disk_block(blkno_t block); /* the contents: nblocks * 4096 bytes from block 0 on */

/* deferred: requests complete later, when nobody can run or (with a seed) at random, in random order; else at
 * once, which means before disk_submit returns or when the outermost spin lock is released. Default: at once.
 */
void harness_disk_deferred(bool deferred);
struct harness_disk_stats {
    uint64_t reads, writes, flushes; /* requests */
    uint64_t blocks_read, blocks_written;
    uint64_t out_of_range;      /* requests beyond the end: failed with -EIO, and a bug of the caller's */
    uint64_t changed_in_flight; /* writes whose memory changed before they completed */
    uint64_t failed;            /* by injection */
};
struct harness_disk_stats harness_disk_stats(void);
void harness_disk_clear_stats(void);

/* Errors. ops: 1 << BIO_READ | ... The n-th matching request from now on (1: the next) fails with -EIO, and
 * if `all` every later one; 0: none. A failing write may or may not have changed each of its sectors (with a
 * seed; else it has not). */
void harness_disk_fail(unsigned ops, uint64_t n, bool all);
void harness_disk_fail_block(unsigned ops, blkno_t block); /* requests that touch it; block 0: none */

/* ---- The log ----
 *
 * While logging, the harness keeps the contents of every write and the order of events. An event is a submission or a
 * completion, or a mark that the test has set. tests/crash makes from it what a disk may hold after a power cut. */
void harness_log_start(void); /* forgets an earlier log. No request may be in flight */
void harness_log_stop(void);
size_t harness_log_count(void);
void harness_log_mark(uint64_t value); /* an event that says how far the test is, e.g. "sync k has returned" */

/* A write's bytes stay where they are until the next harness_log_start. */
struct harness_event {
    enum harness_event_kind { HARNESS_WRITE, HARNESS_FLUSH, HARNESS_COMPLETE, HARNESS_MARK } kind;
    blkno_t block; /* of a write */
    uint32_t nblocks;
    const uint8_t *data;
    uint64_t value;     /* HARNESS_MARK: the mark; HARNESS_COMPLETE: which event is complete */
    uint64_t completed; /* of a write or flush: the event that says so; UINT64_MAX: none, it has failed or is in flight */
};
struct harness_event harness_log_event(size_t i);

/* ---- Between harness.c and harness_disk.c ---- */
bool harness_disk_complete_one(void); /* completes a request that is in flight; false: there is none */
void harness_disk_reset(void);        /* forgets what is in flight */
bool harness_disk_complete_due(void); /* the same, only in the mode "at once" */
void harness_interrupt(void (*handler)(void *), void *arg); /* calls it as an interrupt handler */
bool harness_irqs_on(void);
bool harness_seeded(void);
uint64_t harness_mix(uint64_t *state); /* one step of the random number generator (splitmix64) */
