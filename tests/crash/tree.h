/* Trees as text, a line for each name in the order of their bytes. The model, the kernel and the raw image are each
 * written so: then they can be compared, and shown. For both worlds of headers: the harness's and the host's. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"

struct text {
    char *s;
    size_t used, size;
};
void text_add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct attributes {
    uint16_t mode;
    uint32_t nlink, uid, gid, rdev;
    uint64_t size;
    int64_t mtime; /* ns */
    uint64_t
        content; /* the sum of page_hash (bytes.h) of all pages; of a symbolic link: hash_bytes of its target */
};
void tree_line(struct text *t, const char *path, const struct attributes *a);
void tree_same(struct text *t, const char *path, const char *first); /* another name of a file */

/* Checks an image with mkfs/fsck.c, and may change it. Returns how many errors; what is wrong is added to `faults`, the
 * tree below `top` to t. */
unsigned fsck_memory(uint8_t *disk, uint64_t nblocks, const char *top, struct text *t, struct text *faults,
                     unsigned *orphans);
