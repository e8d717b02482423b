/* Printing as in C, and buffered input and output. */
#include "lib.h"

int vdprintf(int fd, const char *format, va_list args)
{
    char buf[512];
    struct lib_sink sink = {.buf = buf, .size = sizeof(buf), .fd = fd};
    lib_format(&sink, format, args, false);
    lib_flush(&sink);
    return sink.error ? (int)lib_failed(sink.error) : (int)sink.length;
}

int dprintf(int fd, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vdprintf(fd, format, args);
    va_end(args);
    return length;
}

int vsnprintf(char *buf, size_t n, const char *format, va_list args)
{
    struct lib_sink sink = {.buf = buf, .size = n ? n - 1 : 0, .fd = -1};
    lib_format(&sink, format, args, false);
    if (n > 0)
        buf[sink.used] = 0;
    return (int)sink.length;
}

int snprintf(char *buf, size_t n, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(buf, n, format, args);
    va_end(args);
    return length;
}

static char out_buf[4096];
static struct lib_sink out = {.buf = out_buf, .size = sizeof(out_buf), .fd = 1};

void out_flush(void)
{
    lib_flush(&out);
    if (out.error) {
        lib_failed(out.error);
        die("write error");
    }
}

void out_bytes(const void *p, size_t n)
{
    const char *from = p;
    while (n > 0) {
        if (out.used == out.size)
            out_flush();
        size_t part = out.size - out.used < n ? out.size - out.used : n;
        memcpy(out.buf + out.used, from, part);
        out.used += part;
        from += part;
        n -= part;
    }
}

void out_byte(int c)
{
    if (out.used == out.size)
        out_flush();
    out.buf[out.used++] = (char)c;
}

void out_string(const char *s)
{
    out_bytes(s, strlen(s));
}

void out_printf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    lib_format(&out, format, args, false);
    va_end(args);
    if (out.error)
        out_flush(); /* does not return */
}

int open_input(const char *path)
{
    int fd = strcmp(path, "-") == 0 ? 0 : open(path, O_RDONLY);
    if (fd < 0)
        warn("%s", path);
    return fd;
}

/* Makes sure that there is a byte to take. */
static bool fill(struct input *in)
{
    if (in->pos < in->len)
        return true;
    int64_t n = read_bytes(in->fd, in->buf, sizeof(in->buf));
    if (n < 0)
        in->error = errno;
    in->pos = 0;
    in->len = n < 0 ? 0 : (int)n;
    return n > 0;
}

int input_byte(struct input *in)
{
    return fill(in) ? (uchar)in->buf[in->pos++] : -1;
}

int64_t input_line(struct input *in, char **line, size_t *size)
{
    size_t length = 0;
    bool ended = false;
    while (!ended && fill(in)) {
        const char *from = in->buf + in->pos;
        size_t part = (size_t)(in->len - in->pos);
        const char *newline = memchr(from, '\n', part);
        if (newline) {
            part = (size_t)(newline - from) + 1;
            ended = true;
        }
        if (length + part + 1 > *size) {
            *size = 2 * (length + part) + 64;
            *line = xrealloc(*line, *size);
        }
        memcpy(*line + length, from, part);
        length += part;
        in->pos += (int)part;
    }
    if (length == 0)
        return -1;
    (*line)[length] = 0;
    return (int64_t)length;
}

char *read_file(const char *path)
{
    size_t size = 4096, length = 0;
    int64_t n;
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return NULL;
    char *text = xmalloc(size);
    while ((n = read_bytes(fd, text + length, size - 1 - length)) > 0) {
        length += (size_t)n;
        if (size - 1 - length == 0)
            text = xrealloc(text, size *= 2);
    }
    close(fd);
    text[length] = 0;
    if (n < 0) {
        free(text);
        return NULL;
    }
    return text;
}
