/* time: runs a command and says how long it took.
 *
 *     time COMMAND [ARGUMENT...]
 *
 * real is the time that passed, user and sys what the command and its children spent in their own code and in
 * the kernel. The status is the command's. */
#include "user/lode.h"

static void print(const char *what, int64_t ns)
{
    int64_t seconds = ns / (int64_t)NSEC_PER_SEC;
    fprintf(2, "%s %ldm%ld.%03lds\n", what, (long)(seconds / 60), (long)(seconds % 60),
            (long)(ns % (int64_t)NSEC_PER_SEC / 1000000));
}

static int64_t in_ns(struct abi_timeval t)
{
    return t.sec * (int64_t)NSEC_PER_SEC + t.usec * 1000;
}

int main(int argc, char **argv)
{
    struct abi_timespec start, end;
    struct abi_rusage use = {0};
    int status = 0;
    if (argc < 2 || argv[1][0] == '-')
        usage("time COMMAND [ARGUMENT...]");
    clock_gettime(CLOCK_MONOTONIC, &start);
    int pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0) {
        execvp(argv[1], argv + 1);
        int error = errno;
        warn("%s", argv[1]);
        exit(error == ENOENT ? 127 : 126);
    }
    setsignal(SIGINT, SIGNAL_IGNORE); /* ^C is for the command; its time is still told */
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            die("wait");
    clock_gettime(CLOCK_MONOTONIC, &end);
    sys_getrusage(RUSAGE_CHILDREN, (long)&use);
    fprintf(2, "\n");
    print("real", (end.sec - start.sec) * (int64_t)NSEC_PER_SEC + end.nsec - start.nsec);
    print("user", in_ns(use.utime));
    print("sys ", in_ns(use.stime));
    return WAIT_HAS_EXITED(status) ? WAIT_EXIT_CODE(status) : 128 + WAIT_SIGNAL(status);
}
