/* $((...)): C's operators on long integers, by precedence climbing.
 *
 * binary(min) reads an operand, then operators that bind at least as tightly as `min`, each with a right side
 * that binds more tightly. An operand that && || ?: leave out is read with `skip` set: nothing is assigned,
 * and a division by zero in it is no error. */
#include "sh.h"

#define ARITH_DEPTH_MAX 500

struct arith {
    const char *s;
    int skip, depth;
    bool failed;
};

static const struct operator
{
    char text[3];
    int binds;
}
operators[] = {
    {"||", 1}, {"&&", 2}, {"==", 6}, {"!=", 6}, {"<=", 7}, {">=", 7}, {"<<", 8}, {">>", 8}, {"|", 3},
    {"^", 4},  {"&", 5},  {"<", 7},  {">", 7},  {"+", 9},  {"-", 9},  {"*", 10}, {"/", 10}, {"%", 10},
};

static long ternary(struct arith *a);

static void fail(struct arith *a, const char *why)
{
    if (!a->failed)
        shell_error("arithmetic: %s", why);
    a->failed = true;
    a->s = ""; /* nothing more to read: everything returns */
}

static void skip_space(struct arith *a)
{
    while (isspace(*a->s))
        a->s++;
}

static bool accept(struct arith *a, char c)
{
    skip_space(a);
    if (*a->s != c)
        return false;
    a->s++;
    return true;
}

/* Overflow wraps around, as the machine does it. */
static long apply(struct arith *a, const char *op, long left, long right)
{
    unsigned long l = left, r = right;
    switch (op[0]) {
    case '+':
        return l + r;
    case '-':
        return l - r;
    case '*':
        return l * r;
    case '/':
    case '%':
        if (right == 0) {
            if (!a->skip)
                fail(a, "division by zero");
            return 0;
        }
        if (right == -1) /* the one quotient that may not fit */
            return op[0] == '/' ? (long)-l : 0;
        return op[0] == '/' ? left / right : left % right;
    case '=':
        return left == right;
    case '!':
        return left != right;
    case '<':
        return op[1] == '<' ? (long)(l << (r & 63)) : op[1] == '=' ? left <= right : left < right;
    case '>':
        return op[1] == '>' ? left >> (r & 63) : op[1] == '=' ? left >= right : left > right;
    case '&':
        return op[1] == '&' ? left && right : left & right;
    case '|':
        return op[1] == '|' ? left || right : left | right;
    default:
        return left ^ right;
    }
}

static long variable(struct arith *a)
{
    size_t n = name_length(a->s);
    char *name = arena_dup(&scratch, a->s, n), op[3] = "", *end;
    a->s += n;
    skip_space(a);
    const char *text = var_get(name), *s = a->s;
    while (*s && strchr("+-*/%&|^<>", *s) && s - a->s < 2) {
        op[s - a->s] = *s;
        s++;
    }
    bool assigns =
        s[0] == '=' && s[1] != '=' && (op[0] != '<' || op[1] == '<') && (op[0] != '>' || op[1] == '>');
    long value = text ? strtol(text, &end, 0) : 0;
    if (text && (*end || !*text) && !(assigns && !op[0])) {
        fail(a, "a variable is not a number");
        return 0;
    }
    if (assigns) {
        a->s = s + 1;
        long right = ternary(a);
        value = op[0] ? apply(a, op, value, right) : right;
        if (!a->skip && !a->failed) {
            struct buf b = {0};
            buf_number(&b, value);
            var_set(name, buf_text(&b));
            buf_free(&b);
        }
    }
    return value;
}

static long unary(struct arith *a)
{
    char *end;
    long value = 0;
    skip_space(a);
    if (++a->depth > ARITH_DEPTH_MAX) {
        fail(a, "nested too deeply");
    } else if (accept(a, '-')) {
        value = -(unsigned long)unary(a);
    } else if (accept(a, '+')) {
        value = unary(a);
    } else if (accept(a, '!')) {
        value = !unary(a);
    } else if (accept(a, '~')) {
        value = ~unary(a);
    } else if (accept(a, '(')) {
        value = ternary(a);
        if (!accept(a, ')'))
            fail(a, "missing )");
    } else if (isdigit(*a->s)) {
        value = strtol(a->s, &end, 0);
        a->s = end;
        if (name_length(a->s) > 0 || isdigit(*a->s))
            fail(a, "bad number");
    } else if (name_length(a->s) > 0) {
        value = variable(a);
    } else {
        fail(a, "operand expected");
    }
    a->depth--;
    return value;
}

static const struct operator* next_operator(struct arith *a)
{
    skip_space(a);
    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
        if (strncmp(a->s, operators[i].text, strlen(operators[i].text)) == 0)
            return &operators[i];
    return NULL;
}

static long binary(struct arith *a, int min)
{
    long left = unary(a);
    const struct operator* op;
    while ((op = next_operator(a)) && op->binds >= min) {
        a->s += strlen(op->text);
        bool unused = (op->binds == 1 && left) || (op->binds == 2 && !left);
        a->skip += unused;
        long right = binary(a, op->binds + 1);
        a->skip -= unused;
        left = apply(a, op->text, left, right);
    }
    return left;
}

static long ternary(struct arith *a)
{
    long value = 0;
    if (++a->depth > ARITH_DEPTH_MAX) {
        fail(a, "nested too deeply");
        return 0;
    }
    long condition = binary(a, 1);
    if (!accept(a, '?')) {
        a->depth--;
        return condition;
    }
    for (int i = 0; i < 2; i++) {
        bool unused = !condition == !i;
        a->skip += unused;
        long branch = ternary(a);
        a->skip -= unused;
        value = unused ? value : branch;
        if (i == 0 && !accept(a, ':'))
            fail(a, "missing :");
    }
    a->depth--;
    return value;
}

bool arith_eval(const char *expr, long *result)
{
    struct arith a = {.s = expr};
    if (shell.unwind)
        return false;
    *result = ternary(&a);
    skip_space(&a);
    if (*a.s)
        fail(&a, "operator expected");
    return !a.failed && !shell.unwind;
}
