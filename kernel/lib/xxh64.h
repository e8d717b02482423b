/* XXH64, the checksum of the file system (docs/fs-format.md). mkfs and fsck are linked with it as well. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* The checksum of n bytes at data. Of several pieces: the sum of one is the seed of the next, which gives another sum than
 * the pieces as one. */
uint64_t xxh64(uint64_t seed, const void *data, size_t n);
