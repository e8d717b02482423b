/* What the files of the disk file system share with one another and with nobody else. */
#pragma once
#include "fs/cache.h"
#include "fs/inode.h"

/* ---- fs.c ---- */

extern struct fs_super fs_super; /* c after mount */

/* The disk's contents contradict themselves, or writing fails: says so once and ends all writing. */
void fs_damaged(const char *format, ...) __attribute__((format(printf, 1, 2)));

static inline bool fs_data_block(blkno_t block)
{
    return block >= fs_super.data_start && block < fs_super.nblocks - 1;
}

/* ---- inode.c ---- */

#define INODE_DEAD 0x80000000u /* in refs */

/* The disk's part of an inode. The inode's place on disk is in the cache as long as the inode is in memory:
 * the map's pointers are read and changed there, the other fields go there by inode_update. */
struct fs_private {
    struct buf *table;       /* c  block of the inode table */
    struct fs_inode *disk;   /* c  place in it; the map, generation: i; next_orphan: orphan_mutex */
    struct list bufs;        /* cache's lock: pages of the file */
    struct list orphan_link; /* orphan_mutex */
    uint64_t changed;        /* i  last transaction that changed the inode or its content */
    uint64_t ahead_mark;     /* i  reaching this page starts the next read-ahead ... */
    uint64_t ahead_next;     /* i  ... of this page and following ones */
    unsigned ahead_pages;    /* i  how many */
    blkno_t goal;            /* i  where to look for the next block */
    bool loaded;             /* i  the fields are valid */
    bool shrinking;          /* i  blocks beyond its size are still to be freed (it is an orphan) */
    uint32_t free_slot;      /* i  directory: no free entry below this one */
    struct dir_index *index; /* i  directory: may be NULL */
};

int inode_table_init(void);
size_t inode_reclaim(size_t n); /* frees inodes that nobody uses, with memory low; may be called anywhere */

/* The inode of that number, referenced. -EIO where it is damaged or not in use. */
int inode_find(ino_t ino, bool orphan, struct inode **result);

/* A new inode without links, referenced and locked; in a handle. -ENOSPC, -ENOMEM, -EIO. */
int inode_create(uint32_t mode, uint32_t rdev, struct inode **result);

/* A handle and the inode's lock, with no truncation left half done; and the end of it. */
int inode_begin(struct inode *ip, unsigned credits);
void inode_end(struct inode *ip, unsigned credits);

void inode_update(struct inode *ip,
                  bool content);               /* in a handle, inode locked: fields (or content) changed */
void inode_add_links(struct inode *ip, int n); /* the same; at 0 links it becomes an orphan */
int inode_shrink(struct inode *ip); /* the same; SHRINK_CREDITS: frees some of what is beyond its size */
#define SHRINK_CREDITS (12 + SHRINK_MAPS)
#define SHRINK_MAPS    12 /* blocks of the block map that one step may touch */

int inode_recover_orphans(void); /* mount */

/* ---- imap.c: the map of a file; the inode is locked ---- */

int imap_find(struct inode *ip, uint64_t index, blkno_t *block); /* *block = 0: a hole. -EIO, -ENOMEM */
/* Gives the hole at index a block; in a handle, up to 4 blocks of pointers and 5 of the block map are
 * journaled. -ENOSPC ... */
int imap_alloc(struct inode *ip, uint64_t index, blkno_t *block);
#define IMAP_CREDITS 9
/* Frees blocks from the end down to index keep: 1 when all are free, 0 when there is more to do in
 * another transaction, -EIO. */
int imap_shrink(struct inode *ip, uint64_t keep);

/* ---- ifile.c: content; the inode is locked ---- */

/* A page within the file, valid and referenced. `want`: how many pages the caller goes on to read. */
int file_page_slow(struct inode *ip, uint64_t index, uint64_t want, struct buf *b, struct buf **result);
static inline int file_page(struct inode *ip, uint64_t index, uint64_t want, struct buf **result)
{
    struct buf *b = cache_find(ip, index);
    if (likely(b && cache_is_valid(b) && index != ip->fs->ahead_mark)) {
        *result = b;
        return 0;
    }
    return file_page_slow(ip, index, want, b, result);
}

/* Appends a page of zeros to a directory or symbolic link, in a handle; the caller sets its size. */
int file_new_page(struct inode *ip, uint64_t index, struct buf **result);
ssize_t file_read(struct inode *ip, struct uio *u, uint64_t *place);  /* takes the lock */
ssize_t file_write(struct inode *ip, struct uio *u, uint64_t *place); /* takes the lock */
ssize_t file_readlink(struct inode *ip, char *buf, size_t size);

/* ---- dir.c: directories' entries; the directory is locked ---- */

#define FS_DIR_MAX (1ull << 36) /* bytes: entries are counted in 32 bits */

struct dir_place {
    struct buf *buf; /* referenced, until dir_put_place; NULL after a failure */
    struct fs_dirent *entry;
    uint32_t slot;
};

int dir_find(struct inode *dir, const char *name, size_t len,
             struct dir_place *place); /* 0, -ENOENT, -EIO ... */
/* A free entry, in a handle; the directory may grow. -ENOSPC ... */
int dir_prepare(struct inode *dir, struct dir_place *place);
/* Fills a prepared entry, changes one, or (ino 0) clears it. Cannot fail. */
void dir_set(struct inode *dir, struct dir_place *place, const char *name, size_t len, ino_t ino,
             uint32_t mode);
int dir_parent(struct inode *dir, struct dir_place *place); /* the entry ".." */
void dir_put_place(struct dir_place *place);
int dir_check_empty(struct inode *dir); /* 0, -ENOTEMPTY, -EIO ... */
int dir_lookup(struct inode *dir, const char *name, size_t len, struct inode **result);
int dir_readdir(struct inode *dir, uint64_t *offset, dirent_fn *emit, void *arg);
void dir_forget_index(struct inode *dir);
