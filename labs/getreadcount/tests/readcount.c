/* Tests of getreadcount. See README.md for what is counted. */
#include "labs/check.h"

#define GETREADCOUNT 244
#define READS_EACH   60000

static long count(void)
{
    long n = call(GETREADCOUNT, 0, 0, 0);

    EXPECT(n >= 0, "getreadcount (system call %d) returned %ld (%s), expected the number of reads",
           GETREADCOUNT, n, strerror((int)-n));
    return n;
}

/* Since `before`, exactly `want` reads should have been counted. */
static void expect_rise(long before, long want, const char *what)
{
    long rise = count() - before;

    EXPECT(rise == want, "%s: expected the count to rise by %ld, it rose by %ld", what, want, rise);
}

static int zeros(void)
{
    int fd = open("/dev/zero", O_RDONLY);

    EXPECT(fd >= 0, "/dev/zero cannot be opened: error %d", errno);
    return fd;
}

static void part_exists(void)
{
    count();
}

static void part_one(void)
{
    int fd = zeros();
    char c;
    long before = count();

    read(fd, &c, 1);
    expect_rise(before, 1, "one read of one byte");
}

static void part_many(void)
{
    int fd = zeros();
    char buf[64];
    long before = count();

    for (int i = 0; i < 1000; i++)
        read(fd, buf, i % sizeof(buf) + 1);
    expect_rise(before, 1000, "1000 reads of 1 to 64 bytes");
}

static void part_only_reads(void)
{
    int fd = zeros(), null = open("/dev/null", O_WRONLY);
    char buf[8];
    struct abi_iovec v = {(uintptr_t)buf, sizeof(buf)};
    long before = count();

    count();
    expect_rise(before, 0, "getreadcount itself");
    getpid();
    write(null, buf, sizeof(buf));
    lseek(fd, 0, SEEK_SET);
    close(dup(fd));
    expect_rise(before, 0, "getpid, write, lseek, dup and close");
    sys_readv(fd, (long)&v, 1L);
    expect_rise(before, 0, "readv");
    pread(open("/bin/sh", O_RDONLY), buf, sizeof(buf), 0);
    expect_rise(before, 0, "open and pread64");
}

static void part_others(void)
{
    int fd = zeros();
    char c;
    long before = count();

    int pid = fork_or_fail();
    if (pid == 0) {
        for (int i = 0; i < 10; i++)
            read(fd, &c, 1);
        expect_rise(before, 10, "10 reads, seen by the child that made them");
        exit(0);
    }
    wait_ok(pid);
    expect_rise(before, 10, "10 reads of a child, seen by its parent");
}

/* Pseudo-random numbers, the same in every run. */
static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 16;
}

/* So many processes make their reads at once: in bursts, with short sleeps between them. When a sleep ends,
 * the timer interrupts another process or, in an emulator that runs one hart at a time, another hart, in the
 * middle of what it does; with bursts and sleeps of all lengths, in the middle of counting, too. */
static void read_together(int readers, const char *what)
{
    int fd = zeros();
    char c;
    long before = count();

    for (int i = 0; i < readers; i++) {
        uint32_t state = i;
        if (fork_or_fail() != 0)
            continue;
        for (int left = READS_EACH; left > 0; left--) {
            read(fd, &c, 1);
            if (left % 64 == 0)
                sleep_us(1 + next_random(&state) % 64);
            for (volatile int pause = next_random(&state) % 8; pause > 0;)
                pause--;
        }
        exit(0);
    }
    for (int i = 0; i < readers; i++)
        wait_ok(-1);
    expect_rise(before, (long)readers * READS_EACH, what);
}

static void part_processes(void)
{
    read_together(4, "4 processes with 60000 reads each, in turns on one hart");
}

static void part_harts(void)
{
    read_together(2, "2 processes with 60000 reads each, at once on several harts");
}

int main(int argc, char **argv)
{
    static const struct part parts[] = {
        {"exists", part_exists},   {"one", part_one},       {"many", part_many},
        {"only", part_only_reads}, {"others", part_others}, {"processes", part_processes},
        {"harts", part_harts},
    };

    return RUN_PART(parts, argc, argv);
}
