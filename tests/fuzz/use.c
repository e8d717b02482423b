/* What is done with a file system that may be damaged: a walk through all of it, and operations that the input chooses. */
#include "fuzz.h"

#include <stdio.h>
#undef RENAME_NOREPLACE /* the same values, but abi/fcntl.h has them, too */
#undef RENAME_EXCHANGE
#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/limits.h"
#include "fs/fs.h"
#include "fs/inode.h"
#include "fs/namei.h"
#include "mm/page.h"

#define MAX_OPERATIONS 40
#define MAX_DEPTH      8
#define MAX_VISITS     300

static struct inode *root;
static char buffer[64 * 1024];

int use_mount(void)
{
    int r = fs_mount();
    root = r ? NULL : fs_root();
    return r;
}

/* ---- walking ---- */

static unsigned visits, failures;
static bool seen[1024]; /* by inode number: content is read once */

static void count(long r)
{
    failures += r < 0 && r != -ENOENT;
}

static ssize_t get(struct inode *ip, size_t n, uint64_t offset)
{
    struct uio u = {.addr = (uintptr_t)buffer, .left = n};
    return inode_read(ip, &u, &offset);
}

struct names {
    unsigned n;
    char name[40][FS_NAME_MAX + 1];
};

static bool note_name(void *arg, kernel_ino_t ino, uint8_t type, const char *name, size_t len, uint64_t next)
{
    struct names *names = arg;
    (void)ino, (void)type, (void)next;
    if (names->n == ARRAY_SIZE(names->name))
        return false;
    memcpy(names->name[names->n], name, len);
    names->name[names->n++][len] = '\0';
    return true;
}

static void walk(const char *path, unsigned depth);

static void walk_directory(struct inode *ip, const char *path, unsigned depth)
{
    uint64_t offset = 0;

    for (unsigned more = 0; more < 4; more++) {
        struct names names = {0};
        char below[PATH_MAX];
        inode_lock(ip);
        int r = ip->ops->readdir(ip, &offset, note_name, &names);
        inode_unlock(ip);
        count(r);
        for (unsigned i = 0; i < names.n; i++)
            if (strcmp(names.name[i], ".") && strcmp(names.name[i], "..") &&
                snprintf(below, sizeof(below), "%s/%s", path, names.name[i]) < PATH_MAX)
                walk(below, depth + 1);
        if (r < 0 || names.n == 0)
            break;
    }
}

static void walk(const char *path, unsigned depth)
{
    struct inode *ip;
    struct abi_stat st;
    struct page *page;

    if (depth > MAX_DEPTH || ++visits > MAX_VISITS)
        return;
    int r = namei(root, path, NAMEI_NOFOLLOW, &ip);
    count(r);
    if (r)
        return;
    inode_stat(ip, &st);
    if (S_ISDIR(st.mode)) {
        count(namei_path(ip, buffer, sizeof(buffer)));
        walk_directory(ip, path, depth);
    } else if (S_ISLNK(st.mode)) {
        count(namei_readlink(root, path, buffer, sizeof(buffer)));
    } else if (S_ISREG(st.mode) && !seen[st.ino % ARRAY_SIZE(seen)]) {
        seen[st.ino % ARRAY_SIZE(seen)] = true;
        count(get(ip, sizeof(buffer), 0));
        count(get(ip, 5000, (uint64_t)st.size / 2));
        count(get(ip, 5000, st.size > 5000 ? (uint64_t)st.size - 5000 : 0));
        if (st.size > 0 && (r = inode_page(ip, 0, &page)) == 0)
            page_put(page);
        count(r);
    }
    inode_put(ip);
}

unsigned use_walk(void)
{
    visits = failures = 0;
    memset(seen, 0, sizeof(seen));
    walk("/", 0);
    return failures;
}

/* ---- operations ---- */

static struct operation {
    uint8_t what, path, other;
    uint32_t offset, n;
} operations[MAX_OPERATIONS];
static unsigned noperations;

static const char *const paths[] = {"d",    "d/e",    "d/e/f",   "d/many",     "large",      "far",
                                    "s",    "loop",   "h",       "d/many/5",   "errno.h",    "stat.h",
                                    "new",  "d/new",  "d/e/new", "d/many/new", "dev/null",   ".",
                                    "d/..", "d/e/..", "new/x",   "d/many/70",  "lost+found", "tmp"};

void use_forget(void)
{
    noperations = 0;
}

void use_add(uint8_t what, struct input *in)
{
    struct operation o = {.what = what};

    o.path = (uint8_t)input_number(in, 1);
    o.other = (uint8_t)input_number(in, 1);
    o.offset = (uint32_t)input_number(in, 2);
    o.n = (uint32_t)input_number(in, 2);
    if (noperations < MAX_OPERATIONS)
        operations[noperations++] = o;
}

static struct inode *held;

/* Up to the largest file, with most of them small. */
static uint64_t far_offset(const struct operation *o)
{
    unsigned shift = o->other % 28;
    return (uint64_t)o->offset << shift;
}

static void put(struct inode *ip, size_t n, uint64_t offset)
{
    struct uio u = {.addr = (uintptr_t)buffer, .left = n};
    inode_write(ip, &u, &offset);
}

static void do_one(const struct operation *o)
{
    const char *path = paths[o->path % ARRAY_SIZE(paths)], *other = paths[o->other % ARRAY_SIZE(paths)];
    struct inode *ip;
    struct page *page;
    uint64_t offset;
    char name[32];

    switch (o->what % 20) {
    case 0:
        namei_mkdir(root, path, 0755);
        break;
    case 1:
        namei_mknod(root, path, S_IFREG | 0644, 0);
        break;
    case 2:
        namei_unlink(root, path, false);
        break;
    case 3:
        namei_unlink(root, path, true);
        break;
    case 4:
        namei_link(root, path, root, other, false);
        break;
    case 5:
        namei_symlink(root, path, other);
        break;
    case 6:
        namei_rename(root, path, root, other, 0);
        break;
    case 7:
        namei_rename(root, path, root, other, RENAME_EXCHANGE);
        break;
    case 8:
        fs_sync();
        break;
    case 9: /* a file that stays open, perhaps without a name */
        inode_put(held);
        held = NULL;
        if (namei_open(root, path, O_RDWR, 0, &ip) == 0)
            held = ip;
        break;
    case 10: /* many names: the directory and its index grow */
        for (unsigned i = 0; i < o->n % 80; i++) {
            snprintf(name, sizeof(name), "d/many/n%u", i);
            if (namei_mknod(root, name, S_IFREG | 0600, 0) < 0)
                break;
        }
        break;
    case 11:
        use_walk();
        break;
    default:
        if (namei_open(root, path, o->what % 20 < 15 ? O_RDWR | O_CREAT : O_RDONLY, S_IFREG | 0600, &ip))
            break;
        switch (o->what % 20) {
        case 12:
            put(ip, o->n % sizeof(buffer), far_offset(o));
            break;
        case 13:
            inode_truncate(ip, far_offset(o));
            break;
        case 14:
            if (S_ISREG(ip->mode)) {
                struct uio u = {.addr = (uintptr_t)buffer, .left = o->n};
                inode_append(ip, &u, &offset);
            }
            break;
        case 15:
            get(ip, o->n, far_offset(o));
            break;
        case 16:
            if (S_ISREG(ip->mode) && inode_page(ip, o->offset, &page) == 0)
                page_put(page);
            break;
        case 17:
            inode_chmod(ip, o->n & 07777);
            break;
        case 18:
            inode_fsync(ip, false);
            break;
        case 19:
            namei_path(ip, buffer, sizeof(buffer));
            break;
        }
        inode_put(ip);
    }
}

void use_list(void)
{
    held = NULL;
    for (unsigned i = 0; i < noperations; i++)
        do_one(&operations[i]);
    inode_put(held);
}

/* ---- the images ---- */

static struct inode *open_new(const char *path)
{
    struct inode *ip = NULL;
    namei_open(root, path, O_RDWR | O_CREAT, S_IFREG | 0644, &ip);
    return ip;
}

void use_populate(void)
{
    char name[32];
    struct inode *ip;

    namei_mkdir(root, "d", 0755);
    namei_mkdir(root, "d/e", 0755);
    namei_mkdir(root, "d/many", 0755);
    for (unsigned i = 0; i < 70; i++) { /* more than a block of entries */
        snprintf(name, sizeof(name), "d/many/%u", i);
        namei_link(root, "errno.h", root, name, false);
    }
    namei_symlink(root, "s", "d/e/f");
    namei_symlink(root, "loop", "loop");
    memset(buffer, 'x', sizeof(buffer));
    ip = open_new("d/e/f");
    put(ip, 9000, 0);
    inode_put(ip);
    ip = open_new("large"); /* with a block of pointers */
    put(ip, 20000, 40 * 4096);
    inode_put(ip);
    ip = open_new("far"); /* through two and three of them */
    put(ip, 4096, 1500 * 4096ul);
    put(ip, 4096, 2000000 * 4096ul);
    inode_put(ip);
    namei_link(root, "large", root, "h", false);
    fs_sync();
    for (unsigned i = 0; i < 3; i++) { /* orphans: never closed */
        snprintf(name, sizeof(name), "orphan%u", i);
        put(open_new(name), 5000, 45 * 4096 * i);
        namei_unlink(root, name, false);
    }
}
