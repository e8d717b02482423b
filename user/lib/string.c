/* The string functions of the xv6 API, and the four that compilers call by themselves. */
#include "lib.h"

/* These work by words of eight bytes where both addresses allow it: shells and pipes copy whole pages. */
#define WORD sizeof(word_t)
typedef uint64 __attribute__((may_alias)) word_t;

void *memset(void *to, int c, uint64 n)
{
    uchar *p = to;
    for (; n > 0 && (uintptr_t)p % WORD; n--)
        *p++ = (uchar)c;
    for (word_t word = (uchar)c * 0x0101010101010101ul; n >= WORD; n -= WORD, p += WORD)
        *(word_t *)p = word;
    for (; n > 0; n--)
        *p++ = (uchar)c;
    return to;
}

void *memmove(void *to, const void *from, uint64 n)
{
    uchar *d = to;
    const uchar *s = from;
    bool words = ((uintptr_t)d - (uintptr_t)s) % WORD == 0;
    if (d <= s || d >= s + n) {
        for (; n > 0 && (!words || (uintptr_t)d % WORD); n--)
            *d++ = *s++;
        for (; n >= WORD; n -= WORD, d += WORD, s += WORD)
            *(word_t *)d = *(const word_t *)s;
        for (; n > 0; n--)
            *d++ = *s++;
    } else {
        while (n-- > 0)
            d[n] = s[n];
    }
    return to;
}

void *memcpy(void *to, const void *from, uint64 n)
{
    return memmove(to, from, n);
}

int memcmp(const void *a, const void *b, uint64 n)
{
    const uchar *p = a, *q = b;
    for (; n > 0; n--, p++, q++)
        if (*p != *q)
            return *p - *q;
    return 0;
}

uint strlen(const char *s)
{
    uint n = 0;
    while (s[n])
        n++;
    return n;
}

char *strcpy(char *to, const char *from)
{
    memmove(to, from, strlen(from) + 1ul);
    return to;
}

char *strchr(const char *s, char c)
{
    for (; *s; s++)
        if (*s == c)
            return (char *)s;
    return NULL;
}

int strcmp(const char *a, const char *b)
{
    for (; *a && *a == *b; a++, b++)
        ;
    return (uchar)*a - (uchar)*b;
}

int atoi(const char *s)
{
    int n = 0;
    for (; isdigit(*s); s++)
        n = n * 10 + (*s - '0');
    return n;
}
