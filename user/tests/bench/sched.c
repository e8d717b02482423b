/* Switching between processes, and waking one of many. Meant for one hart: on several they do not wait for each other. */
#include "bench.h"

#define MANY 1000

static int gates[2][2], done[2];
static int yields_each;

/* Two rounds, begun when a gate's last writing end is closed: one without, one with calls of sched_yield. */
static void yielder(long unused)
{
    (void)unused;
    for (int round = 0; round < 2; round++) {
        close(gates[round][1]);
        need(write(done[1], buf, 1), "write");
        need(read(gates[round][0], buf, 1), "read");
        for (int i = 0; round == 1 && i < yields_each; i++)
            os_yield();
    }
    need(write(done[1], buf, 1), "write");
    need(read(0, buf, 0), "read");
}

static void await_all(int processes)
{
    for (int i = 0; i < processes;)
        i += need(read(done[0], buf, sizeof(buf)), "read");
}

/* What waking all and hearing from all costs is measured by the first round, and subtracted. */
struct cost yields(int processes, int count)
{
    static int pids[MANY];
    struct cost c[2];
    yields_each = count;
    for (int round = 0; round < 2; round++)
        need(pipe(gates[round]), "pipe");
    need(pipe(done), "pipe");
    for (int i = 0; i < processes; i++)
        pids[i] = start(yielder, 0);
    await_all(processes);
    for (int round = 0; round < 2; round++) {
        begin();
        close(gates[round][1]);
        await_all(processes);
        c[round] = elapsed();
        close(gates[round][0]);
    }
    for (int i = 0; i < processes; i++)
        reap(pids[i]);
    close(done[0]);
    close(done[1]);
    return cost_minus(c[1], c[0]);
}

static void switch_2(void)
{
    report(yields(2, 1000), 2000);
}

static void switch_16(void)
{
    report(yields(16, 200), 3200);
}

static void switch_1000(void)
{
    report(yields(MANY, 50), 50 * MANY);
}

static void yield_alone(void)
{
    for (int i = -10; i < 1000; i++) {
        if (i == 0)
            begin();
        os_yield();
    }
    end(1000);
}

static int answers[2];

static void echo(long fd)
{
    for (;;) {
        if (need(read((int)fd, buf, 1), "read") == 0)
            return;
        need(write(answers[1], buf, 1), "write");
    }
}

/* Many processes sleep, each in a read of its own pipe, or all in reads of one. A byte wakes one, which answers. */
static void wake_one(bool own_pipes, int rounds)
{
    static int pids[MANY], writing[MANY];
    int p[2];
    need(pipe(answers), "pipe");
    need(pipe(p), "pipe");
    for (int i = 0; i < MANY; i++) {
        if (own_pipes && i > 0)
            need(pipe(p), "pipe");
        pids[i] = start(echo, p[0]);
        writing[i] = p[1];
        if (own_pipes)
            close(p[0]);
    }
    for (int i = own_pipes ? -MANY : -5; i < rounds; i++) { /* the first ones: until all have run and sleep */
        if (i == 0)
            begin();
        need(write(writing[(i + MANY) * 7 % MANY], buf, 1), "write");
        need(read(answers[0], buf, 1), "read");
    }
    end((uint64_t)rounds);
    kill_and_reap(pids, MANY);
}

static void wake_own(void)
{
    wake_one(true, 500);
}

static void wake_same(void)
{
    wake_one(false, 20);
}

const struct row sched_rows[] = {
    {"yield-alone", yield_alone, "sched_yield with nobody else to run"},
    {"switch", switch_2, "sched_yield between two processes, per switch"},
    {"switch-16", switch_16, "the same with 16 runnable processes"},
    {"switch-1000", switch_1000, "the same with 1,000"},
    {"wake-1-of-1000", wake_own, "a byte to one of 1,000 sleepers and a byte back, a pipe each"},
    {"wake-1-of-1000-same", wake_same, "the same, all reading the same pipe"},
    {NULL, NULL, NULL},
};
