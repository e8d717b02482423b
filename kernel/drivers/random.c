/* Random numbers: a ChaCha20 generator with fast key erasure.
 *
 * The state is one 256-bit key. A request computes one block under it: half becomes the next key, half the
 * key of a stream that fills the caller's buffer. So whoever learns the state later cannot compute earlier
 * output. Samples of events' times are added to the key by exclusive or, which never makes a key known that
 * was not. `lock` protects the key, and is held for one block only. */
#include "boot/machine.h"
#include "drivers/drivers.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "sync/spinlock.h"
#include "trap/riscv.h"

#define KEY_WORDS   8
#define BLOCK_WORDS 16
#define ENOUGH      16 /* bytes of seed that nobody can try out */

static struct spinlock lock = SPINLOCK_INIT("random", RANK_RANDOM);
static uint32_t key[KEY_WORDS];
static unsigned stir_at; /* the word of the key that the next sample goes to */

static inline uint32_t rotate(uint32_t x, int n)
{
    return x << n | x >> (32 - n);
}

static inline void quarter_round(uint32_t *s, int a, int b, int c, int d)
{
    s[a] += s[b], s[d] = rotate(s[d] ^ s[a], 16);
    s[c] += s[d], s[b] = rotate(s[b] ^ s[c], 12);
    s[a] += s[b], s[d] = rotate(s[d] ^ s[a], 8);
    s[c] += s[d], s[b] = rotate(s[b] ^ s[c], 7);
}

/* The block function of RFC 8439, section 2.3, with nonce 0: no key is used for two streams. */
static void chacha20_block(const uint32_t k[KEY_WORDS], uint32_t counter, uint32_t out[BLOCK_WORDS])
{
    uint32_t in[BLOCK_WORDS] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574}; /* "expand 32-byte k" */
    memcpy(in + 4, k, KEY_WORDS * sizeof(*k));
    in[12] = counter;
    memcpy(out, in, sizeof(in));
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 4; i++) /* columns */
            quarter_round(out, i, i + 4, i + 8, i + 12);
        for (int i = 0; i < 4; i++) /* diagonals */
            quarter_round(out, i, (i + 1) % 4 + 4, (i + 2) % 4 + 8, (i + 3) % 4 + 12);
    }
    for (int i = 0; i < BLOCK_WORDS; i++)
        out[i] += in[i];
}

/* Replaces the key; returns 32 bytes that are independent of the new one. */
static void next_key(uint32_t stream_key[KEY_WORDS])
{
    uint32_t block[BLOCK_WORDS];
    spin_lock(&lock);
    chacha20_block(key, 0, block);
    memcpy(key, block, sizeof(key));
    spin_unlock(&lock);
    memcpy(stream_key, block + KEY_WORDS, sizeof(key));
}

void random_bytes(void *buf, size_t n)
{
    uint32_t stream_key[KEY_WORDS], block[BLOCK_WORDS];
    uint8_t *p = buf;
    next_key(stream_key);
    for (uint32_t counter = 0; n > 0; counter++) {
        size_t k = MIN(n, sizeof(block));
        chacha20_block(stream_key, counter, block);
        memcpy(p, block, k);
        p += k;
        n -= k;
    }
}

void random_stir(uint64_t sample)
{
    spin_lock(&lock);
    key[stir_at] ^= (uint32_t)sample;
    key[stir_at + 1] ^= (uint32_t)(sample >> 32);
    stir_at = (stir_at + 2) % KEY_WORDS;
    spin_unlock(&lock);
}

/* Adds n bytes to the key, and mixes after every 8. */
static void absorb(const uint8_t *seed, size_t n)
{
    uint32_t unused[KEY_WORDS];
    for (size_t at = 0; at < n; at += sizeof(uint64_t)) {
        uint64_t sample = 0;
        memcpy(&sample, seed + at, MIN(n - at, sizeof(sample)));
        random_stir(sample);
        next_key(unused);
    }
}

void random_init(void)
{
    uint8_t seed[32];
    size_t n = virtio_rng_read(seed, sizeof(seed));
    absorb(seed, n);
    absorb(machine.rng_seed, machine.rng_seed_len);
    random_stir(rdtime());
    random_stir(csr_read(cycle)); /* counts faster: the last bits differ from boot to boot */
    if (n + machine.rng_seed_len < ENOUGH)
        printk("lode: no source of entropy: random numbers can be guessed\n");
    else
        printk("lode: entropy: %zu bytes from the device, %u from the boot loader\n", n,
               machine.rng_seed_len);
    memset(machine.rng_seed, 0, sizeof(machine.rng_seed)); /* used up: it must not be read by anybody else */
    machine.rng_seed_len = 0;
}
