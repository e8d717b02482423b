/* Files: opening, reading, writing. */
#include "bench.h"

static void open_close(void)
{
    make_file("bf", KB);
    begin();
    for (int i = 0; i < 300; i++)
        close(need(open("bf", O_RDONLY), "open"));
    end(300);
}

static void open_missing(void)
{
    for (int i = -10; i < 300; i++) {
        if (i == 0)
            begin();
        if (open("missing", O_RDONLY) >= 0)
            fail("a missing file could be opened");
    }
    end(300);
}

static void stat_file(void)
{
    make_file("f", KB);
    measure_stat("f");
}

static void stat_open(void)
{
    make_file("f", KB);
    int fd = need(open("f", O_RDONLY), "open");
    os_stat st;
    for (int i = -10; i < 300; i++) {
        if (i == 0)
            begin();
        need(os_fstat(fd, &st), "fstat");
    }
    end(300);
}

/* Reads a cached file in pieces of that size; `per` says of how many bytes the cost is told. */
static void read_warm(int piece, int size, int per)
{
    make_file("bg", (uint64_t)size);
    for (int round = 0; round < 2; round++) {
        int fd = need(open("bg", O_RDONLY), "open");
        begin();
        for (int i = 0; i < size / piece; i++)
            need(read(fd, buf, piece), "read");
        if (round)
            end((uint64_t)(size / per));
        close(fd);
    }
}

static void read_4KB(void)
{
    read_warm(PAGE, 64 * KB, KB);
}

static void read_1(void)
{
    read_warm(1, 2 * KB, 1);
}

static void read_512(void)
{
    read_warm(512, 64 * KB, 512);
}

static void read_64KB(void)
{
    read_warm(64 * KB, MB, KB);
}

static void pread_random(void)
{
    unsigned at = 1;
    make_file("f", MB);
    int fd = need(open("f", O_RDONLY), "open");
    for (int i = -10; i < 300; i++) {
        if (i == 0)
            begin();
        at = at * 1103515245 + 12345;
        need(pread(fd, buf, PAGE, at >> 8 & (MB / PAGE - 1) * PAGE), "pread");
    }
    end(300);
}

/* Writes a new file, or over an old one, in pieces of that size. */
static void write_file(bool new, int piece, int size, int per)
{
    for (int round = 0; round < 2; round++) {
        if (new)
            unlink("bh");
        int fd = need(os_create("bh"), "create");
        begin();
        for (int i = 0; i < size / piece; i++)
            if (need(write(fd, buf, piece), "write") != piece)
                fail("a short write");
        close(fd);
        if (round)
            end((uint64_t)(size / per));
    }
}

static void write_new(void)
{
    write_file(true, PAGE, 256 * KB, KB);
}

static void write_new_1(void)
{
    write_file(true, 1, 2 * KB, 1);
}

static void write_new_64KB(void)
{
    write_file(true, 64 * KB, 4 * MB, KB);
}

static void write_over(void)
{
    write_file(false, PAGE, 256 * KB, KB);
}

static void write_over_512(void)
{
    write_file(false, 512, 64 * KB, 512);
}

/* 64 MB in requests of 64 KB, from the disk and then from memory. */
#define LARGE (64 * MB)

static void make_cold(void)
{
#ifdef LINUX
    sync();
    int fd = need(open("/proc/sys/vm/drop_caches", O_WRONLY), "drop_caches");
    need(write(fd, "3", 1), "drop_caches");
    close(fd);
#else
    need(sync(), "sync");
    fill_page_cache();
#endif
}

static void read_large(bool warm)
{
    make_file("large", LARGE);
    make_cold();
    if (warm)
        read_whole("large", sizeof(buf));
    begin();
    read_whole("large", sizeof(buf));
    end(LARGE / KB);
}

static void read_large_cold(void)
{
    read_large(false);
}

static void read_large_warm(void)
{
    read_large(true);
}

/* Waits for the disk. */
static void write_large(void)
{
    begin();
    int fd = need(os_create("large"), "create");
    for (int i = 0; i < LARGE; i += (int)sizeof(buf))
        if (need(write(fd, buf, sizeof(buf)), "write") != sizeof(buf))
            fail("a short write");
    need(fsync(fd), "fsync");
    close(fd);
    end(LARGE / KB);
}

static void sync_1KB(void)
{
    int fd = need(os_create("f"), "create");
    for (int i = -2; i < 20; i++) {
        if (i == 0)
            begin();
        need(pwrite(fd, buf, KB, 0), "write");
        need(fsync(fd), "fsync");
    }
    end(20);
}

const struct row file_rows[] = {
    {"open-close", open_close, "open and close a file"},
    {"open-missing", open_missing, "open a file that is not there"},
    {"stat", stat_file, "stat of a file"},
    {"fstat", stat_open, "fstat of an open file"},
    {"read-warm-per-KB", read_4KB, "a cached file in pieces of 4 KB, per KB"},
    {"read-1byte", read_1, "1 byte of a cached file"},
    {"read-512byte", read_512, "512 bytes of a cached file"},
    {"read-64KB-per-KB", read_64KB, "a cached file in pieces of 64 KB, per KB"},
    {"pread-4KB-random", pread_random, "4 KB from anywhere in a cached file of 1 MB"},
    {"write-new-per-KB", write_new, "a new file of 256 KB in pieces of 4 KB, per KB"},
    {"write-new-1byte", write_new_1, "a new file, byte by byte"},
    {"write-new-64KB-per-KB", write_new_64KB, "a new file of 4 MB in pieces of 64 KB, per KB"},
    {"write-over-per-KB", write_over, "over a cached file in pieces of 4 KB, per KB"},
    {"write-over-512byte", write_over_512, "the same, 512 bytes"},
    {"fsync-1KB", sync_1KB, "write 1 KB and fsync; waits for the disk"},
    {"read-64MB-cold-per-KB", read_large_cold, "64 MB that are not cached, per KB; waits for the disk"},
    {"read-64MB-warm-per-KB", read_large_warm, "64 MB that are cached, per KB"},
    {"write-64MB-fsync-per-KB", write_large, "write 64 MB and fsync, per KB; waits for the disk"},
    {NULL, NULL, NULL},
};
