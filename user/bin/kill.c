/* kill [-SIGNAL] PID ...: sends processes a signal, TERM without the option; by number or name, also as -s
 * SIGNAL. A negative PID is a process group. kill -l lists the signals. */
#include "user/lode.h"

static const char help[] = "kill [-SIGNAL] PID ...";

static int list(void)
{
    for (int sig = 1; sig < 32; sig++)
        if (signal_name(sig))
            dprintf(1, "%2d %s\n", sig, signal_name(sig));
    return 0;
}

int main(int argc, char **argv)
{
    int sig = SIGTERM, status = 0, i = 1;
    if (argc == 2 && strcmp(argv[1], "-l") == 0)
        return list();
    if (argc > 1 && argv[1][0] == '-' && strcmp(argv[1], "--") != 0) {
        const char *name = argv[1] + 1;
        i = 2;
        if (strcmp(name, "s") == 0 && argc > 2)
            name = argv[i++];
        sig = signal_number(name);
        if (sig < 0)
            diex("%s: unknown signal", name);
    }
    if (i < argc && strcmp(argv[i], "--") == 0)
        i++;
    if (i == argc)
        usage(help);
    for (; i < argc; i++) {
        int64_t pid;
        if (!parse_number(argv[i], &pid) || pid != (int)pid)
            usage(help);
        if (sendsig((int)pid, sig) < 0) {
            warn("%ld", pid);
            status = 1;
        }
    }
    return status;
}
