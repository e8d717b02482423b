/* CRC-32C (Castagnoli; reflected polynomial 0x82f63b78), as iSCSI uses it (RFC 3720, appendix B.4). */
#pragma once
#include "lib/types.h"

/* The checksum of n bytes at data, going on from crc, the checksum of the bytes before (0 at the start). */
uint32_t crc32c(uint32_t crc, const void *data, size_t n);
