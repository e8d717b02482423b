/* The file names that match a pattern with * ? [...]; the library's pattern_match does the matching of a
 * name. */
#include "sh.h"

bool pattern_has_magic(const char *p)
{
    for (; *p; p++) {
        if (*p == '*' || *p == '?' || (*p == '[' && strchr(p, ']')))
            return true;
        if (*p == '\\' && p[1])
            p++;
    }
    return false;
}

void pattern_unescape(char *p)
{
    char *to = p;
    for (; *p; p++) {
        if (*p == '\\' && p[1])
            p++;
        *to++ = *p;
    }
    *to = '\0';
}

/* ---- file names ---- */

struct names {
    struct buf found; /* char * each */
    struct buf path;  /* the directories before the component at hand, with their slashes */
};

static void add_name(struct buf *list, const char *s)
{
    char *copy = arena_dup(&scratch, s, strlen(s));
    buf_append(list, (char *)&copy, sizeof(copy));
}

/* The names in directory `path` that match, into list. They are read before any directory below is looked at,
 * so one directory is open at a time, however deep the pattern. */
static void list_matches(const char *path, const char *pattern, struct buf *list)
{
    static struct dir d;
    struct abi_dirent64 *entry;
    if (dir_open(&d, *path ? path : ".") < 0)
        return;
    while ((entry = dir_next(&d)))
        if ((entry->name[0] != '.' || pattern[0] == '.') && pattern_match(pattern, entry->name))
            add_name(list, entry->name);
    dir_close(&d);
}

static void glob_from(struct names *n, const char *pattern)
{
    size_t len = n->path.len, size = 0;
    struct abi_stat st;
    while (pattern[size] && pattern[size] != '/')
        size++;
    char *component = arena_dup(&scratch, pattern, size);
    const char *rest = pattern + size;
    struct buf list = {0};
    if (pattern_has_magic(component)) {
        list_matches(buf_text(&n->path), component, &list);
    } else {
        pattern_unescape(component);
        add_name(&list, component);
    }
    for (size_t i = 0; i < list.len / sizeof(char *); i++) {
        buf_puts(&n->path, ((char **)list.s)[i]);
        if (*rest) {
            size_t slashes = 0;
            while (rest[slashes] == '/')
                slashes++;
            buf_append(&n->path, rest, slashes);
            glob_from(n, rest + slashes);
        } else if (getlstat(buf_text(&n->path), &st) == 0) {
            add_name(&n->found, buf_text(&n->path));
        }
        n->path.len = len;
    }
    buf_free(&list);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int glob_expand(const char *pattern, char ***names)
{
    struct names n = {0};
    if (strlen(pattern) >= 2 * PATH_MAX) /* no file's name; and it bounds the recursion */
        return 0;
    glob_from(&n, pattern);
    int count = n.found.len / sizeof(char *);
    *names = arena_alloc(&scratch, n.found.len + 1);
    if (count > 0)
        memcpy(*names, n.found.s, n.found.len);
    qsort(*names, count, sizeof(char *), compare);
    buf_free(&n.found);
    buf_free(&n.path);
    return count;
}
