/* sync: returns when all that was written is on the disk. */
#include "user/lode.h"

int main(void)
{
    if (sync() < 0)
        die("sync");
    return 0;
}
