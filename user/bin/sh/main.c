/* The shell: start-up, and the loop that reads a command and runs it.
 *
 *     sh [-efux] [-c COMMANDS [NAME [ARGUMENT...]]] [FILE [ARGUMENT...]]
 *
 * Commands come from the string after -c, from FILE, or from standard input; it is an interactive shell when
 * that is a terminal, and standard output, too. */
#include "sh.h"

struct shell shell;

void complain(const char *fmt, ...)
{
    char message[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(message, sizeof(message), fmt, ap);
    va_end(ap);
    fprintf(2, "sh: %s\n", message);
}

void shell_error(const char *fmt, ...)
{
    char message[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(message, sizeof(message), fmt, ap);
    va_end(ap);
    complain("%s", message);
    shell.status = 2;
    if (!shell.interactive)
        shell_exit(2);
    shell.unwind = UNWIND_TOP;
}

void shell_exit(int status)
{
    char *trap = shell.exit_trap;
    shell.exit_trap = NULL; /* it is run once, also if it exits */
    if (trap) {
        shell.status = status;
        shell.unwind = UNWIND_NONE;
        shell.depth = 0;
        run_string(trap, false);
    }
    exit(status);
}

/* ---- where commands come from ---- */

/* Standard input is shared with the commands: what follows the line is not ours. In a file we can go back to
 * the end of the line, otherwise it is one byte at a time. */
static void read_shared_line(struct source *s)
{
    char c;
    int64_t n = 1, here = lseek(s->fd, 0, SEEK_CUR);
    if (here >= 0) {
        char chunk[512];
        while ((n = read_bytes(s->fd, chunk, sizeof(chunk))) > 0) {
            char *end = memchr(chunk, '\n', n);
            buf_append(&s->buf, chunk, end ? end + 1 - chunk : n);
            if (end)
                break;
        }
        lseek(s->fd, here + s->buf.len, SEEK_SET);
        return;
    }
    while (read(s->fd, &c, 1) == 1) {
        buf_add(&s->buf, c);
        if (c == '\n')
            break;
    }
}

bool source_refill(struct source *s)
{
    if (s->fd < 0 || s->ended)
        return false;
    s->buf.len = s->pos = s->len = 0;
    if (s->interactive) {
        const char *prompt = var_get(s->continued ? "PS2" : "PS1");
        enum edit_result result = edit_line(prompt ? prompt : "", &s->buf);
        s->interrupted = result == EDIT_INTERRUPTED;
        s->ended = result != EDIT_LINE;
        if (s->ended)
            return false;
        s->continued = true;
    } else if (s->shared) {
        read_shared_line(s);
    } else {
        char chunk[512];
        int64_t n = read_bytes(s->fd, chunk, sizeof(chunk));
        buf_append(&s->buf, chunk, n > 0 ? n : 0);
        if (n < 0)
            complain("%s: %s", shell.name, strerror(errno));
    }
    for (size_t i = 0; i < s->buf.len; i++) /* NUL bytes mean nothing here, and would end strings */
        if (s->buf.s[i] != '\0')
            s->buf.s[s->len++] = s->buf.s[i];
    s->text = s->buf.s;
    return s->len > 0 || (s->buf.len > 0 && source_refill(s));
}

static bool at_end(const struct source *s)
{
    size_t i = s->pos;
    while (i < s->len && isspace(s->text[i]))
        i++;
    return s->fd < 0 && i == s->len;
}

/* After ^C or an error at the prompt: as if nothing had been begun. */
static void back_to_prompt(struct source *s)
{
    s->pos = s->len;
    shell.unwind = UNWIND_NONE;
    shell.loops = shell.calls = shell.conditions = 0;
    locals_restore(0);
    arena_release(&scratch, (struct arena_mark){0});
}

int source_run(struct source *s, bool last)
{
    int status = 0;
    bool eof = false, outer_kept = shell.kept_tree;
    while (!eof && !shell.unwind) {
        struct arena tree = {0};
        struct parser p = {.src = s, .arena = &tree};
        if (s->interactive)
            jobs_report();
        s->continued = s->interrupted = s->ended = shell.kept_tree = false;
        struct node *n = parse_line(&p);
        eof = p.tok == T_EOF;
        if (s->interrupted)
            shell.status = 128 + SIGINT;
        else if (p.failed)
            shell.status = status = 2;
        else if (n)
            status = run_node(n, last && at_end(s));
        if (!shell.kept_tree)
            arena_release(&tree, (struct arena_mark){0});
        if (s->interactive && (p.failed || s->interrupted || shell.unwind)) {
            back_to_prompt(s);
            eof = false;
        } else if (p.failed && !shell.interactive) {
            shell_exit(2);
        }
    }
    shell.kept_tree = outer_kept;
    return status;
}

int run_string(const char *text, bool last)
{
    struct source s = {.text = text, .len = strlen(text), .fd = -1, .line = 1};
    return source_run(&s, last);
}

/* Out of the way of the descriptors that commands name. */
static int open_script(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int high = sys_fcntl(fd, F_DUPFD_CLOEXEC, SHELL_FDS);
    close(fd);
    return high;
}

int run_file(const char *path)
{
    struct source s = {.fd = open_script(path), .line = 1};
    if (s.fd < 0)
        return -1;
    int status = source_run(&s, false);
    close(s.fd);
    buf_free(&s.buf);
    return status;
}

/* ---- start-up ---- */

static void set_default(const char *name, const char *value)
{
    if (!var_get(name))
        var_set(name, value);
}

static bool set_option(char letter)
{
    bool *option = letter == 'e'   ? &shell.errexit
                   : letter == 'x' ? &shell.xtrace
                   : letter == 'u' ? &shell.nounset
                   : letter == 'f' ? &shell.noglob
                                   : NULL;
    if (option)
        *option = true;
    return option != NULL;
}

int main(int argc, char **argv)
{
    bool command = false;
    int i = 1;
    for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
        if (!strcmp(argv[i], "--")) {
            i++;
            break;
        }
        for (const char *s = argv[i] + 1; *s; s++)
            if (*s == 'c')
                command = true;
            else if (!set_option(*s))
                usage("sh [-efux] [-c COMMANDS [NAME [ARGUMENT...]]] [FILE [ARGUMENT...]]");
    }
    var_import(environ);
    set_default("PATH", "/bin");
    set_default("PS1", "$ ");
    set_default("PS2", "> ");
    var_find("PATH", true)->exported = true;
    shell.pid = getpid();
    shell.name = "sh";
    const char *text = NULL;
    if (command) {
        if (i >= argc)
            usage("sh -c COMMANDS [NAME [ARGUMENT...]]");
        text = argv[i++];
    }
    const char *file = i < argc && !text ? argv[i] : NULL;
    if (i < argc)
        shell.name = argv[i++];
    shell.params = (struct params){.v = argv + i, .n = argc - i};
    if (text)
        shell_exit(run_string(text, true));
    if (file) {
        int status = run_file(file);
        if (status < 0) {
            complain("%s: %s", file, strerror(errno));
            return errno == ENOENT ? 127 : 126;
        }
        shell_exit(status);
    }
    struct source input = {.fd = 0, .shared = true, .line = 1};
    input.interactive = shell.interactive = isatty(0) && isatty(1);
    if (shell.interactive)
        jobs_init();
    shell_exit(source_run(&input, false));
}
