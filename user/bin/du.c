/* du [-ahs] [FILE ...]: the space that files take on the disk, in KB; a line for each directory. -a: also for
 * each file; -s: only for what is named; -h: in units for people. A file with several names counts once. */
#include "user/lode.h"

static bool all, human, summary;
static int status;

static uint64_t *seen; /* inodes with several links that were counted */
static size_t seen_count;

static bool counted_before(const struct abi_stat *st)
{
    for (size_t i = 0; i < seen_count; i++)
        if (seen[i] == st->ino)
            return true;
    if ((seen_count & (seen_count - 1)) == 0) /* full: room for a power of two */
        seen = xrealloc(seen, (seen_count ? 2 * seen_count : 1) * sizeof(*seen));
    seen[seen_count++] = st->ino;
    return false;
}

static void print_usage(int64_t blocks, const char *path)
{
    char text[24];
    if (human)
        size_string((uint64_t)blocks * 512, text);
    else
        snprintf(text, sizeof(text), "%ld", (blocks + 1) / 2);
    out_printf("%s\t%s\n", text, path);
}

/* In blocks of 512 bytes. */
static int64_t measure(const char *path, bool top)
{
    struct abi_stat st;
    struct abi_dirent64 *record;
    if (getlstat(path, &st) < 0) {
        warn("%s", path);
        status = 1;
        return 0;
    }
    if (!S_ISDIR(st.mode) && st.nlink > 1 && counted_before(&st))
        return 0;
    int64_t blocks = st.blocks;
    if (S_ISDIR(st.mode)) {
        struct dir *d = xmalloc(sizeof(*d));
        errno = 0;
        bool open = dir_open(d, path) == 0;
        while (open && (record = dir_next(d)))
            if (!dir_is_dot(record->name)) {
                char *inner = path_join(path, record->name);
                blocks += measure(inner, false);
                free(inner);
            }
        if (errno) {
            warn("%s", path);
            status = 1;
        }
        if (open)
            dir_close(d);
        free(d);
    }
    if (top || (!summary && (all || S_ISDIR(st.mode))))
        print_usage(blocks, path);
    return blocks;
}

int main(int argc, char **argv)
{
    for (int c; (c = getopt(argc, argv, "ahks")) != -1;) {
        if (c == '?')
            usage("du [-ahs] [FILE ...]");
        all |= c == 'a';
        human |= c == 'h';
        summary |= c == 's';
    }
    if (optind == argc)
        measure(".", true);
    for (; optind < argc; optind++)
        measure(argv[optind], true);
    out_flush();
    return status;
}
