/* Messages for errors, and the ways to leave with one. */
#include "lib.h"

static const char *const texts[] = {
    [0] = "Success",
    [EPERM] = "Operation not permitted",
    [ENOENT] = "No such file or directory",
    [ESRCH] = "No such process",
    [EINTR] = "Interrupted system call",
    [EIO] = "Input/output error",
    [ENXIO] = "No such device or address",
    [E2BIG] = "Argument list too long",
    [ENOEXEC] = "Exec format error",
    [EBADF] = "Bad file descriptor",
    [ECHILD] = "No child processes",
    [EAGAIN] = "Resource temporarily unavailable",
    [ENOMEM] = "Cannot allocate memory",
    [EACCES] = "Permission denied",
    [EFAULT] = "Bad address",
    [EBUSY] = "Device or resource busy",
    [EEXIST] = "File exists",
    [EXDEV] = "Invalid cross-device link",
    [ENODEV] = "No such device",
    [ENOTDIR] = "Not a directory",
    [EISDIR] = "Is a directory",
    [EINVAL] = "Invalid argument",
    [ENFILE] = "Too many open files in system",
    [EMFILE] = "Too many open files",
    [ENOTTY] = "Inappropriate ioctl for device",
    [ETXTBSY] = "Text file busy",
    [EFBIG] = "File too large",
    [ENOSPC] = "No space left on device",
    [ESPIPE] = "Illegal seek",
    [EROFS] = "Read-only file system",
    [EMLINK] = "Too many links",
    [EPIPE] = "Broken pipe",
    [EDOM] = "Numerical argument out of domain",
    [ERANGE] = "Numerical result out of range",
    [EDEADLK] = "Resource deadlock avoided",
    [ENAMETOOLONG] = "File name too long",
    [ENOSYS] = "Function not implemented",
    [ENOTEMPTY] = "Directory not empty",
    [ELOOP] = "Too many levels of symbolic links",
    [EOVERFLOW] = "Value too large for defined data type",
    [EOPNOTSUPP] = "Operation not supported",
    [ETIMEDOUT] = "Connection timed out",
};

const char *strerror(int error)
{
    static char unknown[32];
    if (error >= 0 && error < (int)(sizeof(texts) / sizeof(texts[0])) && texts[error])
        return texts[error];
    snprintf(unknown, sizeof(unknown), "Unknown error %d", error);
    return unknown;
}

const char *progname(void)
{
    return lib_argv[0] ? path_base(lib_argv[0]) : "?";
}

static void append(struct lib_sink *sink, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    lib_format(sink, format, args, false);
    va_end(args);
}

/* error 0: without the reason. */
static void message(const char *format, va_list args, int error)
{
    char buf[512];
    struct lib_sink sink = {.buf = buf, .size = sizeof(buf), .fd = 2};
    append(&sink, "%s: ", progname());
    lib_format(&sink, format, args, false);
    if (error)
        append(&sink, ": %s", strerror(error));
    append(&sink, "\n");
    lib_flush(&sink);
}

void warn(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    message(format, args, errno);
    va_end(args);
}

void warnx(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    message(format, args, 0);
    va_end(args);
}

_Noreturn void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    message(format, args, errno);
    exit(1);
}

_Noreturn void diex(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    message(format, args, 0);
    exit(1);
}

_Noreturn void usage(const char *text)
{
    dprintf(2, "usage: %s\n", text);
    exit(2);
}
