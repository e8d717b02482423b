/* What stat and fstat of the xv6 API tell about a file. (The whole truth is in struct abi_stat, user/lode.h.)
 */
#pragma once
#include "kernel/types.h"

#define T_DIR     1
#define T_FILE    2
#define T_DEVICE  3
#define T_SYMLINK 4

struct stat {
    int dev;     /* file system */
    uint ino;    /* inode number */
    short type;  /* T_... */
    short nlink; /* links to the file */
    uint64 size; /* bytes */
};
