/* Pipes.
 *
 * The bytes are in a ring of 16 pages, which are there only while they hold some:
 *
 *      0        start              end = start + used (modulo the ring's size)
 *      |..........|#################|................|
 *
 * An empty pipe starts again at 0, so that a pipe through which little flows uses one page, and whole pages
 * are copied as such.
 *
 * The mutex protects everything; it is a mutex since user memory may fault under it. Who has to wait sets the
 * flag of its side and sleeps on the flag's address; who changes something takes the flag back and wakes all
 * that sleep there. So nobody is called upon when nobody waits.
 *
 * Writers wait until all that they have left, or PIPE_BUF bytes of it, fit in: so writes of up to PIPE_BUF
 * bytes are never mixed with others, and a long one moves in big pieces.
 *
 * Each end is one open file, however many descriptors it has. The end that is closed last frees the pipe. */
#include "fs/pipe.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/limits.h"
#include "abi/signal.h"
#include "abi/tty.h"
#include "mm/page.h"
#include "mm/slab.h"
#include "proc/proc.h"
#include "sync/wait.h"

#define PIPE_PAGES 16
#define PIPE_SIZE  (PIPE_PAGES * (uint32_t)PAGE_SIZE)

struct pipe {
    struct mutex lock;               /* all that follows */
    uint32_t start, used;            /* bytes */
    bool read_open, write_open;      /* the ends */
    bool readers_wait, writers_wait; /* and the channels they sleep on */
    char *page[PIPE_PAGES];          /* NULL: no bytes there */
    char *spare;                     /* one page that is kept for the next write, or NULL */
};

static struct slab_cache pipe_slab = SLAB_INIT(pipe_slab, "pipe", struct pipe);

static bool take_page(struct pipe *p, char **place)
{
    if (p->spare) {
        *place = p->spare;
        p->spare = NULL;
    } else {
        struct page *page = page_alloc(0);
        *place = page ? page_kva(page) : NULL;
    }
    return *place != NULL;
}

static void give_page(struct pipe *p, char **place)
{
    if (p->spare)
        page_put(kva_page(*place));
    else
        p->spare = *place;
    *place = NULL;
}

/* Sleeps until the other side has changed something: 0, -EAGAIN, -EINTR. */
static int wait_for(struct pipe *p, bool *mine, bool *theirs, uint32_t flags)
{
    if (flags & O_NONBLOCK)
        return -EAGAIN;
    if (*theirs) { /* they may be waiting for what this call has done so far */
        *theirs = false;
        wakeup(theirs);
    }
    *mine = true;
    return sleep_mutex_interruptible(mine, &p->lock, WAIT_FOREVER);
}

/* Lets go of the pipe and wakes the other side. */
static void finish(struct pipe *p, bool *theirs)
{
    bool wake = *theirs;

    *theirs = false;
    mutex_unlock(&p->lock);
    if (wake)
        wakeup(theirs);
}

/* Appends what fits into the page at the end; there is room. */
static int put(struct pipe *p, struct uio *u)
{
    uint32_t end = (p->start + p->used) % PIPE_SIZE;
    char **page = &p->page[end / PAGE_SIZE];
    size_t left = u->left;

    if (!*page && !take_page(p, page))
        return -ENOMEM;
    size_t n = MIN(MIN(left, PIPE_SIZE - p->used), PAGE_SIZE - end % PAGE_SIZE);
    int err = uio_write(u, *page + end % PAGE_SIZE, n);
    p->used += left - u->left;
    return err;
}

/* Takes what there is in the first page; the pipe is not empty. */
static int get(struct pipe *p, struct uio *u)
{
    char **page = &p->page[p->start / PAGE_SIZE];
    size_t from = p->start % PAGE_SIZE, left = u->left;
    int err = uio_read(u, *page + from, MIN(MIN(left, p->used), PAGE_SIZE - from));
    size_t n = left - u->left;

    p->start = (p->start + n) % PIPE_SIZE;
    p->used -= n;
    /* Of a page read to its end, the beginning may hold the last bytes of a ring that is nearly full. */
    if (p->used == 0 || (from + n == PAGE_SIZE && p->used <= PIPE_SIZE - PAGE_SIZE))
        give_page(p, page);
    if (p->used == 0)
        p->start = 0;
    return err;
}

static ssize_t pipe_read(struct file *f, struct uio *u, uint64_t *at)
{
    struct pipe *p = f->private;
    size_t wanted = u->left;
    int err = 0;

    (void)at;
    mutex_lock(&p->lock);
    while (u->left && !err) {
        if (p->used)
            err = get(p, u);
        else if (u->left < wanted || !p->write_open)
            break;
        else
            err = wait_for(p, &p->readers_wait, &p->writers_wait, f->flags);
    }
    finish(p, &p->writers_wait);
    return u->left < wanted ? (ssize_t)(wanted - u->left) : err;
}

static ssize_t pipe_write(struct file *f, struct uio *u, uint64_t *at)
{
    struct pipe *p = f->private;
    size_t wanted = u->left;
    int err = 0;

    (void)at;
    mutex_lock(&p->lock);
    while (u->left && !err) {
        if (!p->read_open) {
            err = -EPIPE;
        } else if (PIPE_SIZE - p->used < MIN(u->left, (size_t)PIPE_BUF)) {
            err = wait_for(p, &p->writers_wait, &p->readers_wait, f->flags);
        } else {
            err = put(p, u);
            /* A reader as fast as the writer would never let it sleep. */
            if (!err && u->left >= PIPE_BUF && signal_pending())
                err = -EINTR;
        }
    }
    finish(p, &p->readers_wait);
    if (err == -EPIPE)
        signal_send(current(), SIGPIPE);
    return u->left < wanted ? (ssize_t)(wanted - u->left) : err;
}

static int pipe_ioctl(struct file *f, uint64_t request, uptr_t arg)
{
    struct pipe *p = f->private;

    if (request != FIONREAD)
        return -ENOTTY;
    mutex_lock(&p->lock);
    int n = (int)p->used;
    mutex_unlock(&p->lock);
    return copyout(arg, &n, sizeof(n));
}

static void pipe_free(struct pipe *p)
{
    for (unsigned i = 0; i < PIPE_PAGES; i++)
        if (p->page[i])
            page_put(kva_page(p->page[i]));
    if (p->spare)
        page_put(kva_page(p->spare));
    slab_free(&pipe_slab, p);
}

static void pipe_release(struct file *f)
{
    struct pipe *p = f->private;
    bool writes = f->flags & O_ACCMODE;

    mutex_lock(&p->lock);
    *(writes ? &p->write_open : &p->read_open) = false;
    bool last =
        !p->write_open && !p->read_open; /* the other end has left finish, but for the wake-up, before this */
    finish(p, writes ? &p->readers_wait : &p->writers_wait);
    if (last)
        pipe_free(p);
}

static const struct file_ops pipe_ops = {
    .read = pipe_read, .write = pipe_write, .ioctl = pipe_ioctl, .release = pipe_release};

int pipe_create(struct file *ends[2], uint32_t flags)
{
    struct pipe *p = slab_alloc(&pipe_slab);

    if (!p)
        return -ENFILE;
    mutex_init(&p->lock, "pipe");
    ends[0] = file_create(&pipe_ops, NULL, p, flags | O_RDONLY);
    if (!ends[0]) {
        pipe_free(p);
        return -ENFILE;
    }
    p->read_open = true;
    ends[1] = file_create(&pipe_ops, NULL, p, flags | O_WRONLY);
    if (!ends[1]) {
        file_put(ends[0]); /* and with it the pipe, which has no other end */
        return -ENFILE;
    }
    p->write_open = true;
    return 0;
}
