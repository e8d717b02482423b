/* fsck: checks a file-system image, and repairs it with -y.
 *
 * It shares the description of the format (kernel/abi/fsformat.h, docs/fs-format.md) and the checksum
 * (kernel/lib/xxh64.c) with the kernel, and else no code with anybody, so that a mistake is not made twice.
 *
 * The image is mapped into memory: privately with -n, so that whatever is "repaired" there is thrown away;
 * shared with -y. So each step below finds an error, says so and mends it at once, and the steps after it
 * work on something that is already right:
 *
 *   1. super block, or else its copy: geometry
 *   2. journal: committed transactions are replayed
 *   3. orphan list
 *   4. names: a silent walk through the tree, so that messages can say which file they are about
 *   5. inodes: every field, every block pointer. owner[] says whose each block is; a pointer out of range, or
 * to a block that has an owner, is cleared. After that all maps of files are trees, and no block is in two of
 * them.
 *   6. directories, from the root: every entry. After that what is reached is a tree of directories.
 *   7. inodes that no directory names: into /lost+found, or freed when there is nothing in them
 *   8. link counts and bitmaps
 *   9. with -y: orphans are freed
 *
 * No image may make it crash or run for ever: the super block's geometry is checked against the image's size;
 * all other numbers are checked before use; a block is walked through only by the inode that has got it.
 *
 * Exit status: 0 clean, 1 errors repaired, 2 usage, 4 errors left, 8 cannot be checked. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ino_t fs_ino_t /* the host has a type of that name */
#include "abi/fsformat.h"
#include "lib/xxh64.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "structures are used as they are on the disk");

enum { CLEAN = 0, REPAIRED = 1, USAGE = 2, ERRORS_LEFT = 4, CANNOT_CHECK = 8 };

#define MAX_MESSAGES 1000 /* lines about errors; more are only counted */
#define MAX_ROUNDS   5    /* of checking again what was repaired */
#define TARGET_MAX   4095 /* bytes in the target of a symbolic link */
#define MIN_SLOT     64   /* blocks in a slot of the journal */
#define NOBODY       0u   /* owner of a free block */
#define SYSTEM       ~0u  /* owner of the super blocks, journal, maps and tables */
#define NO_HOLE      UINT64_MAX

/* What is found out about an inode. */
struct info {
    fs_ino_t parent;    /* of the name */
    char *name;         /* one of its names; NULL: none is known */
    uint32_t links;     /* entries found that name it */
    bool reached;       /* from the root */
    bool orphan;        /* on the orphan list */
    bool named_by_lost; /* step 7: an unreached directory names it */
};

static const char *image_path;
static uint8_t *image; /* the mapped file */
static uint64_t image_blocks;
static bool repair, quiet;
static unsigned errors, unrepaired, messages;

static struct fs_super super;
static struct info *info; /* by inode number */
static uint32_t *owner;   /* by block number */
static fs_ino_t *queue;   /* step 6: directories to look into */
static uint32_t queue_head, queue_tail;

/* ---- Messages and small things ---- */

static void print_error(const char *format, va_list args)
{
    errors++;
    if (++messages > MAX_MESSAGES)
        return;
    vprintf(format, args);
    putchar('\n');
}

/* An error that the caller repairs. */
__attribute__((format(printf, 1, 2))) static void error(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    print_error(format, args);
    va_end(args);
}

/* One that stays. */
__attribute__((format(printf, 1, 2))) static void error_left(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    print_error(format, args);
    va_end(args);
    unrepaired++;
}

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...)
{
    va_list args;

    if (quiet)
        return;
    printf("note: ");
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

__attribute__((format(printf, 1, 2))) static _Noreturn void cannot_check(const char *format, ...)
{
    va_list args;

    fflush(stdout);
    fprintf(stderr, "fsck: %s: ", image_path);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(CANNOT_CHECK);
}

static void *allocate(uint64_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size);

    if (!p)
        cannot_check("out of memory");
    return p;
}

static void *block_at(uint64_t block)
{
    return image + block * FS_BLOCK_SIZE;
}

static struct fs_inode *inode_at(fs_ino_t ino)
{
    return (struct fs_inode *)block_at(super.inode_start) + ino;
}

static bool is_dir(fs_ino_t ino)
{
    return S_ISDIR(inode_at(ino)->mode);
}

static bool is_data_block(blkno_t block)
{
    return block >= super.data_start && block < super.nblocks - 1;
}

static uint64_t size_in_blocks(const struct fs_inode *ip)
{
    return ip->size / FS_BLOCK_SIZE + (ip->size % FS_BLOCK_SIZE != 0);
}

static bool is_zero(const void *data, size_t n)
{
    const uint8_t *p = data;

    return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

/* Some bytes of a name as text; the longest name has FS_NAME_MAX. */
static const char *printable(const char *name)
{
    static char buf[FS_NAME_MAX + 1];
    size_t n = strnlen(name, FS_NAME_MAX);

    for (size_t i = 0; i < n; i++)
        buf[i] = isprint((unsigned char)name[i]) ? name[i] : '?';
    buf[n] = '\0';
    return buf;
}

/* "inode 17 (/a/b)". The result stays good for one more call. */
static const char *who(fs_ino_t ino)
{
    static char results[2][1024];
    static int turn;
    char path[900], *start = path + sizeof(path) - 1, *result = results[turn ^= 1];
    fs_ino_t at = ino;

    *start = '\0';
    if (ino == super.root)
        *--start = '/';
    for (int depth = 0; at != super.root && info[at].name && depth < 100; depth++, at = info[at].parent) {
        const char *name = printable(info[at].name);
        size_t n = strlen(name);

        if (start < path + n + 5) {
            start -= 3;
            memcpy(start, "...", 3);
            break;
        }
        start -= n;
        memcpy(start, name, n);
        *--start = '/';
    }
    snprintf(result, sizeof(results[0]), *start ? "inode %u (%s)" : "inode %u", ino, start);
    return result;
}

/* ---- 1. The super block ---- */

struct range {
    const char *name;
    uint64_t start, count, needed;
};

/* What is wrong with a super block; NULL: nothing. */
static const char *super_fault(const struct fs_super *s)
{
    if (s->magic != FS_MAGIC)
        return "has no magic number of this file system";
    if (s->version != FS_VERSION) /* before the checksum, which was another one in version 1 */
        return "is of another version";
    if (s->checksum != (uint32_t)xxh64(0, s, offsetof(struct fs_super, checksum)))
        return "has a wrong checksum";
    if (s->block_size != FS_BLOCK_SIZE)
        return "has a wrong block size";
    if (s->nblocks < 8 || s->ninodes < 2 || s->root != FS_ROOT_INO || s->data_start >= s->nblocks)
        return "has impossible numbers";
    if (s->nblocks > image_blocks)
        return "describes a larger file system than the image has room for";
    if (s->journal_slot < MIN_SLOT || s->journal_slot > FS_JOURNAL_MAX + 1)
        return "has a journal of impossible size";

    uint64_t nblocks = s->nblocks, ninodes = s->ninodes;
    const struct range ranges[] = {
        {"super block", 0, 1, 1},
        {"journal", s->journal_start, 2ull * s->journal_slot, 2 * MIN_SLOT},
        {"inode map", s->inode_map_start, s->inode_map_blocks,
         (ninodes + FS_BITS_PER_BLOCK - 1) / FS_BITS_PER_BLOCK},
        {"block map", s->block_map_start, s->block_map_blocks,
         (nblocks + FS_BITS_PER_BLOCK - 1) / FS_BITS_PER_BLOCK},
        {"inode table", s->inode_start, s->inode_blocks,
         (ninodes + FS_INODES_PER_BLOCK - 1) / FS_INODES_PER_BLOCK},
        {"data area", s->data_start, nblocks - s->data_start, 2},
    };
    uint64_t end = 0;
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        const struct range *r = &ranges[i];

        if (r->start < end || r->start + r->count > nblocks || r->count < r->needed)
            return "has areas that overlap, leave the disk or are too small";
        end = r->start + r->count;
    }
    return NULL;
}

static void check_super(void)
{
    struct fs_super first, copy;
    const char *fault, *copy_fault;

    memcpy(&first, block_at(0), sizeof(first));
    fault = super_fault(&first);
    uint64_t copy_block = (fault ? image_blocks : first.nblocks) - 1;
    memcpy(&copy, block_at(copy_block), sizeof(copy));
    copy_fault = super_fault(&copy);
    if (!copy_fault && copy.nblocks != copy_block + 1)
        copy_fault = "describes a file system of another size";
    if (fault && copy_fault)
        cannot_check("no lode file system: the super block %s, and its copy in block %llu %s", fault,
                     (unsigned long long)copy_block, copy_fault);
    if (fault) {
        error("the super block %s; its copy in block %llu is good", fault, (unsigned long long)copy_block);
        memcpy(block_at(0), block_at(copy_block), FS_BLOCK_SIZE);
        first = copy;
    } else if (memcmp(&first, &copy, sizeof(first)) != 0) {
        error("the super block's copy in block %llu %s", (unsigned long long)copy_block,
              copy_fault ? copy_fault : "differs from it");
        memcpy(block_at(copy_block), block_at(0), FS_BLOCK_SIZE);
    }
    super = first;
}

/* ---- 2. The journal ---- */

static const struct fs_journal_header *slot_header(unsigned slot)
{
    return block_at(super.journal_start + (uint64_t)slot * super.journal_slot);
}

static bool slot_is_valid(unsigned slot)
{
    const struct fs_journal_header *h = slot_header(slot);

    if (h->magic != FS_JOURNAL_MAGIC || memcmp(h->uuid, super.uuid, sizeof(h->uuid)) != 0 ||
        h->checksum != (uint32_t)xxh64(0, h, offsetof(struct fs_journal_header, checksum)) ||
        h->sequence == 0 || h->sequence % 2 != slot || h->count > FS_JOURNAL_MAX ||
        h->count > super.journal_slot - 1)
        return false;
    const uint8_t *body = (const uint8_t *)h;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < h->count; i++)
        sum = xxh64(sum, body += FS_BLOCK_SIZE, FS_BLOCK_SIZE);
    if (h->body_checksum != (uint32_t)sum)
        return false;
    for (uint32_t i = 0; i < h->count; i++)
        if (h->home[i] < super.inode_map_start || h->home[i] >= super.nblocks - 1) {
            note("transaction %llu of the journal is left out: it contains block %u",
                 (unsigned long long)h->sequence, h->home[i]);
            return false;
        }
    return true;
}

static void replay(unsigned slot)
{
    const struct fs_journal_header *h = slot_header(slot);
    const uint8_t *body = (const uint8_t *)h;

    for (uint32_t i = 0; i < h->count; i++)
        memcpy(block_at(h->home[i]), body += FS_BLOCK_SIZE, FS_BLOCK_SIZE);
}

/* The newest valid transaction counts, and it alone, as when the kernel mounts it: with the one before as well, damage that the
 * kernel would meet could be covered up here. After a repair the journal has to be empty: else the next mount would write
 * it over what has been repaired. */
static void check_journal(void)
{
    bool valid[2] = {slot_is_valid(0), slot_is_valid(1)};

    if (!valid[0] && !valid[1])
        return;
    unsigned newest = valid[1] && (!valid[0] || slot_header(1)->sequence > slot_header(0)->sequence);
    replay(newest);
    note("the journal is replayed up to transaction %llu", (unsigned long long)slot_header(newest)->sequence);
    if (repair && msync(image, image_blocks * FS_BLOCK_SIZE, MS_SYNC) != 0)
        cannot_check("cannot write: %s", strerror(errno));
    memset(block_at(super.journal_start), 0, FS_BLOCK_SIZE);
    memset(block_at(super.journal_start + super.journal_slot), 0, FS_BLOCK_SIZE);
}

/* ---- 3. The orphan list ---- */

static void check_orphans(void)
{
    fs_ino_t previous = 0, ino;

    while ((ino = inode_at(previous)->next_orphan) != 0) {
        const char *fault = ino >= super.ninodes       ? "does not exist"
                            : inode_at(ino)->mode == 0 ? "is free"
                            : ino == super.root        ? "is the root directory"
                            : info[ino].orphan         ? "is on it already"
                                                       : NULL;

        if (fault) {
            error("the list of orphans is broken after inode %u: inode %u follows, which %s", previous, ino,
                  fault);
            inode_at(previous)->next_orphan = 0;
            return;
        }
        info[ino].orphan = true;
        previous = ino;
    }
}

static void note_orphans(void)
{
    for (fs_ino_t ino = 1; ino < super.ninodes; ino++)
        if (info[ino].orphan)
            note("%s is an orphan: %s", who(ino),
                 inode_at(ino)->nlink == 0 ? "it is to be deleted" : "blocks beyond its end are to be freed");
}

/* ---- Maps of files ---- */

/* The place of the pointer to a file's block. NULL: a pointer on the way is none. The map is right already,
 * or the result is checked by the caller. */
static blkno_t *pointer_to(struct fs_inode *ip, uint64_t index)
{
    uint64_t span = FS_NPTRS;
    int level = 0;

    if (index < FS_NDIRECT)
        return &ip->direct[index];
    for (index -= FS_NDIRECT; index >= span; span *= FS_NPTRS) {
        index -= span;
        if (++level == 3)
            return NULL;
    }
    blkno_t *p = &ip->indirect[level];
    while (level-- >= 0) {
        if (!is_data_block(*p))
            return NULL;
        span /= FS_NPTRS;
        p = (blkno_t *)block_at(*p) + index / span;
        index %= span;
    }
    return p;
}

static struct fs_dirent *dir_block(fs_ino_t dir, uint64_t index)
{
    blkno_t *p = pointer_to(inode_at(dir), index);

    return p && is_data_block(*p) ? block_at(*p) : NULL;
}

/* Frees what the pointer leads to from index `keep` of the file on; the map is right. `index` is the first
 * block that the pointer covers. Returns how many blocks were freed. */
static uint64_t prune(blkno_t *p, int levels, uint64_t index, uint64_t keep)
{
    uint64_t freed = 0, span = 1;

    if (*p == 0)
        return 0;
    for (int i = 1; i < levels; i++)
        span *= FS_NPTRS;
    for (unsigned i = 0; levels > 0 && i < FS_NPTRS; i++)
        freed += prune((blkno_t *)block_at(*p) + i, levels - 1, index + i * span, keep);
    if (index >= keep) {
        owner[*p] = NOBODY;
        *p = 0;
        freed++;
    }
    return freed;
}

static void prune_inode(struct fs_inode *ip, uint64_t keep)
{
    uint64_t index = FS_NDIRECT, span = FS_NPTRS;

    for (unsigned i = 0; i < FS_NDIRECT; i++)
        ip->nblocks -= prune(&ip->direct[i], 0, i, keep);
    for (int level = 0; level < 3; level++, index += span, span *= FS_NPTRS)
        ip->nblocks -= prune(&ip->indirect[level], level + 1, index, keep);
}

/* Makes an inode free. Its map is right. */
static void clear_inode(fs_ino_t ino)
{
    struct fs_inode *ip = inode_at(ino);

    prune_inode(ip, 0);
    /* The generation goes on; and an orphan stays on its list until that is dissolved, but a free one is an
     * error. */
    *ip = (struct fs_inode){.generation = ip->generation, .next_orphan = ip->next_orphan};
    if (!info[ino].orphan)
        return;
    info[ino].orphan = false;
    for (fs_ino_t at = 0; at < super.ninodes; at++)
        if (inode_at(at)->next_orphan == ino && (at == 0 || info[at].orphan))
            inode_at(at)->next_orphan = ip->next_orphan;
    ip->next_orphan = 0;
}

static blkno_t new_block(fs_ino_t ino)
{
    for (blkno_t b = super.data_start; b < super.nblocks - 1; b++)
        if (owner[b] == NOBODY) {
            owner[b] = ino;
            inode_at(ino)->nblocks++;
            memset(block_at(b), 0, FS_BLOCK_SIZE);
            return b;
        }
    return 0;
}

/* ---- 4. Names ---- */

static size_t name_length(const struct fs_dirent *e)
{
    return strnlen(e->name, FS_NAME_MAX);
}

static bool is_dot(const struct fs_dirent *e)
{
    return strncmp(e->name, ".", FS_NAME_MAX) == 0 || strncmp(e->name, "..", FS_NAME_MAX) == 0;
}

static void remember_name(fs_ino_t ino, fs_ino_t parent, const struct fs_dirent *e)
{
    if (info[ino].name || ino == super.root)
        return;
    info[ino].name = strndup(e->name, FS_NAME_MAX);
    info[ino].parent = parent;
}

static void queue_push(fs_ino_t ino)
{
    queue[queue_tail++] = ino;
}

/* Nothing is checked yet: only what looks right is followed, and no more blocks than there are. */
static void find_names(void)
{
    uint64_t budget = super.nblocks;

    queue_head = queue_tail = 0;
    queue_push(super.root);
    while (queue_head < queue_tail) {
        fs_ino_t dir = queue[queue_head++];

        for (uint64_t i = 0; i < size_in_blocks(inode_at(dir)) && budget > 0; i++, budget--) {
            struct fs_dirent *e = dir_block(dir, i);

            for (unsigned k = 0; e && k < FS_DIRENTS_PER_BLOCK; k++, e++) {
                if (e->ino == 0 || e->ino >= super.ninodes || e->ino == super.root || name_length(e) == 0 ||
                    is_dot(e) || info[e->ino].name)
                    continue;
                remember_name(e->ino, dir, e);
                if (is_dir(e->ino))
                    queue_push(e->ino);
            }
        }
    }
}

/* ---- 5. Inodes ---- */

struct walk {
    fs_ino_t ino;
    uint64_t limit;      /* the file has this many blocks */
    bool beyond_allowed; /* an orphan may have more */
    uint64_t count;      /* blocks found */
    uint64_t first_hole;
};

/* Checks a pointer and all that it leads to. A wrong pointer becomes 0. */
static void walk(struct walk *w, blkno_t *p, int levels, uint64_t index)
{
    const char *what = levels > 0 ? "block of pointers" : "block";
    uint64_t span = 1;

    for (int i = 1; i < levels; i++)
        span *= FS_NPTRS;
    if (*p != 0 && !is_data_block(*p)) {
        error("%s: %s %u does not exist in the data area", who(w->ino), what, *p);
        *p = 0;
    } else if (*p != 0 && index >= w->limit && !w->beyond_allowed) {
        error("%s: %s %u lies beyond its end", who(w->ino), what, *p);
        *p = 0;
    } else if (*p != 0 && owner[*p] != NOBODY) {
        if (owner[*p] == w->ino)
            error("%s: %s %u is used twice by it", who(w->ino), what, *p);
        else
            error("%s: %s %u is also used by %s", who(w->ino), what, *p, who(owner[*p]));
        *p = 0;
    }
    if (*p == 0) {
        if (index < w->limit && index < w->first_hole)
            w->first_hole = index;
        return;
    }
    owner[*p] = w->ino;
    w->count++;
    for (unsigned i = 0; levels > 0 && i < FS_NPTRS; i++)
        walk(w, (blkno_t *)block_at(*p) + i, levels - 1, index + i * span);
}

static void walk_inode(struct walk *w, struct fs_inode *ip)
{
    uint64_t index = FS_NDIRECT, span = FS_NPTRS;

    for (unsigned i = 0; i < FS_NDIRECT; i++)
        walk(w, &ip->direct[i], 0, i);
    for (int level = 0; level < 3; level++, index += span, span *= FS_NPTRS)
        walk(w, &ip->indirect[level], level + 1, index);
}

/* Fields that have nothing to do with the map; false: the inode cannot be kept. */
static bool check_fields(fs_ino_t ino, struct fs_inode *ip)
{
    bool file = S_ISREG(ip->mode), dir = S_ISDIR(ip->mode), link = S_ISLNK(ip->mode);
    bool device = S_ISCHR(ip->mode) || S_ISFIFO(ip->mode);

    if (!file && !dir && !link && !device) {
        error("%s: mode 0%o is of no type of file", who(ino), ip->mode);
        return false;
    }
    if (ip->flags != 0) {
        error("%s: its flags are %u, not 0", who(ino), ip->flags);
        ip->flags = 0;
    }
    bool deleted = info[ino].orphan && ip->nlink == 0; /* it may have lost its content already */
    if (link && ((ip->size == 0 && !deleted) || ip->size > TARGET_MAX)) {
        error("%s: a symbolic link of %llu bytes", who(ino), (unsigned long long)ip->size);
        return false;
    }
    if (device && ip->size != 0) {
        error("%s: a device of %llu bytes", who(ino), (unsigned long long)ip->size);
        ip->size = 0;
    }
    if (ip->size > FS_MAX_SIZE) {
        error("%s: its size %llu is more than a file can have", who(ino), (unsigned long long)ip->size);
        ip->size = FS_MAX_SIZE;
    }
    if (dir && ip->size % FS_BLOCK_SIZE != 0) {
        error("%s: a directory of %llu bytes, which are no whole blocks", who(ino),
              (unsigned long long)ip->size);
        ip->size -= ip->size % FS_BLOCK_SIZE;
    }
    return true;
}

/* A directory has no holes; what follows one is given up, its files are found again in step 7. */
static bool check_holes(struct walk *w, struct fs_inode *ip)
{
    if (S_ISLNK(ip->mode) && ip->size > 0 && w->first_hole == 0) {
        error("%s: a symbolic link without a block", who(w->ino));
        return false;
    }
    if (!S_ISDIR(ip->mode) || (w->first_hole == NO_HOLE && ip->size > 0))
        return true;
    if (ip->size == 0 || w->first_hole == 0) {
        /* rmdir truncates a directory while it is an orphan. */
        if (info[w->ino].orphan && ip->nlink == 0)
            return true;
        error("%s: a directory without a first block", who(w->ino));
        return false;
    }
    error("%s: the directory's block %llu is missing", who(w->ino), (unsigned long long)w->first_hole);
    prune_inode(ip, w->first_hole);
    ip->size = w->first_hole * FS_BLOCK_SIZE;
    return true;
}

static void check_inode(fs_ino_t ino)
{
    struct fs_inode *ip = inode_at(ino);

    if (ip->mode == 0)
        return;
    if (!check_fields(ino, ip)) {
        memset(ip->direct, 0, sizeof(ip->direct)); /* the map is not right yet */
        memset(ip->indirect, 0, sizeof(ip->indirect));
        clear_inode(ino);
        return;
    }
    struct walk w = {
        .ino = ino, .limit = size_in_blocks(ip), .beyond_allowed = info[ino].orphan, .first_hole = NO_HOLE};
    walk_inode(&w, ip);
    if (ip->nblocks != w.count) {
        error("%s: it has %llu blocks, but says %llu", who(ino), (unsigned long long)w.count,
              (unsigned long long)ip->nblocks);
        ip->nblocks = w.count;
    }
    if (!check_holes(&w, ip))
        clear_inode(ino);
}

static void check_inodes(void)
{
    for (uint64_t b = 0; b < super.nblocks; b++)
        owner[b] = is_data_block(b) ? NOBODY : SYSTEM;
    for (fs_ino_t ino = 1; ino < super.ninodes; ino++)
        check_inode(ino);
}

/* A root directory there must be. */
static bool check_root(void)
{
    struct fs_inode *root = inode_at(super.root);

    if (S_ISDIR(root->mode) && root->size > 0)
        return true;
    error("the root directory is no directory");
    clear_inode(super.root);
    blkno_t b = new_block(super.root);
    if (b == 0)
        return false;
    root->mode = S_IFDIR | 0755;
    root->size = FS_BLOCK_SIZE;
    root->direct[0] = b;
    return true;
}

/* ---- 6. Directories ---- */

static void set_entry(struct fs_dirent *e, const char *name, fs_ino_t ino)
{
    memset(e, 0, sizeof(*e));
    e->ino = ino;
    e->type = (inode_at(ino)->mode & S_IFMT) >> 12;
    memcpy(e->name, name, strnlen(name, FS_NAME_MAX));
}

/* "." and "..", entries 0 and 1. */
static void check_dot(fs_ino_t dir, struct fs_dirent *e, const char *name, fs_ino_t ino)
{
    struct fs_dirent right;

    set_entry(&right, name, ino);
    if (memcmp(e, &right, sizeof(right)) != 0) {
        error("%s: the entry \"%s\" is wrong: it names inode %u as \"%s\"", who(dir), name, e->ino,
              printable(e->name));
        *e = right;
    }
    info[ino].links++;
}

/* What is wrong with an entry; NULL: nothing that makes it useless. */
static const char *entry_fault(const struct fs_dirent *e)
{
    size_t n = name_length(e);

    if (n == 0)
        return "has no name";
    if (memchr(e->name, '/', n))
        return "has a \"/\" in its name";
    if (is_dot(e))
        return "is in the wrong place";
    if (!is_zero(e->name + n, FS_NAME_MAX - n))
        return "has something after its name";
    if (e->ino >= super.ninodes)
        return "names an inode that does not exist";
    if (inode_at(e->ino)->mode == 0)
        return "names a free inode";
    if (is_dir(e->ino) && (info[e->ino].reached || e->ino == super.root))
        return "names a directory that has another name";
    if (is_dir(e->ino) && info[e->ino].orphan && inode_at(e->ino)->nlink == 0)
        return "names a directory that is to be deleted"; /* it may have holes */
    return NULL;
}

/* The names of one directory. */
struct names {
    const struct fs_dirent **table; /* hash table with open addressing */
    uint64_t mask;
};

/* Adds a name. False: it is there already. */
static bool names_add(struct names *names, const struct fs_dirent *e)
{
    uint64_t i = xxh64(0, e->name, FS_NAME_MAX) & names->mask;

    for (; names->table[i]; i = (i + 1) & names->mask)
        if (memcmp(names->table[i]->name, e->name, FS_NAME_MAX) == 0)
            return false;
    names->table[i] = e;
    return true;
}

static void check_entry(fs_ino_t dir, struct fs_dirent *e, struct names *names)
{
    if (e->ino == 0) {
        if (!is_zero(e, sizeof(*e))) {
            error("%s: a free entry is not all zeros", who(dir));
            memset(e, 0, sizeof(*e));
        }
        return;
    }
    const char *fault = entry_fault(e);
    if (!fault && !names_add(names, e))
        fault = "has a name that is there twice";
    if (fault) {
        error("%s: the entry \"%s\" for inode %u %s", who(dir), printable(e->name), e->ino, fault);
        memset(e, 0, sizeof(*e));
        return;
    }
    uint8_t type = (inode_at(e->ino)->mode & S_IFMT) >> 12;
    if (e->type != type) {
        error("%s: the entry \"%s\" has type %u, but inode %u has %u", who(dir), printable(e->name), e->type,
              e->ino, type);
        e->type = type;
    }
    remember_name(e->ino, dir, e);
    info[e->ino].links++;
    if (!info[e->ino].reached && is_dir(e->ino)) {
        info[e->ino].parent = dir; /* the name found in step 4 may have been another one */
        queue_push(e->ino);
    }
    info[e->ino].reached = true;
}

static void check_directory(fs_ino_t dir)
{
    uint64_t nblocks = size_in_blocks(inode_at(dir)), slots = 1;
    struct names names;

    while (slots < 2 * nblocks * FS_DIRENTS_PER_BLOCK)
        slots *= 2;
    names.table = allocate(slots, sizeof(*names.table));
    names.mask = slots - 1;
    for (uint64_t i = 0; i < nblocks; i++) {
        struct fs_dirent *e = dir_block(dir, i);

        for (unsigned k = 0; k < FS_DIRENTS_PER_BLOCK; k++, e++) {
            if (i == 0 && k == 0)
                check_dot(dir, e, ".", dir);
            else if (i == 0 && k == 1)
                check_dot(dir, e, "..", dir == super.root ? dir : info[dir].parent);
            else
                check_entry(dir, e, &names);
        }
    }
    free(names.table);
}

/* Checks all that is reached from a directory. */
static void check_tree(fs_ino_t dir)
{
    queue_head = queue_tail = 0;
    info[dir].reached = true;
    queue_push(dir);
    while (queue_head < queue_tail)
        check_directory(queue[queue_head++]);
}

/* ---- 7. Files without a name ---- */

/* A free entry of a directory, which may have to grow; NULL: the disk is full. */
static struct fs_dirent *free_entry(fs_ino_t dir)
{
    struct fs_inode *ip = inode_at(dir);
    uint64_t nblocks = size_in_blocks(ip);

    for (uint64_t i = 0; i < nblocks; i++) {
        struct fs_dirent *e = dir_block(dir, i);

        for (unsigned k = 0; k < FS_DIRENTS_PER_BLOCK; k++, e++)
            if (e->ino == 0 && (i > 0 || k >= 2))
                return e;
    }
    if (nblocks == FS_NDIRECT && ip->indirect[0] == 0)
        ip->indirect[0] = new_block(dir);
    blkno_t *p = nblocks < FS_NDIRECT + FS_NPTRS ? pointer_to(ip, nblocks) : NULL;
    if (!p || (*p = new_block(dir)) == 0)
        return NULL;
    ip->size += FS_BLOCK_SIZE;
    return block_at(*p);
}

static struct fs_dirent *find_entry(fs_ino_t dir, const char *name)
{
    for (uint64_t i = 0; i < size_in_blocks(inode_at(dir)); i++) {
        struct fs_dirent *e = dir_block(dir, i);

        for (unsigned k = 0; k < FS_DIRENTS_PER_BLOCK; k++, e++)
            if (e->ino != 0 && strncmp(e->name, name, FS_NAME_MAX) == 0)
                return e;
    }
    return NULL;
}

static bool add_entry(fs_ino_t dir, const char *name, fs_ino_t ino)
{
    struct fs_dirent *e = free_entry(dir);

    if (!e)
        return false;
    set_entry(e, name, ino);
    info[ino].links++;
    info[ino].parent = dir;
    free(info[ino].name);
    info[ino].name = strdup(name);
    return true;
}

/* /lost+found, made if need be; 0: impossible. */
static fs_ino_t lost_and_found(void)
{
    const struct fs_dirent *e = find_entry(super.root, "lost+found");

    if (e)
        return is_dir(e->ino) ? e->ino : 0;
    for (fs_ino_t ino = 1; ino < super.ninodes; ino++) {
        struct fs_inode *ip = inode_at(ino);
        blkno_t b;

        if (ip->mode != 0)
            continue;
        if ((b = new_block(ino)) == 0)
            return 0;
        *ip = (struct fs_inode){
            .mode = S_IFDIR | 0700, .size = FS_BLOCK_SIZE, .nblocks = 1, .generation = ip->generation + 1};
        ip->direct[0] = b;
        ip->atime = ip->mtime = ip->ctime = (int64_t)time(NULL) * 1000000000;
        if (!add_entry(super.root, "lost+found", ino)) {
            clear_inode(ino);
            return 0;
        }
        set_entry((struct fs_dirent *)block_at(b), ".", ino);
        set_entry((struct fs_dirent *)block_at(b) + 1, "..", super.root);
        info[ino].links++;
        info[super.root].links++;
        info[ino].reached = true;
        return ino;
    }
    return 0;
}

static bool is_lost(fs_ino_t ino)
{
    const struct fs_inode *ip = inode_at(ino);

    return ip->mode != 0 && !info[ino].reached && !(info[ino].orphan && ip->nlink == 0);
}

static bool is_empty(fs_ino_t ino)
{
    const struct fs_inode *ip = inode_at(ino);

    if (!S_ISDIR(ip->mode))
        return ip->size == 0 && ip->nblocks == 0;
    for (uint64_t i = 0; i < size_in_blocks(ip); i++) {
        const struct fs_dirent *e = dir_block(ino, i);

        for (unsigned k = 0; k < FS_DIRENTS_PER_BLOCK; k++)
            if (e[k].ino != 0 && !is_dot(&e[k]))
                return false;
    }
    return true;
}

static void rescue(fs_ino_t ino)
{
    fs_ino_t place;
    char name[32];

    if (is_empty(ino)) {
        error("%s: no directory names it, and it is empty", who(ino));
        clear_inode(ino);
        return;
    }
    place = lost_and_found();
    snprintf(name, sizeof(name), "#%u", ino);
    for (unsigned n = 1; place && find_entry(place, name); n++)
        snprintf(name, sizeof(name), "#%u.%u", ino, n);
    if (!place || !add_entry(place, name, ino)) {
        error_left("%s: no directory names it, and there is no room in /lost+found", who(ino));
        return;
    }
    error("inode %u: no directory names it; it becomes /lost+found/%s", ino, name);
    if (is_dir(ino)) {
        set_entry(dir_block(ino, 0) + 1, "..", place);
        check_tree(ino);
    }
    info[ino].reached = true;
}

/* Which lost inodes does a lost directory name? Those come back with it. */
static void mark_named_by_lost(void)
{
    for (fs_ino_t dir = 1; dir < super.ninodes; dir++)
        for (uint64_t i = 0; is_lost(dir) && is_dir(dir) && i < size_in_blocks(inode_at(dir)); i++) {
            const struct fs_dirent *e = dir_block(dir, i);

            for (unsigned k = 0; k < FS_DIRENTS_PER_BLOCK; k++, e++)
                if (e->ino != 0 && e->ino < super.ninodes && e->ino != dir && !is_dot(e))
                    info[e->ino].named_by_lost = true;
        }
}

/* Directories at the top of a lost tree first, then those that name each other in a circle, then single
 * files. */
static void check_lost(void)
{
    mark_named_by_lost();
    for (int stage = 0; stage < 3; stage++)
        for (fs_ino_t ino = 1; ino < super.ninodes; ino++)
            if (is_lost(ino) && (stage == 2 || (is_dir(ino) && (stage == 1 || !info[ino].named_by_lost))))
                rescue(ino);
}

/* ---- 8. Link counts and bitmaps ---- */

static void check_links(void)
{
    for (fs_ino_t ino = 1; ino < super.ninodes; ino++) {
        struct fs_inode *ip = inode_at(ino);

        if (ip->mode == 0 || !info[ino].reached || ip->nlink == info[ino].links)
            continue;
        error("%s: its link count is %u, but %u entries name it", who(ino), ip->nlink, info[ino].links);
        ip->nlink = info[ino].links;
    }
}

static bool block_in_use(uint64_t block)
{
    return owner[block] != NOBODY;
}

static bool inode_in_use(uint64_t ino)
{
    return ino == 0 || inode_at(ino)->mode != 0;
}

/* A line for each run of wrong bits. Bits beyond the end mean nothing. */
static void check_map(const char *what, uint64_t map_start, uint64_t nbits, bool in_use(uint64_t))
{
    uint8_t *map = block_at(map_start);

    for (uint64_t i = 0, end; i < nbits; i = end) {
        bool marked = map[i / 8] >> i % 8 & 1, wrong = marked != in_use(i);

        for (end = i;
             end < nbits && (map[end / 8] >> end % 8 & 1) == marked && (marked != in_use(end)) == wrong;
             end++)
            if (wrong)
                map[end / 8] ^= 1 << end % 8;
        if (!wrong)
            continue;
        const char *is = marked ? "marked as in use, but free" : "in use, but marked as free";
        if (end == i + 1)
            error("%s %llu is %s", what, (unsigned long long)i, is);
        else
            error("%ss %llu to %llu are %s", what, (unsigned long long)i, (unsigned long long)end - 1, is);
    }
}

/* ---- 9. Freeing orphans ---- */

static void clear_bit(uint64_t map_start, uint64_t bit)
{
    ((uint8_t *)block_at(map_start))[bit / 8] &= ~(1 << bit % 8);
}

static void free_orphans(void)
{
    inode_at(0)->next_orphan = 0;
    for (fs_ino_t ino = 1; ino < super.ninodes; ino++) {
        struct fs_inode *ip = inode_at(ino);

        if (!info[ino].orphan)
            continue;
        info[ino].orphan = false;
        ip->next_orphan = 0;
        if (ip->nlink == 0) {
            clear_inode(ino);
            clear_bit(super.inode_map_start, ino);
        } else {
            prune_inode(ip, size_in_blocks(ip));
        }
    }
    for (uint64_t b = 0; b < super.nblocks; b++)
        if (!block_in_use(b))
            clear_bit(super.block_map_start, b);
}

/* ---- All of it ---- */

static void summary(void)
{
    uint64_t files = 0, blocks = 0;

    for (fs_ino_t ino = 1; ino < super.ninodes; ino++)
        files += inode_at(ino)->mode != 0;
    for (uint64_t b = 0; b < super.nblocks; b++)
        blocks += block_in_use(b);
    printf("%s: %llu of %u inodes and %llu of %u blocks in use\n", image_path, (unsigned long long)files,
           super.ninodes, (unsigned long long)blocks, super.nblocks);
}

/* One round; returns how many errors it found. */
static unsigned check(bool first)
{
    unsigned before = errors;

    check_super();
    check_journal();
    info = allocate(super.ninodes, sizeof(*info));
    owner = allocate(super.nblocks, sizeof(*owner));
    queue = allocate(super.ninodes, sizeof(*queue));
    check_orphans();
    find_names();
    check_inodes();
    if (!check_root()) {
        error_left("there is no room for a new root directory");
    } else {
        check_tree(super.root);
        check_lost();
        check_links();
        check_map("inode", super.inode_map_start, super.ninodes, inode_in_use);
        check_map("block", super.block_map_start, super.nblocks, block_in_use);
        note_orphans();
        if (repair)
            free_orphans();
        if (first && !quiet)
            summary();
    }
    for (fs_ino_t ino = 0; ino < super.ninodes; ino++)
        free(info[ino].name);
    free(info);
    free(owner);
    free(queue);
    return errors - before;
}

static void map_image(void)
{
    int fd = open(image_path, (repair ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    off_t size = fd >= 0 ? lseek(fd, 0, SEEK_END) : -1;
    struct stat st;

    if (size < 0 || fstat(fd, &st) < 0)
        cannot_check("%s", strerror(errno));
    if (S_ISDIR(st.st_mode))
        cannot_check("%s", strerror(EISDIR));
    image_blocks = (uint64_t)size / FS_BLOCK_SIZE;
    if (image_blocks < 2)
        cannot_check("no lode file system: it has only %llu bytes", (unsigned long long)size);
    image = mmap(NULL, image_blocks * FS_BLOCK_SIZE, PROT_READ | PROT_WRITE,
                 (repair ? MAP_SHARED : MAP_PRIVATE) | MAP_NORESERVE, fd, 0);
    if (image == MAP_FAILED)
        cannot_check("%s", strerror(errno));
    close(fd);
}

int main(int argc, char **argv)
{
    int c;

    while ((c = getopt(argc, argv, "nyq")) != -1) {
        if (c == '?') {
            optind = argc;
            break;
        }
        quiet |= c == 'q';
        if (c != 'q')
            repair = c == 'y';
    }
    if (optind != argc - 1) {
        fprintf(stderr, "usage: fsck [-n|-y] [-q] IMAGE\n"
                        "  -n  only check (the default)   -y  repair   -q  say nothing but what is wrong\n");
        return USAGE;
    }
    image_path = argv[optind];
    map_image();

    /* A repair is good when a check after it finds nothing. One damage can hide another, hence some rounds.
     */
    unsigned found = check(true);
    for (int round = 0; repair && found > 0 && round < MAX_ROUNDS; round++) {
        unrepaired = 0;
        found = check(false);
    }
    if (messages > MAX_MESSAGES)
        printf("... and %u more errors\n", messages - MAX_MESSAGES);
    if (repair && msync(image, image_blocks * FS_BLOCK_SIZE, MS_SYNC) != 0)
        cannot_check("cannot write: %s", strerror(errno));
    if (!quiet && errors > 0)
        printf("%s: %u errors%s\n", image_path, errors,
               !repair     ? ""
               : found > 0 ? ", not all repaired"
                           : ", repaired");
    return errors == 0 ? CLEAN : repair && found == 0 && unrepaired == 0 ? REPAIRED : ERRORS_LEFT;
}
