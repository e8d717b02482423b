/* sleep SECONDS: does nothing for a while; the number may have a fraction. */
#include "user/lode.h"

int main(int argc, char **argv)
{
    struct abi_timespec t = {0};
    if (argc != 2 || !isdigit(argv[1][argv[1][0] == '.']))
        usage("sleep SECONDS");
    char *p = argv[1];
    if (*p != '.')
        t.sec = strtol(p, &p, 10);
    if (*p == '.') {
        int64_t unit = NSEC_PER_SEC / 10;
        for (p++; isdigit(*p); p++, unit /= 10)
            t.nsec += (*p - '0') * unit;
    }
    if (*p)
        usage("sleep SECONDS");
    if (nanosleep(&t, NULL) < 0)
        die("nanosleep");
    return 0;
}
