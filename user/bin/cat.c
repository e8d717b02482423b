/* cat [FILE ...]: copies files, or standard input, to standard output. "-" is standard input. */
#include "user/lode.h"

static char buf[16384];

static int copy(const char *name)
{
    int64_t n;
    int fd = open_input(name);
    if (fd < 0)
        return 1;
    while ((n = read_bytes(fd, buf, sizeof(buf))) > 0)
        if (write_all(1, buf, (size_t)n) < 0)
            die("write error");
    if (n < 0)
        warn("%s", name);
    if (fd != 0)
        close(fd);
    return n < 0;
}

int main(int argc, char **argv)
{
    int status = 0;
    if (getopt(argc, argv, "") != -1)
        usage("cat [FILE ...]");
    if (optind == argc)
        return copy("-");
    for (; optind < argc; optind++)
        status |= copy(argv[optind]);
    return status;
}
