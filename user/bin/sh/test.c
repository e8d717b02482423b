/* test and [: conditions on files, strings and integers, as POSIX has them. The shell has them built in, and
 * the program /bin/test is made of the same file.
 *
 * With up to four arguments their number decides what is an operator (`test -n = -n` is a comparison), so
 * strings that look like operators are safe. More are read by precedence: ! before -a before -o. */
#include "user/lode.h"

int test_main(int argc, char **argv);

#define TEST_DEPTH_MAX 500

struct test {
    char **at, **end;
    int depth;
    bool failed;
};

static bool parse_or(struct test *t);

static bool fail(struct test *t, const char *what, const char *why)
{
    if (!t->failed)
        fprintf(2, "test: %s%s%s\n", what, *what ? ": " : "", why);
    t->failed = true;
    t->at = t->end;
    return false;
}

static bool is_unary(const char *s)
{
    return s[0] == '-' && s[1] && !s[2] && strchr("bcdefghknprstuwxzLS", s[1]);
}

static bool is_binary(const char *s)
{
    static const char words[] = " = == != < > -eq -ne -lt -le -gt -ge -nt -ot -ef ";
    const char *at = *s && !strchr(s, ' ') ? strstr(words, s) : NULL;
    while (at && (at[-1] != ' ' || at[strlen(s)] != ' '))
        at = strstr(at + 1, s);
    return at != NULL;
}

static int64_t number(struct test *t, const char *s)
{
    int64_t n = 0;
    while (isspace(*s))
        s++;
    if (!parse_number(*s == '+' ? s + 1 : s, &n))
        fail(t, s, "not an integer");
    return n;
}

static bool unary(struct test *t, char op, const char *s)
{
    struct abi_stat st;
    switch (op) {
    case 'n':
        return *s;
    case 'z':
        return !*s;
    case 't':
        return isatty(number(t, s));
    case 'r':
        return access(s, R_OK) == 0;
    case 'w':
        return access(s, W_OK) == 0;
    case 'x':
        return access(s, X_OK) == 0;
    case 'h':
    case 'L':
        return getlstat(s, &st) == 0 && S_ISLNK(st.mode);
    }
    if (getstat(s, &st) < 0)
        return false;
    switch (op) {
    case 'b':
        return (st.mode & S_IFMT) == S_IFBLK;
    case 'c':
        return S_ISCHR(st.mode);
    case 'd':
        return S_ISDIR(st.mode);
    case 'f':
        return S_ISREG(st.mode);
    case 'p':
        return S_ISFIFO(st.mode);
    case 'S':
        return (st.mode & S_IFMT) == S_IFSOCK;
    case 's':
        return st.size > 0;
    case 'g':
        return st.mode & S_ISGID;
    case 'u':
        return st.mode & S_ISUID;
    case 'k':
        return st.mode & S_ISVTX;
    default: /* -e */
        return true;
    }
}

/* -nt, -ot, -ef: a file that does not exist is older than any. */
static bool compare_files(const char *a, const char *op, const char *b)
{
    struct abi_stat x, y;
    bool has_x = getstat(a, &x) == 0, has_y = getstat(b, &y) == 0;
    if (op[1] == 'e')
        return has_x && has_y && x.dev == y.dev && x.ino == y.ino;
    if (!has_x || !has_y)
        return op[1] == 'n' ? has_x : has_y;
    int64_t newer = x.mtime.sec != y.mtime.sec ? x.mtime.sec - y.mtime.sec : x.mtime.nsec - y.mtime.nsec;
    return op[1] == 'n' ? newer > 0 : newer < 0;
}

static bool binary(struct test *t, const char *a, const char *op, const char *b)
{
    if (op[0] != '-') {
        int order = strcmp(a, b);
        return op[0] == '=' ? order == 0 : op[0] == '!' ? order != 0 : op[0] == '<' ? order < 0 : order > 0;
    }
    if (strcmp(op, "-nt") == 0 || op[1] == 'o' || strcmp(op, "-ef") == 0)
        return compare_files(a, op, b);
    int64_t x = number(t, a), y = number(t, b);
    bool equal = op[2] == 'e' || op[2] == 'q';
    if (op[1] == 'l')
        return equal ? x <= y : x < y;
    if (op[1] == 'g')
        return equal ? x >= y : x > y;
    return (x == y) == (op[1] == 'e');
}

static bool parse_primary(struct test *t)
{
    char **a = t->at;
    int left = t->end - a;
    if (left == 0)
        return fail(t, "", "argument expected");
    if (++t->depth > TEST_DEPTH_MAX)
        return fail(t, "", "nested too deeply");
    bool value;
    if (left >= 3 && is_binary(a[1])) {
        t->at += 3;
        value = binary(t, a[0], a[1], a[2]);
    } else if (left >= 2 && strcmp(a[0], "!") == 0) {
        t->at++;
        value = !parse_primary(t);
    } else if (left >= 3 && strcmp(a[0], "(") == 0) {
        t->at++;
        value = parse_or(t);
        if (t->at == t->end || strcmp(*t->at++, ")") != 0)
            fail(t, "", "missing )");
    } else if (left >= 2 && is_unary(a[0])) {
        t->at += 2;
        value = unary(t, a[0][1], a[1]);
    } else {
        t->at++;
        value = a[0][0];
    }
    t->depth--;
    return value;
}

static bool parse_and(struct test *t)
{
    bool value = parse_primary(t);
    while (t->at < t->end && strcmp(*t->at, "-a") == 0) {
        t->at++;
        value &= parse_primary(t);
    }
    return value;
}

static bool parse_or(struct test *t)
{
    bool value = parse_and(t);
    while (t->at < t->end && strcmp(*t->at, "-o") == 0) {
        t->at++;
        value |= parse_and(t);
    }
    return value;
}

int test_main(int argc, char **argv)
{
    struct test t = {.at = argv + 1, .end = argv + argc};
    if (strcmp(argv[0], "[") == 0 && strcmp(*--t.end, "]") != 0) {
        fprintf(2, "[: missing ]\n");
        return 2;
    }
    if (t.at >= t.end)
        return 1;
    bool value = parse_or(&t);
    if (t.at < t.end)
        fail(&t, *t.at, "unexpected operator");
    return t.failed ? 2 : !value;
}
