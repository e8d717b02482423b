/* CRC-32C, eight bytes a round ("slicing by 8", Kounavis and Berry 2008): table[k][b] is the checksum of byte
 * b followed by k zero bytes. The checksum is linear, so the effects of eight bytes can be looked up apart
 * and be added, which here is exclusive or.
 *
 * The tables are computed on first use. Two harts that come first together both write the same values, so
 * that race does no harm; `ready` is stored with release, after them, and loaded with acquire. */
#include "lib/crc32c.h"

#define POLYNOMIAL 0x82f63b78u /* reflected: the highest power of x is bit 0 */

static uint32_t table[8][256];
static bool ready;

static void build_tables(void)
{
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t crc = b;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
        table[0][b] = crc;
    }
    for (int k = 1; k < 8; k++)
        for (int b = 0; b < 256; b++)
            table[k][b] = table[k - 1][b] >> 8 ^ table[0][table[k - 1][b] & 0xff];
    __atomic_store_n(&ready, true, __ATOMIC_RELEASE);
}

static uint32_t add_bytes(uint32_t crc, const uint8_t *p, size_t n)
{
    while (n-- > 0)
        crc = crc >> 8 ^ table[0][(crc ^ *p++) & 0xff];
    return crc;
}

uint32_t crc32c(uint32_t crc, const void *data, size_t n)
{
    typedef uint64_t __attribute__((may_alias)) word_t;
    const uint8_t *p = data, *end = p + n;
    size_t head = MIN(-(uintptr_t)p % 8, n);
    if (!__atomic_load_n(&ready, __ATOMIC_ACQUIRE))
        build_tables();
    crc = add_bytes(~crc, p, head);
    for (p += head; end - p >= 8; p += 8) {
        uint64_t w = *(const word_t *)p ^ crc;
        crc = table[7][w & 0xff] ^ table[6][w >> 8 & 0xff] ^ table[5][w >> 16 & 0xff] ^
              table[4][w >> 24 & 0xff] ^ table[3][w >> 32 & 0xff] ^ table[2][w >> 40 & 0xff] ^
              table[1][w >> 48 & 0xff] ^ table[0][w >> 56];
    }
    return ~add_bytes(crc, p, (size_t)(end - p));
}
