/* The tables: calls with their arguments, paths. */
#include "fuzz.h"

/* A weight and the kinds of arguments for each system call (make.c explains the letters). One that is new in
 * abi/syscalls.h needs a line here: it does not compile without. */
#define FUZZ_getcwd            4, "bn"
#define FUZZ_dup               8, "d"
#define FUZZ_dup3              8, "ddy"
#define FUZZ_fcntl             8, "dfd"
#define FUZZ_ioctl             6, "dqQ"
#define FUZZ_mknodat           4, "DPmv"
#define FUZZ_mkdirat           6, "DPM"
#define FUZZ_unlinkat          12, "DPU"
#define FUZZ_symlinkat         5, "PDP"
#define FUZZ_linkat            8, "DPDPy"
#define FUZZ_statfs            2, "Pb"
#define FUZZ_fstatfs           2, "db"
#define FUZZ_truncate          6, "Pl"
#define FUZZ_ftruncate         8, "dl"
#define FUZZ_faccessat         3, "DPx"
#define FUZZ_chdir             4, "P"
#define FUZZ_fchdir            3, "d"
#define FUZZ_fchmod            3, "dM"
#define FUZZ_fchmodat          4, "DPM"
#define FUZZ_fchownat          3, "DPuux"
#define FUZZ_fchown            3, "duu"
#define FUZZ_openat            40, "DPOM"
#define FUZZ_close             12, "d"
#define FUZZ_pipe2             6, "by"
#define FUZZ_getdents64        8, "dbn"
#define FUZZ_lseek             8, "dlx"
#define FUZZ_read              16, "dbn"
#define FUZZ_write             20, "dbn"
#define FUZZ_readv             6, "dic"
#define FUZZ_writev            8, "dic"
#define FUZZ_pread64           8, "dbnl"
#define FUZZ_pwrite64          10, "dbnl"
#define FUZZ_readlinkat        4, "DPbn"
#define FUZZ_newfstatat        5, "DPby"
#define FUZZ_fstat             5, "db"
#define FUZZ_sync              1, ""
#define FUZZ_fsync             2, "d"
#define FUZZ_fdatasync         2, "d"
#define FUZZ_utimensat         4, "DPty"
#define FUZZ_renameat2         12, "DPDPy"
#define FUZZ_exit              1, "u"
#define FUZZ_exit_group        1, "u"
#define FUZZ_set_tid_address   1, "b"
#define FUZZ_nanosleep         2, "tb"
#define FUZZ_clock_gettime     2, "kb"
#define FUZZ_clock_getres      1, "kb"
#define FUZZ_clock_nanosleep   2, "kxtb"
#define FUZZ_syslog            1, "xbn"
#define FUZZ_sched_getaffinity 1, "pnb"
#define FUZZ_sched_yield       3, ""
#define FUZZ_kill              8, "ps"
#define FUZZ_tkill             2, "ps"
#define FUZZ_tgkill            2, "pps"
#define FUZZ_rt_sigaction      6, "sabz"
#define FUZZ_rt_sigprocmask    5, "xSbz"
#define FUZZ_rt_sigreturn      1, ""
#define FUZZ_reboot            1, "uuub"
#define FUZZ_times             1, "b"
#define FUZZ_setpgid           3, "pp"
#define FUZZ_getpgid           1, "p"
#define FUZZ_getsid            1, "p"
#define FUZZ_setsid            2, ""
#define FUZZ_uname             1, "b"
#define FUZZ_getrusage         2, "ub"
#define FUZZ_umask             1, "M"
#define FUZZ_gettimeofday      1, "bb"
#define FUZZ_getpid            1, ""
#define FUZZ_getppid           1, ""
#define FUZZ_getuid            1, ""
#define FUZZ_geteuid           1, ""
#define FUZZ_getgid            1, ""
#define FUZZ_getegid           1, ""
#define FUZZ_gettid            1, ""
#define FUZZ_sysinfo           1, "b"
#define FUZZ_clone             6, "Cubub"
#define FUZZ_execve            5, "Pee"
#define FUZZ_wait4             6, "pbwb"
#define FUZZ_prlimit64         3, "prLb"
#define FUZZ_getrandom         2, "bnx"
#define FUZZ_brk               5, "B"
#define FUZZ_munmap            8, "AN"
#define FUZZ_mmap              16, "ANRFdl"
#define FUZZ_mprotect          8, "ANR"

const struct call_kind calls[] = {
    [CALL_NUMBER] = {-1, "number", 2, "uuuuuu"},
    [CALL_PEEK] = {-1, "peek", 6, "b"},
    [CALL_POKE] = {-1, "poke", 10, "bu"},
#define SYSCALL(number, name, kinds) {number, #name, FUZZ_##name},
#include "abi/syscalls.h"
#undef SYSCALL
};
const unsigned calls_count = sizeof(calls) / sizeof(calls[0]);
_Static_assert(sizeof(calls) / sizeof(calls[0]) <= 256, "struct control counts so many");

/* Absolute ones only where nothing can be changed: programs stay where they are put. */
#define NAME_59 "a23456789b123456789c123456789d123456789e123456789f123456789"
#define DOTS    "./././././././././././././././././././././././././././././././"
const char *const paths[] = {
    "fa",
    "fb",
    "fc",
    "d",
    "d/fa",
    "d/fb",
    "d/e",
    "d/e/fa",
    "d2",
    "d2/fa",
    "link",
    "d/link",
    "sym",
    "d/sym",
    "loop",
    "prog",
    "script",
    "null",
    "zero",
    "full",
    "random",
    "fifo",
    "many",
    "many/x1",
    "many/x99",
    ".",
    "..",
    "",
    "/",
    "fa/",
    "d/",
    "d/.",
    "d/e/..",
    "d/../fa",
    "./d//e/",
    "fa/x",
    "missing",
    "missing/x",
    "sym/fa",
    "n\xff\x01",
    NAME_59,
    NAME_59 "x",
    DOTS DOTS DOTS "fa",
    DOTS DOTS "d/e/" NAME_59,
    "/proc",
    "/proc/",
    "/proc/self",
    "/proc/self/stat",
    "/proc/self/status",
    "/proc/self/cmdline",
    "/proc/self/comm",
    "/proc/1",
    "/proc/1/stat",
    "/proc/2/status",
    "/proc/lode",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/cpuinfo",
    "/proc/mounts",
    "/proc/disk",
    "/proc/uptime",
    "/proc/loadavg",
    "/proc/missing",
    "/proc/self/missing",
};
const unsigned paths_count = sizeof(paths) / sizeof(paths[0]);
