/* The built-in command printf. */
#include "sh.h"

/* The character that the escape sequence at *s (after the backslash) stands for; moves *s past it. */
static char unescape(const char **s)
{
    static const char letters[] = "abefnrtv\\", values[] = "\a\b\033\f\n\r\t\v\\";
    const char *letter = **s ? strchr(letters, **s) : NULL;
    int value = 0;
    if (letter) {
        ++*s;
        return values[letter - letters];
    }
    if (**s < '0' || **s > '7')
        return '\\'; /* and what follows stays */
    for (int i = 0; i < 3 && **s >= '0' && **s <= '7'; i++)
        value = value * 8 + *(*s)++ - '0';
    return value;
}

static void add_escaped(struct buf *out, const char *s)
{
    while (*s)
        if (*s != '\\')
            buf_add(out, *s++);
        else
            s++, buf_add(out, unescape(&s));
}

static void add_padded(struct buf *out, const char *s, size_t len, size_t width, bool left, bool zeros)
{
    if (zeros && !left && len < width && (*s == '-' || *s == '+'))
        buf_add(out, *s++), len--, width--;
    for (size_t i = len; !left && i < width; i++)
        buf_add(out, zeros ? '0' : ' ');
    buf_append(out, s, len);
    for (size_t i = len; left && i < width; i++)
        buf_add(out, ' ');
}

static void add_unsigned(struct buf *b, uint64_t value, unsigned base, bool capitals)
{
    char digits[24], *p = digits + sizeof(digits);
    do
        *--p = (capitals ? "0123456789ABCDEF" : "0123456789abcdef")[value % base];
    while (value /= base);
    buf_append(b, p, digits + sizeof(digits) - p);
}

/* One conversion, *format being after the '%'. argument is "" when there are none left. false: an error. */
static bool convert(struct buf *out, const char **format, const char *argument)
{
    const char *f = *format;
    char *end = (char *)"";
    bool left = false, zeros = false, plus = false, ok = true;
    for (; *f == '-' || *f == '0' || *f == '+'; f++)
        left |= *f == '-', zeros |= *f == '0', plus |= *f == '+';
    size_t width = strtoul(f, (char **)&f, 10), precision = SIZE_MAX;
    if (*f == '.')
        precision = strtoul(f + 1, (char **)&f, 10);
    struct buf text = {0};
    switch (*f) {
    case 's':
    case 'b':
        if (*f == 'b')
            add_escaped(&text, argument);
        else
            buf_puts(&text, argument);
        text.len = text.len > precision ? precision : text.len;
        zeros = false;
        break;
    case 'c':
        buf_append(&text, argument, argument[0] != '\0');
        break;
    case 'd':
    case 'i':
        if (plus && *argument != '-')
            buf_add(&text, '+');
        buf_number(&text, *argument == '\'' || *argument == '"' ? argument[1] : strtol(argument, &end, 0));
        break;
    case 'u':
    case 'o':
    case 'x':
    case 'X':
        add_unsigned(&text, strtol(argument, &end, 0), *f == 'u' ? 10 : *f == 'o' ? 8 : 16, *f == 'X');
        break;
    default:
        complain("printf: %%%c: bad conversion", *f ? *f : ' ');
        ok = false;
    }
    if (ok && *end)
        complain("printf: %s: not a number", argument);
    add_padded(out, buf_text(&text), text.len, width > 65536 ? 65536 : width, left, zeros);
    buf_free(&text);
    *format = f + (*f != '\0');
    return ok && !*end;
}

int run_printf(int argc, char **argv)
{
    struct buf out = {0};
    bool ok = true, used;
    int arg = 2;
    if (argc < 2)
        return bad_usage("printf FORMAT [ARGUMENT...]");
    do { /* again and again until the arguments are used up */
        used = false;
        for (const char *f = argv[1]; *f;) {
            if (*f == '\\') {
                f++;
                buf_add(&out, unescape(&f));
            } else if (f[0] == '%' && f[1] == '%') {
                buf_add(&out, '%');
                f += 2;
            } else if (*f == '%') {
                f++;
                ok &= convert(&out, &f, arg < argc ? argv[arg] : "");
                used = true;
                arg++;
            } else {
                buf_add(&out, *f++);
            }
        }
    } while (used && ok && arg < argc);
    return emit("printf", &out) || !ok;
}
