/* Tests of kernel/lib that need no kernel: string functions, CRC-32C, vsnprintf. The kernel's functions are
 * compiled under other names, so that they are compared with the C library's.
 *
 * Build: gcc -Ikernel -fsanitize=address,undefined tests/host/test_lib.c. Prints TAP. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define memcpy    lode_memcpy
#define memmove   lode_memmove
#define memset    lode_memset
#define memcmp    lode_memcmp
#define memchr    lode_memchr
#define strlen    lode_strlen
#define strnlen   lode_strnlen
#define strcmp    lode_strcmp
#define strncmp   lode_strncmp
#define strchr    lode_strchr
#define strlcpy   lode_strlcpy
#define snprintf  lode_snprintf
#define vsnprintf lode_vsnprintf
#include "lib/crc32c.c"
#include "lib/format.c"
#include "lib/string.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef memchr
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp
#undef strchr
#undef strlcpy
#undef snprintf
#undef vsnprintf

static int tests, failures;

static unsigned told; /* lines of the present test that say what differs */

/* Says what came and what was expected; only the first times in a test, which then is "not ok". */
static void __attribute__((format(printf, 1, 2))) differs(const char *format, ...)
{
    va_list args;
    if (told++ >= 3)
        return;
    printf("# ");
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
}

static void ok(bool good, const char *what)
{
    told = 0;
    printf("%sok %d - %s\n", good ? "" : "not ", ++tests, what);
    failures += !good;
}

static int sign(int x)
{
    return (x > 0) - (x < 0);
}

static void fill(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)rand();
}

/* Is what a function has left the same as what it should be? If not, says where. */
static bool same_bytes(const uint8_t *got, const uint8_t *expected, size_t n, const char *what, size_t size)
{
    for (size_t i = 0; i < n; i++)
        if (got[i] != expected[i]) {
            differs("%s of %zu bytes: byte %zu of the buffer is 0x%02x, expected 0x%02x", what, size, i,
                    got[i], expected[i]);
            return false;
        }
    return true;
}

/* Every size up to 200, and some up to 1200, at every pair of alignments, in exactly sized buffers so that the sanitizer sees a
 * byte read or written outside. */
static void test_copy(void)
{
    bool copy = true, set = true, compare = true;
    for (size_t n = 0; n <= 1200; n += n < 200 ? 1 : 29)
        for (size_t da = 0; da < 8; da++)
            for (size_t sa = 0; sa < 8; sa++) {
                uint8_t *d = malloc(da + n + 1), *e = malloc(da + n + 1), *s = malloc(sa + n + 1);
                fill(s, sa + n + 1);
                fill(d, da + n + 1);
                memcpy(e, d, da + n + 1);
                /* The source's last byte is made the block's last: nothing after it may be read. */
                uint8_t *exact = malloc(sa + n > 0 ? sa + n : 1);
                memcpy(exact, s, sa + n);
                copy &= lode_memcpy(d + da, exact + sa, n) == d + da;
                memcpy(e + da, s + sa, n);
                copy &= same_bytes(d, e, da + n + 1, "memcpy", n);
                compare &= lode_memcmp(d + da, exact + sa, n) == 0;
                if (n > 0) {
                    exact[sa + (size_t)rand() % n] ^= (uint8_t)(1 + rand() % 255);
                    compare &=
                        sign(lode_memcmp(d + da, exact + sa, n)) == sign(memcmp(d + da, exact + sa, n));
                }
                set &= lode_memset(d + da, (int)(n + 0x1f0), n) == d + da;
                memset(e + da, (int)(n + 0x1f0), n);
                set &= same_bytes(d, e, da + n + 1, "memset", n);
                free(d);
                free(e);
                free(s);
                free(exact);
            }
    ok(copy, "memcpy, sizes 0 to 1200, all alignments");
    ok(compare, "memcmp, equal and one byte different");
    ok(set, "memset, sizes 0 to 1200, all alignments");

    bool move = true;
    for (int round = 0; round < 20000; round++) {
        uint8_t a[2600], b[2600];
        size_t n = (size_t)rand() % 1300, to = (size_t)rand() % 1300;
        size_t from = round % 2 ? (size_t)rand() % 1300 : to + (size_t)(rand() % 40) - MIN(to, 20);
        fill(a, sizeof(a));
        memcpy(b, a, sizeof(a));
        from = MIN(from, sizeof(a) - n);
        move &= lode_memmove(a + to, a + from, n) == a + to;
        memmove(b + to, b + from, n);
        move &= same_bytes(a, b, sizeof(a), "memmove", n);
    }
    ok(move, "memmove, 20000 overlapping moves");
}

static void test_strings(void)
{
    ok(lode_strlen("") == 0 && lode_strlen("hello") == 5, "strlen");
    ok(lode_strnlen("hello", 3) == 3 && lode_strnlen("hello", 9) == 5, "strnlen");
    ok(lode_strcmp("a", "a") == 0 && lode_strcmp("a", "b") < 0 && lode_strcmp("\xff", "a") > 0 &&
           lode_strcmp("ab", "a") > 0,
       "strcmp compares unsigned bytes");
    ok(lode_strncmp("abc", "abd", 2) == 0 && lode_strncmp("abc", "abd", 3) < 0 &&
           lode_strncmp("a", "a", 9) == 0,
       "strncmp");
    const char *s = "abcb";
    ok(lode_strchr(s, 'b') == s + 1 && lode_strchr(s, 'x') == NULL && lode_strchr(s, 0) == s + 4, "strchr");
    ok(lode_memchr(s, 'c', 4) == s + 2 && lode_memchr(s, 'c', 2) == NULL, "memchr");
    char buf[4];
    bool good = lode_strlcpy(buf, "abcdef", sizeof(buf)) == 6 && strcmp(buf, "abc") == 0;
    good &= lode_strlcpy(buf, "x", 1) == 1 && buf[0] == '\0';
    good &= lode_strlcpy(NULL, "x", 0) == 1;
    ok(good, "strlcpy cuts, ends with NUL and returns the source's length");
}

static void check_crc32c(const void *data, size_t n, uint32_t expected, const char *what)
{
    uint32_t crc = crc32c(0, data, n);
    if (crc != expected)
        differs("%s: 0x%08x, expected 0x%08x", what, crc, expected);
    ok(crc == expected, what);
}

static void test_crc32c(void)
{
    uint8_t data[300];
    check_crc32c("123456789", 9, 0xe3069283, "crc32c of 123456789");
    memset(data, 0, 32);
    check_crc32c(data, 32, 0x8a9136aa, "crc32c of 32 zeros (RFC 3720 B.4)");
    memset(data, 0xff, 32);
    check_crc32c(data, 32, 0x62a8ab43, "crc32c of 32 ones (RFC 3720 B.4)");
    for (int i = 0; i < 32; i++)
        data[i] = (uint8_t)i;
    check_crc32c(data, 32, 0x46dd794e, "crc32c of 0 to 31 (RFC 3720 B.4)");
    bool good = true;
    fill(data, sizeof(data));
    for (size_t start = 0; start < 9; start++)
        for (size_t n = 0; n + start <= sizeof(data); n++) {
            size_t cut = n > 0 ? (size_t)rand() % n : 0;
            uint32_t slow = ~0u;
            for (size_t i = 0; i < n; i++) {
                slow ^= data[start + i];
                for (int bit = 0; bit < 8; bit++)
                    slow = slow >> 1 ^ (slow & 1 ? 0x82f63b78 : 0);
            }
            uint32_t crc = crc32c(crc32c(0, data + start, cut), data + start + cut, n - cut);
            if (crc != ~slow)
                differs("crc32c of %zu and %zu bytes, from byte %zu on: 0x%08x, expected 0x%08x", cut,
                        n - cut, start, crc, ~slow);
            good &= crc == ~slow;
        }
    ok(good, "crc32c in two parts, all alignments, against one bit at a time");
}

/* The same call to both, in buffers of every size up to 40. */
#define SAME(...)                                                                                            \
    do {                                                                                                     \
        char a[64], b[64];                                                                                   \
        bool same = true;                                                                                    \
        for (size_t size = 41; size-- > 0;) {                                                                \
            memset(a, 'x', sizeof(a));                                                                       \
            memset(b, 'x', sizeof(b));                                                                       \
            int n = lode_snprintf(a, size, __VA_ARGS__), expected = snprintf(b, size, __VA_ARGS__);          \
            if (n == expected && memcmp(a, b, sizeof(a)) == 0)                                               \
                continue;                                                                                    \
            differs("snprintf into %zu bytes: \"%.*s\", returned %d; expected \"%.*s\", %d", size,           \
                    (int)size, a, n, (int)size, b, expected);                                                \
            same = false;                                                                                    \
        }                                                                                                    \
        ok(same, "snprintf " #__VA_ARGS__);                                                                  \
    } while (0)

static void test_format(void)
{
    SAME("plain");
    SAME("%d %d %u", -1, 0, 4294967295u);
    SAME("%d %ld", -2147483647 - 1, (long)(-9223372036854775807L - 1));
    SAME("%lu %llu %zu", 18446744073709551615ul, 1ull, (size_t)7);
    SAME("%x %lx", 0xbeefu, 0xfedcba9876543210ul);
    SAME("[%5d] [%-5d] [%05d] [%05d]", 42, 42, 42, -42);
    SAME("[%8lx] [%-8x] [%08x]", 0xabcul, 0xabcu, 0xabcu);
    SAME("[%2d] [%02x]", 12345, 0x12345u);
    SAME("[%s] [%8s] [%-8s]", "abc", "abc", "abc");
    SAME("[%.2s] [%8.2s] [%.*s]", "abc", "abc", 1, "abc");
    SAME("%c%c [%3c] [%-3c] %%", 'a', 'b', 'c', 'd');
    SAME("%p", (void *)0x1234);
    char buf[32];
    const char *odd = "%q %", *nothing = NULL;
    lode_snprintf(buf, sizeof(buf), odd);
    ok(strcmp(buf, "%q %") == 0, "snprintf shows unknown conversions as they are");
    lode_snprintf(buf, sizeof(buf), "%s", nothing);
    ok(strcmp(buf, "(null)") == 0, "snprintf %s of NULL");
    char unterminated[3] = {'a', 'b', 'c'};
    lode_snprintf(buf, sizeof(buf), "%.3s", unterminated);
    ok(strcmp(buf, "abc") == 0, "snprintf %.3s reads 3 bytes at most");
}

int main(void)
{
    srand(1);
    test_copy();
    test_strings();
    test_crc32c();
    test_format();
    printf("1..%d\n", tests);
    return failures > 0;
}
