/* More tests of getreadcount: those that handouts leave out. */
#include "labs/check.h"

#define GETREADCOUNT 244

static long count(void)
{
    long n = call(GETREADCOUNT, 0, 0, 0);

    EXPECT(n >= 0, "getreadcount (system call %d) returned %ld (%s), expected the number of reads",
           GETREADCOUNT, n, strerror((int)-n));
    return n;
}

/* One read that returns `result`; it counts as one. */
static void expect_counted(int fd, void *buf, long n, long result, const char *what)
{
    long before = count(), got = sys_read(fd, (long)buf, n);

    EXPECT(got == result, "%s: expected read to return %ld, it returned %ld", what, result, got);
    long rise = count() - before;
    EXPECT(rise == 1, "%s: expected the count to rise by 1, it rose by %ld", what, rise);
}

static void part_failing(void)
{
    char buf[8];

    expect_counted(-1, buf, 1, -EBADF, "a read of descriptor -1");
    expect_counted(1000, buf, 1, -EBADF, "a read of a descriptor that is not open");
    expect_counted(open("/dev/null", O_WRONLY), buf, 1, -EBADF, "a read of a file open for writing only");
    expect_counted(open("/dev/zero", O_RDONLY), (void *)8, 8, -EFAULT, "a read to address 8");
    expect_counted(open("/", O_RDONLY), buf, 8, -EISDIR, "a read of a directory");
}

static void part_empty(void)
{
    char buf[8];

    expect_counted(open("/dev/zero", O_RDONLY), buf, 0, 0, "a read of no bytes");
    expect_counted(open("/dev/null", O_RDONLY), buf, 8, 0, "a read at the end of the file");
}

/* The child says so with a byte that it is about to read; 20 ms later it waits in that read. */
static void part_waiting(void)
{
    int told[2], quiet[2];
    char c;

    EXPECT(pipe(told) == 0 && pipe(quiet) == 0, "pipe gave error %d", errno);
    int child = fork_or_fail();
    if (child == 0) {
        write(told[1], "x", 1);
        read(quiet[0], &c, 1);
        exit(0);
    }
    read(told[0], &c, 1);
    sleep_us(20000);
    long waiting = count();
    write(quiet[1], "x", 1);
    wait_ok(child);
    long rise = count() - waiting;
    EXPECT(rise == 0,
           "a read counts when it begins: one that was already waiting counted %ld more when it ended", rise);
    long before = count();
    child = fork_or_fail();
    if (child == 0) {
        read(quiet[0], &c, 1);
        exit(0);
    }
    sleep_us(20000);
    rise = count() - before;
    kill(child);
    wait_status(child);
    EXPECT(rise == 1,
           "a read that waits in another process: expected the count to have risen by 1, it rose by %ld",
           rise);
}

/* What `n` calls cost beyond as many others, in instructions. */
static uint64_t cost(bool reads, int n)
{
    uint64_t start = instructions();

    for (int i = 0; i < n; i++)
        call(reads ? 63 : 172, -1, 0, 0);
    return (instructions() - start) / n;
}

static void part_cost(void)
{
    const uint64_t most = 80;

    count();
    cost(true, 100);
    uint64_t read_cost = cost(true, 2000), getpid_cost = cost(false, 2000);
    EXPECT(read_cost <= getpid_cost + most,
           "a read of descriptor -1 takes %lu instructions, getpid %lu: expected at most %lu more", read_cost,
           getpid_cost, most);
}

int main(int argc, char **argv)
{
    static const struct part parts[] = {
        {"failing", part_failing},
        {"empty", part_empty},
        {"waiting", part_waiting},
        {"cost", part_cost},
    };

    return RUN_PART(parts, argc, argv);
}
