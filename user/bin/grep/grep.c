/* grep: prints the lines that match a regular expression.
 *
 *     grep [-EFchilnqrsvx] [-e PATTERN] [PATTERN] [FILE...]
 *
 * The status is 0 when a line was selected, 1 when none was, 2 after an error. */
#include "regex.h"
#include "user/lode.h"

static struct {
    bool count, invert, number, quiet, list, recursive, silent;
    int flags;
    bool with_names;
    struct regex *re;
    bool found, failed;
    char *line;
    size_t size;
} grep;

static void complain(const char *path)
{
    if (!grep.silent)
        warn("%s", path);
    grep.failed = true;
}

static void print_line(const char *name, int64_t number, const char *line, size_t len)
{
    if (grep.with_names)
        out_printf("%s:", name);
    if (grep.number)
        out_printf("%ld:", (long)number);
    out_bytes(line, len);
    out_byte('\n');
}

static void grep_descriptor(int fd, const char *name)
{
    struct input in = {.fd = fd};
    int64_t len, number = 0, count = 0;
    while ((len = input_line(&in, &grep.line, &grep.size)) >= 0) {
        number++;
        if (len > 0 && grep.line[len - 1] == '\n')
            len--;
        if (regex_search(grep.re, grep.line, len) == grep.invert)
            continue;
        count++;
        grep.found = true;
        if (grep.quiet || grep.list)
            break;
        if (!grep.count)
            print_line(name, number, grep.line, len);
    }
    if (in.error) {
        errno = in.error;
        complain(name);
    }
    if (grep.list && count > 0)
        out_printf("%s\n", name);
    else if (grep.count && !grep.quiet && !grep.list && grep.with_names)
        out_printf("%s:%ld\n", name, (long)count);
    else if (grep.count && !grep.quiet && !grep.list)
        out_printf("%ld\n", (long)count);
}

static void grep_path(const char *path);

static void grep_directory(const char *path)
{
    struct dir *d = xmalloc(sizeof(*d));
    struct abi_dirent64 *entry;
    if (dir_open(d, path) < 0) {
        complain(path);
    } else {
        while (!(grep.quiet && grep.found) && (entry = dir_next(d))) {
            if (dir_is_dot(entry->name) || (entry->type != DT_DIR && entry->type != DT_REG))
                continue;
            char *child = path_join(path, entry->name);
            grep_path(child);
            free(child);
        }
        dir_close(d);
    }
    free(d);
}

static void grep_path(const char *path)
{
    struct abi_stat st;
    if (grep.recursive && getstat(path, &st) == 0 && S_ISDIR(st.mode)) {
        grep_directory(path);
        return;
    }
    int fd = open(path, O_RDONLY);
    if (fd < 0) {
        complain(path);
        return;
    }
    grep_descriptor(fd, path);
    close(fd);
}

/* Several -e PATTERN are alternatives, as the lines of one pattern are. */
static char *join_patterns(char *a, const char *b)
{
    size_t n = a ? strlen(a) : 0;
    char *s = xmalloc(n + strlen(b) + 2);
    if (a) {
        memcpy(s, a, n);
        s[n++] = '\n';
    }
    strcpy(s + n, b);
    free(a);
    return s;
}

int main(int argc, char **argv)
{
    static const char text[] = "grep [-EFchilnqrsvx] [-e PATTERN] [PATTERN] [FILE...]";
    char *pattern = NULL;
    bool names = true;
    int c;
    while ((c = getopt(argc, argv, "EFGRchHilnqrsvxe:")) != -1) {
        switch (c) {
        case 'E':
        case 'F':
            grep.flags |= c == 'E' ? REGEX_EXTENDED : REGEX_FIXED;
            break;
        case 'G':
            break;
        case 'c':
            grep.count = true;
            break;
        case 'h':
            names = false;
            break;
        case 'H':
            grep.with_names = true;
            break;
        case 'i':
            grep.flags |= REGEX_FOLD;
            break;
        case 'l':
            grep.list = true;
            break;
        case 'n':
            grep.number = true;
            break;
        case 'q':
            grep.quiet = true;
            break;
        case 'r':
        case 'R':
            grep.recursive = true;
            break;
        case 's':
            grep.silent = true;
            break;
        case 'v':
            grep.invert = true;
            break;
        case 'x':
            grep.flags |= REGEX_LINE;
            break;
        case 'e':
            pattern = join_patterns(pattern, optarg);
            break;
        default:
            usage(text);
        }
    }
    if (!pattern) {
        if (optind == argc)
            usage(text);
        pattern = join_patterns(NULL, argv[optind++]);
    }
    grep.re = regex_compile(pattern, grep.flags);
    grep.with_names = names && (grep.with_names || argc - optind > 1 || grep.recursive);
    if (optind == argc && !grep.recursive)
        grep_descriptor(0, "(standard input)");
    else if (optind == argc)
        grep_path(".");
    for (int i = optind; i < argc && !(grep.quiet && grep.found); i++) {
        if (strcmp(argv[i], "-") == 0)
            grep_descriptor(0, "(standard input)");
        else
            grep_path(argv[i]);
    }
    out_flush();
    return grep.found && (grep.quiet || !grep.failed) ? 0 : grep.failed ? 2 : 1;
}
