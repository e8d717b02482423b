/* Regular expressions by Thompson's method.
 *
 * The pattern becomes a program for a machine that is in many places of it at once:
 *
 *     BYTE c, SET s, CHAR, TAIL   go on if the next byte fits (CHAR: the first of a character, TAIL: another)
 *     BEGIN, END                  go on if this is the begin (the end) of the line
 *     SPLIT x y, JUMP x           go on at both places, at another place
 *     MATCH
 *
 * Targets are relative to the instruction, so the code of a subexpression can be moved and copied: that is
 * how operators after it are compiled. The search holds the set of places that the text so far leads to and
 * takes all of them one byte on: each byte costs at most one visit to every instruction. */
#include "regex.h"
#include "user/lode.h"

#define CODE_MAX   20000
#define DEPTH_MAX  200
#define REPEAT_MAX 255

enum op { OP_BYTE, OP_SET, OP_CHAR, OP_TAIL, OP_BEGIN, OP_END, OP_SPLIT, OP_JUMP, OP_MATCH };

struct inst {
    enum op op;
    int x, y;           /* BYTE: x is the byte */
    const uint8_t *set; /* 256 bits */
};

struct places {
    int *pc;
    int count;
};

struct regex {
    struct inst *code;
    int len, cap;
    bool fold;
    struct places now, then; /* of the search */
    unsigned *seen;          /* by instruction: the step that last reached it */
    unsigned step;
    int *stack;
};

struct compiler {
    struct regex *re;
    const char *s;
    int flags, depth;
};

static void parse_alternatives(struct compiler *c);

static _Noreturn void bad(const char *why)
{
    fprintf(2, "grep: bad expression: %s\n", why);
    exit(2);
}

/* ---- code ---- */

/* Room for n instructions at `at`. */
static struct inst *open_gap(struct regex *re, int at, int n)
{
    if (re->len + n > CODE_MAX)
        bad("too big");
    if (re->len + n > re->cap) {
        re->cap = (re->len + n) * 2;
        re->code = xrealloc(re->code, re->cap * sizeof(struct inst));
    }
    memmove(&re->code[at + n], &re->code[at], (re->len - at) * sizeof(struct inst));
    re->len += n;
    return &re->code[at];
}

static void insert(struct compiler *c, int at, enum op op, int x, int y)
{
    *open_gap(c->re, at, 1) = (struct inst){.op = op, .x = x, .y = y};
}

static void emit(struct compiler *c, enum op op, int x, int y)
{
    insert(c, c->re->len, op, x, y);
}

/* What the code from `at` to the end matches, any number of times. */
static void make_star(struct compiler *c, int at)
{
    int len = c->re->len - at;
    insert(c, at, OP_SPLIT, 1, len + 2);
    emit(c, OP_JUMP, -(len + 1), 0);
}

static void make_optional(struct compiler *c, int at)
{
    insert(c, at, OP_SPLIT, 1, c->re->len - at + 1);
}

static void copy_code(struct compiler *c, int at, int len)
{
    struct inst *to = open_gap(c->re, c->re->len, len);
    memcpy(to, &c->re->code[at], len * sizeof(*to));
}

/* From `min` to `max` times, max -1: any number. */
static void make_repeat(struct compiler *c, int at, int min, int max)
{
    int len = c->re->len - at;
    for (int i = 1; i < (max < 0 ? min + 1 : max); i++) {
        int from = c->re->len;
        copy_code(c, at, len);
        if (i >= min && max > 0)
            make_optional(c, from);
    }
    if (max < 0)
        make_star(c, c->re->len - len);
    if (min == 0 && max > 0)
        make_optional(c, at);
    if (max == 0)
        c->re->len = at;
}

/* ---- parsing ---- */

/* At the operator `op`, in the way that the kind of expression writes it? Then moves past it. */
static bool accept(struct compiler *c, char op)
{
    bool escaped = c->s[0] == '\\' && c->s[1] == op;
    if (c->flags & REGEX_FIXED || (c->flags & REGEX_EXTENDED ? c->s[0] != op : !escaped))
        return false;
    c->s += 1 + escaped;
    return true;
}

static void add_to_set(struct compiler *c, uint8_t *set, int ch)
{
    set[ch / 8] |= 1 << ch % 8;
    if (c->flags & REGEX_FOLD)
        set[tolower(ch) / 8] |= 1 << tolower(ch) % 8;
}

/* The bytes after the first of a character. */
static void emit_tail(struct compiler *c)
{
    emit(c, OP_TAIL, 0, 0);
    make_star(c, c->re->len - 1);
}

/* After '['. */
static void parse_set(struct compiler *c)
{
    uint8_t *set = calloc(1, 32);
    bool invert = *c->s == '^', first = true;
    if (!set)
        bad("out of memory");
    for (c->s += invert; *c->s != ']' || first; first = false) {
        const char *close = c->s[0] == '[' && c->s[1] == ':' ? strstr(c->s + 2, ":]") : NULL;
        if (close) {
            if (char_class(c->s + 2, close - c->s - 2, 0) < 0)
                bad("no such class of characters");
            for (int ch = 0; ch < 256; ch++)
                if (char_class(c->s + 2, close - c->s - 2, ch))
                    add_to_set(c, set, ch);
            c->s = close + 2;
            continue;
        }
        if (!*c->s || *c->s == '\n')
            bad("[ without ]");
        int low = (unsigned char)*c->s++, high = low;
        if (c->s[0] == '-' && c->s[1] && c->s[1] != ']') {
            high = (unsigned char)c->s[1];
            c->s += 2;
        }
        if (low > high)
            bad("range in [] ends before it begins");
        for (int ch = low; ch <= high; ch++)
            add_to_set(c, set, ch);
    }
    c->s++;
    for (int i = 0; invert && i < 32; i++)
        set[i] = i >= 0x80 / 8 && i < 0xc0 / 8 ? 0 : ~set[i]; /* no byte that continues a character */
    emit(c, OP_SET, 0, 0);
    c->re->code[c->re->len - 1].set = set;
    if (invert)
        emit_tail(c);
}

/* In basic expressions '^' and '$' are anchors only at the begin and end of an expression. */
static bool at_anchor_end(const struct compiler *c)
{
    const char *next = c->s + 1;
    return c->flags & REGEX_EXTENDED || !*next || *next == '\n' || strncmp(next, "\\)", 2) == 0 ||
           strncmp(next, "\\|", 2) == 0;
}

/* One atom; first: nothing of its alternative has come before. */
static void parse_atom(struct compiler *c, bool first)
{
    bool fixed = c->flags & REGEX_FIXED, extended = c->flags & REGEX_EXTENDED;
    if (accept(c, '(')) {
        if (++c->depth > DEPTH_MAX)
            bad("nested too deeply");
        parse_alternatives(c);
        if (!accept(c, ')'))
            bad("( without )");
        c->depth--;
    } else if (!fixed && *c->s == '[') {
        c->s++;
        parse_set(c);
    } else if (!fixed && *c->s == '.') { /* a character: a byte that begins one, and all that continue it */
        c->s++;
        emit(c, OP_CHAR, 0, 0);
        emit_tail(c);
    } else if (!fixed && *c->s == '^' && (extended || first)) {
        c->s++;
        emit(c, OP_BEGIN, 0, 0);
    } else if (!fixed && *c->s == '$' && at_anchor_end(c)) {
        c->s++;
        emit(c, OP_END, 0, 0);
    } else if (extended && (*c->s == '*' || *c->s == '+' || *c->s == '?')) {
        bad("nothing before * + or ?");
    } else {
        if (!fixed && *c->s == '\\' && !*++c->s)
            bad("\\ at the end");
        int ch = (unsigned char)*c->s++;
        emit(c, OP_BYTE, c->flags & REGEX_FOLD ? tolower(ch) : ch, 0);
    }
}

/* After '{': "n}", "n,}" or "n,m}". */
static void parse_repeat(struct compiler *c, int at)
{
    int min = strtoul(c->s, (char **)&c->s, 10), max = min;
    if (*c->s == ',') {
        max = isdigit(*++c->s) ? (int)strtoul(c->s, (char **)&c->s, 10) : -1;
    }
    if (!accept(c, '}') || min > REPEAT_MAX || max > REPEAT_MAX || (max >= 0 && max < min))
        bad("bad {}");
    make_repeat(c, at, min, max);
}

static bool at_alternative_end(const struct compiler *c)
{
    const char *s = c->s;
    if (!*s || *s == '\n' || c->flags & REGEX_FIXED)
        return !*s || *s == '\n';
    s += !(c->flags & REGEX_EXTENDED) && *s == '\\';
    return (s != c->s || c->flags & REGEX_EXTENDED) && (*s == '|' || (*s == ')' && c->depth > 0));
}

static void parse_alternative(struct compiler *c)
{
    bool first = true;
    while (!at_alternative_end(c)) {
        int at = c->re->len;
        parse_atom(c, first);
        bool anchor = c->re->len == at + 1 && c->re->code[at].op == OP_BEGIN;
        first = first && anchor && !(c->flags & REGEX_EXTENDED);
        if (first && *c->s == '*') { /* "^*": a star to be taken literally */
            emit(c, OP_BYTE, *c->s++, 0);
            first = false;
        }
        for (;;) {
            if (!(c->flags & REGEX_FIXED) && *c->s == '*') {
                c->s++;
                make_star(c, at);
            } else if (accept(c, '+')) {
                emit(c, OP_SPLIT, -(c->re->len - at), 1);
            } else if (accept(c, '?')) {
                make_optional(c, at);
            } else if (accept(c, '{')) {
                parse_repeat(c, at);
            } else {
                break;
            }
        }
    }
}

/* The right side is compiled wholly behind the jump over it: nothing is inserted between the two later. */
static void parse_alternatives(struct compiler *c)
{
    int at = c->re->len;
    parse_alternative(c);
    if (accept(c, '|') || (*c->s == '\n' && c->depth == 0 && c->s++)) {
        insert(c, at, OP_SPLIT, 1, c->re->len - at + 2);
        int jump = c->re->len;
        emit(c, OP_JUMP, 0, 0);
        parse_alternatives(c);
        c->re->code[jump].x = c->re->len - jump;
    }
}

struct regex *regex_compile(const char *pattern, int flags)
{
    struct regex *re = xmalloc(sizeof(*re));
    struct compiler c = {.re = re, .s = pattern, .flags = flags};
    *re = (struct regex){.fold = flags & REGEX_FOLD};
    parse_alternatives(&c);
    if (*c.s)
        bad("unexpected )");
    if (flags & REGEX_LINE) {
        insert(&c, 0, OP_BEGIN, 0, 0);
        emit(&c, OP_END, 0, 0);
    }
    emit(&c, OP_MATCH, 0, 0);
    re->now.pc = xmalloc(re->len * sizeof(int));
    re->then.pc = xmalloc(re->len * sizeof(int));
    re->stack = xmalloc((2 * re->len + 1) * sizeof(int));
    re->seen = xmalloc(re->len * sizeof(unsigned));
    memset(re->seen, 0, re->len * sizeof(unsigned));
    return re;
}

/* ---- searching ---- */

/* Adds the place pc, and all that can be reached from it without a byte. True: MATCH is among them. */
static bool reach(struct regex *re, struct places *to, int pc, bool begin, bool end)
{
    int top = 0;
    for (re->stack[top++] = pc; top > 0;) {
        pc = re->stack[--top];
        const struct inst *i = &re->code[pc];
        if (re->seen[pc] == re->step)
            continue;
        re->seen[pc] = re->step;
        switch (i->op) {
        case OP_MATCH:
            return true;
        case OP_SPLIT:
            re->stack[top++] = pc + i->y;
            re->stack[top++] = pc + i->x;
            break;
        case OP_JUMP:
            re->stack[top++] = pc + i->x;
            break;
        case OP_BEGIN:
        case OP_END:
            if (i->op == OP_BEGIN ? begin : end)
                re->stack[top++] = pc + 1;
            break;
        default:
            to->pc[to->count++] = pc;
        }
    }
    return false;
}

static bool fits(const struct inst *i, int ch)
{
    switch (i->op) {
    case OP_BYTE:
        return i->x == ch;
    case OP_SET:
        return i->set[ch / 8] >> ch % 8 & 1;
    default:
        return ((ch & 0xc0) == 0x80) == (i->op == OP_TAIL);
    }
}

bool regex_search(struct regex *re, const char *text, size_t len)
{
    re->now.count = 0;
    for (size_t at = 0;; at++) {
        re->step++;
        re->then.count = 0;
        int ch = at > 0 ? (unsigned char)text[at - 1] : 0;
        if (re->fold)
            ch = tolower(ch);
        for (int i = 0; i < re->now.count; i++)
            if (fits(&re->code[re->now.pc[i]], ch) &&
                reach(re, &re->then, re->now.pc[i] + 1, at == 0, at == len))
                return true;
        if (reach(re, &re->then, 0, at == 0, at == len)) /* a match may begin anywhere */
            return true;
        if (at == len)
            return false;
        struct places swap = re->now;
        re->now = re->then;
        re->then = swap;
    }
}
