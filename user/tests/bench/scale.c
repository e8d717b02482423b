/* bench scale: work of several processes that have nothing to do with one another. What one operation costs should
 * not depend on how many do it at a time, each on a hart of its own.
 *
 * The instructions of all harts are wanted, also those that spin for a lock, and not those of idle ones. Under
 * -icount rdinstret counts just these, for the whole machine: harts take turns, and one in wfi takes none. Only while
 * all wait it leaps ahead, which does not happen here: each worker always has something to do. */
#include "bench.h"

#define WORKERS_MAX 32
#define FAULTS      1000 /* pages that a worker has at a time */

static int gate[2], ready[2];

static void fork_exec(int n)
{
    forks(n, self);
}

static void fork_exit(int n)
{
    forks(n, NULL);
}

static void compute(int n)
{
    for (volatile int i = 0; i < 1000 * n; i++)
        ;
}

static void faults(int n)
{
    for (int done = 0, some; done < n; done += some) {
        some = n - done < FAULTS ? n - done : FAULTS;
        char *m = sbrk(some * PAGE);
        if (m == (char *)-1)
            fail("sbrk");
        for (int i = 0; i < some; i++)
            m[i * PAGE] = 1;
        if (sbrk(-some * PAGE) == (char *)-1)
            fail("sbrk");
    }
}

static void pairs(int n)
{
    round_trips(n);
}

static void files(int n)
{
    for (int i = 0; i < n; i++) {
        int fd = need(os_create("f"), "create");
        need(write(fd, buf, PAGE), "write");
        close(fd);
        need(unlink("f"), "unlink");
    }
}

static const struct operation {
    const char *name;
    void (*run)(int n);
    int n; /* of each worker: so many that the start of the work does not count */
} operations[] = {{"compute", compute, 10000},
                  {"fork-exec-wait", fork_exec, 300},
                  {"fork-exit-wait", fork_exit, 1000},
                  {"page-fault", faults, 20000},
                  {"pipe-pair-roundtrip", pairs, 5000},
                  {"create-write-unlink", files, 2000}};

#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

/* In a directory of its own. Warms up, waits until all have, works, and waits for the end, which is not measured. */
static void work(const struct operation *o, int worker)
{
    char directory[16], byte;
    snprintf(directory, sizeof(directory), "w%d", worker);
    need(os_mkdir(directory), "mkdir");
    need(chdir(directory), "chdir");
    close(gate[1]);
    o->run(5);
    need(write(ready[1], "", 1), "write");
    need(read(gate[0], &byte, 1), "read");
    o->run(o->n);
    need(write(ready[1], "", 1), "write");
    exit(0);
}

static void await_all(int workers)
{
    char bytes[WORKERS_MAX];
    for (int i = 0; i < workers;)
        i += need(read(ready[0], bytes, sizeof(bytes)), "read");
}

static struct cost measure(const struct operation *o, int workers)
{
    int pids[WORKERS_MAX];
    need(pipe(gate), "pipe");
    need(pipe(ready), "pipe");
    for (int i = 0; i < workers; i++) {
        pids[i] = need(fork(), "fork");
        if (pids[i] == 0)
            work(o, i);
    }
    await_all(workers);
    begin();
    close(gate[1]); /* all reads end */
    await_all(workers);
    struct cost c = elapsed();
    for (int i = 0; i < workers; i++)
        reap(pids[i]);
    close(gate[0]);
    close(ready[0]);
    close(ready[1]);
    remove_contents(".");
    return cost_of_one(c, (uint64_t)workers * (uint64_t)o->n);
}

int scale(int workers, const struct cost *base, struct cost *result)
{
    char condition[16];
    if (workers > WORKERS_MAX) {
        errno = EINVAL;
        fail("that many workers");
    }
    snprintf(condition, sizeof(condition), "%d", workers);
    for (unsigned i = 0; i < OPERATIONS; i++) {
        result[i] = measure(&operations[i], workers);
        report_mode("scale", operations[i].name, condition, result[i], base ? &base[i] : NULL);
    }
    return 0;
}
