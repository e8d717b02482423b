/* Does measure do what it should? measure-check format | usage | step | plausible | rounds
 *
 * Whether its numbers are right is for the hidden tests; here, whether they can be. */
#include "measure.h"

static struct run r, more;

static void format(void)
{
    run_measure(&r, "measure", 1000);
    run_measure(&r, "measure", 1);
    run_measure(&r, "measure", 0);
    expect(!r.errors[0], "%s: expected nothing on descriptor 2, there came:\n%s", r.command, r.errors);
}

static void refused(const char *first, const char *second)
{
    run_program(&r, "measure", first, second);
    expect(r.status == 2, "%s: expected exit status 2, it is %d", r.command, r.status);
    expect(!r.output[0], "%s: expected nothing on descriptor 1, there came:\n%s", r.command, r.output);
    expect(strstr(r.errors, "usage: measure [ROUNDS]"),
           "%s: expected \"usage: measure [ROUNDS]\" on descriptor 2, there came:\n%s", r.command, r.errors);
}

static void bad_usage(void)
{
    refused("0", NULL);
    refused("-5", NULL);
    refused("many", NULL);
    refused("10x", NULL);
    refused("", NULL);
    refused("10000001", NULL);
    refused("100", "100");
}

static void step(void)
{
    run_measure(&r, "measure", 1000);
    expect(r.step == 100,
           "the clock counts at 10 MHz, so expected \"step 100 ns\"; it printed \"step %ld ns\".\n"
           "(More than one step can pass between two readings.)",
           r.step);
}

static void plausible(void)
{
    run_measure(&r, "measure", 5000);
    expect(r.call >= 20 && r.call <= 5000, "a system call takes between 20 and 5000 ns here; it printed %ld",
           r.call);
    expect(
        r.pipe > r.call,
        "a byte through a pipe is two system calls that do something, so it takes longer than one that does\n"
        "nothing; it printed call %ld ns, pipe %ld ns",
        r.call, r.pipe);
    expect(r.switches >= 20 && r.switches <= 20 * r.call,
           "a switch takes between 20 ns and 20 calls (of %ld ns) here; it printed %ld ns", r.call,
           r.switches);

    /* Calls, passes through a pipe, and round trips of two passes and two switches: all fit into its time. */
    int64_t least = 5000 * (r.call + r.pipe + 2 * r.pipe + 2 * r.switches);
    expect(r.elapsed >= least / 10 * 9,
           "5000 rounds of what it says that things take are %ld us, but the program ended after %ld us",
           least / 1000, r.elapsed / 1000);
}

static void rounds(void)
{
    run_measure(&r, "measure", 2000);
    run_measure(&more, "measure", 20000);
    expect(more.elapsed >= 5 * r.elapsed,
           "20000 rounds should take about 10 times as long as 2000; they took %ld us and %ld us",
           more.elapsed / 1000, r.elapsed / 1000);
    expect(near(more.call, r.call, 5, 5), "call: 2000 rounds say %ld ns, 20000 rounds %ld ns", r.call,
           more.call);
    expect(near(more.pipe, r.pipe, 5, 5), "pipe: 2000 rounds say %ld ns, 20000 rounds %ld ns", r.pipe,
           more.pipe);
    expect(near(more.switches, r.switches, 5, 5), "switch: 2000 rounds say %ld ns, 20000 rounds %ld ns",
           r.switches, more.switches);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*function)(void);
    } checks[] = {{"format", format},
                  {"usage", bad_usage},
                  {"step", step},
                  {"plausible", plausible},
                  {"rounds", rounds}};

    for (unsigned i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
        if (argc == 2 && !strcmp(argv[1], checks[i].name)) {
            checks[i].function();
            printf("ok\n");
            return 0;
        }
    usage("measure-check format | usage | step | plausible | rounds");
}
