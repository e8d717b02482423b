/* Files as the tests of xv6 use them, and well past the limits that xv6 had. */
#include "tests.h"

static char buf[65536];

static void opentest(void)
{
    int fd = open("/bin/echo", O_RDONLY);

    CHECK(fd >= 0, "open of /bin/echo: %s", strerror(errno));
    CHECK_CALL(0, sys_close(fd));
    CHECK_CALL(-ENOENT, sys_openat(AT_FDCWD, (long)"doesnotexist", O_RDONLY, 0));
}

static void writetest(void)
{
    int fd = open_new("small");

    for (int i = 0; i < 100; i++) {
        CHECK_CALL(10, sys_write(fd, (long)"aaaaaaaaaa", 10));
        CHECK_CALL(10, sys_write(fd, (long)"bbbbbbbbbb", 10));
    }
    close(fd);
    fd = open("small", O_RDONLY);
    CHECK_CALL(2000, sys_read(fd, (long)buf, sizeof(buf)));
    for (int i = 0; i < 2000; i++)
        CHECK(buf[i] == (i / 10 % 2 ? 'b' : 'a'), "byte %d is %c", i, buf[i]);
}

/* Larger than any file of xv6 could be, a block at a time, each with its number. */
static void writebig(void)
{
    enum { BLOCKS = 1500 };
    int fd = open_new("big");

    for (int i = 0; i < BLOCKS; i++) {
        *(int *)buf = i;
        CHECK_CALL(1024, sys_write(fd, (long)buf, 1024));
    }
    close(fd);
    fd = open("big", O_RDONLY);
    for (int i = 0; i < BLOCKS; i++) {
        CHECK_CALL(1024, sys_read(fd, (long)buf, 1024));
        CHECK(*(int *)buf == i, "block %d holds number %d", i, *(int *)buf);
    }
    CHECK_CALL(0, sys_read(fd, (long)buf, 1024));
}

static void createtest(void)
{
    char name[8];

    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "a%d", i);
        close(open_new(name));
    }
    CHECK(count_entries(".") == 200, "%d entries, expected 200", count_entries("."));
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "a%d", i);
        CHECK(unlink(name) == 0, "%s: %s", name, strerror(errno));
    }
    CHECK(count_entries(".") == 0, "%d entries, expected none", count_entries("."));
}

/* Writes of all sizes. */
static void bigwrite(void)
{
    for (int size = 499; size < (int)sizeof(buf); size += 4711) {
        int fd = open_new("bigwrite");
        for (int i = 0; i < 2; i++)
            CHECK_CALL(size, sys_write(fd, (long)buf, size));
        close(fd);
        CHECK(file_size("bigwrite") == 2 * size, "size %ld, expected %d", (long)file_size("bigwrite"),
              2 * size);
    }
}

/* Written and read in different pieces. */
static void bigfile(void)
{
    int fd = open_new("bigfile.dat");

    for (int i = 0; i < 20; i++) {
        memset(buf, i, 600);
        CHECK_CALL(600, sys_write(fd, (long)buf, 600));
    }
    lseek(fd, 0, SEEK_SET);
    for (int i = 0; i < 40; i++) {
        CHECK_CALL(300, sys_read(fd, (long)buf, 300));
        CHECK(buf[0] == i / 2 && buf[299] == i / 2, "piece %d holds %d and %d", i, buf[0], buf[299]);
    }
    CHECK_CALL(0, sys_read(fd, (long)buf, 300));
}

static int shared;

static void write_ten(long who)
{
    char record[10];

    memset(record, who ? 'p' : 'c', sizeof(record));
    for (int i = 0; i < 1000; i++)
        CHECK_CALL(10, sys_write(shared, (long)record, 10));
}

static void sharedfd(void)
{
    int count[2] = {0};

    shared = open_new("sharedfd");
    in_children(2, write_ten);
    CHECK(file_size("sharedfd") == 20000, "size %ld", (long)file_size("sharedfd"));
    lseek(shared, 0, SEEK_SET);
    CHECK_CALL(20000, sys_read(shared, (long)buf, 20000));
    for (int i = 0; i < 20000; i++)
        count[buf[i] == 'p']++;
    CHECK(count[0] == 10000 && count[1] == 10000, "%d and %d, expected 10000 each", count[0], count[1]);
}

static void write_own(long i)
{
    char name[4] = {'f', '0' + i};

    make_file(name, 12 * 500, i);
}

static void fourfiles(void)
{
    in_children(4, write_own);
    for (int i = 0; i < 4; i++) {
        char name[4] = {'f', '0' + i};
        check_file(name, 12 * 500, i);
    }
}

static void create_and_delete(long who)
{
    char name[8];

    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof(name), "%c%d", 'p' + (int)who, i);
        close(open_new(name));
        if (i > 0 && i % 2 == 0) {
            snprintf(name, sizeof(name), "%c%d", 'p' + (int)who, i / 2);
            CHECK(unlink(name) == 0, "%s: %s", name, strerror(errno));
        }
    }
}

static void createdelete(void)
{
    char name[8];

    in_children(4, create_and_delete);
    for (int i = 0; i < 20; i++)
        for (int who = 0; who < 4; who++) {
            snprintf(name, sizeof(name), "%c%d", 'p' + who, i);
            bool there = access(name, F_OK) == 0, want = i == 0 || i >= 10;
            CHECK(there == want, "%s is %sthere", name, there ? "" : "not ");
        }
}

static void write_round(long id)
{
    char name[4] = {'b', 'a' + id};

    for (int i = 0; i < 10; i++) {
        make_file(name, 60000, id);
        check_file(name, 60000, id);
    }
}

/* More writers than a small log or cache can serve at once: they take turns. */
static void manywrites(void)
{
    in_children(12, write_round);
}

static void read_round(long id)
{
    if (id < 6)
        write_round(id);
    else
        for (int i = 0; i < 5; i++)
            check_file("many", 300000, 1);
}

static void readers_and_writers(void)
{
    make_file("many", 300000, 1);
    in_children(26, read_round);
}

/* A write that fails takes no blocks. */
static void badwrite(void)
{
    struct abi_statfs before, after;

    getstatfs("/", &before);
    for (int i = 0; i < 500; i++) {
        int fd = open_new("junk");
        CHECK_CALL(-EFAULT, sys_write(fd, -1, 1));
        close(fd);
        CHECK(unlink("junk") == 0, "unlink: %s", strerror(errno));
    }
    sys_sync(0);
    getstatfs("/", &after);
    CHECK(after.bfree + 8 >= before.bfree, "%lu blocks free, were %lu", after.bfree, before.bfree);
}

static void hold_files(long id)
{
    char name[32];

    for (int i = 0; i < 60; i++) {
        snprintf(name, sizeof(name), "h%ld-%d", id, i);
        open_new(name);
    }
    CHECK_CALL(63, sys_openat(AT_FDCWD, (long)"/dev/null", O_RDONLY, 0));
}

/* 600 different files open at once; xv6 had room for 50. */
static void many_open_inodes(void)
{
    in_children(10, hold_files);
    CHECK(count_entries(".") == 600, "%d files", count_entries("."));
}

static void hold_descriptors(long id)
{
    (void)id;
    for (int i = 3; i < 500; i++)
        CHECK_CALL(i, sys_openat(AT_FDCWD, (long)"/bin/sh", O_RDONLY, 0));
    sleep_ms(20);
}

/* 2000 open files in the system; xv6 had room for 100. */
static void many_open_files(void)
{
    in_children(4, hold_descriptors);
}

/* ---- who holds an inode at the end ---- */

static void iput(void)
{
    CHECK(mkdir("iputdir") == 0 && chdir("iputdir") == 0, "iputdir: %s", strerror(errno));
    CHECK(unlink("../iputdir") == 0, "unlink of the working directory: %s", strerror(errno));
    CHECK(chdir("/") == 0, "chdir: %s", strerror(errno));
}

static void exit_in_removed(long unused)
{
    (void)unused;
    CHECK(mkdir("gone") == 0 && chdir("gone") == 0 && unlink("../gone") == 0, "gone: %s", strerror(errno));
}

static void exitiput(void)
{
    CHECK(in_child(exit_in_removed, 0) == 0, "child");
    CHECK(access("gone", F_OK) < 0, "the directory is still there");
}

static void open_directory(long unused)
{
    (void)unused;
    for (int i = 0; i < 500; i++) {
        long fd = sys_openat(AT_FDCWD, (long)"oidir", O_RDWR, 0);
        CHECK(fd == -EISDIR || fd == -ENOENT, "open of a directory to write gave %ld", fd);
    }
}

static void openiput(void)
{
    CHECK(mkdir("oidir") == 0, "mkdir: %s", strerror(errno));
    int pid = start_child(open_directory, 0);
    sleep_ms(1);
    CHECK(unlink("oidir") == 0, "unlink: %s", strerror(errno));
    CHECK(wait_for(pid) == 0, "child");
}

/* Directories in directories, all removed from inside; and files made in what is gone. */
static void iref(void)
{
    for (int i = 0; i < 51; i++) {
        CHECK(mkdir("irefd") == 0 && chdir("irefd") == 0, "irefd: %s", strerror(errno));
        CHECK_CALL(-ENOENT, sys_mkdirat(AT_FDCWD, (long)"", 0777));
        CHECK_CALL(-ENOENT, sys_linkat(AT_FDCWD, (long)"/bin/sh", AT_FDCWD, (long)"", 0));
        CHECK_CALL(-ENOENT, sys_openat(AT_FDCWD, (long)"", O_CREAT | O_RDWR, 0666));
        close(open("xx", O_CREAT | O_RDWR));
        unlink("xx");
    }
    for (int i = 0; i < 51; i++) {
        CHECK(chdir("..") == 0, "chdir: %s", strerror(errno));
        CHECK(unlink("irefd") == 0, "unlink %d: %s", i, strerror(errno));
    }
}

static const struct test tests[] = {
    TEST(opentest),
    TEST(writetest),
    TEST(writebig),
    TEST(createtest),
    TEST(bigwrite),
    TEST(bigfile),
    TEST(sharedfd),
    TEST(fourfiles),
    TEST(createdelete),
    TEST(manywrites),
    TEST(readers_and_writers),
    TEST(badwrite),
    TEST(many_open_inodes),
    TEST(many_open_files),
    TEST(iput),
    TEST(exitiput),
    TEST(openiput),
    TEST(iref),
};
const struct topic topic_xv6 = {"xv6", tests, sizeof(tests) / sizeof(tests[0])};
