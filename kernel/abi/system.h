/* uname, sysinfo, reboot, getrandom, iovec, clone, prlimit64 and the auxiliary vector (Linux riscv64
 * layouts and values). */
#pragma once
#include <stdint.h>

struct abi_utsname {
    char sysname[65], nodename[65], release[65], version[65], machine[65], domainname[65];
};

struct abi_sysinfo {
    int64_t uptime;    /* seconds since boot */
    uint64_t loads[3]; /* 1, 5 and 15 minutes, scaled by 65536 */
    uint64_t totalram; /* in units of mem_unit */
    uint64_t freeram, sharedram, bufferram, totalswap, freeswap;
    uint16_t procs;
    uint16_t pad;
    uint32_t pad2;
    uint64_t totalhigh, freehigh;
    uint32_t mem_unit; /* bytes */
    uint32_t pad3;
};
_Static_assert(sizeof(struct abi_sysinfo) == 112, "struct sysinfo of Linux riscv64");

#define REBOOT_MAGIC1        0xfee1deadu
#define REBOOT_MAGIC2        672274793u
#define REBOOT_CMD_RESTART   0x01234567u
#define REBOOT_CMD_HALT      0xcdef0123u
#define REBOOT_CMD_POWER_OFF 0x4321fedcu /* arg: the exit status handed to the machine, 0..255 */

#define GRND_NONBLOCK 1
#define GRND_RANDOM   2

struct abi_iovec {
    uint64_t base;
    uint64_t len;
};

#define CLONE_VM             0x00000100u
#define CLONE_VFORK          0x00004000u
#define CLONE_PARENT_SETTID  0x00100000u
#define CLONE_CHILD_CLEARTID 0x00200000u
#define CLONE_CHILD_SETTID   0x01000000u
#define CLONE_SIGNAL_MASK    0x000000ffu

struct abi_rlimit {
    uint64_t cur, max;
};
#define RLIMIT_STACK  3
#define RLIMIT_NOFILE 7
#define RLIM_INFINITY (~0ULL)

#define AT_NULL   0
#define AT_PHDR   3
#define AT_PHENT  4
#define AT_PHNUM  5
#define AT_PAGESZ 6
#define AT_ENTRY  9
#define AT_UID    11
#define AT_EUID   12
#define AT_GID    13
#define AT_EGID   14
#define AT_HWCAP  16
#define AT_CLKTCK 17
#define AT_RANDOM 25 /* address of 16 random bytes */
#define AT_EXECFN 31 /* address of the path that was executed */

/* lode's own, far above those of Linux, for reading the clock without a system call. With t from rdtime, it is
 * (t - AT_LODE_BOOT) * AT_LODE_RATE >> 32 nanoseconds since boot, the product having 128 bits (CLOCK_MONOTONIC,
 * _RAW and _COARSE, CLOCK_BOOTTIME); CLOCK_REALTIME and its _COARSE are that plus AT_LODE_DAY. None of the three
 * changes while the system runs. */
#define AT_LODE_BOOT 0x10de0000
#define AT_LODE_RATE 0x10de0001
#define AT_LODE_DAY  0x10de0002
