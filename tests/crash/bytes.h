/* What host and guest must agree on to the bit: the bytes that an operation writes, and the hashes of content. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define PAGE_BYTES 4096u

/* Byte number `index` of what the operation in that line of a workload writes; never 0. */
static inline uint8_t pattern(unsigned line, uint64_t index)
{
    return (uint8_t)(1 + (line * 41 + (index >> 9) * 7 + index % 512 * 13) % 255);
}

static inline uint64_t hash_bytes(const void *p, size_t n)
{
    const uint8_t *b = (const uint8_t *)p;
    uint64_t h = 0x2545f4914f6cdd1d ^ n;

    for (; n >= 8; n -= 8, b += 8) {
        uint64_t word = 0;

        for (unsigned i = 8; i-- > 0;)
            word = word << 8 | b[i];
        h = (h ^ word) * 0x9e3779b97f4a7c15;
        h ^= h >> 32;
    }
    for (; n > 0; n--) {
        h = (h ^ *b++) * 0x9e3779b97f4a7c15;
        h ^= h >> 32;
    }
    return h;
}

/* Of a page of a file; 0 for one of zeros, so that a hole is the same. */
static inline uint64_t page_hash(uint64_t index, const void *bytes)
{
    const uint8_t *b = (const uint8_t *)bytes;
    uint64_t h;
    size_t i = 0;

    while (i < PAGE_BYTES && b[i] == 0)
        i++;
    if (i == PAGE_BYTES)
        return 0;
    h = (hash_bytes(bytes, PAGE_BYTES) ^ index) * 0xbf58476d1ce4e5b9;
    return (h ^ h >> 29) * 0x94d049bb133111eb;
}
