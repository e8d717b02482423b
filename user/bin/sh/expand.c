/* The parts of a word into the strings that a program gets.
 *
 * In order: $x, $(...) and $((...)) are replaced, what came out of those without quotes is split at the
 * characters of $IFS, and fields with * ? [ that were not quoted become the file names that match.
 *
 * A field under construction is in pattern form: a backslash stands before every quoted character that means
 * something in patterns. So one string carries both the text and what was quoted, through to glob.c; where
 * no pattern is wanted, pattern_unescape takes the backslashes out. */
#include "sh.h"

struct expansion {
    struct buf text;   /* the field under construction */
    bool started;      /* it is a field even if empty */
    bool after_space;  /* white space ended the one before: a ':' that follows belongs to the same gap */
    bool split;        /* false: all goes into one field */
    struct buf fields; /* char * each */
};

static void end_field(struct expansion *e)
{
    if (!e->started)
        return;
    char *field = arena_dup(&scratch, buf_text(&e->text), e->text.len);
    char **names;
    int count = 0;
    if (!shell.noglob && pattern_has_magic(field))
        count = glob_expand(field, &names);
    if (count > 0) {
        buf_append(&e->fields, (char *)names, count * sizeof(*names));
    } else {
        pattern_unescape(field);
        buf_append(&e->fields, (char *)&field, sizeof(field));
    }
    e->text.len = 0;
    e->started = false;
}

static void put_char(struct expansion *e, char c)
{
    buf_add(&e->text, c);
    e->started = true;
    e->after_space = false;
}

static void put_quoted(struct expansion *e, const char *s)
{
    for (; *s; s++) {
        if (strchr("*?[]\\-!^", *s))
            buf_add(&e->text, '\\');
        buf_add(&e->text, *s);
    }
    e->started = true;
    e->after_space = false;
}

/* The outcome of an expansion outside quotes. */
static void put_split(struct expansion *e, const char *s)
{
    const char *ifs = e->split ? var_get("IFS") : "";
    if (!ifs)
        ifs = " \t\n";
    for (; *s; s++) {
        if (!strchr(ifs, *s)) {
            if (*s == '\\')
                put_char(e, '\\');
            put_char(e, *s);
        } else if (isspace(*s)) {
            e->after_space |= e->started;
            end_field(e);
        } else if (e->after_space) {
            e->after_space = false;
        } else {
            e->started = true;
            end_field(e);
        }
    }
}

static void put(struct expansion *e, const char *s, bool quoted)
{
    if (quoted)
        put_quoted(e, s);
    else
        put_split(e, s);
}

/* ---- parameters ---- */

static char *number_text(long n)
{
    struct buf b = {0};
    buf_number(&b, n);
    char *s = arena_dup(&scratch, b.s, b.len);
    buf_free(&b);
    return s;
}

static const char *join_params(const char *separator)
{
    struct buf b = {0};
    for (int i = 0; i < shell.params.n; i++) {
        if (i > 0 && *separator)
            buf_add(&b, *separator);
        buf_puts(&b, shell.params.v[i]);
    }
    const char *s = arena_dup(&scratch, buf_text(&b), b.len);
    buf_free(&b);
    return s;
}

static const char *option_letters(void)
{
    struct buf b = {0};
    buf_puts(&b, shell.errexit ? "e" : "");
    buf_puts(&b, shell.noglob ? "f" : "");
    buf_puts(&b, shell.interactive ? "i" : "");
    buf_puts(&b, shell.nounset ? "u" : "");
    buf_puts(&b, shell.xtrace ? "x" : "");
    const char *s = arena_dup(&scratch, buf_text(&b), b.len);
    buf_free(&b);
    return s;
}

static const char *param_value(const char *name)
{
    const char *ifs = var_get("IFS");
    int64_t n;
    switch (name[0]) {
    case '?':
        return number_text(shell.status);
    case '$':
        return number_text(shell.pid);
    case '#':
        return number_text(shell.params.n);
    case '!':
        return shell.background ? number_text(shell.background) : NULL;
    case '-':
        return option_letters();
    case '@':
        return shell.params.n ? join_params(" ") : NULL;
    case '*':
        return shell.params.n ? join_params(ifs ? ifs : " ") : NULL;
    }
    if (!isdigit(name[0]))
        return var_get(name);
    if (!parse_number(name, &n) || n > shell.params.n)
        return NULL;
    return n == 0 ? shell.name : shell.params.v[n - 1];
}

/* $@ and $*: "$@" makes a field of every parameter, "$*" one of all. */
static void expand_all_params(struct expansion *e, const struct part *part)
{
    if ((part->text[0] == '*' && part->quoted) || !e->split) {
        const char *s = param_value(part->text);
        put(e, s ? s : "", part->quoted);
        return;
    }
    for (int i = 0; i < shell.params.n; i++) {
        if (i > 0)
            end_field(e);
        put(e, shell.params.v[i], part->quoted);
    }
}

static long count_chars(const char *s)
{
    long n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80; /* UTF-8: not a continuation byte */
    return n;
}

/* ${x#pattern} and its like: v without the shortest (longest: L, R) part that matches at its begin or end. */
static const char *trim(const char *v, char op, const char *pattern)
{
    char *s = arena_dup(&scratch, v, strlen(v));
    bool at_end = op == '%' || op == 'R', longest = op == 'L' || op == 'R';
    int len = strlen(s);
    for (int i = 0; i <= len; i++) {
        int n = longest ? len - i : i; /* length of the part */
        int cut = at_end ? len - n : n;
        char c = s[cut];
        if (at_end) {
            if (pattern_match(pattern, s + cut)) {
                s[cut] = '\0';
                return s;
            }
        } else {
            s[cut] = '\0';
            bool match = pattern_match(pattern, s);
            s[cut] = c;
            if (match)
                return s + cut;
        }
    }
    return s;
}

static void expand_parts(struct expansion *e, const struct part *part, bool nested);

static void expand_param(struct expansion *e, const struct part *part)
{
    const char *name = part->text;
    if (!part->op && (name[0] == '@' || name[0] == '*')) {
        expand_all_params(e, part);
        return;
    }
    const char *v = param_value(name);
    bool set = v && (!part->colon || *v);
    if (!set && part->op == '-') {
        expand_parts(e, part->arg->parts, true);
        e->started |= part->quoted;
        return;
    }
    if (part->op == '+') {
        if (set)
            expand_parts(e, part->arg->parts, true);
        e->started |= part->quoted;
        return;
    }
    if (!set && part->op == '=') {
        if (name_length(name) == 0) {
            shell_error("%s: cannot be assigned to", name);
            return;
        }
        v = expand_string(part->arg, EXPAND_TEXT);
        if (!var_set(name, v))
            return;
    } else if (!set && part->op == '?') {
        const char *message = part->arg->parts ? expand_string(part->arg, EXPAND_TEXT) : "parameter not set";
        shell_error("%s: %s", name, message);
        return;
    } else if (!v && shell.nounset) {
        shell_error("%s: parameter not set", name);
        return;
    }
    if (part->op == 'n')
        v = number_text(name[0] == '@' || name[0] == '*' ? shell.params.n : count_chars(v ? v : ""));
    else if (part->op && v && strchr("#L%R", part->op))
        v = trim(v, part->op, expand_string(part->arg, EXPAND_PATTERN));
    put(e, v ? v : "", part->quoted);
}

/* nested: inside ${x:-...}, where also plain text is split. */
static void expand_parts(struct expansion *e, const struct part *part, bool nested)
{
    const char *home = var_get("HOME");
    if (part && part->kind == PART_TEXT && !part->quoted && part->text[0] == '~' && home &&
        (part->text[1] == '/' || (!part->text[1] && !part->next))) {
        put_quoted(e, home);
        for (const char *s = part->text + 1; *s; s++)
            put_char(e, *s);
        part = part->next;
    }
    for (; part && !shell.unwind; part = part->next) {
        long number;
        switch (part->kind) {
        case PART_TEXT:
            if (part->quoted || nested)
                put(e, part->text, part->quoted);
            else
                for (const char *s = part->text; *s; s++)
                    put_char(e, *s);
            break;
        case PART_PARAM:
            expand_param(e, part);
            break;
        case PART_COMMAND:
            put(e, command_output(part->body), part->quoted);
            break;
        case PART_ARITH:
            if (arith_eval(expand_string(part->arg, EXPAND_TEXT), &number))
                put(e, number_text(number), part->quoted);
            break;
        }
    }
}

char **expand_words(const struct word *list, int *count)
{
    struct expansion e = {.split = true};
    for (; list && !shell.unwind; list = list->next) {
        e.after_space = false;
        expand_parts(&e, list->parts, false);
        end_field(&e);
    }
    *count = e.fields.len / sizeof(char *);
    char **fields = arena_alloc(&scratch, e.fields.len + sizeof(char *));
    if (e.fields.len > 0)
        memcpy(fields, e.fields.s, e.fields.len);
    buf_free(&e.text);
    buf_free(&e.fields);
    return fields;
}

char *expand_string(const struct word *w, enum expand_mode mode)
{
    struct expansion e = {.split = false};
    expand_parts(&e, w->parts, false);
    char *s = arena_dup(&scratch, buf_text(&e.text), e.text.len);
    buf_free(&e.text);
    if (mode == EXPAND_TEXT)
        pattern_unescape(s);
    return s;
}
