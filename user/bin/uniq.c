/* uniq: prints one of each run of equal lines.
 *
 *     uniq [-cdu] [INPUT [OUTPUT]]
 *
 * -c puts the length of the run before the line, -d prints only lines that are repeated, -u only those that
 * are not. */
#include "user/lode.h"

static bool counts, only_repeated, only_single;

static void print_run(const char *line, int64_t len, int64_t count)
{
    if (count == 0 || (only_repeated && count == 1) || (only_single && count > 1))
        return;
    if (counts)
        out_printf("%7ld ", (long)count);
    out_bytes(line, len);
    out_byte('\n');
}

static void open_as(const char *path, int flags, int fd)
{
    int opened = open(path, flags);
    if (opened < 0 || (opened != fd && dup2(opened, fd) < 0))
        die("%s", path);
}

int main(int argc, char **argv)
{
    int c;
    while ((c = getopt(argc, argv, "cdu")) != -1) {
        if (c == '?')
            usage("uniq [-cdu] [INPUT [OUTPUT]]");
        counts |= c == 'c';
        only_repeated |= c == 'd';
        only_single |= c == 'u';
    }
    if (argc - optind > 2)
        usage("uniq [-cdu] [INPUT [OUTPUT]]");
    if (argc > optind && strcmp(argv[optind], "-") != 0)
        open_as(argv[optind], O_RDONLY, 0);
    if (argc > optind + 1)
        open_as(argv[optind + 1], O_WRONLY | O_CREAT | O_TRUNC, 1);
    static struct input in = {.fd = 0};
    char *line = NULL, *before = NULL;
    size_t size = 0, before_size = 0;
    int64_t len, before_len = 0, count = 0;
    while ((len = input_line(&in, &line, &size)) >= 0) {
        if (len > 0 && line[len - 1] == '\n')
            len--;
        if (count > 0 && len == before_len && memcmp(line, before, len) == 0) {
            count++;
            continue;
        }
        print_run(before, before_len, count);
        char *swap = before;
        size_t swap_size = before_size;
        before = line, before_size = size, before_len = len;
        line = swap, size = swap_size;
        count = 1;
    }
    print_run(before, before_len, count);
    out_flush();
    if (in.error) {
        errno = in.error;
        die("read");
    }
    return 0;
}
