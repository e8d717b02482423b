/* poweroff [STATUS]: writes everything to the disk and switches the machine off; QEMU exits with STATUS. */
#include "user/lode.h"

int main(int argc, char **argv)
{
    int64_t status = 0;
    if (argc > 2 || (argc == 2 && (!parse_number(argv[1], &status) || status < 0 || status > 255)))
        usage("poweroff [STATUS]");
    sync();
    reboot(REBOOT_CMD_POWER_OFF, (int)status);
    die("reboot");
}
