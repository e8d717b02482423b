/* Processes: starting them in groups, and waiting for them.
 *
 * Jobs of an interactive shell: every pipeline is a process group of its own, in the foreground until it
 * ends. setpgid and tcsetpgrp are called by both parent and child, so that it does not matter who runs first.
 * The shell itself ignores the terminal's signals, but for ^C while it runs something by itself: that only
 * sets jobs_interrupted, which ends what runs. Children get the defaults back. */
#include "sh.h"

static int shell_pgid;

struct background { /* a background process */
    struct background *next;
    int pid, status;
    bool done, job; /* job: the last of its pipeline, which is told about */
};
static struct background *backgrounds;

static const int terminal_signals[] = {SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU};

static void set_terminal_signals(uint64_t action)
{
    for (size_t i = 0; i < sizeof(terminal_signals) / sizeof(int); i++)
        setsignal(terminal_signals[i], action);
}

volatile bool jobs_interrupted;

static void on_interrupt(int sig)
{
    (void)sig;
    jobs_interrupted = true;
}

void jobs_init(void)
{
    set_terminal_signals(SIGNAL_IGNORE);
    setsignal(SIGINT, (uint64_t)on_interrupt);
    setpgid(0, 0); /* fails for the leader of a session, which leads its group already */
    shell_pgid = getpgid(0);
    tcsetpgrp(0, shell_pgid);
}

/* What a child is not: interactive, in charge of the parent's jobs and of its EXIT trap. */
static void become_child(void)
{
    if (shell.interactive)
        set_terminal_signals(SIGNAL_DEFAULT);
    shell.interactive = false;
    shell.exit_trap = NULL;
    backgrounds = NULL;
}

int spawn(struct group *g)
{
    int pid = fork();
    if (pid < 0) {
        shell_error("cannot fork: %s", strerror(errno));
        return pid;
    }
    if (shell.interactive && g) {
        if (g->pgid == 0)
            g->pgid = pid ? pid : getpid();
        setpgid(pid, g->pgid);
        if (!g->background)
            tcsetpgrp(0, g->pgid);
    }
    if (pid == 0) {
        if (g && g->background && !shell.interactive) {
            int null = open("/dev/null", O_RDONLY);
            if (null > 0)
                dup2(null, 0), close(null);
            setsignal(SIGINT, SIGNAL_IGNORE);
            setsignal(SIGQUIT, SIGNAL_IGNORE);
        }
        become_child();
    }
    return pid;
}

static int exit_status(int status)
{
    return WAIT_HAS_EXITED(status) ? WAIT_EXIT_CODE(status) : 128 + WAIT_SIGNAL(status);
}

int wait_child(int pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return 127;
    if (shell.interactive && !WAIT_HAS_EXITED(status)) {
        edit_repair_terminal();
        if (WAIT_SIGNAL(status) == SIGINT) { /* ^C means the whole line */
            if (shell.unwind != UNWIND_TOP)
                fprintf(2, "\n");
            shell.unwind = UNWIND_TOP;
            shell.status = 128 + SIGINT;
        } else if (WAIT_SIGNAL(status) != SIGPIPE) {
            fprintf(2, "%s\n", signal_text(WAIT_SIGNAL(status)));
        }
    }
    return exit_status(status);
}

int wait_foreground(const int *pids, int count)
{
    int status = 0;
    for (int i = 0; i < count; i++)
        status = wait_child(pids[i]);
    if (shell.interactive)
        tcsetpgrp(0, shell_pgid);
    return status;
}

/* ---- background processes ---- */

void jobs_add(int pid, bool job)
{
    struct background *p = xrealloc(NULL, sizeof(*p));
    *p = (struct background){.next = backgrounds, .pid = pid, .job = job};
    backgrounds = p;
    if (!job)
        return;
    shell.background = pid;
    if (shell.interactive)
        fprintf(2, "[%d]\n", pid);
}

static void collect(struct background *p, int options)
{
    int status;
    if (!p->done && waitpid(p->pid, &status, options) != 0) {
        p->done = true;
        p->status = status;
    }
}

static void forget_done(void)
{
    struct background **link = &backgrounds, *p;
    while ((p = *link)) {
        if (p->done) {
            *link = p->next;
            free(p);
        } else {
            link = &p->next;
        }
    }
}

void jobs_report(void)
{
    for (struct background *p = backgrounds; p; p = p->next) {
        collect(p, WNOHANG);
        if (!p->done || !p->job)
            continue;
        if (!WAIT_HAS_EXITED(p->status))
            fprintf(2, "[%d] %s\n", p->pid, signal_text(WAIT_SIGNAL(p->status)));
        else if (WAIT_EXIT_CODE(p->status) != 0)
            fprintf(2, "[%d] exit %d\n", p->pid, WAIT_EXIT_CODE(p->status));
        else
            fprintf(2, "[%d] done\n", p->pid);
    }
    forget_done();
}

void jobs_print(void)
{
    for (struct background *p = backgrounds; p; p = p->next) {
        collect(p, WNOHANG);
        if (p->job)
            printf("[%d] %s\n", p->pid, p->done ? "done" : "running");
    }
}

int wait_background(int pid)
{
    int status = pid ? 127 : 0;
    for (struct background *p = backgrounds; p; p = p->next) {
        if (pid && p->pid != pid)
            continue;
        if (shell.interactive && !p->done) /* so that ^C reaches it: the shell itself ignores that */
            tcsetpgrp(0, getpgid(p->pid));
        collect(p, 0);
        status = pid ? exit_status(p->status) : 0;
    }
    if (shell.interactive)
        tcsetpgrp(0, shell_pgid);
    forget_done();
    return status;
}
