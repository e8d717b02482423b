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
 * flag of its side and sleeps on the flag's address; who changes something takes the flag back and wakes who
 * sleeps there. So nobody is called upon when nobody waits.
 *
 * All writers are woken: how much room each needs is its own affair. Of readers, one is. Until it has come, no
 * other is called: when it goes, it sets the flag again if others sleep, and leaves bytes to the next of them.
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
#include "debug/check.h"
#include "mm/page.h"
#include "mm/slab.h"
#include "proc/proc.h"
#include "sync/wait.h"

#define PIPE_PAGES 16
#define PIPE_SIZE  (PIPE_PAGES * PAGE_SIZE)

struct pipe {
    struct mutex lock;               /* all that follows */
    size_t start, used;              /* bytes */
    bool read_open, write_open;      /* the ends */
    bool readers_wait, writers_wait; /* and have not been called; the channels they sleep on */
    unsigned readers;                /* asleep, or called and not there yet */
    char *page[PIPE_PAGES];          /* NULL: no bytes there */
};

static struct slab_cache pipe_slab = SLAB_INIT(pipe_slab, "pipe", struct pipe);

/* Sleeps until the other side has changed something: 0, -EAGAIN, -EINTR. */
static int wait_for(struct pipe *p, bool *mine, uint32_t flags)
{
    if (flags & O_NONBLOCK)
        return -EAGAIN;
    *mine = true;
    return sleep_mutex_interruptible(mine, &p->lock, WAIT_FOREVER);
}

/* Takes the flag back: was it set? Then who calls this wakes who sleeps on it, best with the pipe unlocked. */
static inline bool take_back(bool *flag)
{
    bool was_set = *flag;
    *flag = false;
    return was_set;
}

/* ---- reading ---- */

/* Takes what there is in the first page; the pipe is not empty. */
static int get(struct pipe *p, struct uio *u)
{
    char **page = &p->page[p->start / PAGE_SIZE];
    size_t from = p->start % PAGE_SIZE, left = u->left;
    int err = uio_read(u, *page + from, MIN(MIN(left, p->used), PAGE_SIZE - from));
    size_t n = left - u->left;
    p->used -= n;
    p->start = p->used ? (p->start + n) % PIPE_SIZE : 0;
    /* A page read to its end is given back; but its beginning may hold the last bytes of a ring that is
     * nearly full. An empty pipe keeps its first page. */
    bool done = p->used ? from + n == PAGE_SIZE && p->used <= PIPE_SIZE - PAGE_SIZE : page != p->page;
    if (done) {
        page_put(kva_page(*page));
        *page = NULL;
    }
    return err;
}

/* 0: there is something to read, or no writer left. */
__attribute__((noinline)) static int wait_for_bytes(struct pipe *p, uint32_t flags)
{
    int err = 0;
    while (!p->used && p->write_open && !err) {
        p->readers++;
        err = wait_for(p, &p->readers_wait, flags);
        p->readers_wait = --p->readers > 0;
    }
    return err;
}

static ssize_t pipe_read(struct file *f, struct uio *u, uint64_t *at)
{
    struct pipe *p = f->private;
    size_t wanted = u->left;
    int err = 0;
    (void)at;
    mutex_lock(&p->lock);
    if (!p->used)
        err = wait_for_bytes(p, f->flags);
    while (u->left && p->used && !err)
        err = get(p, u);
    bool wake_writers = take_back(&p->writers_wait), wake_reader = p->used && take_back(&p->readers_wait);
    mutex_unlock(&p->lock); /* from here on the pipe may be gone: the channels are just addresses */
    if (wake_writers)
        wakeup(&p->writers_wait);
    if (unlikely(wake_reader))
        wakeup_one(&p->readers_wait);
    return u->left < wanted ? (ssize_t)(wanted - u->left) : err;
}

/* ---- writing ---- */

/* Appends what fits into the page at the end; there is room. */
static int put(struct pipe *p, struct uio *u)
{
    size_t end = (p->start + p->used) % PIPE_SIZE, left = u->left;
    char **page = &p->page[end / PAGE_SIZE];
    if (unlikely(!*page)) {
        struct page *new = page_alloc(0);
        if (!new)
            return -ENOMEM;
        *page = page_kva(new);
    }
    int err = uio_write(u, *page + end % PAGE_SIZE,
                        MIN(MIN(left, PIPE_SIZE - p->used), PAGE_SIZE - end % PAGE_SIZE));
    p->used += left - u->left;
    return err;
}

/* Too full for n bytes, or PIPE_BUF of them. */
static inline bool is_full(const struct pipe *p, size_t n)
{
    return PIPE_SIZE - p->used < MIN(n, (size_t)PIPE_BUF);
}

__attribute__((noinline)) static int wait_for_room(struct pipe *p, size_t n, uint32_t flags)
{
    int err = 0;
    if (take_back(&p->readers_wait)) /* for what this call has written so far */
        wakeup_one(&p->readers_wait);
    while (p->read_open && is_full(p, n) && !err)
        err = wait_for(p, &p->writers_wait, flags);
    return p->read_open ? err : -EPIPE;
}

static ssize_t pipe_write(struct file *f, struct uio *u, uint64_t *at)
{
    struct pipe *p = f->private;
    size_t wanted = u->left;
    int err = 0;
    (void)at;
    mutex_lock(&p->lock);
    while (u->left && !err) {
        if (unlikely(!p->read_open || is_full(p, u->left)))
            err = wait_for_room(p, u->left, f->flags);
        if (likely(!err))
            err = put(p, u);
        /* A reader as fast as the writer would never let it sleep. */
        if (!err && u->left >= PIPE_BUF && signal_pending())
            err = -EINTR;
    }
    bool wake_reader = take_back(&p->readers_wait);
    mutex_unlock(&p->lock);
    if (wake_reader)
        wakeup_one(&p->readers_wait);
    if (unlikely(err == -EPIPE))
        signal_send(current(), SIGPIPE);
    return u->left < wanted ? (ssize_t)(wanted - u->left) : err;
}

/* ---- ends ---- */

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
    slab_free(&pipe_slab, p);
}

static void pipe_release(struct file *f)
{
    struct pipe *p = f->private;
    bool writes = f->flags & O_ACCMODE;
    mutex_lock(&p->lock);
    *(writes ? &p->write_open : &p->read_open) = false;
    bool last = !p->write_open && !p->read_open;
    bool wake = writes ? p->readers > 0 : take_back(&p->writers_wait); /* all readers, called or not */
    mutex_unlock(&p->lock);
    if (wake)
        wakeup(writes ? &p->readers_wait : &p->writers_wait);
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

/* ---- debug builds ---- */

#ifdef LODE_DEBUG
/* Where a page was added and then nothing could be copied into it, it stays for the next write. */
void pipe_check(const struct file *f)
{
    const struct pipe *p = f->private;

    if (f->ops != &pipe_ops || !check_free(&p->lock))
        return;
    CHECK(p->used <= PIPE_SIZE && p->start < PIPE_SIZE && (p->used || !p->start),
          "pipe: %lu bytes from %lu on", p->used, p->start);
    CHECK(f->flags & O_ACCMODE ? p->write_open : p->read_open, "pipe: an end is open, but marked as closed");
    for (size_t i = 0; i < PIPE_PAGES; i++) {
        size_t before =
            (i * PAGE_SIZE + PIPE_SIZE - p->start) % PIPE_SIZE; /* from the first byte to the page */
        bool full = p->used && (before < p->used || before > PIPE_SIZE - PAGE_SIZE);
        bool next = (p->start + p->used) % PIPE_SIZE / PAGE_SIZE == i;
        CHECK(p->page[i] ? full || next : !full, "pipe: %lu bytes from %lu on, but page %lu is%s there",
              p->used, p->start, i, p->page[i] ? "" : " not");
    }
}
#endif
