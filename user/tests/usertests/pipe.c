/* Pipes and descriptors. */
#include "tests.h"

static int p[2];

static void make_pipe(void)
{
    CHECK(pipe(p) == 0, "pipe: %s", strerror(errno));
}

static void write_pattern(long n)
{
    static uint8_t buf[1033];

    close(p[0]);
    for (long done = 0; done < n;) {
        long part = n - done < (long)sizeof(buf) ? n - done : (long)sizeof(buf);
        for (long i = 0; i < part; i++)
            buf[i] = pattern_byte(done + i, 1);
        CHECK_CALL(part, sys_write(p[1], (long)buf, part));
        done += part;
    }
}

/* What is written comes out, in order, whatever the sizes; then end of file. */
static void pipe1(void)
{
    static uint8_t buf[70000];
    long n = 400000, got, done = 0, want = 1;

    make_pipe();
    int pid = start_child(write_pattern, n);
    close(p[1]);
    while ((got = sys_read(p[0], (long)buf, want)) > 0) {
        for (long i = 0; i < got; i++)
            CHECK(buf[i] == pattern_byte(done + i, 1), "byte %ld", done + i);
        done += got;
        want = want * 3 % 65521 + 1;
    }
    CHECK(got == 0 && done == n, "got %ld after %ld bytes", got, done);
    CHECK(wait_for(pid) == 0, "writer");
}

static void pipe_lengths(void)
{
    char c;

    make_pipe();
    CHECK_CALL(0, sys_read(p[0], (long)&c, 0));
    CHECK_CALL(0, sys_write(p[1], (long)&c, 0));
    CHECK_CALL(-EFAULT, sys_write(p[1], -1, 1));
    CHECK_CALL(-EFAULT, sys_write(p[1], 8, 1));
    CHECK_CALL(1, sys_write(p[1], (long)"x", 1));
    CHECK_CALL(-EFAULT, sys_read(p[0], 8, 1));
    CHECK_CALL(1, sys_read(p[0], (long)&c, 1));
    CHECK_CALL(-EBADF, sys_write(p[0], (long)&c, 1));
    CHECK_CALL(-EBADF, sys_read(p[1], (long)&c, 1));
    CHECK_CALL(-ESPIPE, sys_lseek(p[0], 0, SEEK_SET));
    CHECK_CALL(-ESPIPE, sys_pread64(p[0], (long)&c, 1, 0));
}

static void pipe_nonblocking(void)
{
    static char buf[65536];
    long total = 0, r;

    CHECK_CALL(0, sys_pipe2((long)p, O_NONBLOCK));
    CHECK_CALL(-EAGAIN, sys_read(p[0], (long)buf, 1));
    while ((r = sys_write(p[1], (long)buf, 4096)) > 0)
        total += r;
    CHECK(r == -EAGAIN && total >= 4096, "full: %ld after %ld", r, total);
    CHECK_CALL(4096, sys_read(p[0], (long)buf, 4096));
    CHECK_CALL(0, sys_pipe2((long)p, O_CLOEXEC));
    CHECK_CALL(-EINVAL, sys_pipe2((long)p, 0x40));
    CHECK_CALL(-EFAULT, sys_pipe2(8, 0));
}

/* 64 KB fit in, to the byte; wherever in the ring that begins. */
static void pipe_is_full(void)
{
    static char buf[65536], got[65536];

    CHECK_CALL(0, sys_pipe2((long)p, O_NONBLOCK));
    for (int start = 0; start < 20000; start += 4999) {
        for (int i = 0; i < 65536; i++)
            buf[i] = pattern_byte(i, start);
        CHECK_CALL(1, sys_write(p[1], (long)"x", 1)); /* an empty pipe starts at 0 again */
        CHECK_CALL(start, sys_write(p[1], (long)got, start));
        CHECK_CALL(65535 - start, sys_write(p[1], (long)buf, 65535 - start));
        CHECK_CALL(1, sys_read(p[0], (long)got, 1));
        CHECK_CALL(-EAGAIN, sys_write(p[1], (long)buf, 2)); /* whole, or not at all */
        CHECK_CALL(start, sys_read(p[0], (long)got, start));
        CHECK_CALL(start + 1, sys_write(p[1], (long)buf + 65535 - start, start + 1));
        CHECK_CALL(-EAGAIN, sys_write(p[1], (long)"y", 1)); /* full */
        CHECK_CALL(65536, sys_read(p[0], (long)got, 65536));
        for (int i = 0; i < 65536; i++)
            CHECK(got[i] == buf[i], "a full pipe that begins at %d: byte %d is %d, expected %d", start + 1, i,
                  got[i], buf[i]);
        CHECK_CALL(-EAGAIN, sys_read(p[0], (long)got, 1));
    }
}

/* Byte by byte, over the edges of the ring's pages and round its end. */
static void pipe_byte_by_byte(void)
{
    char c;

    make_pipe();
    CHECK_CALL(3, sys_write(p[1], (long)"\0\0\0", 3));
    for (int i = 0; i < 70000; i++) {
        c = pattern_byte(i, 3);
        CHECK_CALL(1, sys_write(p[1], (long)&c, 1));
        CHECK_CALL(1, sys_read(p[0], (long)&c, 1));
        CHECK((uint8_t)c == (i < 3 ? 0 : pattern_byte(i - 3, 3)), "byte %d is %d", i, c);
    }
}

static void lowest_descriptor(void)
{
    for (int fd = 3; fd < 40; fd++)
        CHECK_CALL(fd, sys_openat(AT_FDCWD, (long)"/", O_RDONLY, 0));
    for (int fd = 35; fd > 3; fd -= 7) {
        CHECK_CALL(0, sys_close(fd));
        CHECK_CALL(0, sys_close(fd - 1));
        CHECK_CALL(fd - 1, sys_dup(0));
        CHECK_CALL(fd, sys_openat(AT_FDCWD, (long)"/", O_RDONLY, 0));
    }
    CHECK_CALL(40, sys_dup(0));
    /* What was open under a number that is given away is closed: usertests would find it left behind. */
    for (int i = 0; i < 10; i++)
        CHECK_CALL(40, sys_dup3(3 + i, 40, 0));
}

static void fill_pipe(long unused)
{
    static char buf[65536];
    (void)unused;
    close(p[0]);
    for (;;)
        if (write(p[1], buf, sizeof(buf)) < 0)
            exit(errno);
}

/* A writer that waits in a full pipe is told when the last reader goes. */
static void last_reader_goes(void)
{
    setsignal(SIGPIPE, SIGNAL_IGNORE);
    make_pipe();
    int pid = start_child(fill_pipe, 0);
    close(p[1]);
    sleep_ms(20);
    close(p[0]);
    CHECK(wait_for(pid) == WAIT_EXITED(EPIPE), "writer");
    setsignal(SIGPIPE, SIGNAL_DEFAULT);
    make_pipe();
    pid = start_child(fill_pipe, 0);
    close(p[0]);
    CHECK(wait_for(pid) == WAIT_SIGNALED(SIGPIPE), "writer with SIGPIPE");
}

static void read_to_the_end(long unused)
{
    char c;
    (void)unused;
    close(p[1]);
    CHECK_CALL(0, sys_read(p[0], (long)&c, 1));
}

/* The end of file is for all who wait for it. */
static void all_readers_see_the_end(void)
{
    int pids[5];

    make_pipe();
    for (int i = 0; i < 5; i++)
        pids[i] = start_child(read_to_the_end, 0);
    for (int i = 0; i < 5; i++)
        wait_until(pids[i], 'S');
    close(p[1]);
    for (int i = 0; i < 5; i++)
        CHECK(wait_for(pids[i]) == 0, "reader %d", i);
}

static void write_more_than_fits(long unused)
{
    static char buf[65536 + 4096];
    (void)unused;
    CHECK_CALL((long)sizeof(buf), sys_write(p[1], (long)buf, sizeof(buf)));
}

/* A writer that waits goes on when there is room again, though nobody waits for it, nor reads any more. */
static void writer_goes_on(void)
{
    static char buf[8192];

    make_pipe();
    int pid = start_child(write_more_than_fits, 0);
    wait_until(pid, 'S');
    CHECK_CALL((long)sizeof(buf), sys_read(p[0], (long)buf, sizeof(buf)));
    CHECK(wait_for(pid) == 0, "writer");
}

static void hold_then_exit(long ms)
{
    sleep_ms(ms);
}

/* End of file comes when the last writer goes, be it by exit, and not before. */
static void last_writer_goes(void)
{
    char c;

    make_pipe();
    int pid = start_child(hold_then_exit, 60);
    close(p[1]);
    uint64_t start = now_ns();
    CHECK_CALL(0, sys_read(p[0], (long)&c, 1));
    CHECK(now_ns() - start > 30000000, "end of file while a writer was there");
    wait_for(pid);
}

#define RECORD 500 /* so that the ring's size is no multiple of it */

static void write_records(long id)
{
    char record[RECORD];

    memset(record, 'a' + id, sizeof(record));
    for (int i = 0; i < 200; i++)
        CHECK_CALL((long)sizeof(record), sys_write(p[1], (long)record, sizeof(record)));
}

/* Writes up to PIPE_BUF are not mixed. */
static void writes_are_atomic(void)
{
    char record[RECORD];
    int pids[4], count[4] = {0};
    size_t have = 0;
    long got;

    make_pipe();
    for (int i = 0; i < 4; i++)
        pids[i] = start_child(write_records, i);
    close(p[1]);
    while ((got = sys_read(p[0], (long)record + have, sizeof(record) - have)) > 0) {
        have += got;
        if (have < sizeof(record))
            continue;
        for (size_t i = 1; i < sizeof(record); i++)
            CHECK(record[i] == record[0], "records are mixed at byte %lu", i);
        count[record[0] - 'a']++;
        have = 0;
    }
    for (int i = 0; i < 4; i++) {
        CHECK(wait_for(pids[i]) == 0, "writer %d", i);
        CHECK(count[i] == 200, "writer %d: %d records", i, count[i]);
    }
}

static int ring[8][2];

static void pass_on(long i)
{
    uint32_t token;

    while (read(ring[i][0], &token, 4) == 4 && token) {
        token--;
        write(ring[(i + 1) % 8][1], &token, 4);
        if (!token)
            break;
    }
}

/* A token goes round eight processes: no wake-up is lost. */
static void ping_pong(void)
{
    uint32_t token = 20001, pids[8];

    for (int i = 0; i < 8; i++)
        CHECK(pipe(ring[i]) == 0, "pipe");
    for (int i = 0; i < 8; i++)
        pids[i] = start_child(pass_on, i);
    write(ring[0][1], &token, 4);
    for (int i = 0; i < 8; i++)
        close(ring[i][1]);
    wait(0); /* the one that sees the token reach 0 ends; the others wait for more */
    for (int i = 0; i < 8; i++)
        sendsig(pids[i], SIGKILL);
    while (wait(0) > 0)
        ;
}

static void bad_descriptors(void)
{
    static const long bad[] = {-1, 99, 1000000, 0x7fffffff, -0x80000000l};
    char c;

    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK_CALL(-EBADF, sys_close(bad[i]));
        CHECK_CALL(-EBADF, sys_dup(bad[i]));
        CHECK_CALL(-EBADF, sys_read(bad[i], (long)&c, 1));
        CHECK_CALL(-EBADF, sys_write(bad[i], (long)&c, 1));
        CHECK_CALL(-EBADF, sys_fstat(bad[i], (long)&c));
        CHECK_CALL(-EBADF, sys_lseek(bad[i], 0, 0));
        CHECK_CALL(-EBADF, sys_fcntl(bad[i], F_GETFD, 0));
        CHECK_CALL(-EBADF, sys_dup3(bad[i], 5, 0));
    }
    CHECK_CALL(-EBADF, sys_dup3(1, -1, 0));
    CHECK_CALL(-EINVAL, sys_dup3(1, 1, 0));
}

/* Up to the limit, then EMFILE; and nothing is lost by it. */
static void descriptor_limit(void)
{
    struct abi_rlimit limit = {64, 64};
    int fd, n = 0;

    CHECK_CALL(0, sys_prlimit64(0, RLIMIT_NOFILE, (long)&limit, 0));
    while ((fd = open("/dev/null", O_RDWR)) >= 0)
        n++;
    CHECK(errno == EMFILE && n == 64 - 3, "%d opened, %s", n, strerror(errno));
    CHECK_CALL(-EMFILE, sys_pipe2((long)p, 0));
    CHECK_CALL(-EMFILE, sys_dup(0));
    close(10);
    CHECK_CALL(-EMFILE, sys_pipe2((long)p, 0));
    CHECK_CALL(10, sys_dup(0));
}

static void many_descriptors(void)
{
    for (int i = 3; i < 1000; i++)
        CHECK_CALL(i, sys_openat(AT_FDCWD, (long)"/dev/null", O_RDWR, 0));
    for (int i = 999; i >= 3; i--)
        CHECK_CALL(0, sys_close(i));
    CHECK_CALL(3, sys_dup(0));
}

static void dup_shares_offset(void)
{
    char c = 0;
    int fd = open("f", O_CREAT | O_RDWR), other = dup(fd);

    write(fd, "abc", 3);
    CHECK_CALL(3, sys_lseek(other, 0, SEEK_CUR));
    CHECK_CALL(1, sys_lseek(other, 1, SEEK_SET));
    CHECK_CALL(1, sys_read(fd, (long)&c, 1));
    CHECK(c == 'b', "read %c", c);
    CHECK_CALL(20, sys_dup3(fd, 20, O_CLOEXEC));
    CHECK_CALL(FD_CLOEXEC, sys_fcntl(20, F_GETFD, 0));
    CHECK_CALL(0, sys_fcntl(fd, F_GETFD, 0));
    CHECK_CALL(30, sys_fcntl(fd, F_DUPFD, 30));
    CHECK_CALL(-EINVAL, sys_fcntl(fd, F_DUPFD, -1));
    CHECK_CALL(-EINVAL, sys_fcntl(fd, 4711, 0));
}

static void devices(void)
{
    char buf[64];
    int fd = open("/dev/null", O_RDWR);

    CHECK_CALL(0, sys_read(fd, (long)buf, sizeof(buf)));
    CHECK_CALL(64, sys_write(fd, (long)buf, sizeof(buf)));
    CHECK_CALL(-ENOTTY, sys_ioctl(fd, TCGETS, (long)buf));
    memset(buf, 1, sizeof(buf));
    fd = open("/dev/zero", O_RDONLY);
    CHECK_CALL(64, sys_read(fd, (long)buf, sizeof(buf)));
    for (unsigned i = 0; i < sizeof(buf); i++)
        CHECK(buf[i] == 0, "zero gave %d", buf[i]);
    fd = open("/dev/full", O_WRONLY);
    CHECK_CALL(-ENOSPC, sys_write(fd, (long)buf, 1));
    uint64_t a = 0, b = 0;
    fd = open("/dev/random", O_RDONLY);
    CHECK(read(fd, &a, 8) == 8 && read(fd, &b, 8) == 8 && a != b && a, "random gave %lx %lx", a, b);
    CHECK_CALL(8, sys_getrandom((long)&a, 8, 0));
    CHECK_CALL(-EINVAL, sys_getrandom((long)&a, 8, 0x100));
    CHECK_CALL(-EFAULT, sys_getrandom(8, 8, 0));
    CHECK_CALL(0, sys_mknodat(AT_FDCWD, (long)"dev", S_IFCHR | 0666, DEV_MAKE(200, 1)));
    CHECK_CALL(-ENXIO, sys_openat(AT_FDCWD, (long)"dev", O_RDONLY, 0));
}

static void read_one_byte(long fd)
{
    char c;

    exit(read((int)fd, &c, 1) == 1 ? c : 1);
}

/* Many wait at one pipe: what is written at once, and one after the other, reaches as many of them as there are bytes;
 * one that a signal ends in between takes nobody's turn. */
static void readers_share_bytes(void)
{
    int pids[12], status, sum = 0;

    make_pipe();
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 12; i++)
            pids[i] = start_child(read_one_byte, p[0]);
        sleep_ms(20);
        CHECK_CALL(5, sys_write(p[1], (long)"\2\3\4\5\6", 5));
        CHECK_CALL(0, sys_kill(pids[11], SIGKILL));
        CHECK_CALL(1, sys_write(p[1], (long)"\7", 1));
        CHECK_CALL(6, sys_write(p[1], (long)"\10\11\12\13\14\15", 6));
        sum = 0;
        for (int i = 0; i < 12; i++) {
            status = wait_for(pids[i]);
            sum += WAIT_HAS_EXITED(status) ? 1 : 0;
        }
        CHECK(sum >= 11, "round %d: of 12 readers %d have got a byte, one was killed", round, sum);
        char rest[2]; /* the killed one's byte, if it has not come to take it */
        CHECK_CALL(0, sys_fcntl(p[0], F_SETFL, O_NONBLOCK));
        long left = sys_read(p[0], (long)rest, 2);
        CHECK(left == -EAGAIN || (left == 1 && sum == 11), "round %d: %ld bytes left, %d readers have one",
              round, left, sum);
        CHECK_CALL(0, sys_fcntl(p[0], F_SETFL, 0));
    }
}

static const struct test tests[] = {
    TEST(pipe1),
    TEST(pipe_lengths),
    TEST(pipe_nonblocking),
    TEST(pipe_is_full),
    TEST(pipe_byte_by_byte),
    TEST(lowest_descriptor),
    TEST(last_reader_goes),
    TEST(last_writer_goes),
    TEST(writer_goes_on),
    TEST(all_readers_see_the_end),
    TEST(writes_are_atomic),
    TEST(readers_share_bytes),
    TEST(ping_pong),
    TEST(bad_descriptors),
    TEST(descriptor_limit),
    TEST(many_descriptors),
    TEST(dup_shares_offset),
    TEST(devices),
};
const struct topic topic_pipe = {"pipe", tests, sizeof(tests) / sizeof(tests[0])};
