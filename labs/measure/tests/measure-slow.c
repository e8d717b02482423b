/* measure.c with a read() that takes 1000 instructions more. */
#include "user/lode.h"

static int slow_read(int fd, void *buf, int n)
{
    __asm__ volatile(".rept 1000\n nop\n .endr");
    return read(fd, buf, n);
}

#define read slow_read
#include "user/bin/measure.c"
