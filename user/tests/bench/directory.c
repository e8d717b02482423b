/* Names: creating, finding, renaming, removing them; small and large directories. */
#include "bench.h"

#define MANY 10000

static void create_unlink(void)
{
    begin();
    for (int i = 0; i < 30; i++) {
        close(need(os_create("bc"), "create"));
        need(unlink("bc"), "unlink");
    }
    end(30);
}

static void rename_file(void)
{
    make_file("a", KB);
    for (int i = -10; i < 100; i++) {
        if (i == 0)
            begin();
        need(i & 1 ? rename("b", "a") : rename("a", "b"), "rename");
    }
    end(100);
}

static void rename_over(void)
{
    for (int i = 0; i < 110; i++) {
        char name[16];
        snprintf(name, sizeof(name), "n%d", i);
        make_file(name, 0);
    }
    for (int i = -10; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof(name), "n%d", i + 10);
        if (i == 0)
            begin();
        need(rename(name, "target"), "rename");
    }
    end(100);
}

static void link_unlink(void)
{
    make_file("a", KB);
    for (int i = -10; i < 100; i++) {
        if (i == 0)
            begin();
        need(link("a", "b"), "link");
        need(unlink("b"), "unlink");
    }
    end(100);
}

static void mkdir_rmdir(void)
{
    for (int i = -5; i < 30; i++) {
        if (i == 0)
            begin();
        need(os_mkdir("d"), "mkdir");
        need(rmdir("d"), "rmdir");
    }
    end(30);
}

static void lookup_depth_4(void)
{
    need(os_mkdir("a"), "mkdir");
    need(os_mkdir("a/b"), "mkdir");
    need(os_mkdir("a/b/c"), "mkdir");
    make_file("a/b/c/f", KB);
    measure_stat("a/b/c/f");
}

static char names[MANY + 100][12];

/* Fills the directory d with that many files; all names are made beforehand, so that they cost the same always. */
static void fill(int entries)
{
    for (int i = 0; i < MANY + 100; i++)
        snprintf(names[i], sizeof(names[i]), "d/name%d", i);
    need(os_mkdir("d"), "mkdir");
    for (int i = 0; i < entries; i++)
        close(need(os_create(names[i]), "create"));
}

/* Names in no order: 7919 and the numbers of entries have no common factor. */
static void lookup_among(int entries)
{
    os_stat st;
    fill(entries);
    for (int i = -10; i < 500; i++) {
        if (i == 0)
            begin();
        need(os_getstat(names[(i + 10) * 7919 % entries], &st), "stat");
    }
    end(500);
}

static void lookup_1(void)
{
    lookup_among(1);
}

static void lookup_10000(void)
{
    lookup_among(MANY);
}

static void miss_among(int entries)
{
    os_stat st;
    fill(entries);
    for (int i = -10; i < 90; i++) {
        if (i == 0)
            begin();
        if (os_getstat(names[MANY + 10 + i], &st) >= 0)
            fail("a missing file was found");
    }
    end(90);
}

static void miss_empty(void)
{
    miss_among(0);
}

static void miss_10000(void)
{
    miss_among(MANY);
}

/* The same files are made and removed before, so that the blocks of the disk that hold their inodes are cached. */
static void create_among(int entries)
{
    fill(entries);
    for (int round = 0; round < 2; round++) {
        begin();
        for (int i = 0; i < 100; i++)
            close(need(os_create(names[MANY + i]), "create"));
        if (round)
            end(100);
        for (int i = 0; i < 100; i++)
            need(unlink(names[MANY + i]), "unlink");
    }
}

static void create_empty(void)
{
    create_among(0);
}

static void create_10000(void)
{
    create_among(MANY);
}

static void unlink_among(int entries)
{
    fill(entries);
    begin();
    for (int i = 0; i < 100; i++)
        need(unlink(names[i * 7919 % entries]), "unlink");
    end(100);
}

static void unlink_100(void)
{
    unlink_among(100);
}

static void unlink_10000(void)
{
    unlink_among(MANY);
}

static void list_10000(void)
{
    fill(MANY);
    int fd = need(open("d", O_RDONLY), "open");
    begin();
    while (need(os_getdents(fd, buf, 4096), "getdents") > 0)
        ;
    end(MANY);
}

const struct row directory_rows[] = {
    {"create-unlink", create_unlink, "create an empty file and remove it"},
    {"rename", rename_file, "rename a file"},
    {"rename-over", rename_over, "rename a file over another"},
    {"link-unlink", link_unlink, "a second name for a file, and remove it"},
    {"mkdir-rmdir", mkdir_rmdir, "make a directory and remove it"},
    {"lookup-depth-4", lookup_depth_4, "stat of a/b/c/f"},
    {"lookup-1", lookup_1, "stat of the only file in a directory"},
    {"lookup-10000", lookup_10000, "stat of one of 10,000 files in a directory"},
    {"miss-0", miss_empty, "stat of a missing file in an empty directory"},
    {"miss-10000", miss_10000, "the same in a directory of 10,000 files"},
    {"create-0", create_empty, "create a file in an empty directory"},
    {"create-10000", create_10000, "the same in a directory of 10,000 files"},
    {"unlink-100", unlink_100, "remove a file from a directory of 100"},
    {"unlink-10000", unlink_10000, "the same from a directory of 10,000"},
    {"list-10000", list_10000, "read a directory of 10,000 files, per entry"},
    {NULL, NULL, NULL},
};
