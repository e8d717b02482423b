/* The system calls of user/lode.h, as thin as they can be. */
#include "lib.h"

int execve(const char *path, char **argv, char **envp)
{
    return (int)lib_result(lib_execve(path, argv, envp));
}

int waitpid(int pid, int *status, int options)
{
    return (int)lib_result(sys_wait4(pid, (long)status, (long)options, 0L));
}

int sendsig(int pid, int sig)
{
    return (int)lib_result(sys_kill(pid, (long)sig));
}

int setsignal(int sig, uint64_t action)
{
    struct abi_sigaction new = {.handler = action};
    if (sig == SIGPIPE)
        lib_sigpipe_ignored =
            false; /* from here on it is the program's own choice, and handed on by execve */
    return (int)lib_result(sys_rt_sigaction(sig, (long)&new, 0L, 8L));
}

uint64_t blocksignals(uint64_t set)
{
    uint64_t before = 0;
    lib_result(sys_rt_sigprocmask((long)SIG_BLOCK, (long)&set, (long)&before, 8L));
    return before;
}

void unblocksignals(uint64_t blocked)
{
    lib_result(sys_rt_sigprocmask((long)SIG_SETMASK, (long)&blocked, 0L, 8L));
}

int getppid(void)
{
    return (int)sys_getppid(0);
}

int getuid(void)
{
    return (int)sys_getuid(0);
}

int setsid(void)
{
    return (int)lib_result(sys_setsid(0));
}

int setpgid(int pid, int pgid)
{
    return (int)lib_result(sys_setpgid(pid, (long)pgid));
}

int getpgid(int pid)
{
    return (int)lib_result(sys_getpgid(pid));
}

int open_mode(const char *path, int flags, uint32_t mode)
{
    return (int)lib_result(sys_openat(AT_FDCWD, (long)path, (long)flags, (long)mode));
}

int64_t read_bytes(int fd, void *buf, size_t n)
{
    return lib_result(sys_read(fd, (long)buf, (long)n));
}

int write_all(int fd, const void *buf, size_t n)
{
    return (int)lib_result(lib_write_all(fd, buf, n));
}

int dup2(int fd, int other)
{
    if (fd == other) /* dup3 refuses what dup2 allows */
        return (int)lib_result(sys_fcntl(fd, (long)F_GETFD, 0L)) < 0 ? -1 : fd;
    return (int)lib_result(sys_dup3(fd, (long)other, 0L));
}

int pipe2(int fds[2], int flags)
{
    return (int)lib_result(sys_pipe2((long)fds, (long)flags));
}

int64_t lseek(int fd, int64_t offset, int whence)
{
    return lib_result(sys_lseek(fd, (long)offset, (long)whence));
}

int64_t pread(int fd, void *buf, size_t n, int64_t offset)
{
    return lib_result(sys_pread64(fd, (long)buf, (long)n, (long)offset));
}

int64_t pwrite(int fd, const void *buf, size_t n, int64_t offset)
{
    return lib_result(sys_pwrite64(fd, (long)buf, (long)n, (long)offset));
}

int ftruncate(int fd, int64_t size)
{
    return (int)lib_result(sys_ftruncate(fd, (long)size));
}

int fsync(int fd)
{
    return (int)lib_result(sys_fsync(fd));
}

int getstat(const char *path, struct abi_stat *st)
{
    return (int)lib_result(sys_newfstatat(AT_FDCWD, (long)path, (long)st, 0L));
}

int getlstat(const char *path, struct abi_stat *st)
{
    return (int)lib_result(sys_newfstatat(AT_FDCWD, (long)path, (long)st, (long)AT_SYMLINK_NOFOLLOW));
}

int getfstat(int fd, struct abi_stat *st)
{
    return (int)lib_result(sys_fstat(fd, (long)st));
}

int access(const char *path, int how)
{
    return (int)lib_result(sys_faccessat(AT_FDCWD, (long)path, (long)how));
}

int rename(const char *old, const char *name)
{
    return (int)lib_result(sys_renameat2(AT_FDCWD, (long)old, (long)AT_FDCWD, (long)name, 0L));
}

int symlink(const char *target, const char *path)
{
    return (int)lib_result(sys_symlinkat((long)target, (long)AT_FDCWD, (long)path));
}

int64_t readlink(const char *path, char *buf, size_t n)
{
    return lib_result(sys_readlinkat(AT_FDCWD, (long)path, (long)buf, (long)n));
}

int unlink_file(const char *path)
{
    return (int)lib_result(sys_unlinkat(AT_FDCWD, (long)path, 0L));
}

int rmdir(const char *path)
{
    return (int)lib_result(sys_unlinkat(AT_FDCWD, (long)path, (long)AT_REMOVEDIR));
}

int mkdir_mode(const char *path, uint32_t mode)
{
    return (int)lib_result(sys_mkdirat(AT_FDCWD, (long)path, (long)mode));
}

int chmod(const char *path, uint32_t mode)
{
    return (int)lib_result(sys_fchmodat(AT_FDCWD, (long)path, (long)mode));
}

int umask(uint32_t mask)
{
    return (int)sys_umask((long)mask);
}

int utimens(const char *path, const struct abi_timespec times[2])
{
    return (int)lib_result(sys_utimensat(AT_FDCWD, (long)path, (long)times, 0L));
}

char *getcwd(char *buf, size_t n)
{
    return lib_result(sys_getcwd((long)buf, (long)n)) < 0 ? NULL : buf;
}

int getstatfs(const char *path, struct abi_statfs *st)
{
    return (int)lib_result(sys_statfs((long)path, (long)st));
}

int nanosleep(const struct abi_timespec *t, struct abi_timespec *left)
{
    return (int)lib_result(sys_nanosleep((long)t, (long)left));
}

int tcgetattr(int fd, struct abi_termios *t)
{
    return (int)lib_result(sys_ioctl(fd, (long)TCGETS, (long)t));
}

int isatty(int fd)
{
    struct abi_termios t;
    return tcgetattr(fd, &t) == 0;
}

int tcsetattr(int fd, const struct abi_termios *t)
{
    return (int)lib_result(sys_ioctl(fd, (long)TCSETSW, (long)t));
}

int tcgetpgrp(int fd)
{
    int pgid;
    return lib_result(sys_ioctl(fd, (long)TIOCGPGRP, (long)&pgid)) < 0 ? -1 : pgid;
}

int tcsetpgrp(int fd, int pgid)
{
    return (int)lib_result(sys_ioctl(fd, (long)TIOCSPGRP, (long)&pgid));
}

int getwinsize(int fd, struct abi_winsize *size)
{
    return (int)lib_result(sys_ioctl(fd, (long)TIOCGWINSZ, (long)size));
}

int uname(struct abi_utsname *name)
{
    return (int)lib_result(sys_uname((long)name));
}

int sysinfo(struct abi_sysinfo *info)
{
    return (int)lib_result(sys_sysinfo((long)info));
}

int reboot(uint32_t command, int status)
{
    return (int)lib_result(sys_reboot((long)REBOOT_MAGIC1, (long)REBOOT_MAGIC2, (long)command, (long)status));
}

void *mmap(void *addr, size_t n, int prot, int flags, int fd, int64_t offset)
{
    return (void *)lib_result(sys_mmap((long)addr, (long)n, (long)prot, (long)flags, (long)fd, (long)offset));
}

int munmap(void *addr, size_t n)
{
    return (int)lib_result(sys_munmap((long)addr, (long)n));
}

int mprotect(void *addr, size_t n, int prot)
{
    return (int)lib_result(sys_mprotect((long)addr, (long)n, (long)prot));
}
