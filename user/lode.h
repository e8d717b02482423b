/* What lode's own programs use beyond the API of xv6. Names that POSIX knows mean what they mean there, with
 * the structures of the kernel's ABI. Everything returns -1 and sets errno on failure unless noted; sys_NAME
 * is the bare system call and returns -errno. */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/limits.h"
#include "abi/mman.h"
#include "abi/signal.h"
#include "abi/stat.h"
#include "abi/system.h"
#include "abi/time.h"
#include "abi/tty.h"
#include "abi/wait.h"
#include "user/user.h"

#define PRINTF_LIKE(which, args) __attribute__((__format__(printf, which, args)))

/* Every system call by name, sys_read and so on. Pointers go as long; a call without arguments takes a 0. */
#define SYSCALL(number, name, kinds) long sys_##name(long, ...);
#include "abi/syscalls.h"
#undef SYSCALL

/* A program that includes this header dies of SIGPIPE when nobody reads what it writes, as programs do under
 * Unix. Without this mark, the library's start code ignores the signal: write returns -1, as xv6's does. */
#ifndef USER_LIBRARY
__attribute__((weak)) extern const char unix_program;
__attribute__((weak)) const char unix_program = 1;
#endif

/* Marks for scripts/profile: instructions that do nothing (the RISC-V manual's HINTs; those with slti are for
 * everyone's own purposes). init sets the first two around each command; between the others, a program has that
 * counted which it wants to be counted, with `scripts/profile --marked`. */
#define PROFILE_COMMAND_BEGIN 1
#define PROFILE_COMMAND_END   2
#define PROFILE_BEGIN         3
#define PROFILE_END           4
#define PROFILE_MARK(n)       __asm__ volatile("slti zero, zero, %0" : : "i"(n) : "memory")

/* Errors. Messages go to descriptor 2, in one write. */
extern int errno;
const char *progname(void); /* the last component of argv[0] */
const char *strerror(int error);
void warn(const char *format, ...) PRINTF_LIKE(1, 2);           /* "prog: ...: strerror(errno)" */
void warnx(const char *format, ...) PRINTF_LIKE(1, 2);          /* "prog: ..." */
_Noreturn void die(const char *format, ...) PRINTF_LIKE(1, 2);  /* warn, exit(1) */
_Noreturn void diex(const char *format, ...) PRINTF_LIKE(1, 2); /* warnx, exit(1) */
_Noreturn void usage(const char *text);                         /* "usage: text", exit(2) */

/* Options, as POSIX getopt: the next option's letter, '?' for one that is not in `letters` (a letter with ':'
 * after it takes a value, left in optarg), -1 at the end: argv[optind] is then the first operand. Prints
 * nothing. */
extern int optind;
extern char *optarg;
int getopt(int argc, char **argv, const char *letters);

/* The environment. setenv copies. */
extern char **environ;
char *getenv(const char *name);
int setenv(const char *name, const char *value);
int unsetenv(const char *name);

/* Processes and signals. */
int execve(const char *path, char **argv, char **envp);
int execvp(const char *file, char **argv); /* a name without "/" is searched for along PATH, only there */
int waitpid(int pid, int *status, int options); /* the status is read with the macros of abi/wait.h */
int sendsig(int pid, int sig);                  /* the kill of POSIX */
int setsignal(int sig, uint64_t action);        /* SIGNAL_DEFAULT, SIGNAL_IGNORE, or a handler's address */
uint64_t blocksignals(uint64_t set);            /* those with bit n-1 wait, too; returns which did before */
void unblocksignals(uint64_t blocked);          /* lets all but these come */
int signal_number(const char *name);            /* "9", "KILL" or "SIGKILL"; -1 if there is none */
const char *signal_name(int sig);               /* "KILL"; NULL if it has none */
const char *signal_text(int sig);               /* "Killed", for a shell to print */
int getppid(void);
int getuid(void);
int setsid(void);
int setpgid(int pid, int pgid);
int getpgid(int pid);

/* Files. */
int open_mode(const char *path, int flags, uint32_t mode);
int64_t read_bytes(int fd, void *buf, size_t n);  /* read, but a directory is an error, EISDIR */
int write_all(int fd, const void *buf, size_t n); /* 0 when all is written */
int dup2(int fd, int other);
int pipe2(int fds[2], int flags);
int64_t lseek(int fd, int64_t offset, int whence);
int64_t pread(int fd, void *buf, size_t n, int64_t offset);
int64_t pwrite(int fd, const void *buf, size_t n, int64_t offset);
int ftruncate(int fd, int64_t size);
int fsync(int fd);
int getstat(const char *path, struct abi_stat *st);  /* follows symbolic links */
int getlstat(const char *path, struct abi_stat *st); /* does not */
int getfstat(int fd, struct abi_stat *st);
int access(const char *path, int how); /* F_OK, R_OK | W_OK | X_OK */
int rename(const char *old, const char *name);
int symlink(const char *target, const char *path);
int64_t readlink(const char *path, char *buf, size_t n); /* length of the target; adds no NUL */
int unlink_file(const char *path);                       /* never a directory */
int rmdir(const char *path);
int mkdir_mode(const char *path, uint32_t mode);
int chmod(const char *path, uint32_t mode);
int umask(uint32_t mask);                                          /* the old one */
int utimens(const char *path, const struct abi_timespec times[2]); /* access, modification; NULL: now */
char *getcwd(char *buf, size_t n);                                 /* buf, or NULL */
int getstatfs(const char *path, struct abi_statfs *st);

/* Reading a directory: open it, dir_next until NULL, close it. "." and ".." come along. */
struct dir {
    int fd;
    int pos, len;
    _Alignas(8) char buf[2048];
};
int dir_open(struct dir *d, const char *path);
struct abi_dirent64 *
dir_next(struct dir *d); /* NULL at the end, or with errno not 0. Valid until the next call. */
void dir_close(struct dir *d);
bool dir_is_dot(const char *name); /* "." or ".." */

/* Paths. */
const char *path_base(const char *path);            /* what follows the last "/" */
char *path_join(const char *dir, const char *name); /* "dir/name" from malloc; exits without memory */

/* Where cp, mv and ln put `source`: dest, or dest/base(source) where dest is a directory. From malloc. */
char *path_into(const char *dest, const char *source);

/* Opens a file to read; "-" is descriptor 0. Warns on failure. */
int open_input(const char *path);

/* Buffered input, a byte or a line at a time. Initialise with {.fd = fd}. */
struct input {
    int fd;
    int pos, len;
    int error; /* errno of a failed read, which looks like the end */
    char buf[4096];
};
int input_byte(struct input *in); /* 0..255, -1 at the end */
/* The next line, with its newline if it has one, NUL-terminated, in *line, a buffer from malloc of *size
 * bytes that grows as needed (start with NULL and 0). Its length, or -1 at the end. */
int64_t input_line(struct input *in, char **line, size_t *size);

/* Buffered output on descriptor 1. What is not flushed is lost: end with out_flush, which exits with a
 * message when the output could not be written. */
void out_byte(int c);
void out_bytes(const void *p, size_t n);
void out_string(const char *s);
void out_printf(const char *format, ...) PRINTF_LIKE(1, 2);
void out_flush(void);

/* Printing as in C: as printf of user/user.h, but %x prints small letters (%X capitals), and %p no leading
 * zeros. snprintf returns the length that the whole text has. */
int dprintf(int fd, const char *format, ...) PRINTF_LIKE(2, 3);
int vdprintf(int fd, const char *format, va_list args);
int snprintf(char *buf, size_t n, const char *format, ...) PRINTF_LIKE(3, 4);
int vsnprintf(char *buf, size_t n, const char *format, va_list args);
void printf(const char *format, ...) PRINTF_LIKE(1, 2);
void fprintf(int fd, const char *format, ...) PRINTF_LIKE(2, 3);

/* Time. */
int clock_gettime(int clock, struct abi_timespec *t);
int nanosleep(const struct abi_timespec *t, struct abi_timespec *left);
struct utc {
    int64_t year;
    int month, day; /* 1..12, 1..31 */
    int hour, minute, second;
    int weekday; /* 0 = Sunday */
};
struct utc utc_from_seconds(int64_t seconds); /* since 1970-01-01 */
extern const char *const month_names[12];     /* "Jan" */
extern const char *const weekday_names[7];    /* "Sun" */

/* The terminal. */
int isatty(int fd);
int tcgetattr(int fd, struct abi_termios *t);
int tcsetattr(int fd, const struct abi_termios *t);
int tcgetpgrp(int fd);
int tcsetpgrp(int fd, int pgid);
int getwinsize(int fd, struct abi_winsize *size);

/* The system. */
int uname(struct abi_utsname *name);
int sysinfo(struct abi_sysinfo *info);
int reboot(uint32_t command, int status); /* REBOOT_CMD_...; writes nothing back: sync first */
/* A whole (small) file as a string from malloc, NULL on failure; for /proc. */
char *read_file(const char *path);

/* A process as /proc/PID/stat describes it; times in 1/USER_HZ s. */
struct process {
    int pid, parent, group;
    char state; /* R running or ready, S sleeping, Z zombie, ... */
    char name[32];
    uint64_t user_time, kernel_time;
    uint64_t size, resident; /* bytes, pages */
};
size_t
process_list(struct process **list); /* all, in an array from malloc; exits with a message on failure */
void process_command(const struct process *p, char *text, size_t size); /* with its arguments */

/* Memory. mmap returns MAP_FAILED on failure. */
#define MAP_FAILED ((void *)-1)
void *mmap(void *addr, size_t n, int prot, int flags, int fd, int64_t offset);
int munmap(void *addr, size_t n);
int mprotect(void *addr, size_t n, int prot);
void *calloc(size_t count, size_t n);
void *realloc(void *p, size_t n);
void *xmalloc(size_t n);           /* exits with a message without memory */
void *xrealloc(void *p, size_t n); /* likewise */

/* Strings. */
int strncmp(const char *a, const char *b, size_t n);
char *strrchr(const char *s, int c);
char *strstr(const char *s, const char *what);
size_t strlcpy(char *to, const char *from, size_t size); /* cuts, always terminates; strlen(from) */
char *strdup(const char *s);                             /* NULL without memory */
void *memchr(const void *p, int c, size_t n);
long strtol(const char *s, char **end, int base);
uint64_t strtoul(const char *s, char **end, int base);
bool parse_number(const char *s, int64_t *value); /* the whole of s is a decimal number */
void qsort(void *base, size_t count, size_t size, int (*compare)(const void *, const void *));

static inline bool isdigit(int c)
{
    return c >= '0' && c <= '9';
}
static inline bool isupper(int c)
{
    return c >= 'A' && c <= 'Z';
}
static inline bool islower(int c)
{
    return c >= 'a' && c <= 'z';
}
static inline bool isalpha(int c)
{
    return isupper(c) || islower(c);
}
static inline bool isalnum(int c)
{
    return isalpha(c) || isdigit(c);
}
static inline bool isspace(int c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}
static inline bool isprint(int c)
{
    return c >= ' ' && c <= '~';
}
static inline int tolower(int c)
{
    return isupper(c) ? c + 'a' - 'A' : c;
}
static inline int toupper(int c)
{
    return islower(c) ? c - 'a' + 'A' : c;
}

/* Patterns as the shell and find have them: * ? [a-z] [!a-z] [[:alpha:]], and \ to quote. */
bool pattern_match(const char *pattern, const char *s);
int char_class(const char *name, size_t len, int c); /* is c in class "alpha", ...? -1: no such class */

/* Words for people. */
void mode_string(uint32_t mode, char text[11]); /* "drwxr-xr-x" */
void size_string(uint64_t bytes, char text[8]); /* "4.0K" */
