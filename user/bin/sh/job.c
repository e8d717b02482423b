/* Processes: starting them in groups, and waiting for them.
 *
 * Jobs of an interactive shell: every pipeline is a process group of its own, in the foreground until it
 * ends. setpgid is called by both parent and child, so that it does not matter who runs first. The shell
 * itself ignores the terminal's signals, but for ^C while it runs something by itself: that only sets
 * jobs_interrupted, which ends what runs. Children get the defaults back.
 *
 * A ^C is never lost, whenever it comes. Until a job has the terminal, the shell gets it, and hands it on. A
 * new process has the shell's handler at first: until it has the defaults, the signals wait. */
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

/* A ^C that the shell got in place of those whom kill reaches as `pid`. */
static void hand_on_interrupt(int pid)
{
    if (jobs_interrupted && pid != 0) {
        jobs_interrupted = false;
        sendsig(pid, SIGINT);
    }
}

int spawn(struct group *g)
{
    uint64_t blocked = blocksignals(1ul << (SIGINT - 1) | 1ul << (SIGQUIT - 1));
    int pid = fork();
    if (pid >= 0 && shell.interactive && g) {
        if (g->pgid == 0)
            g->pgid = pid ? pid : getpid();
        setpgid(pid, g->pgid);
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
    unblocksignals(blocked);
    if (pid < 0)
        shell_error("cannot fork: %s", strerror(errno));
    else if (pid > 0 && shell.interactive && !g)
        hand_on_interrupt(pid);
    return pid;
}

static int exit_status(int status)
{
    return WAIT_HAS_EXITED(status) ? WAIT_EXIT_CODE(status) : 128 + WAIT_SIGNAL(status);
}

/* The process is one of group pgid; 0: it is in the shell's, and gets a ^C by itself. */
static int wait_member(int pid, int pgid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return 127;
        hand_on_interrupt(-pgid);
    }
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

int wait_child(int pid)
{
    return wait_member(pid, 0);
}

int wait_foreground(const struct group *g, const int *pids, int count)
{
    int status = 0;
    if (shell.interactive && g->pgid != 0) {
        tcsetpgrp(0, g->pgid);
        hand_on_interrupt(-g->pgid);
    }
    for (int i = 0; i < count; i++)
        status = wait_member(pids[i], g->pgid);
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
