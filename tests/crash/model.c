/* A file system as it should be, in a few arrays: names, inodes, and the pages that are not zero. It knows
 * nothing of how the kernel does it; README.md says what it takes for one step. */
#include "crash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi/fsformat.h"
#include "abi/stat.h"

#define STEP      65536u /* a write of at most that many bytes is one step */
#define MAX_INO   400
#define MAX_ENTRY 500
#define MAX_DEPTH 8 /* symbolic links on a path */

struct page_of_file {
    uint64_t index, hash;
    uint8_t *bytes;
};

struct ino {
    struct attributes a;
    unsigned npages;
    struct page_of_file *pages; /* in order */
    char target[PATH_SIZE];
};

struct entry {
    uint16_t dir, ino;
    char name[PATH_SIZE];
};

struct model {
    unsigned nino, nentries;
    int slots[SLOTS];        /* open files; -1: none */
    int found[MAX_THREADS];  /* what the operation under way is about: it has found it in its first step */
    struct ino ino[MAX_INO]; /* never used again: so a number names one file for good */
    struct entry entry[MAX_ENTRY];
};

#define NOW INT64_MAX

struct model *model_new(void)
{
    struct model *m = calloc(1, sizeof(*m));

    m->nino = 1;
    m->ino[0].a = (struct attributes){.mode = S_IFDIR | 0755, .nlink = 2, .mtime = NOW};
    memset(m->slots, -1, sizeof(m->slots));
    memset(m->found, -1, sizeof(m->found));
    return m;
}

struct model *model_clone(const struct model *m)
{
    struct model *copy = malloc(sizeof(*copy));

    memcpy(copy, m, sizeof(*copy));
    for (unsigned i = 0; i < m->nino; i++) {
        struct ino *ip = &copy->ino[i];
        struct page_of_file *pages = malloc((ip->npages + 1) * sizeof(*pages));

        for (unsigned k = 0; k < ip->npages; k++) {
            pages[k] = ip->pages[k];
            pages[k].bytes = malloc(FS_BLOCK_SIZE);
            memcpy(pages[k].bytes, ip->pages[k].bytes, FS_BLOCK_SIZE);
        }
        ip->pages = pages;
    }
    return copy;
}

static void drop_pages(struct ino *ip, unsigned from)
{
    while (ip->npages > from) {
        struct page_of_file *p = &ip->pages[--ip->npages];

        ip->a.content -= p->hash;
        free(p->bytes);
    }
}

void model_free(struct model *m)
{
    for (unsigned i = 0; i < m->nino; i++) {
        drop_pages(&m->ino[i], 0);
        free(m->ino[i].pages);
    }
    free(m);
}

/* ---- Content ---- */

static void hash_again(struct ino *ip, struct page_of_file *p)
{
    ip->a.content -= p->hash;
    p->hash = page_hash(p->index, p->bytes);
    ip->a.content += p->hash;
}

static struct page_of_file *page_at(struct ino *ip, uint64_t index)
{
    unsigned k = ip->npages;

    while (k > 0 && ip->pages[k - 1].index > index)
        k--;
    if (k > 0 && ip->pages[k - 1].index == index)
        return &ip->pages[k - 1];
    ip->pages = realloc(ip->pages, (ip->npages + 1) * sizeof(*ip->pages));
    memmove(ip->pages + k + 1, ip->pages + k, (ip->npages++ - k) * sizeof(*ip->pages));
    ip->pages[k] = (struct page_of_file){.index = index, .bytes = calloc(1, FS_BLOCK_SIZE)};
    return &ip->pages[k];
}

/* The bytes of an operation from its byte `from` on. */
static void put_bytes(struct ino *ip, unsigned line, uint64_t offset, uint64_t from, uint64_t n)
{
    for (uint64_t end = offset + n; offset < end;) {
        uint64_t stop = MIN(end, (offset / FS_BLOCK_SIZE + 1) * FS_BLOCK_SIZE);
        struct page_of_file *p = page_at(ip, offset / FS_BLOCK_SIZE);

        for (; offset < stop; offset++)
            p->bytes[offset % FS_BLOCK_SIZE] = pattern(line, from++);
        hash_again(ip, p);
        ip->a.size = MAX(ip->a.size, stop);
    }
}

static void set_size(struct ino *ip, uint64_t size)
{
    unsigned keep = 0;

    while (keep < ip->npages && ip->pages[keep].index * FS_BLOCK_SIZE < size)
        keep++;
    drop_pages(ip, keep);
    if (keep > 0 && size < ip->a.size && ip->pages[keep - 1].index == size / FS_BLOCK_SIZE) {
        struct page_of_file *p = &ip->pages[keep - 1];

        memset(p->bytes + size % FS_BLOCK_SIZE, 0, FS_BLOCK_SIZE - size % FS_BLOCK_SIZE);
        hash_again(ip, p);
    }
    ip->a.size = size;
}

/* ---- Names ---- */

static struct entry *entry_of(struct model *m, int dir, const char *name)
{
    for (unsigned i = 0; i < m->nentries; i++)
        if (m->entry[i].dir == dir && strcmp(m->entry[i].name, name) == 0)
            return &m->entry[i];
    return NULL;
}

static bool is_type(const struct model *m, int ino, unsigned type)
{
    return ino >= 0 && (m->ino[ino].a.mode & S_IFMT) == type;
}

static int parent_of(const struct model *m, int dir)
{
    for (unsigned i = 0; i < m->nentries; i++)
        if (m->entry[i].ino == dir && is_type(m, dir, S_IFDIR))
            return m->entry[i].dir;
    return dir == 0 ? 0 : -1;
}

/* Walks to the last name of a path, which is copied; the directory it is in, -1: there is none. */
static int walk(const struct model *m, int dir, const char *path, char *last, unsigned depth)
{
    if (depth > MAX_DEPTH)
        return -1;
    while (*path == '/')
        path++;
    for (;;) {
        size_t n = strcspn(path, "/");

        memcpy(last, path, n);
        last[n] = '\0';
        path += n;
        while (*path == '/')
            path++;
        if (!*path)
            return is_type(m, dir, S_IFDIR) && (dir == 0 || m->ino[dir].a.nlink > 0) ? dir : -1;
        if (strcmp(last, ".") == 0 || !*last)
            continue;
        struct entry *e = strcmp(last, "..") == 0 ? NULL : entry_of((struct model *)m, dir, last);
        int next = strcmp(last, "..") == 0 ? parent_of(m, dir) : e ? e->ino : -1;
        while (is_type(m, next, S_IFLNK)) {
            char name[PATH_SIZE];
            int from = walk(m, dir, m->ino[next].target, name, depth + 1);

            e = from >= 0 ? entry_of((struct model *)m, from, name) : NULL;
            next = e ? e->ino : -1;
        }
        if (!is_type(m, next, S_IFDIR))
            return -1;
        dir = next;
    }
}

int model_find(const struct model *m, const char *path)
{
    char last[PATH_SIZE];

    if (path[0] == '@')
        return m->slots[path[1] - '0'];
    int dir = walk(m, 0, path, last, 0);
    if (dir < 0 || !*last || strcmp(last, ".") == 0)
        return dir;
    const struct entry *e = entry_of((struct model *)m, dir, last);
    return e ? e->ino : -1;
}

/* Where a name goes that may or may not be there; -1: nowhere. */
static int place_of(const struct model *m, const char *path, char *last)
{
    int dir = walk(m, 0, path, last, 0);

    return !*last || strcmp(last, ".") == 0 || strcmp(last, "..") == 0 ? -1 : dir;
}

/* ---- Steps ---- */

struct doing {
    struct model *m;
    struct touched *t;
};

static void touch(struct doing *d, int ino, bool content)
{
    if (content)
        d->m->ino[ino].a.mtime = NOW;
    for (unsigned i = 0; i < d->t->n; i++)
        if (d->t->ino[i] == ino)
            return;
    if (d->t->n < MAX_TOUCHED)
        d->t->ino[d->t->n++] = (uint16_t)ino;
}

static void add_entry(struct doing *d, int dir, const char *name, int ino)
{
    struct entry *e = &d->m->entry[d->m->nentries++];

    if (d->m->nentries == MAX_ENTRY) {
        fprintf(stderr, "crash: the model has room for %d names\n", MAX_ENTRY);
        exit(2);
    }
    *e = (struct entry){.dir = (uint16_t)dir, .ino = (uint16_t)ino};
    strcpy(e->name, name);
    d->m->ino[ino].a.nlink++;
    touch(d, dir, true);
    touch(d, ino, false);
    if (is_type(d->m, ino, S_IFDIR))
        d->m->ino[dir].a.nlink++;
}

/* gone: not to come back under another name. */
static void remove_entry(struct doing *d, struct entry *e, bool gone)
{
    struct ino *ip = &d->m->ino[e->ino];

    touch(d, e->dir, true);
    touch(d, e->ino, false);
    ip->a.nlink--;
    if (is_type(d->m, e->ino, S_IFDIR)) {
        ip->a.nlink -= gone; /* its own "." */
        d->m->ino[e->dir].a.nlink--;
    }
    *e = d->m->entry[--d->m->nentries];
}

static bool is_empty(const struct model *m, int dir)
{
    for (unsigned i = 0; i < m->nentries; i++)
        if (m->entry[i].dir == dir)
            return false;
    return true;
}

/* All that makes a name; false: it cannot be made. */
static bool make(struct doing *d, const struct op *op, bool really)
{
    struct model *m = d->m;
    char last[PATH_SIZE];
    int dir = place_of(m, op->a, last);

    if (dir < 0 || entry_of(m, dir, last))
        return false;
    if (!really)
        return true;
    if (m->nino == MAX_INO) {
        fprintf(stderr, "crash: the model has room for %d files\n", MAX_INO);
        exit(2);
    }
    struct ino *ip = &m->ino[m->nino];
    ip->a = (struct attributes){.mtime = NOW, .mode = S_IFREG | 0644};
    if (op->kind == OP_MKDIR) {
        ip->a.mode = S_IFDIR | 0755;
        ip->a.nlink = 1;
    } else if (op->kind == OP_SYMLINK) {
        strcpy(ip->target, op->b);
        ip->a.mode = S_IFLNK | 0777;
        ip->a.size = strlen(op->b);
        ip->a.content = hash_bytes(op->b, ip->a.size);
    } else if (op->kind == OP_MKFIFO) {
        ip->a.mode = S_IFIFO | 0644;
    }
    add_entry(d, dir, last, (int)m->nino++);
    return true;
}

static bool make_link(struct doing *d, const struct op *op, bool really)
{
    char last[PATH_SIZE];
    int ino = d->m->found[op->thread], dir = place_of(d->m, op->b, last);

    if (ino < 0 || dir < 0 || entry_of(d->m, dir, last) || is_type(d->m, ino, S_IFDIR) ||
        !d->m->ino[ino].a.nlink)
        return false;
    if (really)
        add_entry(d, dir, last, ino);
    return true;
}

static bool remove_name(struct doing *d, const struct op *op, bool really)
{
    char last[PATH_SIZE];
    int dir = place_of(d->m, op->a, last);
    struct entry *e = dir < 0 ? NULL : entry_of(d->m, dir, last);
    bool is_dir = e && is_type(d->m, e->ino, S_IFDIR);

    if (!e || is_dir != (op->kind == OP_RMDIR) || (is_dir && !is_empty(d->m, e->ino)))
        return false;
    if (really)
        remove_entry(d, e, true);
    return true;
}

static bool is_below(const struct model *m, int dir, int top)
{
    for (; dir > 0; dir = parent_of(m, dir))
        if (dir == top)
            return true;
    return dir == top;
}

static bool change_name(struct doing *d, const struct op *op, bool really)
{
    struct model *m = d->m;
    char from[PATH_SIZE], to[PATH_SIZE];
    int from_dir = place_of(m, op->a, from), to_dir = place_of(m, op->b, to);
    struct entry *e = from_dir < 0 ? NULL : entry_of(m, from_dir, from);

    if (!e || to_dir < 0)
        return false;
    struct entry *old = entry_of(m, to_dir, to);
    bool is_dir = is_type(m, e->ino, S_IFDIR);
    if (old && old->ino == e->ino)
        return true; /* two names of one file: nothing happens */
    if (is_dir && is_below(m, to_dir, e->ino))
        return false;
    if (old && (is_type(m, old->ino, S_IFDIR) != is_dir || (is_dir && !is_empty(m, old->ino))))
        return false;
    if (!really)
        return true;
    int ino = e->ino;
    if (old)
        remove_entry(d, old, true);
    remove_entry(d, entry_of(m, from_dir, from), false);
    add_entry(d, to_dir, to, ino);
    if (is_dir && from_dir != to_dir)
        touch(d, ino, true); /* its ".." is another one */
    return true;
}

/* A step of a write of n bytes at `offset`, or at the file's end: 1, there is more; 0. Where the disk may run full,
 * a step ends with a page. */
static int write_step(struct doing *d, const struct workload *w, const struct op *op, int ino,
                      uint64_t offset, uint64_t n, unsigned step)
{
    uint64_t first = w->fills ? FS_BLOCK_SIZE - offset % FS_BLOCK_SIZE : STEP;
    uint64_t size = w->fills ? FS_BLOCK_SIZE : STEP;
    uint64_t start = step == 0 ? 0 : first + (step - 1) * size, end = MIN(n, first + step * size);
    struct ino *ip = &d->m->ino[ino];

    if (start < end) {
        put_bytes(ip, op->line, op->kind == OP_APPEND ? ip->a.size : offset + start, start, end - start);
        touch(d, ino, true);
    }
    return end < n;
}

static int write_file(struct doing *d, const struct workload *w, const struct op *op, int64_t result,
                      unsigned step)
{
    int ino = d->m->found[op->thread];
    uint64_t wanted = op->n[op->kind == OP_WRITE];

    if (!is_type(d->m, ino, S_IFREG))
        return result < 0 ? 0 : -1;
    if (result > (int64_t)wanted || (result < (int64_t)wanted && !w->fills))
        return -1;
    uint64_t offset = op->kind == OP_WRITE ? op->n[0] : 0;
    return write_step(d, w, op, ino, offset, result < 0 ? 0 : (uint64_t)result, step);
}

/* Opens with O_CREAT; truncates; writes. */
static int rewrite_file(struct doing *d, const struct workload *w, const struct op *op,
                        const struct result *r, unsigned step)
{
    int *ino = &d->m->found[op->thread];
    bool wrong_type = *ino >= 0 && !is_type(d->m, *ino, S_IFREG);

    if (step > 1)
        return write_step(d, w, op, *ino, 0, r->r[1] < 0 ? 0 : (uint64_t)r->r[1], step - 2);
    if (r->r[0] < 0) {
        bool may = wrong_type || (*ino < 0 && !make(d, op, false)) || r->r[0] == -ENOSPC;
        return may ? 0 : -1;
    }
    if (wrong_type || (r->r[1] != (int64_t)op->n[0] && !w->fills))
        return -1;
    if (step == 0) {
        if (*ino < 0 && !make(d, op, true))
            return -1;
        *ino = model_find(d->m, op->a);
        return 1;
    }
    set_size(&d->m->ino[*ino], 0);
    touch(d, *ino, true);
    return r->r[1] > 0;
}

/* What changes one inode. */
static bool change_inode(struct doing *d, const struct op *op, bool really)
{
    int ino = d->m->found[op->thread];
    struct attributes *a = ino < 0 ? NULL : &d->m->ino[ino].a;

    if (!a || is_type(d->m, ino, S_IFLNK) || is_type(d->m, ino, S_IFIFO) ||
        (op->kind == OP_TRUNCATE && !is_type(d->m, ino, S_IFREG)))
        return false;
    if (!really)
        return true;
    touch(d, ino, false);
    if (op->kind == OP_TRUNCATE) {
        set_size(&d->m->ino[ino], op->n[0]);
        a->mtime = NOW;
    } else if (op->kind == OP_CHMOD) {
        a->mode = (uint16_t)((a->mode & S_IFMT) | op->n[0]);
    } else if (op->kind == OP_CHOWN) {
        a->uid = (uint32_t)op->n[0];
        a->gid = (uint32_t)op->n[1];
    } else {
        a->mtime = (int64_t)op->n[0] * 1000000000;
    }
    return true;
}

static bool open_file(struct doing *d, const struct op *op)
{
    int ino = op->kind == OP_OPEN ? model_find(d->m, op->b) : -1, *slot = &d->m->slots[op->a[1] - '0'];

    if (op->kind == OP_OPEN
            ? *slot >= 0 || ino < 0 || is_type(d->m, ino, S_IFLNK) || is_type(d->m, ino, S_IFIFO)
            : *slot < 0)
        return false;
    *slot = ino;
    return true;
}

static bool can_sync(const struct model *m, const struct op *op)
{
    int ino = model_find(m, op->a);

    return is_type(m, ino, S_IFREG) || is_type(m, ino, S_IFDIR);
}

static int do_step(struct model *m, const struct workload *w, const struct op *op, const struct result *r,
                   unsigned step, struct touched *t)
{
    struct doing d = {.m = m, .t = t};
    bool (*change)(struct doing *, const struct op *, bool) = change_inode;
    int64_t result = r->r[0];

    /* Between looking a path up and changing what it names, other threads may do something. */
    bool finds = op->kind == OP_WRITE || op->kind == OP_APPEND || op->kind == OP_TRUNCATE ||
                 op->kind == OP_LINK || op->kind == OP_CHMOD || op->kind == OP_CHOWN || op->kind == OP_UTIME;
    if (step == 0 && (finds || op->kind == OP_REWRITE))
        m->found[op->thread] = model_find(m, op->a);
    if (op->thread > 0 && result < 0)
        return 0; /* meanwhile, a file may have gone */
    if (finds && step-- == 0)
        return 1;
    switch (op->kind) {
    case OP_WRITE:
    case OP_APPEND:
        return write_file(&d, w, op, result, step);
    case OP_REWRITE:
        return rewrite_file(&d, w, op, r, step);
    case OP_SYNC:
    case OP_WAIT:
        return result == 0 ? 0 : -1;
    case OP_FSYNC:
    case OP_FDATASYNC:
        return (result == 0) == can_sync(m, op) ? 0 : -1;
    case OP_OPEN:
    case OP_CLOSE:
        return result != 0 || open_file(&d, op) ? 0 : -1;
    case OP_LINK:
        change = make_link;
        break;
    case OP_RENAME:
        change = change_name;
        break;
    case OP_UNLINK:
    case OP_RMDIR:
        change = remove_name;
        break;
    case OP_MKDIR:
    case OP_CREATE:
    case OP_SYMLINK:
    case OP_MKFIFO:
        change = make;
        break;
    default:
        break;
    }
    if (result == -ENOSPC)
        return change(&d, op, false) ? 0 : -1;
    return change(&d, op, result == 0) == (result == 0) ? 0 : -1;
}

int model_step(struct model *m, const struct workload *w, const struct op *op, const struct result *r,
               unsigned step, struct touched *t)
{
    int more = do_step(m, w, op, r, step, t);

    if (more == 0)
        m->found[op->thread] = -1;
    return more;
}

uint64_t model_hidden(const struct model *m)
{
    return hash_bytes(m->slots, sizeof(m->slots)) * 3 ^ hash_bytes(m->found, sizeof(m->found));
}

/* ---- As text ---- */

struct listing {
    const struct model *m;
    struct text *t;
    const char *first[MAX_INO]; /* the name under which a file was seen */
};

static int by_name(const void *a, const void *b)
{
    return strcmp((*(struct entry *const *)a)->name, (*(struct entry *const *)b)->name);
}

static void list(struct listing *l, int ino, const char *path)
{
    const struct model *m = l->m;
    const struct entry *here[MAX_ENTRY];
    unsigned n = 0;

    if (l->first[ino]) {
        tree_same(l->t, path, l->first[ino]);
        return;
    }
    l->first[ino] = strdup(path);
    tree_line(l->t, path, &m->ino[ino].a);
    for (unsigned i = 0; i < m->nentries; i++)
        if (m->entry[i].dir == ino)
            here[n++] = &m->entry[i];
    qsort(here, n, sizeof(here[0]), by_name);
    for (unsigned i = 0; i < n; i++) {
        char sub[400];

        snprintf(sub, sizeof(sub), "%.300s%s%s", path, *path ? "/" : "", here[i]->name);
        list(l, here[i]->ino, sub);
    }
}

void model_tree(const struct model *m, struct text *t)
{
    struct listing *l = calloc(1, sizeof(*l));

    l->m = m;
    l->t = t;
    list(l, 0, "");
    for (unsigned i = 0; i < m->nino; i++)
        free((char *)l->first[i]);
    free(l);
}
