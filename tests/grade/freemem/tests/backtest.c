/* Ends with status 7 if what a child used is free again after it. */
#include "user/lode.h"

int main(void)
{
    int status;
    long before = sys_freemem(0);
    int child = fork();
    if (child == 0) {
        memset(sbrk(1 << 20), 1, 1 << 20);
        exit(0);
    }
    waitpid(child, &status, 0);
    return sys_freemem(0) > before - (256 << 10) ? 7 : 1;
}
