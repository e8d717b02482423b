/* Bad pointers, lengths and numbers, for every system call that takes them: the errno, and nothing else. */
#include "tests.h"

static const long bad_addresses[] = {8,
                                     0x3ffffff000,
                                     0x3fffffffff,
                                     0x4000000000,
                                     0x80000000,
                                     (long)0x8000000000000000,
                                     (long)0xffffffc080200000,
                                     -4096,
                                     -8,
                                     -1};
#define BAD             (sizeof(bad_addresses) / sizeof(bad_addresses[0]))
#define FOR_EACH_BAD(a) for (long i_ = 0, a; i_ < (long)BAD && (a = bad_addresses[i_], 1); i_++)

static void bad_paths(void)
{
    FOR_EACH_BAD(a)
    {
        CHECK_CALL(-EFAULT, sys_openat(AT_FDCWD, a, O_RDONLY, 0));
        CHECK_CALL(-EFAULT, sys_openat(AT_FDCWD, a, O_CREAT | O_RDWR, 0666));
        CHECK_CALL(-EFAULT, sys_mkdirat(AT_FDCWD, a, 0777));
        CHECK_CALL(-EFAULT, sys_mknodat(AT_FDCWD, a, S_IFCHR, 0));
        CHECK_CALL(-EFAULT, sys_unlinkat(AT_FDCWD, a, 0));
        CHECK_CALL(-EFAULT, sys_linkat(AT_FDCWD, a, AT_FDCWD, (long)"x", 0));
        CHECK_CALL(-EFAULT, sys_linkat(AT_FDCWD, (long)"/bin/sh", AT_FDCWD, a, 0));
        CHECK_CALL(-EFAULT, sys_symlinkat(a, AT_FDCWD, (long)"x"));
        CHECK_CALL(-EFAULT, sys_symlinkat((long)"x", AT_FDCWD, a));
        CHECK_CALL(-EFAULT, sys_renameat2(AT_FDCWD, a, AT_FDCWD, (long)"x", 0));
        CHECK_CALL(-EFAULT, sys_renameat2(AT_FDCWD, (long)"x", AT_FDCWD, a, 0));
        CHECK_CALL(-EFAULT, sys_chdir(a));
        CHECK_CALL(-EFAULT, sys_truncate(a, 0));
        CHECK_CALL(-EFAULT, sys_faccessat(AT_FDCWD, a, F_OK));
        CHECK_CALL(-EFAULT, sys_fchmodat(AT_FDCWD, a, 0));
        CHECK_CALL(-EFAULT, sys_execve(a, 0, 0));
        CHECK_CALL(-EFAULT, sys_statfs(a, (long)&a));
    }
}

static void bad_buffers(void)
{
    static char buf[4096];
    int fd = open("f", O_CREAT | O_RDWR);

    write(fd, buf, sizeof(buf));
    FOR_EACH_BAD(a)
    {
        lseek(fd, 0, SEEK_SET);
        CHECK_CALL(-EFAULT, sys_read(fd, a, 100));
        CHECK_CALL(-EFAULT, sys_write(fd, a, 100));
        CHECK_CALL(-EFAULT, sys_pread64(fd, a, 100, 0));
        CHECK_CALL(-EFAULT, sys_pwrite64(fd, a, 100, 0));
        CHECK_CALL(-EFAULT, sys_readv(fd, a, 1));
        CHECK_CALL(-EFAULT, sys_writev(fd, a, 1));
        CHECK_CALL(-EFAULT, sys_fstat(fd, a));
        CHECK_CALL(-EFAULT, sys_newfstatat(AT_FDCWD, (long)"f", a, 0));
        CHECK_CALL(-EFAULT, sys_readlinkat(AT_FDCWD, (long)"/proc/self", a, 10));
        CHECK_CALL(-EFAULT, sys_getcwd(a, 100));
        CHECK_CALL(-EFAULT, sys_pipe2(a, 0));
        CHECK_CALL(-EFAULT, sys_uname(a));
        CHECK_CALL(-EFAULT, sys_sysinfo(a));
        CHECK_CALL(-EFAULT, sys_clock_gettime(0, a));
        CHECK_CALL(-EFAULT, sys_nanosleep(a, 0));
        CHECK_CALL(-EFAULT, sys_getrandom(a, 10, 0));
        CHECK_CALL(-EFAULT, sys_times(a));
        CHECK_CALL(-EFAULT, sys_getrusage(0, a));
        CHECK_CALL(-EFAULT, sys_statfs((long)"/", a));
        CHECK_CALL(-EFAULT, sys_rt_sigaction(SIGINT, a, 0, 8));
        CHECK_CALL(-EFAULT, sys_rt_sigprocmask(0, a, 0, 8));
        CHECK_CALL(-EFAULT, sys_prlimit64(0, RLIMIT_NOFILE, a, 0));
        CHECK_CALL(-EFAULT, sys_execve((long)"/bin/true", a, 0));
    }
    int dir = open("/", O_RDONLY);
    FOR_EACH_BAD(a)
    CHECK_CALL(-EFAULT, sys_getdents64(dir, a, 1000));
    CHECK_CALL(4096, sys_lseek(fd, 0, SEEK_END));
}

/* A range that begins well and ends badly. */
static void ranges_across_the_end(void)
{
    char *end = sbrk(0);
    char *top = (char *)(((uint64_t)end + 4095) & ~4095ul);

    sbrk(top - end);
    memset(top - 64, 'A', 64);
    int fd = open("f", O_CREAT | O_RDWR);
    long r = sys_write(fd, (long)top - 64, 1024);
    CHECK(r == -EFAULT || r == 64, "write gave %ld", r);
    struct abi_stat st;
    getfstat(fd, &st);
    CHECK(st.size == (r > 0 ? r : 0), "size %ld after a write that gave %ld", (long)st.size, r);
    CHECK_CALL(-EFAULT, sys_write(fd, -8, 16)); /* wraps */
    CHECK_CALL(-EFAULT, sys_write(fd, 0x3ffffffff8, 0x7fffffffffffffff));
}

static void strings_at_the_end(void)
{
    char *area = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    munmap(area + 4096, 4096);
    memcpy(area + 4096 - 6, "/proc", 6); /* ends with the page */
    CHECK_CALL(0, sys_faccessat(AT_FDCWD, (long)area + 4096 - 6, F_OK));
    memset(area + 4096 - 6, 'x', 6);
    CHECK_CALL(-EFAULT, sys_faccessat(AT_FDCWD, (long)area + 4096 - 6, F_OK));
    char *lazy = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK_CALL(-ENOENT, sys_faccessat(AT_FDCWD, (long)lazy, F_OK)); /* an untouched page is an empty string */
}

static void lengths(void)
{
    static char buf[4096];
    int fd = open("f", O_CREAT | O_RDWR);
    struct abi_iovec iov[2] = {{(long)buf, -1}, {(long)buf, 4096}};

    write(fd, buf, sizeof(buf));
    lseek(fd, 0, SEEK_SET);
    CHECK_CALL(-EFAULT, sys_read(fd, (long)buf, -1));
    CHECK_CALL(-EFAULT, sys_write(fd, (long)buf, -1));
    CHECK_CALL(-EINVAL, sys_readv(fd, (long)iov, 2));
    CHECK_CALL(-EINVAL, sys_readv(fd, (long)iov, -1));
    CHECK_CALL(-EINVAL, sys_writev(fd, (long)iov, 1025));
    CHECK_CALL(0, sys_readv(fd, (long)iov, 0));
    CHECK_CALL(-EINVAL, sys_pread64(fd, (long)buf, 10, -1));
    CHECK_CALL(-EINVAL, sys_lseek(fd, -1, SEEK_SET));
    CHECK_CALL(-EINVAL, sys_lseek(fd, 0, 9));
    CHECK_CALL(-EINVAL, sys_ftruncate(fd, -1));
    CHECK_CALL(-EFBIG, sys_ftruncate(fd, 0x7fffffffffffffff));
    CHECK_CALL(-EFBIG, sys_pwrite64(fd, (long)buf, 10, 0x7fffffffffff0000));
    CHECK_CALL(0, sys_pread64(fd, (long)buf, 10, 0x7fffffffffff0000));
    CHECK_CALL(-ERANGE, sys_getcwd((long)buf, 1));
    CHECK_CALL(-EINVAL, sys_getdents64(sys_openat(AT_FDCWD, (long)"/", 0, 0), (long)buf, 1));
}

/* What the kernel writes to user structures is all its own to give: no stale bytes between fields. */
static void no_stale_bytes(void)
{
    union {
        struct abi_stat st;
        uint8_t bytes[sizeof(struct abi_stat)];
    } a, b;

    make_file("f", 100, 1);
    memset(&a, 0xee, sizeof(a));
    memset(&b, 0x11, sizeof(b));
    getstat("f", &a.st);
    getlstat("/bin", &b.st);
    getstat("f", &b.st);
    CHECK(memcmp(&a, &b, sizeof(a)) == 0, "struct stat differs between two calls");
    CHECK(a.st.pad1 == 0 && a.st.pad2 == 0 && a.st.unused[0] == 0, "padding is not zero");

    /* Nor behind the names of directory entries, whatever was in memory before. */
    static char entries[4096];
    CHECK(mkdir("d") == 0, "mkdir: %s", strerror(errno));
    close(open_new("d/a"));
    close(open_new("d/b"));
    int fd = open("d", O_RDONLY);
    sys_getdents64(open("/bin", O_RDONLY), (long)entries,
                   sizeof(entries)); /* leaves names in the kernel's buffer */
    long n = sys_getdents64(fd, (long)entries, sizeof(entries));
    CHECK(n > 0, "getdents64: %ld", n);
    for (long at = 0; at < n;) {
        struct abi_dirent64 *e = (struct abi_dirent64 *)(entries + at);
        for (char *c = e->name + (e->name[1] == '.' ? 2 : 1); c < entries + at + e->reclen; c++)
            CHECK(*c == 0, "stale byte 0x%x behind the name of the directory entry %c", *c, e->name[0]);
        at += e->reclen;
    }
}

/* Many calls with numbers from all over: they return; the process and the system live on. */
static void random_calls(void)
{
    static const long safe[] = {17, 23, 24,  25,  29,  33,  34,  35,  36,  37,  43,  44,  46,  48,
                                49, 52, 54,  55,  56,  57,  59,  61,  62,  63,  65,  67,  78,  79,
                                80, 88, 113, 114, 153, 160, 165, 179, 214, 215, 222, 226, 276, 278};
    char *const area = new_pages(2) + 4096 - 64, *const noise = new_pages(1);
    struct abi_stat console;
    const long values[] = {0,
                           1,
                           -1,
                           2,
                           3,
                           8,
                           64,
                           4096,
                           (long)area,
                           (long)area + 63,
                           0x4000000000,
                           0x7fffffff,
                           -0x80000000l,
                           0x8000000000000000,
                           AT_FDCWD};
    enum { VALUES = sizeof(values) / sizeof(values[0]) };

    munmap(area + 64, 4096);
    getfstat(0, &console);
    for (int i = 3; i < 20; i++)
        dup2(0, i); /* the runner's own output is out of reach */
    for (int i = 0; i < 20000; i++) {
        long a[6];
        for (int k = 0; k < 6; k++)
            a[k] = values[random_next() % VALUES];
        long number = safe[random_next() % (sizeof(safe) / sizeof(safe[0]))];
        if ((number == 215 || number == 222 || number == 226 || number == 214) && a[0] != 0)
            a[0] = 0x8000000000;
        if ((number == 57 || number == 24) && (uint64_t)a[0] < 3)
            continue;
        if (number == 24 && (uint64_t)(int)a[1] < 3)
            continue;
        if (number == 63 || number == 65)
            a[0] = -1;
        if (number == 278)
            a[0] = (long)noise;
        /* Earlier calls have written to the area: what is there must be no path out of this directory. */
        area[0] = 'n';
        area[63] = 0;
        raw_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    }
    sys_fchmod(0, console.mode & 07777);
    sys_fchown(0, console.uid, console.gid);
}

static const struct test tests[] = {
    TEST(bad_paths), TEST(bad_buffers),    TEST(ranges_across_the_end), TEST(strings_at_the_end),
    TEST(lengths),   TEST(no_stale_bytes), TEST(random_calls),
};
const struct topic topic_pointer = {"pointer", tests, sizeof(tests) / sizeof(tests[0])};
