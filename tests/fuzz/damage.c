/* Images, and damage to them: fuzz.h says how. Where structures are, the undamaged image's super block tells. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "abi/stat.h"
#include "fs/fs.h"
#include "lib/xxh64.h"

#define IMAGES 3

static uint8_t *images[IMAGES];
static uint64_t image_size;
static struct fs_super super; /* the same for all */
static bool changed;

uint64_t input_number(struct input *in, unsigned bytes)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < bytes && in->at < in->end; i++)
        n |= (uint64_t)*in->at++ << 8 * i;
    return n;
}

static void keep_image(unsigned which)
{
    images[which] = malloc(image_size);
    memcpy(images[which], harness_disk_block(0), image_size);
}

void images_make(void)
{
    const char *base = getenv("FUZZ_BASE");

    if (!base) {
        fprintf(stderr, "FUZZ_BASE: names no image; tests/fuzz/run sets it\n");
        exit(2);
    }
    machine_init();
    harness_set_pages(4096);
    harness_disk_load(base);
    image_size = disk_blocks() * FS_BLOCK_SIZE;
    memcpy(&super, harness_disk_block(0), sizeof(super));
    keep_image(0);
    machine_reset();
    if (use_mount() != 0)
        abort();
    use_populate();
    fs_sync();
    keep_image(1); /* with orphans, for some files are open; and with a journal */
    fs_shutdown();
    keep_image(2);
}

/* ---- values ---- */

/* A number for a field that has `old` in it: mostly one that has a meaning somewhere. */
static uint64_t value(struct input *in, uint64_t old)
{
    const uint64_t known[] = {0,
                              1,
                              2,
                              super.root,
                              super.ninodes - 1,
                              super.ninodes,
                              super.nblocks - 1,
                              super.nblocks,
                              super.data_start,
                              super.inode_start,
                              super.block_map_start,
                              super.inode_map_start,
                              super.journal_start,
                              4096,
                              4095,
                              FS_BLOCK_SIZE * 43ul,
                              FS_MAX_SIZE,
                              FS_MAX_SIZE + 1,
                              UINT32_MAX,
                              INT32_MAX,
                              UINT64_MAX,
                              INT64_MAX,
                              1ul << 31,
                              1ul << 32,
                              1ul << 63};
    unsigned how = (unsigned)input_number(in, 1);

    switch (how % 8) {
    case 0:
        return input_number(in, 1);
    case 1:
        return input_number(in, 2);
    case 2:
        return input_number(in, 4);
    case 3:
        return input_number(in, 8);
    case 4:
        return known[input_number(in, 1) % ARRAY_SIZE(known)];
    case 5:
        return old + (uint64_t)(int64_t)(int8_t)input_number(in, 1);
    case 6:
        return old ^ 1ul << input_number(in, 1) % 64;
    default: /* a block of data */
        return super.data_start + input_number(in, 1) % (super.nblocks - super.data_start);
    }
}

static void change(struct input *in, void *field, unsigned bytes)
{
    uint64_t old = 0, new;

    memcpy(&old, field, bytes);
    new = value(in, old);
    changed |= memcmp(&old, &new, bytes) != 0;
    memcpy(field, &new, bytes);
}

/* ---- structures ---- */

struct field {
    uint16_t offset;
    uint8_t bytes;
};
#define FIELD(type, name)                                                                                    \
    {                                                                                                        \
        offsetof(struct type, name), sizeof(((struct type *)0)->name)                                        \
    }

static void change_field(struct input *in, void *structure, const struct field *fields, unsigned count)
{
    const struct field *f = &fields[input_number(in, 1) % count];

    change(in, (uint8_t *)structure + f->offset, f->bytes);
}

static void damage_super(struct input *in)
{
    static const struct field fields[] = {FIELD(fs_super, magic),
                                          FIELD(fs_super, version),
                                          FIELD(fs_super, block_size),
                                          FIELD(fs_super, nblocks),
                                          FIELD(fs_super, ninodes),
                                          FIELD(fs_super, journal_start),
                                          FIELD(fs_super, journal_slot),
                                          FIELD(fs_super, inode_map_start),
                                          FIELD(fs_super, inode_map_blocks),
                                          FIELD(fs_super, block_map_start),
                                          FIELD(fs_super, block_map_blocks),
                                          FIELD(fs_super, inode_start),
                                          FIELD(fs_super, inode_blocks),
                                          FIELD(fs_super, data_start),
                                          FIELD(fs_super, root)};
    bool copy = input_number(in, 1) % 2;

    change_field(in, harness_disk_block(copy ? super.nblocks - 1 : 0), fields, ARRAY_SIZE(fields));
}

static struct fs_inode *inode(struct input *in)
{
    return (struct fs_inode *)harness_disk_block(super.inode_start) + input_number(in, 1) % super.ninodes;
}

static void damage_inode(struct input *in)
{
    static const struct field fields[] = {
        FIELD(fs_inode, mode),        FIELD(fs_inode, flags),       FIELD(fs_inode, nlink),
        FIELD(fs_inode, size),        FIELD(fs_inode, nblocks),     FIELD(fs_inode, next_orphan),
        FIELD(fs_inode, rdev),        FIELD(fs_inode, generation),  FIELD(fs_inode, mtime),
        FIELD(fs_inode, indirect[0]), FIELD(fs_inode, indirect[1]), FIELD(fs_inode, indirect[2])};

    change_field(in, inode(in), fields, ARRAY_SIZE(fields));
}

static void damage_pointer(struct input *in)
{
    struct fs_inode *ip = inode(in);

    change(in, &ip->direct[input_number(in, 1) % FS_NDIRECT], sizeof(blkno_t));
}

static void *data_block(struct input *in)
{
    return harness_disk_block(super.data_start +
                              (blkno_t)(input_number(in, 1) % (super.nblocks - 1 - super.data_start)));
}

/* In some block of data, which may be a directory's: an entry. */
static void damage_entry(struct input *in)
{
    static const struct field fields[] = {FIELD(fs_dirent, ino), FIELD(fs_dirent, type),
                                          FIELD(fs_dirent, name[0]), FIELD(fs_dirent, name[1]),
                                          FIELD(fs_dirent, name[FS_NAME_MAX - 1])};
    struct fs_dirent *e = data_block(in);

    change_field(in, e + input_number(in, 1) % FS_DIRENTS_PER_BLOCK, fields, ARRAY_SIZE(fields));
}

/* The same as a block of pointers. */
static void damage_pointers(struct input *in)
{
    blkno_t *p = data_block(in);

    change(in, &p[input_number(in, 2) % FS_NPTRS], sizeof(*p));
}

static void damage_maps(struct input *in)
{
    uint8_t *map =
        harness_disk_block(input_number(in, 1) % 2 ? super.block_map_start : super.inode_map_start);

    change(in, &map[input_number(in, 1) % 40], 1);
}

static void damage_journal(struct input *in)
{
    static const struct field fields[] = {
        FIELD(fs_journal_header, magic),   FIELD(fs_journal_header, sequence),
        FIELD(fs_journal_header, count),   FIELD(fs_journal_header, home[0]),
        FIELD(fs_journal_header, home[1]), FIELD(fs_journal_header, home[2]),
        FIELD(fs_journal_header, home[3]), FIELD(fs_journal_header, home[10]),
        FIELD(fs_journal_header, uuid[0])};
    struct fs_journal_header *h =
        harness_disk_block(super.journal_start + (blkno_t)(input_number(in, 1) % 2) * super.journal_slot);

    if (h->magic != FS_JOURNAL_MAGIC) { /* one that has never been used becomes one that counts */
        h->magic = FS_JOURNAL_MAGIC;
        memcpy(h->uuid, super.uuid, sizeof(h->uuid));
        changed = true;
    }
    change_field(in, h, fields, ARRAY_SIZE(fields));
}

/* Any bytes anywhere, the bodies of the journal included. */
static void damage_bytes(struct input *in)
{
    uint8_t *block = harness_disk_block((blkno_t)(input_number(in, 2) % super.nblocks));
    unsigned offset = (unsigned)input_number(in, 2) % (FS_BLOCK_SIZE - 8),
             bytes = 1u << input_number(in, 1) % 4;

    change(in, block + offset, bytes);
}

/* A block that is right somewhere else. */
static void damage_block(struct input *in)
{
    blkno_t from = (blkno_t)(input_number(in, 1) % super.nblocks),
            to = (blkno_t)(input_number(in, 1) % super.nblocks);

    changed |= memcmp(harness_disk_block(to), harness_disk_block(from), FS_BLOCK_SIZE) != 0;
    memcpy(harness_disk_block(to), harness_disk_block(from), FS_BLOCK_SIZE);
}

/* ---- checksums ---- */

static void repair_super(blkno_t block)
{
    struct fs_super *s = harness_disk_block(block);

    s->checksum = (uint32_t)xxh64(0, s, offsetof(struct fs_super, checksum));
}

static void repair_slot(unsigned slot)
{
    blkno_t start = super.journal_start + slot * super.journal_slot;
    struct fs_journal_header *h = harness_disk_block(start);
    uint64_t sum = 0;

    if (h->magic != FS_JOURNAL_MAGIC)
        return;
    for (uint32_t i = 0; i < h->count && i < super.journal_slot - 1; i++)
        sum = xxh64(sum, harness_disk_block(start + 1 + i), FS_BLOCK_SIZE);
    h->body_checksum = (uint32_t)sum;
    h->checksum = (uint32_t)xxh64(0, h, offsetof(struct fs_journal_header, checksum));
}

void damage(const uint8_t *bytes, size_t size)
{
    static void (*const kinds[])(struct input *) = {
        damage_super,   damage_inode, damage_pointer, damage_entry, damage_pointers, damage_maps,
        damage_journal, damage_bytes, damage_block,   damage_inode, damage_entry};
    struct input in = {bytes, bytes + size};
    unsigned first = (unsigned)input_number(&in, 1);

    memcpy(harness_disk_block(0), images[first % IMAGES], image_size);
    changed = false;
    use_forget();
    while (in.at < in.end) {
        unsigned what = (unsigned)input_number(&in, 1);
        if (what < 128)
            kinds[what % ARRAY_SIZE(kinds)](&in);
        else
            use_add((uint8_t)(what - 128), &in);
    }
    if (first >= 0xf8 || !changed) /* sometimes they stay wrong */
        return;
    repair_super(0);
    repair_super(super.nblocks - 1);
    repair_slot(0);
    repair_slot(1);
}

bool damage_is_none(void)
{
    return !changed;
}
