/* tee: copies standard input to standard output and to files.
 *
 *     tee [-a] [FILE...]      -a: append to the files */
#include "user/lode.h"

int main(int argc, char **argv)
{
    static char buf[4096];
    int c, status = 0, flags = O_WRONLY | O_CREAT | O_TRUNC;
    while ((c = getopt(argc, argv, "a")) != -1) {
        if (c == '?')
            usage("tee [-a] [FILE...]");
        flags = O_WRONLY | O_CREAT | O_APPEND;
    }
    int count = argc - optind;
    char **names = argv + optind;
    int *fds = xmalloc((count + 1) * sizeof(int));
    for (int i = 0; i < count; i++) {
        fds[i] = open(names[i], flags);
        if (fds[i] < 0) {
            warn("%s", names[i]);
            status = 1;
        }
    }
    int64_t n;
    while ((n = read_bytes(0, buf, sizeof(buf))) > 0) {
        if (write_all(1, buf, n) < 0)
            die("standard output");
        for (int i = 0; i < count; i++) {
            if (fds[i] >= 0 && write_all(fds[i], buf, n) < 0) {
                warn("%s", names[i]);
                close(fds[i]);
                fds[i] = -1;
                status = 1;
            }
        }
    }
    if (n < 0)
        die("standard input");
    return status;
}
