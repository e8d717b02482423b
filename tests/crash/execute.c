/* Runs workloads on kernel/fs, above the harness's fake disk; and reads the tree through kernel/fs. */
#include "crash.h"

#undef RENAME_NOREPLACE /* the same values, but abi/fcntl.h has them, too */
#undef RENAME_EXCHANGE
#include <stdlib.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/fsformat.h"
#include "fs/fs.h"
#include "fs/inode.h"
#include "fs/namei.h"
#include "lib/xxh64.h"

#define BUFFER (1u << 20)

void disk_format(const struct workload *w)
{
    harness_disk_create(w->blocks);
    struct fs_super *s = harness_disk_block(0);
    *s = (struct fs_super){.magic = FS_MAGIC,
                           .version = FS_VERSION,
                           .block_size = FS_BLOCK_SIZE,
                           .nblocks = w->blocks,
                           .ninodes = w->inodes,
                           .journal_start = 1,
                           .journal_slot = w->slot,
                           .root = FS_ROOT_INO,
                           .uuid = "a crash test's"};
    s->inode_map_start = 1 + 2 * w->slot;
    s->inode_map_blocks = 1;
    s->block_map_start = s->inode_map_start + 1;
    s->block_map_blocks = (w->blocks + FS_BITS_PER_BLOCK - 1) / FS_BITS_PER_BLOCK;
    s->inode_start = s->block_map_start + s->block_map_blocks;
    s->inode_blocks = (w->inodes + FS_INODES_PER_BLOCK - 1) / FS_INODES_PER_BLOCK;
    s->data_start = s->inode_start + s->inode_blocks;
    s->checksum = (uint32_t)xxh64(0, s, offsetof(struct fs_super, checksum));

    uint8_t *map = harness_disk_block(s->block_map_start);
    for (uint32_t i = 0; i < s->block_map_blocks * FS_BITS_PER_BLOCK; i++)
        if (i <= s->data_start || i >= w->blocks - 1)
            map[i / 8] |= (uint8_t)(1 << i % 8);
    map = harness_disk_block(s->inode_map_start);
    for (uint32_t i = 0; i < FS_BITS_PER_BLOCK; i++)
        if (i < 2 || i >= w->inodes)
            map[i / 8] |= (uint8_t)(1 << i % 8);
    struct fs_inode *root = (struct fs_inode *)harness_disk_block(s->inode_start) + FS_ROOT_INO;
    *root = (struct fs_inode){
        .mode = S_IFDIR | 0755, .nlink = 2, .size = FS_BLOCK_SIZE, .nblocks = 1, .direct = {s->data_start}};
    struct fs_dirent *e = harness_disk_block(s->data_start);
    e[0] = (struct fs_dirent){.ino = FS_ROOT_INO, .type = DT_DIR, .name = "."};
    e[1] = (struct fs_dirent){.ino = FS_ROOT_INO, .type = DT_DIR, .name = ".."};
    memcpy(harness_disk_block(w->blocks - 1), s, FS_BLOCK_SIZE);
}

/* ---- Operations ---- */

static struct inode *root, *slots[SLOTS];

static int find(const char *path, struct inode **ip)
{
    int r = 0;

    if (path[0] == '@') {
        *ip = slots[path[1] - '0'];
        if (!*ip)
            return -EBADF;
        inode_get(*ip);
        return 0;
    }
    r = namei(root, path, NAMEI_NOFOLLOW, ip);
    if (r == 0 && !S_ISREG((*ip)->mode) && !S_ISDIR((*ip)->mode)) {
        inode_put(*ip);
        r = -ELOOP;
    }
    return r;
}

static int64_t put_bytes(struct inode *ip, const struct op *op, uint64_t n)
{
    static uint8_t
        *buffer; /* one thread at a time touches it while it fills and copies; so each has its own */
    uint8_t *bytes = n > BUFFER || op->thread ? malloc(n + 1) : buffer ? buffer : (buffer = malloc(BUFFER));
    struct uio u = {.addr = (uintptr_t)bytes, .left = n};
    uint64_t at = op->kind == OP_WRITE ? op->n[0] : 0;

    for (uint64_t i = 0; i < n; i++)
        bytes[i] = pattern(op->line, i);
    int64_t r = op->kind == OP_APPEND ? inode_append(ip, &u, &at) : inode_write(ip, &u, &at);
    if (bytes != buffer)
        free(bytes);
    if (r > 0 && op->durable) { /* as file.c does it */
        int err = inode_fsync(ip, op->data_only);
        r = err ? err : r;
    }
    return r;
}

/* What is done with a file that is found first. */
static int64_t use_file(struct inode *ip, const struct op *op)
{
    switch (op->kind) {
    case OP_WRITE:
    case OP_APPEND:
        return put_bytes(ip, op, op->n[op->kind == OP_WRITE]);
    case OP_TRUNCATE:
        return inode_truncate(ip, op->n[0]);
    case OP_CHMOD:
        return inode_chmod(ip, (uint32_t)op->n[0]);
    case OP_CHOWN:
        return inode_chown(ip, (uint32_t)op->n[0], (uint32_t)op->n[1]);
    case OP_UTIME:
        return inode_set_times(ip, INT64_MIN, (int64_t)op->n[0] * 1000000000);
    default:
        return inode_fsync(ip, op->kind == OP_FDATASYNC);
    }
}

static void run(const struct op *op, struct result *result)
{
    int slot = op->a[0] == '@' ? op->a[1] - '0' : 0;
    struct inode *ip;
    int64_t r = 0;

    result->r[1] = 0;
    switch (op->kind) {
    case OP_MKDIR:
        r = namei_mkdir(root, op->a, 0755);
        break;
    case OP_CREATE:
        r = namei_open(root, op->a, O_CREAT | O_EXCL | O_RDWR, S_IFREG | 0644, &ip);
        if (r == 0)
            inode_put(ip);
        break;
    case OP_REWRITE:
        r = namei_open(root, op->a, O_CREAT | O_TRUNC | O_NOFOLLOW | O_WRONLY, S_IFREG | 0644, &ip);
        if (r == 0) {
            if (S_ISREG(ip->mode))
                result->r[1] = put_bytes(ip, op, op->n[0]);
            else
                r = -EOPNOTSUPP;
            inode_put(ip);
        }
        break;
    case OP_LINK:
        r = namei_link(root, op->a, root, op->b, false);
        break;
    case OP_SYMLINK:
        r = namei_symlink(root, op->a, op->b);
        break;
    case OP_RENAME:
        r = namei_rename(root, op->a, root, op->b, 0);
        break;
    case OP_UNLINK:
    case OP_RMDIR:
        r = namei_unlink(root, op->a, op->kind == OP_RMDIR);
        break;
    case OP_MKFIFO:
        r = namei_mknod(root, op->a, S_IFIFO | 0644, 0);
        break;
    case OP_OPEN:
        r = slots[slot] ? -EBUSY : find(op->b, &ip);
        if (r == 0)
            slots[slot] = ip;
        break;
    case OP_CLOSE:
        r = slots[slot] ? 0 : -EBADF;
        ip = slots[slot];
        slots[slot] = NULL;
        inode_put(ip);
        break;
    case OP_SYNC:
        r = fs_sync();
        break;
    case OP_WAIT:
        harness_sleep(op->n[0] * 1000000000);
        break;
    default:
        r = find(op->a, &ip);
        if (r == 0) {
            r = use_file(ip, op);
            inode_put(ip);
        }
    }
    result->r[0] = r;
}

/* ---- Workloads ---- */

static const struct workload *the_workload;
static struct result *the_results;

static void run_marked(unsigned k)
{
    harness_log_mark(2 * k);
    run(&the_workload->ops[k], &the_results[k]);
    harness_log_mark(2 * k + 1);
}

/* The threads' operations from `start` on, up to the next one of the main program. */
struct phase {
    unsigned thread, start, end;
};

static void run_phase(void *arg)
{
    const struct phase *p = arg;

    for (unsigned k = p->start; k < p->end; k++)
        if (the_workload->ops[k].thread == p->thread)
            run_marked(k);
}

static unsigned run_threads(unsigned start)
{
    const struct workload *w = the_workload;
    struct phase phases[MAX_THREADS];
    struct proc *threads[MAX_THREADS];
    unsigned end = start;

    while (end < w->nops && w->ops[end].thread)
        end++;
    for (unsigned t = 1; t < w->nthreads; t++) {
        phases[t] = (struct phase){.thread = t, .start = start, .end = end};
        threads[t] = harness_thread("program", run_phase, &phases[t]);
    }
    for (unsigned t = 1; t < w->nthreads; t++)
        harness_join(threads[t]);
    return end;
}

static int run_workload(void *base)
{
    const struct workload *w = the_workload;

    harness_set_pages(w->pages);
    if (fs_mount() != 0) {
        fprintf(stderr, "%s", harness_messages());
        return 1;
    }
    root = fs_root();
    for (unsigned k = 0; k < w->first; k++)
        run(&w->ops[k], &the_results[k]);
    if (fs_sync() != 0) {
        fprintf(stderr, "%s", harness_messages());
        return 2;
    }
    harness_idle();
    harness_seed(w->seed);
    harness_disk_deferred(true);
    memcpy(base, harness_disk_block(0), (size_t)w->blocks * FS_BLOCK_SIZE);
    harness_log_start();
    for (unsigned k = w->first; k < w->nops;) {
        if (w->ops[k].thread)
            k = run_threads(k);
        else
            run_marked(k++);
    }
    harness_idle();
    harness_log_stop();
    return 0;
}

bool execute(const struct workload *w, struct result *results, uint8_t *base, struct text *fault)
{
    static const char *const why[] = {"", "it does not mount; see standard error",
                                      "sync fails; see standard error"};

    the_workload = w;
    the_results = results;
    disk_format(w);
    int r = harness_child(run_workload, base);
    if (r < 0)
        text_add(fault, "running it, the kernel ended with signal %d; see standard error", -r);
    else if (r > 0)
        text_add(fault, "running it: %s", why[r]);
    return r == 0;
}

/* ---- The tree ---- */

struct names {
    struct name {
        char s[FS_NAME_MAX + 1];
    } * name;
    unsigned n, size;
};

static bool add_name(void *arg, kernel_ino_t ino, uint8_t type, const char *name, size_t len, uint64_t next)
{
    struct names *l = arg;

    (void)ino, (void)type, (void)next;
    if ((len == 1 && name[0] == '.') || (len == 2 && memcmp(name, "..", 2) == 0))
        return true;
    if (l->n == l->size) {
        l->size = 2 * l->size + 20;
        l->name = realloc(l->name, l->size * sizeof(*l->name));
    }
    memcpy(l->name[l->n].s, name, len);
    l->name[l->n++].s[len] = '\0';
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

struct listing {
    struct text *t;
    char *first[1024]; /* the name under which an inode has been seen */
};

static void list_tree(struct listing *l, struct inode *ip, const char *path);

static void list_directory(struct listing *l, struct inode *ip, const char *path)
{
    struct names names = {0};
    uint64_t offset = 0;
    char sub[400];

    inode_lock(ip);
    int r = ip->ops->readdir(ip, &offset, add_name, &names);
    inode_unlock(ip);
    if (r)
        text_add(l->t, "%s: readdir returns %d\n", path, r);
    qsort(names.name, names.n, sizeof(names.name[0]), by_name);
    for (unsigned i = 0; i < names.n; i++) {
        struct inode *child;

        snprintf(sub, sizeof(sub), "%.300s%s%s", path, *path ? "/" : "", names.name[i].s);
        r = namei(ip, names.name[i].s, NAMEI_NOFOLLOW, &child);
        if (r)
            text_add(l->t, "%s: lookup returns %d\n", sub, r);
        else
            list_tree(l, child, sub);
    }
    free(names.name);
}

static uint64_t content_of(struct inode *ip, uint64_t size)
{
    uint8_t page[FS_BLOCK_SIZE];
    uint64_t sum = 0;

    for (uint64_t i = 0; i * FS_BLOCK_SIZE < size; i++) {
        memset(page, 0, sizeof(page));
        ssize_t n = inode_read_kernel(ip, page, sizeof(page), i * FS_BLOCK_SIZE);
        if (n < (ssize_t)MIN(sizeof(page), size - i * FS_BLOCK_SIZE))
            return 0xbad0000000000000 + (uint64_t)-n; /* nothing has that hash */
        sum += page_hash(i, page);
    }
    return sum;
}

/* Takes the reference. */
static void list_tree(struct listing *l, struct inode *ip, const char *path)
{
    struct abi_stat st;
    char target[PATH_SIZE + 1];

    inode_stat(ip, &st);
    struct attributes a = {.mode = (uint16_t)st.mode,
                           .nlink = st.nlink,
                           .uid = st.uid,
                           .gid = st.gid,
                           .rdev = (uint32_t)st.rdev,
                           .size = (uint64_t)st.size,
                           .mtime = st.mtime.sec * 1000000000 + st.mtime.nsec};
    if (l->first[st.ino % 1024]) {
        tree_same(l->t, path, l->first[st.ino % 1024]);
        inode_put(ip);
        return;
    }
    l->first[st.ino % 1024] = strdup(path);
    if (S_ISREG(st.mode)) {
        a.content = content_of(ip, a.size);
    } else if (S_ISLNK(st.mode)) {
        inode_lock(ip);
        ssize_t n = ip->ops->readlink(ip, target, sizeof(target));
        inode_unlock(ip);
        a.content = n < 0 ? 0 : hash_bytes(target, (size_t)n);
    }
    tree_line(l->t, path, &a);
    if (S_ISDIR(st.mode))
        list_directory(l, ip, path);
    inode_put(ip);
}

void kernel_tree(const char *top, struct text *t)
{
    struct listing *l = calloc(1, sizeof(*l));
    struct inode *start = fs_root(), *ip;
    int r = namei(start, *top ? top : "/", 0, &ip);

    l->t = t;
    if (r)
        text_add(t, "there is no directory %s\n", top);
    else
        list_tree(l, ip, "");
    inode_put(start);
    for (unsigned i = 0; i < 1024; i++)
        free(l->first[i]);
    free(l);
}
