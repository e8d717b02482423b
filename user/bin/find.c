/* find: walks trees of files and says which of them meet conditions.
 *
 *     find [PATH...] [CONDITION...]
 *
 * Conditions: -name PATTERN, -type T (f d l c b p), -size N[ckM] (+N more, -N less; without a letter in
 * blocks of 512 bytes), -newer FILE, -maxdepth N, -mindepth N, -print, -exec COMMAND... {} ... ; (true if it
 * succeeds), ! or -not before a condition, -o between them (or), ( ). Without -print or -exec, what meets
 * them is printed. */
#include "user/lode.h"

#define TERMS_MAX 256

enum kind { K_NAME, K_TYPE, K_SIZE, K_NEWER, K_PRINT, K_EXEC, K_TRUE, K_NOT, K_AND, K_OR };

/* The expression as a tree of terms. */
struct term {
    enum kind kind;
    struct term *left, *right; /* of NOT (left), AND, OR */
    const char *pattern;
    char sign; /* of SIZE: '+', '-' or 0 */
    int64_t number, unit;
    uint32_t type;
    struct abi_timespec time;
    char **argv; /* of EXEC: the command, `argc` words */
    int argc;
};

static struct term terms[TERMS_MAX];
static int nterms;
static char **arg; /* the next word of the expression; NULL ends it */
static int64_t max_depth = INT32_MAX, min_depth;
static bool acts;
static int status;

static struct term *parse_or(void);

static struct term *new_term(enum kind kind)
{
    if (nterms == TERMS_MAX)
        diex("expression too long");
    terms[nterms].kind = kind;
    return &terms[nterms++];
}

/* ---- the expression ---- */

static char *operand(const char *name)
{
    if (!*arg) {
        warnx("%s: argument missing", name);
        exit(2);
    }
    return *arg++;
}

static _Noreturn void bad(const char *name, const char *value)
{
    warnx("%s: bad argument of %s", value, name);
    exit(2);
}

static void parse_size(struct term *t, const char *s)
{
    char *end;
    const char *text = s;
    t->sign = *s == '+' || *s == '-' ? *s++ : 0;
    t->number = strtol(s, &end, 10);
    t->unit = *end == 'c' ? 1 : *end == 'k' ? 1024 : *end == 'M' ? 1024 * 1024 : 512;
    if (!isdigit(*s) || (*end && (end[1] || !strchr("ckMb", *end))))
        bad("-size", text);
}

static uint32_t parse_type(const char *s)
{
    static const char letters[] = "fdlcbp";
    static const uint32_t types[] = {S_IFREG, S_IFDIR, S_IFLNK, S_IFCHR, S_IFBLK, S_IFIFO};
    const char *at = s[0] && !s[1] ? strchr(letters, s[0]) : NULL;
    if (!at)
        bad("-type", s);
    return types[at - letters];
}

static void parse_exec(struct term *t)
{
    t->argv = arg;
    while (*arg && strcmp(*arg, ";") != 0)
        arg++;
    t->argc = arg - t->argv;
    if (!*arg || t->argc == 0) {
        warnx("-exec: no ; at its end");
        exit(2);
    }
    arg++;
}

static struct term *parse_primary(void)
{
    struct abi_stat st;
    struct term *t;
    const char *name = operand("expression");
    if (strcmp(name, "!") == 0 || strcmp(name, "-not") == 0) {
        t = new_term(K_NOT);
        t->left = parse_primary();
    } else if (strcmp(name, "(") == 0) {
        t = parse_or();
        if (strcmp(operand("("), ")") != 0)
            diex("( without )");
    } else if (strcmp(name, "-name") == 0) {
        t = new_term(K_NAME);
        t->pattern = operand(name);
    } else if (strcmp(name, "-type") == 0) {
        t = new_term(K_TYPE);
        t->type = parse_type(operand(name));
    } else if (strcmp(name, "-size") == 0) {
        t = new_term(K_SIZE);
        parse_size(t, operand(name));
    } else if (strcmp(name, "-newer") == 0) {
        const char *file = operand(name);
        if (getstat(file, &st) < 0)
            die("%s", file);
        t = new_term(K_NEWER);
        t->time = st.mtime;
    } else if (strcmp(name, "-maxdepth") == 0 || strcmp(name, "-mindepth") == 0) {
        const char *value = operand(name);
        if (!parse_number(value, name[2] == 'a' ? &max_depth : &min_depth))
            bad(name, value);
        t = new_term(K_TRUE);
    } else if (strcmp(name, "-print") == 0) {
        t = new_term(K_PRINT);
        acts = true;
    } else if (strcmp(name, "-exec") == 0) {
        t = new_term(K_EXEC);
        parse_exec(t);
        acts = true;
    } else {
        warnx("%s: no such condition", name);
        exit(2);
    }
    return t;
}

static struct term *combine(enum kind kind, struct term *left, struct term *right)
{
    struct term *t = new_term(kind);
    t->left = left;
    t->right = right;
    return t;
}

static struct term *parse_and(void)
{
    struct term *t = parse_primary();
    while (*arg && strcmp(*arg, "-o") != 0 && strcmp(*arg, ")") != 0) {
        if (strcmp(*arg, "-a") == 0)
            arg++;
        t = combine(K_AND, t, parse_primary());
    }
    return t;
}

static struct term *parse_or(void)
{
    struct term *t = parse_and();
    while (*arg && strcmp(*arg, "-o") == 0) {
        arg++;
        t = combine(K_OR, t, parse_and());
    }
    return t;
}

/* ---- evaluation ---- */

/* A word of -exec's command, with each {} replaced by the path. */
static char *substitute(const char *word, const char *path)
{
    size_t size = strlen(word) + 1;
    for (const char *s = word; (s = strstr(s, "{}")); s += 2)
        size += strlen(path);
    char *result = xmalloc(size), *to = result;
    for (const char *at; (at = strstr(word, "{}")); word = at + 2) {
        memcpy(to, word, at - word);
        to += at - word;
        strcpy(to, path);
        to += strlen(path);
    }
    strcpy(to, word);
    return result;
}

static bool execute(const struct term *t, const char *path)
{
    int result = 0;
    out_flush();
    int pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0) {
        char **argv = xmalloc((t->argc + 1) * sizeof(char *));
        for (int i = 0; i < t->argc; i++)
            argv[i] = substitute(t->argv[i], path);
        argv[t->argc] = NULL;
        execvp(argv[0], argv);
        warn("%s", argv[0]);
        exit(127);
    }
    while (waitpid(pid, &result, 0) < 0)
        if (errno != EINTR)
            die("wait");
    return result == 0;
}

static bool evaluate(const struct term *t, const char *path, const struct abi_stat *st)
{
    switch (t->kind) {
    case K_NAME:
        return pattern_match(t->pattern, path_base(path));
    case K_TYPE:
        return (st->mode & S_IFMT) == t->type;
    case K_SIZE: {
        int64_t units = (st->size + t->unit - 1) / t->unit;
        return t->sign == '+' ? units > t->number : t->sign == '-' ? units < t->number : units == t->number;
    }
    case K_NEWER:
        return st->mtime.sec > t->time.sec || (st->mtime.sec == t->time.sec && st->mtime.nsec > t->time.nsec);
    case K_PRINT:
        out_string(path);
        out_byte('\n');
        return true;
    case K_EXEC:
        return execute(t, path);
    case K_NOT:
        return !evaluate(t->left, path, st);
    case K_AND:
        return evaluate(t->left, path, st) && evaluate(t->right, path, st);
    case K_OR:
        return evaluate(t->left, path, st) || evaluate(t->right, path, st);
    case K_TRUE:
        break;
    }
    return true;
}

/* ---- the walk ---- */

static void walk(const struct term *expression, const char *path, int depth);

/* The names are read before any of them is looked at: one directory is open at a time, however deep the tree.
 */
static void walk_directory(const struct term *expression, const char *path, int depth)
{
    static struct dir d;
    struct abi_dirent64 *entry;
    char **names = NULL;
    size_t count = 0, room = 0;
    if (dir_open(&d, path) < 0) {
        warn("%s", path);
        status = 1;
        return;
    }
    while ((entry = dir_next(&d))) {
        if (dir_is_dot(entry->name))
            continue;
        if (count == room) {
            room = room * 2 + 16;
            names = xrealloc(names, room * sizeof(char *));
        }
        names[count++] = path_join(path, entry->name);
    }
    dir_close(&d);
    for (size_t i = 0; i < count; i++) {
        walk(expression, names[i], depth + 1);
        free(names[i]);
    }
    free(names);
}

static void walk(const struct term *expression, const char *path, int depth)
{
    struct abi_stat st;
    if (getlstat(path, &st) < 0) {
        warn("%s", path);
        status = 1;
        return;
    }
    if (depth >= min_depth)
        evaluate(expression, path, &st);
    if (S_ISDIR(st.mode) && depth < max_depth)
        walk_directory(expression, path, depth);
}

int main(int argc, char **argv)
{
    int paths = 1;
    while (paths < argc && argv[paths][0] != '-' && strcmp(argv[paths], "!") != 0 &&
           strcmp(argv[paths], "(") != 0)
        paths++;
    arg = argv + paths;
    struct term *expression = *arg ? parse_or() : new_term(K_TRUE);
    if (*arg)
        diex("%s: unexpected", *arg);
    if (!acts)
        expression = combine(K_AND, expression, new_term(K_PRINT));
    for (int i = 1; i < paths; i++)
        walk(expression, argv[i], 0);
    if (paths == 1)
        walk(expression, ".", 0);
    out_flush();
    return status;
}
