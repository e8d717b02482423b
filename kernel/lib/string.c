/* Memory and string functions.
 *
 * memcpy and memset decide what fork, read and write cost, so they move whole words, 512 or 256 bytes a round. Where
 * source and destination disagree modulo 8, memcpy still stores whole words, each put together from two
 * neighbouring source words: rv64gc may trap on a misaligned access, and does so at a high price.
 *
 * Words are of a type that may alias any other, and are read only where every byte belongs to the buffer. */
#include "lib/string.h"

/* The compiler must not recognise these loops and call memcpy from within memcpy. Clang knows that from
 * -ffreestanding, gcc has to be told. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-tree-loop-distribute-patterns", "omit-frame-pointer")
#endif

typedef uint64_t __attribute__((may_alias)) word_t;
#define WORD        sizeof(word_t)
#define LINE        32 /* bytes that copy_32 moves; below, aligning costs more than it gains */
#define ROUND_LINES 16
#define ROUND       (ROUND_LINES * LINE)
#define OFFSET(p)   ((uintptr_t)(p) % WORD)

/* Copies 32 bytes, all read before any is written, so that no load's value is wanted at once. The barrier
 * keeps the compiler from gathering more loads than there are registers that need no saving. */
static inline void copy_32(word_t *to, const word_t *from)
{
    word_t a = from[0], b = from[1], c = from[2], d = from[3];
    to[0] = a, to[1] = b, to[2] = c, to[3] = d;
    __asm__ volatile("" ::: "memory");
}

/* Copies words to an aligned destination from a source that is not: a word stored consists of the upper bytes of
 * one source word and the lower bytes of the next. At least 7 bytes before s and n >= 16 bytes belong to the buffer;
 * the last word is left alone, because its second half may not. Returns how many bytes it has copied. */
static inline size_t copy_shifted(uint8_t *d, const uint8_t *s, size_t n)
{
    unsigned right = OFFSET(s) * 8, left = 64 - right;
    const word_t *from = (const word_t *)(s - OFFSET(s));
    word_t *to = (word_t *)d, *end = to + n / WORD - 1, low = *from++;
    while (to < end) {
        word_t high = *from++;
        *to++ = low >> right | high << left;
        low = high;
    }
    return (size_t)((uint8_t *)to - d);
}

static inline void copy_bytes(uint8_t *d, const uint8_t *s, size_t n)
{
    while (n-- > 0)
        *d++ = *s++;
}

/* memcpy of at least a line, where the two are not both aligned. */
__attribute__((noinline)) static void *copy_unaligned(void *dst, const uint8_t *s, size_t n)
{
    uint8_t *d = dst;
    size_t done =
        2 * WORD - OFFSET(d); /* one word further than alignment needs: copy_shifted looks back that far */
    copy_bytes(d, s, done);
    d += done, s += done, n -= done;
    if (OFFSET(s) == 0) {
        memcpy(d, s, n);
        return dst;
    }
    done = copy_shifted(d, s, n);
    copy_bytes(d + done, s + done, n - done);
    return dst;
}

/* Copies upwards, so the destination may overlap the source from below: memmove relies on that.
 *
 * The unrolled loop is entered in its middle, so that its first round does what no whole round is left for (Duff's
 * device): a page in two pieces takes 50 instructions less than with a second loop for the rest. */
void *memcpy(void *dst, const void *src, size_t n)
{
    const word_t *from = src, *end = from + n / LINE * (LINE / WORD);
    word_t *to = dst;
    bool aligned = (OFFSET(dst) | OFFSET(src)) == 0;

#define COPY(k)                                                                                              \
    case k:                                                                                                  \
        copy_32(to + (k) * (LINE / WORD), from + (k) * (LINE / WORD));                                       \
        __attribute__((fallthrough))
    if (n >= LINE) {
        if (unlikely(!aligned))
            return copy_unaligned(dst, src, n);
        size_t skip = -(n / LINE) % ROUND_LINES;
        from -= skip * (LINE / WORD), to -= skip * (LINE / WORD);
        switch (skip) {
            do {
                COPY(0);
                COPY(1);
                COPY(2);
                COPY(3);
                COPY(4);
                COPY(5);
                COPY(6);
                COPY(7);
                COPY(8);
                COPY(9);
                COPY(10);
                COPY(11);
                COPY(12);
                COPY(13);
                COPY(14);
                COPY(15);
            default:
                from += ROUND / WORD, to += ROUND / WORD;
                __asm__("" : "+r"(end)); /* keep it, do not compute it again each round */
            } while (from < end);
        }
        n %= LINE;
    }
    if (aligned) {
        if (n & 2 * WORD) {
            to[0] = from[0], to[1] = from[1];
            from += 2, to += 2;
        }
        if (n & WORD)
            *to++ = *from++;
        n %= WORD;
    }
    copy_bytes((uint8_t *)to, (const uint8_t *)from, n);
    return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
    uint8_t *d = dst;
    const uint8_t *s = src;
    if ((uintptr_t)d - (uintptr_t)s >= n) /* also true where d is below s: the difference wraps */
        return memcpy(d, s, n);
    while (n-- > 0)
        d[n] = s[n];
    return dst;
}

void *memset(void *dst, int c, size_t n)
{
    uint8_t *d = dst;
    if (n >= WORD) {
        word_t word = (uint8_t)c * 0x0101010101010101ul;
        for (; OFFSET(d) != 0; n--)
            *d++ = (uint8_t)c;
        for (; n >= 256; n -= 256, d += 256)
#pragma GCC unroll 32
            for (size_t i = 0; i < 256 / WORD; i++)
                ((word_t *)d)[i] = word;
        for (; n >= WORD; n -= WORD, d += WORD)
            *(word_t *)d = word;
    }
    while (n-- > 0)
        *d++ = (uint8_t)c;
    return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *p = a, *q = b;
    if (((uintptr_t)p | (uintptr_t)q) % WORD == 0)
        for (; n >= WORD && *(const word_t *)p == *(const word_t *)q; n -= WORD)
            p += WORD, q += WORD;
    for (; n > 0; n--, p++, q++)
        if (*p != *q)
            return *p - *q;
    return 0;
}

void *memchr(const void *s, int c, size_t n)
{
    for (const uint8_t *p = s; n > 0; n--, p++)
        if (*p == (uint8_t)c)
            return (void *)(uintptr_t)p;
    return NULL;
}

size_t strlen(const char *s)
{
    const char *p = s;
    while (*p != '\0')
        p++;
    return (size_t)(p - s);
}

size_t strnlen(const char *s, size_t max)
{
    size_t n = 0;
    while (n < max && s[n] != '\0')
        n++;
    return n;
}

int strcmp(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b)
        a++, b++;
    return (uint8_t)*a - (uint8_t)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
    for (; n > 0; n--, a++, b++)
        if (*a != *b || *a == '\0')
            return (uint8_t)*a - (uint8_t)*b;
    return 0;
}

char *strchr(const char *s, int c)
{
    for (; *s != (char)c; s++)
        if (*s == '\0')
            return NULL;
    return (char *)(uintptr_t)s;
}

size_t strlcpy(char *dst, const char *src, size_t size)
{
    size_t length = strlen(src);
    if (size > 0) {
        size_t n = MIN(length, size - 1);
        memcpy(dst, src, n);
        dst[n] = '\0';
    }
    return length;
}
