/* The file system as a whole: mounting, damage, sync, shutdown, statistics. */
#include "fs/fs.h"
#include "abi/errno.h"
#include "fs/balloc.h"
#include "fs/diskfs.h"
#include "fs/journal.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "lib/xxh64.h"
#include "mm/page.h"

struct fs_super fs_super;
static struct inode *root;

void fs_damaged(const char *format, ...)
{
    char text[120];
    va_list args;
    if (journal_aborted())
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    journal_abort();
    printk("lode fs: %s: the file system is read-only from now on\n", text);
}

static bool after(uint64_t start, uint64_t blocks, uint64_t next)
{
    return start + blocks <= next;
}

/* What is wrong with the super block; NULL: nothing. */
static const char *check_super(const struct fs_super *s)
{
    if (s->magic != FS_MAGIC)
        return "this is no lode file system (magic number)";
    if (s->version != FS_VERSION) /* before the checksum, which was another one in version 1 */
        return "the file system is of another version: mkfs makes a new one";
    if (s->checksum != (uint32_t)xxh64(0, s, offsetof(struct fs_super, checksum)))
        return "the super block's checksum is wrong";
    if (s->block_size != FS_BLOCK_SIZE)
        return "the block size is unknown";
    if (s->nblocks > disk_blocks())
        return "the file system is larger than the disk";
    uint64_t bodies = s->journal_slot;
    if (bodies < 64 || bodies > FS_JOURNAL_MAX + 1)
        return "the journal's size is impossible";
    if (s->journal_start < 1 || !after(s->journal_start, 2 * bodies, s->inode_map_start) ||
        !after(s->inode_map_start, s->inode_map_blocks, s->block_map_start) ||
        !after(s->block_map_start, s->block_map_blocks, s->inode_start) ||
        !after(s->inode_start, s->inode_blocks, s->data_start) || !after(s->data_start, 2, s->nblocks))
        return "regions of the disk overlap";
    if (s->ninodes > (uint64_t)s->inode_map_blocks * FS_BITS_PER_BLOCK ||
        s->nblocks > (uint64_t)s->block_map_blocks * FS_BITS_PER_BLOCK ||
        s->ninodes > (uint64_t)s->inode_blocks * FS_INODES_PER_BLOCK)
        return "a map or the inode table is too small";
    if (s->root != FS_ROOT_INO || s->ninodes <= FS_ROOT_INO)
        return "there is no root directory";
    return NULL;
}

static int read_super(void)
{
    struct page *page = page_alloc(0);
    if (!page)
        return -ENOMEM;
    struct bio b = {.op = BIO_READ, .block = 0, .nblocks = 1, .data = {page_kva(page)}};
    int r = disk_wait(&b);
    memcpy(&fs_super, page_kva(page), sizeof(fs_super));
    page_put(page);
    return r;
}

/* In order; the first step that fails is the reason. */
static int mount_steps(const char **step)
{
    int r;
    *step = "reading the super block";
    if ((r = read_super()) != 0)
        return r;
    if ((*step = check_super(&fs_super)) != NULL)
        return -EINVAL;
    *step = "replaying the journal";
    if ((r = journal_recover(&fs_super)) != 0)
        return r;
    *step = "reading the bitmaps";
    if ((r = cache_init()) != 0 || (r = balloc_init()) != 0)
        return r;
    *step = "reading the inode table";
    if ((r = inode_table_init()) != 0)
        return r;
    journal_start();
    inode_recover_orphans(); /* a broken list has been reported; reading is possible */
    *step = "reading the root directory";
    if ((r = inode_find(FS_ROOT_INO, false, &root)) != 0)
        return r;
    return S_ISDIR(root->mode) ? 0 : -ENOTDIR;
}

int fs_mount(void)
{
    const char *step;
    if (disk_blocks() < 2) {
        printk("lode fs: there is no disk\n");
        return -ENODEV;
    }
    int r = mount_steps(&step);
    if (!r)
        printk("lode: file system: %lu of %u blocks free, transaction %lu\n", balloc_free_blocks(),
               fs_super.nblocks, journal_running());
    else
        printk("lode fs: cannot mount: %s%s\n", step,
               r == -ENOMEM ? ": too little memory"
               : r == -EIO  ? ": disk error"
                            : "");
    return r;
}

int fs_sync(void)
{
    return journal_sync();
}

void fs_shutdown(void)
{
    if (root)
        journal_stop();
}

struct inode *fs_root(void)
{
    inode_get(root);
    return root;
}

void fs_statfs(struct abi_statfs *st)
{
    uint64_t free = balloc_free_blocks();
    *st = (struct abi_statfs){.type = (int32_t)FS_MAGIC,
                              .bsize = FS_BLOCK_SIZE,
                              .frsize = FS_BLOCK_SIZE,
                              .blocks = fs_super.nblocks - 1 - fs_super.data_start,
                              .bfree = free,
                              .bavail = free,
                              .files = fs_super.ninodes,
                              .ffree = balloc_free_inodes(),
                              .namelen = FS_NAME_MAX};
}
