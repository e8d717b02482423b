/* The tables: calls with their arguments, paths. */
#include "fuzz.h"

/* All system calls, with the kinds of arguments that their table has, and three that are none. */
struct call_kind calls[] = {
    [CALL_NUMBER] = {-1, "number", 2, "uuuuuu"},
    [CALL_PEEK] = {-1, "peek", 6, "b"},
    [CALL_POKE] = {-1, "poke", 10, "bu"},
#define SYSCALL(number, name, kinds) {number, #name, 0, kinds},
#include "abi/syscalls.h"
#undef SYSCALL
};
const unsigned calls_count = sizeof(calls) / sizeof(calls[0]);
_Static_assert(sizeof(calls) / sizeof(calls[0]) <= 256, "struct control counts so many");

/* Those with a weight of their own, and arguments of more special kinds (make.c explains the letters). */
static const struct {
    uint16_t number;
    uint8_t weight;
    const char *kinds;
} special[] = {
    {NR_getcwd, 4, "bn"},
    {NR_dup, 8, "d"},
    {NR_dup3, 8, "ddy"},
    {NR_fcntl, 8, "dfd"},
    {NR_ioctl, 6, "dqQ"},
    {NR_mknodat, 4, "DPmv"},
    {NR_mkdirat, 6, "DPM"},
    {NR_unlinkat, 12, "DPU"},
    {NR_symlinkat, 5, "PDP"},
    {NR_linkat, 8, "DPDPy"},
    {NR_statfs, 2, "Pb"},
    {NR_fstatfs, 2, "db"},
    {NR_truncate, 6, "Pl"},
    {NR_ftruncate, 8, "dl"},
    {NR_faccessat, 3, "DPx"},
    {NR_chdir, 4, "P"},
    {NR_fchdir, 3, "d"},
    {NR_fchmod, 3, "dM"},
    {NR_fchmodat, 4, "DPM"},
    {NR_fchownat, 3, "DPuux"},
    {NR_fchown, 3, "duu"},
    {NR_openat, 40, "DPOM"},
    {NR_close, 12, "d"},
    {NR_pipe2, 6, "by"},
    {NR_getdents64, 8, "dbn"},
    {NR_lseek, 8, "dlx"},
    {NR_read, 16, "dbn"},
    {NR_write, 20, "dbn"},
    {NR_readv, 6, "dic"},
    {NR_writev, 8, "dic"},
    {NR_pread64, 8, "dbnl"},
    {NR_pwrite64, 10, "dbnl"},
    {NR_readlinkat, 4, "DPbn"},
    {NR_newfstatat, 5, "DPby"},
    {NR_fstat, 5, "db"},
    {NR_sync, 1, ""},
    {NR_fsync, 2, "d"},
    {NR_fdatasync, 2, "d"},
    {NR_utimensat, 4, "DPty"},
    {NR_renameat2, 12, "DPDPy"},
    {NR_exit, 1, "u"},
    {NR_exit_group, 1, "u"},
    {NR_set_tid_address, 1, "b"},
    {NR_nanosleep, 2, "tb"},
    {NR_clock_gettime, 2, "kb"},
    {NR_clock_getres, 1, "kb"},
    {NR_clock_nanosleep, 2, "kxtb"},
    {NR_syslog, 1, "xbn"},
    {NR_sched_getaffinity, 1, "pnb"},
    {NR_sched_yield, 3, ""},
    {NR_kill, 8, "ps"},
    {NR_tkill, 2, "ps"},
    {NR_tgkill, 2, "pps"},
    {NR_rt_sigaction, 6, "sabz"},
    {NR_rt_sigprocmask, 5, "xSbz"},
    {NR_rt_sigreturn, 1, ""},
    {NR_reboot, 1, "uuub"},
    {NR_times, 1, "b"},
    {NR_setpgid, 3, "pp"},
    {NR_getpgid, 1, "p"},
    {NR_getsid, 1, "p"},
    {NR_setsid, 2, ""},
    {NR_uname, 1, "b"},
    {NR_getrusage, 2, "ub"},
    {NR_umask, 1, "M"},
    {NR_gettimeofday, 1, "bb"},
    {NR_getpid, 1, ""},
    {NR_getppid, 1, ""},
    {NR_getuid, 1, ""},
    {NR_geteuid, 1, ""},
    {NR_getgid, 1, ""},
    {NR_getegid, 1, ""},
    {NR_gettid, 1, ""},
    {NR_sysinfo, 1, "b"},
    {NR_clone, 6, "Cubub"},
    {NR_execve, 5, "Pee"},
    {NR_wait4, 6, "pbwb"},
    {NR_prlimit64, 3, "prLb"},
    {NR_getrandom, 2, "bnx"},
    {NR_brk, 5, "B"},
    {NR_munmap, 8, "AN"},
    {NR_mmap, 16, "ANRFdl"},
    {NR_mprotect, 8, "ANR"},
};

/* The letters of abi/syscalls.h, and those of make.c that come nearest. */
#define USUAL_WEIGHT 4
static const char usual_kinds[][2] = {{'d', 'd'}, {'s', 'P'}, {'p', 'b'}, {'n', 'n'}, {'i', 'u'},
                                      {'u', 'u'}, {'x', 'x'}, {'o', 'M'}, {'l', 'l'}, {'a', 'A'}};

static void use_usual(struct call_kind *c)
{
    char *kinds = strdup(c->kinds);

    if (!kinds)
        die("the table of calls");
    for (char *k = kinds; *k; k++)
        for (unsigned i = 0; i < sizeof(usual_kinds) / sizeof(usual_kinds[0]); i++)
            if (*k == usual_kinds[i][0]) {
                *k = usual_kinds[i][1];
                break;
            }
    c->kinds = kinds;
    c->weight = USUAL_WEIGHT;
}

void calls_start(void)
{
    for (unsigned i = CALL_FIRST; i < calls_count; i++)
        use_usual(&calls[i]);
    for (unsigned k = 0; k < sizeof(special) / sizeof(special[0]); k++)
        for (unsigned i = CALL_FIRST; i < calls_count; i++)
            if (calls[i].number == special[k].number) {
                calls[i].weight = special[k].weight;
                calls[i].kinds = special[k].kinds;
            }
}

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
    "node-null",
    "node-zero",
    "node-full",
    "node-random",
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
