/* mkfs: makes a file-system image from a directory tree of the host.
 *
 * It works in three steps, so that all that can be wrong with the input is found before anything is written:
 *
 *   1. gather: builds the tree of what goes into the image (struct node) from the host's directory, the files
 * given with -a, and what every image has: /dev with its nodes, /proc, /tmp. Entries are in order of name.
 *   2. plan:   numbers the inodes and lays out the disk.
 *   3. write:  writes each file's blocks one after the other, then the tables, and at last the super block,
 * into a temporary file, which gets the image's name when it is complete. Whatever fails before leaves no
 * image.
 *
 * With --time, the same input gives the same image, byte for byte. The format is described in
 * docs/fs-format.md; this program and the kernel share its header and the checksum (kernel/lib/xxh64.c), and
 * nothing else. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ino_t fs_ino_t /* the host has a type of that name */
#include "abi/fsformat.h"
#include "lib/xxh64.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "structures go to the disk as they are in memory");

#define MIN_SIZE        (1ull << 20)
#define DEFAULT_SIZE    (64ull << 20)
#define MAX_SIZE        (1ull << 42)
#define BYTES_PER_INODE 16384
#define MIN_SLOT        64u  /* blocks in a journal slot */
#define TARGET_MAX      4095 /* bytes in the target of a symbolic link */

struct node {
    char *name;
    char *host;   /* path of the host's file that has the content; NULL: none */
    char *target; /* of a symbolic link */
    uint32_t mode, rdev;
    uint64_t size; /* bytes of a file or a link's target */
    int64_t time;
    fs_ino_t ino;
    unsigned subdirs;
    struct node *parent, *children, *next; /* children in order of name */
};

static int64_t fixed_time = -1; /* --time, in ns; -1: the files' own */

/* The image being written. */
static char *temp_path; /* while it exists */
static int image = -1;
static struct fs_super super;
static uint8_t *block_map, *inode_map;
static struct fs_inode *inodes;
static blkno_t next_block; /* all of the data area before it is taken */

/* ---- Errors and memory ---- */

static _Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void die(const char *format, ...)
{
    va_list args;

    fprintf(stderr, "mkfs: ");
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    if (temp_path)
        unlink(temp_path);
    exit(1);
}

static void *check(void *p)
{
    if (!p)
        die("out of memory");
    return p;
}

static char *join(const char *dir, const char *name)
{
    char *path;

    if (asprintf(&path, "%s/%s", dir, name) < 0)
        die("out of memory");
    return path;
}

/* ---- 1. The tree ---- */

static int64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return fixed_time >= 0 ? fixed_time : t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void print_path(const struct node *n, char *buf, size_t size)
{
    size_t used = 0;

    if (n->parent) {
        print_path(n->parent, buf, size);
        used = strlen(buf);
    }
    snprintf(buf + used, size - used, "%s%s", used > 1 ? "/" : "", n->parent ? n->name : "/");
}

static struct node *find_child(struct node *dir, const char *name, size_t len)
{
    for (struct node *n = dir->children; n; n = n->next)
        if (strlen(n->name) == len && memcmp(n->name, name, len) == 0)
            return n;
    return NULL;
}

static struct node *add_child(struct node *dir, const char *name, size_t len, uint32_t mode)
{
    char path[8192];

    print_path(dir, path, sizeof(path));
    if (len == 0 || memchr(name, '/', len) || (len <= 2 && memcmp(name, "..", len) == 0))
        die("\"%.*s\" in %s is no possible file name", (int)len, name, path);
    if (len > FS_NAME_MAX)
        die("the name %.*s in %s has %zu bytes, but at most %d are possible", (int)len, name, path, len,
            FS_NAME_MAX);
    if (find_child(dir, name, len))
        die("duplicate name: there are two files %.*s in %s", (int)len, name, path);

    struct node *n = check(calloc(1, sizeof(*n))), **link = &dir->children;
    n->name = check(strndup(name, len));
    n->mode = mode;
    n->parent = dir;
    n->time = now();
    while (*link && strcmp((*link)->name, n->name) < 0)
        link = &(*link)->next;
    n->next = *link;
    *link = n;
    if (S_ISDIR(mode))
        dir->subdirs++;
    return n;
}

/* The directory at a path of the image, made where it is missing. */
static struct node *make_dirs(struct node *root, const char *path, size_t len)
{
    struct node *dir = root;
    const char *end = path + len;

    while (path < end) {
        size_t n = strcspn(path, "/");

        n = path + n > end ? (size_t)(end - path) : n;
        if (n > 0) {
            struct node *child = find_child(dir, path, n);
            if (!child)
                child = add_child(dir, path, n, S_IFDIR | 0755);
            if (!S_ISDIR(child->mode))
                die("duplicate name: %.*s is a directory and something else", (int)(path + n - end + len),
                    end - len);
            dir = child;
        }
        path += n + 1;
    }
    return dir;
}

static void add_tree(struct node *dir, const char *host);

/* Takes over what a file of the host is. */
static void fill_node(struct node *n, const char *host)
{
    struct stat st;

    if (lstat(host, &st) != 0)
        die("%s: %s", host, strerror(errno));
    n->mode = st.st_mode;
    n->host = check(strdup(host));
    n->time = fixed_time >= 0 ? fixed_time : st.st_mtim.tv_sec * 1000000000ll + st.st_mtim.tv_nsec;
    if (S_ISREG(st.st_mode)) {
        n->size = st.st_size;
        if (access(host, R_OK) != 0)
            die("%s: %s", host, strerror(errno));
    } else if (S_ISLNK(st.st_mode)) {
        n->target = check(calloc(1, TARGET_MAX + 1));
        ssize_t len = readlink(host, n->target, TARGET_MAX);
        if (len < 0)
            die("%s: %s", host, strerror(errno));
        n->size = len;
        n->mode = S_IFLNK | 0777;
    } else if (!S_ISDIR(st.st_mode)) {
        die("%s: is neither a file nor a directory nor a symbolic link", host);
    }
}

static void add_host_file(struct node *dir, const char *name, const char *host)
{
    struct stat st;

    if (lstat(host, &st) != 0)
        die("%s: %s", host, strerror(errno));
    struct node *n = add_child(dir, name, strlen(name), st.st_mode);
    fill_node(n, host);
    if (S_ISDIR(n->mode))
        add_tree(n, host);
}

static void add_tree(struct node *dir, const char *host)
{
    struct dirent **entries;
    int count = scandir(host, &entries, NULL, NULL);

    if (count < 0)
        die("%s: %s", host, strerror(errno));
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;

        if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
            char *path = join(host, name);
            add_host_file(dir, name, path);
            free(path);
        }
        free(entries[i]);
    }
    free(entries);
}

/* -a FILE=PATH, or FILE alone for /FILE's name. A PATH that ends in / is a directory to put the file into. */
static void add_extra(struct node *root, const char *arg)
{
    const char *equals = strrchr(arg, '=');
    char *host = check(equals ? strndup(arg, equals - arg) : strdup(arg));
    const char *base = strrchr(host, '/') ? strrchr(host, '/') + 1 : host;
    const char *path = equals ? equals + 1 : base;
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;

    add_host_file(make_dirs(root, path, slash ? slash - path : 0), *name ? name : base, host);
    free(host);
}

static void add_device(struct node *dev, const char *name, uint32_t mode, unsigned major, unsigned minor)
{
    add_child(dev, name, strlen(name), S_IFCHR | mode)->rdev = major << 8 | minor;
}

static void add_standard(struct node *root)
{
    struct node *dev = make_dirs(root, "dev", 3);

    add_device(dev, "console", 0600, 5, 1);
    add_device(dev, "tty", 0666, 5, 0);
    add_device(dev, "null", 0666, 1, 3);
    add_device(dev, "zero", 0666, 1, 5);
    add_device(dev, "full", 0666, 1, 7);
    add_device(dev, "random", 0666, 1, 8);
    add_device(dev, "urandom", 0666, 1, 9);
    make_dirs(root, "proc", 4);
    make_dirs(root, "tmp", 3)->mode = S_IFDIR | 01777;
}

/* ---- 2. The layout ---- */

static uint32_t number_inodes(struct node *n, uint32_t next)
{
    n->ino = next++;
    for (struct node *c = n->children; c; c = c->next)
        next = number_inodes(c, next);
    return next;
}

static uint64_t blocks_for(uint64_t n, uint64_t per_block)
{
    return (n + per_block - 1) / per_block;
}

static void make_uuid(uint64_t size)
{
    uint64_t seed[2] = {size, (uint64_t)fixed_time};

    if (fixed_time < 0 && getrandom(seed, sizeof(seed), 0) != sizeof(seed))
        die("no random numbers: %s", strerror(errno));
    for (int i = 0; i < 2; i++) {
        seed[i] = (seed[i] ^ seed[i] >> 31) * 0x9e3779b97f4a7c15;
        seed[i] ^= seed[i] >> 29;
    }
    memcpy(super.uuid, seed, sizeof(seed));
}

static void plan(uint64_t size, uint64_t ninodes, uint32_t needed_inodes)
{
    uint64_t nblocks = size / FS_BLOCK_SIZE, slot = nblocks / 32;

    if (size < MIN_SIZE || size > MAX_SIZE || size % FS_BLOCK_SIZE != 0)
        die("the size %llu is not sensible: a multiple of %u from %llu to %llu is possible",
            (unsigned long long)size, FS_BLOCK_SIZE, MIN_SIZE, MAX_SIZE);
    if (ninodes == 0)
        ninodes = size / BYTES_PER_INODE;
    ninodes = blocks_for(ninodes, FS_INODES_PER_BLOCK) * FS_INODES_PER_BLOCK; /* whole blocks */
    if (ninodes > nblocks * FS_INODES_PER_BLOCK)
        die("%llu inodes do not fit into %llu bytes", (unsigned long long)ninodes, (unsigned long long)size);
    if (needed_inodes > ninodes)
        die("too many files: %u inodes are needed, the file system has %llu", needed_inodes,
            (unsigned long long)ninodes);

    slot = slot < MIN_SLOT ? MIN_SLOT : slot > FS_JOURNAL_MAX + 1 ? FS_JOURNAL_MAX + 1 : slot;
    super = (struct fs_super){
        .magic = FS_MAGIC,
        .version = FS_VERSION,
        .block_size = FS_BLOCK_SIZE,
        .nblocks = nblocks,
        .ninodes = ninodes,
        .journal_start = 1,
        .journal_slot = slot,
        .inode_map_blocks = blocks_for(ninodes, FS_BITS_PER_BLOCK),
        .block_map_blocks = blocks_for(nblocks, FS_BITS_PER_BLOCK),
        .inode_blocks = ninodes / FS_INODES_PER_BLOCK,
        .root = FS_ROOT_INO,
    };
    uint64_t data_start = 1 + 2 * slot + super.inode_map_blocks + super.block_map_blocks + super.inode_blocks;
    if (data_start + 1 >= nblocks)
        die("%llu inodes do not fit into %llu bytes", (unsigned long long)ninodes, (unsigned long long)size);
    super.inode_map_start = 1 + 2 * slot;
    super.block_map_start = super.inode_map_start + super.inode_map_blocks;
    super.inode_start = super.block_map_start + super.block_map_blocks;
    super.data_start = data_start;
    make_uuid(size);

    next_block = super.data_start;
    inode_map = check(calloc(super.inode_map_blocks, FS_BLOCK_SIZE));
    block_map = check(calloc(super.block_map_blocks, FS_BLOCK_SIZE));
    inodes = check(calloc(super.inode_blocks, FS_BLOCK_SIZE));
}

/* ---- 3. Writing ---- */

static void write_blocks(blkno_t block, const void *data, uint64_t count)
{
    static const uint8_t zeros[FS_BLOCK_SIZE];

    for (uint64_t i = 0; i < count; i++) {
        const uint8_t *from = (const uint8_t *)data + i * FS_BLOCK_SIZE;

        if (memcmp(from, zeros, FS_BLOCK_SIZE) == 0)
            continue; /* the image is sparse, and all zeros from the start */
        if (pwrite(image, from, FS_BLOCK_SIZE, (off_t)(block + i) * FS_BLOCK_SIZE) != (ssize_t)FS_BLOCK_SIZE)
            die("%s: cannot write: %s", temp_path, strerror(errno));
    }
}

static void mark_used(uint8_t *map, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++)
        map[i / 8] |= 1 << i % 8;
}

/* The content of the file being written: bytes from memory, or read from a descriptor. */
struct content {
    const struct node *node;
    int fd; /* -1: from memory */
    const uint8_t *memory;
    uint64_t left;
};

static void next_content(struct content *c, uint8_t *block)
{
    size_t n = c->left < FS_BLOCK_SIZE ? c->left : FS_BLOCK_SIZE, got = 0;

    memset(block, 0, FS_BLOCK_SIZE);
    if (c->fd < 0) {
        memcpy(block, c->memory, n);
        c->memory += n;
    } else {
        while (got < n) {
            ssize_t r = read(c->fd, block + got, n - got);

            if (r < 0 && errno != EINTR)
                die("%s: %s", c->node->host, strerror(errno));
            if (r == 0)
                die("%s: has become shorter while it was read", c->node->host);
            got += r > 0 ? r : 0;
        }
    }
    c->left -= n;
}

static blkno_t allocate(const struct content *c)
{
    if (next_block >= super.nblocks - 1) {
        char path[8192];

        print_path(c->node, path, sizeof(path));
        die("the files are too big for a file system of %llu bytes: no room is left at %s",
            (unsigned long long)super.nblocks * FS_BLOCK_SIZE, path);
    }
    return next_block++;
}

/* Writes what is left of the content, as far as one pointer reaches over `levels` levels of pointer blocks.
 */
static blkno_t write_subtree(struct content *c, int levels, uint64_t *nblocks)
{
    uint8_t data[FS_BLOCK_SIZE];
    blkno_t block;

    if (levels == 0) {
        block = allocate(c);
        next_content(c, data);
        write_blocks(block, data, 1);
    } else {
        blkno_t pointers[FS_NPTRS] = {0};

        for (unsigned i = 0; i < FS_NPTRS && c->left > 0; i++)
            pointers[i] = write_subtree(c, levels - 1, nblocks);
        block = allocate(c);
        write_blocks(block, pointers, 1);
    }
    ++*nblocks;
    return block;
}

static void write_content(struct fs_inode *ip, struct content *c)
{
    ip->size = c->left;
    if (ip->size > FS_MAX_SIZE)
        die("%s: is larger than any file can be", c->node->host);
    for (unsigned i = 0; i < FS_NDIRECT && c->left > 0; i++)
        ip->direct[i] = write_subtree(c, 0, &ip->nblocks);
    for (int level = 0; level < 3 && c->left > 0; level++)
        ip->indirect[level] = write_subtree(c, level + 1, &ip->nblocks);
}

static void set_entry(struct fs_dirent *e, const char *name, const struct node *n)
{
    e->ino = n->ino;
    e->type = (n->mode & S_IFMT) >> 12;
    memcpy(e->name, name, strlen(name));
}

static void write_directory(struct fs_inode *ip, const struct node *n)
{
    uint64_t count = 2;

    for (const struct node *c = n->children; c; c = c->next)
        count++;
    uint64_t bytes = blocks_for(count, FS_DIRENTS_PER_BLOCK) * FS_BLOCK_SIZE;
    struct fs_dirent *entries = check(calloc(1, bytes)), *e = entries;
    set_entry(e++, ".", n);
    set_entry(e++, "..", n->parent ? n->parent : n);
    for (const struct node *c = n->children; c; c = c->next)
        set_entry(e++, c->name, c);
    struct content content = {.node = n, .fd = -1, .memory = (uint8_t *)entries, .left = bytes};
    write_content(ip, &content);
    ip->nlink = 2 + n->subdirs;
    free(entries);
}

static void write_file(struct fs_inode *ip, const struct node *n)
{
    struct content content = {.node = n, .fd = open(n->host, O_RDONLY | O_CLOEXEC), .left = n->size};

    if (content.fd < 0)
        die("%s: %s", n->host, strerror(errno));
    write_content(ip, &content);
    close(content.fd);
}

static void write_node(const struct node *n)
{
    struct fs_inode *ip = &inodes[n->ino];

    ip->mode = n->mode;
    ip->nlink = 1;
    ip->rdev = n->rdev;
    ip->atime = ip->mtime = ip->ctime = n->time;
    if (S_ISDIR(n->mode))
        write_directory(ip, n);
    else if (S_ISREG(n->mode))
        write_file(ip, n);
    else if (S_ISLNK(n->mode))
        write_content(
            ip, &(struct content){.node = n, .fd = -1, .memory = (uint8_t *)n->target, .left = n->size});
    for (const struct node *c = n->children; c; c = c->next)
        write_node(c);
}

static void write_tables(uint32_t used_inodes)
{
    uint8_t block[FS_BLOCK_SIZE] = {0};

    /* Bits beyond the last inode and the last block are set: there is nothing free there. */
    mark_used(inode_map, 0, used_inodes);
    mark_used(inode_map, super.ninodes, (uint64_t)super.inode_map_blocks * FS_BITS_PER_BLOCK);
    mark_used(block_map, 0, next_block);
    mark_used(block_map, super.nblocks - 1, (uint64_t)super.block_map_blocks * FS_BITS_PER_BLOCK);
    write_blocks(super.inode_map_start, inode_map, super.inode_map_blocks);
    write_blocks(super.block_map_start, block_map, super.block_map_blocks);
    write_blocks(super.inode_start, inodes, super.inode_blocks);

    /* The journal's headers are zeros already: not valid, so there is nothing to replay. */
    super.checksum = (uint32_t)xxh64(0, &super, offsetof(struct fs_super, checksum));
    memcpy(block, &super, sizeof(super));
    write_blocks(super.nblocks - 1, block, 1);
    write_blocks(0, block, 1);
}

static void write_image(const char *path, const struct node *root, uint32_t used_inodes)
{
    char *name;

    if (asprintf(&name, "%s.tmp%d", path, (int)getpid()) < 0)
        die("out of memory");
    image = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (image < 0)
        die("%s: cannot create: %s", name, strerror(errno));
    temp_path = name;
    if (ftruncate(image, (off_t)super.nblocks * FS_BLOCK_SIZE) != 0)
        die("%s: cannot make it %llu bytes long: %s", name, (unsigned long long)super.nblocks * FS_BLOCK_SIZE,
            strerror(errno));
    write_node(root);
    write_tables(used_inodes);
    if (close(image) != 0 || rename(name, path) != 0)
        die("%s: cannot write: %s", path, strerror(errno));
    temp_path = NULL;
    free(name);
}

/* ---- The command line ---- */

static _Noreturn void usage(int status)
{
    fprintf(status ? stderr : stdout,
            "usage: mkfs [-s SIZE] [-i INODES] [-d DIR] [-a FILE[=PATH]]... [-t SECONDS] IMAGE\n"
            "  -s SIZE         bytes of the image, with K, M or G (64M)\n"
            "  -i INODES       how many files it can hold (one for 16 KB)\n"
            "  -d DIR          put the contents of this directory into the image\n"
            "  -a FILE[=PATH]  put this file there, or into the root directory\n"
            "  -t SECONDS, --time SECONDS  all times, since 1970; makes images reproducible\n");
    exit(status);
}

static uint64_t parse_number(const char *what, const char *s, bool suffix)
{
    char *end;

    errno = 0;
    uint64_t n = strtoull(s, &end, 10);
    const char *letters = "KMG", *letter = suffix && *end ? strchr(letters, *end & ~32) : NULL;
    unsigned shift = letter && *letter ? 10 * (letter - letters + 1) : 0;
    if (errno || *s < '0' || *s > '9' || end[shift != 0] != '\0' || n << shift >> shift != n)
        die("the %s %s is not sensible", what, s);
    return n << shift;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"time", required_argument, NULL, 't'}, {"help", no_argument, NULL, 'h'}, {0}};
    uint64_t size = DEFAULT_SIZE, ninodes = 0;
    const char *dir = NULL;
    char **extra = check(calloc(argc + 1, sizeof(*extra)));
    int nextra = 0, c;

    while ((c = getopt_long(argc, argv, "s:i:d:a:t:h", options, NULL)) != -1) {
        if (c == 's')
            size = parse_number("size", optarg, true);
        else if (c == 'i' && (ninodes = parse_number("number of inodes", optarg, false)) == 0)
            die("the number of inodes 0 is not sensible");
        else if (c == 'd')
            dir = optarg;
        else if (c == 'a')
            extra[nextra++] = optarg;
        else if (c == 't')
            fixed_time = parse_number("time", optarg, false) * 1000000000;
        else if (c == 'h' || c == '?')
            usage(c == '?' ? 2 : 0);
    }
    if (optind != argc - 1)
        usage(2);

    struct node *root = check(calloc(1, sizeof(*root)));
    root->mode = S_IFDIR | 0755;
    root->time = now();
    if (dir) {
        struct stat st;

        if (stat(dir, &st) == 0 && S_ISDIR(st.st_mode))
            root->time = fixed_time >= 0 ? fixed_time : st.st_mtim.tv_sec * 1000000000ll + st.st_mtim.tv_nsec;
        add_tree(root, dir);
    }
    for (int i = 0; i < nextra; i++)
        add_extra(root, extra[i]);
    add_standard(root);

    uint32_t used_inodes = number_inodes(root, FS_ROOT_INO);
    plan(size, ninodes, used_inodes);
    write_image(argv[optind], root, used_inodes);
    free(extra);
    return 0;
}
