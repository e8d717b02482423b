/* cmp: compares two files.
 *
 *     cmp [-l | -s] FILE1 FILE2       -l: every byte that differs; -s: only the status
 *
 * The status is 0 when they are equal, 1 when they differ, 2 after an error. */
#include "user/lode.h"

static struct input open_file(const char *name, bool silent)
{
    struct input in = {.fd = strcmp(name, "-") == 0 ? 0 : open(name, O_RDONLY)};
    if (in.fd < 0) {
        if (!silent)
            warn("%s", name);
        exit(2);
    }
    return in;
}

static void check(const struct input *in, const char *name)
{
    errno = in->error;
    if (!in->error)
        return;
    out_flush();
    warn("%s", name);
    exit(2);
}

int main(int argc, char **argv)
{
    static struct input a, b;
    bool list = false, silent = false;
    int c, x, y, status = 0;
    while ((c = getopt(argc, argv, "ls")) != -1) {
        if (c == '?')
            usage("cmp [-l | -s] FILE1 FILE2");
        list |= c == 'l';
        silent |= c == 's';
    }
    if (argc - optind != 2)
        usage("cmp [-l | -s] FILE1 FILE2");
    const char *first = argv[optind], *second = argv[optind + 1];
    a = open_file(first, silent);
    b = open_file(second, silent);
    for (int64_t byte = 1, line = 1;; byte++) {
        x = input_byte(&a);
        y = input_byte(&b);
        if (x < 0 || y < 0)
            break;
        if (x != y) {
            status = 1;
            if (!list) {
                if (!silent)
                    out_printf("%s %s differ: byte %ld, line %ld\n", first, second, (long)byte, (long)line);
                break;
            }
            out_printf("%ld %o %o\n", (long)byte, x, y);
        }
        line += x == '\n';
    }
    check(&a, first);
    check(&b, second);
    out_flush();
    if ((x < 0) != (y < 0)) {
        status = 1;
        if (!silent)
            fprintf(2, "cmp: EOF on %s\n", x < 0 ? first : second);
    }
    return status;
}
