/* Limits that user programs can see. Everything else is bounded by memory or disk. */
#pragma once

#define NAME_MAX  59          /* bytes in a file name, without the terminating NUL */
#define PATH_MAX  4096        /* bytes in a path, with the terminating NUL */
#define PIPE_BUF  4096        /* writes to a pipe up to this size are atomic */
#define ARG_MAX   (128 * 1024) /* bytes of arguments and environment together, pointers included */
#define OPEN_MAX  65536       /* largest number of descriptors a process may have */
#define SYMLOOP_MAX 40        /* symbolic links followed in one path */
#define LINK_MAX  65000       /* hard links to one inode */
#define IOV_MAX   1024        /* buffers in one readv or writev */
#define RW_MAX    0x7ffff000  /* bytes moved by one read or write; longer requests are cut, as on Linux */
