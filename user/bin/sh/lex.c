/* Characters into tokens.
 *
 * The interesting token is the word. Its text is taken apart here and now: pieces of plain text, marked as
 * quoted or not, $x and ${x:-...}, $(...) with its commands already parsed (the lexer calls the parser, which
 * calls the lexer: depth is bounded by parse_enter), $((...)). So nothing is ever scanned twice, and an error
 * inside $(...) is reported before anything runs.
 *
 * One character of look-ahead is enough everywhere, and peek() reads a new line only when the one before is
 * used up: an interactive shell never asks for more than it needs. */
#include "sh.h"

static int peek(struct parser *p)
{
    struct source *s = p->src;
    if (p->failed || (s->pos == s->len && !source_refill(s)))
        return -1;
    return (unsigned char)s->text[s->pos];
}

static int next(struct parser *p)
{
    int c = peek(p);
    if (c >= 0)
        p->src->pos++;
    if (c == '\n')
        p->src->line++;
    return c;
}

static bool accept(struct parser *p, int c)
{
    if (peek(p) != c)
        return false;
    next(p);
    return true;
}

/* ---- words ---- */

/* A word under construction. Text gathers in `text` until a piece of another kind, or of other quoting,
 * comes. */
struct builder {
    struct word *word;
    struct part **tail;
    struct buf text;
    bool quoted; /* of the text gathered */
};

static void builder_init(struct parser *p, struct builder *b)
{
    *b = (struct builder){.word = arena_alloc(p->arena, sizeof(struct word))};
    b->tail = &b->word->parts;
}

static struct part *add_part(struct parser *p, struct builder *b, enum part_kind kind, bool quoted)
{
    struct part *part = arena_alloc(p->arena, sizeof(*part));
    part->kind = kind;
    part->quoted = quoted;
    *b->tail = part;
    b->tail = &part->next;
    return part;
}

static void flush_text(struct parser *p, struct builder *b)
{
    if (b->text.len == 0)
        return;
    add_part(p, b, PART_TEXT, b->quoted)->text = arena_dup(p->arena, b->text.s, b->text.len);
    b->text.len = 0;
}

static void add_char(struct parser *p, struct builder *b, int c, bool quoted)
{
    if (b->quoted != quoted)
        flush_text(p, b);
    b->quoted = quoted;
    if (c != '\0')
        buf_add(&b->text, c);
}

static struct word *finish(struct parser *p, struct builder *b)
{
    flush_text(p, b);
    buf_free(&b->text);
    return b->word;
}

static void lex_dollar(struct parser *p, struct builder *b, bool quoted);

/* `...`: the text up to the closing one, without one level of backslashes, is parsed as a source of its own.
 */
static void lex_backquote(struct parser *p, struct builder *b, bool quoted)
{
    struct buf text = {0};
    int c, line = p->src->line;
    while ((c = next(p)) != '`') {
        if (c < 0) {
            p->src->line = line;
            syntax_error(p, "unterminated `");
            break;
        }
        if (c == '\\' && (peek(p) == '`' || peek(p) == '\\' || peek(p) == '$' || (quoted && peek(p) == '"')))
            c = next(p);
        buf_add(&text, c);
    }
    buf_add(&text, ')'); /* makes the end look like that of $(...) */
    if (!p->failed && parse_enter(p)) {
        struct source inner = {.text = text.s, .len = text.len, .fd = -1, .line = line}, *outer = p->src;
        flush_text(p, b);
        p->src = &inner;
        add_part(p, b, PART_COMMAND, quoted)->body = parse_until_paren(p);
        p->src = outer;
        p->depth--;
    }
    buf_free(&text);
}

/* A backslash within double quotes or a here-document: it quotes only what would be special there. */
static void lex_quoted_backslash(struct parser *p, struct builder *b, bool in_quotes)
{
    int c = peek(p);
    if (c == '\n') {
        next(p);
    } else if (c == '$' || c == '`' || c == '\\' || (c == '"' && in_quotes)) {
        add_char(p, b, next(p), true);
    } else {
        add_char(p, b, '\\', true);
    }
}

/* Quotes with nothing between them make a word, too: an empty one. */
static void end_quotes(struct parser *p, struct builder *b, struct part **before)
{
    flush_text(p, b);
    if (b->tail == before)
        add_part(p, b, PART_TEXT, true)->text = "";
}

static void lex_double_quotes(struct parser *p, struct builder *b)
{
    int c, line = p->src->line;
    flush_text(p, b);
    struct part **before = b->tail;
    while ((c = next(p)) != '"') {
        if (c < 0) {
            p->src->line = line;
            syntax_error(p, "unterminated \"");
            return;
        }
        if (c == '\\')
            lex_quoted_backslash(p, b, true);
        else if (c == '$')
            lex_dollar(p, b, true);
        else if (c == '`')
            lex_backquote(p, b, true);
        else
            add_char(p, b, c, true);
    }
    end_quotes(p, b, before);
}

static void lex_single_quotes(struct parser *p, struct builder *b)
{
    int c, line = p->src->line;
    flush_text(p, b);
    struct part **before = b->tail;
    while ((c = next(p)) != '\'') {
        if (c < 0) {
            p->src->line = line;
            syntax_error(p, "unterminated '");
            return;
        }
        add_char(p, b, c, true);
    }
    end_quotes(p, b, before);
}

/* A character that means the same in words and in ${x:-...}: false if it is none of those. */
static bool lex_special(struct parser *p, struct builder *b, int c)
{
    if (c == '\\') {
        c = next(p);
        if (c != '\n')
            add_char(p, b, c < 0 ? '\\' : c, true);
    } else if (c == '\'') {
        lex_single_quotes(p, b);
    } else if (c == '"') {
        lex_double_quotes(p, b);
    } else if (c == '`') {
        lex_backquote(p, b, false);
    } else if (c == '$') {
        lex_dollar(p, b, false);
    } else {
        return false;
    }
    return true;
}

/* The w of ${x:-w}, to the closing brace. Inside double quotes, single quotes are characters as any other. */
static struct word *lex_param_word(struct parser *p, bool quoted)
{
    struct builder b;
    int c, line = p->src->line;
    builder_init(p, &b);
    while ((c = next(p)) != '}') {
        if (c < 0) {
            p->src->line = line;
            syntax_error(p, "unterminated ${");
            break;
        }
        if (quoted && c == '\'')
            add_char(p, &b, c, true);
        else if (quoted && c == '\\' && peek(p) == '}')
            add_char(p, &b, next(p), true);
        else if (quoted && c == '\\')
            lex_quoted_backslash(p, &b, true);
        else if (quoted && c == '$')
            lex_dollar(p, &b, true);
        else if (!lex_special(p, &b, c))
            add_char(p, &b, c, quoted);
    }
    return finish(p, &b);
}

static bool is_special_param(int c)
{
    return c > 0 && strchr("@*#?$!-", c);
}

/* A parameter's name: a variable's, a number, or one of the special characters. Empty when there is none. */
static const char *lex_param_name(struct parser *p, bool braces)
{
    struct buf name = {0};
    if (is_special_param(peek(p)) || (!braces && isdigit(peek(p)))) {
        buf_add(&name, next(p));
    } else if (isdigit(peek(p))) {
        while (isdigit(peek(p)))
            buf_add(&name, next(p));
    } else {
        while (peek(p) == '_' || (peek(p) < 128 && isalnum(peek(p))))
            buf_add(&name, next(p));
    }
    const char *text = arena_dup(p->arena, name.s ? name.s : "", name.len);
    buf_free(&name);
    return text;
}

/* After "${". */
static void lex_braces(struct parser *p, struct part *part)
{
    if (accept(p, '#')) {
        part->op = 'n';
        if (peek(p) == '}') /* ${#} is $# */
            part->op = 0, part->text = "#";
        else
            part->text = lex_param_name(p, true);
    } else {
        part->text = lex_param_name(p, true);
    }
    if (part->text[0] == '\0') {
        syntax_error(p, "bad substitution");
    } else if (!accept(p, '}')) {
        part->colon = accept(p, ':');
        int c = next(p);
        if (c < 0 || part->op || !strchr(part->colon ? "-=?+" : "-=?+#%", c)) {
            syntax_error(p, c < 0 ? "unterminated ${" : "bad substitution");
            return;
        }
        if ((c == '#' || c == '%') && accept(p, c))
            c = c == '#' ? 'L' : 'R';
        part->op = c;
        /* Patterns keep their quotes' meaning also inside double quotes. */
        part->arg = lex_param_word(p, part->quoted && strchr("-=?+", c));
    }
}

/* After "$((": everything to the matching "))", expanded as if in double quotes, is the expression. */
static struct word *lex_arith(struct parser *p)
{
    struct builder b;
    int c, open = 0, line = p->src->line;
    builder_init(p, &b);
    while ((c = next(p)) != ')' || open > 0) {
        if (c < 0)
            break;
        if (c == '$') {
            lex_dollar(p, &b, true);
        } else if (c == '`') {
            lex_backquote(p, &b, true);
        } else {
            open += (c == '(') - (c == ')');
            add_char(p, &b, c, true);
        }
    }
    if (c < 0 || !accept(p, ')')) {
        p->src->line = line;
        syntax_error(p, "unterminated $((");
    }
    return finish(p, &b);
}

/* After '$'. */
static void lex_dollar(struct parser *p, struct builder *b, bool quoted)
{
    int c = peek(p);
    if (c != '{' && c != '(' && c != '_' && !is_special_param(c) && !(c > 0 && c < 128 && isalnum(c))) {
        add_char(p, b, '$', quoted);
        return;
    }
    if (!parse_enter(p))
        return;
    flush_text(p, b);
    if (accept(p, '(')) {
        if (accept(p, '('))
            add_part(p, b, PART_ARITH, quoted)->arg = lex_arith(p);
        else
            add_part(p, b, PART_COMMAND, quoted)->body = parse_until_paren(p);
    } else {
        struct part *part = add_part(p, b, PART_PARAM, quoted);
        if (accept(p, '{'))
            lex_braces(p, part);
        else
            part->text = lex_param_name(p, false);
    }
    p->depth--;
}

struct word *lex_string(struct parser *p, struct source *src)
{
    struct source *outer = p->src;
    struct builder b;
    int c;
    builder_init(p, &b);
    p->src = src;
    while ((c = next(p)) >= 0) {
        if (c == '\\')
            lex_quoted_backslash(p, &b, false);
        else if (c == '$')
            lex_dollar(p, &b, true);
        else if (c == '`')
            lex_backquote(p, &b, true);
        else
            add_char(p, &b, c, true);
    }
    p->src = outer;
    return finish(p, &b);
}

const char *word_plain(const struct word *w)
{
    const struct part *part = w->parts;
    return part && !part->next && part->kind == PART_TEXT && !part->quoted ? part->text : NULL;
}

/* ---- here-documents ---- */

/* A delimiter's text with the quotes gone; *quoted tells whether there were any. */
static const char *delimiter_text(struct parser *p, const struct word *w, bool *quoted)
{
    struct buf text = {0};
    for (const struct part *part = w->parts; part; part = part->next) {
        if (part->kind != PART_TEXT)
            syntax_error(p, "bad delimiter of a here-document");
        else
            buf_puts(&text, part->text);
        *quoted |= part->quoted;
    }
    const char *s = arena_dup(p->arena, text.s ? text.s : "", text.len);
    buf_free(&text);
    return s;
}

static void read_here_document(struct parser *p, struct redir *r)
{
    struct buf text = {0}, line = {0};
    int c = 0, first_line = p->src->line;
    r->delimiter = delimiter_text(p, r->word, &r->literal);
    while (c >= 0) {
        line.len = 0;
        while (r->strip_tabs && accept(p, '\t'))
            ;
        while ((c = next(p)) >= 0 && c != '\n')
            buf_add(&line, c);
        if (strcmp(buf_text(&line), r->delimiter) == 0)
            break;
        buf_append(&text, line.s, line.len);
        if (c >= 0)
            buf_add(&text, '\n');
    }
    struct source inner = {.text = buf_text(&text), .len = text.len, .fd = -1, .line = first_line};
    if (r->literal) {
        r->word = arena_alloc(p->arena, sizeof(*r->word));
        r->word->parts = arena_alloc(p->arena, sizeof(*r->word->parts));
        r->word->parts->quoted = true;
        r->word->parts->text = arena_dup(p->arena, text.s, text.len);
    } else {
        r->word = lex_string(p, &inner);
    }
    buf_free(&text);
    buf_free(&line);
}

/* ---- tokens ---- */

static bool ends_word(int c)
{
    return c < 0 || strchr(" \t\n;&|<>()", c);
}

/* After the '<' or '>' that c is; fd is the number before it, or -1. */
static void lex_redirection(struct parser *p, int c, int fd)
{
    struct redir *r = arena_alloc(p->arena, sizeof(*r));
    r->fd = fd >= 0 ? fd : c == '>';
    if (c == '>') {
        r->kind = accept(p, '>') ? REDIR_APPEND : accept(p, '&') ? REDIR_DUP : REDIR_OUT;
        if (r->kind == REDIR_OUT)
            accept(p, '|');
    } else if (accept(p, '<')) {
        r->kind = REDIR_HERE;
        r->strip_tabs = accept(p, '-');
    } else {
        r->kind = accept(p, '&') ? REDIR_DUP : accept(p, '>') ? REDIR_RDWR : REDIR_IN;
    }
    p->tok = T_REDIR;
    p->redir = r;
}

static void lex_word(struct parser *p)
{
    struct builder b;
    builder_init(p, &b);
    while (!ends_word(peek(p))) {
        int c = next(p);
        if (!lex_special(p, &b, c))
            add_char(p, &b, c, false);
    }
    p->tok = T_WORD;
    p->word = finish(p, &b);
    const char *text = word_plain(p->word);
    if (text && (peek(p) == '<' || peek(p) == '>') && isdigit((unsigned char)text[0]) && text[1] == '\0')
        lex_redirection(p, next(p), text[0] - '0');
}

void lex_next(struct parser *p)
{
    int c = peek(p);
    while (c == ' ' || c == '\t' || c == '\\') {
        if (c == '\\') { /* only before a newline is it white space */
            if (p->src->pos + 1 >= p->src->len || p->src->text[p->src->pos + 1] != '\n')
                break;
            next(p);
        }
        next(p);
        c = peek(p);
    }
    if (c == '#')
        while ((c = peek(p)) >= 0 && c != '\n')
            next(p);
    if (!ends_word(c)) {
        lex_word(p);
    } else {
        next(p);
        switch (c) {
        case '\n':
            for (; p->here && !p->failed; p->here = p->here->next_here)
                read_here_document(p, p->here);
            p->tok = T_NEWLINE;
            break;
        case ';':
            p->tok = accept(p, ';') ? T_DSEMI : T_SEMI;
            break;
        case '&':
            p->tok = accept(p, '&') ? T_ANDAND : T_AMP;
            break;
        case '|':
            p->tok = accept(p, '|') ? T_OROR : T_PIPE;
            break;
        case '(':
            p->tok = T_LPAREN;
            break;
        case ')':
            p->tok = T_RPAREN;
            break;
        case '<':
        case '>':
            lex_redirection(p, c, -1);
            break;
        default:
            p->tok = T_EOF;
        }
    }
    if (p->failed)
        p->tok = T_EOF;
}
