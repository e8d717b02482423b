/* Shares of one hart:
 *
 *   lottery-shares SECONDS TICKETS ...       processes that compute, with so many tickets each
 *
 * An "s" before a number makes a process that sleeps all the time, and should get nothing and cost nothing. */
#include "lottery.h"

int main(int argc, char **argv)
{
    struct share s[MAX_SPINNERS];
    int n = 0;

    if (argc < 3)
        usage("lottery-shares SECONDS TICKETS ...");
    expect_result("settickets(1000000000)", settickets(MAX_TICKETS), 0);
    for (int i = 2; i < argc; i++) {
        bool sleeps = argv[i][0] == 's';
        int tickets = atoi(argv[i] + sleeps);
        int pid = start_child(tickets, sleeps ? asleep : spin, 0);
        if (!sleeps)
            s[n++] = (struct share){.tickets = tickets, .pid = pid};
    }
    int seconds = atoi(argv[1]);
    open_gate();
    measure(s, n, seconds);
    for (int i = 0; i < n; i++)
        printf("%d tickets: %lu slices\n", s[i].tickets, s[i].got);
    check_shares("shares", s, n, seconds);
    end_spinners();
    printf("ok\n");
    return 0;
}
