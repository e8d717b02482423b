/* ps: lists the processes. Letters as in "ps -ef" or "ps aux" are accepted; all are listed in any case. */
#include "user/lode.h"

int main(int argc, char **argv)
{
    struct process *list;
    for (int i = 1; i < argc; i++)
        for (const char *p = argv[i] + (argv[i][0] == '-'); *p; p++)
            if (!strchr("Aaeflux", *p))
                usage("ps [-ef]");
    size_t count = process_list(&list);
    out_printf("%5s %5s %5s S %8s %7s %7s COMMAND\n", "PID", "PPID", "PGID", "TIME", "SIZE-KB", "RES-KB");
    for (size_t i = 0; i < count; i++) {
        const struct process *p = &list[i];
        uint64_t seconds = (p->user_time + p->kernel_time) / USER_HZ;
        char command[128];
        process_command(p, command, sizeof(command));
        out_printf("%5d %5d %5d %c %02lu:%02lu:%02lu %7lu %7lu %s\n", p->pid, p->parent, p->group, p->state,
                   seconds / 3600, seconds / 60 % 60, seconds % 60, p->size / 1024, p->resident * 4, command);
    }
    out_flush();
    return 0;
}
