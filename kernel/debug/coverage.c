/* Which code has run: only in a build with COVERAGE=1, for the fuzzer (user/tests/fuzz).
 *
 * The compiler puts a call of __sanitizer_cov_trace_pc at the beginning of each basic block. It sets a bit for the place that
 * it was called from. The character device 30:0 gives the bits to read, each time from the beginning:
 *
 *   struct coverage_head, then a bit for every two bytes of the kernel's text, from `base` on
 *
 * and a write of anything clears them. kernel/boot, where there is no memory to write to yet, and this folder are built
 * without. All else may run before, after and inside of it: it takes no lock, and calls nothing. */
#include "debug/coverage.h"

#include "fs/file.h"
#include "lib/string.h"

#define MAJOR     30
#define TEXT_SIZE (1ul << 20) /* at most, of such a build */

extern char kernel_start[]; /* kernel.ld */

static struct {
    struct coverage_head head;         /* a */
    uint64_t bits[TEXT_SIZE / 2 / 64]; /* a */
} seen;

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
    size_t i = ((uintptr_t)__builtin_return_address(0) - (uintptr_t)kernel_start) / 2;
    uint64_t *word = &seen.bits[i / 64], bit = 1ul << i % 64;

    if (i / 64 < ARRAY_SIZE(seen.bits) && !(__atomic_load_n(word, __ATOMIC_RELAXED) & bit) &&
        !(__atomic_fetch_or(word, bit, __ATOMIC_RELAXED) & bit))
        __atomic_fetch_add(&seen.head.count, 1, __ATOMIC_RELAXED);
}

static ssize_t coverage_read(struct file *f, struct uio *u, uint64_t *at)
{
    size_t n = MIN(u->left, sizeof(seen));
    int err = uio_read(u, &seen, n);
    (void)f, (void)at;
    return err ? err : (ssize_t)n;
}

static ssize_t coverage_write(struct file *f, struct uio *u, uint64_t *at)
{
    (void)f, (void)at;
    memset(seen.bits, 0, sizeof(seen.bits));
    __atomic_store_n(&seen.head.count, 0, __ATOMIC_RELAXED);
    return (ssize_t)u->left;
}

void coverage_init(void)
{
    static const struct file_ops ops = {.read = coverage_read, .write = coverage_write};
    seen.head.base = (uintptr_t)kernel_start;
    device_register(MAJOR, &ops);
}
