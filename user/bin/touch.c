/* touch [-c] FILE ...: sets the times of files to now, and makes those that are missing; -c: does not make
 * any. */
#include "user/lode.h"

int main(int argc, char **argv)
{
    bool make = true;
    int status = 0;
    for (int c; (c = getopt(argc, argv, "c")) != -1;) {
        if (c == '?')
            usage("touch [-c] FILE ...");
        make = false;
    }
    if (optind == argc)
        usage("touch [-c] FILE ...");
    for (; optind < argc; optind++) {
        const char *path = argv[optind];
        if (utimens(path, NULL) == 0 || (errno == ENOENT && !make))
            continue;
        int fd = errno == ENOENT ? open(path, O_WRONLY | O_CREAT) : -1;
        if (fd < 0) {
            warn("%s", path);
            status = 1;
        } else {
            close(fd);
        }
    }
    return status;
}
