/* The file system on disk: shared by the kernel, mkfs and fsck. docs/fs-format.md explains it at length.
 *
 * A disk is an array of 4 KB blocks; all numbers are little-endian.
 *
 *   0           super block (constant after mkfs)
 *   journal     two slots of equal size, used in turn: slot k of transaction s is s % 2
 *   inode map   one bit an inode, 1 = in use
 *   block map   one bit a block of the whole disk, 1 = in use (super block, journal, maps and table count)
 *   inodes      the inode table, 16 inodes a block
 *   data        file blocks, directory blocks, symbolic links' targets and blocks of pointers
 *   last block  a copy of the super block, for fsck
 *
 * A checksum is the lower half of XXH64 with seed 0; of the bodies in the journal, the whole XXH64 of one is the seed of the
 * next.
 */
#pragma once
#include <stdint.h>

#define FS_MAGIC      0x3173662d65646f6cULL /* the bytes "lode-fs1" */
#define FS_VERSION    2
#define FS_BLOCK_SIZE 4096u

typedef uint32_t blkno_t; /* number of a block on disk; 0, the super block, stands for "none" in pointers */
typedef uint32_t ino_t;   /* number of an inode; 0 is no inode */

#define FS_BITS_PER_BLOCK (FS_BLOCK_SIZE * 8)

struct fs_super {
    uint64_t magic;
    uint32_t version;
    uint32_t block_size;     /* FS_BLOCK_SIZE */
    uint32_t nblocks;        /* of the whole file system, this block included */
    uint32_t ninodes;        /* inodes 0 .. ninodes-1; 0 is reserved */
    uint32_t journal_start;  /* first block of slot 0; slot 1 follows it */
    uint32_t journal_slot;   /* blocks in a slot: one header and journal_slot-1 bodies */
    uint32_t inode_map_start, inode_map_blocks;
    uint32_t block_map_start, block_map_blocks;
    uint32_t inode_start, inode_blocks;
    uint32_t data_start;     /* first block that may hold file data; data ends before the last block */
    uint32_t root;           /* the root directory's inode number */
    uint8_t uuid[16];
    uint32_t checksum;       /* of all bytes before this field */
};
#define FS_ROOT_INO 1

/* An inode on disk. The map of a file: block i of the file is
 *   direct[i]                                     for i < FS_NDIRECT
 *   through 1, 2 or 3 levels of pointer blocks    beyond
 * Pointer 0 is a hole, which reads as zeros. A symbolic link's target is the file's content, without NUL.
 * Inode 0 is no file: its next_orphan field is the head of the list of orphans, the inodes with a deletion
 * or truncation still to finish; recovery frees what lies beyond their size (all, where nlink is 0). */
#define FS_NDIRECT 43
#define FS_NPTRS   (FS_BLOCK_SIZE / 4) /* pointers in a pointer block */
struct fs_inode {
    uint16_t mode;        /* S_IF... and permission bits; 0 = free */
    uint16_t flags;       /* 0 */
    uint32_t nlink;       /* directory entries that name it; a directory's own "." counts, and each child's ".." */
    uint32_t uid, gid;
    uint64_t size;        /* bytes */
    uint64_t nblocks;     /* blocks held, blocks of pointers included */
    int64_t atime, mtime, ctime; /* nanoseconds since 1970-01-01 UTC */
    uint32_t rdev;        /* device number of a device node (DEV_MAKE) */
    uint32_t generation;  /* grows with each reuse of the number */
    uint32_t next_orphan; /* next inode of the orphan list, 0 ends it */
    uint32_t reserved;
    blkno_t direct[FS_NDIRECT];
    blkno_t indirect[3];  /* single, double, triple */
};
#define FS_INODE_SIZE       256u
#define FS_INODES_PER_BLOCK (FS_BLOCK_SIZE / FS_INODE_SIZE)
_Static_assert(sizeof(struct fs_inode) == FS_INODE_SIZE, "inode size on disk");

/* Largest file: what the pointers reach. */
#define FS_MAX_BLOCKS (FS_NDIRECT + (uint64_t)FS_NPTRS + (uint64_t)FS_NPTRS * FS_NPTRS + \
                       (uint64_t)FS_NPTRS * FS_NPTRS * FS_NPTRS)
#define FS_MAX_SIZE   (FS_MAX_BLOCKS * FS_BLOCK_SIZE)

/* A directory is a file of these, its size a multiple of the block size; entry 0 is ".", entry 1 "..".
 * A free entry is all zeros. The name is padded with zeros, and has no NUL when it fills the field. */
#define FS_NAME_MAX 59
struct fs_dirent {
    uint32_t ino;
    uint8_t type; /* DT_..., as the inode's mode has it */
    char name[FS_NAME_MAX];
};
#define FS_DIRENT_SIZE       64u
#define FS_DIRENTS_PER_BLOCK (FS_BLOCK_SIZE / FS_DIRENT_SIZE)
_Static_assert(sizeof(struct fs_dirent) == FS_DIRENT_SIZE, "directory entry size on disk");

/* The header of a journal slot: it is written after the bodies are on stable storage, and makes the
 * transaction count. The slot's blocks 1 .. count are the new contents of home[0 .. count-1]. A header is
 * valid when its own checksum and that of the bodies are right. Recovery replays the newest valid
 * slot. */
#define FS_JOURNAL_MAGIC 0x6c6e726a65646f6cULL /* the bytes "lodejrnl" */
#define FS_JOURNAL_MAX   1012u                 /* most bodies in a slot */
struct fs_journal_header {
    uint64_t magic;
    uint64_t sequence;      /* 1 for the first transaction */
    uint32_t count;         /* bodies */
    uint32_t body_checksum; /* of the bodies, in order */
    uint8_t uuid[16];       /* the super block's: a slot left by an older file system does not count */
    blkno_t home[FS_JOURNAL_MAX];
    uint32_t pad;
    uint32_t checksum; /* of all bytes of the block before this field */
};
_Static_assert(sizeof(struct fs_journal_header) == FS_BLOCK_SIZE, "one block");
