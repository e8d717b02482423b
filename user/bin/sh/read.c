/* The built-in command read: a line of standard input, split into variables. */
#include "sh.h"

struct line {
    struct buf text, quoted; /* for every character of text: '1' if a backslash quoted it */
    size_t at;
    const char *ifs;
};

/* A line of standard input, byte by byte, because commands that follow read it, too. */
static bool read_line(struct line *l, bool raw)
{
    char c;
    while (read(0, &c, 1) == 1) {
        bool quoted = c == '\\' && !raw;
        if (c == '\n')
            return true;
        if (quoted && read(0, &c, 1) != 1)
            return false;
        if (c == '\0' || (quoted && c == '\n'))
            continue;
        buf_add(&l->text, c);
        buf_add(&l->quoted, '0' + quoted);
    }
    return false;
}

static bool at_separator(const struct line *l, size_t at, bool space)
{
    char c = at < l->text.len && l->quoted.s[at] == '0' ? l->text.s[at] : '\0';
    return c && strchr(l->ifs, c) && isspace(c) == space;
}

static void skip_separators(struct line *l)
{
    while (at_separator(l, l->at, true))
        l->at++;
}

/* The next field; the last variable gets all that is left, without the white space at its end. */
static char *next_field(struct line *l, bool last)
{
    size_t from = l->at, end;
    if (last) {
        l->at = end = l->text.len;
        while (end > from && at_separator(l, end - 1, true))
            end--;
    } else {
        while (l->at < l->text.len && !at_separator(l, l->at, true) && !at_separator(l, l->at, false))
            l->at++;
        end = l->at;
        skip_separators(l);
        if (at_separator(l, l->at, false))
            l->at++;
        skip_separators(l);
    }
    return arena_dup(&scratch, l->text.s + from, end - from);
}

int run_read(int argc, char **argv)
{
    bool raw = argc > 1 && strcmp(argv[1], "-r") == 0;
    int first = raw ? 2 : 1;
    struct line line = {.ifs = var_get("IFS") ? var_get("IFS") : " \t\n"};
    if (first >= argc)
        return bad_usage("read [-r] NAME...");
    int status = !read_line(&line, raw);
    buf_text(&line.text);
    skip_separators(&line);
    for (int i = first; i < argc; i++) {
        if (name_length(argv[i]) != strlen(argv[i])) {
            complain("read: %s: bad variable name", argv[i]);
            status = 2;
            break;
        }
        if (!var_set(argv[i], next_field(&line, i == argc - 1)))
            break;
    }
    buf_free(&line.text);
    buf_free(&line.quoted);
    return status;
}
