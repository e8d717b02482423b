/* The tree into processes.
 *
 * Who forks: a stage of a pipeline, a subshell, a background command and $(...) run in a child; so does a
 * program that is not the last thing the shell does. `last` says that this process has nothing left to do
 * afterwards: then a program replaces it, and a subshell is this very process. So `sh -c 'a | b'` makes two
 * processes and no more. */
#include "sh.h"

/* ---- programs ---- */

/* The file could not be executed for want of a format that the kernel knows: if it is text, it is a script.
 */
static void exec_script(const char *path, char **argv, char **env)
{
    char head[128];
    int fd = open(path, O_RDONLY | O_CLOEXEC), argc = 0;
    int64_t n = fd < 0 ? -1 : read_bytes(fd, head, sizeof(head));
    if (n < 0 || memchr(head, '\0', n))
        return;
    while (argv[argc])
        argc++;
    char **script = arena_alloc(&scratch, (argc + 2) * sizeof(*script));
    script[0] = (char *)"sh";
    script[1] = arena_dup(&scratch, path, strlen(path));
    for (int i = 1; i < argc; i++)
        script[i + 1] = argv[i];
    execve("/bin/sh", script, env);
}

/* Returns only when that failed, with errno. */
static void try_exec(const char *path, char **argv, char **env)
{
    execve(path, argv, env);
    if (errno == ENOEXEC) {
        exec_script(path, argv, env);
        errno = ENOEXEC;
    }
}

/* The entry of PATH that *path begins with, joined with name; moves *path on, to NULL after the last one. */
static char *next_in_path(const char **path, const char *name)
{
    const char *colon = strchr(*path, ':');
    size_t len = colon ? (size_t)(colon - *path) : strlen(*path), n = strlen(name);
    char *file = arena_alloc(&scratch, len + n + 2);
    memcpy(file, *path, len);
    if (len > 0)
        file[len++] = '/';
    memcpy(file + len, name, n);
    *path = colon ? colon + 1 : NULL;
    return file;
}

char *path_search(const char *name)
{
    const char *path = var_get("PATH");
    struct abi_stat st;
    if (strchr(name, '/'))
        return access(name, X_OK) == 0 ? arena_dup(&scratch, name, strlen(name)) : NULL;
    while (path) {
        char *file = next_in_path(&path, name);
        if (getstat(file, &st) == 0 && S_ISREG(st.mode) && access(file, X_OK) == 0)
            return file;
    }
    return NULL;
}

void exec_program(char **argv)
{
    char **env = var_environment();
    const char *name = argv[0], *path = var_get("PATH");
    int error = ENOENT;
    if (strchr(name, '/')) {
        try_exec(name, argv, env);
        error = errno;
    } else if (name[0]) {
        while (path) {
            try_exec(next_in_path(&path, name), argv, env);
            if (errno != ENOENT && errno != ENOTDIR)
                error = errno;
        }
    }
    complain("%s: %s", name, error == ENOENT ? "not found" : strerror(error));
    exit(error == ENOENT || error == ENOTDIR ? 127 : 126);
}

int run_command(char **argv, bool last)
{
    struct group g = {0};
    int pid = last ? 0 : spawn(&g);
    if (pid == 0)
        exec_program(argv);
    return pid < 0 ? 1 : wait_foreground(&g, &pid, 1);
}

/* ---- simple commands ---- */

/* name=value in front of a command. temporary: the value is exported, and comes back with locals_restore. */
static void assign(const struct word *list, bool temporary)
{
    for (; list && !shell.unwind; list = list->next) {
        struct part first = *list->parts;
        size_t n = name_length(first.text);
        char *name = arena_dup(&scratch, first.text, n);
        first.text += n + 1;
        struct word value = {.parts = first.text[0] ? &first : first.next};
        char *text = value.parts ? expand_string(&value, EXPAND_TEXT) : (char *)"";
        if (shell.unwind)
            return;
        if (temporary)
            locals_add(name);
        if (shell.xtrace && !temporary)
            fprintf(2, "+ %s=%s\n", name, text);
        if (var_set(name, text) && temporary)
            var_find(name, true)->exported = true;
    }
}

static int run_function(struct function *f, int argc, char **argv)
{
    struct params params = shell.params;
    int loops = shell.loops;
    shell.params = (struct params){.v = argv + 1, .n = argc - 1};
    shell.loops = 0;
    shell.calls++;
    int status = run_node(f->body, false);
    shell.calls--;
    shell.loops = loops;
    free(shell.params.owned);
    shell.params = params;
    if (shell.unwind == UNWIND_RETURN) {
        shell.unwind = UNWIND_NONE;
        status = shell.status;
    }
    return status;
}

/* Inside this process: a function, or (f NULL) a built-in command. */
static int run_inside(struct node *n, struct function *f, const struct builtin *b, int argc, char **argv)
{
    struct saved_fd *saved = NULL;
    bool for_good = b && strcmp(b->name, "exec") == 0;
    size_t locals = locals_mark();
    int status = 1;
    assign(n->assigns, true);
    if (!shell.unwind && redirect(n->redirs, for_good ? NULL : &saved))
        status = f ? run_function(f, argc, argv) : b->run(argc, argv);
    redirect_undo(saved);
    if (f || n->assigns) /* what `local` itself saved stays for the function that it is in */
        locals_restore(locals);
    return status;
}

static int run_outside(struct node *n, char **argv, bool last)
{
    struct group g = {0};
    int pid = last ? 0 : spawn(&g);
    if (pid != 0)
        return pid < 0 ? 1 : wait_foreground(&g, &pid, 1);
    assign(n->assigns, true);
    if (shell.unwind || !redirect(n->redirs, NULL))
        exit(1);
    exec_program(argv);
}

static int substitution_status; /* of the last $(...): the status of a command that is only assignments */

static int run_simple(struct node *n, bool last)
{
    struct arena_mark mark = arena_mark(&scratch);
    struct saved_fd *saved = NULL;
    int argc, status = 1;
    substitution_status = 0;
    char **argv = expand_words(n->words, &argc);
    if (shell.xtrace && argc > 0 && !shell.unwind) {
        struct buf line = {0};
        buf_puts(&line, "+");
        for (int i = 0; i < argc; i++) {
            buf_add(&line, ' ');
            buf_puts(&line, argv[i]);
        }
        buf_add(&line, '\n');
        write_all(2, line.s, line.len);
        buf_free(&line);
    }
    if (shell.unwind) {
        status = shell.status;
    } else if (argc == 0) {
        assign(n->assigns, false);
        status = redirect(n->redirs, &saved) ? substitution_status : 1;
        redirect_undo(saved);
    } else {
        struct function *f = function_find(argv[0]);
        const struct builtin *b = f ? NULL : builtin_find(argv[0]);
        status = f || b ? run_inside(n, f, b, argc, argv) : run_outside(n, argv, last);
    }
    arena_release(&scratch, mark);
    return status;
}

/* ---- pipelines, subshells, $(...) ---- */

/* Starts the stages of a pipeline; returns how many, their pids in pids[]. */
static int start_pipeline(struct node *stages, int *pids, struct group *g)
{
    int count = 0, input = -1;
    for (struct node *n = stages; n; n = n->next) {
        int fds[2] = {-1, -1};
        if (n->next && pipe2(fds, O_CLOEXEC) < 0) {
            shell_error("cannot make a pipe: %s", strerror(errno));
            break;
        }
        int pid = spawn(g);
        if (pid == 0) {
            if (fds[0] >= 0)
                close(fds[0]);
            if (input >= 0)
                move_fd(input, 0);
            if (fds[1] >= 0)
                move_fd(fds[1], 1);
            shell_exit(run_node(n, true));
        }
        if (input >= 0)
            close(input);
        if (fds[1] >= 0)
            close(fds[1]);
        input = fds[0];
        if (pid < 0)
            break;
        pids[count++] = pid;
    }
    if (input >= 0)
        close(input);
    return count;
}

static int *pid_array(const struct node *stages)
{
    size_t count = 0;
    for (; stages; stages = stages->next)
        count++;
    return arena_alloc(&scratch, count * sizeof(int));
}

static int run_pipeline(struct node *n)
{
    struct arena_mark mark = arena_mark(&scratch);
    struct group g = {0};
    int *pids = pid_array(n->left);
    int count = start_pipeline(n->left, pids, &g);
    int status = wait_foreground(&g, pids, count);
    arena_release(&scratch, mark);
    return shell.unwind ? shell.status : status;
}

static int run_background(struct node *n)
{
    struct arena_mark mark = arena_mark(&scratch);
    struct group g = {.background = true};
    if (n->kind == NODE_PIPE && !n->redirs) {
        int *pids = pid_array(n->left);
        int count = start_pipeline(n->left, pids, &g);
        for (int i = 0; i < count; i++)
            jobs_add(pids[i], i == count - 1);
    } else {
        int pid = spawn(&g);
        if (pid == 0)
            shell_exit(run_node(n, true));
        if (pid > 0)
            jobs_add(pid, true);
    }
    arena_release(&scratch, mark);
    return shell.unwind ? 1 : 0;
}

static int run_subshell(struct node *n, bool last)
{
    struct group g = {0};
    int pid = last ? 0 : spawn(&g);
    if (pid == 0)
        shell_exit(run_node(n->left, true));
    return pid < 0 ? 1 : wait_foreground(&g, &pid, 1);
}

char *command_output(struct node *body)
{
    struct buf out = {0};
    char chunk[512];
    int64_t n;
    int fds[2], pid;
    if (!body)
        return (char *)"";
    if (pipe2(fds, O_CLOEXEC) < 0) {
        shell_error("cannot make a pipe: %s", strerror(errno));
        return (char *)"";
    }
    pid = spawn(NULL);
    if (pid == 0) {
        close(fds[0]);
        move_fd(fds[1], 1);
        shell_exit(run_node(body, true));
    }
    close(fds[1]);
    while (pid > 0 && (n = read(fds[0], chunk, sizeof(chunk))) > 0)
        for (int64_t i = 0; i < n; i++)
            if (chunk[i] != '\0')
                buf_add(&out, chunk[i]);
    close(fds[0]);
    if (pid > 0)
        substitution_status = wait_child(pid);
    while (out.len > 0 && out.s[out.len - 1] == '\n')
        out.len--;
    char *text = arena_dup(&scratch, buf_text(&out), out.len);
    buf_free(&out);
    return text;
}

/* ---- compound commands ---- */

static int run_list(struct node *n, bool last)
{
    int status = 0;
    for (n = n->left; n && !shell.unwind; n = n->next)
        status = run_node(n, last && !n->next);
    return status;
}

static int run_andor(struct node *n, bool last)
{
    int status = 0;
    for (n = n->left; n && !shell.unwind; n = n->next) {
        if (n->join && (n->join == '&') != (status == 0))
            continue;
        shell.conditions += n->next != NULL;
        status = run_node(n, last && !n->next);
        shell.conditions -= n->next != NULL;
    }
    return status;
}

static int run_condition(struct node *n)
{
    shell.conditions++;
    int status = run_node(n, false);
    shell.conditions--;
    return status;
}

static int run_if(struct node *n, bool last)
{
    int status = run_condition(n->left);
    if (shell.unwind)
        return status;
    if (status == 0)
        return run_node(n->right, last);
    return n->third ? run_node(n->third, last) : 0;
}

/* After the body of a loop: true when the loop is to end. */
static bool leaves_loop(void)
{
    if ((shell.unwind != UNWIND_BREAK && shell.unwind != UNWIND_CONTINUE) || --shell.unwind_loops > 0)
        return shell.unwind != UNWIND_NONE;
    bool leave = shell.unwind == UNWIND_BREAK;
    shell.unwind = UNWIND_NONE;
    return leave;
}

static int run_while(struct node *n)
{
    int status = 0;
    shell.loops++;
    for (;;) {
        bool holds = run_condition(n->left) == 0;
        if (shell.unwind) {
            if (leaves_loop())
                break;
            continue;
        }
        if (holds != (n->kind == NODE_WHILE))
            break;
        status = run_node(n->right, false);
        if (leaves_loop())
            break;
    }
    shell.loops--;
    return status;
}

static int run_for(struct node *n)
{
    struct arena_mark mark = arena_mark(&scratch);
    int status = 0, count = shell.params.n;
    char **values = shell.params.v;
    if (n->has_in) {
        values = expand_words(n->words, &count);
    } else { /* the body may shift them away */
        values = arena_alloc(&scratch, count * sizeof(*values));
        for (int i = 0; i < count; i++)
            values[i] = arena_dup(&scratch, shell.params.v[i], strlen(shell.params.v[i]));
    }
    shell.loops++;
    for (int i = 0; i < count && !shell.unwind && var_set(n->name, values[i]); i++) {
        status = run_node(n->right, false);
        if (leaves_loop())
            break;
    }
    shell.loops--;
    arena_release(&scratch, mark);
    return status;
}

static int run_case(struct node *n, bool last)
{
    struct arena_mark mark = arena_mark(&scratch);
    const char *subject = expand_string(n->words, EXPAND_TEXT);
    struct node *found = NULL;
    for (struct node *arm = n->left; arm && !found; arm = arm->next)
        for (struct word *w = arm->words; w && !found && !shell.unwind; w = w->next)
            if (pattern_match(expand_string(w, EXPAND_PATTERN), subject))
                found = arm;
    arena_release(&scratch, mark);
    return found && found->right && !shell.unwind ? run_node(found->right, last) : 0;
}

static int run_by_kind(struct node *n, bool last)
{
    switch (n->kind) {
    case NODE_SIMPLE:
        return run_simple(n, last);
    case NODE_PIPE:
        return run_pipeline(n);
    case NODE_ANDOR:
        return run_andor(n, last);
    case NODE_LIST:
        return run_list(n, last);
    case NODE_BACKGROUND:
        return run_background(n->left);
    case NODE_NOT:
        return !run_condition(n->left);
    case NODE_SUBSHELL:
        return run_subshell(n, last);
    case NODE_GROUP:
        return run_node(n->left, last);
    case NODE_IF:
        return run_if(n, last);
    case NODE_WHILE:
    case NODE_UNTIL:
        return run_while(n);
    case NODE_FOR:
        return run_for(n);
    case NODE_CASE:
        return run_case(n, last);
    case NODE_FUNCTION:
        function_define(n->name, n->left);
        shell.kept_tree = true;
        return 0;
    case NODE_ARM:
        break;
    }
    return 0;
}

int run_node(struct node *n, bool last)
{
    struct arena_mark mark = arena_mark(&scratch);
    struct saved_fd *saved = NULL;
    int status = 1;
    bool outer = n->redirs && n->kind != NODE_SIMPLE;
    if (jobs_interrupted && shell.interactive) {
        jobs_interrupted = false;
        fprintf(2, "\n");
        shell.unwind = UNWIND_TOP;
        shell.status = 128 + SIGINT;
    }
    if (shell.unwind)
        return shell.status;
    last = last && !shell.exit_trap && !outer;
    if (++shell.depth > RUN_DEPTH_MAX)
        shell_error("commands nested too deeply");
    else if (!outer || redirect(n->redirs, &saved))
        status = run_by_kind(n, last);
    shell.depth--;
    if (outer) {
        redirect_undo(saved);
        arena_release(&scratch, mark);
    }
    if (shell.unwind != UNWIND_RETURN && shell.unwind != UNWIND_TOP)
        shell.status = status;
    if (status != 0 && shell.errexit && shell.conditions == 0 && shell.unwind == UNWIND_NONE &&
        (n->kind == NODE_SIMPLE || n->kind == NODE_PIPE || n->kind == NODE_SUBSHELL))
        shell_exit(status);
    return status;
}
