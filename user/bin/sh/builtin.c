/* Built-in commands: those that change the shell itself, and a few that scripts use so often that a process
 * for each would be felt (echo, test, printf, true, false). Each is a function like main. */
#include "sh.h"

int bad_usage(const char *text)
{
    fprintf(2, "usage: %s\n", text);
    return 2;
}

int emit(const char *name, struct buf *b)
{
    int failed = b->len > 0 && write_all(1, b->s, b->len) < 0;
    if (failed)
        complain("%s: write error: %s", name, strerror(errno));
    buf_free(b);
    return failed;
}

static int run_true(int argc, char **argv)
{
    (void)argc, (void)argv;
    return 0;
}

static int run_false(int argc, char **argv)
{
    (void)argc, (void)argv;
    return 1;
}

static int run_echo(int argc, char **argv)
{
    struct buf out = {0};
    bool newline = argc < 2 || strcmp(argv[1], "-n") != 0;
    for (int i = newline ? 1 : 2; i < argc; i++) {
        buf_puts(&out, argv[i]);
        if (i < argc - 1)
            buf_add(&out, ' ');
    }
    if (newline)
        buf_add(&out, '\n');
    return emit("echo", &out);
}

/* ---- directories ---- */

static int run_pwd(int argc, char **argv)
{
    char path[512];
    struct buf out = {0};
    (void)argc, (void)argv;
    if (!getcwd(path, sizeof(path))) {
        complain("pwd: %s", strerror(errno));
        return 1;
    }
    buf_puts(&out, path);
    buf_add(&out, '\n');
    return emit("pwd", &out);
}

static int run_cd(int argc, char **argv)
{
    char path[512];
    const char *to = argc > 1 ? argv[1] : var_get("HOME");
    bool back = argc > 1 && strcmp(argv[1], "-") == 0;
    if (argc > 2)
        return bad_usage("cd [DIRECTORY | -]");
    if (back)
        to = var_get("OLDPWD");
    if (!to) {
        complain("cd: %s not set", back ? "OLDPWD" : "HOME");
        return 1;
    }
    bool known = getcwd(path, sizeof(path)) != NULL;
    if (chdir(to) < 0) {
        complain("cd: %s: %s", to, strerror(errno));
        return 1;
    }
    if (back)
        printf("%s\n", to);
    if (known)
        var_set("OLDPWD", path);
    if (getcwd(path, sizeof(path)))
        var_set("PWD", path);
    return 0;
}

/* ---- leaving ---- */

/* The number in argv[1], or `otherwise` when there is none; false with a message: it is not one. */
static bool number_argument(int argc, char **argv, int64_t otherwise, int64_t *n)
{
    *n = otherwise;
    if (argc < 2 || parse_number(argv[1], n))
        return true;
    shell_error("%s: %s: not a number", argv[0], argv[1]);
    return false;
}

static int run_exit(int argc, char **argv)
{
    int64_t n;
    if (!number_argument(argc, argv, shell.status, &n))
        return 2;
    shell_exit(n & 0xff);
}

static int run_return(int argc, char **argv)
{
    int64_t n;
    if (!number_argument(argc, argv, shell.status, &n))
        return 2;
    if (shell.calls == 0) {
        complain("return: not in a function or a sourced file");
        return 1;
    }
    shell.status = n & 0xff;
    shell.unwind = UNWIND_RETURN;
    return shell.status;
}

static int run_break(int argc, char **argv)
{
    int64_t n;
    if (!number_argument(argc, argv, 1, &n))
        return 2;
    if (n < 1) {
        shell_error("%s: %s: not a number of loops", argv[0], argv[1]);
        return 2;
    }
    if (shell.loops > 0) {
        shell.unwind = argv[0][0] == 'b' ? UNWIND_BREAK : UNWIND_CONTINUE;
        shell.unwind_loops = n < shell.loops ? n : shell.loops;
    }
    return 0;
}

static int run_exec(int argc, char **argv)
{
    if (argc < 2)
        return 0; /* only redirections, and they stay */
    if (shell.interactive) {
        for (int sig = 1; sig < 32; sig++)
            setsignal(sig, SIGNAL_DEFAULT);
    }
    exec_program(argv + 1);
}

/* Only EXIT can have an action: lode's shell has no handlers for signals, it can merely ignore them. */
static int run_trap(int argc, char **argv)
{
    if (argc < 3)
        return bad_usage("trap '' SIGNAL... | trap - SIGNAL... | trap COMMAND EXIT");
    for (int i = 2; i < argc; i++) {
        bool reset = strcmp(argv[1], "-") == 0;
        int sig = signal_number(argv[i]);
        if (strcmp(argv[i], "EXIT") == 0 || strcmp(argv[i], "0") == 0) {
            free(shell.exit_trap);
            shell.exit_trap = reset || !argv[1][0] ? NULL : xstrdup(argv[1]);
        } else if (sig < 0) {
            complain("trap: %s: bad signal", argv[i]);
            return 1;
        } else if (!reset && argv[1][0]) {
            complain("trap: %s: only EXIT can have an action", argv[i]);
            return 1;
        } else {
            setsignal(sig, reset ? SIGNAL_DEFAULT : SIGNAL_IGNORE);
        }
    }
    return 0;
}

/* ---- variables ---- */

static struct buf listing;
static const char *listing_prefix;

static void list_variable(struct var *v)
{
    bool wanted = !listing_prefix[0] || (listing_prefix[0] == 'e' ? v->exported : v->readonly);
    if (!wanted || !v->value)
        return;
    buf_puts(&listing, listing_prefix);
    buf_puts(&listing, listing_prefix[0] ? " " : "");
    buf_puts(&listing, v->name);
    buf_puts(&listing, "='");
    for (const char *s = v->value; *s; s++)
        if (*s == '\'')
            buf_puts(&listing, "'\\''");
        else
            buf_add(&listing, *s);
    buf_puts(&listing, "'\n");
}

static int list_variables(const char *prefix)
{
    listing_prefix = prefix;
    var_each(list_variable);
    return emit(prefix[0] ? prefix : "set", &listing);
}

/* export, readonly and local: NAME or NAME=value each. */
static int run_declare(int argc, char **argv)
{
    char kind = argv[0][0];
    if (kind == 'l' && shell.calls == 0) {
        complain("local: not in a function");
        return 1;
    }
    if (kind != 'l' && (argc < 2 || strcmp(argv[1], "-p") == 0))
        return list_variables(argv[0]);
    for (int i = 1; i < argc; i++) {
        size_t n = name_length(argv[i]);
        if (n == 0 || (argv[i][n] != '=' && argv[i][n] != '\0')) {
            complain("%s: %s: bad variable name", argv[0], argv[i]);
            return 1;
        }
        char *name = arena_dup(&scratch, argv[i], n);
        if (kind == 'l')
            locals_add(name);
        if (argv[i][n] == '=' && !var_set(name, argv[i] + n + 1))
            return 1;
        struct var *v = var_find(name, true);
        v->exported |= kind == 'e';
        v->readonly |= kind == 'r';
    }
    return 0;
}

static int run_unset(int argc, char **argv)
{
    bool function = argc > 1 && strcmp(argv[1], "-f") == 0;
    for (int i = argc > 1 && argv[1][0] == '-' ? 2 : 1; i < argc; i++) {
        if (function)
            function_define(argv[i], NULL);
        else
            var_unset(argv[i]);
    }
    return shell.unwind != UNWIND_NONE;
}

static void set_params(int argc, char **argv)
{
    char **v = xrealloc(NULL, (argc + 1) * sizeof(*v));
    size_t size = 1;
    for (int i = 0; i < argc; i++)
        size += strlen(argv[i]) + 1;
    v = xrealloc(v, (argc + 1) * sizeof(*v) + size);
    char *text = (char *)(v + argc + 1);
    for (int i = 0; i < argc; i++) {
        v[i] = strcpy(text, argv[i]);
        text += strlen(argv[i]) + 1;
    }
    v[argc] = NULL;
    free(shell.params.owned); /* after the copy: argv may point into it */
    shell.params = (struct params){.v = v, .n = argc, .owned = v};
}

static int run_set(int argc, char **argv)
{
    int i = 1;
    if (argc == 1)
        return list_variables("");
    for (; i < argc && (argv[i][0] == '-' || argv[i][0] == '+') && argv[i][1]; i++) {
        bool on = argv[i][0] == '-';
        if (strcmp(argv[i], "--") == 0) {
            set_params(argc - i - 1, argv + i + 1);
            return 0;
        }
        for (const char *s = argv[i] + 1; *s; s++) {
            bool *option = *s == 'e'   ? &shell.errexit
                           : *s == 'x' ? &shell.xtrace
                           : *s == 'u' ? &shell.nounset
                           : *s == 'f' ? &shell.noglob
                                       : NULL;
            if (!option)
                return bad_usage("set [-efux] [+efux] [--] [ARGUMENT...]");
            *option = on;
        }
    }
    if (i < argc)
        set_params(argc - i, argv + i);
    return 0;
}

static int run_shift(int argc, char **argv)
{
    int64_t n;
    if (!number_argument(argc, argv, 1, &n))
        return 2;
    if (n < 0 || n > shell.params.n) {
        complain("shift: %ld: there are only %d arguments", (long)n, shell.params.n);
        return 1;
    }
    shell.params.v += n;
    shell.params.n -= n;
    return 0;
}

/* ---- commands about commands ---- */

static int run_eval(int argc, char **argv)
{
    struct buf text = {0};
    for (int i = 1; i < argc; i++) {
        buf_puts(&text, argv[i]);
        buf_add(&text, i < argc - 1 ? ' ' : '\n');
    }
    int status = argc > 1 ? run_string(buf_text(&text), false) : 0;
    buf_free(&text);
    return status;
}

static int run_source(int argc, char **argv)
{
    if (argc < 2)
        return bad_usage(". FILE");
    const char *file = argv[1],
               *found = strchr(file, '/') || access(file, R_OK) == 0 ? file : path_search(file);
    shell.calls++; /* `return` ends the file */
    int status = found ? run_file(found) : -1;
    shell.calls--;
    if (status < 0) {
        shell_error("%s: %s", file, strerror(found ? errno : ENOENT));
        return 1;
    }
    if (shell.unwind == UNWIND_RETURN) {
        shell.unwind = UNWIND_NONE;
        status = shell.status;
    }
    return status;
}

static bool is_reserved(const char *name)
{
    static const char words[] = " if then elif else fi while until do done for in case esac { } ! ";
    const char *at = name[0] && !strchr(name, ' ') ? strstr(words, name) : NULL;
    return at && at[-1] == ' ' && at[strlen(name)] == ' ';
}

/* What would be run for a name, in words or (brief) as `command -v` has it. */
static int describe(const char *name, bool brief)
{
    struct buf out = {0};
    const char *path = NULL, *what = is_reserved(name)     ? "a reserved word"
                                     : function_find(name) ? "a function"
                                     : builtin_find(name)  ? "a shell built-in"
                                                           : NULL;
    if (!what)
        what = path = path_search(name);
    if (!what) {
        if (!brief)
            complain("%s: not found", name);
        return 127;
    }
    buf_puts(&out, brief && path ? path : name);
    if (!brief) {
        buf_puts(&out, " is ");
        buf_puts(&out, what);
    }
    buf_add(&out, '\n');
    return emit("type", &out);
}

static int run_type(int argc, char **argv)
{
    int status = 0;
    for (int i = 1; i < argc; i++)
        status |= describe(argv[i], false);
    return status;
}

/* command NAME ...: runs it even if a function has the name; command -v NAME says what it is. */
static int run_command_builtin(int argc, char **argv)
{
    if (argc > 2 && (strcmp(argv[1], "-v") == 0 || strcmp(argv[1], "-V") == 0))
        return describe(argv[2], argv[1][1] == 'v');
    if (argc < 2)
        return 0;
    const struct builtin *b = builtin_find(argv[1]);
    return b ? b->run(argc - 1, argv + 1) : run_command(argv + 1, false);
}

static int run_wait(int argc, char **argv)
{
    int64_t pid;
    int status = 0;
    if (argc < 2)
        return wait_background(0);
    for (int i = 1; i < argc; i++) {
        if (!parse_number(argv[i], &pid) || pid < 1) {
            complain("wait: %s: not a process id", argv[i]);
            return 2;
        }
        status = wait_background(pid);
    }
    return status;
}

static int run_jobs(int argc, char **argv)
{
    (void)argc, (void)argv;
    jobs_print();
    return 0;
}

static int run_umask(int argc, char **argv)
{
    char *end = (char *)"";
    uint32_t mask = argc > 1 ? strtol(argv[1], &end, 8) : umask(0);
    if (*end || mask > 0777) {
        complain("umask: %s: not an octal mask", argv[1]);
        return 1;
    }
    umask(mask);
    if (argc < 2)
        printf("%04o\n", mask);
    return 0;
}

const struct builtin builtins[] = {
    {":", run_true},
    {"true", run_true},
    {"false", run_false},
    {"echo", run_echo},
    {"printf", run_printf},
    {"test", test_main},
    {"[", test_main},
    {"cd", run_cd},
    {"pwd", run_pwd},
    {"exit", run_exit},
    {"return", run_return},
    {"break", run_break},
    {"continue", run_break},
    {"exec", run_exec},
    {"trap", run_trap},
    {"export", run_declare},
    {"local", run_declare},
    {"readonly", run_declare},
    {"unset", run_unset},
    {"set", run_set},
    {"shift", run_shift},
    {"read", run_read},
    {"eval", run_eval},
    {".", run_source},
    {"source", run_source},
    {"type", run_type},
    {"command", run_command_builtin},
    {"wait", run_wait},
    {"jobs", run_jobs},
    {"umask", run_umask},
    {NULL, NULL},
};

const struct builtin *builtin_find(const char *name)
{
    for (const struct builtin *b = builtins; b->name; b++)
        if (b->name[0] == name[0] && strcmp(b->name, name) == 0)
            return b;
    return NULL;
}
