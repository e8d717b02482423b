/* hexdump: shows bytes as hexadecimal numbers and as characters, 16 in a line; equal lines after each other
 * as one
 * "*".
 *
 *     hexdump [-C] [-v] [-s SKIP] [-n COUNT] [FILE...]      -C: as always; -v: all lines, also equal ones */
#include "user/lode.h"

#define WIDTH 16

static int64_t offset, left = INT64_MAX; /* of the files, taken as one */
static bool all;

static void print_line(const unsigned char *bytes, int count)
{
    char line[80], *to = line;
    to += snprintf(to, 16, "%08lx", (unsigned long)offset);
    for (int i = 0; i < WIDTH; i++) {
        to += snprintf(to, 8, i % 8 == 0 ? "  " : " ");
        to += snprintf(to, 8, i < count ? "%02x" : "  ", bytes[i]);
    }
    to += snprintf(to, 8, "  |");
    for (int i = 0; i < count; i++)
        *to++ = isprint(bytes[i]) ? bytes[i] : '.';
    *to++ = '|';
    *to++ = '\n';
    out_bytes(line, to - line);
}

/* A line that is whole, or (at the end) what there is of one. */
static void dump_line(const unsigned char *bytes, int count)
{
    static unsigned char before[WIDTH];
    static bool has_before, starred;
    if (!all && has_before && count == WIDTH && memcmp(bytes, before, WIDTH) == 0) {
        if (!starred)
            out_string("*\n");
        starred = true;
    } else {
        print_line(bytes, count);
        starred = false;
    }
    memcpy(before, bytes, WIDTH);
    has_before = true;
    offset += count;
}

/* Adds a file's bytes to the line begun; *have of them are there. */
static bool dump_descriptor(int fd, const char *name, unsigned char *line, int *have, int64_t *skip)
{
    struct input in = {.fd = fd};
    int c;
    while (left > 0 && (c = input_byte(&in)) >= 0) {
        if (*skip > 0) {
            --*skip;
            offset++;
            continue;
        }
        left--;
        line[(*have)++] = c;
        if (*have == WIDTH) {
            dump_line(line, WIDTH);
            *have = 0;
        }
    }
    errno = in.error;
    if (in.error)
        warn("%s", name);
    return !in.error;
}

int main(int argc, char **argv)
{
    static const char text[] = "hexdump [-Cv] [-s SKIP] [-n COUNT] [FILE...]";
    unsigned char line[WIDTH] = {0};
    int64_t skip = 0;
    int c, have = 0, status = 0;
    while ((c = getopt(argc, argv, "Cvs:n:")) != -1) {
        if (c == '?' ||
            ((c == 's' || c == 'n') && (!parse_number(optarg, c == 's' ? &skip : &left) || optarg[0] == '-')))
            usage(text);
        all |= c == 'v';
    }
    if (optind == argc)
        status |= !dump_descriptor(0, "standard input", line, &have, &skip);
    for (int i = optind; i < argc; i++) {
        int fd = open(argv[i], O_RDONLY);
        if (fd < 0) {
            warn("%s", argv[i]);
            status = 1;
            continue;
        }
        status |= !dump_descriptor(fd, argv[i], line, &have, &skip);
        close(fd);
    }
    if (have > 0)
        dump_line(line, have);
    if (offset > 0)
        out_printf("%08lx\n", (unsigned long)offset);
    out_flush();
    return status;
}
