/* measure [ROUNDS]: what a system call and a context switch cost. labs/measure/README.md tells what to do. */
#include "user/lode.h"

/* The clock, in ns. */
static int64_t now(void)
{
    struct abi_timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.sec * (int64_t)NSEC_PER_SEC + t.nsec;
}

int main(int argc, char **argv)
{
    int64_t rounds = 10000; /* or what the command line says */
    (void)argc, (void)argv;
    int64_t step = 0, call = 0, pipes = 0, switches = 0;

    int64_t start = now();
    int64_t time = now() - start; /* of what stands between the two */
    call = time / rounds;

    printf("step %ld ns\n", step);
    printf("rounds %ld\n", rounds);
    printf("call %ld ns\n", call);
    printf("pipe %ld ns\n", pipes);
    printf("switch %ld ns\n", switches);
    return 0;
}
