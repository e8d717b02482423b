/* The two system calls: lottery-calls bounds | inherit | getpinfo */
#include "lottery.h"

static void bounds(void)
{
    static const long bad[] = {0, -1, -10, MAX_TICKETS + 1l, INT32_MAX, INT32_MIN};

    expect_result("settickets(1)", settickets(1), 0);
    expect_result("settickets(1000000000)", settickets(MAX_TICKETS), 0);
    expect_result("settickets(25)", settickets(25), 0);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        long result = settickets(bad[i]);
        expect(result == -EINVAL, "settickets(%ld): expected %s, it returned %s", bad[i],
               result_text(-EINVAL), result_text(result));
        int tickets = process_entry(getpid()).tickets;
        expect(tickets == 25,
               "settickets(%ld) was refused, so the process should still have 25 tickets; it has %d", bad[i],
               tickets);
    }
    /* n is an int: of the register, its low 32 bits count. */
    expect_result("settickets with 0x700000005 in the register, which is the int 5", settickets(0x700000005),
                  0);
    int tickets = process_entry(getpid()).tickets;
    expect(tickets == 5, "after settickets(5) the process should have 5 tickets; it has %d", tickets);
}

static void expect_tickets(const char *who, int pid, int expected)
{
    int tickets = process_entry(pid).tickets;

    expect(tickets == expected, "%s: expected %d tickets, it has %d", who, expected, tickets);
}

static void inherit(char *self)
{
    char expected[] = "77", verb[] = "has", *args[] = {self, verb, expected, NULL};
    int status, child, grandchild[2], pid = 0;

    expect_tickets("process 1, for which nobody called settickets", 1, DEFAULT_TICKETS);
    expect_tickets("a process started by the shell", getpid(), DEFAULT_TICKETS);

    expect_result("settickets(77)", settickets(77), 0);
    expect(pipe(grandchild) == 0, "there is no pipe");
    child = fork();
    if (child == 0) {
        pid = fork();
        if (pid == 0)
            asleep(0);
        write(grandchild[1], &pid, sizeof(pid));
        asleep(0);
    }
    spinners[spinner_count++] = child;
    expect(read(grandchild[0], &pid, sizeof(pid)) == sizeof(pid), "the child ended too early");
    spinners[spinner_count++] = pid;
    expect_tickets("a child, made by fork after settickets(77)", child, 77);
    expect_tickets("a child of that child", pid, 77);
    expect_result("settickets(5)", settickets(5), 0);
    expect_tickets("a process after settickets(5)", getpid(), 5);
    expect_tickets("a child, after its parent called settickets(5)", child, 77);
    end_spinners();

    child = start_child(33, asleep, 0);
    expect_tickets("a child after settickets(33)", child, 33);
    expect_tickets("a parent, after its child called settickets(33)", getpid(), 5);
    end_spinners();

    expect_result("settickets(77)", settickets(77), 0);
    child = fork();
    if (child == 0) {
        execve(self, args, environ);
        exit(3);
    }
    waitpid(child, &status, 0);
    expect(status == 0, "exec changed the number of tickets");
}

/* getpinfo(list, max) where the process has more to tell than there is room. */
static void no_room(void)
{
    struct entry all[64], list[4];
    int n = all_processes(all, 64);

    memset(list, 0x55, sizeof(list));
    expect_result("getpinfo(list, 2)", getpinfo(list, 2), n);
    for (int i = 0; i < 2; i++)
        expect(list[i].pid == all[i].pid, "getpinfo(list, 2): entry %d should be process %d, it is %d", i,
               all[i].pid, list[i].pid);
    for (int i = 2; i < 4; i++)
        expect(list[i].pid == 0x55555555 && list[i].ran == 0x5555555555555555,
               "getpinfo(list, 2) wrote more than two entries");
    expect_result("getpinfo(NULL, 0)", getpinfo(NULL, 0), n);
    expect_result("getpinfo(list, -1)", getpinfo(list, -1), -EINVAL);
    expect_result("getpinfo(NULL, 10)", getpinfo(NULL, 10), -EFAULT);
    expect_result("getpinfo(an address of the kernel, 10)", getpinfo((void *)0xffffffc000000000, 10),
                  -EFAULT);
    expect_result("getpinfo(the program's own text, 10)", getpinfo((void *)no_room, 10), -EFAULT);
}

static uint64_t own_time(void)
{
    struct abi_timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.sec * NSEC_PER_SEC + (uint64_t)t.nsec;
}

static void pinfo(void)
{
    struct entry list[64];

    expect_result("settickets(12)", settickets(12), 0);
    int sleeper = start_child(34, asleep, 0);
    open_gate();
    sleep_ms(1); /* it gets to where it sleeps */
    int n = all_processes(list, 64), me = -1, child = -1;
    for (int i = 0; i < n; i++) {
        expect(i == 0 || list[i].pid > list[i - 1].pid,
               "getpinfo: the pids should rise, but entry %d is process %d and the next is process %d", i - 1,
               list[i - 1].pid, list[i].pid);
        if (list[i].pid == getpid())
            me = i;
        if (list[i].pid == sleeper)
            child = i;
    }
    expect(list[0].pid == 1, "getpinfo: the first process should be 1, it is %d", list[0].pid);
    expect(me >= 0, "getpinfo does not tell of the process that calls it");
    expect(child >= 0, "getpinfo does not tell of a process that is asleep");
    expect(list[me].tickets == 12, "getpinfo: after settickets(12), tickets is %d", list[me].tickets);
    expect(list[child].tickets == 34, "getpinfo: after settickets(34) in a child, tickets is %d",
           list[child].tickets);

    uint64_t before = own_time(), asleep_before = process_entry(sleeper).ran;
    while (own_time() - before < 50000000)
        work();
    uint64_t from = own_time(), ran = process_entry(getpid()).ran, to = own_time();
    expect(ran >= from && ran <= to,
           "getpinfo: `ran` of this process should lie between what the clock CLOCK_PROCESS_CPUTIME_ID says "
           "before\n"
           "and after the call, %lu and %lu ns; it is %lu",
           from, to, ran);
    uint64_t asleep_after = process_entry(sleeper).ran;
    expect(asleep_before == asleep_after,
           "getpinfo: `ran` of a process that sleeps has grown from %lu to %lu ns", asleep_before,
           asleep_after);
    end_spinners();
    no_room();
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    if (!strcmp(what, "bounds"))
        bounds();
    else if (!strcmp(what, "inherit"))
        inherit("/bin/lottery-calls");
    else if (!strcmp(what, "getpinfo"))
        pinfo();
    else if (!strcmp(what, "has") && argc > 2)
        return process_entry(getpid()).tickets != atoi(argv[2]);
    else
        usage("lottery-calls bounds | inherit | getpinfo");
    printf("ok\n");
    return 0;
}
