/* Asks for the amount of free memory before and after some is used. */
#include "user/lode.h"

int main(int argc, char **argv)
{
    long before = sys_freemem(0);
    if (argc > 1 && strcmp(argv[1], "positive") == 0) {
        printf(before > 0 ? "some is free\n" : "none is free: %ld\n", before);
        return 0;
    }
    char *p = sbrk(1 << 20);
    memset(p, 1, 1 << 20);
    long fell = before - sys_freemem(0);
    if (fell >= 1 << 20)
        printf("fell by %ld pages\n", fell / 4096);
    else
        printf("did not fall: %ld bytes before, %ld less now\n", before, fell);
    return 0;
}
