/* Devices: the console, as far as nobody types, the memory devices, and those that are not there. */
#include "tests.h"

static int console(void)
{
    int fd = open("/dev/console", O_RDWR);

    CHECK(fd >= 0, "/dev/console: %s", strerror(errno));
    return fd;
}

static void console_settings(void)
{
    struct abi_termios old, t;
    int fd = console();

    memset(&old, 0xee, sizeof(old));
    CHECK_CALL(0, sys_ioctl(fd, TCGETS, (long)&old));
    t = old;
    t.lflag &= ~TTY_ECHO;
    t.cc[TTY_VMIN] = 7;
    CHECK_CALL(0, sys_ioctl(fd, TCSETS, (long)&t));
    memset(&t, 0, sizeof(t));
    sys_ioctl(fd, TCGETS, (long)&t);
    CHECK_CALL(0, sys_ioctl(fd, TCSETSW, (long)&old));
    CHECK(!(t.lflag & TTY_ECHO) && t.cc[TTY_VMIN] == 7, "flags 0x%x, VMIN %u", t.lflag, t.cc[TTY_VMIN]);
    sys_ioctl(fd, TCGETS, (long)&t);
    CHECK(!memcmp(&t, &old, sizeof(t)), "the settings did not come back");
    CHECK_CALL(-EFAULT, sys_ioctl(fd, TCGETS, 8));
    CHECK_CALL(-EFAULT, sys_ioctl(fd, TCSETS, 8));
}

static void console_window(void)
{
    struct abi_winsize old, w = {40, 132, 1, 2};
    int fd = console();

    CHECK_CALL(0, sys_ioctl(fd, TIOCGWINSZ, (long)&old));
    CHECK_CALL(0, sys_ioctl(fd, TIOCSWINSZ, (long)&w));
    memset(&w, 0, sizeof(w));
    CHECK_CALL(0, sys_ioctl(fd, TIOCGWINSZ, (long)&w));
    CHECK_CALL(0, sys_ioctl(fd, TIOCSWINSZ, (long)&old));
    CHECK(w.rows == 40 && w.cols == 132, "window %u x %u, expected 40 x 132", w.rows, w.cols);
    CHECK_CALL(-EFAULT, sys_ioctl(fd, TIOCGWINSZ, -8));
}

static void console_group(void)
{
    int fd = console(), group = 0, wrong = 0;

    CHECK_CALL(0, sys_ioctl(fd, TIOCGPGRP, (long)&group));
    CHECK_CALL(-EINVAL, sys_ioctl(fd, TIOCSPGRP, (long)&wrong));
    wrong = -5;
    CHECK_CALL(-EINVAL, sys_ioctl(fd, TIOCSPGRP, (long)&wrong));
    CHECK_CALL(-EFAULT, sys_ioctl(fd, TIOCSPGRP, 8));
    int now = -1;
    CHECK_CALL(0, sys_ioctl(fd, TIOCGPGRP, (long)&now));
    CHECK(now == group, "the group has changed from %d to %d", group, now);
}

static void console_errors(void)
{
    char buf[8];
    int fd = console();

    CHECK_CALL(-ENOTTY, sys_ioctl(fd, 0x1234, 0));
    CHECK_CALL(-EBADF, sys_ioctl(99, TCGETS, (long)buf));
    CHECK_CALL(-EFAULT, sys_write(fd, 8, 10));
    CHECK_CALL(-EFAULT, sys_write(fd, -1, 10));
    CHECK_CALL(0, sys_write(fd, (long)buf, 0));
    CHECK_CALL(0, sys_read(fd, (long)buf, 0));
    CHECK_CALL(-ESPIPE, sys_lseek(fd, 0, SEEK_SET));
    CHECK_CALL(-ESPIPE, sys_pread64(fd, (long)buf, 1, 0));
}

static void console_without_waiting(void)
{
    char buf[8];
    int fd = open("/dev/console", O_RDWR | O_NONBLOCK), ready = -1;

    CHECK_CALL(0, sys_ioctl(fd, FIONREAD, (long)&ready));
    if (ready == 0)
        CHECK_CALL(-EAGAIN, sys_read(fd, (long)buf, sizeof(buf)));
}

static void read_console(long fd)
{
    char c;

    for (;;)
        sys_read(fd, (long)&c, 1);
}

/* A reader is killed, and another; the console is not left to the dead. */
static void console_readers_are_killed(void)
{
    int fd = console(), ready = 1;

    sys_ioctl(fd, FIONREAD, (long)&ready);
    if (ready > 0)
        return; /* somebody has typed: not ours to take */
    for (int i = 0; i < 3; i++) {
        int a = start_child(read_console, fd), b = start_child(read_console, fd);
        wait_until(a, 'S');
        wait_until(b, 'S');
        end_child(a);
        end_child(b);
    }
}

static void null_and_zero(void)
{
    static char buf[100000];
    int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDWR);

    CHECK_CALL(0, sys_read(null, (long)buf, sizeof(buf)));
    CHECK_CALL((long)sizeof(buf), sys_write(null, (long)buf, sizeof(buf)));
    CHECK_CALL((long)sizeof(buf), sys_write(zero, (long)buf, sizeof(buf)));
    memset(buf, 1, sizeof(buf));
    CHECK_CALL((long)sizeof(buf), sys_read(zero, (long)buf, sizeof(buf)));
    for (unsigned i = 0; i < sizeof(buf); i++)
        CHECK(buf[i] == 0, "byte %u is %d", i, buf[i]);
    CHECK_CALL(0, sys_lseek(null, 100, SEEK_SET));
    CHECK_CALL(-EINVAL, sys_ftruncate(null, 0));
    CHECK_CALL(-EINVAL, sys_fsync(null));
}

static void random_bytes(void)
{
    static uint8_t buf[65536];
    int fd = open("/dev/urandom", O_RDONLY);
    unsigned count[256] = {0};

    CHECK(fd >= 0, "/dev/urandom: %s", strerror(errno));
    CHECK_CALL((long)sizeof(buf), sys_read(fd, (long)buf, sizeof(buf)));
    for (unsigned i = 0; i < sizeof(buf); i++)
        count[buf[i]]++;
    for (unsigned i = 0; i < 256; i++) /* each about 256 times; 16 is the standard deviation */
        CHECK(count[i] > 128 && count[i] < 384, "byte %u came %u times of 65536", i, count[i]);
    CHECK_CALL(-EFAULT, sys_read(fd, 8, 10));
    CHECK_CALL(32, sys_getrandom((long)buf, 32, 0));
    CHECK_CALL(32, sys_read(fd, (long)buf + 32, 32));
    CHECK(memcmp(buf, buf + 32, 32) != 0, "the same 32 random bytes came twice");
    CHECK_CALL(256, sys_getrandom((long)buf, 256, 0));
    for (int i = 16; i < 256; i += 16)
        CHECK(memcmp(buf, buf + i, 16) != 0, "the first 16 random bytes came again after %d", i);
}

/* Any number can be given to mknod; what is not there cannot be opened. */
static void missing_devices(void)
{
    static const unsigned majors[] = {0, 2, 99, 254, 999, 4095};
    char name[16];

    for (unsigned i = 0; i < sizeof(majors) / sizeof(majors[0]); i++) {
        snprintf(name, sizeof(name), "dev%u", i);
        CHECK_CALL(0, sys_mknodat(AT_FDCWD, (long)name, S_IFCHR | 0666, DEV_MAKE(majors[i], 200)));
        CHECK_CALL(-ENXIO, sys_openat(AT_FDCWD, (long)name, O_RDWR, 0));
    }
    CHECK(mknod("neg", -1, -1) == 0 || errno == EINVAL, "mknod of device -1: %s", strerror(errno));
    CHECK(open("neg", O_RDWR) < 0, "device -1 was opened");
    CHECK_CALL(-EEXIST, sys_mknodat(AT_FDCWD, (long)"dev0", S_IFCHR | 0666, 0));
    CHECK_CALL(-EPERM, sys_mknodat(AT_FDCWD, (long)"dir", S_IFDIR | 0777, 0));
    CHECK_CALL(-EINVAL, sys_mknodat(AT_FDCWD, (long)"block", S_IFBLK | 0666, 0));
    CHECK_CALL(0, sys_mknodat(AT_FDCWD, (long)"fifo", S_IFIFO | 0666, 0));
    CHECK_CALL(-EOPNOTSUPP, sys_openat(AT_FDCWD, (long)"fifo", O_RDWR, 0));
}

/* The same device under another name. */
static void device_nodes(void)
{
    char buf[8] = "1234567";

    CHECK_CALL(0, sys_mknodat(AT_FDCWD, (long)"zero", S_IFCHR | 0666, DEV_MAKE(1, 5)));
    int fd = open("zero", O_RDONLY);
    CHECK_CALL(8, sys_read(fd, (long)buf, 8));
    CHECK(buf[0] == 0 && buf[7] == 0, "not /dev/zero");
    CHECK_CALL(-EBADF, sys_write(fd, (long)buf, 8));
}

static void pipe_bytes_ready(void)
{
    int p[2], n = -1;

    CHECK(pipe(p) == 0, "pipe");
    CHECK_CALL(0, sys_ioctl(p[0], FIONREAD, (long)&n));
    CHECK(n == 0, "%d bytes in a new pipe", n);
    CHECK_CALL(5, sys_write(p[1], (long)"12345", 5));
    CHECK_CALL(0, sys_ioctl(p[0], FIONREAD, (long)&n));
    CHECK(n == 5, "%d bytes, expected 5", n);
    CHECK_CALL(-ENOTTY, sys_ioctl(p[0], TCGETS, (long)&n));
}

static const struct test tests[] = {
    TEST(console_settings),        TEST(console_window),
    TEST(console_group),           TEST(console_errors),
    TEST(console_without_waiting), TEST(console_readers_are_killed),
    TEST(null_and_zero),           TEST(random_bytes),
    TEST(missing_devices),         TEST(device_nodes),
    TEST(pipe_bytes_ready),
};
const struct topic topic_device = {"device", tests, sizeof(tests) / sizeof(tests[0])};
