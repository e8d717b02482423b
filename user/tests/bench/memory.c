/* Memory that comes on demand. */
#include "bench.h"

#define PAGES 256

static void touch(char *m)
{
    for (int i = 0; i < PAGES; i++)
        m[i * PAGE] = 1;
}

static char *more(int bytes)
{
    char *m = sbrk(bytes);
    if (m == (char *)-1)
        fail("sbrk");
    return m;
}

static void sbrk_touch(void)
{
    for (int round = 0; round < 2; round++) {
        begin();
        touch(more(PAGES * PAGE));
        more(-PAGES * PAGE);
        if (round)
            end(PAGES);
    }
}

static void sbrk_page(void)
{
    for (int i = -10; i < 500; i++) {
        if (i == 0)
            begin();
        more(PAGE)[0] = 1;
        more(-PAGE);
    }
    end(500);
}

static void sbrk_only(void)
{
    for (int i = -10; i < 500; i++) {
        if (i == 0)
            begin();
        more(PAGE);
        more(-PAGE);
    }
    end(500);
}

static char *map(int size, int flags, int fd)
{
    char *m = mmap(NULL, (size_t)size, fd < 0 ? PROT_READ | PROT_WRITE : PROT_READ, flags, fd, 0);
    if (m == MAP_FAILED)
        fail("mmap");
    return m;
}

static void map_anonymous(void)
{
    for (int i = -10; i < 500; i++) {
        if (i == 0)
            begin();
        char *m = map(PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
        m[0] = 1;
        need(munmap(m, PAGE), "munmap");
    }
    end(500);
}

static void map_file(void)
{
    make_file("f", PAGES * PAGE);
    int fd = need(open("f", O_RDONLY), "open");
    for (int round = 0; round < 2; round++) {
        begin();
        volatile char *m = map(PAGES * PAGE, MAP_PRIVATE, fd);
        for (int i = 0; i < PAGES; i++)
            (void)m[i * PAGE];
        need(munmap((char *)m, PAGES * PAGE), "munmap");
        if (round)
            end(PAGES);
    }
}

static void protect(void)
{
    char *m = map(16 * PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    for (int i = 0; i < 16; i++)
        m[i * PAGE] = 1;
    for (int i = -10; i < 200; i++) {
        if (i == 0)
            begin();
        need(mprotect(m, 16 * PAGE, PROT_READ), "mprotect");
        need(mprotect(m, 16 * PAGE, PROT_READ | PROT_WRITE), "mprotect");
    }
    end(200);
}

static void write_copies(long memory)
{
    begin();
    touch((char *)memory);
    end(PAGES);
}

static void copy_on_write(void)
{
    char *m = more(PAGES * PAGE);
    touch(m);
    reap(start(write_copies, (long)m));
}

const struct row memory_rows[] = {
    {"sbrk-touch-per-page", sbrk_touch, "sbrk of 1 MB, touch, release: per page"},
    {"sbrk-touch-1page", sbrk_page, "sbrk of a page, touch, release"},
    {"sbrk-1page", sbrk_only, "sbrk of a page and release, untouched"},
    {"mmap-touch-1page", map_anonymous, "mmap of a page, touch, munmap"},
    {"mmap-file-per-page", map_file, "mmap 1 MB of a cached file, read each page, munmap: per page"},
    {"mprotect-16pages", protect, "16 touched pages read-only, and writable again"},
    {"copy-on-write-per-page", copy_on_write, "a forked child writes to 1 MB: per page"},
    {NULL, NULL, NULL},
};
