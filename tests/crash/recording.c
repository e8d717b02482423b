/* Logs of what a disk was told, from the host's fake disk or from QEMU's blklogwrites, in one form. */
#include "crash.h"

#include <inttypes.h>
#include <stdarg.h>
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

/* ---- QEMU's ---- */

/* The format of blklogwrites is that of Linux's dm-log-writes: a sector with the super block, then for each entry a sector
 * with its header, and a write's data. */
#define LOG_MAGIC 0x6a736677736872ull
#define LOG_FLUSH 1 /* in an entry's flags */

struct log_super {
    uint64_t magic, version, entries;
    uint32_t sector_size;
} __attribute__((packed));

struct log_entry {
    uint64_t sector, nsectors, flags, mark_length;
};

static _Noreturn void unusable(const char *path, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static _Noreturn void unusable(const char *path, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "crash: %s: ", path);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(2);
}

static uint8_t *read_all(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = NULL;
    size_t n = 0, got;

    if (!f)
        unusable(path, "it cannot be read");
    do {
        data = realloc(data, n + (1 << 20) + 1);
        got = fread(data + n, 1, 1 << 20, f);
        n += got;
    } while (got > 0);
    fclose(f);
    *size = n;
    return data;
}

/* A line of the file of calls: "begin OP ENTRIES", "return OP ENTRIES RESULT RESULT" or "start ENTRIES", where ENTRIES is how
 * many the log had. */
struct call {
    char what[10];
    uint64_t op, entries;
    int64_t r[2];
};

static bool next_call(FILE *f, const char *path, const struct workload *w, struct call *c)
{
    char line[200];

    if (!fgets(line, sizeof(line), f))
        return false;
    *c = (struct call){0};
    if (sscanf(line, "start %" SCNu64, &c->entries) == 1)
        return true;
    if (sscanf(line, "%9s %" SCNu64 " %" SCNu64 " %" SCNd64 " %" SCNd64, c->what, &c->op, &c->entries,
               &c->r[0], &c->r[1]) < 3 ||
        c->op >= w->nops)
        unusable(path, "there is a line that is none: %s", line);
    return true;
}

static void add_record(struct recording *r, struct record record)
{
    if (r->n % 1024 == 0)
        r->records = realloc(r->records, (r->n + 1024) * sizeof(record));
    r->records[r->n++] = record;
}

struct recording *recording_load(const char *prefix, const struct workload *w, struct result *results)
{
    struct recording *r = calloc(1, sizeof(*r));
    char path[500];
    size_t size, at = 512;
    bool started = false;

    snprintf(path, sizeof(path), "%s.img", prefix);
    r->base = read_all(path, &size);
    r->nblocks = size / FS_BLOCK_SIZE;
    snprintf(path, sizeof(path), "%s.calls", prefix);
    FILE *calls = fopen(path, "r");
    if (!calls)
        unusable(path, "it cannot be read");
    struct call call;
    bool more = next_call(calls, path, w, &call);
    char log[500];
    snprintf(log, sizeof(log), "%s.log", prefix);
    r->data = read_all(log, &size);
    const struct log_super *super = (const struct log_super *)r->data;
    if (size < 512 || super->magic != LOG_MAGIC || super->sector_size != 512)
        unusable(log, "it is no log of blklogwrites with sectors of 512 bytes");
    for (uint64_t i = 0;; i++) {
        for (; more && (call.entries <= i || i >= super->entries); more = next_call(calls, path, w, &call)) {
            if (!call.what[0])
                started = true;
            else if (started)
                add_record(r, (struct record){.kind = call.what[0] == 'b' ? RECORD_BEGIN : RECORD_RETURN,
                                              .op = call.op});
            if (call.what[0] == 'r')
                results[call.op] = (struct result){{call.r[0], call.r[1]}};
        }
        if (i >= super->entries)
            break;
        const struct log_entry *e = (const struct log_entry *)(r->data + at);
        if (at + 512 > size || e->nsectors > size / 512 || at + 512 + e->nsectors * 512 > size)
            unusable(log, "it ends in the middle of entry %" PRIu64, i);
        at += 512 + e->nsectors * 512;
        if (e->flags != (e->nsectors ? 0 : LOG_FLUSH) || e->sector % 8 || e->nsectors % 8 ||
            (e->sector + e->nsectors) / 8 > r->nblocks)
            unusable(log, "entry %" PRIu64 " is neither a flush nor a write of whole blocks", i);
        uint8_t *data = r->data + at - e->nsectors * 512;
        if (!started) {
            memcpy(r->base + e->sector * 512, data, e->nsectors * 512);
            continue;
        }
        add_record(r, (struct record){.kind = e->nsectors ? RECORD_WRITE : RECORD_FLUSH,
                                      .block = (uint32_t)(e->sector / 8),
                                      .nblocks = (uint32_t)(e->nsectors / 8),
                                      .data = data,
                                      .completed = r->n + 1});
        add_record(r, (struct record){.kind = RECORD_COMPLETE});
    }
    fclose(calls);
    return r;
}

void recording_free(struct recording *r)
{
    free(r->base);
    free(r->records);
    free(r->data);
    free(r);
}
