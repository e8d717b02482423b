/* tail [-n LINES | -c BYTES] [FILE ...]: prints the end of files, 10 lines without options; +N instead of N:
 * from the N-th line or byte on. -N is -n N.
 *
 * The file is read once, from the beginning; what might be its end is kept in memory. */
#include "user/lode.h"

static const char help[] = "tail [-n [+]LINES | -c [+]BYTES] [FILE ...]";

static bool by_bytes, from_start;
static int64_t number = 10;

static void copy_from(struct input *in)
{
    int c;
    for (int64_t skip = number - 1; skip > 0 && (c = input_byte(in)) >= 0;)
        skip -= by_bytes || c == '\n';
    while ((c = input_byte(in)) >= 0)
        out_byte(c);
}

/* Where the last `number` units of the n bytes at p begin. */
static size_t last_units(const char *p, size_t n)
{
    int64_t units = number;
    if (by_bytes)
        return n > (size_t)units ? n - (size_t)units : 0;
    size_t at = n;
    if (at > 0 && units > 0)
        at--; /* the newline at the very end ends a line; it begins none */
    else
        return n;
    while (at > 0 && (p[at - 1] != '\n' || --units > 0))
        at--;
    return at;
}

static void copy_last(struct input *in)
{
    char *text = NULL;
    size_t length = 0, size = 0;
    int c;
    while ((c = input_byte(in)) >= 0) {
        if (length == size) {
            size_t start = length ? last_units(text, length) : 0;
            memmove(text, text + start, length - start);
            length -= start;
            if (length >= size / 2) {
                size = size ? 2 * size : 8192;
                text = xrealloc(text, size);
            }
        }
        text[length++] = (char)c;
    }
    size_t start = last_units(text, length);
    out_bytes(text + start, length - start);
    free(text);
}

static int tail(const char *name)
{
    struct input in = {.fd = open_input(name)};
    if (in.fd < 0)
        return 1;
    if (from_start)
        copy_from(&in);
    else
        copy_last(&in);
    if (in.error) {
        errno = in.error;
        warn("%s", name);
    }
    if (in.fd != 0)
        close(in.fd);
    return in.error != 0;
}

static void set_number(const char *text)
{
    from_start = *text == '+';
    if (!parse_number(text + from_start, &number) || number < 0)
        usage(help);
}

int main(int argc, char **argv)
{
    static char standard_input[] = "-", *only_input[] = {standard_input};
    int status = 0;
    if (argc > 1 && (argv[1][0] == '+' || (argv[1][0] == '-' && isdigit(argv[1][1])))) {
        set_number(argv[1] + (argv[1][0] == '-'));
        optind = 2;
    }
    for (int c; (c = getopt(argc, argv, "c:n:")) != -1;) {
        if (c == '?')
            usage(help);
        by_bytes = c == 'c';
        set_number(optarg);
    }
    int count = optind < argc ? argc - optind : 1;
    char **names = optind < argc ? argv + optind : only_input;
    for (int i = 0; i < count; i++) {
        if (count > 1)
            out_printf("%s==> %s <==\n", i ? "\n" : "", names[i]);
        status |= tail(names[i]);
    }
    out_flush();
    return status;
}
