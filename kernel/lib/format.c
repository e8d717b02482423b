/* Formatted output into a buffer: the part of C's vsnprintf that lib/printk.h names. Needs nothing else of
 * the kernel, takes no locks, allocates nothing. */
#include "lib/printk.h"
#include "lib/string.h"

/* The output so far. `length` counts what was wanted, also past the buffer's end. */
struct out {
    char *buf;
    size_t size, length;
};

/* What stands between '%' and the conversion's letter. */
struct spec {
    bool left, zeros, wide; /* '-', '0', an argument of 64 bits */
    int width, precision;   /* precision < 0: none */
};

static void put(struct out *o, const char *s, int n)
{
    for (int i = 0; i < n; i++, o->length++)
        if (o->length + 1 < o->size)
            o->buf[o->length] = s[i];
}

static void pad(struct out *o, const char *c, int n)
{
    for (; n > 0; n--)
        put(o, c, 1);
}

/* A sign and a text of n bytes, filled up to the width: blanks in front, zeros between or blanks behind. */
static void put_field(struct out *o, const struct spec *sp, const char *sign, const char *s, int n)
{
    int nsign = (int)strlen(sign), missing = sp->width - nsign - n;
    if (!sp->left && !sp->zeros)
        pad(o, " ", missing);
    put(o, sign, nsign);
    if (!sp->left && sp->zeros)
        pad(o, "0", missing);
    put(o, s, n);
    if (sp->left)
        pad(o, " ", missing);
}

static void put_number(struct out *o, const struct spec *sp, uint64_t v, unsigned base, const char *sign)
{
    char digits[20]; /* 2^64 has 20 decimal digits */
    int at = sizeof(digits);
    do
        digits[--at] = "0123456789abcdef"[v % base];
    while ((v /= base) != 0);
    put_field(o, sp, sign, digits + at, (int)sizeof(digits) - at);
}

static const char *parse_count(const char *f, int *n)
{
    for (*n = 0; *f >= '0' && *f <= '9'; f++)
        *n = MIN(*n, 100000) * 10 + (*f - '0');
    return f;
}

int vsnprintf(char *buf, size_t size, const char *format, va_list args)
{
    struct out o = {.buf = buf, .size = size};
    for (const char *f = format; *f != '\0'; f++) {
        if (*f != '%') {
            put(&o, f, 1);
            continue;
        }
        const char *start = f++;
        struct spec sp = {.precision = -1};
        for (; *f == '-' || *f == '0'; f++)
            *(*f == '-' ? &sp.left : &sp.zeros) = true;
        f = parse_count(f, &sp.width);
        if (*f == '.' && f[1] == '*') {
            sp.precision = va_arg(args, int);
            f += 2;
        } else if (*f == '.') {
            f = parse_count(f + 1, &sp.precision);
        }
        for (; *f == 'l' || *f == 'z'; f++)
            sp.wide = true;

        switch (*f) {
        case 'd': {
            int64_t v = sp.wide ? va_arg(args, int64_t) : va_arg(args, int);
            put_number(&o, &sp, v < 0 ? -(uint64_t)v : (uint64_t)v, 10, v < 0 ? "-" : "");
            break;
        }
        case 'u':
        case 'x': {
            uint64_t v = sp.wide ? va_arg(args, uint64_t) : va_arg(args, unsigned);
            put_number(&o, &sp, v, *f == 'x' ? 16 : 10, "");
            break;
        }
        case 'p':
            put_number(&o, &sp, (uintptr_t)va_arg(args, void *), 16, "0x");
            break;
        case 'c': {
            char c = (char)va_arg(args, int);
            put_field(&o, &sp, "", &c, 1);
            break;
        }
        case 's': {
            const char *s = va_arg(args, const char *);
            if (s == NULL)
                s = "(null)";
            put_field(&o, &sp, "", s, (int)strnlen(s, sp.precision < 0 ? SIZE_MAX : (size_t)sp.precision));
            break;
        }
        case '%':
            put(&o, "%", 1);
            break;
        default: /* not a format we know: show it as it is */
            put(&o, start, (int)(f - start));
            f--;
            break;
        }
    }
    if (size > 0)
        buf[MIN(o.length, size - 1)] = '\0';
    return (int)o.length;
}

int snprintf(char *buf, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(buf, size, format, args);
    va_end(args);
    return n;
}
