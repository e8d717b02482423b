/* The journal (journal.h; docs/fs-design.md has the reasoning in full).
 *
 * A transaction is running, then committing, then on disk. The commit of transaction s, all by one thread:
 *
 *   1. wait until no handle is open, and let none in. Apply the deferred frees, copy every journaled block to
 * the pool, turn ordered data into data being written. Open transaction s+1.
 *   2. write the ordered data home and the copies into slot s%2; flush.
 *   3. write the header of the slot; flush. Now s counts: wake those who wait for it.
 *   4. write the copies home. Their completion precedes the first flush of s+1, so that flush covers them.
 *
 * Slot s%2 is overwritten by s+2, after a flush that made s+1 count and the installed blocks of s stable:
 * that is why two flushes a commit are enough. At any time the newest transaction that counts and the one
 * before it are either whole in their slots or installed.
 *
 * If a write fails, the journal is aborted: nothing is written from then on, and no changed buf leaves
 * memory, so that reads go on seeing what was written.
 *
 * Locks: j = journal.lock; t = only the commit thread; a = atomic; c = constant after mount. */
#include "fs/journal.h"
#include "abi/errno.h"
#include "debug/check.h"
#include "fs/balloc.h"
#include "fs/diskfs.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "lib/xxh64.h"
#include "mm/page.h"
#include "mm/slab.h"
#include "proc/kthread.h"
#include "sync/wait.h"
#include "trap/timer.h"

#define POOL_MIN     64
#define COMMIT_DELAY (5 * 1000000000ull) /* ns from a transaction's first change to its commit */
#define WRITERS      8                   /* requests in flight */

static struct {
    struct spinlock lock;
    uint64_t running;                 /* j  sequence of the running transaction */
    uint64_t committed;               /* j  newest one on stable storage */
    uint64_t requested;               /* j  commit up to this one */
    unsigned handles;                 /* j  open */
    unsigned reserved;                /* j  credits of open handles */
    bool closing;                     /* j  a commit waits for handles to end */
    bool aborted;                     /* j, read without */
    uint64_t deadline;                /* j  when to commit at the latest; 0: nothing has changed yet */
    unsigned count;                   /* a  blocks journaled in the running transaction */
    size_t ordered_count;             /* a  pages of ordered data in it */
    struct list blocks;               /* cache_lock, through cache_attach */
    struct list ordered;              /* the same */
    size_t ordered_max;               /* c */
    unsigned max;                     /* c  most blocks in a transaction */
    blkno_t slot_start[2];            /* c */
    struct fs_journal_header *header; /* t */
    struct page **pool;               /* c  pages for copies; the pages' content: t */
    struct buf **installing;          /* t  where pool[i] came from */
} journal = {.lock = SPINLOCK_INIT("journal", RANK_OUTER),
             .blocks = LIST_INIT(journal.blocks),
             .ordered = LIST_INIT(journal.ordered)};

/* Writing: up to WRITERS requests in flight, neighbours merged. */
static struct spinlock writer_lock = SPINLOCK_INIT("journal writer", RANK_CACHE);
static struct bio writers[WRITERS];
static bool writer_busy[WRITERS]; /* writer_lock */
static int writer_status;         /* writer_lock while requests are in flight */
static struct bio *filling;       /* t  collects blocks, not yet submitted */

static void writer_done(struct bio *b)
{
    spin_lock(&writer_lock);
    writer_busy[b - writers] = false;
    if (b->status)
        writer_status = b->status;
    wakeup(&writers);
    spin_unlock(&writer_lock);
}

static void writer_submit(void)
{
    if (filling)
        disk_submit(filling);
    filling = NULL;
}

static void writer_add(blkno_t block, void *data)
{
    if (journal.aborted) {
        writer_status = -EROFS;
        return;
    }
    if (filling && (filling->nblocks == BIO_MAX_BLOCKS || filling->block + filling->nblocks != block))
        writer_submit();
    if (!filling) {
        unsigned i = 0;
        spin_lock(&writer_lock);
        while (writer_busy[i]) {
            if (++i == WRITERS) {
                sleep(&writers, &writer_lock);
                i = 0;
            }
        }
        writer_busy[i] = true;
        spin_unlock(&writer_lock);
        filling = &writers[i];
        *filling = (struct bio){.op = BIO_WRITE, .block = block, .done = writer_done};
    }
    filling->data[filling->nblocks++] = data;
}

/* Waits for all that was added: 0 or -EIO. */
static int writer_drain(void)
{
    writer_submit();
    spin_lock(&writer_lock);
    for (unsigned i = 0; i < WRITERS; i++)
        while (writer_busy[i])
            sleep(&writers, &writer_lock);
    int r = writer_status;
    writer_status = 0;
    spin_unlock(&writer_lock);
    return r;
}

/* Of the transactions up to that one; journal.lock is held. */
static void request_commit(uint64_t sequence)
{
    if (journal.requested < sequence) {
        journal.requested = sequence;
        wakeup(&journal.requested);
    }
}

int journal_begin(unsigned credits)
{
    spin_lock(&journal.lock);
    for (;;) {
        if (journal.aborted) {
            spin_unlock(&journal.lock);
            return -EROFS;
        }
        unsigned used = __atomic_load_n(&journal.count, __ATOMIC_RELAXED) + journal.reserved;
        bool full = used + credits > journal.max ||
                    __atomic_load_n(&journal.ordered_count, __ATOMIC_RELAXED) > journal.ordered_max;
        if (likely(!journal.closing && !full))
            break;
        if (!journal.closing)
            request_commit(journal.running);
        sleep(&journal.running, &journal.lock);
    }
    journal.handles++;
    journal.reserved += credits;
    spin_unlock(&journal.lock);
    return 0;
}

void journal_end(unsigned credits)
{
    spin_lock(&journal.lock);
    unsigned count = __atomic_load_n(&journal.count, __ATOMIC_RELAXED);
    journal.reserved -= credits;
    assert(count <= journal.max);
    if (unlikely(!journal.deadline && count > 0)) {
        journal.deadline = time_monotonic() + COMMIT_DELAY;
        wakeup(&journal.requested);
    }
    if (unlikely(count > journal.max / 2 || journal.ordered_count > journal.ordered_max / 2))
        request_commit(journal.running);
    if (--journal.handles == 0 && unlikely(journal.closing))
        wakeup(&journal.handles);
    spin_unlock(&journal.lock);
}

void journal_write(struct buf *b)
{
    if (!(b->flags & (BUF_JOURNALED | BUF_ORDERED)) && cache_attach(b, &journal.blocks, BUF_JOURNALED))
        __atomic_fetch_add(&journal.count, 1, __ATOMIC_RELAXED);
}

void journal_ordered(struct buf *b)
{
    if (cache_attach(b, &journal.ordered, BUF_ORDERED))
        __atomic_fetch_add(&journal.ordered_count, 1, __ATOMIC_RELAXED);
}

void journal_forget(bool journaled)
{
    if (journaled)
        __atomic_fetch_sub(&journal.count, 1, __ATOMIC_RELAXED);
    else
        __atomic_fetch_sub(&journal.ordered_count, 1, __ATOMIC_RELAXED);
}

uint64_t journal_running(void)
{
    return journal.running;
}

int journal_wait(uint64_t sequence)
{
    spin_lock(&journal.lock);
    bool empty = !journal.deadline && !journal.handles; /* then the running transaction needs no commit */
    sequence = MIN(sequence, journal.running - empty);
    while (journal.committed < sequence && !journal.aborted) {
        request_commit(sequence);
        sleep(&journal.committed, &journal.lock);
    }
    int r = journal.committed < sequence ? -EIO : 0;
    spin_unlock(&journal.lock);
    return r;
}

int journal_sync(void)
{
    return journal.aborted ? -EIO : journal_wait(UINT64_MAX);
}

bool journal_retry(int error, bool *tried)
{
    if (*tried || (error != -ENOSPC && error != -ENOMEM))
        return false;
    *tried = true;
    return journal_sync() == 0;
}

void journal_abort(void)
{
    spin_lock(&journal.lock);
    journal.aborted = true;
    wakeup(&journal.running);
    wakeup(&journal.committed);
    spin_unlock(&journal.lock);
}

bool journal_aborted(void)
{
    return journal.aborted;
}

/* Step 1. Returns the number of copies. */
static unsigned close_transaction(struct list *writing)
{
    spin_lock(&journal.lock);
    journal.closing = true;
    while (journal.handles > 0)
        sleep(&journal.handles, &journal.lock);
    spin_unlock(&journal.lock);

    balloc_apply_frees();
    struct buf *b;
    unsigned n = 0;
    while ((b = cache_detach(&journal.blocks, BUF_JOURNALED, 0)) != NULL) {
        journal.header->home[n] = b->block;
        memcpy(page_kva(journal.pool[n]), b->data, FS_BLOCK_SIZE);
        journal.installing[n++] = b;
    }
    while ((b = cache_detach(&journal.ordered, BUF_ORDERED, BUF_WRITING)) != NULL)
        list_push_back(writing, &b->link);

    spin_lock(&journal.lock);
    assert(n == journal.count);
    journal.count = 0;
    journal.ordered_count = 0;
    journal.deadline = 0;
    journal.running++;
    journal.closing = false;
    wakeup(&journal.running);
    spin_unlock(&journal.lock);
    return n;
}

/* Step 2, without the flush. */
static int write_bodies(blkno_t slot, unsigned n, struct list *writing)
{
    struct buf *b;
    list_for_each_entry (b, writing, link)
        writer_add(b->block, b->data);
    uint64_t sum = 0;
    for (unsigned i = 0; i < n; i++) {
        void *copy = page_kva(journal.pool[i]);
        sum = xxh64(sum, copy, FS_BLOCK_SIZE);
        writer_add(slot + 1 + i, copy);
    }
    journal.header->body_checksum = (uint32_t)sum;
    int r = writer_drain();
    while ((b = cache_detach(writing, BUF_WRITING, 0)) != NULL)
        if (r == 0) /* else it stays off the LRU list: memory has the only copy */
            cache_clean(b);
    return r ? r : disk_flush();
}

static int write_header(blkno_t slot, uint64_t sequence, unsigned n)
{
    struct fs_journal_header *h = journal.header;
    h->magic = FS_JOURNAL_MAGIC;
    h->sequence = sequence;
    h->count = n;
    memcpy(h->uuid, fs_super.uuid, sizeof(h->uuid));
    memset(&h->home[n], 0, (FS_JOURNAL_MAX - n) * sizeof(h->home[0]));
    h->pad = 0;
    h->checksum = (uint32_t)xxh64(0, h, offsetof(struct fs_journal_header, checksum));
    writer_add(slot, h);
    int r = writer_drain();
    return r ? r : disk_flush();
}

static int install(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        writer_add(journal.header->home[i], page_kva(journal.pool[i]));
    int r = writer_drain();
    for (unsigned i = 0; i < n && r == 0; i++)
        cache_clean(journal.installing[i]);
    return r;
}

static int commit(void)
{
    uint64_t sequence = journal.running;
    blkno_t slot = journal.slot_start[sequence % 2];
    struct list writing = LIST_INIT(writing);

    unsigned n = close_transaction(&writing);
    int r = write_bodies(slot, n, &writing);
    if (r == 0)
        r = write_header(slot, sequence, n);
    if (r)
        return r;
    spin_lock(&journal.lock);
    journal.committed = sequence;
    wakeup(&journal.committed);
    spin_unlock(&journal.lock);
    return install(n);
}

static void journal_main(void *unused)
{
    (void)unused;
    spin_lock(&journal.lock);
    while (!journal.aborted) {
        uint64_t deadline = journal.deadline;
        if (journal.requested < journal.running && (!deadline || time_monotonic() < deadline)) {
            sleep_interruptible(&journal.requested, &journal.lock, deadline ? deadline : WAIT_FOREVER);
            continue;
        }
        spin_unlock(&journal.lock);
        if (commit() != 0)
            fs_damaged("writing the journal failed");
        spin_lock(&journal.lock);
    }
    for (;;)
        sleep(&journal_main, &journal.lock);
}

void journal_start(void)
{
    kthread_start("journal", journal_main, NULL);
}

void journal_stop(void)
{
    journal_sync(); /* what is not yet at home will be replayed */
    journal_abort();
}

/* ---- mount ---- */

static int alloc_pool(const struct fs_super *sb)
{
    size_t pages = page_total();
    unsigned n = (unsigned)MIN(MAX(pages / 128, POOL_MIN), sb->journal_slot - 1);
    journal.slot_start[0] = sb->journal_start;
    journal.slot_start[1] = sb->journal_start + sb->journal_slot;
    journal.ordered_max = pages / 8;
    journal.max = n;
    journal.pool = kzalloc(n * sizeof(*journal.pool));
    journal.installing = kzalloc(n * sizeof(*journal.installing));
    struct page *header = page_alloc(PAGE_ZERO);
    if (!journal.pool || !journal.installing || !header)
        return -ENOMEM;
    journal.header = page_kva(header);
    for (unsigned i = 0; i < n; i++)
        if (!(journal.pool[i] = page_alloc(0)))
            return -ENOMEM;
    return 0;
}

/* Up to BIO_MAX_BLOCKS blocks into the pool's first pages. */
static int read_blocks(blkno_t block, unsigned n)
{
    struct bio *b = &writers[0];
    *b = (struct bio){.op = BIO_READ, .block = block, .nblocks = n};
    for (unsigned i = 0; i < n; i++)
        b->data[i] = page_kva(journal.pool[i]);
    return disk_wait(b);
}

/* Reads the slot's header into h. Is it valid, and are its bodies? 0 or -EIO. */
static int check_slot(const struct fs_super *sb, unsigned slot, struct fs_journal_header *h, bool *valid)
{
    blkno_t start = journal.slot_start[slot];
    int r = read_blocks(start, 1);
    *valid = false;
    if (r)
        return r;
    memcpy(h, page_kva(journal.pool[0]), sizeof(*h));
    if (h->magic != FS_JOURNAL_MAGIC || memcmp(h->uuid, sb->uuid, sizeof(h->uuid)) != 0 ||
        h->checksum != (uint32_t)xxh64(0, h, offsetof(struct fs_journal_header, checksum)) ||
        h->sequence == 0 || h->sequence % 2 != slot || h->count >= sb->journal_slot)
        return 0;
    uint64_t sum = 0;
    for (unsigned i = 0; i < h->count; i += BIO_MAX_BLOCKS) {
        unsigned n = MIN(h->count - i, BIO_MAX_BLOCKS);
        if ((r = read_blocks(start + 1 + i, n)) != 0)
            return r;
        for (unsigned k = 0; k < n; k++)
            sum = xxh64(sum, page_kva(journal.pool[k]), FS_BLOCK_SIZE);
    }
    if ((uint32_t)sum != h->body_checksum)
        return 0;
    for (unsigned i = 0; i < h->count; i++) /* a whole header can still be a hostile one */
        if (h->home[i] < sb->inode_map_start || h->home[i] >= sb->nblocks - 1)
            return 0;
    *valid = true;
    return 0;
}

static int replay(unsigned slot, const struct fs_journal_header *h)
{
    int r = 0;
    for (unsigned i = 0; i < h->count && r == 0; i += BIO_MAX_BLOCKS) {
        unsigned n = MIN(h->count - i, BIO_MAX_BLOCKS);
        r = read_blocks(journal.slot_start[slot] + 1 + i, n);
        for (unsigned k = 0; k < n && r == 0; k++)
            writer_add(h->home[i + k], page_kva(journal.pool[k]));
        int w = writer_drain();
        r = r ? r : w;
    }
    return r;
}

int journal_recover(const struct fs_super *sb)
{
    int r = alloc_pool(sb);
    struct page *page = page_alloc(0);
    if (r || !page)
        return -ENOMEM; /* the machine cannot go on without its root: nothing is freed */
    struct fs_journal_header *h[2] = {journal.header, page_kva(page)};
    bool valid[2];
    for (unsigned k = 0; k < 2; k++)
        if ((r = check_slot(sb, k, h[k], &valid[k])) != 0)
            return r;
    /* Only the newest one is needed: the one before was at home and flushed before that one's header was
     * written. A transaction that is no longer, or not yet, whole never counted. */
    unsigned newest = valid[1] && (!valid[0] || h[1]->sequence > h[0]->sequence);
    if (valid[newest]) {
        journal.committed = h[newest]->sequence;
        r = replay(newest, h[newest]);
        if (r == 0)
            r = disk_flush();
    }
    journal.running = journal.committed + 1;
    page_put(page);
    return r;
}

/* ---- debug builds ---- */

#ifdef LODE_DEBUG
static size_t check_attached(const struct list *list, unsigned flag)
{
    const struct buf *b;
    size_t n = 0;

    if (!check_list(list, "journal"))
        return 0;
    list_for_each_entry (b, list, link) {
        CHECK(b->flags & flag && b->block != 0, "journal: block %u is in the transaction with flags 0x%x",
              b->block, b->flags);
        n++;
    }
    return n;
}

/* While a handle is open, its holder may be between adding a buf and counting it; so may the commit. */
void journal_check(void)
{
    size_t blocks = check_attached(&journal.blocks, BUF_JOURNALED);
    size_t ordered = check_attached(&journal.ordered, BUF_ORDERED);

    CHECK(journal.committed < journal.running && journal.requested <= journal.running,
          "journal: transaction %lu runs, %lu is committed, %lu requested", journal.running,
          journal.committed, journal.requested);
    CHECK(journal.count <= journal.max, "journal: %u blocks in a transaction, of %u", journal.count,
          journal.max);
    if (journal.handles > 0 || journal.closing)
        return;
    CHECK(journal.reserved == 0, "journal: %u credits taken by no handle", journal.reserved);
    CHECK(blocks == journal.count && ordered == journal.ordered_count,
          "journal: %lu blocks and %lu pages in the transaction, %u and %lu counted", blocks, ordered,
          journal.count, journal.ordered_count);
    CHECK(blocks == 0 || journal.deadline, "journal: %lu blocks have changed, but no commit is due", blocks);
}
#endif
