/* Logs of what a disk was told, from the host's fake disk or from QEMU's blklogwrites, in one form. */
#include "crash.h"

#include <stdlib.h>
#include <string.h>

/* ---- The fake disk's ---- */

struct recording *recording_take(const uint8_t *base, uint64_t nblocks)
{
    struct recording *r = calloc(1, sizeof(*r));
    uint64_t bytes = 0;

    r->n = harness_log_count();
    r->nblocks = nblocks;
    r->base = malloc(nblocks * FS_BLOCK_SIZE);
    memcpy(r->base, base, nblocks * FS_BLOCK_SIZE);
    r->records = calloc(r->n + 1, sizeof(*r->records));
    for (size_t i = 0; i < r->n; i++) {
        struct harness_event e = harness_log_event(i);
        bytes += e.kind == HARNESS_WRITE ? (uint64_t)e.nblocks * FS_BLOCK_SIZE : 0;
    }
    r->data = malloc(bytes + 1);
    bytes = 0;
    for (size_t i = 0; i < r->n; i++) {
        struct harness_event e = harness_log_event(i);
        struct record *to = &r->records[i];

        *to = (struct record){.block = e.block, .nblocks = e.nblocks, .completed = e.completed};
        switch (e.kind) {
        case HARNESS_WRITE:
            to->kind = RECORD_WRITE;
            to->data = r->data + bytes;
            memcpy(to->data, e.data, (size_t)e.nblocks * FS_BLOCK_SIZE);
            bytes += (uint64_t)e.nblocks * FS_BLOCK_SIZE;
            break;
        case HARNESS_FLUSH:
            to->kind = RECORD_FLUSH;
            break;
        case HARNESS_COMPLETE:
            to->kind = RECORD_COMPLETE;
            break;
        case HARNESS_MARK:
            to->kind = e.value % 2 ? RECORD_RETURN : RECORD_BEGIN;
            to->op = e.value / 2;
            break;
        }
    }
    return r;
}

void recording_free(struct recording *r)
{
    free(r->base);
    free(r->records);
    free(r->data);
    free(r);
}
