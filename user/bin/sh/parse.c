/* Tokens into a tree, by recursive descent: one function for each rule.
 *
 *   list      = andor { (";" | "&" | newline) andor }
 *   andor     = pipeline { ("&&" | "||") newlines pipeline }
 *   pipeline  = ["!"] command { "|" newlines command }
 *   command   = compound { redirection } | name "(" ")" newlines command | simple
 *   compound  = "(" list ")" | "{" list "}" | "if" ... "fi" | "while" | "until" | "for" | "case"
 *
 * A function is entered with the first token of its rule in p->tok and leaves the first token after it there.
 * Words such as "then" are reserved only where a command may begin; p->tok is T_WORD for them.
 *
 * After an error all tokens are T_EOF, so every loop ends and every rule returns something; the caller of
 * parse_line looks at p->failed and throws the tree away. */
#include "sh.h"

static struct node *parse_list(struct parser *p);
static struct node *parse_command(struct parser *p);

void syntax_error(struct parser *p, const char *fmt, ...)
{
    va_list ap;
    char message[128];
    if (p->failed)
        return;
    va_start(ap, fmt);
    vsnprintf(message, sizeof(message), fmt, ap);
    va_end(ap);
    if (p->src->interrupted)
        ; /* it was not meant to be a command */
    else if (p->src->interactive)
        fprintf(2, "sh: syntax error: %s\n", message);
    else
        fprintf(2, "sh: line %d: syntax error: %s\n", p->src->line, message);
    p->failed = true;
    p->tok = T_EOF;
}

bool parse_enter(struct parser *p)
{
    if (++p->depth <= PARSE_DEPTH_MAX)
        return true;
    p->depth--;
    syntax_error(p, "constructs nested too deeply");
    return false;
}

const char *token_text(const struct parser *p)
{
    static const char *const names[] = {"end of file", "newline", "",  "redirection", ";", ";;",
                                        "&",           "&&",      "|", "||",          "(", ")"};
    if (p->tok != T_WORD)
        return names[p->tok];
    return word_plain(p->word) ? word_plain(p->word) : "word";
}

static void unexpected(struct parser *p)
{
    syntax_error(p, "unexpected %s", token_text(p));
}

static struct node *new_node(struct parser *p, enum node_kind kind)
{
    struct node *n = arena_alloc(p->arena, sizeof(*n));
    n->kind = kind;
    return n;
}

static bool at_word(const struct parser *p, const char *text)
{
    const char *s = p->tok == T_WORD ? word_plain(p->word) : NULL;
    return s && strcmp(s, text) == 0;
}

/* A word that ends a list when it stands where a command may begin. */
static bool at_list_end(const struct parser *p)
{
    static const char *const enders[] = {"then", "else", "elif", "fi", "do", "done", "esac", "}"};
    for (size_t i = 0; i < sizeof(enders) / sizeof(enders[0]); i++)
        if (at_word(p, enders[i]))
            return true;
    return p->tok == T_EOF || p->tok == T_RPAREN || p->tok == T_DSEMI;
}

static void expect_word(struct parser *p, const char *text)
{
    if (at_word(p, text))
        lex_next(p);
    else
        syntax_error(p, "unexpected %s, expecting %s", token_text(p), text);
}

static void expect_token(struct parser *p, enum token tok)
{
    if (p->tok == tok)
        lex_next(p);
    else
        unexpected(p);
}

static void skip_newlines(struct parser *p)
{
    while (p->tok == T_NEWLINE)
        lex_next(p);
}

/* A list that must not be empty, newlines before it allowed. */
static struct node *parse_body(struct parser *p)
{
    skip_newlines(p);
    if (at_list_end(p))
        unexpected(p);
    return parse_list(p);
}

static bool parse_redirection(struct parser *p, struct redir ***tail)
{
    if (p->tok != T_REDIR)
        return false;
    struct redir *r = p->redir;
    lex_next(p);
    if (p->tok != T_WORD) {
        unexpected(p);
        return false;
    }
    r->word = p->word;
    if (r->kind == REDIR_HERE) {
        struct redir **here = &p->here;
        while (*here)
            here = &(*here)->next_here;
        *here = r;
    }
    **tail = r;
    *tail = &r->next;
    lex_next(p); /* last: it may read the here-document */
    return true;
}

/* Is the word of the form name=...? The quotes may begin only after the '='. */
static bool is_assignment(const struct word *w)
{
    const struct part *part = w->parts;
    if (!part || part->kind != PART_TEXT || part->quoted)
        return false;
    size_t n = name_length(part->text);
    return n > 0 && part->text[n] == '=';
}

static struct node *parse_function(struct parser *p, const char *name)
{
    struct node *n = new_node(p, NODE_FUNCTION);
    lex_next(p);
    expect_token(p, T_RPAREN);
    skip_newlines(p);
    if (!name || name_length(name) != strlen(name))
        syntax_error(p, "bad function name");
    n->name = name;
    n->left = parse_command(p);
    return n;
}

static struct node *parse_simple(struct parser *p)
{
    struct node *n = new_node(p, NODE_SIMPLE);
    struct word **words = &n->words, **assigns = &n->assigns;
    struct redir **redirs = &n->redirs;
    for (;;) {
        if (p->tok == T_WORD) {
            struct word ***tail = !n->words && is_assignment(p->word) ? &assigns : &words;
            **tail = p->word;
            *tail = &p->word->next;
            lex_next(p);
        } else if (p->tok == T_LPAREN && n->words && !n->words->next && !n->redirs && !n->assigns) {
            return parse_function(p, word_plain(n->words));
        } else if (!parse_redirection(p, &redirs)) {
            break;
        }
    }
    if (!n->words && !n->assigns && !n->redirs)
        unexpected(p);
    return n;
}

/* From the token after "if" or "elif" to the "fi". */
static struct node *parse_if(struct parser *p)
{
    struct node *n = new_node(p, NODE_IF);
    n->left = parse_body(p);
    expect_word(p, "then");
    n->right = parse_body(p);
    if (at_word(p, "elif")) {
        if (!parse_enter(p))
            return n;
        lex_next(p);
        n->third = parse_if(p);
        p->depth--;
        return n;
    }
    if (at_word(p, "else")) {
        lex_next(p);
        n->third = parse_body(p);
    }
    expect_word(p, "fi");
    return n;
}

static struct node *parse_do(struct parser *p)
{
    expect_word(p, "do");
    struct node *body = parse_body(p);
    expect_word(p, "done");
    return body;
}

static struct node *parse_for(struct parser *p)
{
    struct node *n = new_node(p, NODE_FOR);
    struct word **tail = &n->words;
    n->name = p->tok == T_WORD ? word_plain(p->word) : NULL;
    if (!n->name || name_length(n->name) != strlen(n->name)) {
        syntax_error(p, "bad variable name after for");
        return n;
    }
    lex_next(p);
    skip_newlines(p);
    n->has_in = at_word(p, "in");
    if (n->has_in) {
        for (lex_next(p); p->tok == T_WORD; lex_next(p)) {
            *tail = p->word;
            tail = &p->word->next;
        }
    }
    if (p->tok == T_SEMI)
        lex_next(p);
    skip_newlines(p);
    n->right = parse_do(p);
    return n;
}

static struct node *parse_arm(struct parser *p)
{
    struct node *arm = new_node(p, NODE_ARM);
    struct word **tail = &arm->words;
    if (p->tok == T_LPAREN)
        lex_next(p);
    for (;;) {
        if (p->tok != T_WORD) {
            unexpected(p);
            return arm;
        }
        *tail = p->word;
        tail = &p->word->next;
        lex_next(p);
        if (p->tok != T_PIPE)
            break;
        lex_next(p);
    }
    expect_token(p, T_RPAREN);
    skip_newlines(p);
    if (!at_list_end(p))
        arm->right = parse_list(p);
    if (p->tok == T_DSEMI)
        lex_next(p);
    else if (!at_word(p, "esac"))
        unexpected(p);
    skip_newlines(p);
    return arm;
}

static struct node *parse_case(struct parser *p)
{
    struct node *n = new_node(p, NODE_CASE), **tail = &n->left;
    if (p->tok != T_WORD) {
        unexpected(p);
        return n;
    }
    n->words = p->word;
    lex_next(p);
    skip_newlines(p);
    expect_word(p, "in");
    skip_newlines(p);
    while (!p->failed && !at_word(p, "esac")) {
        *tail = parse_arm(p);
        tail = &(*tail)->next;
    }
    expect_word(p, "esac");
    return n;
}

/* A compound command; NULL when the token begins none. */
static struct node *parse_compound(struct parser *p)
{
    struct node *n = NULL;
    if (p->tok == T_LPAREN) {
        lex_next(p);
        n = new_node(p, NODE_SUBSHELL);
        n->left = parse_body(p);
        expect_token(p, T_RPAREN);
    } else if (at_word(p, "{")) {
        lex_next(p);
        n = new_node(p, NODE_GROUP);
        n->left = parse_body(p);
        expect_word(p, "}");
    } else if (at_word(p, "if")) {
        lex_next(p);
        n = parse_if(p);
    } else if (at_word(p, "while") || at_word(p, "until")) {
        n = new_node(p, at_word(p, "while") ? NODE_WHILE : NODE_UNTIL);
        lex_next(p);
        n->left = parse_body(p);
        n->right = parse_do(p);
    } else if (at_word(p, "for")) {
        lex_next(p);
        n = parse_for(p);
    } else if (at_word(p, "case")) {
        lex_next(p);
        n = parse_case(p);
    }
    return n;
}

static struct node *parse_command(struct parser *p)
{
    if (at_list_end(p) || !parse_enter(p)) {
        unexpected(p);
        return new_node(p, NODE_SIMPLE);
    }
    struct node *n = parse_compound(p);
    if (n) {
        struct redir **tail = &n->redirs;
        while (parse_redirection(p, &tail))
            ;
    } else {
        n = parse_simple(p);
    }
    p->depth--;
    return n;
}

static struct node *parse_pipeline(struct parser *p)
{
    bool negate = false;
    while (at_word(p, "!")) {
        negate = !negate;
        lex_next(p);
    }
    struct node *n = parse_command(p);
    if (p->tok == T_PIPE) {
        struct node *pipeline = new_node(p, NODE_PIPE), **tail = &n->next;
        pipeline->left = n;
        while (p->tok == T_PIPE) {
            lex_next(p);
            skip_newlines(p);
            *tail = parse_command(p);
            tail = &(*tail)->next;
        }
        n = pipeline;
    }
    if (negate) {
        struct node *not = new_node(p, NODE_NOT);
        not ->left = n;
        n = not ;
    }
    return n;
}

static struct node *parse_andor(struct parser *p)
{
    struct node *n = parse_pipeline(p);
    if (p->tok != T_ANDAND && p->tok != T_OROR)
        return n;
    struct node *chain = new_node(p, NODE_ANDOR), **tail = &n->next;
    chain->left = n;
    while (p->tok == T_ANDAND || p->tok == T_OROR) {
        char join = p->tok == T_ANDAND ? '&' : '|';
        lex_next(p);
        skip_newlines(p);
        *tail = parse_pipeline(p);
        (*tail)->join = join;
        tail = &(*tail)->next;
    }
    return chain;
}

/* One command of a list, with the ";" or "&" after it. */
static struct node *parse_item(struct parser *p)
{
    struct node *n = parse_andor(p);
    if (p->tok == T_AMP) {
        struct node *background = new_node(p, NODE_BACKGROUND);
        background->left = n;
        n = background;
        lex_next(p);
    } else if (p->tok == T_SEMI) {
        lex_next(p);
    } else if (p->tok != T_NEWLINE && !at_list_end(p)) {
        unexpected(p);
    }
    return n;
}

/* A single command needs no node around it. */
static struct node *make_list(struct parser *p, struct node *first)
{
    if (!first->next)
        return first;
    struct node *n = new_node(p, NODE_LIST);
    n->left = first;
    return n;
}

static struct node *parse_list(struct parser *p)
{
    struct node *first = NULL, **tail = &first;
    do {
        *tail = parse_item(p);
        tail = &(*tail)->next;
        skip_newlines(p);
    } while (!at_list_end(p));
    return make_list(p, first);
}

struct node *parse_until_paren(struct parser *p)
{
    struct redir *here = p->here;
    struct node *n = NULL;
    p->here = NULL;
    lex_next(p);
    skip_newlines(p);
    if (p->tok != T_RPAREN)
        n = parse_list(p);
    if (p->tok != T_RPAREN)
        syntax_error(p, "unexpected %s, expecting )", token_text(p));
    p->here = here;
    return n;
}

struct node *parse_line(struct parser *p)
{
    struct node *first = NULL, **tail = &first;
    lex_next(p);
    while (p->tok != T_NEWLINE && p->tok != T_EOF) {
        *tail = parse_item(p);
        tail = &(*tail)->next;
        if (p->tok != T_NEWLINE && at_list_end(p) && p->tok != T_EOF)
            unexpected(p);
    }
    return first && !p->failed ? make_list(p, first) : NULL;
}
