/* String functions of C beyond those of xv6, numbers, and words for people. */
#include "lib.h"

int strncmp(const char *a, const char *b, size_t n)
{
    for (; n > 0 && *a && *a == *b; a++, b++, n--)
        ;
    return n == 0 ? 0 : (uchar)*a - (uchar)*b;
}

char *strrchr(const char *s, int c)
{
    const char *last = NULL;
    do {
        if (*s == (char)c)
            last = s;
    } while (*s++);
    return (char *)last;
}

char *strstr(const char *s, const char *what)
{
    size_t n = strlen(what);
    for (; strncmp(s, what, n) != 0; s++)
        if (!*s)
            return NULL;
    return (char *)s;
}

size_t strlcpy(char *to, const char *from, size_t size)
{
    size_t length = strlen(from);
    if (size > 0) {
        size_t n = length < size ? length : size - 1;
        memcpy(to, from, n);
        to[n] = 0;
    }
    return length;
}

void *memchr(const void *p, int c, size_t n)
{
    for (const uchar *b = p; n > 0; b++, n--)
        if (*b == (uchar)c)
            return (void *)b;
    return NULL;
}

static int digit_value(char c)
{
    return isdigit(c) ? c - '0' : isalpha(c) ? tolower(c) - 'a' + 10 : 99;
}

/* An overflow gives the largest value and ERANGE, as in C. */
uint64_t strtoul(const char *s, char **end, int base)
{
    const char *p = s;
    uint64_t n = 0;
    while (isspace(*p))
        p++;
    bool negative = *p == '-';
    if (*p == '-' || *p == '+')
        p++;
    if ((base == 0 || base == 16) && p[0] == '0' && tolower(p[1]) == 'x' && digit_value(p[2]) < 16) {
        p += 2;
        base = 16;
    }
    if (base == 0)
        base = *p == '0' ? 8 : 10;
    bool any = false, overflow = false;
    for (; digit_value(*p) < base; p++, any = true) {
        overflow |= __builtin_mul_overflow(n, (uint64_t)base, &n);
        overflow |= __builtin_add_overflow(n, (uint64_t)digit_value(*p), &n);
    }
    if (end)
        *end = (char *)(any ? p : s);
    if (overflow) {
        errno = ERANGE;
        return UINT64_MAX;
    }
    return negative ? -n : n;
}

long strtol(const char *s, char **end, int base)
{
    const char *p = s;
    while (isspace(*p))
        p++;
    bool negative = *p == '-';
    uint64_t limit = (uint64_t)INT64_MAX + negative;
    uint64_t magnitude = strtoul(negative ? p + 1 : p, end, base);
    if (end && *end == p + negative)
        *end = (char *)s; /* no digits */
    if (magnitude > limit) {
        errno = ERANGE;
        magnitude = limit;
    }
    return negative ? (long)-magnitude : (long)magnitude;
}

bool parse_number(const char *s, int64_t *value)
{
    char *end;
    errno = 0;
    *value = strtol(s, &end, 10);
    return end != s && !*end && errno == 0;
}

const char *path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *path_join(const char *dir, const char *name)
{
    size_t n = strlen(dir);
    char *path = xmalloc(n + strlen(name) + 2);
    strcpy(path, dir);
    if (n > 0 && dir[n - 1] != '/')
        path[n++] = '/';
    strcpy(path + n, name);
    return path;
}

void mode_string(uint32_t mode, char text[11])
{
    const char *kinds = "?pc?d?b?-?l?s???"; /* by DT_OF_MODE */
    const char *bits = "rwxrwxrwx";
    text[0] = kinds[DT_OF_MODE(mode)];
    for (int i = 0; i < 9; i++)
        text[i + 1] = mode & (0400u >> i) ? bits[i] : '-';
    if (mode & S_ISUID)
        text[3] = text[3] == 'x' ? 's' : 'S';
    if (mode & S_ISGID)
        text[6] = text[6] == 'x' ? 's' : 'S';
    if (mode & S_ISVTX)
        text[9] = text[9] == 'x' ? 't' : 'T';
    text[10] = 0;
}

/* One digit after the point below 10, rounded up, as df and du of Unix do it. */
void size_string(uint64_t bytes, char text[8])
{
    uint64_t unit = 1;
    const char *letter = "BKMGTPE";
    for (; bytes / unit >= 1024; unit *= 1024)
        letter++;
    uint64_t whole = bytes / unit, tenths = (bytes % unit * 10 + unit - 1) / unit;
    if (tenths == 10) {
        whole++;
        tenths = 0;
    }
    if (unit == 1)
        snprintf(text, 8, "%lu", bytes);
    else if (whole < 10)
        snprintf(text, 8, "%lu.%lu%c", whole, tenths, *letter);
    else
        snprintf(text, 8, "%lu%c", whole + (tenths > 0), *letter);
}

const char *const month_names[12] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
const char *const weekday_names[7] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

struct utc utc_from_seconds(int64_t seconds)
{
    static const int month_days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t days = seconds / 86400, rest = seconds % 86400;
    if (rest < 0) {
        rest += 86400;
        days--;
    }
    struct utc t = {.year = 1970, .month = 1};
    t.hour = (int)(rest / 3600);
    t.minute = (int)(rest / 60 % 60);
    t.second = (int)(rest % 60);
    t.weekday = (int)(((days + 4) % 7 + 7) % 7); /* the first day was a Thursday */
    /* The calendar repeats after 400 years, that is 146097 days. */
    int64_t cycles = days / 146097 - (days % 146097 < 0);
    t.year += 400 * cycles;
    days -= 146097 * cycles;
    for (; days >= 365 + is_leap(t.year); t.year++)
        days -= 365 + is_leap(t.year);
    for (;; t.month++) {
        int length = month_days[t.month - 1] + (t.month == 2 && is_leap(t.year));
        if (days < length)
            break;
        days -= length;
    }
    t.day = (int)days + 1;
    return t;
}
