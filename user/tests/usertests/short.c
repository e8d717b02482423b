/* Memory that runs out in the middle of things: with every number of spare pages, a call succeeds or says so,
 * and what it had taken by then is given back, as the check after each test shows. */
#include "tests.h"

#define PAGE 4096l

enum phase { FILLING, FULL, OVER };
static volatile enum phase
    *phase; /* in memory that both processes share: a pipe would need some of its own */

/* Takes all memory but so many pages, says so, and holds it until all is over. */
static void hold_memory(long spare)
{
    long size = counter("pages_total") * PAGE, n = 0;
    char *area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    int zero = open("/dev/zero", O_RDONLY);

    CHECK(area != MAP_FAILED && zero >= 0, "mmap of all memory: %s", strerror(errno));
    /* The kernel's writing to the page fails in words where one's own would be the end of this process. */
    while (n < size / PAGE && sys_read(zero, (long)(area + n * PAGE), 1) == 1)
        n++;
    CHECK(n < size / PAGE, "%ld pages in a machine of %ld", n, size / PAGE);
    if (spare > 0)
        CHECK_CALL(0, sys_munmap((long)(area + (n - spare) * PAGE), spare * PAGE));
    *phase = FULL;
    while (*phase != OVER)
        sleep_ms(1);
}

/* What is tried: 0, or the negative error of what did not work. */
static long do_fork(void)
{
    long pid = sys_clone(SIGCHLD, 0, 0, 0, 0);

    if (pid == 0)
        sys_exit_group(0);
    if (pid > 0)
        sys_wait4(pid, 0, 0, 0);
    return pid > 0 ? 0 : pid;
}

static long do_exec(void)
{
    static char *argv[] = {"true", NULL};
    long pid = sys_clone(SIGCHLD, 0, 0, 0, 0);

    if (pid == 0)
        sys_exit_group(-sys_execve((long)"/bin/true", (long)argv, 0));
    if (pid < 0)
        return pid;
    int status = 0;
    sys_wait4(pid, (long)&status, 0, 0);
    /* Past the point of no return only the end is left. */
    return WAIT_HAS_EXITED(status) ? -WAIT_EXIT_CODE(status) : -ENOMEM;
}

static long do_pipe(void)
{
    int p[2];
    long r = sys_pipe2((long)p, 0);

    if (r < 0)
        return r;
    r = sys_write(p[1], (long)p, sizeof(p));
    sys_close(p[0]);
    sys_close(p[1]);
    return r < 0 ? r : 0;
}

static long do_map(void)
{
    long at = sys_mmap(0, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), r;
    if (at < 0)
        return at;
    int zero = sys_openat(AT_FDCWD, (long)"/dev/zero", O_RDONLY, 0);
    r = zero < 0 ? zero : sys_read(zero, at + (5 << 20), 3 * PAGE);
    sys_close(zero);
    sys_munmap(at, 8 << 20);
    return r < 0 ? r : 0;
}

static long do_create(void)
{
    int fd = sys_openat(AT_FDCWD, (long)"short", O_CREAT | O_RDWR, 0644);
    if (fd < 0)
        return fd;
    long r = sys_write(fd, (long)"text", 4);
    sys_close(fd);
    return r < 0 ? r : sys_unlinkat(AT_FDCWD, (long)"short", 0);
}

static long do_directory(void)
{
    long r = sys_mkdirat(AT_FDCWD, (long)"shortd", 0755);

    return r < 0 ? r : sys_unlinkat(AT_FDCWD, (long)"shortd", AT_REMOVEDIR);
}

static long do_list(void)
{
    static char entries[PAGE];
    int fd = sys_openat(AT_FDCWD, (long)"/bin", O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return fd;
    long r = sys_getdents64(fd, (long)entries, sizeof(entries));
    sys_close(fd);
    return r < 0 ? r : 0;
}

/* With no memory even for what was there before (program text that has to be read again), the process may be
 * ended; anything else that is neither success nor -ENOMEM (of fork: -EAGAIN) is wrong. */
static void try_short(const char *what, long (*call)(void))
{
    enum { MANY = -1 }; /* an eighth of all: fork does not touch the last part */
    static const int spares[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 20, 28, 40, 64, 100, MANY};
    int succeeded = 0;

    phase = (volatile enum phase *)shared_pages(1);
    for (unsigned i = 0; i < sizeof(spares) / sizeof(spares[0]); i++) {
        *phase = FILLING;
        int holder = start_child(hold_memory, spares[i] == MANY ? counter("pages_total") / 8 : spares[i]);
        while (*phase == FILLING)
            sleep_ms(1);
        long r = call();
        *phase = OVER;
        CHECK(wait_for(holder) == 0, "the holder of memory");
        CHECK(r == 0 || r == -ENOMEM || r == -EAGAIN, "%s with %d spare pages: %ld (%s)", what, spares[i], r,
              r < 0 ? strerror(-r) : "no error");
        succeeded += r == 0;
    }
    CHECK(succeeded > 0, "%s succeeded with no number of spare pages", what);
    CHECK(call() == 0, "%s with memory again", what);
}

#define SHORT(name)                                                                                          \
    static void short_##name(void)                                                                           \
    {                                                                                                        \
        try_short(#name, do_##name);                                                                         \
    }
SHORT(fork)
SHORT(exec)
SHORT(pipe)
SHORT(map)
SHORT(create)
SHORT(directory)
SHORT(list)

static const struct test tests[] = {
    SLOW(short_fork),   SLOW(short_exec),      SLOW(short_pipe), SLOW(short_map),
    SLOW(short_create), SLOW(short_directory), SLOW(short_list),
};
const struct topic topic_short = {"short", tests, sizeof(tests) / sizeof(tests[0])};
