/* What labs/lottery/plot runs: workload SECONDS TICKETS ... starts a process that computes for each number of tickets, and prints
 * a line every 100 ms: the time since the start, and the processor time of each, all in ms, as getpinfo tells it. */
#include "tests/lottery.h"

#define INTERVAL_MS 100

static void print_times(uint64_t time, const struct entry *at_start, int n)
{
    struct entry list[64];
    int count = all_processes(list, 64);

    printf("%lu", time);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < count; k++)
            if (list[k].pid == at_start[i].pid)
                printf(" %lu", (list[k].ran - at_start[i].ran) / 1000000);
    printf("\n");
}

int main(int argc, char **argv)
{
    struct entry at_start[MAX_SPINNERS];
    int n = argc - 2;

    if (n < 1 || n > MAX_SPINNERS)
        usage("workload SECONDS TICKETS ...");
    expect_result("settickets(1000000000)", settickets(MAX_TICKETS), 0); /* to win as soon as it wakes up */
    for (int i = 0; i < n; i++)
        at_start[i].pid = start_child(atoi(argv[i + 2]), spin, 0);
    open_gate();
    for (int i = 0; i < n; i++)
        at_start[i] = process_entry(at_start[i].pid);

    uint64_t start = now_ms(), end = start + (uint64_t)atoi(argv[1]) * 1000;
    for (uint64_t t = start; t < end; t = now_ms()) {
        print_times(t - start, at_start, n);
        sleep_ms(INTERVAL_MS - (t - start) % INTERVAL_MS);
    }
    print_times(now_ms() - start, at_start, n);
    end_spinners();
    return 0;
}
