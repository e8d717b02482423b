/* File modes, and what fstat, newfstatat and getdents64 write (Linux riscv64 layouts). */
#pragma once
#include <stdint.h>
#include "abi/time.h"

#define S_IFMT   0170000
#define S_IFIFO  0010000
#define S_IFCHR  0020000
#define S_IFDIR  0040000
#define S_IFBLK  0060000
#define S_IFREG  0100000
#define S_IFLNK  0120000
#define S_IFSOCK 0140000
#define S_ISUID  0004000
#define S_ISGID  0002000
#define S_ISVTX  0001000

#define S_ISREG(m)  (((m) & S_IFMT) == S_IFREG)
#define S_ISDIR(m)  (((m) & S_IFMT) == S_IFDIR)
#define S_ISCHR(m)  (((m) & S_IFMT) == S_IFCHR)
#define S_ISLNK(m)  (((m) & S_IFMT) == S_IFLNK)
#define S_ISFIFO(m) (((m) & S_IFMT) == S_IFIFO)

/* Device numbers as user programs see them (glibc's encoding for majors and minors below 4096 and 256). */
#define DEV_MAKE(major, minor) ((uint32_t)(((major) << 8) | (minor)))
#define DEV_MAJOR(dev)         (((dev) >> 8) & 0xfff)
#define DEV_MINOR(dev)         ((dev) & 0xff)

struct abi_stat {
    uint64_t dev;
    uint64_t ino;
    uint32_t mode;
    uint32_t nlink;
    uint32_t uid;
    uint32_t gid;
    uint64_t rdev;
    uint64_t pad1;
    int64_t size;    /* bytes */
    int32_t blksize; /* preferred I/O size, bytes */
    int32_t pad2;
    int64_t blocks; /* allocated, in units of 512 bytes */
    struct abi_timespec atime, mtime, ctime;
    uint32_t unused[2];
};
_Static_assert(sizeof(struct abi_stat) == 128, "struct stat of Linux riscv64");

/* A record of getdents64; name is NUL-terminated, reclen a multiple of 8. */
struct abi_dirent64 {
    uint64_t ino;
    int64_t off; /* lseek here to go on with the next record */
    uint16_t reclen;
    uint8_t type; /* DT_... */
    char name[];
};

#define DT_UNKNOWN 0
#define DT_FIFO    1
#define DT_CHR     2
#define DT_DIR     4
#define DT_BLK     6
#define DT_REG     8
#define DT_LNK     10
#define DT_OF_MODE(mode) (((mode) & S_IFMT) >> 12)

/* statfs and fstatfs */
struct abi_statfs {
    int64_t type, bsize;
    uint64_t blocks, bfree, bavail, files, ffree;
    int32_t fsid[2];
    int64_t namelen, frsize, flags, spare[4];
};
_Static_assert(sizeof(struct abi_statfs) == 120, "struct statfs of Linux riscv64");

/* faccessat */
#define F_OK 0
#define X_OK 1
#define W_OK 2
#define R_OK 4
