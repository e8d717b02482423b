/* kernel/fs/journal.c's recovery for all logs up to a bound: two slots, in each a transaction of up to three bodies for three
 * homes, whole or wrong in each of the ways that a slot can be. What is on the disk afterwards is what a plain reading of
 * docs/fs-format.md says: the newest whole transaction is at home, and nothing else has changed. Doing it once more changes
 * nothing. */
#include "harness.h"

#include <string.h>

#include "fs/journal.c"

enum { SLOT = 4, START = 1, HOMES = 3, FIRST_HOME = START + 2 * SLOT, BLOCKS = FIRST_HOME + HOMES + 1 };

/* What is wrong with a slot. With some, `at` says with which body. */
enum wrong {
    NOTHING,
    ERASED,
    MAGIC,
    UUID,
    CHECKSUM,
    COUNT,
    NUMBER_0,
    OTHER_SLOTS,
    BODY,
    LOW_HOME,
    HIGH_HOME,
    WRONGS
};

struct slot {
    uint64_t sequence;
    unsigned count, homes[SLOT - 1]; /* 0 .. HOMES-1 */
    enum wrong wrong;
    unsigned at;
};

static struct fs_super sb = {.nblocks = BLOCKS,
                             .journal_start = START,
                             .journal_slot = SLOT,
                             .inode_map_start = FIRST_HOME,
                             .uuid = "replay"};

static uint8_t old_content(unsigned home)
{
    return (uint8_t)(0xa0 + home);
}

static uint8_t body(const struct slot *s, unsigned i)
{
    return (uint8_t)(s->sequence * 16 + i + 1);
}

static void write_slot(unsigned k, const struct slot *s)
{
    blkno_t start = START + k * SLOT;
    struct fs_journal_header *h = harness_disk_block(start);

    memset(h, 0, SLOT * FS_BLOCK_SIZE);
    if (s->wrong == ERASED)
        return;
    *h = (struct fs_journal_header){.magic = FS_JOURNAL_MAGIC, .sequence = s->sequence, .count = s->count};
    memcpy(h->uuid, sb.uuid, sizeof(h->uuid));
    uint64_t sum = 0;
    for (unsigned i = 0; i < s->count; i++) {
        memset(harness_disk_block(start + 1 + i), body(s, i), FS_BLOCK_SIZE);
        h->home[i] = FIRST_HOME + s->homes[i];
        sum = xxh64(sum, harness_disk_block(start + 1 + i), FS_BLOCK_SIZE);
    }
    h->body_checksum = (uint32_t)sum;
    if (s->wrong == MAGIC)
        h->magic ^= 1;
    if (s->wrong == UUID)
        h->uuid[15] ^= 1;
    if (s->wrong == COUNT)
        h->count = SLOT;
    if (s->wrong == NUMBER_0)
        h->sequence = 0;
    if (s->wrong == OTHER_SLOTS)
        h->sequence++;
    if (s->wrong == LOW_HOME)
        h->home[s->at] = FIRST_HOME - 1;
    if (s->wrong == HIGH_HOME)
        h->home[s->at] = BLOCKS - 1;
    h->checksum =
        (uint32_t)xxh64(0, h, offsetof(struct fs_journal_header, checksum)) ^ (s->wrong == CHECKSUM);
    if (s->wrong == BODY)
        ((uint8_t *)harness_disk_block(start + 1 + s->at))[FS_BLOCK_SIZE - 1] ^= 1;
}

static bool holds(unsigned home, uint8_t byte)
{
    const uint8_t *p = harness_disk_block(FIRST_HOME + home);

    return p[0] == byte && memcmp(p, p + 1, FS_BLOCK_SIZE - 1) == 0;
}

static void free_pool(void)
{
    for (unsigned i = 0; i < journal.max; i++)
        page_put(journal.pool[i]);
    kfree(journal.pool);
    kfree(journal.installing);
    page_put(kva_page(journal.header));
}

static bool recovers(const struct slot *newest, uint64_t committed)
{
    uint8_t want[HOMES];

    for (unsigned i = 0; i < HOMES; i++)
        want[i] = old_content(i);
    for (unsigned i = 0; newest && i < newest->count; i++)
        want[newest->homes[i]] = body(newest, i);
    journal.running = journal.committed = 0;
    bool right = journal_recover(&sb) == 0 && journal.running == committed + 1;
    free_pool();
    for (unsigned i = 0; i < HOMES; i++)
        right &= holds(i, want[i]);
    return right;
}

static bool one(const struct slot s[2])
{
    const struct slot *newest = NULL;

    for (unsigned k = 0; k < 2; k++) {
        write_slot(k, &s[k]);
        if (s[k].wrong == NOTHING && (!newest || s[k].sequence > newest->sequence))
            newest = &s[k];
    }
    for (unsigned i = 0; i < HOMES; i++)
        memset(harness_disk_block(FIRST_HOME + i), old_content(i), FS_BLOCK_SIZE);
    uint64_t committed = newest ? newest->sequence : 0;
    return recovers(newest, committed) && recovers(newest, committed);
}

/* The next state of a slot, after the last false. Sequence numbers are base and base + 2. */
static bool next(struct slot *s, uint64_t base, unsigned most)
{
    if (++s->at < s->count && (s->wrong == BODY || s->wrong == LOW_HOME || s->wrong == HIGH_HOME))
        return true;
    s->at = 0;
    do
        s->wrong++;
    while (s->count == 0 && (s->wrong == BODY || s->wrong == LOW_HOME || s->wrong == HIGH_HOME));
    if (s->wrong < WRONGS)
        return true;
    s->wrong = NOTHING;
    for (unsigned i = 0; i < s->count; i++) {
        if (++s->homes[i] < HOMES)
            return true;
        s->homes[i] = 0;
    }
    if (++s->count <= most)
        return true;
    s->count = 0;
    if (s->sequence == base) {
        s->sequence += 2;
        return true;
    }
    s->sequence = base;
    return false;
}

static void show(unsigned k, const struct slot *s)
{
    diag("slot %u: transaction %lu, %u bodies for homes %u %u %u, wrong: %d (%u)", k,
         (unsigned long)s->sequence, s->count, s->homes[0], s->homes[1], s->homes[2], (int)s->wrong, s->at);
}

/* All pairs of slots with up to most[0] and most[1] bodies. */
static void all(const unsigned most[2])
{
    static const uint64_t base[2] = {4, 3}; /* 3 4, 4 5, 5 6, and 3 6, which is no neighbour */
    struct slot s[2] = {{.sequence = base[0]}, {.sequence = base[1]}};
    unsigned cases = 0, wrong = 0;

    do
        do {
            cases++;
            if (!one(s) && wrong++ == 0)
                show(0, &s[0]), show(1, &s[1]);
        } while (next(&s[1], base[1], most[1]));
    while (next(&s[0], base[0], most[0]));
    ok(wrong == 0, "all logs of up to %u and %u bodies: %u of %u replayed wrongly", most[0], most[1], wrong,
       cases);
}

int main(void)
{
    harness_disk_create(BLOCKS);
    all((const unsigned[]){2, 1});
    all((const unsigned[]){1, 2});
    all((const unsigned[]){3, 0});
    all((const unsigned[]){0, 3});
    return done();
}
