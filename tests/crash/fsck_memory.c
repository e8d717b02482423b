/* mkfs/fsck.c, which shares no code with the kernel, on an image in memory instead of a file; and the tree as
 * the raw image has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tree.h"

/* What fsck says, and its end where it cannot check an image. */
static struct text *said;
static jmp_buf given_up;

static int say(const char *format, va_list args)
{
    char line[2000];

    vsnprintf(line, sizeof(line), format, args);
    text_add(said, "%s", line);
    return 0;
}

__attribute__((format(printf, 1, 2))) static int say_more(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(format, args);
    va_end(args);
    return 0;
}

static _Noreturn void give_up(int status)
{
    longjmp(given_up, status);
}

#define main                         fsck_main
#define exit                         give_up
#define printf(...)                  say_more(__VA_ARGS__)
#define vprintf(format, args)        say(format, args)
#define putchar(c)                   say_more("%c", c)
#define vfprintf(file, format, args) say(format, args)
#define fprintf(file, ...)           say_more(__VA_ARGS__)
#define fputc(c, file)               say_more("%c", c)
#include "../../mkfs/fsck.c"
#undef main

/* The name under which a file has been seen already, by inode. */
static char **first_names;

static fs_ino_t find_top(const char *top)
{
    fs_ino_t dir = super.root;
    char name[FS_NAME_MAX + 1];

    while (dir && *top) {
        size_t n = strcspn(top, "/");

        snprintf(name, sizeof(name), "%.*s", (int)n, top);
        const struct fs_dirent *e = *name ? find_entry(dir, name) : NULL;
        dir = e ? e->ino : *name ? 0 : dir;
        top += n + (top[n] != 0);
    }
    return dir && is_dir(dir) ? dir : 0;
}

static uint64_t content_of(struct fs_inode *ip)
{
    uint64_t sum = 0;

    for (uint64_t i = 0; i < size_in_blocks(ip); i++) {
        const blkno_t *p = pointer_to(ip, i);

        if (p && is_data_block(*p))
            sum += page_hash(i, block_at(*p));
    }
    return sum;
}

static int by_name(const void *a, const void *b)
{
    return strncmp((*(struct fs_dirent *const *)a)->name, (*(struct fs_dirent *const *)b)->name, FS_NAME_MAX);
}

static void list_tree(struct text *t, fs_ino_t ino, const char *path)
{
    struct fs_inode *ip = inode_at(ino);
    struct attributes a = {.mode = ip->mode,
                           .nlink = ip->nlink,
                           .uid = ip->uid,
                           .gid = ip->gid,
                           .rdev = ip->rdev,
                           .size = ip->size,
                           .mtime = ip->mtime};

    if (first_names[ino]) {
        tree_same(t, path, first_names[ino]);
        return;
    }
    first_names[ino] = strdup(path);
    if (S_ISLNK(ip->mode))
        a.content = hash_bytes(block_at(ip->direct[0]), ip->size);
    else if (S_ISREG(ip->mode))
        a.content = content_of(ip);
    tree_line(t, path, &a);
    if (!S_ISDIR(ip->mode))
        return;
    uint64_t nblocks = size_in_blocks(ip), n = 0;
    struct fs_dirent **here = allocate(nblocks * FS_DIRENTS_PER_BLOCK, sizeof(*here));
    for (uint64_t i = 0; i < nblocks; i++) {
        struct fs_dirent *e = dir_block(ino, i);

        for (unsigned k = 0; k < FS_DIRENTS_PER_BLOCK; k++, e++)
            if (e->ino != 0 && !is_dot(e))
                here[n++] = e;
    }
    qsort(here, n, sizeof(*here), by_name);
    for (uint64_t i = 0; i < n; i++) {
        char sub[400];

        snprintf(sub, sizeof(sub), "%.300s%s%.*s", path, *path ? "/" : "", FS_NAME_MAX, here[i]->name);
        list_tree(t, here[i]->ino, sub);
    }
    free(here);
}

unsigned fsck_memory(uint8_t *disk, uint64_t nblocks, const char *top, struct text *t, struct text *faults,
                     unsigned *orphans)
{
    image = disk;
    image_blocks = nblocks;
    image_path = "the image";
    quiet = true;
    errors = messages = unrepaired = 0;
    said = faults;
    *orphans = 0;
    if (setjmp(given_up))
        return errors + 1;
    check(true);
    for (fs_ino_t ino = inode_at(0)->next_orphan; ino != 0; ino = inode_at(ino)->next_orphan)
        ++*orphans;
    fs_ino_t dir = find_top(top);
    first_names = allocate(super.ninodes, sizeof(*first_names));
    if (dir)
        list_tree(t, dir, "");
    else
        text_add(t, "there is no directory %s\n", top);
    for (fs_ino_t ino = 0; ino < super.ninodes; ino++)
        free(first_names[ino]);
    free(first_names);
    return errors;
}
