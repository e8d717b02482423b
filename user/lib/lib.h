/* For the library's own files.
 *
 * Programs written for xv6 define whatever names they like, so the members of the library that serve
 * user/user.h (start, xv6, string, print, malloc) define nothing else but names that begin with lib_ or sys_,
 * errno and environ, and use no other member. A member is linked only where something in it is used; that is
 * why one holds things that go together. */
#pragma once
#define USER_LIBRARY
#include "user/lode.h"

/* The argument vector that the program was started with. */
extern char **lib_argv;

/* The auxiliary vector: pairs of a type and a value, up to AT_NULL. */
extern const uint64_t *lib_aux;

/* True while the start code's ignoring of SIGPIPE is in force; execve does not hand it on. */
extern bool lib_sigpipe_ignored;

/* What the API returns for a system call's result: -1 with errno set for a negative one. */
long lib_failed(long result);
static inline long lib_result(long result)
{
    return result < 0 ? lib_failed(result) : result;
}

/* execve, and the signal put right before it: 0 never, -errno. */
long lib_execve(const char *path, char **argv, char **envp);

/* All n bytes, or -errno. */
long lib_write_all(int fd, const void *buf, size_t n);

/* Text on its way: to descriptor fd through the buffer, or (fd -1) cut to the buffer. */
struct lib_sink {
    char *buf;
    size_t size;
    size_t used;   /* bytes in buf */
    size_t length; /* bytes in all */
    int fd;
    long error; /* 0, or -errno of a failed write */
};
void lib_format(struct lib_sink *sink, const char *format, va_list args, bool as_xv6);
void lib_flush(struct lib_sink *sink);

/* Bytes that fit into a block from malloc. */
size_t lib_malloc_size(const void *p);
