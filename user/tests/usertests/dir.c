/* Names: directories, links, rename, paths. */
#include "tests.h"

#define DIRFD                 AT_FDCWD
#define OPEN(path, flags)     sys_openat(DIRFD, (long)(path), flags, 0666)
#define MKDIR(path)           sys_mkdirat(DIRFD, (long)(path), 0777)
#define UNLINK(path)          sys_unlinkat(DIRFD, (long)(path), 0)
#define RMDIR(path)           sys_unlinkat(DIRFD, (long)(path), AT_REMOVEDIR)
#define LINK(a, b)            sys_linkat(DIRFD, (long)(a), DIRFD, (long)(b), 0)
#define SYMLINK(target, path) sys_symlinkat((long)(target), DIRFD, (long)(path))
#define RENAME(a, b)          sys_renameat2(DIRFD, (long)(a), DIRFD, (long)(b), 0)
#define EXISTS(path)          (sys_faccessat(DIRFD, (long)(path), F_OK) == 0)

static void make_and_remove(void)
{
    CHECK_CALL(0, MKDIR("a"));
    CHECK_CALL(-EEXIST, MKDIR("a"));
    CHECK_CALL(0, MKDIR("a/b"));
    CHECK_CALL(-ENOTEMPTY, RMDIR("a"));
    CHECK_CALL(-EISDIR, UNLINK("a/b"));
    CHECK(link_count("a") == 3, "nlink %u", link_count("a"));
    CHECK_CALL(0, RMDIR("a/b"));
    CHECK(link_count("a") == 2, "nlink %u", link_count("a"));
    CHECK_CALL(0, RMDIR("a"));
    CHECK_CALL(-ENOENT, RMDIR("a"));
    make_file("f", 1, 1);
    CHECK_CALL(-ENOTDIR, RMDIR("f"));
    CHECK_CALL(-ENOTDIR, MKDIR("f/x"));
    CHECK_CALL(-EEXIST, MKDIR("f"));
}

static void special_names(void)
{
    CHECK_CALL(-EINVAL, RMDIR("."));
    CHECK(RMDIR("..") < 0, "rmdir ..");
    CHECK_CALL(-EISDIR, UNLINK("."));
    CHECK(RMDIR("/") < 0 && UNLINK("/") < 0, "/ can be removed");
    CHECK_CALL(-ENOENT, UNLINK(""));
    CHECK_CALL(-ENOENT, OPEN("", O_RDONLY));
    CHECK_CALL(-ENOENT, sys_chdir((long)""));
    CHECK_CALL(-EEXIST, MKDIR("."));
    CHECK_CALL(-EEXIST, MKDIR("/"));
    CHECK_CALL(0, MKDIR("d"));
    CHECK_CALL(-EINVAL, RMDIR("d/."));
    CHECK(RMDIR("d/..") < 0, "rmdir d/..");
    make_file("f", 1, 1);
    CHECK_CALL(-ENOTDIR, OPEN("f/", O_RDONLY));
    CHECK_CALL(-ENOTDIR, OPEN("f/.", O_RDONLY));
    CHECK_CALL(0, MKDIR("e/"));
    CHECK_CALL(0, RMDIR("e//"));
    CHECK_CALL(0, sys_chdir((long)"././././d/.././d//..//d"));
}

static void long_names(void)
{
    char name[300], path[5000];

    memset(name, 'n', sizeof(name));
    name[NAME_MAX] = 0;
    make_file(name, 10, 1);
    name[NAME_MAX - 1] = 'm';
    CHECK_CALL(-ENOENT, OPEN(name, O_RDONLY));
    name[NAME_MAX - 1] = 'n';
    check_file(name, 10, 1);
    name[NAME_MAX] = 'n';
    name[NAME_MAX + 1] = 0;
    CHECK_CALL(-ENAMETOOLONG, OPEN(name, O_CREAT | O_RDWR));
    CHECK_CALL(-ENAMETOOLONG, OPEN(name, O_RDONLY));
    CHECK_CALL(-ENAMETOOLONG, MKDIR(name));
    path[0] = 0;
    for (int i = 0; i < 2040; i++)
        memcpy(path + 2 * i, "./", 3);
    strcpy(path + 4080, "x");
    CHECK_CALL(-ENOENT, OPEN(path, O_RDONLY));
    memset(path, '/', 4096);
    path[4096] = 0;
    CHECK_CALL(-ENAMETOOLONG, OPEN(path, O_RDONLY));
    path[4095] = 0;
    CHECK(OPEN(path, O_RDONLY) >= 0, "4095 slashes");
}

static void odd_names(void)
{
    static const char *const names[] = {"a b", "\001\002", "\377\376", "...",    "-rf",  "*",
                                        "\\",  "\"",       "'",        "name\n", "a.b.c"};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        make_file(names[i], i, i);
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        check_file(names[i], i, i);
}

static void hard_links(void)
{
    make_file("f", 100, 1);
    CHECK_CALL(0, LINK("f", "g"));
    CHECK(link_count("f") == 2, "nlink %u", link_count("f"));
    CHECK_CALL(-EEXIST, LINK("f", "g"));
    CHECK_CALL(0, UNLINK("f"));
    check_file("g", 100, 1);
    CHECK(link_count("g") == 1, "nlink %u", link_count("g"));
    CHECK_CALL(0, MKDIR("d"));
    CHECK_CALL(-EPERM, LINK("d", "e"));
    CHECK_CALL(-EPERM, LINK(".", "e"));
    CHECK_CALL(-ENOENT, LINK("nofile", "e"));
    CHECK_CALL(-ENOENT, LINK("g", "nodir/e"));
}

static void symbolic_links(void)
{
    char target[200];

    make_file("f", 100, 1);
    CHECK_CALL(0, SYMLINK("f", "s"));
    check_file("s", 100, 1);
    CHECK(readlink("s", target, sizeof(target)) == 1 && target[0] == 'f', "readlink");
    CHECK_CALL(-EEXIST, SYMLINK("x", "s"));
    CHECK_CALL(-EINVAL, sys_readlinkat(DIRFD, (long)"f", (long)target, 10));
    CHECK_CALL(-ELOOP, OPEN("s", O_RDONLY | O_NOFOLLOW));
    CHECK_CALL(-EEXIST, OPEN("s", O_CREAT | O_EXCL | O_RDWR));
    CHECK_CALL(0, SYMLINK("loop", "loop"));
    CHECK_CALL(-ELOOP, OPEN("loop", O_RDONLY));
    CHECK_CALL(0, SYMLINK("b", "a"));
    CHECK_CALL(0, SYMLINK("a", "b"));
    CHECK_CALL(-ELOOP, OPEN("a/x", O_RDONLY));
    CHECK_CALL(0, SYMLINK("made", "dangling"));
    CHECK_CALL(-ENOENT, OPEN("dangling", O_RDONLY));
    CHECK(OPEN("dangling", O_CREAT | O_RDWR) >= 0 && EXISTS("made"), "create through a symbolic link");
    CHECK_CALL(0, MKDIR("d"));
    CHECK_CALL(0, SYMLINK("d", "to-d"));
    make_file("d/x", 1, 1);
    CHECK(EXISTS("to-d/x") && EXISTS("to-d/../f"), "through a link to a directory");
    CHECK_CALL(-ENOTDIR, RMDIR("to-d"));
    CHECK_CALL(0, UNLINK("s"));
    CHECK(EXISTS("f"), "the target is gone with the link");
    CHECK_CALL(-ENOENT, SYMLINK("", "empty"));
    char name[8];
    CHECK_CALL(0, SYMLINK("f", "c0"));
    for (int i = 1; i <= 45; i++) {
        char to[8];
        snprintf(to, sizeof(to), "c%d", i - 1);
        snprintf(name, sizeof(name), "c%d", i);
        CHECK_CALL(0, SYMLINK(to, name));
    }
    check_file("c39", 100, 1);
    CHECK_CALL(-ELOOP, OPEN("c45", O_RDONLY));
}

static void renames(void)
{
    make_file("a", 10, 1);
    make_file("b", 20, 2);
    CHECK_CALL(0, RENAME("a", "b"));
    CHECK(!EXISTS("a"), "a is still there");
    check_file("b", 10, 1);
    CHECK_CALL(0, RENAME("b", "b"));
    CHECK_CALL(-ENOENT, RENAME("a", "c"));
    CHECK_CALL(0, MKDIR("d"));
    CHECK_CALL(0, MKDIR("e"));
    CHECK_CALL(-EISDIR, RENAME("b", "d"));
    CHECK_CALL(-ENOTDIR, RENAME("d", "b"));
    CHECK_CALL(0, RENAME("d", "e"));
    CHECK_CALL(0, MKDIR("d"));
    make_file("e/x", 1, 1);
    CHECK_CALL(-ENOTEMPTY, RENAME("d", "e"));
    CHECK_CALL(-EINVAL, RENAME("e", "e/inside"));
    CHECK_CALL(0, RENAME("e", "d/e"));
    CHECK(EXISTS("d/e/x") && EXISTS("d/e/../e/x"), "moved directory");
    CHECK(link_count("d") == 3, "nlink of the new parent %u", link_count("d"));
    CHECK_CALL(-EINVAL, RENAME("d", "d/e/d"));
    CHECK(RENAME(".", "z") < 0 && RENAME("d/..", "z") < 0, "rename of dots");
    CHECK_CALL(0, LINK("b", "b2"));
    CHECK_CALL(0, RENAME("b", "b2"));
    CHECK(EXISTS("b") && EXISTS("b2"), "rename between two links to one file does nothing");
    CHECK_CALL(-EEXIST, sys_renameat2(DIRFD, (long)"b", DIRFD, (long)"d", RENAME_NOREPLACE));
    CHECK_CALL(-EINVAL, sys_renameat2(DIRFD, (long)"b", DIRFD, (long)"d", 77));
}

/* Removing the directory one is in. */
static void removed_cwd(void)
{
    char buf[100];

    CHECK_CALL(0, MKDIR("a"));
    CHECK_CALL(0, MKDIR("a/b"));
    CHECK_CALL(0, sys_chdir((long)"a/b"));
    CHECK_CALL(0, RMDIR("../../a/b"));
    RMDIR("../../a"); /* ".." is gone with the directory; either answer is right */
    CHECK(OPEN("x", O_CREAT | O_RDWR) == -ENOENT, "create in a removed directory");
    CHECK_CALL(-ENOENT, MKDIR("x"));
    CHECK_CALL(-ENOENT, LINK("/bin/sh", "x"));
    CHECK_CALL(-ENOENT, sys_getcwd((long)buf, sizeof(buf)));
    OPEN("..", O_RDONLY);
    OPEN("../x", O_RDONLY);
    CHECK_CALL(0, sys_chdir((long)"/"));
}

static void working_directory(void)
{
    char buf[200], want[200];

    CHECK(getcwd(want, sizeof(want)) != NULL, "getcwd");
    CHECK_CALL(0, MKDIR("d"));
    CHECK_CALL(0, MKDIR("d/e"));
    CHECK_CALL(0, sys_chdir((long)"d/e"));
    CHECK(getcwd(buf, sizeof(buf)) && !strncmp(buf, want, strlen(want)) &&
              !strcmp(buf + strlen(want), "/d/e"),
          "%s", buf);
    CHECK_CALL(0, sys_chdir((long)"../.."));
    CHECK(getcwd(buf, sizeof(buf)) && !strcmp(buf, want), "%s", buf);
    CHECK_CALL(-ENOTDIR, sys_chdir((long)"/bin/sh"));
    CHECK_CALL(-ENOENT, sys_chdir((long)"nodir"));
    int fd = open("d", O_RDONLY);
    make_file("d/x", 5, 1);
    CHECK_CALL(0, sys_faccessat(fd, (long)"x", F_OK));
    CHECK_CALL(0, sys_fchdir(fd));
    check_file("x", 5, 1);
    fd = open("x", O_RDONLY);
    CHECK_CALL(-ENOTDIR, sys_openat(fd, (long)"y", O_RDONLY, 0));
    CHECK_CALL(-ENOTDIR, sys_fchdir(fd));
    CHECK_CALL(-EBADF, sys_openat(99, (long)"y", O_RDONLY, 0));
    CHECK(sys_openat(99, (long)"/bin", O_RDONLY, 0) >= 0, "an absolute path needs no directory descriptor");
}

static void many_entries(void)
{
    enum { N = 2000 };
    char name[40];

    CHECK_CALL(0, MKDIR("d"));
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof(name), "d/entry-number-%d", i);
        CHECK_CALL(0, sys_mknodat(DIRFD, (long)name, S_IFREG | 0644, 0));
    }
    CHECK(count_entries("d") == N, "%d entries", count_entries("d"));
    for (int i = 0; i < N; i += 2) {
        snprintf(name, sizeof(name), "d/entry-number-%d", i);
        CHECK_CALL(0, UNLINK(name));
    }
    CHECK(count_entries("d") == N / 2, "%d entries", count_entries("d"));
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof(name), "d/entry-number-%d", i);
        CHECK(EXISTS(name) == (i % 2 == 1), "%s", name);
    }
    CHECK_CALL(-ENOTEMPTY, RMDIR("d"));
    for (int i = 1; i < N; i += 2) {
        snprintf(name, sizeof(name), "d/entry-number-%d", i);
        CHECK_CALL(0, UNLINK(name));
    }
    CHECK_CALL(0, RMDIR("d"));
}

/* xv6 programs read a directory as an array of struct dirent: the library does it with getdents64. */
struct xv6_dirent {
    unsigned inum;
    char name[60];
};

static void read_directory_as_xv6(void)
{
    struct xv6_dirent de;
    int fd, n = 0;

    make_file("one", 1, 1);
    make_file("two", 1, 1);
    fd = open(".", O_RDONLY);
    while (read(fd, &de, sizeof(de)) == sizeof(de)) {
        CHECK(de.inum != 0 && de.name[0], "empty entry");
        n++;
    }
    CHECK(n == 4, "%d entries", n);
}

static void race(long which)
{
    for (int i = 0; i < 300; i++) {
        switch (which) {
        case 0:
            close(OPEN("r", O_CREAT | O_RDWR));
            break;
        case 1:
            UNLINK("r");
            break;
        case 2:
            LINK("r", "s");
            UNLINK("s");
            break;
        case 3:
            RENAME("r", "t");
            RENAME("t", "r");
            break;
        case 4:
            MKDIR("d");
            RMDIR("d");
            break;
        case 5:
            MKDIR("d/e");
            RENAME("d/e", "e");
            RMDIR("e");
            break;
        case 6:
            if (sys_chdir((long)"d") == 0) {
                close(OPEN("../r", O_RDONLY));
                sys_chdir((long)"..");
            }
            break;
        case 7:
            RENAME("d", "q");
            RENAME("q", "d");
            break;
        }
    }
}

/* All kinds of operations on the same few names at once: nothing hangs or is lost. */
static void races(void)
{
    int pids[16];

    for (int i = 0; i < 16; i++)
        pids[i] = start_child(race, i % 8);
    for (int i = 0; i < 16; i++)
        CHECK(wait_for(pids[i]) == 0, "racer %d", i);
}

static void created_once(long start_fd)
{
    char c;

    read(start_fd, &c, 1);
    exit(OPEN("once", O_CREAT | O_EXCL | O_RDWR) >= 0 ? 1 : 0);
}

static void exclusive_create_has_one_winner(void)
{
    int p[2], pids[8], winners;

    for (int round = 0; round < 20; round++) {
        CHECK(pipe(p) == 0, "pipe");
        for (int i = 0; i < 8; i++)
            pids[i] = start_child(created_once, p[0]);
        write(p[1], "12345678", 8);
        winners = 0;
        for (int i = 0; i < 8; i++)
            winners += wait_for(pids[i]) == WAIT_EXITED(1);
        CHECK(winners == 1, "%d winners", winners);
        CHECK_CALL(0, UNLINK("once"));
        close(p[0]);
        close(p[1]);
    }
}

/* With a buffer for few entries at a time, each comes once. */
static void read_directory_in_pieces(void)
{
    enum { FILES = 150 };
    char name[12];
    union {
        struct abi_dirent64 first;
        char bytes[100];
    } buf;
    bool seen[FILES] = {false};
    long n;

    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        close(open_new(name));
    }
    int fd = open(".", O_RDONLY);
    while ((n = sys_getdents64(fd, (long)&buf, sizeof(buf))) > 0) {
        for (long at = 0; at < n;) {
            struct abi_dirent64 *e = (struct abi_dirent64 *)((char *)&buf + at);
            if (e->name[0] == 'n') {
                int i = strtol(e->name + 1, NULL, 10);
                CHECK(i < FILES && !seen[i], "%s came twice", e->name);
                seen[i] = true;
            }
            at += e->reclen;
        }
    }
    CHECK(n == 0, "getdents64: %s", strerror(-n));
    for (int i = 0; i < FILES; i++)
        CHECK(seen[i], "n%d did not come", i);
}

static const struct test tests[] = {
    TEST(make_and_remove),
    TEST(special_names),
    TEST(long_names),
    TEST(odd_names),
    TEST(hard_links),
    TEST(symbolic_links),
    TEST(renames),
    TEST(removed_cwd),
    TEST(working_directory),
    SLOW(many_entries),
    TEST(read_directory_as_xv6),
    TEST(races),
    TEST(exclusive_create_has_one_winner),
    TEST(read_directory_in_pieces),
};
const struct topic topic_dir = {"dir", tests, sizeof(tests) / sizeof(tests[0])};
