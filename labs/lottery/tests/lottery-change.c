/* Tickets that come and go: of processes that have ended nothing is left, and new numbers count at once. */
#include "lottery.h"

#define SECONDS 30

static void end_at_once(long unused)
{
    (void)unused;
}

static void end_after_work(long unused)
{
    (void)unused;
    for (int i = 0; i < 200; i++)
        work();
}

/* Takes 40 tickets at a time. */
static void spin_and_change(long when)
{
    while (now_ms() < (uint64_t)when)
        work();
    if (settickets(40) == 0)
        spin(0);
}

int main(void)
{
    expect_result("settickets(1000000000)", settickets(MAX_TICKETS), 0);
    for (int i = 0; i < 5; i++) {
        start_child(1000000, end_at_once, 0);
        start_child(1000000, end_after_work, 0);
        start_child(1000000, spin, 0);
        start_child(1000000, asleep, 0);
    }
    open_gate();
    sleep_ms(500);
    end_spinners();

    long when = (long)now_ms() + SECONDS * 1000 + 1000;
    struct share s[2] = {{.tickets = 10}, {.tickets = 10}};
    s[0].pid = start_child(10, spin_and_change, when);
    s[1].pid = start_child(10, spin, 0);
    open_gate();
    measure(s, 2, SECONDS);
    check_shares("10 and 10 tickets, after others with 1000000 each have ended", s, 2, SECONDS);
    sleep_ms(2000);
    s[0].tickets = 40;
    measure(s, 2, SECONDS);
    check_shares("then one of them has called settickets(40)", s, 2, SECONDS);
    end_spinners();
    printf("ok\n");
    return 0;
}
