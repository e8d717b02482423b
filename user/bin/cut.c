/* cut: prints parts of each line.
 *
 *     cut -c LIST [FILE...]                       bytes
 *     cut -f LIST [-d DELIMITER] [-s] [FILE...]   fields; -s: no lines without a delimiter
 *
 * LIST is numbers and ranges, from 1: 1,3-5,7- */
#include "user/lode.h"

#define RANGES_MAX 256

static struct {
    int64_t from, to;
} ranges[RANGES_MAX];
static int nranges;
static bool fields, only_delimited;
static char delimiter = '\t';

static void parse_list(const char *s)
{
    while (*s) {
        char *end;
        int64_t from = isdigit(*s) ? strtol(s, &end, 10) : 1, to;
        if (!isdigit(*s))
            end = (char *)s;
        to = from;
        if (*end == '-') {
            bool closed = isdigit(*++end);
            if (!closed && !isdigit(*s))
                diex("bad list: a range without numbers");
            to = closed ? strtol(end, &end, 10) : INT64_MAX;
        } else if (!isdigit(*s)) {
            diex("bad list: %s", s);
        }
        if (from < 1 || to < from || (*end && *end != ',') || nranges == RANGES_MAX)
            diex("bad list: %s", s);
        ranges[nranges].from = from;
        ranges[nranges++].to = to;
        s = *end ? end + 1 : end;
    }
}

static bool selected(int64_t n)
{
    for (int i = 0; i < nranges; i++)
        if (ranges[i].from <= n && n <= ranges[i].to)
            return true;
    return false;
}

static void cut_bytes(const char *line, int64_t len)
{
    for (int64_t i = 0; i < len; i++)
        if (selected(i + 1))
            out_byte(line[i]);
    out_byte('\n');
}

static void cut_fields(const char *line, int64_t len)
{
    const char *end = line + len, *field = line;
    bool printed = false;
    if (!memchr(line, delimiter, len)) {
        if (only_delimited)
            return;
        out_bytes(line, len);
        field = NULL;
    }
    for (int64_t n = 1; field; n++) {
        const char *stop = memchr(field, delimiter, end - field);
        if (selected(n)) {
            if (printed)
                out_byte(delimiter);
            out_bytes(field, (stop ? stop : end) - field);
            printed = true;
        }
        field = stop ? stop + 1 : NULL;
    }
    out_byte('\n');
}

static bool cut_descriptor(int fd, const char *name)
{
    static char *line;
    static size_t size;
    struct input in = {.fd = fd};
    int64_t len;
    while ((len = input_line(&in, &line, &size)) >= 0) {
        if (len > 0 && line[len - 1] == '\n')
            len--;
        if (fields)
            cut_fields(line, len);
        else
            cut_bytes(line, len);
    }
    errno = in.error;
    if (in.error)
        warn("%s", name);
    return !in.error;
}

int main(int argc, char **argv)
{
    static const char text[] = "cut -c LIST [FILE...] | cut -f LIST [-d DELIMITER] [-s] [FILE...]";
    const char *list = NULL;
    int c, status = 0;
    while ((c = getopt(argc, argv, "b:c:f:d:s")) != -1) {
        if (c == '?' || (c == 'd' && strlen(optarg) != 1) || (c != 'd' && c != 's' && list))
            usage(text);
        if (c == 'd')
            delimiter = optarg[0];
        else if (c == 's')
            only_delimited = true;
        else
            list = optarg, fields = c == 'f';
    }
    if (!list || !*list)
        usage(text);
    parse_list(list);
    if (optind == argc)
        status |= !cut_descriptor(0, "standard input");
    for (int i = optind; i < argc; i++) {
        int fd = strcmp(argv[i], "-") == 0 ? 0 : open(argv[i], O_RDONLY);
        if (fd < 0) {
            warn("%s", argv[i]);
            status = 1;
            continue;
        }
        status |= !cut_descriptor(fd, argv[i]);
        if (fd > 0)
            close(fd);
    }
    out_flush();
    return status;
}
