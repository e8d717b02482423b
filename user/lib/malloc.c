/* malloc and free: first fit on one list of free blocks.
 *
 *   block:  | size | next |  size bytes for the caller, a multiple of 16 ... |
 *
 * The free blocks are linked in order of address, and no two of them touch: free joins neighbours. Memory
 * comes from sbrk in large pieces, is never given back, and need not be contiguous: the program may call sbrk
 * as well. */
#include "lib.h"

#define GROWTH (64u * 1024)

struct block {
    uint64 size;
    struct block *next; /* while free */
};
_Static_assert(sizeof(struct block) == 16, "keeps what follows aligned to 16");

static struct block *free_blocks;

static struct block *block_end(struct block *b)
{
    return (struct block *)((char *)(b + 1) + b->size);
}

size_t lib_malloc_size(const void *p)
{
    return ((const struct block *)p - 1)->size;
}

void free(void *p)
{
    struct block *b = (struct block *)p - 1, *before = NULL, *after = free_blocks;
    if (!p)
        return;
    for (; after && after < b; after = after->next)
        before = after;
    b->next = after;
    if (after && block_end(b) == after) {
        b->size += sizeof(*b) + after->size;
        b->next = after->next;
    }
    if (!before) {
        free_blocks = b;
    } else if (block_end(before) == b) {
        before->size += sizeof(*b) + b->size;
        before->next = b->next;
    } else {
        before->next = b;
    }
}

/* Adds a free block of at least n bytes, n a multiple of 16. False without memory. */
static bool grow(uint64 n)
{
    uint64 want = n + sizeof(struct block) + 15; /* 15: to align what sbrk returns */
    uint64 bytes = want < GROWTH ? GROWTH : want;
    if (want > INT32_MAX)
        return false;
    char *p = sbrk((int)bytes);
    if (p == SBRK_ERROR && bytes > want) {
        bytes = want;
        p = sbrk((int)bytes);
    }
    if (p == SBRK_ERROR)
        return false;
    uint64 skipped = -(uint64)p & 15;
    struct block *b = (struct block *)(p + skipped);
    b->size = (bytes - skipped - sizeof(*b)) & ~15ul;
    free(b + 1);
    return true;
}

void *malloc(uint64 n)
{
    if (n > INT32_MAX)
        return NULL;
    n = n ? (n + 15) & ~15ul : 16;
    do {
        for (struct block **link = &free_blocks; *link; link = &(*link)->next) {
            struct block *b = *link;
            if (b->size < n)
                continue;
            if (b->size <= n + sizeof(*b)) { /* what is left over would be too small to be a block */
                *link = b->next;
                return b + 1;
            }
            b->size -= n + sizeof(*b); /* the caller gets the end: the list stays as it is */
            struct block *taken = block_end(b);
            taken->size = n;
            return taken + 1;
        }
    } while (grow(n));
    return NULL;
}
