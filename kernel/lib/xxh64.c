/* XXH64 after its specification (xxHash, doc/xxhash_spec.md), for little-endian machines: four sums, each over every fourth
 * word of 8 bytes, which are put together at the end. A checksum, not for secrets: who wants two blocks of the
 * same sum can make them. */
#include "lib/xxh64.h"
#include "lib/string.h"

#define PRIME_1 0x9e3779b185ebca87ull
#define PRIME_2 0xc2b2ae3d27d4eb4full
#define PRIME_3 0x165667b19e3779f9ull
#define PRIME_4 0x85ebca77c2b2ae63ull
#define PRIME_5 0x27d4eb2f165667c5ull

typedef uint64_t __attribute__((may_alias)) word_t;
typedef uint32_t __attribute__((may_alias)) half_t;

static uint64_t rotate_left(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static uint64_t add_word(uint64_t sum, uint64_t word)
{
    return rotate_left(sum + word * PRIME_2, 31) * PRIME_1;
}

static uint64_t merge(uint64_t h, uint64_t sum)
{
    return (h ^ add_word(0, sum)) * PRIME_1 + PRIME_4;
}

uint64_t xxh64(uint64_t seed, const void *data, size_t n)
{
    const uint8_t *p = data, *end = p + n;
    uint64_t h = seed + PRIME_5;
    word_t copy[4]; /* of bytes that are not aligned: loading words of them may trap */

    if (n >= 32) {
        uint64_t a = seed + PRIME_1 + PRIME_2, b = seed + PRIME_2, c = seed, d = seed - PRIME_1;
        do {
            const word_t *word = (const word_t *)p;
            if ((uintptr_t)p % 8 != 0)
                word = memcpy(copy, p, sizeof(copy));
            a = add_word(a, word[0]);
            b = add_word(b, word[1]);
            c = add_word(c, word[2]);
            d = add_word(d, word[3]);
            p += 32;
        } while (end - p >= 32);
        h = rotate_left(a, 1) + rotate_left(b, 7) + rotate_left(c, 12) + rotate_left(d, 18);
        h = merge(merge(merge(merge(h, a), b), c), d);
    }
    h += n;
    p = memcpy(copy, p, n % 32);
    end = p + n % 32;
    for (; end - p >= 8; p += 8)
        h = rotate_left(h ^ add_word(0, *(const word_t *)p), 27) * PRIME_1 + PRIME_4;
    if (end - p >= 4) {
        h = rotate_left(h ^ *(const half_t *)p * PRIME_1, 23) * PRIME_2 + PRIME_3;
        p += 4;
    }
    for (; p < end; p++)
        h = rotate_left(h ^ *p * PRIME_5, 11) * PRIME_1;

    h = (h ^ h >> 33) * PRIME_2;
    h = (h ^ h >> 29) * PRIME_3;
    return h ^ h >> 32;
}
