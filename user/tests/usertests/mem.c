/* Memory: brk, mmap, copy on write, the stack, running out. */
#include "tests.h"

static void sbrkbasic(void)
{
    char *start = sbrk(0);

    for (int i = 0; i < 5000; i++) {
        char *b = sbrk(1);
        CHECK(b == start + i, "sbrk(1) number %d gave %p", i, (void *)b);
        *b = 1;
    }
    CHECK(sbrk(-5000) == start + 5000, "sbrk back");
    CHECK(sbrk(0) == start, "break is %p", (void *)sbrk(0));
}

static void sbrk_errors(void)
{
    char *start = sbrk(0);

    CHECK(sbrk(-0x7fffffff) == SBRK_ERROR, "negative beyond the start");
    CHECK(sbrk(0) == start, "break moved");
    CHECK(sbrk(0x7fffffff) == SBRK_ERROR, "2 GB");
    CHECK(sbrk(0) == start, "break moved");
    CHECK_CALL((long)start, sys_brk(-1));
    CHECK_CALL((long)start, sys_brk(0x3ffffff000));
    CHECK_CALL((long)start, sys_brk(8));
}

static void sbrk_gives_back(void)
{
    char *start = sbrk(0);

    sbrk(64 * 4096);
    start[10] = 1;
    start[63 * 4096] = 1;
    sbrk(-32 * 4096);
    expect_signal(write_at, (long)start + 63 * 4096, SIGSEGV, "write above the break");
    CHECK(start[10] == 1, "lost a byte below it");
    sbrk(32 * 4096);
    CHECK(start[63 * 4096] == 0, "memory came back with its old content");
}

static void fresh_memory_child(long unused)
{
    char *p = sbrk(64 * 4096);
    (void)unused;
    for (int i = 0; i < 64 * 4096; i++)
        CHECK(p[i] == 0, "byte %d is 0x%x", i, p[i]);
}

static void fresh_memory_is_zero(void)
{
    for (int i = 0; i < 10; i++) {
        dirty_memory();
        CHECK(in_child(fresh_memory_child, 0) == 0, "stale memory");
    }
}

static char *cow_area;

static void cow_write(long value)
{
    for (int i = 0; i < 100; i++)
        CHECK(cow_area[i * 4096] == 'p', "page %d: %d", i, cow_area[i * 4096]);
    memset(cow_area, value, 100 * 4096);
    for (int i = 0; i < 100 * 4096; i++)
        CHECK(cow_area[i] == value, "byte %d", i);
}

static void copy_on_write(void)
{
    int pids[8];

    cow_area = sbrk(100 * 4096);
    memset(cow_area, 'p', 100 * 4096);
    for (int i = 0; i < 8; i++)
        pids[i] = start_child(cow_write, i + 1);
    for (int i = 0; i < 8; i++)
        CHECK(wait_for(pids[i]) == 0, "child %d", i);
    for (int i = 0; i < 100 * 4096; i++)
        CHECK(cow_area[i] == 'p', "byte %d is %d", i, cow_area[i]);
}

static int go[2];

static void look_when_told(long unused)
{
    char c;
    (void)unused;
    CHECK_CALL(1, sys_read(go[0], (long)&c, 1));
    for (int i = 0; i < 100 * 4096; i++)
        CHECK(cow_area[i] == 'p', "the child sees what the parent wrote after fork: byte %d is %d", i,
              cow_area[i]);
}

/* The parent's writes after fork are its own, too, though it could write to these pages just before. */
static void parent_writes_after_fork(void)
{
    cow_area = sbrk(100 * 4096);
    memset(cow_area, 'p', 100 * 4096);
    CHECK(pipe(go) == 0, "pipe");
    int pid = start_child(look_when_told, 0);
    memset(cow_area, 'q', 100 * 4096);
    CHECK_CALL(1, sys_write(go[1], (long)"g", 1));
    CHECK(wait_for(pid) == 0, "child");
}

static void cow_by_read(long fd)
{
    CHECK_CALL(4096, sys_pread64(fd, (long)cow_area, 4096, 0));
    CHECK(cow_area[0] == 'f', "read %d", cow_area[0]);
}

/* The kernel's own writes to user memory copy, too. */
static void copy_on_write_by_kernel(void)
{
    cow_area = sbrk(4096 * 2);
    memset(cow_area, 'f', 4096);
    int fd = open("f", O_CREAT | O_RDWR);
    write(fd, cow_area, 4096);
    memset(cow_area, 'p', 4096);
    CHECK(in_child(cow_by_read, fd) == 0, "child");
    CHECK(cow_area[0] == 'p' && cow_area[4095] == 'p', "the parent sees the child's read");
}

static int deep(int depth, volatile char *above)
{
    volatile char frame[512];

    frame[0] = depth;
    frame[511] = above ? above[0] : 0;
    return depth ? deep(depth - 1, frame) + frame[0] : frame[511];
}

static void overflow(long unused)
{
    (void)unused;
    deep(1000000, NULL);
}

static void big_frame(long unused)
{
    (void)unused;
    volatile char *sp = __builtin_frame_address(0);
    sp[-(16l << 20)] = 1; /* far below any stack: not taken for growth */
}

static void stack_grows(void)
{
    CHECK(deep(8000, NULL) != 1234567, "4 MB of stack"); /* about 4.5 MB */
    expect_signal(overflow, 0, SIGSEGV, "endless recursion");
    expect_signal(big_frame, 0, SIGSEGV, "a frame beyond the guard");
}

static void mmap_anonymous(void)
{
    char *a = mmap(NULL, 10 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(a != MAP_FAILED, "mmap: %s", strerror(errno));
    memset(a, 7, 10 * 4096);
    CHECK_CALL(0, sys_munmap((long)a + 3 * 4096, 4 * 4096));
    expect_signal(read_at, (long)a + 4 * 4096, SIGSEGV, "read of a hole");
    CHECK(a[0] == 7 && a[9 * 4096] == 7, "the rest is gone");
    CHECK_CALL(0, sys_munmap((long)a, 10 * 4096)); /* holes are allowed */
    expect_signal(read_at, (long)a, SIGSEGV, "read after munmap");
}

static void mmap_errors(void)
{
    long rw = PROT_READ | PROT_WRITE, anon = MAP_PRIVATE | MAP_ANONYMOUS;

    CHECK_CALL(-EINVAL, sys_mmap(0, 0, rw, anon, -1, 0));
    CHECK_CALL(-ENOMEM, sys_mmap(0, -4096l, rw, anon, -1, 0));
    CHECK_CALL(-EBADF, sys_mmap(0, 4096, PROT_READ, MAP_PRIVATE, 77, 0));
    CHECK_CALL(-EINVAL, sys_mmap(0, 4096, rw, MAP_ANONYMOUS, -1, 0));
    CHECK_CALL(-EINVAL, sys_mmap(4095, 4096, rw, anon | MAP_FIXED, -1, 0));
    CHECK_CALL(-EINVAL, sys_munmap(1, 4096));
    CHECK_CALL(-EINVAL, sys_munmap(0x10000, 0));
    CHECK_CALL(-EINVAL, sys_munmap(0x8000000000000000, 4096));
    CHECK_CALL(-ENOMEM, sys_mprotect(0x20000000, 4096, PROT_READ));
    CHECK_CALL(-EACCES, sys_mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, anon, -1, 0));
    CHECK_CALL(-EACCES, sys_mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    CHECK_CALL(-EACCES, sys_mprotect((long)shared_pages(1), 4096, PROT_READ | PROT_EXEC));
    long r = sys_mmap(0, 0xffffff80200000, rw, anon | MAP_FIXED, -1, 0);
    CHECK(r < 0, "mapped over the kernel: %lx", r);
    CHECK(sys_mmap(0x4000000000 - 4096, 8192, rw, anon | MAP_FIXED, -1, 0) < 0,
          "mapped across the end of user space");
    CHECK(sys_mmap(0, 4096, rw, anon | MAP_FIXED, -1, 0) < 0, "mapped page 0");
}

static void protection(void)
{
    char *a = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    memset(a, 1, 3 * 4096);
    CHECK_CALL(0, sys_mprotect((long)a + 4096, 4096, PROT_READ));
    expect_signal(write_at, (long)a + 4096, SIGSEGV, "write to a read-only page");
    CHECK(a[4096] == 1, "content");
    CHECK_CALL(-EFAULT, sys_getrandom((long)a + 4096, 8, 0));
    CHECK_CALL(0, sys_mprotect((long)a + 4096, 4096, PROT_NONE));
    expect_signal(read_at, (long)a + 4096, SIGSEGV, "read of PROT_NONE");
    CHECK_CALL(0, sys_mprotect((long)a + 4096, 4096, PROT_READ | PROT_WRITE));
    a[4096] = 2;
    CHECK(a[0] == 1 && a[8192] == 1 && a[4096] == 2, "content after mprotect");
}

static void mmap_file(void)
{
    make_file("f", 10000, 3);
    int fd = open("f", O_RDONLY);
    uint8_t *a = mmap(NULL, 12288, PROT_READ, MAP_PRIVATE, fd, 0);
    uint8_t *b = mmap(NULL, 12288, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

    close(fd);
    CHECK((char *)a != MAP_FAILED && (char *)b != MAP_FAILED, "mmap: %s", strerror(errno));
    b[0] = 99;
    for (int i = 0; i < 12288; i++) {
        uint8_t want = i < 10000 ? pattern_byte(i, 3) : 0;
        CHECK(a[i] == want, "byte %d is %u", i, a[i]);
        CHECK(i == 0 || b[i] == want, "private byte %d is %u", i, b[i]);
    }
    CHECK(b[0] == 99, "private write is lost");
    check_file("f", 10000, 3);
}

/* A new program's uninitialised data is zero, also on the page that begins with its initialised data. */
static void bss_of_a_new_program(void)
{
    char *argv[] = {"regsatentry", NULL};
    uint64_t ored[2];
    int p[2];

    CHECK(pipe(p) == 0, "pipe");
    for (int round = 0; round < 20; round++) {
        dirty_memory();
        int pid = fork();
        if (pid == 0) {
            dup2(p[1], 1);
            execve("/bin/regsatentry", argv, environ);
            exit(9);
        }
        CHECK_CALL(16, sys_read(p[0], (long)ored, 16));
        CHECK(wait_for(pid) == 0, "child");
        CHECK(ored[1] == 0, "a new program's uninitialised data is not zero: bits 0x%lx", ored[1]);
    }
}

/* Parts of a mapping that is cut to pieces still show their own part of the file. */
static void mmap_file_in_pieces(void)
{
    enum { PAGES = 9 };

    make_file("f", PAGES * 4096, 5);
    int fd = open("f", O_RDONLY);
    uint8_t *a = mmap(NULL, PAGES * 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    CHECK((char *)a != MAP_FAILED, "mmap: %s", strerror(errno));
    for (int i = 1; i < PAGES; i += 3)
        CHECK_CALL(0, sys_munmap((long)a + i * 4096, 4096));
    CHECK_CALL(0, sys_mprotect((long)a + 6 * 4096, 4096, PROT_READ | PROT_WRITE));
    for (int i = 0; i < PAGES * 4096; i++)
        if (i / 4096 % 3 != 1)
            CHECK(a[i] == pattern_byte(i, 5), "byte %d is %u, expected %u", i, a[i], pattern_byte(i, 5));
}

static void shared_memory_child(long addr)
{
    for (int i = 0; i < 1000; i++)
        __atomic_fetch_add((int *)addr, 1, __ATOMIC_SEQ_CST);
}

static void shared_memory(void)
{
    int *a = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), pids[4];

    CHECK((char *)a != MAP_FAILED, "mmap: %s", strerror(errno));
    for (int i = 0; i < 4; i++)
        pids[i] = start_child(shared_memory_child, (long)a + 4096);
    for (int i = 0; i < 4; i++)
        CHECK(wait_for(pids[i]) == 0, "child");
    CHECK(a[1024] == 4000, "counted %d", a[1024]);
}

static void eat_memory(long unused)
{
    (void)unused;
    for (;;) {
        char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
            exit(0);
        for (int i = 0; i < 1 << 20; i += 4096)
            p[i] = 1;
    }
}

/* A process that wants all memory ends, and everything comes back. */
static void out_of_memory(void)
{
    long before = counter("pages_free") + counter("slab_buf");

    for (int i = 0; i < 2; i++)
        in_child(eat_memory, 0);
    sleep_ms(50);
    long lost = before - (counter("pages_free") + counter("slab_buf"));
    CHECK(lost < 200, "%ld pages are gone", lost);
}

static void constant_free_pages(void)
{
    for (int i = 0; i < 3; i++)
        dirty_memory();
    long before = counter("pages_free");
    for (int i = 0; i < 300; i++)
        CHECK(in_child(write_at, (long)sbrk(0) - 1) == 0 || true, "child");
    long lost = before - counter("pages_free");
    CHECK(lost < 50, "%ld pages are gone after 300 processes", lost);
}

/* Each is one process all along: the translation that it has used is still in the hart's TLB. */
static void read_after_munmap(long unused)
{
    char *p = new_pages(2);
    (void)unused;
    memset(p, 1, 8192);
    CHECK_CALL(0, sys_munmap((long)p, 4096));
    CHECK(*(volatile char *)p == 1, "read something else after munmap");
}

static void write_after_mprotect(long unused)
{
    char *p = new_pages(2);
    (void)unused;
    memset(p, 1, 8192);
    CHECK_CALL(0, sys_mprotect((long)p, 4096, PROT_READ));
    *(volatile char *)p = 2;
}

/* Memory unmapped here and given to others is no longer reachable, on any hart. */
static void stale_translations(void)
{
    expect_signal(read_after_munmap, 0, SIGSEGV, "read through a stale translation after munmap");
    expect_signal(write_after_mprotect, 0, SIGSEGV, "write through a stale translation after mprotect");
    for (int i = 0; i < 200; i++) {
        char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        p[0] = 1;
        CHECK_CALL(0, sys_munmap((long)p, 4096));
        if (i % 20 == 0)
            expect_signal(read_at, (long)p, SIGSEGV, "read after munmap");
    }
}

static const struct test tests[] = {
    TEST(sbrkbasic),           TEST(sbrk_errors),
    TEST(sbrk_gives_back),     TEST(fresh_memory_is_zero),
    TEST(copy_on_write),       TEST(copy_on_write_by_kernel),
    TEST(stack_grows),         TEST(mmap_anonymous),
    TEST(mmap_errors),         TEST(protection),
    TEST(mmap_file),           TEST(shared_memory),
    SLOW(out_of_memory),       TEST(constant_free_pages),
    TEST(stale_translations),  TEST(parent_writes_after_fork),
    TEST(mmap_file_in_pieces), TEST(bss_of_a_new_program),
};
const struct topic topic_mem = {"mem", tests, sizeof(tests) / sizeof(tests[0])};
