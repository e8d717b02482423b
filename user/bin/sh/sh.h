/* The shell's parts and what they promise to each other.
 *
 *   main.c     start-up, the loop "read a command, run it", where the text of commands comes from
 *   lex.c      characters into tokens; a word becomes a list of parts (text, $x, $(...), $((...)))
 *   parse.c    tokens into a tree, by recursive descent
 *   expand.c   the parts of a word into the strings that a program gets; arith.c does $((...))
 *   glob.c     * ? [...]: file names that match
 *   exec.c     runs the tree: simple commands, pipelines, compound commands
 *   redir.c    redirections
 *   job.c      processes: starting them in groups, waiting for them
 *   builtin.c  commands that must run inside the shell, or are faster there; printf.c, read.c and test.c are
 * some var.c      variables and memory edit.c     the line editor
 *
 * Memory: a command's tree lives in an arena of its own and goes when the command is done (unless it defined
 * a function). What expansion makes lives in the arena `scratch` and goes when its simple command is done.
 *
 * Leaving nested constructs: there is no longjmp. break, continue, return, ^C and errors set shell.unwind,
 * and everything that runs commands in a row stops when it is not UNWIND_NONE. The parser does likewise:
 * after the first error every token is T_EOF. */
#pragma once
#include "user/lode.h"

/* ---- memory (var.c); running out of it ends the shell with a message ---- */
struct arena {
    struct chunk *top;
};
struct arena_mark {
    struct chunk *top;
    size_t used;
};
extern struct arena scratch;
void *arena_alloc(struct arena *a, size_t size); /* zeroed */
char *arena_dup(struct arena *a, const char *s, size_t len);
struct arena_mark arena_mark(struct arena *a);
void arena_release(struct arena *a, struct arena_mark mark); /* a zeroed mark: everything */
char *xstrdup(const char *s);

struct buf { /* a growing string; all zeros is the empty one */
    char *s;
    size_t len, cap;
};
void buf_add(struct buf *b, char c);
void buf_append(struct buf *b, const char *s, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_number(struct buf *b, long n);
char *buf_text(struct buf *b); /* NUL-terminated, valid until the next change */
void buf_free(struct buf *b);

/* ---- the tree ---- */
enum part_kind { PART_TEXT, PART_PARAM, PART_COMMAND, PART_ARITH };
struct part {
    struct part *next;
    enum part_kind kind;
    bool quoted;       /* no splitting, no patterns */
    bool colon;        /* ${x:-w}, not ${x-w} */
    char op;           /* ${x op w}: one of - = ? + # % L (## is L) R (%% is R) n (${#x}), or 0 */
    const char *text;  /* the text, or the variable's name */
    struct word *arg;  /* w, or the expression */
    struct node *body; /* of $(...) */
};
struct word {
    struct word *next;
    struct part *parts;
};
enum redir_kind { REDIR_IN, REDIR_OUT, REDIR_APPEND, REDIR_RDWR, REDIR_DUP, REDIR_HERE };
struct redir {
    struct redir *next;
    enum redir_kind kind;
    int fd;
    struct word *word;        /* the file, the descriptor, or the here-document's text */
    const char *delimiter;    /* of a here-document */
    bool strip_tabs, literal; /* <<-, and << with a quoted delimiter */
    struct redir *next_here;  /* the parser's list of those whose text is still to come */
};
enum node_kind {
    NODE_SIMPLE,     /* assigns, words */
    NODE_PIPE,       /* left: the stages, linked by next */
    NODE_ANDOR,      /* left: the commands, linked by next; join says how each hangs on those before */
    NODE_LIST,       /* left: the commands, linked by next */
    NODE_BACKGROUND, /* left */
    NODE_NOT,        /* left */
    NODE_SUBSHELL,   /* left */
    NODE_GROUP,      /* left */
    NODE_IF,         /* left: condition, right: then, third: else or NULL */
    NODE_WHILE,      /* left: condition, right: body */
    NODE_UNTIL,
    NODE_FOR,      /* name, words, right: body; has_in: false means "$@" */
    NODE_CASE,     /* words: the subject; left: NODE_ARMs linked by next */
    NODE_ARM,      /* words: patterns, right: body or NULL */
    NODE_FUNCTION, /* name, left: body */
};
struct node {
    enum node_kind kind;
    struct node *next, *left, *right, *third;
    struct word *assigns, *words;
    struct redir *redirs;
    const char *name;
    char join; /* '&' or '|' */
    bool has_in;
};

/* ---- where commands come from (main.c) ---- */
struct source {
    const char *text; /* what has been read and not consumed: text[pos .. len) */
    size_t pos, len;
    int fd;           /* more text comes from here; -1: there is no more */
    bool shared;      /* standard input: take no byte after the line, commands read it, too */
    bool interactive; /* lines come from the editor */
    bool continued;   /* inside a command: prompt with "> " */
    bool ended;       /* the editor has said so: do not ask again for this command */
    bool interrupted; /* by ^C while it was typed: nothing of it is to run */
    int line;
    struct buf buf;
};
bool source_refill(struct source *s);        /* false: end of file */
int source_run(struct source *s, bool last); /* reads and runs everything; last: the process ends then */
int run_string(const char *text, bool last);
int run_file(const char *path);                        /* -1: it cannot be opened, errno says why */
void shell_exit(int status) __attribute__((noreturn)); /* with the EXIT trap */
void complain(const char *fmt, ...);                   /* "sh: line N: ..." to descriptor 2 */
void shell_error(const char *fmt, ...); /* complain, then give up the whole command; a script ends */

enum unwind { UNWIND_NONE, UNWIND_BREAK, UNWIND_CONTINUE, UNWIND_RETURN, UNWIND_TOP };
struct params { /* $1 ... */
    char **v;
    int n;
    char **owned; /* the block to free, when `set` made it: v may have been shifted on */
};
struct shell {
    bool interactive;
    bool errexit, xtrace, nounset, noglob; /* set -e -x -u -f */
    int conditions;                        /* > 0: inside a condition, where set -e does not apply */
    int status;                            /* $? */
    int pid;                               /* $$ */
    int background;                        /* $! */
    int loops, calls;                      /* nesting of loops and of functions: break and return need some */
    int depth;                             /* nesting of run_node */
    enum unwind unwind;
    int unwind_loops; /* loops that break or continue has still to leave */
    const char *name; /* $0 */
    struct params params;
    char *exit_trap;
    bool kept_tree; /* the command being run has defined a function */
};
extern struct shell shell;

/* ---- lex.c, parse.c ---- */
enum token {
    T_EOF,
    T_NEWLINE,
    T_WORD,
    T_REDIR,
    T_SEMI,
    T_DSEMI,
    T_AMP,
    T_ANDAND,
    T_PIPE,
    T_OROR,
    T_LPAREN,
    T_RPAREN,
};
struct parser {
    struct source *src;
    struct arena *arena;
    enum token tok;
    struct word *word;   /* of T_WORD */
    struct redir *redir; /* of T_REDIR, its word still missing */
    struct redir *here;  /* here-documents whose text begins after the next newline */
    int depth;
    bool failed;
};
#define PARSE_DEPTH_MAX 1000 /* constructs inside each other */
#define RUN_DEPTH_MAX   4000 /* nodes inside each other, functions' bodies included: below 8 MB of stack */
void lex_next(struct parser *p);
struct word *lex_string(struct parser *p, struct source *src); /* text as within double quotes */
const char *word_plain(const struct word *w); /* the text of a word without quotes and $, else NULL */
const char *token_text(const struct parser *p);
void syntax_error(struct parser *p, const char *fmt, ...);
bool parse_enter(struct parser *p);        /* false, with an error: nested too deeply. Undone by p->depth-- */
struct node *parse_line(struct parser *p); /* one line with all that belongs to it; NULL: empty, or failed */
struct node *parse_until_paren(struct parser *p); /* the commands of $(...), to the closing one */

/* ---- expand.c, arith.c, glob.c: results live in scratch ---- */
enum expand_mode { EXPAND_TEXT, EXPAND_PATTERN }; /* PATTERN: quoted * ? [ \ get a backslash */
char **expand_words(const struct word *list, int *count);
char *expand_string(const struct word *w, enum expand_mode mode); /* one string, no splitting */
bool arith_eval(const char *expr, long *result); /* false, with shell_error: not an expression */
bool pattern_has_magic(const char *pattern);
void pattern_unescape(char *pattern);
int glob_expand(const char *pattern, char ***names); /* sorted; 0: nothing matches */

/* ---- exec.c ---- */
int run_node(struct node *n, bool last);
int run_command(char **argv, bool last); /* a program, in a child unless last */
void exec_program(char **argv) __attribute__((noreturn));
char *path_search(const char *name);     /* the file that would be executed, in scratch; or NULL */
char *command_output(struct node *body); /* of $(...), newlines at the end taken off; in scratch */

/* ---- redir.c ---- */
#define SHELL_FDS 10 /* the shell's own descriptors begin here, above those that scripts use */
struct saved_fd;
bool redirect(struct redir *list, struct saved_fd **saved); /* saved NULL: for good */
void redirect_undo(struct saved_fd *saved);
bool move_fd(int from, int to); /* makes it known as `to`, open across exec, and closes `from` */

/* ---- job.c ---- */
struct group { /* the processes of a pipeline that is being started */
    int pgid;  /* 0: none yet */
    bool background;
};
extern volatile bool jobs_interrupted; /* ^C came while the shell itself was in the foreground */
void jobs_init(void);       /* interactive: take the terminal, ignore its signals */
int spawn(struct group *g); /* fork, for a process of g; NULL: stay in the shell's group. As fork */
int wait_child(int pid);    /* its exit status, or 128 + signal */
/* Gives g the terminal until its processes have ended: the last one's status. */
int wait_foreground(const struct group *g, const int *pids, int count);
void jobs_add(int pid, bool job);                /* a background process; job: the last one of its pipeline */
int wait_background(int pid);                    /* its status; 127 if it is no child; pid 0: all of them */
void jobs_report(void);                          /* tell about background jobs that have ended */
void jobs_print(void);

/* ---- builtin.c, printf.c, read.c, test.c ---- */
struct builtin {
    const char *name;
    int (*run)(int argc, char **argv);
};
extern const struct builtin builtins[]; /* ends with a NULL name */
const struct builtin *builtin_find(const char *name);
int test_main(int argc, char **argv); /* argv[0] is "[" or anything else */
int run_printf(int argc, char **argv);
int run_read(int argc, char **argv);
int bad_usage(const char *text); /* "usage: text"; 2 */
int emit(const char *name,
         struct buf *out); /* writes and frees what command `name` has to say; 1 on failure */

/* ---- var.c ---- */
struct var {
    struct var *next;
    char *value; /* NULL: not set, only marked for export */
    bool exported, readonly;
    char name[];
};
struct function {
    struct function *next;
    struct node *body;
    char name[];
};
size_t name_length(const char *s);     /* of the variable name that s begins with; 0: none */
const char *var_get(const char *name); /* or NULL */
struct var *var_find(const char *name, bool create);
bool var_set(const char *name, const char *value); /* false, with shell_error: read-only */
void var_unset(const char *name);
void var_import(char **env);
char **var_environment(void); /* name=value of the exported ones, in scratch */
void var_each(void (*visit)(struct var *v));
struct function *function_find(const char *name);
void function_define(const char *name, struct node *body); /* body NULL: forget it */
void locals_add(const char *name); /* its present value comes back with locals_restore */
size_t locals_mark(void);
void locals_restore(size_t mark);

/* ---- edit.c ---- */
enum edit_result { EDIT_LINE, EDIT_EOF, EDIT_INTERRUPTED };
enum edit_result edit_line(const char *prompt, struct buf *line); /* LINE: with its newline in *line */
void edit_repair_terminal(void); /* a program died and may have left the terminal in its own mode */
