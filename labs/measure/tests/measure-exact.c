/* Are measure's numbers right? measure-exact call | pipe | switch | slow | cold | coarse
 *
 * The first three compare with this program's own measurement. The rest run measure.c compiled with functions
 * that are slower, or a clock that is coarser, by a known amount: a program that measures finds it. */
#include "measure.h"

#define ROUNDS 5000

static struct run r, other;

static int64_t reference_call(void)
{
    for (int i = 0; i < 100; i++)
        read(0, NULL, 0);
    int64_t start = now_ns();
    for (int i = 0; i < ROUNDS; i++)
        read(0, NULL, 0);
    return (now_ns() - start) / ROUNDS;
}

static int64_t pass_bytes(int to, int from, int rounds)
{
    char byte = 'x';
    int64_t start = now_ns();

    for (int i = 0; i < rounds; i++)
        expect(write(to, &byte, 1) == 1 && read(from, &byte, 1) == 1, "the reference's pipe failed");
    return now_ns() - start;
}

static int64_t reference_pipe(void)
{
    int fds[2];

    expect(pipe(fds) == 0, "there is no pipe");
    pass_bytes(fds[1], fds[0], 100);
    int64_t time = pass_bytes(fds[1], fds[0], ROUNDS) / ROUNDS;
    close(fds[0]);
    close(fds[1]);
    return time;
}

static int64_t reference_round_trip(void)
{
    int there[2], back[2];
    char byte;

    expect(pipe(there) == 0 && pipe(back) == 0, "there are no pipes");
    int pid = fork();
    if (pid == 0) {
        close(there[1]);
        while (read(there[0], &byte, 1) == 1)
            write(back[1], &byte, 1);
        exit(0);
    }
    pass_bytes(there[1], back[0], 100);
    int64_t time = pass_bytes(there[1], back[0], ROUNDS) / ROUNDS;
    close(there[1]);
    waitpid(pid, NULL, 0);
    return time;
}

static void call(void)
{
    run_measure(&r, "measure", ROUNDS);
    int64_t expected = reference_call();
    expect(near(r.call, expected, 5, 10),
           "read(0, 0, 0) takes %ld ns; measure printed %ld (5%% and 10 ns are allowed)", expected, r.call);
}

static void pipes(void)
{
    run_measure(&r, "measure", ROUNDS);
    int64_t expected = reference_pipe();
    expect(near(r.pipe, expected, 5, 20),
           "a byte written to a pipe and read again by the same process takes %ld ns;\n"
           "measure printed %ld (5%% and 20 ns are allowed)",
           expected, r.pipe);
}

static void switches(void)
{
    run_measure(&r, "measure", ROUNDS);
    int64_t pipe_cost = reference_pipe(), trip = reference_round_trip(),
            expected = (trip - 2 * pipe_cost) / 2;
    expect(near(r.switches, expected, 10, 20),
           "a round trip takes %ld ns, of which 2 times %ld are the pipes'; so a switch takes %ld ns.\n"
           "measure printed %ld (10%% and 20 ns are allowed)%s",
           trip, pipe_cost, expected, r.switches,
           near(r.switches, trip / 2, 5, 20) ? ": half a round trip, with the pipe's cost in it"
           : near(r.switches, trip, 5, 20)   ? ": a whole round trip"
                                             : "");
}

/* `name` rises by so many ns from r to other. */
static void rises(const char *name, int64_t from, int64_t to, int64_t by, const char *why)
{
    expect(near(to - from, by, 5, 20),
           "%s: %s printed %ld ns, and %s, in which %s,\nshould print about %ld more; it printed %ld", name,
           r.command, from, other.command, why, by, to);
}

static void slow(void)
{
    const char *why = "each read() takes 1000 instructions more";

    run_measure(&r, "measure", ROUNDS);
    run_measure(&other, "measure-slow", ROUNDS);
    rises("call", r.call, other.call, 1000, why);
    rises("pipe", r.pipe, other.pipe, 1000, why);
}

static void cold(void)
{
    run_measure(&r, "measure", ROUNDS);
    run_measure(&other, "measure-cold", ROUNDS);
    rises("switch", r.switches, other.switches, 1000,
          "the child has 2000 instructions to make up for in each round trip, as if its caches were cold");
}

static void coarse(void)
{
    run_measure(&r, "measure", 20000);
    run_measure(&other, "measure-coarse", 20000);
    expect(other.step == 6400,
           "%s, whose clock goes in steps of 6400 ns: expected \"step 6400 ns\", it printed \"step %ld ns\"",
           other.command, other.step);
    rises("call", r.call, other.call, 0, "the clock is coarse");
    rises("switch", r.switches, other.switches, 0, "the clock is coarse");
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*function)(void);
    } checks[] = {{"call", call}, {"pipe", pipes}, {"switch", switches},
                  {"slow", slow}, {"cold", cold},  {"coarse", coarse}};

    for (unsigned i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
        if (argc == 2 && !strcmp(argv[1], checks[i].name)) {
            checks[i].function();
            printf("ok\n");
            return 0;
        }
    usage("measure-exact call | pipe | switch | slow | cold | coarse");
}
