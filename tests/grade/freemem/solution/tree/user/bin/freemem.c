#include "user/lode.h"

int main(void)
{
    printf("%ld KB\n", sys_freemem(0) / 1024);
    return 0;
}
