/* ls [-adhilrRSt1] [FILE ...]: lists directories and files, sorted by name.
 *
 *   -a  also names that begin with "."     -d  directories as files, not what is in them
 *   -i  inode numbers                      -l  mode, links, owner, group, size, time
 *   -h  sizes in K, M, G                   -1  one name a line, as always when not on a terminal
 *   -r  reversed                           -R  directories in directories, too
 *   -S  by size, largest first             -t  by time of modification, newest first
 */
#include "user/lode.h"

struct entry {
    char *path; /* to reach it */
    const char *name;
    struct abi_stat st;
};

struct list {
    struct entry *entries;
    size_t count;
};

static bool option[128];
static int status;

static void list_add(struct list *l, char *path, const char *name)
{
    struct entry e = {.path = path, .name = name};
    if (getlstat(path, &e.st) < 0) {
        warn("%s", path);
        status = 1;
        free(path);
        return;
    }
    if ((l->count & (l->count - 1)) == 0) /* full: room for a power of two */
        l->entries = xrealloc(l->entries, (l->count ? 2 * l->count : 1) * sizeof(e));
    l->entries[l->count++] = e;
}

static void list_free(struct list *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->entries[i].path);
    free(l->entries);
}

static int compare(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int64_t difference = 0;
    if (option['S'])
        difference = y->st.size - x->st.size;
    else if (option['t'] && x->st.mtime.sec != y->st.mtime.sec)
        difference = y->st.mtime.sec - x->st.mtime.sec;
    else if (option['t'])
        difference = y->st.mtime.nsec - x->st.mtime.nsec;
    int order = difference ? (difference > 0) - (difference < 0) : strcmp(x->name, y->name);
    return option['r'] ? -order : order;
}

static const char *owner(uint32_t id, char buf[16])
{
    snprintf(buf, 16, "%u", id);
    return id == 0 ? "root" : buf;
}

/* The time of day for the last six months, else the year. */
static void print_time(int64_t seconds)
{
    struct abi_timespec now;
    struct utc t = utc_from_seconds(seconds);
    clock_gettime(CLOCK_REALTIME, &now);
    out_printf("%s %2d ", month_names[t.month - 1], t.day);
    if (seconds <= now.sec && seconds > now.sec - 182 * 86400)
        out_printf("%02d:%02d", t.hour, t.minute);
    else
        out_printf("%5ld", t.year);
}

static void size_text(const struct entry *e, char text[24])
{
    if (S_ISCHR(e->st.mode))
        snprintf(text, 24, "%lu, %lu", DEV_MAJOR(e->st.rdev), DEV_MINOR(e->st.rdev));
    else if (option['h'])
        size_string((uint64_t)e->st.size, text);
    else
        snprintf(text, 24, "%ld", e->st.size);
}

static void print_long(const struct entry *e, int links_width, int size_width)
{
    char mode[11], user[16], group[16], size[24];
    mode_string(e->st.mode, mode);
    size_text(e, size);
    out_printf("%s %*u %s %s %*s ", mode, links_width, e->st.nlink, owner(e->st.uid, user),
               owner(e->st.gid, group), size_width, size);
    print_time(e->st.mtime.sec);
    out_printf(" %s", e->name);
    if (S_ISLNK(e->st.mode)) {
        char target[PATH_MAX];
        int64_t n = readlink(e->path, target, sizeof(target));
        out_printf(" -> %.*s", n < 0 ? 0 : (int)n, target);
    }
}

static void print_all_long(const struct list *l)
{
    int links_width = 1, size_width = 1;
    for (size_t i = 0; i < l->count; i++) {
        char text[24];
        int n = snprintf(text, sizeof(text), "%u", l->entries[i].st.nlink);
        links_width = n > links_width ? n : links_width;
        size_text(&l->entries[i], text);
        n = (int)strlen(text);
        size_width = n > size_width ? n : size_width;
    }
    for (size_t i = 0; i < l->count; i++) {
        if (option['i'])
            out_printf("%7lu ", l->entries[i].st.ino);
        print_long(&l->entries[i], links_width, size_width);
        out_byte('\n');
    }
}

/* In columns that read downwards, as many as fit. */
static void print_names(const struct list *l)
{
    struct abi_winsize window = {.cols = 1};
    int width = 1, number_width = option['i'] ? 8 : 0;
    if (!option['1'] && getwinsize(1, &window) == 0 && window.cols == 0)
        window.cols = 80;
    for (size_t i = 0; i < l->count; i++)
        if ((int)strlen(l->entries[i].name) > width)
            width = (int)strlen(l->entries[i].name);
    size_t columns = window.cols / (size_t)(number_width + width + 2);
    columns = columns ? columns : 1;
    size_t rows = (l->count + columns - 1) / columns;
    for (size_t row = 0; row < rows; row++) {
        for (size_t i = row; i < l->count; i += rows) {
            if (option['i'])
                out_printf("%7lu ", l->entries[i].st.ino);
            out_printf("%*s", i + rows < l->count ? -(width + 2) : 0, l->entries[i].name);
        }
        out_byte('\n');
    }
}

static void print_list(struct list *l)
{
    qsort(l->entries, l->count, sizeof(l->entries[0]), compare);
    if (option['l'])
        print_all_long(l);
    else
        print_names(l);
}

static void list_directory(const char *path, bool heading)
{
    static bool first = true;
    struct list l = {0};
    struct abi_dirent64 *record;
    struct dir *d = xmalloc(sizeof(*d));
    int64_t blocks = 0;
    if (dir_open(d, path) < 0) {
        warn("%s", path);
        status = 1;
        free(d);
        return;
    }
    while ((record = dir_next(d)))
        if (option['a'] || record->name[0] != '.') {
            char *full = path_join(path, record->name);
            list_add(&l, full, full + strlen(full) - strlen(record->name));
        }
    if (errno) {
        warn("%s", path);
        status = 1;
    }
    dir_close(d);
    free(d);
    if (heading)
        out_printf("%s%s:\n", first ? "" : "\n", path);
    first = false;
    for (size_t i = 0; i < l.count; i++)
        blocks += l.entries[i].st.blocks;
    if (option['l'])
        out_printf("total %ld\n", blocks / 2);
    print_list(&l);
    for (size_t i = 0; option['R'] && i < l.count; i++)
        if (S_ISDIR(l.entries[i].st.mode) && !dir_is_dot(l.entries[i].name))
            list_directory(l.entries[i].path, true);
    list_free(&l);
}

int main(int argc, char **argv)
{
    static char here[] = ".", *only_here[] = {here};
    struct list files = {0}, directories = {0};
    for (int c; (c = getopt(argc, argv, "adhilrRSt1")) != -1;) {
        if (c == '?')
            usage("ls [-adhilrRSt1] [FILE ...]");
        option[c] = true;
    }
    char **names = optind < argc ? argv + optind : only_here;
    int count = optind < argc ? argc - optind : 1;
    for (int i = 0; i < count; i++) {
        struct abi_stat st;
        /* With -l a symbolic link stands for itself, else for what it leads to. */
        int found = option['l'] ? getlstat(names[i], &st) : getstat(names[i], &st);
        bool is_directory = found == 0 && S_ISDIR(st.mode) && !option['d'];
        char *path = path_join("", names[i]);
        list_add(is_directory ? &directories : &files, path, path);
    }
    print_list(&files);
    if (files.count && directories.count)
        out_byte('\n');
    qsort(directories.entries, directories.count, sizeof(directories.entries[0]), compare);
    for (size_t i = 0; i < directories.count; i++)
        list_directory(directories.entries[i].path, count > 1 || option['R']);
    out_flush();
    return status;
}
