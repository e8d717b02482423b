/* A lottery on several harts: whatever the tickets, no hart is idle while a process waits, and nobody starves
 * among equals. */
#include "lottery.h"

#define SECONDS 10

static int results[2];

static long own_slices(void)
{
    struct abi_timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.sec * (1000 / SLICE_MS) + t.nsec / (1000000 * SLICE_MS);
}

/* Computes for SECONDS from the time `begin` on, and tells how much of that it has had. */
static void compute(long begin)
{
    uint64_t end = (uint64_t)begin + SECONDS * 1000;
    long before = 0;

    while (now_ms() < end) {
        if (now_ms() < (uint64_t)begin)
            before = own_slices();
        work();
    }
    long result[2] = {getpid(), own_slices() - before};
    write(results[1], result, sizeof(result));
}

static void run(struct share *s, int n)
{
    long result[2], begin = (long)now_ms() + 1000; /* by then the processes have spread over the harts */

    for (int i = 0; i < n; i++)
        s[i].pid = start_child(s[i].tickets, compute, begin);
    open_gate();
    for (int i = 0; i < n; i++) {
        expect(read(results[0], result, sizeof(result)) == sizeof(result), "a child ended too early");
        for (int k = 0; k < n; k++)
            if (s[k].pid == result[0])
                s[k].got = (uint64_t)result[1];
    }
    end_spinners();
}

int main(void)
{
    const int slices = SECONDS * 1000 / SLICE_MS;
    uint64_t mask = 0, all = 0;

    sys_sched_getaffinity(0, sizeof(mask), (long)&mask);
    expect(mask == 15, "this test is for 4 harts");
    expect(pipe(results) == 0, "there is no pipe");
    expect_result("settickets(1000000000)", settickets(MAX_TICKETS), 0);

    struct share four[4] = {{.tickets = 1}, {.tickets = 1}, {.tickets = 1}, {.tickets = 1000000}};
    run(four, 4);
    for (int i = 0; i < 4; i++)
        expect(four[i].got >= 0.9 * slices,
               "4 harts and 4 processes: each should have a hart of its own, about %d slices;\n"
               "the one with %d tickets (beside 1, 1, 1 and 1000000) had %lu",
               slices, four[i].tickets, four[i].got);

    struct share twelve[12];
    for (int i = 0; i < 12; i++)
        twelve[i] = (struct share){.tickets = 10};
    run(twelve, 12);
    for (int i = 0; i < 12; i++) {
        all += twelve[i].got;
        expect(twelve[i].got >= 0.04 * slices,
               "4 harts and 12 processes with 10 tickets each: a process had only %lu of %d slices",
               twelve[i].got, slices);
    }
    expect(all >= 0.95 * 4 * slices, "4 harts and 12 processes: of %d slices only %lu were used", 4 * slices,
           all);
    printf("ok\n");
    return 0;
}
