/* The content of files: reading with read-ahead, writing, symbolic links' targets.
 *
 * A file's pages are bufs found by (inode, page number). A page of a hole is a page of zeros without a block.
 * The bytes behind the end of the file in its last page are zeros, in memory and on disk, so that a file that
 * grows never shows old data; shrinking cleans the page (inode.c).
 *
 * User bytes are copied with the inode locked, so with the copies that do not fault; where such a copy comes
 * up short, all locks are released, the page is brought in, and the loop goes on.
 *
 * A write of up to WRITE_CHUNK bytes is one handle. The page is filled first and gets its block afterwards:
 * with no space left the bytes are taken back, and no block is ever in a file without its content. */
#include "abi/errno.h"
#include "abi/fsformat.h"
#include "fs/diskfs.h"
#include "fs/journal.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/page.h"
#include "proc/proc.h"
#include "trap/timer.h"

#define AHEAD_MIN   8
#define AHEAD_MAX   64
#define WRITE_CHUNK (64ul << 10)

static uint64_t pages(uint64_t size)
{
    return (size + PAGE_SIZE - 1) >> PAGE_SHIFT;
}

/* Starts to read the pages [first, first+n) as far as they are in the file and not in memory. */
static int start_read(struct inode *ip, uint64_t first, uint64_t n)
{
    uint64_t end = MIN(first + n, pages(ip->size));
    struct cache_read *run = NULL;
    int r = 0;
    for (uint64_t i = first; i < end && r == 0; i++) {
        struct buf *b = cache_get(ip, i);
        if (!b) {
            r = -ENOMEM;
        } else if (!cache_claim(b)) {
            cache_put(b);
        } else if ((r = imap_find(ip, i, &b->block)) != 0 || b->block == 0) {
            memset(b->data, 0, PAGE_SIZE);
            cache_set_valid(b, r == 0);
            cache_put(b);
        } else {
            r = cache_read_add(&run, b);
        }
    }
    cache_read_submit(&run);
    return r;
}

/* The read-ahead, where page `index` is wanted and not in memory: how many pages to read. A read at the place
 * where the last one ended is taken as sequential: the window doubles, and passing its middle will start
 * the next one. */
static uint64_t window(struct fs_private *f, uint64_t index, uint64_t want)
{
    uint64_t n = MIN(want, AHEAD_MAX);
    if (index == 0 || index == f->ahead_next) {
        f->ahead_pages = MIN(MAX(2 * f->ahead_pages, AHEAD_MIN), AHEAD_MAX);
        n = MAX(n, f->ahead_pages);
        f->ahead_mark = index + n / 2;
    } else {
        f->ahead_pages = 0;
        f->ahead_mark = UINT64_MAX;
    }
    f->ahead_next = index + n;
    return n;
}

/* file_page, where the page is not simply there: b is what the cache has, referenced, or NULL. */
int file_page_slow(struct inode *ip, uint64_t index, uint64_t want, struct buf *b, struct buf **result)
{
    struct fs_private *f = ip->fs;
    int r = 0;
    if (!b && !(b = cache_get(ip, index)))
        return -ENOMEM;
    if (index == f->ahead_mark) {
        f->ahead_pages = MIN(2 * f->ahead_pages, AHEAD_MAX);
        f->ahead_mark = f->ahead_next;
        f->ahead_next += f->ahead_pages;
        start_read(ip, f->ahead_mark, f->ahead_pages); /* a hint: errors come back when the page is wanted */
    }
    cache_wait(b, BUF_READING);
    if (!cache_is_valid(b)) {
        r = start_read(ip, index, window(f, index, want));
        cache_wait(b, BUF_READING);
    }
    if (cache_is_valid(b)) {
        *result = b;
        return 0;
    }
    cache_put(b);
    return r ? r : -EIO;
}

/* Of the request, what is on the page of the file where it goes on, up to where a fault is needed; *place moves on.
 * 0, -EIO, -ENOMEM. */
static inline int read_page(struct inode *ip, struct uio *u, uint64_t *place)
{
    struct buf *b;
    if (*place >= ip->size)
        return 0;
    int r = file_page(ip, *place >> PAGE_SHIFT, pages(*place % PAGE_SIZE + u->left), &b);
    if (unlikely(r))
        return r;
    size_t in = *place % PAGE_SIZE, n = MIN(PAGE_SIZE - in, ip->size - *place);
    *place += uio_read_nofault(u, (char *)b->data + in, n);
    cache_put(b);
    return 0;
}

/* What is left of the request, with faults where they are needed. 0, -EIO, -ENOMEM, -EFAULT. */
__attribute__((noinline)) static int read_on(struct inode *ip, struct uio *u, uint64_t *place)
{
    int r = 0;
    while (r == 0 && u->left > 0 && *place < ip->size) {
        uint64_t before = *place;
        r = read_page(ip, u, place);
        if (r == 0 && *place == before) {
            uint64_t rest = ip->size - *place;
            inode_unlock(ip);
            r = uio_prefault(u, MIN(rest, PAGE_SIZE), true);
            inode_lock(ip);
        }
    }
    return r;
}

ssize_t file_read(struct inode *ip, struct uio *u, uint64_t *place)
{
    size_t left = u->left;
    int r = 0;
    inode_lock(ip);
    if (ip->atime <=
        ip->mtime) /* as "relatime": the first read after a change counts, and is not worth a transaction */
        ip->atime = (int64_t)time_of_day();
    r = read_page(ip, u, place);
    if (unlikely(u->left > 0) && r == 0)
        r = read_on(ip, u, place);
    inode_unlock(ip);
    return u->left < left ? (ssize_t)(left - u->left) : r;
}

ssize_t file_readlink(struct inode *ip, char *buf, size_t size)
{
    struct buf *b;
    int r = file_page(ip, 0, 1, &b);
    if (r)
        return r;
    size = MIN(size, ip->size);
    memcpy(buf, b->data, size);
    cache_put(b);
    return (ssize_t)size;
}

int inode_page(struct inode *ip, uint64_t index, struct page **result)
{
    if (!ip->fs)
        return -ENODEV;
    inode_lock(ip);
    struct buf *b;
    int r = index < pages(ip->size) ? file_page(ip, index, 1, &b) : -ENXIO;
    if (r == 0) {
        page_get(b->page);
        *result = b->page;
        cache_put(b);
    }
    inode_unlock(ip);
    return r;
}

/* A page to write into, not on its way to the disk. It is valid, except where `whole` says that all of it
 * will be overwritten; its block is known. */
static int page_for_write(struct inode *ip, uint64_t index, bool whole, struct buf **result)
{
    struct buf *b = cache_get(ip, index);
    int r = 0;
    if (!b)
        return -ENOMEM;
    if (unlikely(b->flags & (BUF_READING | BUF_WRITING)))
        cache_wait(b, BUF_READING | BUF_WRITING);
    if (!(b->flags & BUF_UPTODATE)) {
        bool inside = index < pages(ip->size);
        b->block = 0;
        if (inside && whole) {
            r = imap_find(ip, index, &b->block);
        } else if (inside) {
            cache_put(b);
            return file_page(ip, index, 1, result);
        } else if (!whole) {
            memset(b->data, 0, PAGE_SIZE);
            cache_set_valid(b, true);
        }
    }
    if (r)
        cache_put(b);
    *result = b;
    return r;
}

/* Moves n bytes, which lie in one page, from u to the file. Bytes moved, fewer where a copy would fault; or
 * -E. */
static ssize_t write_page(struct inode *ip, struct uio *u, uint64_t offset, size_t n)
{
    struct buf *b;
    size_t in = offset % PAGE_SIZE;
    int r = page_for_write(ip, offset >> PAGE_SHIFT, n == PAGE_SIZE, &b);
    if (r)
        return r;
    bool valid = b->flags & BUF_UPTODATE;
    size_t moved = uio_write_nofault(u, (char *)b->data + in, n);
    bool drop = moved == 0 || (!valid && moved < n); /* what was in the page before is not known */
    if (!drop && b->block == 0) {
        r = imap_alloc(ip, offset >> PAGE_SHIFT, &b->block);
        if (r == 0)
            journal_ordered(b);
        drop = r != 0;
    } else if (!drop) {
        journal_write(b);
    }
    if (!drop && !valid)
        cache_set_valid(b, true);
    if (drop && valid && r)
        memset((char *)b->data + in, 0, moved); /* a hole's page stays zero */
    cache_put(b);
    if (drop) {
        u->addr -= moved;
        u->left += moved;
        return r;
    }
    ip->size = MAX(ip->size, offset + moved);
    return (ssize_t)moved;
}

/* One transaction's worth at *place, or at the end of the file; *place moves on. */
static ssize_t write_chunk(struct inode *ip, struct uio *u, uint64_t *place, bool append)
{
    size_t n = MIN(u->left, WRITE_CHUNK), done = 0;
    unsigned npages = (unsigned)(n / PAGE_SIZE + 2), maps = fs_super.block_map_blocks;
    unsigned credits = npages + MIN(npages + 8, maps) + 8; /* data, bitmaps, inode and blocks of pointers */
    ssize_t r = inode_begin(ip, credits);
    if (r)
        return r;
    if (append)
        *place = ip->size;
    if (*place >= FS_MAX_SIZE)
        r = -EFBIG;
    else
        n = MIN(n, FS_MAX_SIZE - *place);
    while (r == 0 && done < n) {
        size_t part = MIN(n - done, PAGE_SIZE - *place % PAGE_SIZE);
        ssize_t moved = write_page(ip, u, *place, part);
        if (moved > 0) {
            done += (size_t)moved;
            *place += (uint64_t)moved;
        }
        if (moved < (ssize_t)part) {
            r = MIN(moved, 0);
            break;
        }
    }
    if (done > 0)
        inode_update(ip, true);
    inode_end(ip, credits);
    return done > 0 ? (ssize_t)done : r;
}

static ssize_t write_all(struct inode *ip, struct uio *u, uint64_t *place, bool append)
{
    size_t done = 0;
    bool tried = false;
    while (u->left > 0) {
        int fault = u->kernel ? 0 : uio_prefault(u, MIN(u->left, WRITE_CHUNK), false);
        ssize_t r = write_chunk(ip, u, place, append);
        if (r > 0) {
            done += (size_t)r;
        } else if (r < 0 && !journal_retry((int)r, &tried)) {
            return done > 0 ? (ssize_t)done : r;
        } else if (r == 0 && (fault || signal_pending())) { /* without a fault it goes on, but can be ended */
            return done > 0 ? (ssize_t)done : fault ? fault : -EINTR;
        }
    }
    return (ssize_t)done;
}

ssize_t file_write(struct inode *ip, struct uio *u, uint64_t *place)
{
    if (!S_ISREG(ip->mode))
        return S_ISDIR(ip->mode) ? -EISDIR : -EINVAL;
    return write_all(ip, u, place, false);
}

ssize_t inode_append(struct inode *ip, struct uio *u, uint64_t *place)
{
    if (ip->fs && S_ISREG(ip->mode))
        return write_all(ip, u, place, true);
    *place = 0;
    return inode_write(ip, u, place);
}

int file_new_page(struct inode *ip, uint64_t index, struct buf **result)
{
    struct buf *b = cache_get(ip, index);
    if (!b)
        return -ENOMEM;
    cache_wait(b, BUF_READING | BUF_WRITING);
    int r = imap_alloc(ip, index, &b->block);
    if (r) {
        cache_put(b);
        return r;
    }
    memset(b->data, 0, PAGE_SIZE);
    cache_set_valid(b, true);
    journal_write(b);
    *result = b;
    return 0;
}
