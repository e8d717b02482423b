/* The system calls of the xv6 API on those of the kernel.
 *
 * xv6 answers bad pointers with -1, and its tests hand them to every call. So pointers go to the kernel,
 * which can tell; where the library itself must write through one, it has the kernel try it first. */
#include "kernel/fs.h"
#include "kernel/stat.h"
#include "kernel/syscall.h"
#include "lib.h"

int errno;

long lib_failed(long result)
{
    errno = (int)-result;
    return -1;
}

/* A system call in line: read and write are called so often that the way through a stub would show. */
static inline long syscall3(long number, long first, long second, long third)
{
    register long a0 __asm__("a0") = first;
    register long a1 __asm__("a1") = second;
    register long a2 __asm__("a2") = third;
    register long a7 __asm__("a7") = number;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a7) : "memory");
    return a0;
}

/* Can the n bytes (up to 256) at p be written? The kernel finds out by filling them. */
static bool is_writable(void *p, long n)
{
    return sys_getrandom((long)p, n, (long)GRND_NONBLOCK) == n;
}

int fork(void)
{
    return (int)lib_result(sys_clone(SIGCHLD, 0L, 0L, 0L, 0L));
}

int exit(int status)
{
    for (;;)
        sys_exit_group(status);
}

/* The status word passes eight bits of what exit was given: 255 is taken for the -1 that it mostly was. */
int wait(int *status)
{
    long pid = sys_wait4(-1, (long)status, 0L, 0L);
    if (pid > 0 && status) {
        int code = WAIT_HAS_EXITED(*status) ? WAIT_EXIT_CODE(*status) : -1;
        *status = code == 255 ? -1 : code;
    }
    return (int)lib_result(pid);
}

int kill(int pid)
{
    /* To the kernel, pids from 0 downwards are groups of processes. */
    return pid <= 0 ? (int)lib_failed(-ESRCH) : (int)lib_result(sys_kill(pid, (long)SIGKILL));
}

long lib_execve(const char *path, char **argv, char **envp)
{
    struct abi_sigaction action = {.handler = SIGNAL_DEFAULT};
    if (lib_sigpipe_ignored)
        sys_rt_sigaction(SIGPIPE, (long)&action, 0L, 8L);
    long result = sys_execve((long)path, (long)argv, (long)envp);
    action.handler = SIGNAL_IGNORE;
    if (lib_sigpipe_ignored)
        sys_rt_sigaction(SIGPIPE, (long)&action, 0L, 8L);
    return result;
}

/* xv6 keeps its programs in the root directory, where programs written for it start others by their bare
 * name. */
int exec(const char *path, char **argv)
{
    long result = lib_execve(path, argv, environ);
    if (result == -ENOENT && !strchr(path, '/') && strlen(path) <= NAME_MAX) {
        char in_bin[sizeof("/bin/") + NAME_MAX] = "/bin/";
        strcpy(in_bin + 5, path);
        result = lib_execve(in_bin, argv, environ);
    }
    return (int)lib_result(result);
}

int pause(int ticks)
{
    struct abi_timespec t = {ticks / 10, ticks % 10 * 100000000L};
    return ticks <= 0 ? 0 : (int)lib_result(sys_nanosleep((long)&t, 0L));
}

int sleep(int ticks)
{
    return pause(ticks);
}

int uptime(void)
{
    struct abi_timespec t;
    sys_clock_gettime(CLOCK_BOOTTIME, (long)&t);
    return (int)(t.sec * 10 + t.nsec / 100000000);
}

/* The break is asked for once and then known: nobody else moves it. */
char *sbrk(int n)
{
    static long start, now;
    if (!now)
        start = now = sys_brk(0);
    long old = now;
    if (n != 0) {
        if (old + n < start || sys_brk(old + n) != old + n) {
            lib_failed(-ENOMEM);
            return SBRK_ERROR;
        }
        now = old + n;
    }
    return (char *)old;
}

char *sbrklazy(int n)
{
    return sbrk(n);
}

/* A third argument, the mode, is not looked at: xv6's programs give none when they create a file. */
int open(const char *path, int flags, ...)
{
    return (int)lib_result(sys_openat(AT_FDCWD, (long)path, (long)flags, 0666L));
}

/* xv6's way to list a directory: read() gives struct dirents, one for each record of getdents64. The file
 * offset is then put after the last one that fitted. */
static long read_directory(int fd, struct dirent *to, int n)
{
    _Alignas(8) char records[512];
    int room = n / (int)sizeof(*to), filled = 0;
    if (room == 0)
        return -EISDIR;
    long got = sys_getdents64(fd, (long)records, (long)sizeof(records));
    for (long pos = 0; pos < got && filled < room;) {
        const struct abi_dirent64 *record = (const struct abi_dirent64 *)(records + pos);
        if (!is_writable(&to[filled], sizeof(*to)))
            return -EFAULT;
        memset(&to[filled], 0, sizeof(*to));
        to[filled].inum = (uint)record->ino;
        for (int i = 0; i < DIRSIZ - 1 && record->name[i]; i++)
            to[filled].name[i] = record->name[i];
        filled++;
        pos += record->reclen;
        if (pos < got && filled == room)
            sys_lseek(fd, (long)record->off, (long)SEEK_SET);
    }
    return got < 0 ? got : filled * (long)sizeof(*to);
}

static __attribute__((noinline)) int read_failed(int fd, void *buf, int n, long result)
{
    return (int)lib_result(result == -EISDIR ? read_directory(fd, buf, n) : result);
}

int read(int fd, void *buf, int n)
{
    long result = syscall3(SYS_read, fd, (long)buf, n);
    return result >= 0 ? (int)result : read_failed(fd, buf, n, result);
}

int write(int fd, const void *buf, int n)
{
    return (int)lib_result(syscall3(SYS_write, fd, (long)buf, n));
}

int close(int fd)
{
    return (int)lib_result(syscall3(SYS_close, fd, 0, 0));
}

int dup(int fd)
{
    return (int)lib_result(sys_dup(fd));
}

int pipe(int fds[2])
{
    return (int)lib_result(sys_pipe2((long)fds, 0L));
}

/* Translates what the kernel says about a file; pipes have no inode in xv6 and nothing to tell. */
static int tell(const struct abi_stat *from, struct stat *to)
{
    if (S_ISFIFO(from->mode))
        return (int)lib_failed(-EBADF);
    if (!is_writable(to, sizeof(*to)))
        return (int)lib_failed(-EFAULT);
    memset(to, 0, sizeof(*to));
    to->dev = (int)from->dev;
    to->ino = (uint)from->ino;
    to->type = S_ISDIR(from->mode)   ? T_DIR
               : S_ISREG(from->mode) ? T_FILE
               : S_ISLNK(from->mode) ? T_SYMLINK
                                     : T_DEVICE;
    to->nlink = (short)from->nlink;
    to->size = (uint64)from->size;
    return 0;
}

int fstat(int fd, struct stat *st)
{
    struct abi_stat full;
    long result = sys_fstat(fd, (long)&full);
    return result < 0 ? (int)lib_failed(result) : tell(&full, st);
}

int stat(const char *path, struct stat *st)
{
    struct abi_stat full;
    long result = sys_newfstatat(AT_FDCWD, (long)path, (long)&full, 0L);
    return result < 0 ? (int)lib_failed(result) : tell(&full, st);
}

int mknod(const char *path, short major, short minor)
{
    long device = DEV_MAKE((ushort)major, (ushort)minor);
    return (int)lib_result(sys_mknodat(AT_FDCWD, (long)path, S_IFCHR | 0666L, device));
}

int unlink(const char *path)
{
    long result = sys_unlinkat(AT_FDCWD, (long)path, 0L);
    if (result == -EISDIR)
        result = sys_unlinkat(AT_FDCWD, (long)path, (long)AT_REMOVEDIR);
    return (int)lib_result(result);
}

int link(const char *old, const char *name)
{
    return (int)lib_result(sys_linkat(AT_FDCWD, (long)old, (long)AT_FDCWD, (long)name, 0L));
}

int mkdir(const char *path)
{
    return (int)lib_result(sys_mkdirat(AT_FDCWD, (long)path, 0777L));
}

int chdir(const char *path)
{
    return (int)lib_result(sys_chdir((long)path));
}

int sync(void)
{
    return (int)lib_result(sys_sync(0));
}

char *gets(char *buf, int max)
{
    int n = 0;
    while (n + 1 < max && read(0, &buf[n], 1) == 1)
        if (buf[n++] == '\n' || buf[n - 1] == '\r')
            break;
    buf[n] = 0;
    return buf;
}
