/* seq: prints integers, each on a line.
 *
 *     seq [-w] [FIRST [INCREMENT]] LAST      -w: all as wide as the widest, with zeros before them */
#include "user/lode.h"

static int64_t number(const char *s)
{
    int64_t n;
    if (!parse_number(s, &n)) {
        warnx("%s: not an integer", s);
        exit(2);
    }
    return n;
}

int main(int argc, char **argv)
{
    static const char text[] = "seq [-w] [FIRST [INCREMENT]] LAST";
    bool wide = argc > 1 && strcmp(argv[1], "-w") == 0; /* no getopt: "-5" is a number */
    char **a = argv + 1 + wide;
    int n = argc - 1 - wide;
    if (n < 1 || n > 3)
        usage(text);
    int64_t first = n > 1 ? number(a[0]) : 1, step = n > 2 ? number(a[1]) : 1, last = number(a[n - 1]),
            i = first;
    if (step == 0) {
        warnx("the increment is zero");
        return 2;
    }
    int width = wide ? snprintf(NULL, 0, "%ld", (long)first) : 0,
        other = snprintf(NULL, 0, "%ld", (long)last);
    if (wide && other > width)
        width = other;
    while (step > 0 ? i <= last : i >= last) {
        out_printf("%0*ld\n", width, (long)i);
        if (__builtin_add_overflow(i, step, &i))
            break;
    }
    out_flush();
    return 0;
}
