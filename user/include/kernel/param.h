/* xv6's limits, for programs that count with them. lode has no fixed tables, so each is a number that makes
 * such programs meaningful: lode's own limit where there is one to run into, and xv6's value elsewhere. */
#pragma once

#define NOFILE    1024 /* descriptors of a process: the default of RLIMIT_NOFILE */
#define MAXARG    1024 /* arguments of exec. What is limited is their size (ARG_MAX, 128 KB). */
#define MAXPATH   128  /* a buffer for a path; the kernel's limit is 4096 */
#define USERSTACK 2048 /* pages that the stack can grow to */

#define NPROC       64
#define NCPU        8
#define NFILE       100
#define NINODE      50
#define NDEV        10
#define ROOTDEV     1
#define MAXOPBLOCKS 10
#define LOGSIZE     (MAXOPBLOCKS * 3)
#define NBUF        (MAXOPBLOCKS * 3)
#define FSSIZE      2000
