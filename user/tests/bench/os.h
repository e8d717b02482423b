/* What lode and Linux call by different names. The program is written against user/lode.h; with -DLINUX these
 * few lines stand in for it:
 *
 *     cd user/tests/bench; riscv64-linux-gnu-gcc -O2 -static -DLINUX *.c -o bench
 */
#pragma once
#ifdef LINUX

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct timespec os_time;
typedef struct stat os_stat;
typedef struct sysinfo os_sysinfo;

#define null_syscall()                 syscall(SYS_getpid)
#define os_getstat(path, st)           stat(path, st)
#define os_fstat(fd, st)               fstat(fd, st)
#define os_mkdir(path)                 mkdir(path, 0777)
#define os_create(path)                open(path, O_CREAT | O_RDWR, 0666)
#define os_kill(pid, sig)              kill(pid, sig)
#define os_yield()                     sched_yield()
#define os_getdents(fd, buf, n)        syscall(SYS_getdents64, fd, buf, n)
#define os_affinity(mask, size)        syscall(SYS_sched_getaffinity, 0, size, mask)
#define os_on_signal(sig, f)           (signal(sig, f) == SIG_ERR ? -1 : 0)
#define os_nanoseconds(t)              ((uint64_t)(t).tv_sec * 1000000000 + (uint64_t)(t).tv_nsec)
#define pattern_match(pattern, string) (fnmatch(pattern, string, 0) == 0)

#else

#include "user/lode.h"

typedef struct abi_timespec os_time;
typedef struct abi_stat os_stat;
typedef struct abi_sysinfo os_sysinfo;

#define null_syscall()          getpid()
#define os_getstat(path, st)    getstat(path, st)
#define os_fstat(fd, st)        getfstat(fd, st)
#define os_mkdir(path)          mkdir(path)
#define os_create(path)         open(path, O_CREAT | O_RDWR)
#define os_kill(pid, sig)       sendsig(pid, sig)
#define os_yield()              ((void)sys_sched_yield(0))
#define os_getdents(fd, buf, n) sys_getdents64(fd, (long)(buf), (long)(n))
#define os_affinity(mask, size) sys_sched_getaffinity(0, (long)(size), (long)(mask))
#define os_on_signal(sig, f)    setsignal(sig, (uint64_t)(f))
#define os_nanoseconds(t)       ((uint64_t)(t).sec * NSEC_PER_SEC + (uint64_t)(t).nsec)

#endif
