/* head [-n LINES | -c BYTES] [FILE ...]: prints the beginning of files, 10 lines without options. -N is -n N.
 */
#include "user/lode.h"

static const char help[] = "head [-n LINES | -c BYTES] [FILE ...]";

static int head(const char *name, int64_t lines, int64_t bytes)
{
    struct input in = {.fd = open_input(name)};
    int c;
    if (in.fd < 0)
        return 1;
    while (lines > 0 && bytes > 0 && (c = input_byte(&in)) >= 0) {
        out_byte(c);
        bytes--;
        lines -= c == '\n';
    }
    if (in.error) {
        errno = in.error;
        warn("%s", name);
    }
    if (in.fd != 0)
        close(in.fd);
    return in.error != 0;
}

int main(int argc, char **argv)
{
    static char standard_input[] = "-", *only_input[] = {standard_input};
    int64_t lines = 10, bytes = INT64_MAX;
    int status = 0;
    if (argc > 1 && argv[1][0] == '-' && isdigit(argv[1][1])) {
        if (!parse_number(argv[1] + 1, &lines))
            usage(help);
        optind = 2;
    }
    for (int c; (c = getopt(argc, argv, "c:n:")) != -1;) {
        int64_t n;
        if (c == '?' || !parse_number(optarg, &n) || n < 0)
            usage(help);
        lines = c == 'n' ? n : INT64_MAX;
        bytes = c == 'c' ? n : INT64_MAX;
    }
    int count = optind < argc ? argc - optind : 1;
    char **names = optind < argc ? argv + optind : only_input;
    for (int i = 0; i < count; i++) {
        if (count > 1)
            out_printf("%s==> %s <==\n", i ? "\n" : "", names[i]);
        status |= head(names[i], lines, bytes);
    }
    out_flush();
    return status;
}
