/* Tests of kernel/lib that need no kernel: string functions, XXH64, vsnprintf. The kernel's functions are
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
#include "lib/format.c"
#include "lib/string.c"
#include "lib/xxh64.c"
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

static bool same_sum(uint64_t seed, const void *data, size_t n, uint64_t expected)
{
    uint64_t sum = xxh64(seed, data, n);
    if (sum != expected)
        differs("xxh64 of %zu bytes with seed 0x%llx: 0x%016llx, expected 0x%016llx", n,
                (unsigned long long)seed, (unsigned long long)sum, (unsigned long long)expected);
    return sum == expected;
}

/* What is expected was computed by the authors' own program. */
static void test_xxh64(void)
{
    static const uint64_t by_length[] = {
        0xef46db3751d8e999, 0x50ff15a81340970f, 0xa8fbf06dff5be52e, 0x6f3a29d9def31388, 0xd7da423655ccc2d5,
        0x4a3f58924b3ce598, 0x413687a04caf303b, 0xabc898bafebf2246, 0x93ef0b9b3ebe2d62, 0x05ab7091e426cafb,
        0xf3e02966029b626c, 0xcf5098a1aafec12c, 0x738601234cfb99d1, 0xb54314fb42d6f5b3, 0x6d0a90bed3f511e9,
        0x4ac8e2bc44e3cb79, 0xe842aaaf76dfeaf0, 0x08cbd530a801af24, 0xa132024fd10a61e3, 0x76b85b5896a652d4,
        0x39ab840bec6dd7c9, 0xe78e971d61b6e59f, 0x8d5c6979e19795cf, 0xd5a44861b0674135, 0xdbd60cb5d8d82ee6,
        0xc4a24831ca1aba49, 0xbeba1b1170bb43e7, 0x8207f09d52e24772, 0x106bc28704c2f767, 0x6f99818f96964c73,
        0xdb61aec93948c7d3, 0x1ffb38e5e33e99b3, 0xc9076cbc5459012b, 0x50660237a0462256, 0xbee4f4b3fa36a916,
        0x7407b4eb28483b52, 0x134456c703cfdeef, 0x993690e672df6209, 0xf98f82a95a96f33d, 0x0188c8f101d6ad13,
        0x620cd5aedc2d5477};
    static const struct {
        uint64_t seed;
        size_t n;
        uint64_t sum;
    } seeded[] = {{0x1, 0, 0xd5afba1336a3be4b},
                  {0x1, 3, 0x85e0d337575162e6},
                  {0x1, 31, 0xff11ef7b2f6d99ab},
                  {0x1, 32, 0xe911955b505d06ea},
                  {0x1, 300, 0xc9676f4755c06963},
                  {0x9e3779b185ebca87, 0, 0x6ec6d05f61c7e7a7},
                  {0x9e3779b185ebca87, 3, 0xecab758d418b8f29},
                  {0x9e3779b185ebca87, 31, 0xe1ee2106d2adfaa9},
                  {0x9e3779b185ebca87, 32, 0xe7da1ad8a717ba82},
                  {0x9e3779b185ebca87, 300, 0x6c475aab5a841c92},
                  {0xffffffffffffffff, 0, 0x298f4c84b24f5380},
                  {0xffffffffffffffff, 3, 0xdd3aab89168b6be1},
                  {0xffffffffffffffff, 31, 0xc3297e450b7552e7},
                  {0xffffffffffffffff, 32, 0x9b02648ea2a57088},
                  {0xffffffffffffffff, 300, 0x14ee8b05359182bd}};
    uint64_t words[(300 + 16) / 8];
    uint8_t data[300];
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * i * 7 + i * 31 + 5);
    ok(same_sum(0, "abc", 3, 0x44bc2cf5ad770999), "xxh64 of abc");
    bool good = true;
    for (size_t n = 0; n < ARRAY_SIZE(by_length); n++)
        good &= same_sum(0, data, n, by_length[n]);
    ok(good, "xxh64 of 0 to 40 bytes");
    good = true;
    for (size_t i = 0; i < ARRAY_SIZE(seeded); i++)
        good &= same_sum(seeded[i].seed, data, seeded[i].n, seeded[i].sum);
    ok(good, "xxh64 with other seeds");
    good = true;
    for (size_t start = 0; start <= 8; start++) {
        uint8_t *moved = memcpy((uint8_t *)words + start, data, sizeof(data));
        uint64_t sum = 0;
        for (size_t n = 0; n < sizeof(data); n++)
            sum = xxh64(sum, moved, n);
        good &= same_sum(sum, moved, sizeof(data), 0x91ffc4179bb132ff);
    }
    ok(good, "xxh64 of 0 to 300 bytes, each the seed of the next, at all alignments");
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
    test_xxh64();
    test_format();
    printf("1..%d\n", tests);
    return failures > 0;
}
