/* measure.c with a child that takes 2000 instructions more before each read(). */
#include "user/lode.h"

static bool is_child;

static int cold_fork(void)
{
    int pid = fork();

    is_child |= pid == 0;
    return pid;
}

static int cold_read(int fd, void *buf, int n)
{
    if (is_child)
        __asm__ volatile(".rept 2000\n nop\n .endr");
    return read(fd, buf, n);
}

#define fork cold_fork
#define read cold_read
#include "user/bin/measure.c"
