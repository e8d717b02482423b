/* The parts of xv6's file-system header that programs use. A directory can be read() as an array of struct
 * dirent; the library makes it from what the kernel says.
 *
 * BSIZE and MAXFILE are xv6's: programs take from them how much to write, and lode, whose files reach 4 TB,
 * has no limit that they could meet. */
#pragma once
#include "kernel/types.h"

#define ROOTINO   1
#define BSIZE     1024
#define NDIRECT   12
#define NINDIRECT (BSIZE / sizeof(uint))
#define MAXFILE   (NDIRECT + NINDIRECT)

#define DIRSIZ 60 /* xv6: 14. The longest name of lode has 59 bytes, so that name is always terminated. */

struct dirent {
    uint inum; /* 0: no entry */
    char name[DIRSIZ];
};
