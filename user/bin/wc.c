/* wc [-clw] [FILE ...]: counts lines, words and bytes (all three without options). */
#include "user/lode.h"

struct counts {
    uint64_t lines, words, bytes;
};

static bool show_lines, show_words, show_bytes;

static void print_counts(const struct counts *c, const char *name)
{
    const char *gap = "";
    const uint64_t numbers[] = {c->lines, c->words, c->bytes};
    const bool shown[] = {show_lines, show_words, show_bytes};
    for (int i = 0; i < 3; i++)
        if (shown[i]) {
            out_printf("%s%lu", gap, numbers[i]);
            gap = " ";
        }
    out_printf(name ? " %s\n" : "\n", name);
}

static int count(const char *name, struct counts *total)
{
    static char buf[16384];
    struct counts c = {0};
    bool in_word = false;
    int64_t n;
    int fd = name ? open_input(name) : 0;
    if (fd < 0)
        return 1;
    while ((n = read_bytes(fd, buf, sizeof(buf))) > 0) {
        c.bytes += (uint64_t)n;
        for (int i = 0; i < n; i++) {
            bool space = isspace(buf[i]);
            c.lines += buf[i] == '\n';
            c.words += !space && !in_word;
            in_word = !space;
        }
    }
    if (n < 0)
        warn("%s", name ? name : "-");
    if (fd != 0)
        close(fd);
    if (n == 0)
        print_counts(&c, name);
    total->lines += c.lines;
    total->words += c.words;
    total->bytes += c.bytes;
    return n < 0;
}

int main(int argc, char **argv)
{
    struct counts total = {0};
    int status = 0;
    for (int c; (c = getopt(argc, argv, "clw")) != -1;) {
        if (c == '?')
            usage("wc [-clw] [FILE ...]");
        show_lines |= c == 'l';
        show_words |= c == 'w';
        show_bytes |= c == 'c';
    }
    if (!show_lines && !show_words && !show_bytes)
        show_lines = show_words = show_bytes = true;
    int files = argc - optind;
    if (files == 0)
        status = count(NULL, &total);
    for (; optind < argc; optind++)
        status |= count(argv[optind], &total);
    if (files > 1)
        print_counts(&total, "total");
    out_flush();
    return status;
}
