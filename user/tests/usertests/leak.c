/* Nothing of the kernel's comes out: no address, and no byte of what its memory held before.
 *
 * Before each call the kernel's memory is made dirty, with bytes that no right answer has; after it, what the kernel has
 * written is searched for them. */
#include "tests.h"

#define STALE     'Z'  /* what dirty_kernel leaves behind */
#define UNTOUCHED 0xa5 /* what a buffer holds before the kernel writes to it */
#define RUN       4    /* bytes in a row that are no chance */

/* ---- dirt ---- */

static char long_text[4096];

/* Leaves STALE on free pages, in free kernel objects of every size, and on this process's kernel stack: by calls that copy
 * text in and then fail. */
static void dirty_kernel(void)
{
    static bool pages;
    char *const arguments[] = {long_text, NULL};
    long bad = -4096;

    memset(long_text, STALE, sizeof(long_text));
    if (!pages)
        dirty_memory();
    pages = true;
    for (unsigned n = 2; n <= 256; n *= 2) /* vectors of n addresses */
        CHECK_CALL(-EFAULT, sys_writev(1, (long)long_text, n));
    CHECK_CALL(-ENAMETOOLONG, sys_openat(AT_FDCWD, (long)long_text, 0, 0));
    long_text[sizeof(long_text) - 1] = 0;
    CHECK_CALL(-ENAMETOOLONG, sys_openat(AT_FDCWD, (long)long_text, 0, 0));
    CHECK_CALL(-ENAMETOOLONG, sys_openat(AT_FDCWD, (long)long_text + sizeof(long_text) - 128, 0, 0));
    CHECK_CALL(-ENOENT, sys_execve((long)"/no", (long)arguments, 0));
    CHECK_CALL(-EFAULT, sys_rt_sigaction(SIGUSR1, (long)long_text, bad, 8));
    CHECK_CALL(-EINVAL, sys_nanosleep((long)long_text, 0));
    CHECK_CALL(-EFAULT, sys_prlimit64(0, RLIMIT_STACK, (long)long_text, bad));
}

/* ---- the search ---- */

static bool is_kernel_address(uint64_t value)
{
    return value >= 0xffffffc000000000 && value < 0xffffffff00000000;
}

/* Debug kernels fill free memory with 0xde, and what they hand out with 0xf1. */
static bool is_stale(const uint8_t *p)
{
    return (p[0] == STALE || p[0] == 0xde || p[0] == 0xf1) && p[1] == p[0] && p[2] == p[0] && p[3] == p[0];
}

static void search(const char *what, const void *buf, size_t size)
{
    const uint8_t *p = buf;
    uint64_t value;

    for (size_t i = 0; i + RUN <= size; i++)
        CHECK(!is_stale(p + i), "%s: byte %lu: 0x%x %u times, which is old kernel memory", what, i, p[i],
              RUN);
    for (size_t i = 0; i + sizeof(value) <= size; i++) {
        memcpy(&value, p + i, sizeof(value));
        CHECK(!is_kernel_address(value), "%s: byte %lu: the kernel address 0x%lx", what, i, value);
    }
}

static void all_zero(const char *what, const void *buf, size_t size)
{
    const uint8_t *p = buf;

    for (size_t i = 0; i < size; i++)
        CHECK(p[i] == 0, "%s: byte %lu is 0x%x, expected 0", what, i, p[i]);
}

static uint8_t answer[8192];

/* Fills the buffer; with dirt in the kernel, for the call that follows. */
static void before(void)
{
    dirty_kernel();
    memset(answer, UNTOUCHED, sizeof(answer));
}

/* The kernel has written `size` bytes, all of them, and no other. */
static void after(const char *what, size_t size)
{
    search(what, answer, size);
    for (size_t i = size; i < size + 256; i++)
        CHECK(answer[i] == UNTOUCHED, "%s: byte %lu behind the end is 0x%x", what, i - size, answer[i]);
}

#define ANSWER(size, call)                                                                                   \
    do {                                                                                                     \
        before();                                                                                            \
        long got_ = (call);                                                                                  \
        CHECK(got_ >= 0, "%s: %s", #call, strerror((int)-got_));                                             \
        after(#call, size);                                                                                  \
    } while (0)

/* ---- structures ---- */

static void check_stat(void)
{
    const struct abi_stat *st = (void *)answer;

    all_zero("pad1 of struct stat", &st->pad1, sizeof(st->pad1));
    all_zero("pad2 of struct stat", &st->pad2, sizeof(st->pad2));
    all_zero("unused of struct stat", st->unused, sizeof(st->unused));
}

static void no_stale_bytes_in_stat(void)
{
    static const char *const paths[] = {
        "/", "f", "d", "/bin/sh", "/proc", "/proc/self/stat", "/dev/null", "/dev/console"};
    int p[2];

    open_new("f");
    CHECK_CALL(0, sys_mkdirat(AT_FDCWD, (long)"d", 0755));
    for (unsigned i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        ANSWER(sizeof(struct abi_stat), sys_newfstatat(AT_FDCWD, (long)paths[i], (long)answer, 0));
        check_stat();
    }
    CHECK(pipe(p) == 0, "pipe: %s", strerror(errno));
    for (int fd = 0; fd <= p[1]; fd++) {
        ANSWER(sizeof(struct abi_stat), sys_fstat(fd, (long)answer));
        check_stat();
    }
    ANSWER(sizeof(struct abi_statfs), sys_statfs((long)"/", (long)answer));
    ANSWER(sizeof(struct abi_statfs), sys_statfs((long)"/proc", (long)answer));
    all_zero("spare of struct statfs", ((struct abi_statfs *)answer)->spare,
             sizeof(((struct abi_statfs *)0)->spare));
    ANSWER(sizeof(struct abi_statfs), sys_fstatfs(p[0], (long)answer));
}

static void no_stale_bytes_in_structures(void)
{
    const struct abi_sysinfo *info = (void *)answer;
    const struct abi_rusage *usage = (void *)answer;
    struct abi_timespec none = {0, 0};

    ANSWER(sizeof(struct abi_utsname), sys_uname((long)answer));
    for (unsigned i = 0; i < 6; i++) {
        char *field = (char *)answer + 65 * i;
        all_zero("a string of struct utsname", field + strlen(field), 65 - strlen(field));
    }
    ANSWER(sizeof(*info), sys_sysinfo((long)answer));
    CHECK(!info->pad && !info->pad2 && !info->pad3, "padding of struct sysinfo: %x %x %x", info->pad,
          info->pad2, info->pad3);
    ANSWER(sizeof(struct abi_tms), sys_times((long)answer));
    ANSWER(sizeof(*usage), sys_getrusage(RUSAGE_SELF, (long)answer));
    ANSWER(sizeof(*usage), sys_getrusage(RUSAGE_CHILDREN, (long)answer));
    ANSWER(sizeof(struct abi_timespec), sys_clock_gettime(CLOCK_MONOTONIC, (long)answer));
    ANSWER(sizeof(struct abi_timespec), sys_clock_getres(CLOCK_REALTIME, (long)answer));
    ANSWER(sizeof(struct abi_timeval), sys_gettimeofday((long)answer, 0));
    ANSWER(8, sys_gettimeofday(0, (long)answer));
    ANSWER(sizeof(struct abi_rlimit), sys_prlimit64(0, RLIMIT_NOFILE, 0, (long)answer));
    ANSWER(sizeof(uint64_t), sys_sched_getaffinity(0, sizeof(answer), (long)answer));
    ANSWER(sizeof(uint64_t), sys_rt_sigprocmask(SIG_BLOCK, 0, (long)answer, 8));
    for (int sig = 1; sig <= NSIG; sig++)
        ANSWER(sizeof(struct abi_sigaction), sys_rt_sigaction(sig, 0, (long)answer, 8));
    ANSWER(2 * sizeof(int), sys_pipe2((long)answer, 0));
    before();
    CHECK_CALL(0, sys_nanosleep((long)&none, (long)answer));
    after("the rest of a sleep that was not interrupted", 0);
}

static void no_stale_bytes_in_wait(void)
{
    for (int i = 0; i < 3; i++) {
        int pid = start_child(exit_with, 3);
        before();
        CHECK_CALL(pid, sys_wait4(pid, (long)answer, 0, (long)answer + 8));
        search("wait4", answer, 8 + sizeof(struct abi_rusage));
        for (unsigned k = 4; k < 8; k++)
            CHECK(answer[k] == UNTOUCHED, "wait4: byte %u behind the status is 0x%x", k - 4, answer[k]);
        all_zero("struct rusage of a child, behind its times", answer + 8 + 32,
                 sizeof(struct abi_rusage) - 32);
    }
}

static void no_stale_bytes_in_terminal(void)
{
    int fd = open("/dev/console", O_RDWR);

    CHECK(fd >= 0, "/dev/console: %s", strerror(errno));
    ANSWER(sizeof(struct abi_termios), sys_ioctl(fd, TCGETS, (long)answer));
    ANSWER(sizeof(struct abi_winsize), sys_ioctl(fd, TIOCGWINSZ, (long)answer));
    ANSWER(sizeof(int), sys_ioctl(fd, FIONREAD, (long)answer));
}

static void no_stale_bytes_in_names(void)
{
    char name[64];
    long n;

    CHECK_CALL(0, sys_mkdirat(AT_FDCWD, (long)"names", 0755));
    for (unsigned len = 1; len <= 40; len++) {
        snprintf(name, sizeof(name), "names/%0*d", (int)len, 0);
        CHECK(close(open_new(name)) == 0, "close");
    }
    CHECK_CALL(0, sys_symlinkat((long)"names/000", AT_FDCWD, (long)"l"));
    static const char *const folders[] = {"names", "/", "/proc", "/proc/self"};
    for (unsigned i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        int fd = open(folders[i], O_RDONLY | O_DIRECTORY);
        before();
        n = sys_getdents64(fd, (long)answer, 4096);
        CHECK(n > 0, "getdents64 of %s: %ld", folders[i], n);
        after("getdents64", (size_t)n);
        for (long at = 0; at < n;) {
            struct abi_dirent64 *e = (void *)(answer + at);
            size_t end = (size_t)(e->name - (char *)e) + strlen(e->name);
            all_zero("a record of getdents64, behind the name", (char *)e + end, e->reclen - end);
            at += e->reclen;
        }
        close(fd);
    }
    before();
    n = sys_readlinkat(AT_FDCWD, (long)"l", (long)answer, sizeof(answer));
    CHECK(n == 9, "readlinkat: %ld", n);
    after("readlinkat", (size_t)n);
    before();
    n = sys_getcwd((long)answer, sizeof(answer));
    CHECK(n > 1, "getcwd: %ld", n);
    after("getcwd", (size_t)n);
}

/* ---- texts ---- */

/* As hexadecimal, or as one of the decimal numbers from 0xffffffc000000000 on. */
static void search_text(const char *what, const char *text)
{
    static const char *const signs[] = {"ffffffc0", "ffffffe0", "1844674379", "184467438", "184467439"};

    search(what, text, strlen(text));
    for (unsigned i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        const char *found = strstr(text, signs[i]);
        CHECK(!found, "%s shows a kernel address: %.40s", what, found);
    }
}

static void search_folder(const char *folder)
{
    struct dir d;
    char path[64];

    CHECK(dir_open(&d, folder) == 0, "%s: %s", folder, strerror(errno));
    for (struct abi_dirent64 *e; (e = dir_next(&d));) {
        /* Of debug kernels: where a process sleeps, and the kernel's own checks. */
        if (e->type != DT_REG || !strcmp(e->name, "stack") || !strcmp(e->name, "check"))
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, e->name);
        dirty_kernel();
        char *text = read_file(path);
        CHECK(text, "%s: %s", path, strerror(errno));
        search_text(path, text);
        free(text);
    }
    dir_close(&d);
}

static void no_kernel_addresses_in_proc(void)
{
    char folder[32];
    int pid = start_child(sleep_forever, 0);

    search_folder("/proc");
    search_folder("/proc/self");
    snprintf(folder, sizeof(folder), "/proc/%d", pid);
    search_folder(folder);
    search_folder("/proc/1");
    search_folder("/proc/2"); /* a thread of the kernel's */
    end_child(pid);
}

static void no_kernel_addresses_in_log(void)
{
    static char log[65536];
    struct abi_stat st;

    if (getstat("/proc/check", &st) == 0)
        return; /* a debug kernel says there where in it something happened */
    dirty_kernel();
    long n = sys_syslog(3, (long)log, sizeof(log) - 1);
    CHECK(n > 0, "syslog: %ld", n);
    for (char *line = log, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = 0;
        if (end - line < 8 ||
            strcmp(end - 8, ": killed")) /* that tells the address that a program has used itself */
            search_text("the kernel's log", line);
    }
}

/* ---- files and pipes ---- */

static int stale_file(const char *path, size_t size)
{
    static char text[4096];
    int fd = open_new(path);

    memset(text, STALE, sizeof(text));
    CHECK_CALL((long)size, sys_write(fd, (long)text, size));
    return fd;
}

/* A page of the file that begins with `kept` bytes of its own. */
static void check_tail(const char *what, int fd, long offset, size_t kept, size_t size)
{
    before();
    CHECK_CALL((long)size, sys_pread64(fd, (long)answer, sizeof(answer), offset));
    all_zero(what, answer + kept, size - kept);
    char *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, offset);
    CHECK(p != MAP_FAILED, "mmap: %s", strerror(errno));
    all_zero(what, p + kept, 4096 - kept);
    CHECK(munmap(p, 4096) == 0, "munmap");
    p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, offset);
    CHECK(p != MAP_FAILED, "mmap: %s", strerror(errno));
    *(volatile char *)p = *p; /* now it is a copy */
    all_zero(what, p + kept, 4096 - kept);
    CHECK(munmap(p, 4096) == 0, "munmap");
}

static void file_tails_are_zero(void)
{
    for (int i = 0; i < 20; i++) {
        close(stale_file("old", 4096)); /* its page and block are free for the next file */
        CHECK_CALL(0, sys_unlinkat(AT_FDCWD, (long)"old", 0));
        int fd = stale_file("short", 10);
        check_tail("a short file, behind its end", fd, 0, 10, 10);
        CHECK_CALL(0, sys_ftruncate(fd, 3000));
        check_tail("a file made longer", fd, 0, 10, 3000);
        CHECK_CALL(0, sys_ftruncate(fd, 5));
        CHECK_CALL(1, sys_pwrite64(fd, (long)"", 1, 4095));
        check_tail("a file made shorter, and written to further on", fd, 0, 5, 4096);
        CHECK_CALL(1, sys_pwrite64(fd, (long)"", 1, 3 * 4096 + 5));
        check_tail("a hole", fd, 2 * 4096, 0, 4102);
        close(fd);
        CHECK_CALL(0, sys_unlinkat(AT_FDCWD, (long)"short", 0));
    }
}

static void pipes_give_what_was_written(void)
{
    for (int i = 0; i < 20; i++) {
        int p[2];
        dirty_kernel();
        CHECK(pipe(p) == 0, "pipe: %s", strerror(errno));
        CHECK_CALL(3, sys_write(p[1], (long)"abc", 3));
        before();
        CHECK_CALL(3, sys_read(p[0], (long)answer, 4096));
        after("read of a pipe", 3);
        struct abi_iovec iov[2] = {{(uint64_t)answer, 2}, {(uint64_t)answer + 2, 4000}};
        CHECK_CALL(3, sys_write(p[1], (long)"abc", 3));
        before();
        CHECK_CALL(3, sys_readv(p[0], (long)iov, 2));
        after("readv of a pipe", 3);
        close(p[0]);
        close(p[1]);
    }
}

static void search_new_pages(long unused)
{
    (void)unused;
    all_zero("a page of the heap", sbrk(32 * 4096), 32 * 4096);
    all_zero("a page from mmap", new_pages(32), 32 * 4096);
    all_zero("a page from shared mmap", shared_pages(32), 32 * 4096);
    char *p = shared_pages(8);
    if (fork() == 0) { /* fills them */
        all_zero("a shared page after fork", p, 8 * 4096);
        exit(0);
    }
    int status;
    CHECK(wait(&status) > 0 && status == 0, "the child's status is 0x%x", status);
}

static void new_pages_are_zero(void)
{
    for (int i = 0; i < 5; i++) {
        dirty_memory();
        CHECK(in_child(search_new_pages, 0) == 0, "stale memory");
    }
}

/* ---- registers and frames ---- */

/* lde_asm.S */
void leak_handler(int sig);                /* stores all registers as they are at its entry */
long leak_fork(uint64_t registers[2][32]); /* stores all registers as they are before and after */
extern uint64_t leak_registers[32];

static bool handled;
static struct abi_siginfo frame_info;
static struct abi_ucontext frame_context;

static void keep_frame(int sig, void *info, void *context)
{
    (void)sig;
    handled = true;
    memcpy(&frame_info, info, sizeof(frame_info));
    memcpy(&frame_context, context, sizeof(frame_context));
}

static void set_handler_address(int sig, uint64_t handler)
{
    struct abi_sigaction action = {.handler = handler};

    CHECK_CALL(0, sys_rt_sigaction(sig, (long)&action, 0, 8));
}

static void no_stale_bytes_in_signal_frame(void)
{
    for (int i = 0; i < 10; i++) {
        set_handler_address(SIGUSR1, (uint64_t)keep_frame);
        dirty_kernel();
        CHECK_CALL(0, sys_kill(getpid(), SIGUSR1));
        CHECK(handled, "no signal came");
        search("siginfo", &frame_info, sizeof(frame_info));
        all_zero("siginfo, behind the number", &frame_info.error, sizeof(frame_info) - 4);
        all_zero("ucontext before the registers, but the mask", &frame_context,
                 offsetof(struct abi_ucontext, mask));
        all_zero("ucontext, unused", frame_context.unused, sizeof(frame_context.unused));
        all_zero("ucontext behind the registers", frame_context.pad, sizeof(frame_context.pad));
        for (int r = 0; r < 32; r++)
            CHECK(!is_kernel_address(frame_context.regs[r]), "register x%d in the frame is 0x%lx", r,
                  frame_context.regs[r]);
    }
}

static void no_kernel_addresses_in_registers(void)
{
    static uint64_t registers[2][32];

    set_handler_address(SIGUSR1, (uint64_t)leak_handler);
    CHECK_CALL(0, sys_kill(getpid(), SIGUSR1));
    for (int r = 1; r < 32; r++)
        CHECK(!is_kernel_address(leak_registers[r]), "register x%d is 0x%lx where a handler begins", r,
              leak_registers[r]);
    CHECK(leak_registers[10] == SIGUSR1, "a handler got the signal %lu", leak_registers[10]);
    for (int i = 0; i < 3; i++) {
        long pid = leak_fork(registers);
        CHECK(pid >= 0, "fork: %s", strerror((int)-pid));
        for (int r = 1; r < 32; r++)
            CHECK(r == 10 || registers[0][r] == registers[1][r],
                  "%s has 0x%lx in register x%d, before it was 0x%lx",
                  pid ? "the parent of a fork" : "the child of a fork", registers[1][r], r, registers[0][r]);
        if (pid == 0)
            exit(0);
        CHECK(wait_for((int)pid) == 0, "child");
    }
}

/* ---- arguments that change while the kernel looks at them ---- */

#define LITTLE 8
#define MUCH   8192
#define PARTS  256 /* of the vector; the last is the one that changes, so that looking at it takes long */

struct shared {
    struct abi_iovec iov[PARTS];
    struct abi_timespec time;
    struct abi_sigaction action;
    volatile uint64_t turns;
    char bytes[MUCH];
};
static struct shared *shared;

static void change_arguments(long unused)
{
    (void)unused;
    for (;; shared->turns++) {
        bool odd = shared->turns & 1;
        *(volatile uint64_t *)&shared->iov[PARTS - 1].len = odd ? LITTLE : MUCH;
        *(volatile int64_t *)&shared->time.nsec = odd ? 1 : -1;
        *(volatile uint64_t *)&shared->action.handler = odd ? 0x10000 : 0x20000;
    }
}

/* Each structure is read once: what is checked is what is used. (Of paths and vectors copy.c tells.) */
static void arguments_are_read_once(void)
{
    struct abi_sigaction old;
    uint64_t end = now_ns() + 100000000;
    long size = 0;

    shared = (struct shared *)shared_pages(sizeof(*shared) / 4096 + 1);
    shared->iov[PARTS - 1] = (struct abi_iovec){(uint64_t)shared->bytes, LITTLE};
    shared->action.handler = 0x10000;
    int fd = open_new("written"), pid = start_child(change_arguments, 0);
    for (int i = 0; i < 300 || now_ns() < end; i++) {
        long n = sys_writev(fd, (long)shared->iov, PARTS);
        CHECK(n == LITTLE || n == MUCH, "writev of %d or %d bytes returned %ld", LITTLE, MUCH, n);
        size += n;
        CHECK(file_size("written") == size, "the file has %ld bytes, writev has returned %ld",
              file_size("written"), size);
        if (size > 1 << 20) {
            CHECK_CALL(0, sys_ftruncate(fd, 0));
            CHECK_CALL(0, sys_lseek(fd, 0, SEEK_SET));
            size = 0;
        }
        n = sys_nanosleep((long)&shared->time, 0);
        CHECK(n == 0 || n == -EINVAL, "nanosleep of 1 or -1 ns returned %ld", n);
        CHECK_CALL(0, sys_rt_sigaction(SIGUSR1, (long)&shared->action, (long)&old, 8));
        CHECK(old.handler == 0 || old.handler == 0x10000 || old.handler == 0x20000, "the handler was 0x%lx",
              old.handler);
    }
    CHECK(shared->turns > 0, "the arguments were never changed");
    end_child(pid);
    close(fd);
}

/* ---- references ---- */

/* Each reference that programs can add takes memory, so there cannot be more of them than a count holds (mm/page.h). */
static void references_cost_memory(void)
{
    enum { PAGES = 2048 };
    int fd = open_new("f");

    CHECK_CALL(1, sys_write(fd, (long)"x", 1));
    long before_mapping = counter("pages_free");
    for (int i = 0; i < PAGES; i++) {
        char *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
        CHECK(p != MAP_FAILED, "mapping %d: %s", i, strerror(errno));
        CHECK(*p == 'x', "mapping %d: it begins with 0x%x", i, *p);
    }
    long took = before_mapping - counter("pages_free");
    CHECK(took >= PAGES * 8 / 4096, "%d mappings of a page took %ld pages of memory", PAGES, took);
    long before_dup = counter("pages_free");
    for (int i = 0; i < 1000; i++)
        CHECK(sys_dup(fd) >= 0, "dup %d failed", i);
    took = before_dup - counter("pages_free");
    CHECK(took >= 1000 * 8 / 4096, "1000 descriptors of a file took %ld pages of memory", took);
}

static const struct test tests[] = {
    TEST(no_stale_bytes_in_stat),         TEST(no_stale_bytes_in_structures),
    TEST(no_stale_bytes_in_wait),         TEST(no_stale_bytes_in_terminal),
    TEST(no_stale_bytes_in_names),        TEST(no_kernel_addresses_in_proc),
    TEST(no_kernel_addresses_in_log),     TEST(file_tails_are_zero),
    TEST(pipes_give_what_was_written),    TEST(new_pages_are_zero),
    TEST(no_stale_bytes_in_signal_frame), TEST(no_kernel_addresses_in_registers),
    TEST(arguments_are_read_once),        TEST(references_cost_memory),
};
const struct topic topic_leak = {"leak", tests, sizeof(tests) / sizeof(tests[0])};
