/* Files: contents, sizes, holes, truncation, descriptors of them. */
#include "tests.h"

static char buf[16384];

static void write_and_read(void)
{
    static const unsigned sizes[] = {0, 1, 511, 4095, 4096, 4097, 12288, 100000, 200000};

    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        make_file("f", sizes[i], i);
        check_file("f", sizes[i], i);
    }
}

/* Through direct, single and double indirect blocks. */
static void big_file(void)
{
    make_file("big", 6 << 20, 9);
    check_file("big", 6 << 20, 9);
    struct abi_stat st;
    CHECK(getstat("big", &st) == 0 && st.size == 6 << 20, "size %ld", (long)st.size);
    CHECK(st.blocks >= (6 << 20) / 512, "%ld blocks", (long)st.blocks);
    CHECK(unlink("big") == 0, "unlink");
}

static void holes(void)
{
    int fd = open("h", O_CREAT | O_RDWR);
    static const int64_t places[] = {0, 200 * 1024, 5ll << 20, 4200ll << 20, 4000000000000ll};

    for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        CHECK(pwrite(fd, "mark", 4, places[i]) == 4, "pwrite at %ld: %s", (long)places[i], strerror(errno));
    for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        memset(buf, 1, 4200);
        CHECK(pread(fd, buf, 4, places[i]) == 4 && !memcmp(buf, "mark", 4), "mark at %ld", (long)places[i]);
        if (places[i] > 8192) {
            dirty_memory();
            CHECK(pread(fd, buf, 4096, places[i] - 6000) == 4096, "read of a hole");
            for (int k = 0; k < 4096; k++)
                CHECK(buf[k] == 0, "byte %d of the hole is %d", k, buf[k]);
        }
    }
    struct abi_stat st;
    getfstat(fd, &st);
    CHECK(st.blocks * 512 < 200 * 1024, "a file of holes has %ld blocks", (long)st.blocks);
}

static void truncation(void)
{
    struct abi_stat st;

    make_file("f", 50000, 4);
    int fd = open("f", O_RDWR);
    CHECK(ftruncate(fd, 5000) == 0, "shorter");
    check_file("f", 5000, 4);
    CHECK(ftruncate(fd, 9000) == 0, "longer");
    CHECK(pread(fd, buf, 9000, 0) == 9000, "read");
    for (int i = 5000; i < 9000; i++)
        CHECK(buf[i] == 0, "byte %d came back as %d", i, buf[i]);
    CHECK_CALL(0, sys_truncate((long)"f", 10));
    CHECK(getstat("f", &st) == 0 && st.size == 10, "size %ld", (long)st.size);
    close(open("f", O_WRONLY | O_TRUNC));
    CHECK(getstat("f", &st) == 0 && st.size == 0 && st.blocks == 0, "size %ld blocks %ld", (long)st.size,
          (long)st.blocks);
    CHECK_CALL(-EISDIR, sys_truncate((long)"/bin", 0));
    fd = open("f", O_RDONLY);
    CHECK_CALL(-EINVAL, sys_ftruncate(fd, 0));
}

static void truncate_while_open(void)
{
    make_file("f", 20000, 4);
    int fd = open("f", O_RDWR);
    lseek(fd, 15000, SEEK_SET);
    close(open("f", O_WRONLY | O_TRUNC));
    CHECK_CALL(0, sys_read(fd, (long)buf, 100));
    CHECK_CALL(3, sys_write(fd, (long)"end", 3));
    CHECK(pread(fd, buf, 15003, 0) == 15003, "size");
    for (int i = 0; i < 15000; i++)
        CHECK(buf[i] == 0, "stale byte %d", i);
}

/* A file that others have open is emptied and written anew: each sees what there is now from where it was. */
static void truncate1(void)
{
    int writer = open("f", O_CREAT | O_WRONLY | O_TRUNC);
    CHECK_CALL(4, sys_write(writer, (long)"abcd", 4));
    int old = open("f", O_RDONLY);
    CHECK_CALL(4, sys_read(old, (long)buf, 100));
    int again = open("f", O_WRONLY | O_TRUNC), fresh = open("f", O_RDONLY);
    CHECK_CALL(0, sys_read(fresh, (long)buf, 100));
    CHECK_CALL(0, sys_read(old, (long)buf, 100));
    CHECK_CALL(6, sys_write(again, (long)"ghijkl", 6));
    CHECK_CALL(6, sys_read(fresh, (long)buf, 100));
    CHECK(!memcmp(buf, "ghijkl", 6), "a new reader got \"%.6s\"", buf);
    CHECK_CALL(2, sys_read(old, (long)buf, 100));
    CHECK(!memcmp(buf, "kl", 2), "the old reader got \"%.2s\"", buf);
}

/* A write behind the new end. In xv6 it fails; here, as elsewhere, it leaves a hole. */
static void truncate2(void)
{
    int first = open("f", O_CREAT | O_WRONLY | O_TRUNC);

    CHECK_CALL(4, sys_write(first, (long)"abcd", 4));
    int second = open("f", O_WRONLY | O_TRUNC);
    CHECK_CALL(1, sys_write(first, (long)"x", 1));
    CHECK(file_size("f") == 5, "size %ld, expected 5", (long)file_size("f"));
    int fd = open("f", O_RDONLY);
    CHECK(read(fd, buf, 10) == 5 && !memcmp(buf, "\0\0\0\0x", 5), "content");
    CHECK_CALL(0, sys_close(second));
}

static void truncate_often(long unused)
{
    (void)unused;
    for (int i = 0; i < 100; i++) {
        int fd = open("f", O_WRONLY | O_TRUNC);
        CHECK(fd >= 0, "open: %s", strerror(errno));
        CHECK_CALL(10, sys_write(fd, (long)"1234567890", 10));
        CHECK_CALL(0, sys_close(fd));
        fd = open("f", O_RDONLY);
        CHECK(read(fd, buf, 32) >= 0, "read: %s", strerror(errno));
        CHECK_CALL(0, sys_close(fd));
    }
}

/* Two processes empty one file, again and again. */
static void truncate3(void)
{
    close(open_new("f"));
    int child = start_child(truncate_often, 0);
    for (int i = 0; i < 150; i++) {
        int fd = open("f", O_WRONLY | O_TRUNC);
        CHECK(fd >= 0, "open: %s", strerror(errno));
        CHECK_CALL(3, sys_write(fd, (long)"xxx", 3));
        CHECK_CALL(0, sys_close(fd));
    }
    CHECK(wait_for(child) == 0, "child");
}

static void append(void)
{
    int a = open("f", O_CREAT | O_WRONLY | O_APPEND), b = open("f", O_WRONLY | O_APPEND);

    for (int i = 0; i < 100; i++) {
        CHECK_CALL(2, sys_write(a, (long)"aa", 2));
        CHECK_CALL(3, sys_write(b, (long)"bbb", 3));
    }
    struct abi_stat st;
    CHECK(getstat("f", &st) == 0 && st.size == 500, "size %ld", (long)st.size);
}

static void append_child(long fd)
{
    for (int i = 0; i < 200; i++)
        CHECK_CALL(100, sys_write(fd, (long)buf, 100));
}

/* Writers that share one offset lose nothing. */
static void shared_offset(void)
{
    int fd = open("f", O_CREAT | O_RDWR), pids[4];
    struct abi_stat st;

    for (int i = 0; i < 4; i++) {
        memset(buf, 'a' + i, 100);
        pids[i] = start_child(append_child, fd);
    }
    for (int i = 0; i < 4; i++)
        CHECK(wait_for(pids[i]) == 0, "writer");
    getfstat(fd, &st);
    CHECK(st.size == 80000, "size %ld", (long)st.size);
    int count[4] = {0};
    for (int i = 0; i < 800; i++) {
        CHECK(pread(fd, buf, 100, i * 100) == 100, "read");
        for (int k = 1; k < 100; k++)
            CHECK(buf[k] == buf[0], "records are mixed");
        count[buf[0] - 'a']++;
    }
    for (int i = 0; i < 4; i++)
        CHECK(count[i] == 200, "%d records of writer %d", count[i], i);
}

enum { RECORD = 160 << 10, RECORDS = 4 }; /* three transactions each */

static void large_writer(long fd)
{
    char *record = sbrk(RECORD);
    memset(record, buf[0], RECORD);
    for (int i = 0; i < RECORDS; i++)
        CHECK_CALL(RECORD, sys_write(fd, (long)record, RECORD));
}

/* What one request writes stays in one piece, however many transactions it takes. */
static void shared_offset_large(void)
{
    int fd = open("f", O_CREAT | O_RDWR), pids[3];

    for (int i = 0; i < 3; i++) {
        buf[0] = 'a' + i;
        pids[i] = start_child(large_writer, fd);
    }
    for (int i = 0; i < 3; i++)
        CHECK(wait_for(pids[i]) == 0, "writer");
    for (int i = 0; i < 3 * RECORDS; i++) {
        char first;
        CHECK(pread(fd, &first, 1, (long)i * RECORD) == 1, "record %d is missing", i);
        for (long at = 0; at < RECORD; at += sizeof(buf)) {
            CHECK(pread(fd, buf, sizeof(buf), (long)i * RECORD + at) == sizeof(buf), "read");
            for (unsigned k = 0; k < sizeof(buf); k += 64)
                CHECK(buf[k] == first, "records are mixed");
        }
    }
}

static void unlinked_but_open(void)
{
    make_file("f", 10000, 2);
    int fd = open("f", O_RDWR);
    CHECK(unlink("f") == 0, "unlink");
    CHECK_CALL(-ENOENT, sys_openat(AT_FDCWD, (long)"f", O_RDONLY, 0));
    CHECK(pread(fd, buf, 10000, 0) == 10000 && (uint8_t)buf[9999] == pattern_byte(9999, 2),
          "content is gone");
    CHECK(pwrite(fd, "x", 1, 100000) == 1, "write");
    struct abi_stat st;
    CHECK(getfstat(fd, &st) == 0 && st.nlink == 0, "nlink %u", st.nlink);
    make_file("f", 10, 3);
    check_file("f", 10, 3);
    close(fd);
}

static void open_flags(void)
{
    CHECK_CALL(-ENOENT, sys_openat(AT_FDCWD, (long)"f", O_RDWR, 0));
    int fd = sys_openat(AT_FDCWD, (long)"f", O_CREAT | O_EXCL | O_WRONLY, 0640);
    CHECK(fd >= 0, "create: %s", strerror(-fd));
    CHECK_CALL(-EEXIST, sys_openat(AT_FDCWD, (long)"f", O_CREAT | O_EXCL | O_WRONLY, 0640));
    CHECK_CALL(-EBADF, sys_read(fd, (long)buf, 1));
    CHECK_CALL(-ENOTDIR, sys_openat(AT_FDCWD, (long)"f", O_RDONLY | O_DIRECTORY, 0));
    CHECK_CALL(-EISDIR, sys_openat(AT_FDCWD, (long)"/bin", O_RDWR, 0));
    CHECK_CALL(-EISDIR, sys_openat(AT_FDCWD, (long)"/bin", O_CREAT | O_RDWR, 0));
    CHECK_CALL(-EISDIR, sys_openat(AT_FDCWD, (long)".", O_RDWR | O_CREAT | O_TRUNC, 0));
    fd = open("/bin", O_RDONLY);
    CHECK_CALL(-EISDIR, sys_read(fd, (long)buf, 10));
    CHECK_CALL(-EBADF, sys_write(fd, (long)buf, 10));
    struct abi_stat st;
    CHECK(getstat("f", &st) == 0 && (st.mode & 0777) == 0640, "mode %o", st.mode);
    CHECK_CALL(022, sys_umask(077));
    close(open_mode("g", O_CREAT | O_WRONLY, 0666));
    CHECK(getstat("g", &st) == 0 && (st.mode & 0777) == 0600, "mode %o under umask 077", st.mode);
}

static void stat_fields(void)
{
    struct abi_stat a, b;

    make_file("f", 5000, 1);
    CHECK(getstat("f", &a) == 0 && S_ISREG(a.mode) && a.size == 5000 && a.nlink == 1, "f");
    CHECK(link("f", "g") == 0 && getstat("g", &b) == 0 && b.ino == a.ino && b.nlink == 2, "link");
    CHECK(getstat("/", &a) == 0 && S_ISDIR(a.mode), "/");
    CHECK(getstat("/dev/null", &a) == 0 && S_ISCHR(a.mode) && a.rdev == DEV_MAKE(1, 3), "/dev/null");
    CHECK(chmod("f", 0700) == 0 && getstat("g", &b) == 0 && (b.mode & 07777) == 0700, "chmod");
    struct abi_timespec t[2] = {{1000, 5}, {2000, 6}};
    CHECK(utimens("f", t) == 0 && getstat("f", &b) == 0 && b.mtime.sec == 2000 && b.atime.sec == 1000,
          "utimens");
}

static void vectors(void)
{
    char x[3], y[5];
    struct abi_iovec out[3] = {{(long)"abc", 3}, {(long)"", 0}, {(long)"defgh", 5}},
                     in[2] = {{(long)x, 3}, {(long)y, 5}};
    int fd = open("f", O_CREAT | O_RDWR);

    CHECK_CALL(8, sys_writev(fd, (long)out, 3));
    lseek(fd, 0, SEEK_SET);
    CHECK_CALL(8, sys_readv(fd, (long)in, 2));
    CHECK(!memcmp(x, "abc", 3) && !memcmp(y, "defgh", 5), "content");

    /* More than the kernel moves at once, and not in step with it. */
    enum { BIG = 200000 };
    char *big = new_pages(BIG / 4096 + 1);
    in[0] = (struct abi_iovec){(long)big, 70000};
    in[1] = (struct abi_iovec){(long)big + 70000, BIG - 70000};
    make_file("big", BIG, 7);
    fd = open("big", O_RDONLY);
    CHECK_CALL(BIG, sys_readv(fd, (long)in, 2));
    for (int i = 0; i < BIG; i++)
        CHECK((uint8_t)big[i] == pattern_byte(i, 7), "readv of 200,000 bytes: byte %d is wrong", i);
    in[0].base++, in[0].len--; /* the same parts, crookedly */
    fd = open_new("copy");
    CHECK_CALL(BIG - 1, sys_writev(fd, (long)in, 2));
    CHECK_CALL(BIG - 1, sys_pread64(fd, (long)big, BIG, 0));
    for (int i = 0; i < BIG - 1; i++)
        CHECK((uint8_t)big[i] == pattern_byte(i + 1, 7), "writev of 199,999 bytes: byte %d is wrong", i);
}

static void syncing(void)
{
    int fd = open("f", O_CREAT | O_RDWR);

    write(fd, "data", 4);
    CHECK_CALL(0, sys_fsync(fd));
    CHECK_CALL(0, sys_fdatasync(fd));
    CHECK_CALL(0, sys_sync(0));
    int p[2];
    CHECK(pipe(p) == 0, "pipe");
    CHECK_CALL(-EINVAL, sys_fsync(p[0]));
    CHECK_CALL(-EBADF, sys_fsync(99));
    fd = open("s", O_CREAT | O_RDWR | O_SYNC);
    CHECK_CALL(4, sys_write(fd, (long)"data", 4));
}

/* The disk fills: short counts, then ENOSPC; after the file is gone there is room as before. */
static void diskfull(void)
{
    struct abi_statfs before, after;
    int64_t total = 0;
    long r;

    CHECK_CALL(0, sys_sync(0));
    getstatfs("/", &before);
    int fd = open("full", O_CREAT | O_RDWR);
    while ((r = sys_write(fd, (long)buf, sizeof(buf))) > 0)
        total += r;
    CHECK(r == -ENOSPC, "write on a full disk: %ld", r);
    CHECK((uint64_t)total > before.bfree / 10 * 9 * 4096, "full after %ld bytes of %lu", (long)total,
          before.bfree * 4096);
    CHECK_CALL(-ENOSPC, sys_mkdirat(AT_FDCWD, (long)"dir", 0777));
    struct abi_stat st;
    getfstat(fd, &st);
    CHECK(st.size == total, "size %ld, written %ld", (long)st.size, (long)total);
    close(fd);
    CHECK(unlink("full") == 0, "unlink: %s", strerror(errno));
    CHECK_CALL(0, sys_sync(0));
    getstatfs("/", &after);
    CHECK(after.bfree + 2 >= before.bfree, "%lu blocks free, were %lu", after.bfree, before.bfree);
    make_file("small", 10000, 1);
    check_file("small", 10000, 1);
}

static void outofinodes(void)
{
    struct abi_statfs before, after;
    char name[32];
    int n = 0, fd;

    CHECK_CALL(0, sys_sync(0));
    getstatfs("/", &before);
    for (;; n++) {
        snprintf(name, sizeof(name), "i%d", n);
        if ((fd = open(name, O_CREAT | O_RDWR)) < 0)
            break;
        close(fd);
    }
    CHECK(errno == ENOSPC && (uint64_t)n == before.ffree, "%d files made of %lu: %s", n, before.ffree,
          strerror(errno));
    CHECK_CALL(-ENOSPC, sys_mkdirat(AT_FDCWD, (long)"dir", 0777));
    CHECK(unlink("i0") == 0 && (fd = open("again", O_CREAT | O_RDWR)) >= 0, "one after one is gone");
    close(fd);
    for (int i = 1; i < n; i++) {
        snprintf(name, sizeof(name), "i%d", i);
        CHECK(unlink(name) == 0, "%s: %s", name, strerror(errno));
    }
    unlink("again");
    getstatfs("/", &after);
    CHECK(after.ffree == before.ffree, "%lu inodes free, were %lu", after.ffree, before.ffree);
}

static void append_own(long id)
{
    int fd = open("f", O_WRONLY | O_APPEND);

    memset(buf, 'a' + id, 100);
    for (int i = 0; i < 100; i++)
        CHECK_CALL(100, sys_write(fd, (long)buf, 100));
}

/* Writers with an opening each: every record goes to where the file ends at that moment. */
static void append_at_once(void)
{
    int count[4] = {0};

    close(open_new("f"));
    in_children(4, append_own);
    int fd = open("f", O_RDONLY);
    CHECK(file_size("f") == 40000, "records are lost: size %ld, expected 40000", (long)file_size("f"));
    while (read(fd, buf, 100) == 100) {
        for (int i = 1; i < 100; i++)
            CHECK(buf[i] == buf[0], "records are mixed at byte %d", i);
        count[buf[0] - 'a']++;
    }
    for (int i = 0; i < 4; i++)
        CHECK(count[i] == 100, "writer %d: %d records, expected 100", i, count[i]);
}

/* Takes all memory there is, so that the pages of files are given up. */
static void take_all_memory(long unused)
{
    long size = counter("pages_total") * 4096;
    char *area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    int zero = open("/dev/zero", O_RDONLY);

    (void)unused;
    for (long at = 0; at < size && sys_read(zero, (long)(area + at), 1) == 1;)
        at += 4096;
}

/* Content goes to the disk and comes from it in large pieces, however small those are that programs ask for. */
static void large_requests(void)
{
    static char block[4096];
    int fd = open_new("f");

    sync();
    long requests = disk_counter("writes"), blocks = disk_counter("blocks_written");
    for (int i = 0; i < 2048; i++)
        CHECK_CALL(4096, sys_write(fd, (long)block, 4096));
    CHECK_CALL(0, sys_fsync(fd));
    requests = disk_counter("writes") - requests;
    blocks = disk_counter("blocks_written") - blocks;
    CHECK(blocks >= 2048 && blocks / requests >= 16, "%ld blocks in %ld writes", blocks, requests);

    in_child(take_all_memory, 0);
    requests = disk_counter("reads");
    blocks = disk_counter("blocks_read");
    CHECK_CALL(0, sys_lseek(fd, 0, SEEK_SET));
    for (int i = 0; i < 2048; i++)
        CHECK_CALL(4096, sys_read(fd, (long)block, 4096));
    requests = disk_counter("reads") - requests;
    blocks = disk_counter("blocks_read") - blocks;
    CHECK(blocks >= 1024, "only %ld blocks were read from the disk", blocks);
    CHECK(blocks / requests >= 16, "%ld blocks in %ld reads", blocks, requests);
}

/* The changes of many calls reach the disk together. */
static void few_commits(void)
{
    char name[16];

    sync();
    long before = disk_counter("transactions");
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "f%d", i);
        int fd = open_new(name);
        CHECK_CALL(sizeof(name), sys_write(fd, (long)name, sizeof(name)));
        close(fd);
    }
    sync();
    long commits = disk_counter("transactions") - before;
    CHECK(commits >= 1 && commits <= 24, "a thousand small files took %ld commits", commits);
}

static const struct test tests[] = {
    TEST(write_and_read),
    TEST(big_file),
    TEST(holes),
    TEST(truncation),
    TEST(truncate_while_open),
    TEST(truncate1),
    TEST(truncate2),
    TEST(truncate3),
    TEST(append),
    TEST(shared_offset),
    TEST(shared_offset_large),
    TEST(unlinked_but_open),
    TEST(open_flags),
    TEST(stat_fields),
    TEST(vectors),
    TEST(syncing),
    SLOW(diskfull),
    SLOW(outofinodes),
    TEST(append_at_once),
    TEST(large_requests),
    TEST(few_commits),
};
const struct topic topic_file = {"file", tests, sizeof(tests) / sizeof(tests[0])};
