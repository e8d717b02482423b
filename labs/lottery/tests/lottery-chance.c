/* It is a lottery: two processes with as many tickets each do not take turns. Who has won wins the next slice
 * again with probability 1/2. So n slices make about n/2 turns without a break; taking turns would make n. */
#include "lottery.h"

#define SECONDS 30

static int results[2];

/* Counts its turns: between two, the clock goes on by a slice without it. */
static void count_turns(long end)
{
    uint64_t last = 0;
    long turns = 0;

    for (uint64_t t = now_ms(); t < (uint64_t)end; t = now_ms()) {
        turns += t - last > SLICE_MS / 2;
        last = t;
        work();
    }
    write(results[1], &turns, sizeof(turns));
}

int main(void)
{
    long turns[2], n = SECONDS * 1000 / SLICE_MS;

    expect(pipe(results) == 0, "there is no pipe");
    expect_result("settickets(1000000000)", settickets(MAX_TICKETS), 0);
    long end = (long)now_ms() + SECONDS * 1000;
    for (int i = 0; i < 2; i++)
        start_child(10, count_turns, end);
    open_gate();
    for (int i = 0; i < 2; i++)
        expect(read(results[0], &turns[i], sizeof(long)) == sizeof(long), "a child ended too early");
    end_spinners();

    /* Binomial, n draws with 1/2: standard deviation sqrt(n)/2. See check_shares for the 5.5. */
    long sum = turns[0] + turns[1], away = sum - n / 2;
    printf("%ld slices, %ld turns\n", n, sum);
    expect(4 * away * away <= 30 * n || (away < 10 && away > -10),
           "two processes with 10 tickets each, %ld slices: by lot, that makes about %ld turns without a "
           "break;\n"
           "it were %ld. (Taking turns would make %ld.)",
           n, n / 2, sum, n);
    printf("ok\n");
    return 0;
}
