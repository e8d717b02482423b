/* Failures on demand: a test says that the n-th allocation of memory, or the n-th request to the disk, is to fail, and
 * what the kernel does then must be what docs/guarantees.md promises.
 *
 * The character device 10:240, which a test makes a node for, takes a line at each write:
 *
 *   alloc N   the N-th allocation from now on (1: the next) that the writing process causes fails: of a page, whatever it
 *             is for, an object of a slab, or odd sizes. Those of other processes do not count.
 *   read N    the N-th request of that kind fails with an I/O error, whoever makes it, since the journal's
 *   write N   thread writes for all. Nothing is read, or written.
 *   flush N
 *   off       nothing fails any more. What has been counted stays
 *   drop      not a failure: the page cache lets go of all that it can, so that reading needs memory and the disk
 *
 * With a + behind N all later ones fail, too. A read gives "struck S of M": how many have failed, of how many that
 * counted since the last line that was no "off". One test uses this at a time. */
#include "debug/debug.h"

#include "abi/errno.h"
#include "fs/disk.h"
#include "fs/file.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/page.h"
#include "proc/proc.h"

enum { MAJOR = 10, MINOR = 240 };
_Static_assert(FAIL_READ + BIO_WRITE == FAIL_WRITE && FAIL_READ + BIO_FLUSH == FAIL_FLUSH,
               "disk.c adds them up");

static struct {
    enum debug_failure what; /* FAIL_NONE: off. Written last: the rest is constant while it is another */
    int pid;                 /* whose allocations count */
    uint64_t n;
    bool later;            /* those after the n-th fail, too */
    uint64_t seen, struck; /* atomic */
} failing;

bool debug_fails(enum debug_failure what)
{
    if (likely(__atomic_load_n(&failing.what, __ATOMIC_ACQUIRE) != what) ||
        (what == FAIL_ALLOC && current()->pid != failing.pid))
        return false;
    uint64_t place = __atomic_add_fetch(&failing.seen, 1, __ATOMIC_RELAXED);
    bool strikes = place == failing.n || (place > failing.n && failing.later);
    if (strikes)
        __atomic_fetch_add(&failing.struck, 1, __ATOMIC_RELAXED);
    return strikes;
}

static int arm(enum debug_failure what, const char *number)
{
    uint64_t n = 0;

    for (; *number >= '0' && *number <= '9' && n < 1ul << 32; number++)
        n = 10 * n + (uint64_t)(*number - '0');
    bool later = *number == '+';
    if (n == 0 || number[later])
        return -EINVAL;
    failing.pid = current()->pid;
    failing.n = n;
    failing.later = later;
    failing.seen = failing.struck = 0;
    __atomic_store_n(&failing.what, what, __ATOMIC_RELEASE);
    return 0;
}

static int obey(const char *line)
{
    static const char *const names[] = {
        [FAIL_ALLOC] = "alloc ", [FAIL_READ] = "read ", [FAIL_WRITE] = "write ", [FAIL_FLUSH] = "flush "};

    __atomic_store_n(&failing.what, FAIL_NONE, __ATOMIC_RELEASE);
    if (!strcmp(line, "off"))
        return 0;
    if (!strcmp(line, "drop")) {
        for (unsigned i = 0; i < 3;
             i++) /* pages that were used get a second chance, and inodes go when pages are gone */
            while (page_reclaim_hook(SIZE_MAX))
                ;
        return 0;
    }
    for (unsigned what = FAIL_ALLOC; what < ARRAY_SIZE(names); what++)
        if (!strncmp(line, names[what], strlen(names[what])))
            return arm((enum debug_failure)what, line + strlen(names[what]));
    return -EINVAL;
}

static ssize_t fail_write(struct file *f, struct uio *u, uint64_t *at)
{
    char line[32] = "";
    size_t n = u->left;
    (void)at;

    if (DEV_MINOR(f->inode->rdev) != MINOR)
        return -ENXIO;
    if (n >= sizeof(line))
        return -EINVAL;
    int err = uio_write(u, line, n);
    if (n > 0 && line[n - 1] == '\n')
        line[n - 1] = '\0';
    if (!err)
        err = obey(line);
    return err ? err : (ssize_t)n;
}

static ssize_t fail_read(struct file *f, struct uio *u, uint64_t *at)
{
    char line[64];
    size_t wanted = u->left;
    (void)at;

    if (DEV_MINOR(f->inode->rdev) != MINOR)
        return -ENXIO;
    int n = snprintf(line, sizeof(line), "struck %lu of %lu\n", failing.struck, failing.seen);
    int err = uio_read(u, line, (size_t)n);
    return err ? err : (ssize_t)(wanted - u->left);
}

void debug_fail_init(void)
{
    static const struct file_ops ops = {.read = fail_read, .write = fail_write};
    device_register(MAJOR, &ops);
}
