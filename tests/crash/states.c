/* All that a disk may hold after a power cut, and whether it is right.
 *
 * An epoch is the time between two completions of flushes. What had been written before it began, and covered by
 * that flush, is on the disk for certain. The other writes submitted until it ends are units of one block: the disk was
 * free to keep any of them, in any of their sectors. A state is a choice of units. It is possible at every moment
 * of the epoch behind the submission of its last unit, and is judged for each of them, but its image is looked
 * at once. With few units all choices are taken; else those that are suspicious, then random ones.
 *
 * One thing more is tried than an honest disk does: where the header of a transaction is among the units, it is kept, and
 * a sector of one of the bodies before it, which a flush had covered, is not what was written. The checksum has to tell. */
#include "crash.h"

#include <stdlib.h>
#include <string.h>

#include "abi/fsformat.h"

#define SECTOR        512u
#define SECTORS       (FS_BLOCK_SIZE / SECTOR)
#define MAX_UNITS     4000
#define RECOVERY      30 /* states of a recovery and of what comes after it */
#define RECOVER_EVERY 90 /* of so many images one is mounted with a look at the recovery's own writes */
#define MAX_BAD       3  /* states of a workload that are shown */

/* ---- Epochs ---- */

struct unit {
    uint32_t block;
    uint8_t *data;
    size_t submitted; /* record */
};

/* A state, before it is an image: what is kept of each unit. */
struct choice {
    uint8_t sectors[MAX_UNITS];
    uint32_t damaged; /* a body in the journal, by block, that is not as it was written; 0: none */
};

struct exploring {
    const struct workload *w;
    const struct oracle *o;
    const struct recording *r;
    const struct plan *plan;
    struct totals *totals;
    uint64_t random;
    uint64_t exact;         /* not 0: in a recovery, whose only right tree this is */
    const char *prefix;     /* of the names of states: where the recovery was cut */
    struct window *windows; /* by place, where a window begins; see window_at */
    size_t *certain_at;     /* by record: behind which record a write is on the disk for certain */
    bool *applied;          /* by record: it is in `stable` */
    uint8_t *stable;        /* the disk as far as it is certain */
    uint64_t stable_hash;
    uint8_t *saved; /* blocks of it, while it is a state's image */
    size_t nunits;
    struct unit units[MAX_UNITS];
    size_t start, end; /* of the epoch */
    unsigned epoch, bad;
    uint64_t ngood;       /* states that were right */
    char (*samples)[400]; /* names of some of them */
    struct seen {         /* images that have been looked at */
        uint64_t image, tree;
        char *text; /* in a recovery */
        bool good;
    } * seen;
    size_t nseen, sizeseen;
};

static uint64_t sector_hash(uint32_t block, unsigned sector, const uint8_t *bytes)
{
    uint64_t h = hash_bytes(bytes, SECTOR) ^ ((uint64_t)block * SECTORS + sector + 1);

    return harness_mix(&h);
}

/* What was there goes into `old`, where that is given. */
static void put_sectors(uint8_t *disk, const struct unit *u, uint8_t sectors, uint64_t *hash, uint8_t *old)
{
    uint8_t *to = disk + (size_t)u->block * FS_BLOCK_SIZE;

    if (old)
        memcpy(old, to, FS_BLOCK_SIZE);
    for (unsigned s = 0; s < SECTORS; s++) {
        if (!(sectors >> s & 1))
            continue;
        *hash -= sector_hash(u->block, s, to + s * SECTOR);
        memcpy(to + s * SECTOR, u->data + s * SECTOR, SECTOR);
        *hash += sector_hash(u->block, s, to + s * SECTOR);
    }
}

/* Turns the first sector of the damaged block around, or back. */
static uint64_t damage(struct exploring *x, const struct choice *c)
{
    uint8_t *bytes = x->stable + (size_t)c->damaged * FS_BLOCK_SIZE;

    for (unsigned i = 0; i < SECTOR && c->damaged; i++)
        bytes[i] ^= 0xff;
    return c->damaged * 0x9e3779b97f4a7c15;
}

/* Turns x->stable into the state's image, and back. Returns the image's hash, never 0. */
static uint64_t make_image(struct exploring *x, const struct choice *c)
{
    uint64_t image = x->stable_hash;

    for (size_t i = 0; i < x->nunits; i++)
        if (c->sectors[i])
            put_sectors(x->stable, &x->units[i], c->sectors[i], &image, x->saved + i * FS_BLOCK_SIZE);
    image += damage(x, c);
    return image ? image : 1;
}

static void unmake_image(struct exploring *x, const struct choice *c)
{
    damage(x, c);
    for (size_t i = x->nunits; i-- > 0;)
        if (c->sectors[i])
            memcpy(x->stable + (size_t)x->units[i].block * FS_BLOCK_SIZE, x->saved + i * FS_BLOCK_SIZE,
                   FS_BLOCK_SIZE);
}

/* For each write: the completion of the first flush that covers it. */
static void find_certain(struct exploring *x)
{
    const struct recording *r = x->r;

    for (size_t i = 0; i < r->n; i++) {
        x->certain_at[i] = NEVER;
        if (r->records[i].kind != RECORD_WRITE || r->records[i].completed == NEVER)
            continue;
        for (size_t f = r->records[i].completed + 1; f < r->n; f++)
            if (r->records[f].kind == RECORD_FLUSH && r->records[f].completed < x->certain_at[i])
                x->certain_at[i] = r->records[f].completed;
    }
}

/* Place p is the moment after the first p records. The next epoch is the places from x->end up to the one where the
 * next flush is complete; false: there is none. */
static bool next_epoch(struct exploring *x)
{
    const struct recording *r = x->r;
    size_t next = r->n + 1;

    if (x->end > r->n)
        return false;
    x->start = x->end;
    for (size_t i = 0; i < r->n; i++)
        if (r->records[i].kind == RECORD_FLUSH && r->records[i].completed != NEVER &&
            r->records[i].completed >= x->start)
            next = MIN(next, r->records[i].completed + 1);
    x->end = next;
    x->epoch++;
    x->nunits = 0;
    for (size_t i = 0; i + 1 < next; i++) {
        const struct record *w = &r->records[i];
        bool certain = x->certain_at[i] < x->start;

        for (unsigned k = 0; w->kind == RECORD_WRITE && !x->applied[i] && k < w->nblocks; k++) {
            struct unit u = {
                .block = w->block + k, .data = w->data + (size_t)k * FS_BLOCK_SIZE, .submitted = i};

            if (certain)
                put_sectors(x->stable, &u, 0xff, &x->stable_hash, NULL);
            else if (x->nunits < MAX_UNITS)
                x->units[x->nunits++] = u;
        }
        x->applied[i] |= certain;
    }
    return true;
}

/* ---- Names of states ---- */

/* "EPOCH:UNITS", UNITS like "0-3,5,7.1f": unit 7 only in the sectors whose bits are set. Behind it "!BLOCK", where that
 * is damaged. */
static void name_state(const struct exploring *x, const struct choice *c, char *to, size_t size)
{
    size_t used = (size_t)snprintf(to, size, "%s%u:", x->prefix, x->epoch);
    const char *comma = "";

    for (size_t i = 0; i < x->nunits && used + 40 < size; i++) {
        size_t last = i;

        if (!c->sectors[i])
            continue;
        while (c->sectors[i] == 0xff && last + 1 < x->nunits && c->sectors[last + 1] == 0xff)
            last++;
        used += (size_t)snprintf(to + used, size - used, "%s%zu", comma, i);
        if (last > i)
            used += (size_t)snprintf(to + used, size - used, "-%zu", last);
        if (c->sectors[i] != 0xff)
            used += (size_t)snprintf(to + used, size - used, ".%02x", c->sectors[i]);
        comma = ",";
        i = last;
    }
    if (c->damaged)
        snprintf(to + used, size - used, "!%u", c->damaged);
}

static bool parse_state(const struct exploring *x, const char *name, struct choice *c, const char **rest)
{
    char *end;

    memset(c, 0, sizeof(*c));
    if (strtoul(name, &end, 10) != x->epoch || *end != ':')
        return false;
    for (end++; *end && *end != '/'; end += *end == ',') {
        if (*end == '!') {
            c->damaged = (uint32_t)strtoul(end + 1, &end, 10);
            if (c->damaged >= x->r->nblocks)
                return false;
            continue;
        }

        unsigned long first = strtoul(end, &end, 10), last = *end == '-' ? strtoul(end + 1, &end, 10) : first;
        unsigned long sectors = *end == '.' ? strtoul(end + 1, &end, 16) : 0xff;

        if (*end && !strchr(",/!", *end))
            return false;
        for (unsigned long i = first; i <= last && i < x->nunits; i++)
            c->sectors[i] = (uint8_t)sectors;
    }
    *rest = *end == '/' ? end + 1 : NULL;
    return true;
}

/* What a block is, in words. */
static void name_block(const struct exploring *x, uint32_t block, const uint8_t *data, char *to, size_t size)
{
    const struct fs_super *s = (const struct fs_super *)x->stable;

    if (block >= s->journal_start && block < s->journal_start + 2 * s->journal_slot) {
        unsigned slot = (block - s->journal_start) / s->journal_slot,
                 i = (block - s->journal_start) % s->journal_slot;
        if (i == 0)
            snprintf(to, size, "journal slot %u: header of transaction %llu, %u bodies", slot,
                     (unsigned long long)((const struct fs_journal_header *)data)->sequence,
                     ((const struct fs_journal_header *)data)->count);
        else
            snprintf(to, size, "journal slot %u: body %u", slot, i - 1);
    } else {
        snprintf(to, size, "%s, block %u",
                 block < s->journal_start                           ? "super block"
                 : block < s->inode_map_start + s->inode_map_blocks ? "inode map"
                 : block < s->block_map_start + s->block_map_blocks ? "block map"
                 : block < s->data_start                            ? "inode table"
                                                                    : "data",
                 block);
    }
}

/* ---- Reports ---- */

static void print_lines(const char *indent, const char *text)
{
    for (const char *at = text; *at;) {
        size_t n = strcspn(at, "\n");

        printf("# %s%.*s\n", indent, (int)MIN(n, 400), at);
        at += n + (at[n] != 0);
    }
}

static void print_kept(const struct exploring *x, const struct choice *c)
{
    char what[100];

    printf("#   of the writes that no flush covered, the disk has kept:%s\n",
           x->nunits ? "" : " there were none");
    for (size_t i = 0; i < x->nunits; i++) {
        name_block(x, x->units[i].block, x->units[i].data, what, sizeof(what));
        if (c->sectors[i] == 0)
            printf("#     %3zu. lost  %s\n", i, what);
        else if (c->sectors[i] == 0xff)
            printf("#     %3zu. kept  %s\n", i, what);
        else
            printf("#     %3zu. torn  %s: sectors %02x\n", i, what, c->sectors[i]);
        if (i == 60) {
            printf("#     ... and %zu more\n", x->nunits - i - 1);
            break;
        }
    }
    if (c->damaged) {
        name_block(x, c->damaged, x->stable, what, sizeof(what));
        printf("#     and damaged, although a flush had covered it: %s\n", what);
    }
}

static void print_moment(const struct exploring *x, size_t place)
{
    const struct oracle *o = x->o;
    unsigned shown = 0;

    printf("#   when the power went, the last calls were\n");
    for (unsigned k = x->w->nops; k-- > x->w->first && shown < 6;) {
        if (o->begins[k] >= place)
            continue;
        printf("#     line %u: %s", x->w->ops[k].line, op_text(x->w, k));
        if (o->returns[k] < place)
            printf("  (had returned %lld)\n", (long long)o->results[k].r[o->results[k].r[1] > 0]);
        else
            printf("  (was under way)\n");
        shown++;
    }
}

/* The tree that may be there and is most like this one. */
static const char *nearest(const struct exploring *x, const struct window *win, const char *tree)
{
    const char *best = NULL;
    size_t most = 0;

    for (size_t i = 0; i < x->o->n; i++) {
        const char *text = oracle_text(x->o, x->o->nodes[i].tree);
        size_t same = 1;

        if (!oracle_allows(x->o, win, x->o->nodes[i].tree))
            continue;
        for (const char *at = text; *at; at += strcspn(at, "\n") + 1) {
            char line[500];

            snprintf(line, sizeof(line), "%.*s\n", (int)MIN(strcspn(at, "\n"), 490), at);
            same += strstr(tree, line) ? 2 : 0;
        }
        if (same > most)
            most = same, best = text;
    }
    return best;
}

static void report(struct exploring *x, const struct choice *c, size_t place, const struct window *win,
                   const char *what)
{
    char name[2000];

    x->totals->failed++;
    if (++x->bad > MAX_BAD)
        return;
    name_state(x, c, name, sizeof(name));
    printf("# %s: state %s: %s\n", x->w->name, name, win ? "the tree is none that may be there" : "broken");
    print_lines("  ", what);
    if (win && x->exact) {
        printf("#   but before the recovery was cut, there was\n");
        const char *text = oracle_text(x->o, x->exact);
        print_lines("    ", text ? text : "a tree that may not be there, either");
    } else if (win) {
        const char *text = nearest(x, win, what);
        printf("#   of those that may be there, the one most like it is\n");
        print_lines("    ", text ? text : "(none)");
    }
    print_kept(x, c);
    if (!x->exact)
        print_moment(x, place);
    printf("#   to repeat: %s --state %s\n", x->plan->repeat, name);
    if (x->bad == 1) {
        printf("#   the workload:\n");
        print_lines("    ", x->w->text);
    }
    fflush(stdout);
}

/* ---- One state ---- */

static uint64_t draw(struct exploring *x)
{
    return harness_mix(&x->random);
}

static struct seen *find_seen(struct exploring *x, uint64_t image)
{
    if (2 * x->nseen >= x->sizeseen) {
        struct seen *old = x->seen;
        size_t n = x->sizeseen;

        x->sizeseen = 2 * n + 1024;
        x->seen = calloc(x->sizeseen, sizeof(*x->seen));
        for (size_t i = 0; i < n; i++)
            if (old[i].image)
                *find_seen(x, old[i].image) = old[i];
        free(old);
    }
    for (size_t i = image % x->sizeseen;; i = (i + 1) % x->sizeseen)
        if (x->seen[i].image == image || x->seen[i].image == 0)
            return &x->seen[i];
}

static bool explore_recording(struct exploring *x, uint64_t budget);

/* The recovery that has been recorded is cut, too. `tree` is what it came to. */
static void explore_recovery(struct exploring *x, const char *name, const uint8_t *base, uint64_t tree,
                             uint64_t budget, const char *only)
{
    struct recording *r = recording_take(base, disk_blocks());
    struct exploring *inner = calloc(1, sizeof(*inner));
    struct plan plan = *x->plan;
    char prefix[2100];

    snprintf(prefix, sizeof(prefix), "%s/", name);
    plan.only = only;
    *inner = (struct exploring){.w = x->w,
                                .o = x->o,
                                .r = r,
                                .plan = &plan,
                                .totals = x->totals,
                                .random = x->random,
                                .exact = tree,
                                .prefix = prefix,
                                .bad = x->bad};
    uint64_t before = x->totals->states;
    explore_recording(inner, budget);
    x->totals->nested += x->totals->states - before;
    x->bad = inner->bad;
    recording_free(r);
    free(inner);
}

/* A recovery's own cut: the tree is as before it, but for the file of the use after it. */
static void judge_recovered(struct exploring *x, const struct choice *c, size_t first, uint64_t tree,
                            const char *text)
{
    static const struct window none;
    const char *probe = strstr(text, "\n" PROBE);
    char *without = strdup(text);

    if (probe)
        strcpy(without + (probe - text), probe + 1 + strcspn(probe + 1, "\n"));
    if ((probe ? hash_name(without) : tree) != x->exact)
        report(x, c, 0, &none, text);
    free(without);
    for (size_t place = first; place < x->end && place <= x->r->n; place++) {
        unsigned marks = 0;

        for (size_t i = 0; i < place; i++)
            marks += x->r->records[i].kind == RECORD_BEGIN || x->r->records[i].kind == RECORD_RETURN;
        if (marks == 2 || marks == 0 || marks == 4) { /* between calls */
            bool wanted = marks == 2;

            if (wanted != !!probe) {
                report(x, c, 0, &none,
                       wanted ? "a file made after the recovery, and synced, is not there"
                              : "a file made after the recovery is there when it must not be");
                break;
            }
        }
    }
}

static void judge_trees(struct exploring *x, const struct choice *c, uint64_t tree, const char *text)
{
    size_t first = x->start;

    for (size_t i = 0; i < x->nunits; i++)
        if (c->sectors[i])
            first = MAX(first, x->units[i].submitted + 1);
    if (x->exact) {
        judge_recovered(x, c, first, tree, text);
        return;
    }
    for (size_t place = first; place < x->end && place <= x->r->n; place++) {
        enum record_kind before = place ? x->r->records[place - 1].kind : RECORD_BEGIN;
        if (place > first && before != RECORD_BEGIN && before != RECORD_RETURN)
            continue; /* nothing has changed for the oracle */
        x->totals->judged++;
        if (!oracle_allows(x->o, &x->windows[place], tree)) {
            report(x, c, place, &x->windows[place], text);
            return;
        }
    }
}

static void save_disk(const struct exploring *x, uint8_t *to)
{
    memcpy(to, x->stable, (size_t)x->r->nblocks * FS_BLOCK_SIZE);
}

/* Of all that come by, each stays with the same probability. */
static void take_sample(struct exploring *x, const struct choice *c)
{
    uint64_t at = x->ngood++;
    char name[2000];

    if (!x->samples)
        return;
    name_state(x, c, name, sizeof(name));
    at = at < x->plan->samples ? at : harness_mix(&x->random) % at;
    if (at < x->plan->samples && strlen(name) < sizeof(x->samples[0]))
        strcpy(x->samples[at], name);
}

/* A look at an image that is new; it is on the harness's disk. */
static void judge_image(struct exploring *x, const struct choice *c, struct seen *seen, bool recover)
{
    struct job job = {.top = x->plan->top, .pages = x->w->pages, .record = recover};
    uint8_t *base = recover ? malloc((size_t)x->r->nblocks * FS_BLOCK_SIZE) : NULL;
    const char *found;
    char name[2000];

    if (recover)
        memcpy(base, harness_disk_block(0), (size_t)x->r->nblocks * FS_BLOCK_SIZE);
    x->totals->states++;
    seen->good = look_at_image(&job, &seen->tree, &found);
    if (!seen->good) {
        report(x, c, x->end - 1, NULL, found);
    } else {
        char *text = strdup(found);
        uint64_t tree = seen->tree;

        seen->text = x->exact ? strdup(found) : NULL;
        judge_trees(x, c, tree, text);
        take_sample(x, c);
        if (recover && x->bad <= MAX_BAD) {
            name_state(x, c, name, sizeof(name));
            explore_recovery(x, name, base, tree, RECOVERY, NULL);
        }
        free(text);
    }
    free(base);
}

/* Looks at the state's image, or remembers what came of it. True: it was new. */
static bool try_choice(struct exploring *x, const struct choice *c)
{
    uint64_t image = make_image(x, c);
    struct seen *seen = find_seen(x, image);
    bool is_new = seen->image == 0;

    if (is_new)
        save_disk(x, harness_disk_block(0));
    unmake_image(x, c);
    if (is_new) {
        seen->image = image;
        x->nseen++;
        /* Not where a disk has broken its word: the header that did not count may do so again, when a cut leaves it with bodies
         * that happen to be the right ones; all is sound then, but not the same tree. */
        judge_image(x, c, seen, !x->exact && !x->plan->only && !c->damaged && draw(x) % RECOVER_EVERY == 0);
    } else if (seen->good) {
        const char *text = x->exact ? seen->text : oracle_text(x->o, seen->tree);
        judge_trees(x, c, seen->tree, text ? text : "");
    }
    return is_new;
}

/* ---- Many states ---- */

/* The k-th choice of those worth trying first: false when there are no more of them. */
static bool likely_choice(const struct exploring *x, uint64_t k, struct choice *c)
{
    size_t n = x->nunits;

    memset(c->sectors, 0, n);
    if (n <= 12) {
        for (size_t i = 0; i < n; i++)
            c->sectors[i] = k >> i & 1 ? 0xff : 0;
        return k < 1ull << n;
    }
    if (k <= n) { /* as if all had been written in order */
        memset(c->sectors, 0xff, k);
    } else if (k < 2 * n) { /* all but one */
        memset(c->sectors, 0xff, n);
        c->sectors[k - n - 1] = 0;
    } else if (k < 3 * n) { /* only one */
        c->sectors[k - 2 * n] = 0xff;
    } else {
        return false;
    }
    return true;
}

static uint8_t torn(struct exploring *x)
{
    unsigned n = 1 + draw(x) % (SECTORS - 1);

    switch (draw(x) % 3) {
    case 0:
        return (uint8_t)((1u << n) - 1); /* the first n sectors */
    case 1:
        return (uint8_t)(0xff << n); /* all but the first n */
    default:
        return (uint8_t)draw(x);
    }
}

static void random_choice(struct exploring *x, struct choice *c)
{
    unsigned density = draw(x) % 9;
    uint64_t tears = draw(x) % 3;

    for (size_t i = 0; i < x->nunits; i++) {
        c->sectors[i] = draw(x) % 8 < density ? 0xff : 0;
        if (tears == 2 && draw(x) % 4 == 0)
            c->sectors[i] = torn(x);
    }
    if (tears > 0 && x->nunits > 0) /* the last ones are the headers */
        c->sectors[draw(x) % 2 ? x->nunits - 1 : draw(x) % x->nunits] = torn(x);
}

#define TIRED 60 /* so many random choices in a row that are known: there are few others */

/* Is the unit a header of the journal? */
static const struct fs_journal_header *header_in(const struct exploring *x, const struct unit *u)
{
    const struct fs_super *s = (const struct fs_super *)x->stable;
    bool is_place = u->block == s->journal_start || u->block == s->journal_start + s->journal_slot;
    const struct fs_journal_header *h = (const struct fs_journal_header *)u->data;

    return is_place && h->magic == FS_JOURNAL_MAGIC && h->count > 0 && h->count < s->journal_slot ? h : NULL;
}

/* The disk has not kept what it promised: the transaction does not count. The first, the last and some other body. */
static void damage_bodies(struct exploring *x, struct choice *c)
{
    for (size_t i = 0; i < x->nunits && !x->exact; i++) {
        const struct fs_journal_header *h = header_in(x, &x->units[i]);
        uint32_t some[] = {0, h ? h->count - 1 : 0, h ? (uint32_t)(draw(x) % h->count) : 0};

        for (unsigned k = 0; k < 3 && h && x->nunits == 1; k++) {
            c->sectors[i] = 0xff;
            c->damaged = x->units[i].block + 1 + some[k];
            try_choice(x, c);
        }
    }
    c->damaged = 0;
}

static void explore_epoch(struct exploring *x, uint64_t budget)
{
    struct choice *c = calloc(1, sizeof(*c));
    uint64_t begun = x->totals->states, few = x->nunits <= 12 ? 1ull << x->nunits : 3 * x->nunits;
    /* Where the likely ones are too many, some of them: but the first and the last always. */
    uint64_t room = MAX(budget * 3 / 4, 2), step = few > room ? (few + room - 1) / room : 1;

    for (uint64_t k = 0; x->bad <= MAX_BAD; k = k + step < few || k + 1 >= few ? k + step : few - 1) {
        if (!likely_choice(x, k, c))
            break;
        try_choice(x, c);
    }
    damage_bodies(x, c);
    for (unsigned known = 0;
         x->nunits > 0 && known < TIRED && x->totals->states - begun < budget && x->bad <= MAX_BAD;) {
        random_choice(x, c);
        known = try_choice(x, c) ? 0 : known + 1;
    }
    free(c);
}

/* The one that plan->only names, if it is of this epoch. */
static bool repeat_state(struct exploring *x)
{
    struct choice *c = calloc(1, sizeof(*c));
    const char *rest;
    bool found = parse_state(x, x->plan->only, c, &rest);
    uint64_t failed = x->totals->failed;

    if (found) {
        make_image(x, c);
        save_disk(x, harness_disk_block(0));
        unmake_image(x, c);
    }
    if (found && x->plan->save && !rest)
        harness_disk_save(x->plan->save);
    if (found && rest) {
        struct job job = {.top = x->plan->top, .pages = x->w->pages, .record = true};
        uint8_t *base = malloc((size_t)x->r->nblocks * FS_BLOCK_SIZE);
        const char *ignored;
        char name[2000];
        uint64_t tree = 0;

        memcpy(base, harness_disk_block(0), (size_t)x->r->nblocks * FS_BLOCK_SIZE);
        look_at_image(&job, &tree, &ignored);
        name_state(x, c, name, sizeof(name));
        explore_recovery(x, name, base, tree, 1, rest);
        free(base);
    } else if (found) {
        try_choice(x, c);
        if (x->totals->failed == failed) {
            printf("# %s: state %s%s is right; its tree:\n", x->w->name, x->prefix, x->plan->only);
            const char *text = oracle_text(x->o, find_seen(x, make_image(x, c))->tree);
            unmake_image(x, c);
            print_lines("  tree: ", text ? text : "");
            print_kept(x, c);
        }
    }
    free(c);
    return found;
}

static bool explore_recording(struct exploring *x, uint64_t budget)
{
    const struct recording *r = x->r;
    unsigned epochs = 1;

    x->certain_at = calloc(r->n + 1, sizeof(*x->certain_at));
    x->applied = calloc(r->n + 1, sizeof(*x->applied));
    x->stable = malloc(r->nblocks * FS_BLOCK_SIZE);
    memcpy(x->stable, r->base, r->nblocks * FS_BLOCK_SIZE);
    x->saved = malloc(MAX_UNITS * (size_t)FS_BLOCK_SIZE);
    x->stable_hash = 1;
    find_certain(x);
    for (size_t i = 0; i < r->n; i++)
        epochs += r->records[i].kind == RECORD_FLUSH && r->records[i].completed != NEVER;
    bool found = false;
    uint64_t begun = x->totals->states;
    while (next_epoch(x) && x->bad <= MAX_BAD) {
        if (x->plan->only) {
            found |= repeat_state(x);
            continue;
        }
        uint64_t used = x->totals->states - begun, left = budget > used ? budget - used : 0;
        explore_epoch(x, MAX(left / (epochs > x->epoch ? epochs - x->epoch + 1 : 1), 2));
    }
    free(x->certain_at);
    free(x->applied);
    free(x->stable);
    free(x->saved);
    for (size_t i = 0; i < x->sizeseen; i++)
        free(x->seen[i].text);
    free(x->seen);
    return found;
}

bool explore(const struct workload *w, const struct oracle *o, const struct recording *r,
             const struct plan *plan, struct totals *totals)
{
    struct exploring *x = calloc(1, sizeof(*x));

    *x = (struct exploring){
        .w = w, .o = o, .r = r, .plan = plan, .totals = totals, .random = plan->seed, .prefix = ""};
    x->windows = calloc(r->n + 1, sizeof(*x->windows));
    for (size_t place = 0; place <= r->n; place++) {
        if (place > 0 && r->records[place - 1].kind != RECORD_BEGIN &&
            r->records[place - 1].kind != RECORD_RETURN)
            x->windows[place] = x->windows[place - 1];
        else
            oracle_window(o, w, place, &x->windows[place]);
    }
    if (plan->samples)
        x->samples = calloc(plan->samples, sizeof(*x->samples));
    bool found = explore_recording(x, plan->budget);
    for (unsigned i = 0; i < plan->samples; i++)
        if (*x->samples[i])
            printf("# sample: %s\n", x->samples[i]);
    free(x->samples);
    bool good = x->bad == 0;
    if (plan->only && !found) {
        printf("# %s: there is no state %s\n", w->name, plan->only);
        good = false;
    }
    free(x->windows);
    free(x);
    return good;
}
