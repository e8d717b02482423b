/* The API of xv6, under which programs written for xv6-riscv compile unchanged; docs/user-api.md lists the
 * differences. Everything returns -1 on failure (with errno, user/lode.h, saying why) unless noted.
 * lode's own programs use more: user/lode.h. */
#pragma once
#include "kernel/types.h"

struct stat;

/* Processes. */
int fork(void); /* 0 in the child, the child's pid in the parent */
int exit(int status) __attribute__((noreturn));
int wait(int *status);                   /* pid of the child; *status: what it gave exit, -1 if killed */
int kill(int pid);                       /* ends the process, whatever it does */
int exec(const char *path, char **argv); /* a name without "/" is also looked for in /bin */
int getpid(void);
int sleep(int ticks); /* a tick is 1/10 s */
int pause(int ticks); /* the same */
int uptime(void);     /* ticks since boot */

/* Memory. */
#define SBRK_ERROR ((char *)-1)
char *sbrk(int n);      /* the old break; SBRK_ERROR */
char *sbrklazy(int n);  /* the same: all memory is filled on demand */
void *malloc(uint64 n); /* aligned to 16; 0 without memory */
void free(void *p);

/* Files. A directory is read as an array of struct dirent (kernel/fs.h). */
int open(const char *path, int flags, ...); /* the file mode is 0666 without the umask's bits */
int read(int fd, void *buf, int n);
int write(int fd, const void *buf, int n);
int close(int fd);
int dup(int fd);
int pipe(int fds[2]); /* fds[0] reads what is written to fds[1] */
int fstat(int fd, struct stat *st);
int stat(const char *path, struct stat *st);
int mknod(const char *path, short major, short minor);
int unlink(const char *path); /* a file, or an empty directory */
int link(const char *old, const char *name);
int mkdir(const char *path);
int chdir(const char *path);
int sync(void);

/* Printing: %d %i %u %x %p %c %s %%, with l or ll, a width, '-' and '0'. %x and %p print capitals, as xv6's
 * do. One call is one write, as long as it prints no more than 512 bytes. */
void printf(const char *format, ...);
void fprintf(int fd, const char *format, ...);
char *gets(char *buf, int max); /* a line of descriptor 0, with its newline; "" at the end */

/* Strings and memory. */
uint strlen(const char *s);
char *strcpy(char *to, const char *from);
char *strchr(const char *s, char c); /* 0: not there */
int strcmp(const char *a, const char *b);
int atoi(const char *s); /* leading digits only */
void *memset(void *to, int c, uint64 n);
void *memmove(void *to, const void *from, uint64 n);
void *memcpy(void *to, const void *from, uint64 n);
int memcmp(const void *a, const void *b, uint64 n);
