/* reboot: writes everything to the disk and starts the machine anew. */
#include "user/lode.h"

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        usage("reboot");
    sync();
    reboot(REBOOT_CMD_RESTART, 0);
    die("reboot");
}
