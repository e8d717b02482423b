/* Links, unlinking and renaming, also at the same time. */
#include "tests.h"

static long link_call(const char *old, const char *name)
{
    return sys_linkat(AT_FDCWD, (long)old, AT_FDCWD, (long)name, 0);
}

static long rename_call(const char *old, const char *name)
{
    return sys_renameat2(AT_FDCWD, (long)old, AT_FDCWD, (long)name, 0);
}

static void linktest(void)
{
    make_file("lf1", 5, 1);
    CHECK_CALL(0, link_call("lf1", "lf2"));
    CHECK_CALL(0, sys_unlinkat(AT_FDCWD, (long)"lf1", 0));
    CHECK_CALL(-ENOENT, sys_openat(AT_FDCWD, (long)"lf1", O_RDONLY, 0));
    check_file("lf2", 5, 1);
    CHECK_CALL(-EEXIST, link_call("lf2", "lf2"));
    CHECK(unlink("lf2") == 0, "unlink: %s", strerror(errno));
    CHECK_CALL(-ENOENT, link_call("lf2", "lf1"));
    CHECK_CALL(-EPERM, link_call(".", "lf1"));
}

static void unlinkread(void)
{
    char got[16];
    int fd = open_new("unlinkread");

    write(fd, "hello", 5);
    CHECK(unlink("unlinkread") == 0, "unlink: %s", strerror(errno));
    int other = open_new("unlinkread");
    write(other, "yyy", 3);
    close(other);
    CHECK_CALL(5, sys_pread64(fd, (long)got, sizeof(got), 0));
    CHECK(!memcmp(got, "hello", 5), "the old file holds another's bytes");
    CHECK_CALL(10, sys_write(fd, (long)got, 10));
}

static void concreate_step(long who)
{
    char name[8];

    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "C%d", i);
        unlink(name);
        if (who % 2)
            link("C0", name);
        else
            close(open(name, O_CREAT | O_RDWR));
    }
}

/* Create, link and unlink the same names at once: each name is there once, or not. */
static void concreate(void)
{
    static uint8_t seen[100];
    struct dir d;

    in_children(4, concreate_step);
    CHECK(dir_open(&d, ".") == 0, "dir_open");
    for (struct abi_dirent64 *e; (e = dir_next(&d));) {
        if (dir_is_dot(e->name))
            continue;
        int i = atoi(e->name + 1);
        CHECK(e->name[0] == 'C' && i < 100 && !seen[i], "name %s twice, or never created", e->name);
        seen[i] = 1;
    }
    dir_close(&d);
}

static void linkunlink_step(long who)
{
    uint32_t x = who ? 1 : 97;

    for (int i = 0; i < 500; i++) {
        x = x * 1103515245 + 12345;
        if (x % 3 == 0)
            close(open("x", O_RDWR | O_CREAT));
        else if (x % 3 == 1)
            link("/bin/true", "x");
        else
            unlink("x");
    }
}

static void linkunlink(void)
{
    unsigned before = link_count("/bin/true");

    in_children(4, linkunlink_step);
    unlink("x");
    CHECK(link_count("/bin/true") == before, "/bin/true has %u links, expected %u", link_count("/bin/true"),
          before);
}

static void bigdir(void)
{
    char name[16];

    close(open_new("bd"));
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof(name), "x%c%c", '0' + i / 64, '0' + i % 64);
        CHECK_CALL(0, link_call("bd", name));
    }
    CHECK(link_count("bd") == 501, "%u links, expected 501", link_count("bd"));
    CHECK(unlink("bd") == 0, "unlink: %s", strerror(errno));
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof(name), "x%c%c", '0' + i / 64, '0' + i % 64);
        CHECK(unlink(name) == 0, "%s: %s", name, strerror(errno));
    }
}

static void subdir(void)
{
    CHECK(mkdir("dd") == 0 && mkdir("/tmp/../tmp") < 0, "mkdir");
    make_file("dd/ff", 2, 1);
    CHECK_CALL(-ENOTEMPTY, sys_unlinkat(AT_FDCWD, (long)"dd", AT_REMOVEDIR));
    CHECK(mkdir("dd/dd") == 0, "mkdir: %s", strerror(errno));
    make_file("dd/dd/ff", 3, 2);
    check_file("dd/dd/../ff", 2, 1);
    CHECK_CALL(0, link_call("dd/dd/ff", "dd/dd/ffff"));
    CHECK(unlink("dd/dd/ff") == 0, "unlink: %s", strerror(errno));
    CHECK(chdir("dd") == 0 && chdir("dd/../../dd") == 0 && chdir("./..") == 0, "chdir: %s", strerror(errno));
    check_file("dd/dd/ffff", 3, 2);
    CHECK_CALL(-ENOTDIR, sys_openat(AT_FDCWD, (long)"dd/ff/ff", O_CREAT | O_RDWR, 0666));
    CHECK_CALL(-ENOENT, sys_openat(AT_FDCWD, (long)"dd/xx/ff", O_CREAT | O_RDWR, 0666));
    CHECK_CALL(-ENOTDIR, link_call("dd/ff/ff", "dd/dd/xx"));
    CHECK_CALL(-ENOENT, link_call("dd/xx/ff", "dd/dd/xx"));
    CHECK_CALL(-EEXIST, link_call("dd/ff", "dd/dd/ffff"));
    CHECK_CALL(-ENOTDIR, sys_chdir((long)"dd/ff"));
    CHECK_CALL(-ENOENT, sys_chdir((long)"dd/xx"));
}

static void rmdot(void)
{
    CHECK(mkdir("dots") == 0 && chdir("dots") == 0, "dots: %s", strerror(errno));
    CHECK(unlink(".") < 0 && unlink("..") < 0, "a dot was removed");
    CHECK(chdir("/") == 0, "chdir: %s", strerror(errno));
    CHECK(unlink("/.") < 0 && unlink("/..") < 0 && unlink("/") < 0, "the root was removed");
}

static void dirfile(void)
{
    make_file("dirfile", 1, 1);
    CHECK_CALL(-ENOTDIR, sys_chdir((long)"dirfile"));
    CHECK_CALL(-ENOTDIR, sys_openat(AT_FDCWD, (long)"dirfile/xx", O_RDONLY, 0));
    CHECK_CALL(-ENOTDIR, sys_openat(AT_FDCWD, (long)"dirfile/xx", O_CREAT, 0666));
    CHECK_CALL(-ENOTDIR, sys_mkdirat(AT_FDCWD, (long)"dirfile/xx", 0777));
    CHECK_CALL(-ENOTDIR, sys_unlinkat(AT_FDCWD, (long)"dirfile/xx", 0));
    CHECK_CALL(-ENOTDIR, link_call("/bin/sh", "dirfile/xx"));
    CHECK_CALL(-EBADF, sys_write(open(".", O_RDONLY), (long)"x", 1));
}

static void dirtest(void)
{
    CHECK(mkdir("dir0") == 0 && chdir("dir0") == 0 && chdir("..") == 0 && unlink("dir0") == 0, "dir0: %s",
          strerror(errno));
}

/* Many levels down, and back by names that go up and down. */
static void deep_directories(void)
{
    char path[4096] = "";

    for (int i = 0; i < 100; i++) {
        strcpy(path + strlen(path), i ? "/d" : "d");
        CHECK(mkdir(path) == 0, "level %d: %s", i, strerror(errno));
    }
    strcpy(path + strlen(path), "/file");
    make_file(path, 10, 1);
    path[0] = 0;
    for (int i = 0; i < 300; i++)
        strcpy(path + strlen(path), "d/../");
    CHECK_CALL(0, sys_faccessat(AT_FDCWD, (long)path, F_OK));
    CHECK(chdir("d") == 0 && count_entries(".") == 1, "d: %s", strerror(errno));
}

/* Of several who remove one name, one succeeds. */
static volatile int *winners;

static void unlink_it(long unused)
{
    (void)unused;
    for (int i = 0; i < 100; i++) {
        char name[8];
        snprintf(name, sizeof(name), "u%d", i);
        if (unlink(name) == 0)
            __atomic_fetch_add(winners, 1, __ATOMIC_SEQ_CST);
        else
            CHECK(errno == ENOENT, "unlink: %s", strerror(errno));
    }
}

static void unlink_has_one_winner(void)
{
    winners = (int *)shared_pages(1);
    for (int i = 0; i < 100; i++) {
        char name[8];
        snprintf(name, sizeof(name), "u%d", i);
        close(open_new(name));
    }
    in_children(4, unlink_it);
    CHECK(*winners == 100, "%d unlinks succeeded, expected 100", *winners);
}

/* 65,000 links to one file, in directories of 2,500, and not one more. */
static void link_limit(void)
{
    char name[32];
    int n = 1;
    long r;

    close(open_new("f"));
    for (;; n++) {
        snprintf(name, sizeof(name), "d%d", n / 2500);
        if (n % 2500 == 0 || n == 1)
            CHECK(mkdir(name) == 0, "%s: %s", name, strerror(errno));
        snprintf(name, sizeof(name), "d%d/n%d", n / 2500, n);
        r = link_call("f", name);
        if (r != 0)
            break;
    }
    CHECK(r == -EMLINK && n == LINK_MAX, "link %d gave %ld (%s), expected EMLINK at %d", n, r, strerror(-r),
          LINK_MAX);
    CHECK(link_count("f") == LINK_MAX, "%u links", link_count("f"));
    CHECK(unlink("d0/n1") == 0, "unlink: %s", strerror(errno));
    CHECK_CALL(0, link_call("f", "again"));
    CHECK_CALL(-EMLINK, link_call("f", "d0/n1"));
}

/* ---- rename ---- */

static void rename_over_open_file(void)
{
    char c;

    make_file("old", 10, 1);
    make_file("new", 20000, 2);
    int fd = open("new", O_RDONLY);
    CHECK_CALL(0, rename_call("old", "new"));
    check_file("new", 10, 1);
    CHECK_CALL(1, sys_pread64(fd, (long)&c, 1, 19999));
    CHECK((uint8_t)c == pattern_byte(19999, 2), "the replaced file's last byte is %d", c);
}

static void rename_keeps_inode(void)
{
    struct abi_stat a, b;

    make_file("a", 10, 1);
    getstat("a", &a);
    CHECK(mkdir("d") == 0, "mkdir");
    CHECK_CALL(0, rename_call("a", "d/b"));
    getstat("d/b", &b);
    CHECK(a.ino == b.ino && b.nlink == 1, "inode %lu became %lu with %u links", a.ino, b.ino, b.nlink);
}

/* Exchanging two names is refused, and changes nothing. */
static void rename_exchange(void)
{
    make_file("a", 10, 1);
    make_file("b", 20, 2);
    CHECK_CALL(-EINVAL, sys_renameat2(AT_FDCWD, (long)"a", AT_FDCWD, (long)"b", RENAME_EXCHANGE));
    check_file("a", 10, 1);
    check_file("b", 20, 2);
}

static void rename_directory_moves_dotdot(void)
{
    CHECK(mkdir("a") == 0 && mkdir("a/x") == 0 && mkdir("b") == 0, "mkdir");
    close(open_new("b/mark"));
    CHECK_CALL(0, rename_call("a/x", "b/x"));
    CHECK(link_count("a") == 2 && link_count("b") == 3, "links: a %u, b %u, expected 2 and 3",
          link_count("a"), link_count("b"));
    CHECK(chdir("b/x") == 0 && access("../mark", F_OK) == 0, "\"..\" is still the old parent");
}

static void rename_across_filesystems(void)
{
    make_file("f", 1, 1);
    CHECK(rename_call("f", "/proc/f") < 0, "renamed into /proc");
    CHECK(rename_call("/proc/version", "v") < 0, "renamed out of /proc");
    CHECK(link_call("/proc/version", "v") < 0, "linked out of /proc");
    check_file("f", 1, 1);
}

static void rename_round(long who)
{
    for (int i = 0; i < 300; i++) {
        switch (who) {
        case 0:
            rename_call("a", "b/a");
            break;
        case 1:
            rename_call("b", "a/b");
            break;
        case 2:
            rename_call("b/a", "a");
            break;
        case 3:
            rename_call("a/b", "b");
            break;
        case 4:
            access("a/b/a/../..", F_OK);
            break;
        default:
            close(open("a/b/../f", O_CREAT | O_RDWR));
        }
    }
}

/* Each into the other: one of them must fail, or both are gone from the tree. */
static void rename_into_each_other(void)
{
    for (int i = 0; i < 5; i++) {
        CHECK(mkdir("a") == 0 && mkdir("b") == 0, "mkdir: %s", strerror(errno));
        in_children(6, rename_round);
        CHECK(count_entries(".") > 0, "both directories are gone");
        rename_call("b/a", "a");
        rename_call("a/b", "b");
        unlink("a/f");
        unlink("b/f");
        CHECK(unlink("a") == 0 && unlink("b") == 0, "remove: %s", strerror(errno));
    }
}

/* While one renames, the name is always there for the other. */
static void replace_name(long unused)
{
    (void)unused;
    for (;;) {
        make_file("t", 10, 1);
        rename_call("t", "always");
    }
}

static void rename_is_atomic(void)
{
    make_file("always", 10, 1);
    int pid = start_child(replace_name, 0);
    for (int i = 0; i < 2000; i++)
        CHECK_CALL(0, sys_faccessat(AT_FDCWD, (long)"always", F_OK));
    end_child(pid);
    check_file("always", 10, 1);
}

static const struct test tests[] = {
    TEST(linktest),
    TEST(unlinkread),
    TEST(concreate),
    TEST(linkunlink),
    TEST(bigdir),
    TEST(subdir),
    TEST(rmdot),
    TEST(dirfile),
    TEST(dirtest),
    TEST(deep_directories),
    TEST(unlink_has_one_winner),
    SLOW(link_limit),
    TEST(rename_over_open_file),
    TEST(rename_keeps_inode),
    TEST(rename_exchange),
    TEST(rename_directory_moves_dotdot),
    TEST(rename_across_filesystems),
    TEST(rename_into_each_other),
    TEST(rename_is_atomic),
};
const struct topic topic_link = {"link", tests, sizeof(tests) / sizeof(tests[0])};
