/* What tests share: checks, children, files, numbers. tests.h describes each. */
#include "tests.h"

static uint64_t random_state = 1;

_Noreturn void test_fail(const char *file, int line, const char *what, const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    fprintf(1, "# %s:%d: %s: %s\n", path_base(file), line, what, text);
    exit(1);
}

int start_child(void (*f)(long), long arg)
{
    int pid = fork();

    CHECK(pid >= 0, "fork: %s", strerror(errno));
    if (pid == 0) {
        f(arg);
        exit(0);
    }
    return pid;
}

int wait_for(int pid)
{
    int status, got = waitpid(pid, &status, 0);

    CHECK(got == pid, "waitpid(%d) gave %d: %s", pid, got, strerror(errno));
    return status;
}

int in_child(void (*f)(long), long arg)
{
    return wait_for(start_child(f, arg));
}

static void write_to_memory(long pages)
{
    memset(sbrk(pages * 4096), 0x5a, (size_t)pages * 4096);
}

void dirty_memory(void)
{
    CHECK(in_child(write_to_memory, 512) == 0, "2 MB for a child");
}

void in_children(int n, void (*f)(long))
{
    int pids[MAX_CHILDREN];

    CHECK(n <= MAX_CHILDREN, "%d children", n);
    for (int i = 0; i < n; i++)
        pids[i] = start_child(f, i);
    for (int i = 0; i < n; i++) {
        int status = wait_for(pids[i]);
        CHECK(status == 0, "child %d: wait status 0x%x, expected 0", i, status);
    }
}

void expect_signal(void (*f)(long), long arg, int sig, const char *what)
{
    int status = in_child(f, arg);

    CHECK(!WAIT_HAS_EXITED(status) && WAIT_SIGNAL(status) == sig, "%s: wait status 0x%x, expected signal %d",
          what, status, sig);
}

void end_child(int pid)
{
    CHECK_CALL(0, sys_kill(pid, SIGKILL));
    int status = wait_for(pid);
    CHECK(status == WAIT_SIGNALED(SIGKILL), "process %d: wait status 0x%x, expected SIGKILL", pid, status);
}

char process_state(int pid)
{
    char path[32];

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    char *text = read_file(path);
    if (!text)
        return 0;
    char *end = strrchr(text, ')'), state = end ? end[2] : '?';
    free(text);
    return state;
}

void wait_until(int pid, char state)
{
    char now = 0;

    for (int i = 0; i < 1000 && (now = process_state(pid)) != state; i++)
        sleep_ms(2);
    CHECK(now == state, "process %d is in state '%c' for 2 s, expected '%c'", pid, now, state);
}

void exit_with(long status)
{
    exit(status);
}

void sleep_forever(long unused)
{
    (void)unused;
    for (;;)
        sleep_ms(1000000);
}

void spin_forever(long unused)
{
    (void)unused;
    for (;;)
        __asm__ volatile("nop");
}

void read_at(long addr)
{
    *(volatile char *)addr;
}

void write_at(long addr)
{
    *(volatile char *)addr = 1;
}

void jump_to(long addr)
{
    ((void (*)(void))addr)();
}

char *new_pages(size_t n)
{
    char *p = mmap(NULL, n * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(p != MAP_FAILED, "mmap of %lu pages: %s", n, strerror(errno));
    return p;
}

char *shared_pages(size_t n)
{
    char *p = mmap(NULL, n * 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    CHECK(p != MAP_FAILED, "mmap of %lu shared pages: %s", n, strerror(errno));
    return p;
}

int open_new(const char *path)
{
    int fd = open(path, O_CREAT | O_RDWR | O_TRUNC);

    CHECK(fd >= 0, "%s: %s", path, strerror(errno));
    return fd;
}

int64_t file_size(const char *path)
{
    struct abi_stat st;

    CHECK(getlstat(path, &st) == 0, "%s: %s", path, strerror(errno));
    return st.size;
}

unsigned link_count(const char *path)
{
    struct abi_stat st;

    CHECK(getlstat(path, &st) == 0, "%s: %s", path, strerror(errno));
    return st.nlink;
}

int count_entries(const char *path)
{
    struct dir d;
    int n = 0;

    CHECK(dir_open(&d, path) == 0, "%s: %s", path, strerror(errno));
    for (struct abi_dirent64 *e; (e = dir_next(&d));)
        n += !dir_is_dot(e->name);
    dir_close(&d);
    return n;
}

long raw_syscall(long number, long arg0, long arg1, long arg2, long arg3, long arg4, long arg5)
{
    register long a0 __asm__("a0") = arg0;
    register long a1 __asm__("a1") = arg1;
    register long a2 __asm__("a2") = arg2;
    register long a3 __asm__("a3") = arg3;
    register long a4 __asm__("a4") = arg4;
    register long a5 __asm__("a5") = arg5;
    register long a7 __asm__("a7") = number;

    __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a7) : "memory");
    return a0;
}

static long number_in(const char *file, const char *name)
{
    char *text = read_file(file);
    size_t n = strlen(name);
    long value = -1;

    for (char *line = text; line && *line;) {
        if (!strncmp(line, name, n) && line[n] == ' ')
            value = strtol(line + n, NULL, 10);
        char *end = strchr(line, '\n');
        line = end ? end + 1 : NULL;
    }
    free(text);
    return value;
}

long counter(const char *name)
{
    return number_in("/proc/lode", name);
}

long disk_counter(const char *name)
{
    return number_in("/proc/disk", name);
}

uint64_t now_ns(void)
{
    struct abi_timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.sec * NSEC_PER_SEC + t.nsec;
}

/* 64 instructions are 64 on the counter, each time. */
bool counts_instructions(void)
{
    uint64_t from, to;
    int exact = 0;

    for (int i = 0; i < 8; i++) {
        __asm__ volatile("rdinstret %0\n .rept 64\n nop\n .endr\n rdinstret %1" : "=r"(from), "=r"(to));
        exact += to - from == 65;
    }
    return exact >= 6; /* an interrupt may have come in between */
}

uint64_t patience(uint64_t ns)
{
    return counts_instructions() ? ns : 30 * ns;
}

void sleep_ms(int ms)
{
    struct abi_timespec t = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&t, NULL);
}

unsigned harts(void)
{
    uint64_t mask = 0;

    sys_sched_getaffinity(0, sizeof(mask), (long)&mask);
    return __builtin_popcountl(mask);
}

uint8_t pattern_byte(uint64_t offset, unsigned seed)
{
    return (uint8_t)((offset + seed) * 2654435761u >> 13);
}

void make_file(const char *path, uint64_t n, unsigned seed)
{
    static uint8_t buf[8192];
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC);

    CHECK(fd >= 0, "%s: %s", path, strerror(errno));
    for (uint64_t done = 0; done < n;) {
        size_t part = n - done < sizeof(buf) ? n - done : sizeof(buf);
        for (size_t i = 0; i < part; i++)
            buf[i] = pattern_byte(done + i, seed);
        CHECK_CALL((long)part, sys_write(fd, (long)buf, part));
        done += part;
    }
    close(fd);
}

void check_file(const char *path, uint64_t n, unsigned seed)
{
    static uint8_t buf[8192];
    int fd = open(path, O_RDONLY);
    uint64_t done = 0;
    long got;

    CHECK(fd >= 0, "%s: %s", path, strerror(errno));
    while ((got = sys_read(fd, (long)buf, sizeof(buf))) > 0) {
        for (long i = 0; i < got; i++)
            CHECK(buf[i] == pattern_byte(done + i, seed), "%s: byte %lu is %u", path, done + i, buf[i]);
        done += got;
    }
    CHECK(got == 0, "%s: read: %s", path, strerror(-got));
    CHECK(done == n, "%s has %lu bytes, expected %lu", path, done, n);
    close(fd);
}

void random_start(uint64_t seed)
{
    random_state = seed * 0x9e3779b97f4a7c15ul | 1;
}

uint32_t random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state >> 16;
}
