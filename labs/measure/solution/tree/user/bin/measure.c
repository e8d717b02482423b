/* measure [ROUNDS]: what a system call and a context switch cost.
 *
 * Everything is done ROUNDS times between two looks at the clock, so that the clock's step and the time that
 * looking takes are spread over all rounds; and a few times before, so that memory is there and caches are warm. */
#include "user/lode.h"

#define WARM_UP 100

static int64_t now(void)
{
    struct abi_timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.sec * (int64_t)NSEC_PER_SEC + t.nsec;
}

static int64_t common_divisor(int64_t a, int64_t b)
{
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* The clock's step: what divides all differences between readings. These lie at irregular distances, since a call
 * of the clock may take longer than a step. */
static int64_t measure_step(void)
{
    int64_t step = 0, last = now();

    for (int i = 0; i < 2000; i++) {
        for (volatile int wait = i * 7 % 101; wait > 0; wait--)
            ;
        int64_t t = now();
        step = common_divisor(step, t - last);
        last = t;
    }
    return step;
}

static int64_t time_calls(int64_t rounds)
{
    int64_t start = now();

    for (int64_t i = 0; i < rounds; i++)
        read(0, NULL, 0);
    return now() - start;
}

static void send(int fd)
{
    char byte = 'x';

    if (write(fd, &byte, 1) != 1)
        die("write");
}

static void receive(int fd)
{
    char byte;

    if (read(fd, &byte, 1) != 1)
        die("read");
}

/* A byte into the pipe and out again, without waiting. */
static int64_t time_pipe(const int fds[2], int64_t rounds)
{
    int64_t start = now();

    for (int64_t i = 0; i < rounds; i++) {
        send(fds[1]);
        receive(fds[0]);
    }
    return now() - start;
}

/* A byte to the child and one back: two passes through a pipe, and two switches. */
static int64_t time_round_trips(int to, int from, int64_t rounds)
{
    int64_t start = now();

    for (int64_t i = 0; i < rounds; i++) {
        send(to);
        receive(from);
    }
    return now() - start;
}

static int64_t measure_round_trips(const int there[2], const int back[2], int64_t rounds)
{
    int pid = fork();

    if (pid < 0)
        die("fork");
    if (pid == 0) {
        for (int64_t i = 0; i < WARM_UP + rounds; i++) {
            receive(there[0]);
            send(back[1]);
        }
        exit(0);
    }
    time_round_trips(there[1], back[0], WARM_UP);
    int64_t time = time_round_trips(there[1], back[0], rounds);
    wait(NULL);
    return time;
}

int main(int argc, char **argv)
{
    int64_t rounds = 10000;
    int there[2], back[2];

    if (argc > 2 || (argc == 2 && (!parse_number(argv[1], &rounds) || rounds < 1 || rounds > 10000000)))
        usage("measure [ROUNDS]");
    if (pipe(there) < 0 || pipe(back) < 0)
        die("pipe");

    int64_t step = measure_step();
    time_calls(WARM_UP);
    int64_t calls = time_calls(rounds);
    time_pipe(there, WARM_UP);
    int64_t pipes = time_pipe(there, rounds);
    int64_t trips = measure_round_trips(there, back, rounds);

    printf("step %ld ns\n", step);
    printf("rounds %ld\n", rounds);
    printf("call %ld ns\n", calls / rounds);
    printf("pipe %ld ns\n", pipes / rounds);
    printf("switch %ld ns\n", (trips - 2 * pipes) / (2 * rounds));
    return 0;
}
