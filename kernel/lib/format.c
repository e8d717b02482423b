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
    bool left, zero;
    int width, precision; /* precision < 0: none */
    int size;             /* bytes of an integer argument */
};

static void put(struct out *o, char c)
{
    if (o->length + 1 < o->size)
        o->buf[o->length] = c;
    o->length++;
}

static void pad(struct out *o, char c, int n)
{
    for (; n > 0; n--)
        put(o, c);
}

static void put_string(struct out *o, const struct spec *sp, const char *s, size_t n)
{
    if (!sp->left)
        pad(o, ' ', sp->width - (int)n);
    for (size_t i = 0; i < n; i++)
        put(o, s[i]);
    if (sp->left)
        pad(o, ' ', sp->width - (int)n);
}

/* sign is put before the zeros: "-", "0x" or "". */
static void put_number(struct out *o, const struct spec *sp, uint64_t v, unsigned base, const char *digits,
                       const char *sign)
{
    char reversed[20]; /* 2^64 has 20 decimal digits */
    int n = 0, sign_length = (int)strlen(sign);
    for (; v != 0; v /= base)
        reversed[n++] = digits[v % base];
    int zeros = MAX(sp->precision < 0 ? 1 : sp->precision, n) - n;
    if (sp->zero && !sp->left && sp->precision < 0)
        zeros = MAX(zeros, sp->width - n - sign_length);
    int blanks = sp->width - n - zeros - sign_length;
    if (!sp->left)
        pad(o, ' ', blanks);
    while (*sign != '\0')
        put(o, *sign++);
    pad(o, '0', zeros);
    while (n > 0)
        put(o, reversed[--n]);
    if (sp->left)
        pad(o, ' ', blanks);
}

static const char *parse_count(const char *f, int *n)
{
    for (*n = 0; *f >= '0' && *f <= '9'; f++)
        *n = MIN(*n, 100000) * 10 + (*f - '0');
    return f;
}

static const char *parse_size(const char *f, int *size)
{
    *size = sizeof(int);
    for (;; f++) {
        if (*f == 'l' || *f == 'z' || *f == 'j' || *f == 't')
            *size = 8;
        else if (*f == 'h')
            *size /= 2; /* h: 2 bytes, hh: 1 */
        else
            return f;
    }
}

/* An argument of fewer bytes than an int was passed as an int; only its own bytes count. */
static int64_t narrow_signed(int64_t v, int size)
{
    return size == 8 ? v : size == 4 ? (int32_t)v : size == 2 ? (int16_t)v : (int8_t)v;
}

static uint64_t narrow_unsigned(uint64_t v, int size)
{
    return size == 8 ? v : v & ((1ull << (size * 8)) - 1);
}

int vsnprintf(char *buf, size_t size, const char *format, va_list args)
{
    static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";
    struct out out = {.buf = buf, .size = size}, *o = &out;
    for (const char *f = format; *f != '\0'; f++) {
        if (*f != '%') {
            put(o, *f);
            continue;
        }
        const char *start = f++;
        struct spec sp = {.precision = -1};
        for (; *f == '-' || *f == '0'; f++)
            *(*f == '-' ? &sp.left : &sp.zero) = true;
        if (*f == '*') {
            sp.width = va_arg(args, int);
            sp.left |= sp.width < 0;
            sp.width = sp.width < 0 ? -sp.width : sp.width;
            f++;
        } else {
            f = parse_count(f, &sp.width);
        }
        if (*f == '.' && f[1] == '*') {
            sp.precision = va_arg(args, int);
            f += 2;
        } else if (*f == '.') {
            f = parse_count(f + 1, &sp.precision);
        }
        f = parse_size(f, &sp.size);

        uint64_t v = 0;
        if (*f != '\0' && strchr("diuxX", *f) != NULL)
            v = sp.size == 8 ? va_arg(args, uint64_t) : va_arg(args, unsigned);
        switch (*f) {
        case 'd':
        case 'i': {
            int64_t n = narrow_signed((int64_t)v, sp.size);
            put_number(o, &sp, n < 0 ? -(uint64_t)n : (uint64_t)n, 10, lower, n < 0 ? "-" : "");
            break;
        }
        case 'u':
            put_number(o, &sp, narrow_unsigned(v, sp.size), 10, lower, "");
            break;
        case 'x':
        case 'X':
            put_number(o, &sp, narrow_unsigned(v, sp.size), 16, *f == 'x' ? lower : upper, "");
            break;
        case 'p':
            put_number(o, &sp, (uintptr_t)va_arg(args, void *), 16, lower, "0x");
            break;
        case 'c': {
            char c = (char)va_arg(args, int);
            put_string(o, &sp, &c, 1);
            break;
        }
        case 's': {
            const char *s = va_arg(args, const char *);
            if (s == NULL)
                s = "(null)";
            put_string(o, &sp, s, sp.precision < 0 ? strlen(s) : strnlen(s, (size_t)sp.precision));
            break;
        }
        case '%':
            put(o, '%');
            break;
        default: /* not a format we know: show it as it is */
            while (start < f)
                put(o, *start++);
            f--;
            break;
        }
    }
    if (size > 0)
        buf[MIN(o->length, size - 1)] = '\0';
    return (int)o->length;
}

int snprintf(char *buf, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(buf, size, format, args);
    va_end(args);
    return n;
}
