/* Copies between the kernel and programs: only from what can be read, only to what can be written, once. */
#include "tests.h"

static const long wild[] = {0x80000000,
                            0x3fffffe000,
                            0x3ffffff000,
                            0x4000000000,
                            (long)0x8000000000000000,
                            (long)0xffffffc080200000,
                            (long)0xffffffe000002000,
                            -8,
                            -1};
#define WILD (sizeof(wild) / sizeof(wild[0]))

static void copyin(void)
{
    int p[2], fd = open_new("f");

    CHECK(pipe(p) == 0, "pipe");
    for (unsigned i = 0; i < WILD; i++) {
        CHECK_CALL(-EFAULT, sys_write(fd, wild[i], 8192));
        CHECK_CALL(-EFAULT, sys_write(1, wild[i], 8192)); /* the console, or whatever it is */
        CHECK_CALL(-EFAULT, sys_write(p[1], wild[i], 8192));
    }
    CHECK(file_size("f") == 0, "%ld bytes were written", (long)file_size("f"));
}

static void copyout(void)
{
    int p[2], fd = open("/bin/sh", O_RDONLY);

    CHECK(pipe(p) == 0, "pipe");
    CHECK_CALL(1, sys_write(p[1], (long)"x", 1));
    for (unsigned i = 0; i < WILD; i++) {
        CHECK_CALL(-EFAULT, sys_read(fd, wild[i], 8192));
        CHECK_CALL(-EFAULT, sys_read(p[0], wild[i], 8192));
    }
    CHECK_CALL(0, sys_lseek(fd, 0, SEEK_CUR));
    CHECK_CALL(-EFAULT, sys_ioctl(p[0], FIONREAD, 8));
}

static void copyinstr1(void)
{
    for (unsigned i = 0; i < WILD; i++)
        CHECK_CALL(-EFAULT, sys_openat(AT_FDCWD, wild[i], O_CREAT | O_WRONLY, 0666));
}

/* A path as long as paths can be, and one byte more, in every call that takes one. */
static void copyinstr2(void)
{
    static char path[PATH_MAX + 1];
    long at = AT_FDCWD, arg = (long)path, argv[2] = {arg, 0};

    memset(path, 'x', PATH_MAX);
    for (int cut = 0; cut < 2; cut++, path[PATH_MAX - 1] = 0) { /* 4096, and 4095 bytes in one name */
        CHECK_CALL(-ENAMETOOLONG, sys_openat(at, arg, O_CREAT | O_WRONLY, 0666));
        CHECK_CALL(-ENAMETOOLONG, sys_unlinkat(at, arg, 0));
        CHECK_CALL(-ENAMETOOLONG, sys_linkat(at, arg, at, arg, 0));
        CHECK_CALL(-ENAMETOOLONG, sys_mkdirat(at, arg, 0777));
        CHECK_CALL(-ENAMETOOLONG, sys_chdir(arg));
        CHECK_CALL(-ENAMETOOLONG, sys_execve(arg, (long)argv, 0));
        CHECK_CALL(-ENAMETOOLONG, sys_renameat2(at, arg, at, arg, 0));
        CHECK_CALL(-ENAMETOOLONG, sys_newfstatat(at, arg, (long)path, 0));
    }
}

/* A string that ends with the last byte of memory, and one that does not end there. */
static void copyinstr3(void)
{
    char *area = new_pages(2), *end = area + 4096;

    munmap(end, 4096);
    end[-1] = 'x';
    CHECK_CALL(-EFAULT, sys_openat(AT_FDCWD, (long)end - 1, O_RDONLY, 0));
    CHECK_CALL(-EFAULT, sys_unlinkat(AT_FDCWD, (long)end - 1, 0));
    CHECK_CALL(-EFAULT, sys_linkat(AT_FDCWD, (long)end - 1, AT_FDCWD, (long)"y", 0));
    CHECK_CALL(-EFAULT, sys_execve((long)end - 1, 0, 0));
    memcpy(end - 2, "x", 2);
    make_file("x", 3, 1);
    check_file(end - 2, 3, 1);
}

/* Memory given back is not the kernel's to use any more. */
static void rwsbrk(void)
{
    char *p = sbrk(2 * 4096);
    int fd = open_new("f"), in = open("/bin/sh", O_RDONLY);

    sbrk(-2 * 4096);
    p = (char *)(((long)p + 4095) & -4096l);
    CHECK_CALL(-EFAULT, sys_write(fd, (long)p + 4096, 1024));
    CHECK_CALL(-EFAULT, sys_read(in, (long)p + 4096, 10));
}

static void argptest(void)
{
    int fd = open("/bin/sh", O_RDONLY);

    CHECK_CALL(-EFAULT, sys_read(fd, (long)((((uint64_t)sbrk(0) + 4095) & ~4095ul) + 4096), -1));
    CHECK_CALL(0, sys_lseek(fd, 0, SEEK_CUR));
}

/* A path anywhere, page after page: an error, never a crash, never a file. */
static void validatetest(void)
{
    char *end = sbrk(0);

    for (uint64_t p = 0; p <= (uint64_t)end + 65536; p += 4096)
        CHECK(sys_linkat(AT_FDCWD, (long)"nosuchfile", AT_FDCWD, (long)p, 0) < 0,
              "link to the string at 0x%lx", p);
}

/* The kernel may not write what the program may not: text and constants. */
static void read_into_text(void)
{
    static const char constant[8] = "const";
    int fd = open("/dev/zero", O_RDONLY), p[2];
    uint32_t word = *(uint32_t *)read_into_text;

    CHECK(pipe(p) == 0, "pipe");
    write(p[1], "abcd", 4);
    CHECK_CALL(-EFAULT, sys_read(fd, (long)read_into_text, 4));
    CHECK_CALL(-EFAULT, sys_read(p[0], (long)read_into_text, 4));
    CHECK_CALL(-EFAULT, sys_read(fd, (long)constant, 4));
    CHECK_CALL(-EFAULT, sys_clock_gettime(CLOCK_MONOTONIC, (long)constant & ~7l));
    CHECK(*(volatile uint32_t *)read_into_text == word && *(volatile char *)constant == 'c',
          "the program was written to");
}

/* A write whose memory ends on the way: what the cache has is what the count says, and the rest is as before.
 */
static void write_partly(void)
{
    static char block[8192], got[8192];
    char *area = new_pages(2);
    int fd = open_new("f");

    munmap(area + 4096, 4096);
    memset(block, 'A', sizeof(block));
    CHECK_CALL(8192, sys_write(fd, (long)block, 8192));
    memset(area, 'B', 4096);
    long r = sys_pwrite64(fd, (long)area + 4032, 1024, 100);
    CHECK(r == -EFAULT || r == 64, "pwrite gave %ld, expected -EFAULT or 64", r);
    CHECK_CALL(8192, sys_pread64(fd, (long)got, 8192, 0));
    for (int i = 0; i < 8192; i++) {
        char want = i >= 100 && i < 100 + r ? 'B' : 'A';
        CHECK(got[i] == want, "byte %d is %c, expected %c", i, got[i], want);
    }
}

/* The same where the page of the file is new: what was not written is zero, if the file grows later. */
static void write_partly_to_a_new_page(void)
{
    static char got[4096];
    char *area = new_pages(2);
    int fd = open_new("f");

    munmap(area + 4096, 4096);
    memset(area, 'B', 4096);
    dirty_memory();
    long r = sys_pwrite64(fd, (long)area + 4096 - 100, 4096, 0);
    CHECK(r == -EFAULT || r == 100, "pwrite gave %ld, expected -EFAULT or 100", r);
    CHECK_CALL(0, sys_ftruncate(fd, 4096));
    CHECK_CALL(4096, sys_pread64(fd, (long)got, 4096, 0));
    for (int i = 0; i < 4096; i++)
        CHECK(got[i] == (i < r ? 'B' : 0), "byte %d is %d", i, got[i]);
}

/* The same on a pipe. */
static void pipe_partly(void)
{
    char *area = new_pages(2), got[256];
    int p[2];

    munmap(area + 4096, 4096);
    memset(area, 'B', 4096);
    CHECK(pipe2(p, O_NONBLOCK) == 0, "pipe");
    long r = sys_write(p[1], (long)area + 4032, 1024);
    CHECK(r == -EFAULT || r == 64, "write gave %ld, expected -EFAULT or 64", r);
    CHECK_CALL(r > 0 ? r : -EAGAIN, sys_read(p[0], (long)got, sizeof(got)));
    CHECK_CALL(100, sys_write(p[1], (long)area, 100));
    r = sys_read(p[0], (long)area + 4032, 100);
    CHECK(r == -EFAULT || r == 64, "read gave %ld, expected -EFAULT or 64", r);
}

/* Ranges that wrap around the end of all addresses: refused, and at once. */
static void wrapping_ranges(void)
{
    int fd = open_new("f"), zero = open("/dev/zero", O_RDONLY);
    struct abi_iovec iov = {-8ul, 16};

    CHECK_CALL(-EFAULT, sys_write(fd, -8, 16));
    CHECK_CALL(-EFAULT, sys_read(zero, -8, 16));
    CHECK_CALL(-EFAULT, sys_write(fd, -4096, 0x7fffffffffffffff));
    CHECK_CALL(-EFAULT, sys_read(zero, (long)0x8000000000000000, (long)0x8000000000000000));
    CHECK_CALL(-EFAULT, sys_writev(fd, (long)&iov, 1));
    CHECK_CALL(-EFAULT, sys_getcwd(-64, 128));
    CHECK_CALL(-EFAULT, sys_getrandom(-8, 16, 0));
    CHECK(file_size("f") == 0, "%ld bytes were written", (long)file_size("f"));
}

/* Descriptors are 32 bits, lengths are 64. */
static void upper_halves(void)
{
    int fd = open_new("f");

    CHECK_CALL(3, sys_write((1l << 32) + fd, (long)"abc", 3));
    CHECK_CALL(-EBADF, sys_write((1l << 31) + fd, (long)"abc", 3));
    CHECK_CALL(3, sys_lseek(fd, 0, SEEK_END));
    char *page = new_pages(1);
    CHECK_CALL(4096, sys_write(fd, (long)page, 4096));
    long r = sys_pwrite64(fd, (long)page, (1l << 32) + 1, 0);
    CHECK(r != 1, "a length of 2^32 + 1 was taken for 1");
    CHECK_CALL(-EINVAL, sys_lseek(fd, -(1l << 32), SEEK_SET));
}

/* A huge length is bounded by what there is to move. */
static void huge_lengths(void)
{
    int fd = open("/bin/true", O_RDONLY), p[2];
    char *area = sbrk(64 * 4096); /* so that the range does not reach beyond user space */

    CHECK(file_size("/bin/true") < 64 * 4096, "/bin/true has grown");
    CHECK_CALL(file_size("/bin/true"), sys_read(fd, (long)area, 1l << 30));
    CHECK_CALL(0, sys_read(fd, (long)area, 1l << 30));
    CHECK(pipe2(p, O_NONBLOCK) == 0, "pipe");
    long r = sys_write(p[1], (long)area, 1l << 30);
    CHECK(r > 0 && r <= 65536, "a write of 1 GB to a pipe gave %ld", r);
    CHECK_CALL(r, sys_read(p[0], (long)area, 1l << 30));
}

/* ---- arguments that change while they are used ---- */

static volatile char *shared_path;

static void flip_path(long unused)
{
    (void)unused;
    for (;;) {
        shared_path[0] = '/';
        shared_path[0] = 0;
        shared_path[1] = '/';
        shared_path[0] = 'x';
        shared_path[1] = 'y';
    }
}

/* A string changes under the kernel's eyes: either reading is right, a mixture of checks and uses is not. */
static void path_changes(void)
{
    shared_path = shared_pages(1);
    int pid = start_child(flip_path, 0);

    for (int i = 0; i < 3000; i++) {
        int fd = sys_openat(AT_FDCWD, (long)shared_path, O_RDONLY, 0);
        CHECK(fd >= 0 || fd == -ENOENT, "open: %s", strerror(-fd));
        if (fd >= 0)
            close(fd);
    }
    end_child(pid);
}

static struct abi_iovec *shared_iov;

static void flip_length(long unused)
{
    volatile uint64_t *len = &shared_iov->len;
    (void)unused;
    for (;;) {
        *len = 1;
        *len = -1;
        *len = 100;
    }
}

static void vector_changes(void)
{
    static char buf[100];

    shared_iov = (struct abi_iovec *)shared_pages(1);
    *shared_iov = (struct abi_iovec){(long)buf, 1};
    int fd = open("/dev/zero", O_RDONLY), pid = start_child(flip_length, 0);
    for (int i = 0; i < 3000; i++) {
        long r = sys_readv(fd, (long)shared_iov, 1);
        CHECK(r == 1 || r == 100 || r == -EINVAL || r == -EFAULT, "readv gave %ld", r);
    }
    end_child(pid);
}

static void flip_argv(long addr)
{
    volatile long *argv = (long *)addr;

    for (;;) {
        argv[1] = 0;
        argv[1] = (long)"argument";
        argv[1] = 8;
        argv[1] = -1;
    }
}

static void argv_changes(void)
{
    long *argv = (long *)shared_pages(1);

    argv[0] = (long)"true";
    int pid = start_child(flip_argv, (long)argv),
        times = harts() > 1 ? 100 : 20; /* or each takes a time slice */
    for (int i = 0; i < times; i++) {
        int child = fork();
        if (child == 0)
            exit(-sys_execve((long)"/bin/true", (long)argv, 0));
        int status = wait_for(child);
        CHECK(status == 0 || status == WAIT_EXITED(EFAULT), "wait status 0x%x", status);
    }
    end_child(pid);
}

/* Small copies at every place around a page's edge, where the two pages are not neighbours in memory: all bytes come and go, and
 * those around them stay. */
static void copies_across_pages(void)
{
    char *first = new_pages(1), *area = new_pages(2), data[24];
    int p[2];

    area[4096] = 1; /* the upper page comes first, then another, then the lower */
    first[0] = 1;
    area[0] = 1;
    CHECK(pipe(p) == 0, "pipe");
    for (int n = 1; n <= 20; n++) {
        for (int before = 0; before <= n; before++) {
            char *at = area + 4096 - before;
            for (int i = 0; i < n; i++)
                data[i] = 'a' + i;
            memset(area + 4096 - 32, '.', 64);
            CHECK_CALL(n, sys_write(p[1], (long)data, n));
            CHECK_CALL(n, sys_read(p[0], (long)at, n));
            CHECK(!memcmp(at, data, n), "%d bytes, %d of them below a page's edge: a read across it is wrong",
                  n, before);
            CHECK(at[-1] == '.' && at[n] == '.', "%d bytes across a page's edge: one beside them has changed",
                  n);
            CHECK_CALL(n, sys_write(p[1], (long)at, n));
            memset(data, 0, sizeof(data));
            CHECK_CALL(n, sys_read(p[0], (long)data, n));
            CHECK(!memcmp(at, data, n),
                  "%d bytes, %d of them below a page's edge: a write across it is wrong", n, before);
        }
    }
}

/* Pages of a file into two pages of memory and out of them, wherever these meet: also where page tables do, and at
 * a page that must not be written to. What is written is a new page of the file each time: nobody knows what one holds that is
 * filled in part, so the kernel has to bring it in at one go. */
static void file_pages_across_pages(void)
{
    static char block[4096], got[4096];
    char *area = mmap(NULL, 6ul << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *edges[] = {area + 4096, (char *)(((uintptr_t)area + (2ul << 20)) & ~((2ul << 20) - 1))};
    int fd = open_new("f");

    CHECK(area != MAP_FAILED, "mmap: %s", strerror(errno));
    for (int i = 0; i < 4096; i++)
        block[i] = (char)(i * 7 + i / 256);
    CHECK_CALL(4096, sys_pwrite64(fd, (long)block, 4096, 0));
    for (unsigned edge = 0; edge < 2; edge++) {
        for (int before = 1; before < 4096; before = before * 3 + 1) {
            char *at = edges[edge] - before;
            memset(edges[edge] - 4096, '.', 8192);
            CHECK_CALL(4096, sys_pread64(fd, (long)at, 4096, 0));
            CHECK(!memcmp(at, block, 4096), "edge %u, %d bytes below it: what was read is wrong", edge,
                  before);
            CHECK(at[-1] == '.' && at[4096] == '.', "edge %u, %d bytes below it: a byte beside has changed",
                  edge, before);
            memset(got, 0, sizeof(got));
            CHECK_CALL(0, sys_ftruncate(fd, 4096));
            CHECK_CALL(4096, sys_pwrite64(fd, (long)at, 4096, 4096));
            CHECK_CALL(4096, sys_pread64(fd, (long)got, 4096, 4096));
            CHECK(!memcmp(got, block, 4096), "edge %u, %d bytes below it: what was written is wrong", edge,
                  before);
        }
        CHECK(mprotect(edges[edge], 4096, PROT_READ) == 0, "mprotect: %s", strerror(errno));
        memset(edges[edge] - 4096, '.', 4096);
        char beyond = edges[edge][0];
        CHECK_CALL(100, sys_pread64(fd, (long)edges[edge] - 100, 4096, 0));
        CHECK(!memcmp(edges[edge] - 100, block, 100), "edge %u: what was read up to it is wrong", edge);
        CHECK(edges[edge][0] == beyond, "edge %u: a read wrote to a page that may only be read", edge);
    }
}

static const struct test tests[] = {
    TEST(copyin),
    TEST(copyout),
    TEST(copyinstr1),
    TEST(copyinstr2),
    TEST(copyinstr3),
    TEST(rwsbrk),
    TEST(argptest),
    TEST(validatetest),
    TEST(read_into_text),
    TEST(write_partly),
    TEST(write_partly_to_a_new_page),
    TEST(pipe_partly),
    TEST(wrapping_ranges),
    TEST(upper_halves),
    TEST(huge_lengths),
    TEST(path_changes),
    TEST(vector_changes),
    TEST(argv_changes),
    TEST(copies_across_pages),
    TEST(file_pages_across_pages),
};
const struct topic topic_copy = {"copy", tests, sizeof(tests) / sizeof(tests[0])};
