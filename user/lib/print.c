/* Formatted printing: the engine that everything that prints shares, and printf and fprintf of the xv6 API.
 */
#include "lib.h"

long lib_write_all(int fd, const void *buf, size_t n)
{
    const char *p = buf;
    while (n > 0) {
        long done = sys_write(fd, (long)p, (long)n);
        if (done == -EINTR)
            continue;
        if (done < 0)
            return done;
        p += done;
        n -= (size_t)done;
    }
    return 0;
}

void lib_flush(struct lib_sink *sink)
{
    if (!sink->error)
        sink->error = lib_write_all(sink->fd, sink->buf, sink->used);
    sink->used = 0;
}

static void put(struct lib_sink *sink, char c)
{
    if (sink->used == sink->size && sink->fd >= 0)
        lib_flush(sink);
    if (sink->used < sink->size)
        sink->buf[sink->used++] = c;
    sink->length++;
}

/* What stands between '%' and the letter. */
struct conversion {
    bool left;     /* '-' */
    bool zero;     /* '0' */
    bool plus;     /* '+' */
    bool wide;     /* l, ll, z: 64 bits */
    int width;     /* 0 without */
    int precision; /* of a string; -1 without */
};

static void put_field(struct lib_sink *sink, const struct conversion *c, const char *prefix, const char *text,
                      int length)
{
    int prefix_length = (int)strlen(prefix);
    int padding = c->width - prefix_length - length;
    if (!c->left && !c->zero)
        for (; padding > 0; padding--)
            put(sink, ' ');
    for (int i = 0; i < prefix_length; i++)
        put(sink, prefix[i]);
    if (!c->left && c->zero)
        for (; padding > 0; padding--)
            put(sink, '0');
    for (int i = 0; i < length; i++)
        put(sink, text[i]);
    for (; padding > 0; padding--)
        put(sink, ' ');
}

static void put_number(struct lib_sink *sink, const struct conversion *c, const char *prefix, uint64_t n,
                       unsigned base, bool capitals)
{
    const char *digits = capitals ? "0123456789ABCDEF" : "0123456789abcdef";
    char text[24];
    int at = sizeof(text);
    do {
        text[--at] = digits[n % base];
        n /= base;
    } while (n > 0);
    put_field(sink, c, prefix, text + at, (int)sizeof(text) - at);
}

static void put_string(struct lib_sink *sink, struct conversion *c, const char *s)
{
    int length = 0;
    if (!s)
        s = "(null)";
    while (length != c->precision && s[length])
        length++;
    c->zero = false;
    put_field(sink, c, "", s, length);
}

/* Reads flags, width, precision and length; returns where the letter is. */
static const char *parse_conversion(const char *f, struct conversion *c, va_list *args)
{
    *c = (struct conversion){.precision = -1};
    for (;; f++) {
        if (*f == '-')
            c->left = true;
        else if (*f == '0')
            c->zero = true;
        else if (*f == '+')
            c->plus = true;
        else
            break;
    }
    if (*f == '*') {
        c->width = va_arg(*args, int);
        c->left |= c->width < 0;
        c->width = c->width < 0 ? -c->width : c->width;
        f++;
    }
    while (isdigit(*f))
        c->width = c->width * 10 + (*f++ - '0');
    if (*f == '.') {
        f++;
        c->precision = *f == '*' ? va_arg(*args, int) : atoi(f);
        while (*f == '*' || isdigit(*f))
            f++;
    }
    for (; *f == 'l' || *f == 'z'; f++)
        c->wide = true;
    return f;
}

void lib_format(struct lib_sink *sink, const char *format, va_list caller_args, bool as_xv6)
{
    va_list args; /* a copy, because a parameter of this type cannot be pointed to portably */
    va_copy(args, caller_args);
    for (const char *f = format; *f; f++) {
        struct conversion c;
        int64_t n;
        if (*f != '%') {
            put(sink, *f);
            continue;
        }
        const char *start = f;
        f = parse_conversion(f + 1, &c, &args);
        switch (*f) {
        case 'd':
        case 'i':
            n = c.wide ? va_arg(args, int64_t) : va_arg(args, int);
            put_number(sink, &c,
                       n < 0    ? "-"
                       : c.plus ? "+"
                                : "",
                       n < 0 ? -(uint64_t)n : (uint64_t)n, 10, false);
            break;
        case 'u':
        case 'o':
        case 'x':
        case 'X':
            put_number(sink, &c, "", c.wide ? va_arg(args, uint64_t) : va_arg(args, uint),
                       *f == 'u'   ? 10
                       : *f == 'o' ? 8
                                   : 16,
                       *f == 'X' || as_xv6);
            break;
        case 'p':
            if (as_xv6)
                c = (struct conversion){.width = 18, .zero = true};
            put_number(sink, &c, "0x", va_arg(args, uint64_t), 16, as_xv6);
            break;
        case 'c': {
            char byte = (char)va_arg(args, int);
            put_field(sink, &c, "", &byte, 1);
            break;
        }
        case 's':
            put_string(sink, &c, va_arg(args, const char *));
            break;
        case '%':
            put(sink, '%');
            break;
        default: /* unknown, or the end of the format: shown as it is */
            for (; start < f; start++)
                put(sink, *start);
            if (*f)
                put(sink, *f);
            else
                f--;
        }
    }
    va_end(args);
}

static void print(int fd, const char *format, va_list args)
{
    char buf[512];
    struct lib_sink sink = {.buf = buf, .size = sizeof(buf), .fd = fd};
    lib_format(&sink, format, args, true);
    lib_flush(&sink);
}

void printf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print(1, format, args);
    va_end(args);
}

void fprintf(int fd, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print(fd, format, args);
    va_end(args);
}
