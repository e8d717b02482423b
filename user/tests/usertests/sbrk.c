/* The heap: sbrk, pages on demand, and what happens when there is no more. */
#include "tests.h"

#define PAGE 4096l

/* Moves the break to the next page. */
static char *page_break(void)
{
    uint64_t at = (uint64_t)sbrk(0);

    sbrk((int)(((at + PAGE - 1) & ~(PAGE - 1)) - at));
    return sbrk(0);
}

static void sbrk_shared_step(long unused)
{
    (void)unused;
    char *p = sbrk(PAGE);
    CHECK(p != SBRK_ERROR, "sbrk in the child: %s", strerror(errno));
    *p = 3;
}

/* A child's break is its own. */
static void sbrk_in_child(void)
{
    char *before = sbrk(0);

    CHECK(in_child(sbrk_shared_step, 0) == 0, "child");
    CHECK(sbrk(0) == before, "the break is %p, expected %p", (void *)sbrk(0), (void *)before);
}

static void sbrkmuch(void)
{
    enum { BIG = 8 << 20 };
    char *start = page_break();

    CHECK(sbrk(BIG) == start, "sbrk of 8 MB: %s", strerror(errno));
    for (int i = 0; i < BIG; i += PAGE)
        start[i] = 1;
    start[BIG - 1] = 99;
    CHECK(sbrk(-PAGE) == start + BIG, "sbrk(-4096)");
    CHECK(sbrk(0) == start + BIG - PAGE, "break %p after giving back a page", (void *)sbrk(0));
    CHECK(sbrk(PAGE) == start + BIG - PAGE, "sbrk(4096)");
    CHECK(start[BIG - 1] == 0, "the page came back with %d in it, expected 0", start[BIG - 1]);
    CHECK(sbrk(-BIG) == start + BIG, "all back");
    expect_signal(read_at, (long)start, SIGSEGV, "read of what was given back");
}

/* One byte up and down over a page's edge. */
static void sbrk_page_edges(void)
{
    char *start = page_break();
    long before = counter("pages_free");

    for (int i = 0; i < 1000; i++) {
        CHECK(sbrk(1) == start, "round %d: up", i);
        *start = 1;
        CHECK(sbrk(-1) == start + 1, "round %d: down", i);
    }
    long lost = before - counter("pages_free");
    CHECK(lost < 64, "%ld pages are gone after 1000 rounds", lost);
    expect_signal(read_at, (long)start, SIGSEGV, "read at the break");
}

/* More than there is: refused at once, and what could have been had is not lost. */
static void sbrkfail(void)
{
    char *start = sbrk(0);

    for (int i = 0; i < 20; i++) {
        CHECK(sbrk(0x7ffff000) == SBRK_ERROR, "2 GB of heap on a machine that has less");
        CHECK(sbrk(0) == start, "the break has moved to %p from %p", (void *)sbrk(0), (void *)start);
    }
    char *p = sbrk(16 * PAGE);
    CHECK(p == start, "16 pages after the refusals: %s", strerror(errno));
    memset(p, 1, 16 * PAGE);
}

/* Addresses for brk at the edges of user space, and below the program. */
static void brk_edges(void)
{
    static const long edges[] = {
        0,  1,     0x10000,          0x3fff7fe000, 0x3fffffe000, 0x3fffffffff, 0x4000000000, 0x4000001000,
        -1, -4096, (long)(1ul << 63)};
    long now = (long)sbrk(0);

    for (unsigned i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
        CHECK_CALL(now, sys_brk(edges[i]));
    CHECK_CALL(now, sys_brk(now));
}

static void give_all_away(long unused)
{
    (void)unused;
    sys_brk(0x11000); /* refused: below the heap */
    char *p = sbrk(0);
    sys_brk((long)p - 100 * PAGE);
    sys_brk(0);
}

static void sbrkbugs(void)
{
    int status = in_child(give_all_away, 0);

    CHECK(status == 0 || WAIT_SIGNAL(status) == SIGSEGV, "wait status 0x%x", status);
    CHECK(sbrk(-0x7fffffff - 1) == SBRK_ERROR, "sbrk(INT_MIN)");
}

/* The last byte below the break can be used by the kernel, the first above cannot. */
static void sbrklast(void)
{
    char *top = page_break();

    sbrk(PAGE);
    char *last = top + PAGE - 1;
    *last = 'x';
    int fd = open_new("f");
    CHECK_CALL(1, sys_write(fd, (long)last, 1));
    CHECK_CALL(1, sys_pread64(fd, (long)last, 1, 0));
    CHECK_CALL(-EFAULT, sys_pread64(fd, (long)last + 1, 1, 0));
    CHECK(*last == 'x', "read %d", *last);
}

static void sbrkarg(void)
{
    char *p = sbrk(PAGE);
    int fd = open_new("f");

    CHECK_CALL(PAGE, sys_write(fd, (long)p, PAGE)); /* a page that nobody has touched: zeros */
    CHECK(file_size("f") == PAGE, "size %ld", (long)file_size("f"));
    p = sbrk(2 * PAGE);
    CHECK_CALL(0, sys_pipe2((long)(p + PAGE), 0));
}

/* ---- pages on demand ---- */

static void lazy_read_and_write(void)
{
    char *p = sbrk(100 * PAGE);
    int fd = open_new("f");

    make_file("g", 100 * PAGE, 1);
    int from = open("g", O_RDONLY);
    CHECK_CALL(100 * PAGE, sys_read(from, (long)p, 100 * PAGE)); /* into pages that are not there yet */
    for (long i = 0; i < 100 * PAGE; i++)
        CHECK((uint8_t)p[i] == pattern_byte(i, 1), "byte %ld", i);
    p = sbrk(100 * PAGE);
    CHECK_CALL(100 * PAGE, sys_write(fd, (long)p, 100 * PAGE));
    check_file("g", 100 * PAGE, 1);
}

static void lazy_in_every_call(void)
{
    char *p = sbrk(12 * PAGE);
    struct abi_timespec *t = (struct abi_timespec *)p;

    CHECK_CALL(0, sys_clock_gettime(CLOCK_MONOTONIC, (long)t));
    CHECK_CALL(0, sys_uname((long)p + PAGE));
    CHECK_CALL(0, sys_newfstatat(AT_FDCWD, (long)"/", (long)p + 2 * PAGE, 0));
    CHECK(sys_getcwd((long)p + 3 * PAGE, PAGE) > 0, "getcwd");
    CHECK_CALL(-ENOENT, sys_openat(AT_FDCWD, (long)p + 4 * PAGE, O_RDONLY, 0)); /* "" */
    CHECK_CALL(0, sys_pipe2((long)p + 5 * PAGE - 4, 0));                        /* across two pages */
    int pid = start_child(exit_with, 3);
    CHECK_CALL(pid, sys_wait4(pid, (long)p + 7 * PAGE - 2, 0, 0));
    CHECK(!memcmp(p + 7 * PAGE - 2, "\0\3\0", 4), "wait status across two pages");
}

/* exec copies its arguments from pages that exist only as a promise. */
static void lazy_exec_arguments(void)
{
    char **argv = (char **)sbrk(3 * PAGE);
    int pid = fork();

    if (pid == 0) {
        argv[0] = (char *)(argv + 1024); /* ""; argv[1], never written, is NULL */
        execve("/bin/true", argv, (char **)((char *)argv + 2 * PAGE));
        exit(errno);
    }
    CHECK(wait_for(pid) == 0, "exec");
}

/* What lies beyond is not filled on demand: below the stack's end of growth, above the break. */
static void lazy_limits(void)
{
    char *top = page_break();

    expect_signal(write_at, (long)top, SIGSEGV, "at the break");
    expect_signal(write_at, (long)top + 100 * PAGE, SIGSEGV, "far above the break");
    expect_signal(write_at, 0x3fff000000, SIGSEGV, "below the stack's limit");
    expect_signal(write_at, 0xfff0, SIGSEGV, "below the program");
    CHECK_CALL(-EFAULT, sys_getrandom((long)top, 1, 0));
}

static void lazy_fork_step(long addr)
{
    char *p = (char *)addr;

    for (int i = 0; i < 64; i++) {
        CHECK(p[i * PAGE] == 0, "page %d holds %d", i, p[i * PAGE]);
        p[i * PAGE] = 1;
    }
}

/* Pages promised before fork are each one's own after it. */
static void lazy_fork(void)
{
    char *p = sbrk(64 * PAGE);

    CHECK(in_child(lazy_fork_step, (long)p) == 0, "child");
    CHECK(in_child(lazy_fork_step, (long)p) == 0, "second child");
    lazy_fork_step((long)p);
}

/* One huge step, of which only a few pages are touched, far apart: the memory is promised, not there. */
static void lazy_alloc(void)
{
    long bytes = counter("pages_total") / 2 * PAGE, before = counter("pages_free");
    char *p = sbrk(bytes);

    CHECK(p != (char *)-1, "sbrk of %ld bytes: %s", bytes, strerror(errno));
    for (long i = 0; i < bytes; i += bytes / 16)
        *(char **)(p + i) = p + i;
    for (long i = 0; i < bytes; i += bytes / 16)
        CHECK(*(char **)(p + i) == p + i, "at %ld: %p", i, *(char **)(p + i));
    CHECK(before - counter("pages_free") < 100, "16 pages touched took %ld", before - counter("pages_free"));
}

static void lazy_unmap_step(long addr)
{
    *(char **)addr = (char *)addr;
    sbrk(-(long)((char *)sbrk(0) - (char *)addr));
    *(char **)addr = NULL; /* no longer there */
}

/* Memory that was touched and given back is gone, wherever it was. */
static void lazy_unmap(void)
{
    char *p = sbrk(256 * PAGE);

    for (int i = 0; i < 256; i += 32)
        expect_signal(lazy_unmap_step, (long)p + i * PAGE, SIGSEGV, "a store to memory given back");
}

/* The kernel copies to and from pages that are only promised, but not beyond them. */
static void lazy_copy(void)
{
    char *p = sbrk(4 * PAGE);
    int fds[2];

    CHECK(pipe(fds) == 0, "pipe");
    CHECK_CALL(PAGE, sys_write(fds[1], (long)p + PAGE, PAGE));
    CHECK_CALL(PAGE, sys_read(fds[0], (long)p + 2 * PAGE + 100, PAGE));
    for (int i = 0; i < 2 * PAGE; i++)
        CHECK(p[2 * PAGE + i] == 0, "byte %d is %d", i, p[2 * PAGE + i]);
    char *end = sbrk(0);
    CHECK_CALL(1, sys_write(fds[1], (long)end - 1, 1));
    CHECK_CALL(-EFAULT, sys_read(fds[0], (long)end, 1));
    CHECK_CALL(-EFAULT, sys_write(fds[1], (long)end + 1000 * PAGE, 1));
    CHECK_CALL(-EFAULT, sys_write(fds[1], 0x3fffffe000, 1));
}

/* Up and down again: what comes is zero, however often, and where it was before. */
static void lazy_sbrk(void)
{
    char *start = sbrk(0);

    for (int i = 0; i < 50; i++) {
        char *p = sbrk(8 * PAGE);
        CHECK(p == start, "the heap begins at %p, expected %p", p, start);
        for (int k = 0; k < 8; k++) {
            CHECK(p[k * PAGE] == 0, "page %d holds %d", k, p[k * PAGE]);
            p[k * PAGE] = (char)(i + 1);
        }
        sbrk(-8 * PAGE);
    }
    CHECK(sbrk(0) == start, "the break is at %p", sbrk(0));
}

/* Beyond 2 GB: more than an int holds. */
static void sbrk8000(void)
{
    char *end = page_break();
    long got = sys_brk((long)end + 0x80000004);

    CHECK(got == (long)end || got == (long)end + 0x80000004, "brk gave 0x%lx", got);
    ((volatile char *)got)[-1] = 1;
    CHECK_CALL((long)end, sys_brk((long)end));
}

/* ---- the end of memory ---- */

static void take_all(long report)
{
    long n = 0;

    for (char *p; (p = malloc(100000)); n++) {
        memset(p, 1, 100000);
        if (n % 8 == 0)
            write((int)report, &n, sizeof(n));
    }
    exit(0);
}

/* malloc until nothing is left: the process ends, by itself or by the kernel, and all of it comes back. */
static void mem(void)
{
    int fd = open_new("count");
    long n = -1, most = 0;

    for (int i = 0; i < 2; i++) {
        ftruncate(fd, 0);
        lseek(fd, 0, SEEK_SET);
        int status = in_child(take_all, fd);
        CHECK(status == 0 || WAIT_SIGNAL(status) == SIGKILL, "wait status 0x%x", status);
        CHECK(file_size("count") >= 8, "nothing was allocated");
        pread(fd, &n, sizeof(n), file_size("count") - 8);
        CHECK(n * 10 >= most * 9, "%ld blocks, the first time %ld", n, most);
        most = n;
    }
}

static void take_half(long index)
{
    long pages = counter("pages_total") / 2;
    char *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        exit(0);
    for (long i = 0; i < pages; i++)
        p[i * PAGE] = (char)index;
    sleep_ms(200);
}

/* Together they want twice what there is: some end, this process does not. */
static void memory_promised_twice(void)
{
    int pids[4], killed = 0;

    for (int i = 0; i < 4; i++)
        pids[i] = start_child(take_half, i);
    for (int i = 0; i < 4; i++) {
        int status = wait_for(pids[i]);
        CHECK(status == 0 || WAIT_SIGNAL(status) == SIGKILL, "child %d: wait status 0x%x", i, status);
        killed += status != 0;
    }
    CHECK(killed >= 1, "%d of four have ended, expected one or more", killed);
}

static void exec_with_little_memory(long pages)
{
    char *argv[] = {"echo", "x", NULL};
    int null = open("/dev/null", O_WRONLY);

    close(1);
    dup(null);
    for (long left; (left = counter("pages_free") - 40) > 0;) { /* what counting takes comes back */
        char *p = sbrk(left * PAGE);
        for (long i = 0; p != (char *)-1 && i < left; i++)
            ((volatile char *)p)[i * PAGE] = 1;
    }
    for (; pages < 15; pages++)
        sbrk(-PAGE);
    exec("/bin/echo", argv);
    exit(0);
}

/* exec with memory for so and so many pages: it works, or fails, or the process is killed. */
static void execout(void)
{
    for (int pages = 0; pages < 15; pages += 2) {
        int status = in_child(exec_with_little_memory, pages);
        CHECK(status == 0 || WAIT_SIGNAL(status) == SIGKILL, "wait status 0x%x", status);
    }
}

/* Larger than RAM: refused, at once. */
static void larger_than_memory(void)
{
    uint64_t start = now_ns();
    long rw = PROT_READ | PROT_WRITE, anon = MAP_PRIVATE | MAP_ANONYMOUS;

    for (int i = 0; i < 100; i++)
        CHECK_CALL(-ENOMEM, sys_mmap(0, 0x3000000000, rw, anon, -1, 0));
    CHECK(now_ns() - start < patience(1000000000), "took %lu ms", (now_ns() - start) / 1000000);
    long p = sys_mmap(0, 0x1000000000, PROT_NONE, anon, -1, 0);
    CHECK(p > 0, "64 GB of PROT_NONE promise nothing: %s", strerror(-p));
    CHECK_CALL(0, sys_munmap(p, 0x1000000000));
}

static const struct test tests[] = {
    TEST(sbrk_in_child),
    TEST(sbrkmuch),
    TEST(sbrk_page_edges),
    TEST(sbrkfail),
    TEST(brk_edges),
    TEST(sbrkbugs),
    TEST(sbrklast),
    TEST(sbrkarg),
    TEST(lazy_read_and_write),
    TEST(lazy_in_every_call),
    TEST(lazy_exec_arguments),
    TEST(lazy_limits),
    TEST(lazy_fork),
    TEST(lazy_alloc),
    TEST(lazy_unmap),
    TEST(lazy_copy),
    TEST(lazy_sbrk),
    TEST(sbrk8000),
    SLOW(mem),
    SLOW(memory_promised_twice),
    SLOW(execout),
    TEST(larger_than_memory),
};
const struct topic topic_sbrk = {"sbrk", tests, sizeof(tests) / sizeof(tests[0])};
