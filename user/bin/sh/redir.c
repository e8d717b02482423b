/* Redirections: < > >> <> <& >& and here-documents.
 *
 * For a command that runs inside the shell, the descriptors that it redirects are copied first, to numbers
 * above those that scripts use, and put back afterwards. */
#include "sh.h"

struct saved_fd {
    struct saved_fd *next;
    int fd, copy; /* copy -1: it was closed */
};

static void save_fd(int fd, struct saved_fd **saved)
{
    struct saved_fd *s = arena_alloc(&scratch, sizeof(*s));
    s->fd = fd;
    s->copy = sys_fcntl(fd, F_DUPFD_CLOEXEC, SHELL_FDS);
    s->next = *saved;
    *saved = s;
}

void redirect_undo(struct saved_fd *saved)
{
    for (; saved; saved = saved->next) {
        if (saved->copy < 0) {
            close(saved->fd);
        } else {
            dup2(saved->copy, saved->fd);
            close(saved->copy);
        }
    }
}

bool move_fd(int from, int to)
{
    if (from == to)
        return sys_fcntl(to, F_SETFD, 0) >= 0;
    bool ok = dup2(from, to) >= 0;
    close(from);
    return ok;
}

/* A descriptor from which `text` can be read. What does not fit into a pipe is written by a grandchild:
 * nobody has to wait for that. */
static int here_document(const char *text)
{
    int fds[2];
    size_t len = strlen(text);
    if (pipe2(fds, O_CLOEXEC) < 0)
        return -1;
    if (len <= PIPE_BUF) {
        write_all(fds[1], text, len);
    } else {
        int pid = fork();
        if (pid == 0) {
            close(fds[0]);
            if (fork() == 0)
                write_all(fds[1], text, len);
            exit(0);
        }
        wait_child(pid);
    }
    close(fds[1]);
    return fds[0];
}

static bool redirect_one(struct redir *r)
{
    static const int flags[] = {[REDIR_IN] = O_RDONLY,
                                [REDIR_OUT] = O_WRONLY | O_CREAT | O_TRUNC,
                                [REDIR_APPEND] = O_WRONLY | O_CREAT | O_APPEND,
                                [REDIR_RDWR] = O_RDWR | O_CREAT};
    int64_t n;
    int fd;
    char *target = expand_string(r->word, EXPAND_TEXT);
    if (shell.unwind)
        return false;
    if (r->kind == REDIR_DUP && strcmp(target, "-") == 0) {
        close(r->fd);
        return true;
    }
    if (r->kind == REDIR_DUP && !(isdigit(target[0]) && parse_number(target, &n) && n < OPEN_MAX)) {
        complain("%s: bad descriptor number", target);
        return false;
    }
    if (r->kind == REDIR_DUP) {
        fd = r->fd == n ? sys_fcntl(n, F_GETFD, 0) >= 0 : dup2(n, r->fd) >= 0;
        if (!fd)
            complain("%s: %s", target, strerror(EBADF));
        return fd;
    }
    fd = r->kind == REDIR_HERE ? here_document(target) : open(target, flags[r->kind]);
    if (fd < 0 || !move_fd(fd, r->fd)) {
        complain("%s: %s", r->kind == REDIR_HERE ? "here-document" : target, strerror(errno));
        return false;
    }
    return true;
}

bool redirect(struct redir *list, struct saved_fd **saved)
{
    for (struct redir *r = list; r; r = r->next) {
        if (saved)
            save_fd(r->fd, saved);
        if (!redirect_one(r))
            return false;
    }
    return true;
}
