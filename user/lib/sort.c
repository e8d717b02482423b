/* qsort: heap sort, which needs no memory and has no bad case. */
#include "lib.h"

static void swap(char *a, char *b, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char c = a[i];
        a[i] = b[i];
        b[i] = c;
    }
}

/* Lets element i sink to its place in the heap of `count` elements. */
static void sift(char *base, size_t i, size_t count, size_t size, int (*compare)(const void *, const void *))
{
    for (size_t child; (child = 2 * i + 1) < count; i = child) {
        if (child + 1 < count && compare(base + child * size, base + (child + 1) * size) < 0)
            child++;
        if (compare(base + i * size, base + child * size) >= 0)
            return;
        swap(base + i * size, base + child * size, size);
    }
}

void qsort(void *base, size_t count, size_t size, int (*compare)(const void *, const void *))
{
    for (size_t i = count / 2; i-- > 0;)
        sift(base, i, count, size, compare);
    for (size_t n = count; n-- > 1;) {
        swap(base, (char *)base + n * size, size);
        sift(base, 0, n, size, compare);
    }
}
