/* kernel/fs on the harness's disk: names, content, limits, failures.
 *
 * Each test boots a machine of its own in a child process, on a disk that this program formats; after the
 * test the disk is checked by mkfs/fsck, if the environment's FSCK says where that is. Power cuts are the matter of
 * tests/crash. */
#include "harness.h"

#include <stdio.h>
#undef RENAME_NOREPLACE /* the same values, but abi/fcntl.h has them, too */
#undef RENAME_EXCHANGE
#include <stdlib.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/limits.h"
#include "fs/fs.h"
#include "fs/inode.h"
#include "fs/namei.h"
#include "lib/printk.h"
#include "lib/xxh64.h"
#include "mm/page.h"

#define CHECK(cond)                                                                                          \
    do {                                                                                                     \
        if (!(cond)) {                                                                                       \
            fprintf(stderr, "# line %d: %s\n", __LINE__, #cond);                                             \
            return 1;                                                                                        \
        }                                                                                                    \
    } while (0)

/* ---- A disk ---- */

static struct fs_super *format(uint32_t nblocks, uint32_t ninodes, uint32_t slot)
{
    harness_disk_create(nblocks);
    struct fs_super *s = harness_disk_block(0);
    *s = (struct fs_super){.magic = FS_MAGIC,
                           .version = FS_VERSION,
                           .block_size = FS_BLOCK_SIZE,
                           .nblocks = nblocks,
                           .ninodes = ninodes,
                           .journal_start = 1,
                           .journal_slot = slot,
                           .root = FS_ROOT_INO,
                           .uuid = "test's own disk"};
    s->inode_map_start = 1 + 2 * slot;
    s->inode_map_blocks = (ninodes + FS_BITS_PER_BLOCK - 1) / FS_BITS_PER_BLOCK;
    s->block_map_start = s->inode_map_start + s->inode_map_blocks;
    s->block_map_blocks = (nblocks + FS_BITS_PER_BLOCK - 1) / FS_BITS_PER_BLOCK;
    s->inode_start = s->block_map_start + s->block_map_blocks;
    s->inode_blocks = (ninodes + FS_INODES_PER_BLOCK - 1) / FS_INODES_PER_BLOCK;
    s->data_start = s->inode_start + s->inode_blocks;
    s->checksum = (uint32_t)xxh64(0, s, offsetof(struct fs_super, checksum));

    uint8_t *map = harness_disk_block(s->block_map_start);
    for (uint32_t i = 0; i < s->block_map_blocks * FS_BITS_PER_BLOCK; i++)
        if (i <= s->data_start || i >= nblocks - 1)
            map[i / 8] |= 1 << i % 8;
    map = harness_disk_block(s->inode_map_start);
    for (uint32_t i = 0; i < s->inode_map_blocks * FS_BITS_PER_BLOCK; i++)
        if (i < 2 || i >= ninodes)
            map[i / 8] |= 1 << i % 8;
    struct fs_inode *root = (struct fs_inode *)harness_disk_block(s->inode_start) + FS_ROOT_INO;
    *root = (struct fs_inode){
        .mode = S_IFDIR | 0755, .nlink = 2, .size = FS_BLOCK_SIZE, .nblocks = 1, .direct = {s->data_start}};
    struct fs_dirent *e = harness_disk_block(s->data_start);
    e[0] = (struct fs_dirent){.ino = FS_ROOT_INO, .type = DT_DIR, .name = "."};
    e[1] = (struct fs_dirent){.ino = FS_ROOT_INO, .type = DT_DIR, .name = ".."};
    memcpy(harness_disk_block(nblocks - 1), s, FS_BLOCK_SIZE);
    return s;
}

static bool fsck(void)
{
    const char *program = getenv("FSCK");
    char path[64], command[256];
    if (!program)
        return true;
    snprintf(path, sizeof(path), "/tmp/test_fs.%d.img", (int)getpid());
    snprintf(command, sizeof(command), "%s -n %s > %s.out 2>&1 || { cat %s.out >&2; false; }", program, path,
             path, path);
    harness_disk_save(path);
    bool clean = system(command) == 0;
    snprintf(command, sizeof(command), "rm -f %s %s.out", path, path);
    return system(command) == 0 && clean;
}

/* ---- Short forms ---- */

static struct inode *R;

static int boot(void)
{
    int r = fs_mount();
    R = r ? NULL : fs_root();
    return r;
}

static struct inode *open_at(const char *path, int flags)
{
    struct inode *ip;
    int r = namei_open(R, path, flags, S_IFREG | 0644, &ip);
    return r ? NULL : ip;
}

static int make(const char *path)
{
    struct inode *ip;
    int r = namei_open(R, path, O_CREAT | O_EXCL | O_RDWR, S_IFREG | 0644, &ip);
    if (r == 0)
        inode_put(ip);
    return r;
}

static ssize_t put(struct inode *ip, const void *data, size_t n, uint64_t offset)
{
    struct uio u = {.addr = (uintptr_t)data, .left = n};
    return inode_write(ip, &u, &offset);
}

static ssize_t get(struct inode *ip, void *data, size_t n, uint64_t offset)
{
    return inode_read_kernel(ip, data, n, offset);
}

static ssize_t put_file(const char *path, int byte, size_t n)
{
    char *data = malloc(n + 1);
    struct inode *ip = open_at(path, O_CREAT | O_TRUNC | O_WRONLY);
    memset(data, byte, n);
    ssize_t r = ip ? put(ip, data, n, 0) : -1;
    inode_put(ip);
    free(data);
    return r;
}

/* The byte that a file consists of; -1: there is no such file, or it is not n times the same byte. */
static int file_byte(const char *path, size_t n)
{
    struct inode *ip = open_at(path, O_RDONLY);
    char *data = malloc(n + 1);
    int byte = ip && get(ip, data, n + 1, 0) == (ssize_t)n ? (unsigned char)data[0] : -1;
    for (size_t i = 0; byte >= 0 && i < n; i++)
        if ((unsigned char)data[i] != byte)
            byte = -1;
    inode_put(ip);
    free(data);
    return byte;
}

static int stat_path(const char *path, struct abi_stat *st)
{
    struct inode *ip;
    int r = namei(R, path, NAMEI_NOFOLLOW, &ip);
    if (r == 0) {
        inode_stat(ip, st);
        inode_put(ip);
    }
    return r;
}

static unsigned links_of(const char *path)
{
    struct abi_stat st;
    return stat_path(path, &st) ? 0 : st.nlink;
}

static uint64_t free_blocks(void)
{
    struct abi_statfs st;
    fs_statfs(&st);
    return st.bfree;
}

static uint64_t free_inodes(void)
{
    struct abi_statfs st;
    fs_statfs(&st);
    return st.ffree;
}

/* ---- A hash of the whole tree: names, types, links, sizes, contents ---- */

struct listing {
    unsigned n;
    char name[600][FS_NAME_MAX + 1];
};

static bool list_entry_fn(void *arg, kernel_ino_t ino, uint8_t type, const char *name, size_t len,
                          uint64_t next)
{
    struct listing *l = arg;
    (void)ino, (void)type, (void)next;
    if (l->n < 600 && !(len <= 2 && name[0] == '.')) {
        memcpy(l->name[l->n], name, len);
        l->name[l->n++][len] = 0;
    }
    return true;
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static uint64_t mix(uint64_t h, uint64_t x)
{
    return (h ^ x) * 0x9e3779b97f4a7c15ull ^ (h >> 29);
}

static uint64_t tree_hash(const char *path)
{
    struct abi_stat st;
    char sub[512], data[4096];
    struct inode *ip;
    if (namei(R, path, NAMEI_NOFOLLOW, &ip))
        return 1;
    inode_stat(ip, &st);
    uint64_t h = mix(mix(mix(7, st.mode), st.nlink), S_ISDIR(st.mode) ? 0 : (uint64_t)st.size), offset = 0;
    if (S_ISDIR(st.mode)) {
        struct listing *l = calloc(1, sizeof(*l));
        inode_lock(ip);
        ip->ops->readdir(ip, &offset, list_entry_fn, l);
        inode_unlock(ip);
        qsort(l->name, l->n, sizeof(l->name[0]), compare);
        for (unsigned i = 0; i < l->n; i++) {
            snprintf(sub, sizeof(sub), "%s/%s", path, l->name[i]);
            h = mix(mix(h, xxh64(0, l->name[i], strlen(l->name[i]))), tree_hash(sub));
        }
        free(l);
    } else if (S_ISLNK(st.mode)) {
        ssize_t n = namei_readlink(R, path, data, sizeof(data));
        h = mix(h, n < 0 ? 99 : xxh64(0, data, (size_t)n));
    } else {
        ssize_t n = 0;
        for (; offset < 2 << 20 && (n = get(ip, data, sizeof(data), offset)) > 0; offset += (uint64_t)n)
            h = mix(h, xxh64(0, data, (size_t)n));
        h = mix(h, (uint64_t)n);
    }
    inode_put(ip);
    return h;
}

/* ---- Tests ---- */

static int names(void *arg)
{
    char long_name[70], path[PATH_MAX], target[PATH_MAX];
    struct inode *ip;
    (void)arg;
    CHECK(boot() == 0);
    CHECK(make("a") == 0 && make("a") == -EEXIST && make("/a") == -EEXIST && make("a/") == -EISDIR);
    struct abi_stat st; /* times before 1970, down to the oldest */
    CHECK(namei(R, "a", 0, &ip) == 0 && inode_set_times(ip, INT64_MIN + 1, -1) == 0);
    inode_stat(ip, &st);
    inode_put(ip);
    CHECK(st.atime.sec == -9223372037 && st.atime.nsec == 145224193 && st.mtime.sec == -1 && st.mtime.nsec == 999999999);
    CHECK(make("a/b") == -ENOTDIR && make("none/b") == -ENOENT && make("") == -ENOENT);
    CHECK(namei_mkdir(R, "d", 0755) == 0 && namei_mkdir(R, "d", 0755) == -EEXIST &&
          namei_mkdir(R, "d/e/", 0755) == 0);
    CHECK(namei_mkdir(R, "/", 0755) == -EEXIST && namei_mkdir(R, ".", 0755) == -EEXIST);
    CHECK(links_of("/") == 3 && links_of("d") == 3 && links_of("d/e") == 2);
    CHECK(namei(R, "a/", 0, &ip) == -ENOTDIR && namei(R, "a/.", 0, &ip) == -ENOTDIR);
    CHECK(namei_open(R, "d", O_RDWR, 0, &ip) == -EISDIR && namei_open(R, "d", O_CREAT, 0, &ip) == -EISDIR);
    CHECK(namei_open(R, "a", O_DIRECTORY, 0, &ip) == -ENOTDIR);
    memset(long_name, 'x', 69);
    long_name[60] = 0;
    CHECK(make(long_name) == -ENAMETOOLONG && namei_unlink(R, long_name, false) == -ENAMETOOLONG);
    long_name[59] = 0;
    CHECK(make(long_name) == 0 && links_of(long_name) == 1);
    long_name[58] = 0;
    CHECK(links_of(long_name) == 0);
    CHECK(make("...") == 0 && make("d/../d/./e//f") == 0 && links_of("../../d/e/f") == 1);

    CHECK(namei_symlink(R, "s", "d/e") == 0 && namei_symlink(R, "s", "x") == -EEXIST &&
          namei_symlink(R, "t", "") == -ENOENT);
    CHECK(links_of("s/f") == 1 && links_of("s") == 1 && namei(R, "s/", NAMEI_NOFOLLOW, &ip) == 0);
    CHECK(ip->nlink == 2 && namei_path(ip, path, sizeof(path)) == 0 && strcmp(path, "/d/e") == 0);
    CHECK(namei_path(ip, path, 4) == -ERANGE && namei_path(R, path, 2) == 0 && strcmp(path, "/") == 0);
    CHECK(namei_symlink(R, "d/e/up", "../../a") == 0 && namei_symlink(R, "abs", "/d/e/up") == 0);
    inode_put(ip);
    CHECK(namei(R, "abs", 0, &ip) == 0 && S_ISREG(ip->mode));
    inode_put(ip);
    CHECK(namei_symlink(R, "l1", "l2") == 0 && namei_symlink(R, "l2", "l1") == 0 &&
          namei(R, "l1", 0, &ip) == -ELOOP);
    CHECK(namei_symlink(R, "c0", "a") == 0);
    for (int i = 1; i <= 40; i++) {
        snprintf(path, sizeof(path), "c%d", i);
        snprintf(target, sizeof(target), "c%d", i - 1);
        CHECK(namei_symlink(R, path, target) == 0);
    }
    CHECK(namei(R, "c39", 0, &ip) == 0);
    inode_put(ip);
    CHECK(namei(R, "c40", 0, &ip) == -ELOOP && namei_open(R, "c1", O_NOFOLLOW, 0, &ip) == -ELOOP);
    CHECK(namei_symlink(R, "dangling", "new") == 0 && make("dangling") == -EEXIST);
    CHECK((ip = open_at("dangling", O_CREAT | O_RDWR)) && links_of("new") == 1);
    inode_put(ip);
    memset(target, 'y', sizeof(target));
    target[4095] = 0;
    CHECK(namei_symlink(R, "long", target) == 0 && namei_readlink(R, "long", path, sizeof(path)) == 4095);
    CHECK(namei_readlink(R, "long", path, 10) == 10 && namei_readlink(R, "a", path, 10) == -EINVAL);

    CHECK(namei_link(R, "a", R, "a2", false) == 0 && links_of("a") == 2 &&
          namei_link(R, "a", R, "d", false) == -EEXIST);
    CHECK(namei_link(R, "d", R, "d2", false) == -EPERM && namei_link(R, "none", R, "z", false) == -ENOENT);
    CHECK(namei_link(R, "a", R, "z/", false) == -ENOENT && namei_link(R, "c1", R, "c1copy", false) == 0 &&
          links_of("c1") == 2);
    CHECK(namei_link(R, "c1", R, "a3", true) == 0 && links_of("a") == 3);
    CHECK(namei_unlink(R, "d", false) == -EISDIR && namei_unlink(R, "a", true) == -ENOTDIR &&
          namei_unlink(R, "a/", false) == -ENOTDIR);
    CHECK(namei_unlink(R, "d", true) == -ENOTEMPTY && namei_unlink(R, "/", true) == -EBUSY &&
          namei_unlink(R, "/", false) == -EISDIR);
    CHECK(namei_unlink(R, "d/.", true) == -EINVAL && namei_unlink(R, "d/..", true) == -ENOTEMPTY &&
          namei_unlink(R, ".", false) == -EISDIR);
    CHECK(namei_unlink(R, "a2", false) == 0 && namei_unlink(R, "a2", false) == -ENOENT && links_of("a") == 2);

    CHECK(namei(R, "d/e", 0, &ip) == 0 && namei_unlink(R, "d/e/f", false) == 0 &&
          namei_unlink(R, "d/e/up", false) == 0);
    CHECK(namei_unlink(R, "d/e", true) == 0 && links_of("d") == 2);
    struct inode *z;
    CHECK(namei_open(ip, "x", O_CREAT, S_IFREG, &z) == -ENOENT && namei_mkdir(ip, "x", 0) == -ENOENT);
    CHECK(namei_link(R, "a", ip, "x", false) == -ENOENT && namei(ip, "..", 0, &z) == -ENOENT &&
          namei_path(ip, path, 99) == -ENOENT);
    CHECK(namei_rename(R, "a", ip, "x", 0) == -ENOENT);
    inode_put(ip);
    CHECK(namei_mknod(R, "tty", S_IFCHR | 0600, DEV_MAKE(5, 1)) == 0 &&
          namei_mknod(R, "fifo", S_IFIFO, 0) == 0);
    CHECK(stat_path("tty", &st) == 0 && st.rdev == DEV_MAKE(5, 1) && st.mode == (S_IFCHR | 0600));
    fs_shutdown();
    CHECK(make("late") == -EROFS && harness_disk_stats().out_of_range == 0);
    return 0;
}

static int renames(void *arg)
{
    struct inode *d1, *d2;
    (void)arg;
    CHECK(boot() == 0);
    CHECK(put_file("f", 'f', 10) == 10 && put_file("g", 'g', 20) == 20 &&
          namei_link(R, "f", R, "f2", false) == 0);
    CHECK(namei_mkdir(R, "d1", 0755) == 0 && namei_mkdir(R, "d2", 0755) == 0 &&
          namei_mkdir(R, "d1/s", 0755) == 0);
    CHECK(namei(R, "d1", 0, &d1) == 0 && namei(R, "d2", 0, &d2) == 0);
    CHECK(namei_rename(R, "f", R, "f2", 0) == 0 && links_of("f") == 2);
    CHECK(namei_rename(R, "f", R, "g", RENAME_NOREPLACE) == -EEXIST &&
          namei_rename(R, "f", R, "g", RENAME_EXCHANGE) == -EINVAL);
    CHECK(namei_rename(R, "f", R, "h", 3) == -EINVAL && namei_rename(R, "none", R, "h", 0) == -ENOENT);
    CHECK(namei_rename(R, "f", R, "d1", 0) == -EISDIR && namei_rename(R, "d1", R, "f", 0) == -ENOTDIR);
    CHECK(namei_rename(R, "f", R, "h/", 0) == -ENOTDIR && namei_rename(R, "d1", R, "f/", 0) == -ENOTDIR);
    CHECK(namei_rename(R, "d2", R, "d1", 0) == -ENOTEMPTY && namei_rename(R, "d1", d1, "s/x", 0) == -EINVAL);
    CHECK(namei_rename(R, "d1", d1, "x", 0) == -EINVAL && namei_rename(d1, "s", R, "d1", 0) == -ENOTEMPTY);
    CHECK(namei_rename(R, "d1/.", R, "x", 0) == -EBUSY && namei_rename(R, "/", R, "x", 0) == -EBUSY &&
          namei_rename(R, "f", R, "..", 0) == -EBUSY);
    CHECK(namei_rename(R, "f", R, "g", 0) == 0 && links_of("f") == 0 && file_byte("g", 10) == 'f' &&
          links_of("g") == 2);
    CHECK(namei_rename(d1, "s", d2, "s", 0) == 0 && links_of("d1") == 2 && links_of("d2") == 3 &&
          links_of("d2/s/..") == 3);
    CHECK(namei_mkdir(R, "d1/t", 0755) == 0 && namei_rename(d1, "t", d2, "s", 0) == 0);
    CHECK(links_of("d1") == 2 && links_of("d2") == 3 && links_of("/") == 4);
    CHECK(namei_rename(d2, "s", R, "x", 0) == 0 && links_of("d2") == 2 && links_of("/") == 5);
    CHECK(namei_rename(R, "g", d2, "s", 0) == 0 && file_byte("d2/s", 10) == 'f' && links_of("x/..") == 5);
    CHECK(namei_rename(R, "x", d1, "u", 0) == 0 && links_of("d1/u/..") == 3 && links_of("/") == 4);
    CHECK(namei_rename(R, "d1", R, "d2", 0) == -ENOTEMPTY);
    CHECK(namei_unlink(R, "d2/s", false) == 0);
    CHECK(namei_rename(R, "d1", R, "d2", 0) == 0);
    CHECK(links_of("d1") == 0 && links_of("d2") == 3);
    inode_put(d1);
    inode_put(d2);
    CHECK(put_file("v", 'v', 9000) == 9000 && put_file("w", 'w', 5) == 5);
    CHECK(namei_rename(R, "w", R, "v", 0) == 0 && file_byte("v", 5) == 'w');
    fs_shutdown();
    return 0;
}

/* Writing at all levels of the map, holes, growing, cutting; and the space comes back. */
static int content(void *arg)
{
    static const uint64_t place[] = {0,
                                     42,
                                     43,
                                     44,
                                     43 + 1023,
                                     43 + 1024,
                                     43 + 1024 + 5000,
                                     43 + 1024 + 1024 * 1024 - 1,
                                     43 + 1024 + 1024 * 1024,
                                     43 + 1024 + 1024 * 1024 + 3000000,
                                     FS_MAX_BLOCKS - 1};
    static char data[200000], back[200000];
    (void)arg;
    CHECK(boot() == 0);
    uint64_t space = free_blocks(), inodes = free_inodes();
    struct inode *ip = open_at("big", O_CREAT | O_RDWR);
    for (unsigned i = 0; i < ARRAY_SIZE(place); i++) {
        memset(data, 'a' + (int)i, 4096);
        CHECK(put(ip, data, 4096, place[i] * 4096) == 4096);
    }
    CHECK(ip->size == FS_MAX_SIZE && put(ip, data, 1, FS_MAX_SIZE) == -EFBIG &&
          put(ip, data, 2, FS_MAX_SIZE - 1) == 1);
    CHECK(fs_sync() == 0);
    for (unsigned i = 0; i < ARRAY_SIZE(place); i++)
        CHECK(get(ip, back, 1, place[i] * 4096 + 100) == 1 && back[0] == 'a' + (int)i);
    CHECK(get(ip, back, 4096, 45 * 4096) == 4096 && back[0] == 0 && back[4095] == 0 &&
          get(ip, back, 9, FS_MAX_SIZE) == 0);
    for (unsigned i = ARRAY_SIZE(place); i-- > 0;) {
        CHECK(inode_truncate(ip, place[i] * 4096 + 10) == 0 && get(ip, back, 20, place[i] * 4096) == 10 &&
              back[9] == 'a' + (int)i);
        CHECK(inode_truncate(ip, place[i] * 4096 + 20) == 0 && get(ip, back, 20, place[i] * 4096) == 20 &&
              back[10] == 0);
    }
    CHECK(inode_truncate(ip, FS_MAX_SIZE + 1) == -EFBIG && inode_truncate(R, 0) == -EISDIR);
    CHECK(inode_truncate(ip, 0) == 0 && ip->nblocks == 0 && free_blocks() == space);

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (char)(i * 7 + i / 4096);
    CHECK(put(ip, data + 1, 150000, 3) == 150000 && put(ip, data, 50000, 150003) == 50000);
    CHECK(get(ip, back, 3, 0) == 3 && back[0] == 0 && get(ip, back, 200000, 3) == 200000 &&
          memcmp(back, data + 1, 150000) == 0);
    CHECK(memcmp(back + 150000, data, 50000) == 0);
    uint64_t at = 0;
    struct uio u = {.addr = (uintptr_t)data, .left = 100};
    CHECK(inode_append(ip, &u, &at) == 100 && at == 200103 && ip->size == 200103);
    struct page *page;
    CHECK(inode_page(ip, 1, &page) == 0 && memcmp(page_kva(page), data + 4094, 4096) == 0 &&
          inode_page(ip, 49, &page) == -ENXIO);
    page_put(page);

    /* The user's pages are absent, then forbidden. */
    harness_user_absent(true);
    CHECK(put(ip, data, 70000, 0) == 70000);
    u = (struct uio){.addr = (uintptr_t)back, .left = 70000};
    at = 0;
    CHECK(inode_read(ip, &u, &at) == 70000 && at == 70000 && memcmp(data, back, 70000) == 0);
    harness_user_absent(false);
    harness_user_forbid(data + 5000, 1);
    ssize_t n = put(ip, data, 9000, 300000);
    CHECK(n >= 0 && n <= 5000 && ip->size == (n ? 300000 + (uint64_t)n : 200103));
    CHECK(put(ip, data + 5000, 1, 0) == -EFAULT);
    harness_user_forbid(data, 0);
    CHECK(inode_fsync(ip, false) == 0);

    /* Unlinked while open: goes on, and the space comes back at the end. */
    CHECK(namei_unlink(R, "big", false) == 0 && put(ip, data, 5000, 0) == 5000 &&
          namei_link(R, "big", R, "x", false) == -ENOENT);
    CHECK(fs_sync() == 0 && free_blocks() < space && get(ip, back, 5000, 0) == 5000 &&
          memcmp(back, data, 5000) == 0);
    inode_put(ip);
    CHECK(free_blocks() == space && free_inodes() == inodes);
    fs_shutdown();
    CHECK(harness_disk_stats().changed_in_flight == 0);
    return 0;
}

/* More blocks of the map than memory holds: those that are not in use give way. */
static int little_memory(void *arg)
{
    enum { PLACES = 500 };
    static char data[4096];
    (void)arg;
    harness_set_pages(400);
    CHECK(boot() == 0);
    struct inode *ip = open_at("sparse", O_CREAT | O_RDWR);
    for (uint64_t i = 0; i < PLACES; i++) {
        data[0] = (char)i;
        CHECK(put(ip, data, 4096, (43 + 1024 + 1024 * i) * 4096) == 4096);
    }
    CHECK(fs_sync() == 0);
    for (int round = 0; round < 2; round++)
        for (uint64_t i = 0; i < PLACES; i++)
            CHECK(get(ip, data, 1, (43 + 1024 + 1024 * i) * 4096) == 1 && data[0] == (char)i);
    inode_put(ip);
    fs_shutdown();
    return 0;
}

static int write_many(void *arg)
{
    char path[40];
    int round = (int)(intptr_t)arg;
    CHECK(boot() == 0);
    if (round > 0) /* what the boot before has left */
        for (int i = 0; i < 3000; i += 7) {
            snprintf(path, sizeof(path), "many/file-number-%d", i);
            CHECK(file_byte(path, (size_t)(i % 50) * 100 + 1) == 'A' + round - 1);
        }
    else
        CHECK(namei_mkdir(R, "many", 0755) == 0);
    for (int i = 0; i < 3000; i++) {
        snprintf(path, sizeof(path), "many/file-number-%d", i);
        CHECK(put_file(path, 'A' + round, (size_t)(i % 50) * 100 + 1) > 0);
    }
    /* Half of them go, which hides none of the others, and come again. */
    for (int i = 1; round == 1 && i < 3000; i += 2) {
        snprintf(path, sizeof(path), "many/file-number-%d", i);
        CHECK(namei_unlink(R, path, false) == 0 && links_of(path) == 0);
    }
    for (int i = 0; round == 1 && i < 3000; i++) {
        snprintf(path, sizeof(path), "many/file-number-%d", i);
        CHECK(links_of(path) == (i % 2 == 0));
    }
    for (int i = 1; round == 1 && i < 3000; i += 2) {
        snprintf(path, sizeof(path), "many/file-number-%d", i);
        CHECK(make(path) == 0);
    }
    fs_shutdown();
    return 0;
}

static int full_disk(void *arg)
{
    char path[40];
    uint64_t space, inodes;
    (void)arg;
    CHECK(boot() == 0);
    space = free_blocks();
    inodes = free_inodes();
    static char data[65536];
    struct inode *ip = open_at("fill", O_CREAT | O_RDWR);
    ssize_t r;
    uint64_t at = 0;
    while ((r = put(ip, data, sizeof(data), at)) > 0)
        at += (uint64_t)r;
    CHECK(r == -ENOSPC && ip->size == at && at / 4096 > space - 8 && free_blocks() == 0);
    CHECK(namei_mkdir(R, "d", 0755) == -ENOSPC && free_inodes() == inodes - 1 &&
          namei_symlink(R, "s", "x") == -ENOSPC);
    CHECK(put(ip, data, 100, 5000) == 100); /* in place: needs no space */
    inode_put(ip);
    CHECK(put_file("fill", 1, 60000) ==
          60000); /* truncated and written in one go: the freed blocks serve after a commit */
    CHECK(namei_unlink(R, "fill", false) == 0 && free_blocks() == space);
    unsigned n = 0;
    for (;; n++) {
        snprintf(path, sizeof(path), "i%u", n);
        if ((r = make(path)) != 0)
            break;
    }
    CHECK(r == -ENOSPC && n == inodes && free_inodes() == 0 && namei_mkdir(R, "d", 0755) == -ENOSPC);
    CHECK(namei_unlink(R, "i5", false) == 0 && make("again") == 0 && make("more") == -ENOSPC);
    fs_shutdown();
    return 0;
}

/* Several threads, preempted at random, a slow disk, little memory. */
static void overwrite(const char *path, int byte, size_t n)
{
    char *data = malloc(n);
    struct inode *ip = open_at(path, O_RDWR);
    memset(data, byte, n);
    if (ip)
        put(ip, data, n, 0);
    inode_put(ip);
    free(data);
}

static unsigned worker_errors;

static void worker(void *arg)
{
    int id = (int)(intptr_t)arg;
    char a[40], b[40];
    for (int i = 0; i < 60; i++) {
        int x = (int)(harness_random() % 6), y = (int)(harness_random() % 6);
        snprintf(a, sizeof(a), "p%d/n%d", x % 2, x);
        snprintf(b, sizeof(b), "p%d/n%d", y % 3 % 2, y);
        int r = 0;
        switch (harness_random() % 10) {
        case 0:
            r = put_file(a, 'a' + id, harness_random() % 90000) < 0 ? 0 : 0;
            break;
        case 1: /* in place: all of it goes through the journal */
            overwrite(a, 'a' + id, 65536);
            break;
        case 2:
            r = namei_unlink(R, a, false);
            break;
        case 3:
            r = namei_rename(R, a, R, b, 0);
            break;
        case 4:
            r = namei_link(R, a, R, b, false);
            break;
        case 5:
            r = namei_mkdir(R, b, 0755);
            break;
        case 6:
            r = namei_unlink(R, a, true);
            break;
        case 7:
            file_byte(b, 90000);
            break;
        case 8:
            r = namei_rename(R, "p0", R, "p1/moved", 0), namei_rename(R, "p1/moved", R, "p0", 0);
            break;
        case 9:
            if (i % 7 == 0)
                worker_errors += fs_sync() != 0;
            break;
        }
        if (r == -EIO || r == -EROFS || r == -EAGAIN)
            worker_errors++;
    }
}

#define THREADS_MAX 8

/* n threads of f, which gets their numbers, in an order that the seed decides, with a disk that takes its time. */
static void run_threads(uintptr_t seed, const char *name, void (*f)(void *), intptr_t n)
{
    struct proc *t[THREADS_MAX];
    harness_seed(seed);
    harness_disk_deferred(true);
    for (intptr_t i = 0; i < n; i++)
        t[i] = harness_thread(name, f, (void *)i);
    for (intptr_t i = 0; i < n; i++)
        harness_join(t[i]);
}

static int stress(void *arg)
{
    harness_set_pages(600);
    CHECK(boot() == 0);
    CHECK(namei_mkdir(R, "p0", 0755) == 0 && namei_mkdir(R, "p1", 0755) == 0);
    run_threads((uintptr_t)arg, "worker", worker, 4);
    CHECK(worker_errors == 0);
    fs_shutdown();
    CHECK(harness_disk_stats().changed_in_flight == 0 && strstr(harness_messages(), "lode fs") == NULL);
    return 0;
}

/* Several threads overwrite a file each, all of it through the journal: more than a transaction takes, and
 * more than memory holds. What was written is there at once, and after the next boot. */
enum { OVERWRITERS = 6, OVERWRITTEN = 400000, ROUNDS = 3 };

static int overwritten_byte(int id, int round)
{
    return 'A' + id * ROUNDS + round;
}

static unsigned lost_writes;

static void overwriter(void *arg)
{
    int id = (int)(intptr_t)arg;
    char path[] = {'o', (char)('0' + id), 0};
    for (int round = 1; round < ROUNDS; round++) {
        overwrite(path, overwritten_byte(id, round), OVERWRITTEN);
        lost_writes += file_byte(path, OVERWRITTEN) != overwritten_byte(id, round);
    }
}

static int overwriting(void *arg)
{
    harness_set_pages(600);
    CHECK(boot() == 0);
    for (int id = 0; id < OVERWRITERS; id++) {
        char path[] = {'o', (char)('0' + id), 0};
        CHECK(put_file(path, overwritten_byte(id, 0), OVERWRITTEN) == OVERWRITTEN);
    }
    CHECK(fs_sync() == 0);
    run_threads((uintptr_t)arg, "overwriter", overwriter, OVERWRITERS);
    CHECK(lost_writes == 0);
    fs_shutdown();
    CHECK(harness_disk_stats().changed_in_flight == 0);
    return 0;
}

static int was_overwritten(void *arg)
{
    (void)arg;
    CHECK(boot() == 0);
    for (int id = 0; id < OVERWRITERS; id++) {
        char path[] = {'o', (char)('0' + id), 0};
        CHECK(file_byte(path, OVERWRITTEN) == overwritten_byte(id, ROUNDS - 1));
    }
    fs_shutdown();
    return 0;
}

/* Several threads, each with a directory of its own, use files whose inodes lie in the same blocks of the
 * table, which all of them read for the first time. */
enum { NEIGHBOURS = 4, EACH = 64 };

static int make_neighbours(void *arg)
{
    char path[40];
    (void)arg;
    CHECK(boot() == 0);
    for (int id = 0; id < NEIGHBOURS; id++) {
        snprintf(path, sizeof(path), "t%d", id);
        CHECK(namei_mkdir(R, path, 0755) == 0);
    }
    for (int i = 0; i < EACH; i++)
        for (int id = 0; id < NEIGHBOURS; id++) {
            snprintf(path, sizeof(path), "t%d/%d", id, i);
            CHECK(put_file(path, 'a', 10) == 10);
        }
    fs_shutdown();
    return 0;
}

static unsigned neighbour_errors;

static void neighbour(void *arg)
{
    char path[40];
    for (int i = 0; i < EACH; i++) {
        snprintf(path, sizeof(path), "t%d/%d", (int)(intptr_t)arg, i);
        neighbour_errors += put_file(path, 'b', 20) != 20;
    }
}

static int neighbours(void *arg)
{
    CHECK(boot() == 0);
    run_threads((uintptr_t)arg, "neighbour", neighbour, NEIGHBOURS);
    CHECK(neighbour_errors == 0);
    fs_shutdown();
    return 0;
}

static int neighbours_are_sound(void *arg)
{
    char path[40];
    (void)arg;
    CHECK(boot() == 0);
    for (int i = 0; i < EACH; i++)
        for (int id = 0; id < NEIGHBOURS; id++) {
            snprintf(path, sizeof(path), "t%d/%d", id, i);
            CHECK(file_byte(path, 20) == 'b'); /* else the change of an inode is lost */
        }
    fs_shutdown();
    return 0;
}

/* The n-th allocation, or the n-th disk request, fails: an error perhaps, but no panic, and a sound disk. */
static int small_work(void)
{
    int r = 0;
    r |= namei_mkdir(R, "w", 0755);
    r |= put_file("w/a", 'a', 30000) != 30000;
    r |= namei_symlink(R, "w/s", "a") | namei_link(R, "w/a", R, "w/b", false);
    r |= namei_rename(R, "w/a", R, "c", 0) | fs_sync();
    r |= file_byte("c", 30000) != 'a';
    r |= put_file("c", 'c', 3000) != 3000;
    r |= namei_unlink(R, "c", false) | namei_unlink(R, "w/b", false) | namei_unlink(R, "w/s", false) |
         namei_unlink(R, "w", true);
    return r | fs_sync();
}

static int failing_memory(void *arg)
{
    CHECK(boot() == 0);
    uint64_t space = free_blocks();
    harness_fail_alloc((uintptr_t)arg, false);
    int r = small_work();
    bool failed = harness_alloc_failed();
    CHECK(failed || r == 0);
    harness_fail_alloc(0, false);
    namei_unlink(R, "w/a", false), namei_unlink(R, "w/s", false), namei_unlink(R, "w/b", false),
        namei_unlink(R, "c", false);
    namei_unlink(R, "w", true);
    CHECK(links_of("/") == 2 && strstr(harness_messages(), "lode fs") == NULL);
    CHECK(small_work() == 0 && (failed || free_blocks() == space));
    fs_shutdown();
    return failed ? 0 : 2;
}

static struct failure {
    unsigned ops; /* of these requests ... */
    uint64_t n;   /* ... the n-th fails ... */
    bool all;     /* ... and those after it */
} failure;

static unsigned messages_with(const char *text)
{
    unsigned n = 0;
    for (const char *m = harness_messages(); (m = strstr(m, text)); m++)
        n++;
    return n;
}

/* 2: there were fewer requests. */
static int failing_disk(void *arg)
{
    (void)arg;
    CHECK(boot() == 0 && put_file("before", 'b', 9000) == 9000 && fs_sync() == 0);
    harness_clear_messages();
    harness_disk_fail(failure.ops, failure.n, failure.all);
    int r = small_work();
    bool failed = harness_disk_stats().failed > 0, writing = failure.ops != 1 << BIO_READ;
    CHECK(failed || r == 0);
    CHECK(messages_with("read-only from now on") == (failed && writing));
    CHECK(file_byte("before", 9000) == 'b' || !writing); /* reading goes on */
    if (failed && writing)
        CHECK(make("x") == -EROFS && namei_mkdir(R, "x", 0755) == -EROFS &&
              namei_unlink(R, "before", false) == -EROFS && fs_sync() == -EIO);
    fs_shutdown();
    CHECK(messages_with("read-only from now on") == (failed && writing));
    return failed ? 0 : 2;
}

/* The disk is well again. */
static int after_failing_disk(void *arg)
{
    (void)arg;
    CHECK(boot() == 0 && file_byte("before", 9000) == 'b');
    namei_unlink(R, "w/a", false), namei_unlink(R, "w/s", false), namei_unlink(R, "w/b", false),
        namei_unlink(R, "c", false);
    namei_unlink(R, "w", true);
    CHECK(links_of("/") == 2 && small_work() == 0 && strstr(harness_messages(), "lode fs") == NULL);
    fs_shutdown();
    return 0;
}

static int just_boot(void *arg)
{
    CHECK(boot() == 0);
    (void)arg;
    tree_hash("/");
    fs_shutdown();
    return 0;
}

/* Random damage to everything but the super block: errors, but neither panic nor hang. */
static int use_damaged(void *arg)
{
    (void)arg;
    if (boot() != 0)
        return 0;
    tree_hash("/");
    small_work();
    struct inode *ip = open_at("deep/file", O_RDWR);
    if (ip) {
        put(ip, "hello", 5, 4000000);
        inode_truncate(ip, 100);
        inode_put(ip);
    }
    namei_rename(R, "deep", R, "other", 0);
    namei_unlink(R, "other/file", false);
    namei_unlink(R, "other/link", false);
    namei_unlink(R, "other", true);
    fs_shutdown();
    return 0;
}

static int make_deep(void *arg)
{
    (void)arg;
    CHECK(boot() == 0);
    struct inode *ip;
    CHECK(namei_mkdir(R, "deep", 0755) == 0 && put_file("deep/file", 'd', 300000) == 300000 &&
          (ip = open_at("deep/file", O_RDWR)));
    CHECK(put(ip, "end", 3, 4500000ull * 4096) == 3 && namei_symlink(R, "deep/link", "file") == 0);
    inode_put(ip);
    fs_shutdown();
    return 0;
}

static struct shared {
    uint64_t hash; /* of the tree that has to be there */
} * shared;

/* ---- Orphans ---- */

static int leave_orphans(void *arg)
{
    (void)arg;
    CHECK(boot() == 0);
    for (int i = 0; i < 5; i++) {
        char path[] = {'o', (char)('0' + i), 0};
        CHECK(put_file(path, 'o', 100000) == 100000 && open_at(path, O_RDWR) &&
              namei_unlink(R, path, false) == 0);
    }
    CHECK(fs_sync() == 0);
    return 0; /* no shutdown: as if the power went */
}

static int no_orphans(void *arg)
{
    CHECK(boot() == 0);
    CHECK(free_blocks() == (uintptr_t)arg && fs_sync() == 0);
    fs_shutdown();
    return 0;
}

/* With a journal to be replayed and orphans to be freed, the n-th allocation or request of the mount fails: it says why it
 * cannot, or does. 2: there were fewer. */
static int failing_mount(void *arg)
{
    uintptr_t n = (uintptr_t)arg;
    harness_fail_alloc(failure.ops ? 0 : n, false);
    harness_disk_fail(failure.ops, failure.ops ? n : 0, false);
    int r = boot();
    bool failed = harness_alloc_failed() || harness_disk_stats().failed > 0;
    CHECK(failed || r == 0);
    CHECK((r != 0) == (messages_with("lode fs: cannot mount: ") == 1));
    CHECK(r == 0 || r == (failure.ops ? -EIO : -ENOMEM));
    if (r == 0) {
        tree_hash("/");
        fs_shutdown();
    }
    return failed ? 0 : 2;
}

/* Its checksum is none that this kernel knows. */
static int mount_version_1(void *arg)
{
    CHECK(boot() == -EINVAL && messages_with("cannot mount: the file system is of another version") == 1);
    return 0;
}

static void failing_mounts(void)
{
    static const unsigned kinds[] = {0, 1 << BIO_READ, 1 << BIO_WRITE, 1 << BIO_FLUSH};
    unsigned bad = 0, struck = 0;
    for (unsigned k = 0; k < ARRAY_SIZE(kinds); k++)
        for (uintptr_t n = 1, r = 0; r == 0 && n < 1000; n += 1 + (kinds[k] == 0 && n > 10 ? n / 4 : 0)) {
            struct fs_super *s = format(4000, 500, 200);
            uintptr_t space = s->nblocks - 2 - s->data_start;
            failure.ops = kinds[k];
            bool good = harness_child(leave_orphans, NULL) == 0;
            r = (uintptr_t)harness_child(failing_mount, (void *)n);
            good = good && (r == 0 || r == 2) && harness_child(no_orphans, (void *)space) == 0 && fsck();
            if (!good) {
                diag("mount: number %d of kind %x fails: result %d", (int)n, kinds[k], (int)r);
                bad++;
                r = 0;
            }
            struck += r == 0;
        }
    ok(bad == 0 && struck > 20, "mount: %u allocations and requests fail, one at a time", struck);
}

/* Directories "a" and "b", of which one has an entry "loop". */
static int make_loop(void *arg)
{
    (void)arg;
    CHECK(boot() == 0);
    CHECK(namei_mkdir(R, "a", 0755) == 0 && namei_mkdir(R, "b", 0755) == 0 && make("a/loop") == 0);
    fs_shutdown();
    return 0;
}

/* The entry names its own directory by now, or the other one. */
static int use_loop(void *arg)
{
    struct inode *a;
    CHECK(boot() == 0);
    CHECK(namei(R, "a", 0, &a) == 0);
    CHECK(namei_rename(a, "loop", R, "x", 0) == (arg ? -EIO : 0));
    CHECK(namei_rename(R, "b", a, "loop", 0) < 0 || !arg);
    CHECK(namei_unlink(a, "loop", true) < 0 || !arg);
    inode_put(a);
    fs_shutdown();
    return 0;
}

static void loops(bool own)
{
    struct fs_super *s = format(1000, 60, 64);
    harness_child(make_loop, NULL);
    uint8_t *disk = harness_disk_block(0);
    uint32_t ino[2] = {0};
    for (uint32_t k = s->data_start; k < s->nblocks; k++) {
        struct fs_dirent *e = (struct fs_dirent *)(disk + k * 4096ul);
        for (unsigned i = 0; i < FS_DIRENTS_PER_BLOCK; i++) {
            if (strcmp(e[i].name, "a") == 0 && e[i].type == DT_DIR)
                ino[0] = e[i].ino;
            if (strcmp(e[i].name, "b") == 0 && e[i].type == DT_DIR)
                ino[1] = e[i].ino;
        }
    }
    for (uint32_t k = s->data_start; k < s->nblocks; k++) {
        struct fs_dirent *e = (struct fs_dirent *)(disk + k * 4096ul);
        for (unsigned i = 0; i < FS_DIRENTS_PER_BLOCK; i++)
            if (strcmp(e[i].name, "loop") == 0)
                e[i].ino = ino[!own];
    }
    memset(disk + s->journal_start * 4096ul, 0, 4096);
    memset(disk + (s->journal_start + s->journal_slot) * 4096ul, 0, 4096);
    ok(ino[0] && ino[1] && harness_child(use_loop, (void *)(uintptr_t)own) == 0, "a tree with a %s",
       own ? "directory in itself" : "directory twice");
}

/* ---- The journal at mount ---- */

static int leave_journal(void *arg)
{
    (void)arg;
    CHECK(boot() == 0);
    CHECK(put_file("a", 'a', 9000) == 9000 && fs_sync() == 0);
    CHECK(put_file("b", 'b', 9000) == 9000 && namei_mkdir(R, "d", 0755) == 0 && fs_sync() == 0);
    shared->hash = tree_hash("/");
    return 0; /* without a shutdown: the next mount has to bring the last transaction home */
}

static int same_tree(void *arg)
{
    (void)arg;
    CHECK(boot() == 0);
    CHECK(tree_hash("/") == shared->hash);
    fs_shutdown();
    return 0;
}

enum place { ROOT_DIRECTORY, SUPER, SUPER_COPY };

/* The slot that comes next holds a transaction that must not be replayed: everything stays as it is. */
static void bad_journal(const char *what, enum place home, bool header, bool body)
{
    struct fs_super *s = format(1000, 60, 64), before;
    bool good = harness_child(leave_journal, NULL) == 0 && harness_child(just_boot, NULL) == 0;
    struct fs_journal_header *slot[2];
    for (unsigned k = 0; k < 2; k++)
        slot[k] = harness_disk_block(s->journal_start + k * s->journal_slot);
    bool second = slot[0]->sequence > slot[1]->sequence;
    struct fs_journal_header *h = slot[second];
    memset((uint8_t *)h + 4096, 0x5a, 4096); /* the body */
    h->sequence = slot[!second]->sequence + 1;
    h->count = 1;
    h->home[0] = home == ROOT_DIRECTORY ? s->data_start : home == SUPER ? 0 : s->nblocks - 1;
    h->body_checksum = (uint32_t)xxh64(0, (uint8_t *)h + 4096, 4096) ^ !body;
    h->checksum = (uint32_t)xxh64(0, h, offsetof(struct fs_journal_header, checksum)) ^ !header;
    before = *s;
    const struct fs_super *copy = harness_disk_block(before.nblocks - 1);
    good = good && harness_child(same_tree, NULL) == 0;
    if (memcmp(&before, s, sizeof(before)) != 0)
        diag("a journal with %s: recovery has overwritten the super block", what);
    if (memcmp(&before, copy, sizeof(before)) != 0)
        diag("a journal with %s: recovery has overwritten the super block's copy", what);
    ok(good && fsck() && memcmp(&before, s, sizeof(before)) == 0 &&
           memcmp(&before, copy, sizeof(before)) == 0,
       "a journal with %s", what);
}

/* A sync after a recovery is worth as much as any. */
static int sync_again(void *arg)
{
    CHECK(boot() == 0);
    if (!arg)
        CHECK(make("after") == 0 && fs_sync() == 0);
    else
        CHECK(links_of("after") == 1);
    return 0;
}

static char **chosen; /* words of the command line: parts of the names of what shall run; none: everything */

static bool wanted(const char *name)
{
    for (char **word = chosen; *word; word++)
        if (strstr(name, *word))
            return true;
    return !*chosen;
}

static void test(const char *name, int (*f)(void *), uintptr_t arg)
{
    int r = harness_child(f, (void *)arg);
    ok(r == 0, "%s", name);
    ok(fsck(), "%s: fsck", name);
}

static void failing_allocations(void)
{
    unsigned bad = 0, n = 1;
    for (int r = 0; r == 0 && n < 400; n++) {
        format(1000, 60, 64);
        r = harness_child(failing_memory, (void *)(uintptr_t)n);
        bool good = (r == 0 || r == 2) && (n % 8 || fsck());
        if (!good) {
            diag("allocation %u fails: result %d", n, r);
            bad++;
        }
        r = r == 2 ? 2 : 0;
    }
    ok(bad == 0 && n > 20, "each of %u allocations fails once", n);
}

static void disk_errors(void)
{
    static const struct failure kinds[] = {{1 << BIO_READ, 0, false},
                                           {1 << BIO_WRITE, 0, false},
                                           {1 << BIO_WRITE, 0, true},
                                           {1 << BIO_FLUSH, 0, false},
                                           {1 << BIO_WRITE | 1 << BIO_FLUSH, 0, true}};
    unsigned bad = 0, struck = 0;
    for (unsigned k = 0; k < ARRAY_SIZE(kinds); k++) {
        failure = kinds[k];
        for (int r = 0; r == 0 && failure.n < 100; struck += r == 0) {
            failure.n++;
            format(1000, 60, 64);
            r = harness_child(failing_disk, NULL);
            if ((r != 0 && r != 2) || harness_child(after_failing_disk, NULL) != 0 || !fsck()) {
                diag("request %d of kind %x fails%s: result %d", (int)failure.n, failure.ops,
                     failure.all ? ", and all after it" : "", r);
                bad++;
                r = 0;
            }
        }
    }
    ok(bad == 0 && struck > 20, "disk errors: each of %u requests fails once", struck);
}

static void damaged_disks(void)
{
    unsigned bad = 0;
    for (uint64_t seed = 1; seed <= 150; seed++) {
        uint64_t random = seed;
        struct fs_super *s = format(1000, 60, 64);
        harness_child(make_deep, NULL);
        uint8_t *disk = harness_disk_block(0);
        for (unsigned i = 0; i < 1 + seed % 20; i++) {
            uint64_t r = harness_mix(&random), span = (i % 2 ? 1 : 60) * 4096ul;
            uint64_t start = i % 2 ? s->inode_start * 4096ul : s->inode_map_start * 4096ul;
            disk[start + r % span] = (uint8_t)(r >> 40);
        }
        int r = harness_child(use_damaged, NULL);
        if (r != 0) {
            diag("damage %d: result %d", (int)seed, r);
            bad++;
        }
    }
    ok(bad == 0, "damaged disks");
}

/* test_fs [WORD ...]: only what has one of the words in its name. */
int main(int argc, char **argv)
{
    (void)argc;
    chosen = argv + 1;
    shared = harness_shared(sizeof(*shared));
    format(4000, 500, 200);
    if (wanted("names"))
        test("names", names, 0);
    format(4000, 500, 200);
    if (wanted("renames"))
        test("renames", renames, 0);
    format(4000, 500, 200);
    if (wanted("content"))
        test("content", content, 0);
    format(4000, 500, 200);
    if (wanted("little memory"))
        test("little memory", little_memory, 0);
    format(12000, 3100, 100);
    for (uintptr_t round = 0; round < 2 && wanted("3000 files"); round++)
        test("3000 files", write_many, round);
    format(1000, 60, 64);
    if (wanted("full disk"))
        test("full disk", full_disk, 0);
    struct fs_super *s = format(4000, 500, 200);
    uintptr_t space = s->nblocks - 2 - s->data_start;
    if (wanted("orphans")) {
        test("orphans are left", leave_orphans, 0);
        test("orphans are freed", no_orphans, space);
    }
    for (uintptr_t seed = 1; seed <= 6 && wanted("stress"); seed++) {
        format(3000, 200, 100);
        test("stress", stress, seed);
    }
    for (uintptr_t seed = 1; seed <= 2 && wanted("overwritten at once"); seed++) {
        format(3000, 200, 100);
        test("overwritten at once", overwriting, seed);
        test("overwritten at once: after a boot", was_overwritten, 0);
    }
    for (uintptr_t seed = 1; seed <= 8 && wanted("inodes at once"); seed++) {
        format(3000, 400, 100);
        test("neighbours are made", make_neighbours, 0);
        test("inodes at once", neighbours, seed);
        test("inodes at once: after a boot", neighbours_are_sound, 0);
    }
    if (wanted("allocations fail"))
        failing_allocations();
    if (wanted("disk errors"))
        disk_errors();
    if (wanted("mounts fail"))
        failing_mounts();
    if (wanted("another version")) {
        struct fs_super *s = format(1000, 60, 64);
        s->version = 1;
        s->checksum ^= 1;
        ok(harness_child(mount_version_1, NULL) == 0, "another version of the format is refused as such");
    }
    if (wanted("damaged disks"))
        damaged_disks();
    if (wanted("loops")) {
        loops(false);
        loops(true);
    }
    if (wanted("journal")) {
        bad_journal("a damaged body", ROOT_DIRECTORY, true, false);
        bad_journal("a damaged header", ROOT_DIRECTORY, false, true);
        bad_journal("a header that leads to the super block", SUPER, true, true);
        bad_journal("a header that leads to the super block's copy", SUPER_COPY, true, true);
        format(1000, 60, 64);
        ok(harness_child(leave_journal, NULL) == 0 && harness_child(sync_again, NULL) == 0 &&
               harness_child(sync_again, (void *)1) == 0,
           "journal: a sync after recovery");
    }
    return done();
}
