/* Pipes: within a process, between two, bytes and streams. */
#include "bench.h"

/* Writes and reads n bytes within one process. */
static void through_own_pipe(int n, int count, int unit)
{
    int p[2];
    need(pipe(p), "pipe");
    for (int i = -10; i < count; i++) {
        if (i == 0)
            begin();
        need(write(p[1], buf, n), "write");
        need(read(p[0], buf, n), "read");
    }
    end((uint64_t)(count * unit));
}

static void own_1(void)
{
    through_own_pipe(1, 500, 1);
}

static void own_64(void)
{
    through_own_pipe(64, 500, 1);
}

static void own_64KB(void)
{
    through_own_pipe(64 * KB, 20, 64);
}

static int there[2], back[2];

static void answer(long n)
{
    for (long i = 0; i < n; i++) {
        need(read(there[0], buf, 1), "read");
        need(write(back[1], buf, 1), "write");
    }
}

struct cost round_trips(int n)
{
    need(pipe(there), "pipe");
    need(pipe(back), "pipe");
    int pid = start(answer, n + 10);
    for (int i = -10; i < n; i++) {
        if (i == 0)
            begin();
        need(write(there[1], buf, 1), "write");
        need(read(back[0], buf, 1), "read");
    }
    struct cost c = elapsed();
    reap(pid);
    close(there[0]);
    close(there[1]);
    close(back[0]);
    close(back[1]);
    return c;
}

static void ping_pong(void)
{
    report(round_trips(500), 500);
}

static int stream_bytes;

static void write_stream(long size)
{
    close(there[0]);
    for (int done = 0; done < stream_bytes; done += (int)size)
        if (need(write(there[1], buf, (int)size), "write") != size)
            fail("a short write");
}

/* One process writes, another reads until the end, in pieces of that size. */
static void stream(int size, int bytes)
{
    stream_bytes = bytes;
    need(pipe(there), "pipe");
    int pid = start(write_stream, size), got = 0, n;
    close(there[1]);
    begin();
    while ((n = need(read(there[0], buf, size), "read")) > 0)
        got += n;
    end((uint64_t)got / KB);
    reap(pid);
}

static void stream_4KB(void)
{
    stream(PAGE, MB);
}

static void stream_64KB(void)
{
    stream(64 * KB, 4 * MB);
}

static void stream_512(void)
{
    stream(512, 256 * KB);
}

static void make_and_close(void)
{
    int p[2];
    for (int i = -10; i < 200; i++) {
        if (i == 0)
            begin();
        need(pipe(p), "pipe");
        close(p[0]);
        close(p[1]);
    }
    end(200);
}

const struct row pipe_rows[] = {
    {"pipe-1byte-self", own_1, "write and read 1 byte, same process"},
    {"pipe-64byte-self", own_64, "write and read 64 bytes, same process"},
    {"pipe-64KB-self-per-KB", own_64KB, "write and read 64 KB, same process, per KB"},
    {"pingpong-roundtrip", ping_pong, "1 byte to another process and 1 byte back, two pipes"},
    {"pipe-per-KB", stream_4KB, "from one process to another in pieces of 4 KB, per KB"},
    {"pipe-512-per-KB", stream_512, "the same in pieces of 512 bytes"},
    {"pipe-64KB-per-KB", stream_64KB, "the same in pieces of 64 KB"},
    {"pipe-close", make_and_close, "pipe and two closes"},
    {NULL, NULL, NULL},
};
