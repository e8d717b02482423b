/* Memory and the disk that fail in the middle of things: for every system call, and for page faults, the first allocation
 * fails, then the second, and so on until the call makes no more; then the same with requests to read from the disk. After
 * each: the call has done what it is for, or says -ENOMEM or -EIO and has done nothing; nothing is left behind; the kernel's
 * invariants hold.
 *
 * Runs only when asked for (usertests failing:), for it needs a debug kernel: the device that makes things fail is
 * kernel/debug/fail.c's. Writing is not made to fail here, since after that the file system is read-only until the next
 * boot: tests/host/test_fs.c and tests/boot/test_failing.py do that.
 *
 * Each try is a child of its own, in the test's directory, which holds
 *
 *   f    a file of SIZE bytes         d/e    a small file in a directory         s    a symbolic link to f
 *
 * and must hold the same afterwards. */
#include "tests.h"

#include "user/state.h"

#define PAGE  4096l
#define SIZE  (5 * PAGE + 100)
#define TRIES 2000
#define LONG_PATH                                                                                            \
    "./././././././././././././././././././././././././././././././././././././././././././././././././././" \
    "./././././././././././././././././././././././././././././././././././././././././././././././././././"

/* What is tried. All run in the child; prepare and check while nothing fails. */
struct scenario {
    void (*prepare)(void);
    long (*call)(void);    /* the call's result */
    void (*check)(long r); /* of that result: has it been done, or not been done at all? Then takes it back */
    long least;            /* so many allocations have to fail, or the scenario is worth nothing */
    long also;             /* an error that stands for "no memory", besides -ENOMEM */
    bool ends, arms;       /* the call may end the process; it arms by itself */
    int dies; /* the signal by which a process ends that finds no memory in a page fault; 0: it must not */
};

/* One for each line of the table of system calls. A line that has none is a failure of its tests, not of the build:
 * calls are added before they are tested. */
#define SYSCALL(number, name, kinds) extern const struct scenario scenario_##name __attribute__((weak));
#include "abi/syscalls.h"
#undef SYSCALL

/* What a child tells, in memory that both share. */
static volatile struct report {
    bool returned;
    long result;
} * report;

static int device; /* that makes things fail */
static const char *kind;
static int trial;      /* which one fails; 0: none */
static bool and_later; /* those after it, too */
static int fd, pipe_ends[2], child;
static char *area, buf[SIZE + PAGE];

/* ---- the device ---- */

static void tell(const char *line)
{
    long n = sys_write(device, (long)line, strlen(line));

    CHECK(n == (long)strlen(line), "fail device: %s: %s", line, strerror(-n));
}

static void arm(void)
{
    char line[32];

    if (trial == 0)
        return;
    snprintf(line, sizeof(line), "%s %d%s", kind, trial, and_later ? "+" : "");
    tell(line);
}

/* How many have failed. */
static long struck(void)
{
    char text[64] = "";

    tell("off");
    CHECK(sys_read(device, (long)text, sizeof(text) - 1) > 0, "fail device");
    return strtol(text + strlen("struck "), NULL, 10);
}

/* ---- the calls, in the order of the table ---- */

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

/* Of a call that makes "new": it is there exactly if that was the result. */
static void check_new(long r)
{
    CHECK(exists("new") == (r >= 0), "the result is %ld, but \"new\" is%s there", r,
          exists("new") ? "" : " not");
    if (r >= 0)
        CHECK(unlink("new") == 0 || rmdir("new") == 0, "new: %s", strerror(errno));
}

/* Of one that takes "old" away. */
static void check_old(long r)
{
    CHECK(exists("old") == (r < 0), "the result is %ld, but \"old\" is%s there", r,
          exists("old") ? "" : " not");
    if (r < 0)
        CHECK(unlink("old") == 0, "old: %s", strerror(errno));
}

static void make_old(void)
{
    close(open_new("old"));
}

static void open_f(void)
{
    fd = open("f", O_RDWR);
    CHECK(fd >= 0, "f: %s", strerror(errno));
}

static void open_d(void)
{
    fd = open("d", O_RDONLY | O_DIRECTORY);
    CHECK(fd >= 0, "d: %s", strerror(errno));
}

/* A file of which writing changes nothing that others need. */
static void open_copy(void)
{
    make_file("copy", SIZE, 2);
    fd = open("copy", O_RDWR);
    CHECK(fd >= 0, "copy: %s", strerror(errno));
}

/* What was written is the beginning of buf, and the file is as long as it must be. */
static void check_written(long r, int64_t offset)
{
    long size = r > 0 && offset + r > SIZE ? offset + r : SIZE;

    CHECK(file_size("copy") == size, "%ld bytes after a write of %ld at %ld", (long)file_size("copy"), r,
          (long)offset);
    char *now = new_pages(size / PAGE + 1);
    CHECK(pread(fd, now, size, 0) == size, "read: %s", strerror(errno));
    for (long i = 0; i < size; i++) {
        bool written = r > 0 && i >= offset && i < offset + r;
        uint8_t want = written ? (uint8_t)buf[i - offset] : i < SIZE ? pattern_byte(i, 2) : 0;
        CHECK((uint8_t)now[i] == want, "byte %ld is %u, not %u, after a write of %ld at %ld", i, now[i], want,
              r, (long)offset);
    }
    close(fd);
    CHECK(unlink("copy") == 0, "copy: %s", strerror(errno));
}

static void check_written_at_0(long r)
{
    check_written(r, 0);
}

static void check_written_beyond(long r)
{
    check_written(r, 40 * PAGE);
}

static void check_read(long r)
{
    for (long i = 0; i < r; i++)
        CHECK((uint8_t)buf[i] == pattern_byte(i, 1), "byte %ld of the file is %u", i, (uint8_t)buf[i]);
}

static void check_positive(long r)
{
    CHECK(r != 0, "the result is 0");
}

#define CALL(name, ...)                                                                                      \
    static long call_##name(void)                                                                            \
    {                                                                                                        \
        return sys_##name(__VA_ARGS__);                                                                      \
    }
#define SCENARIO(name, ...) const struct scenario scenario_##name = {.call = call_##name, __VA_ARGS__};
/* A call that needs no memory, as a rule. */
#define SIMPLE(name, ...) CALL(name, __VA_ARGS__) SCENARIO(name, .least = 0)

static void into_d(void)
{
    CHECK(chdir("d") == 0, "d: %s", strerror(errno));
}
CALL(getcwd, (long)buf, sizeof(buf))
SCENARIO(getcwd, .prepare = into_d, .check = check_positive, .least = 1)

static long call_dup(void)
{
    long r = 0;
    for (int i = 0; i < 200 && r >= 0; i++)
        r = sys_dup(1);
    return r;
}
SCENARIO(dup, .least = 2)

CALL(dup3, 1, 300, 0)
SCENARIO(dup3, .least = 1)

CALL(fcntl, 1, F_DUPFD, 400)
SCENARIO(fcntl, .least = 1)

SIMPLE(ioctl, 1, FIONREAD, (long)buf)

CALL(mknodat, AT_FDCWD, (long)LONG_PATH "new", S_IFCHR | 0600, DEV_MAKE(1, 3))
SCENARIO(mknodat, .check = check_new, .least = 2)

CALL(mkdirat, AT_FDCWD, (long)LONG_PATH "new", 0700)
SCENARIO(mkdirat, .check = check_new, .least = 3)

CALL(unlinkat, AT_FDCWD, (long)LONG_PATH "old", 0)
SCENARIO(unlinkat, .prepare = make_old, .check = check_old, .least = 1)

CALL(symlinkat, (long)LONG_PATH, AT_FDCWD, (long)LONG_PATH "new")
SCENARIO(symlinkat, .check = check_new, .least = 3)

CALL(linkat, AT_FDCWD, (long)LONG_PATH "f", AT_FDCWD, (long)LONG_PATH "new", 0)
SCENARIO(linkat, .check = check_new, .least = 2)

CALL(statfs, (long)LONG_PATH "f", (long)buf)
SCENARIO(statfs, .least = 1)

SIMPLE(fstatfs, 0, (long)buf)

static void check_shorter(long r)
{
    CHECK(file_size("copy") == (r < 0 ? SIZE : 100), "size %ld, result %ld", (long)file_size("copy"), r);
    check_file("copy", r < 0 ? SIZE : 100, 2);
    CHECK(unlink("copy") == 0, "copy: %s", strerror(errno));
}
CALL(truncate, (long)LONG_PATH "copy", 100)
SCENARIO(truncate, .prepare = open_copy, .check = check_shorter, .least = 1)

static long call_ftruncate(void)
{
    return sys_ftruncate(fd, 100);
}
SCENARIO(ftruncate, .prepare = open_copy, .check = check_shorter)

CALL(faccessat, AT_FDCWD, (long)LONG_PATH "f", R_OK)
SCENARIO(faccessat, .least = 1)

static void check_where(long r)
{
    CHECK(exists("e") == (r >= 0), "the result is %ld, but the directory is another", r);
}
CALL(chdir, (long)LONG_PATH "d")
SCENARIO(chdir, .check = check_where, .least = 1)

CALL(fchdir, fd)
SCENARIO(fchdir, .prepare = open_d, .check = check_where)

static void check_mode(long r)
{
    struct abi_stat st;
    CHECK(getstat("f", &st) == 0 && (st.mode & 0777) == (r < 0 ? 0666 : 0640), "mode %o, result %ld", st.mode,
          r);
    CHECK_CALL(0, sys_fchmodat(AT_FDCWD, (long)"f", 0666));
}
CALL(fchmod, fd, 0640)
SCENARIO(fchmod, .prepare = open_f, .check = check_mode)

CALL(fchmodat, AT_FDCWD, (long)LONG_PATH "f", 0640)
SCENARIO(fchmodat, .check = check_mode, .least = 1)

static void check_owner(long r)
{
    struct abi_stat st;
    CHECK(getstat("f", &st) == 0 && st.uid == (r < 0 ? 0 : 7), "owner %u, result %ld", st.uid, r);
    CHECK_CALL(0, sys_fchownat(AT_FDCWD, (long)"f", 0, 0, 0));
}
CALL(fchownat, AT_FDCWD, (long)LONG_PATH "f", 7, 7, 0)
SCENARIO(fchownat, .check = check_owner, .least = 1)

CALL(fchown, fd, 7, 7)
SCENARIO(fchown, .prepare = open_f, .check = check_owner)

CALL(openat, AT_FDCWD, (long)LONG_PATH "new", O_CREAT | O_EXCL | O_RDWR, 0600)
SCENARIO(openat, .check = check_new, .least = 4, .also = -ENFILE)

CALL(close, fd)
SCENARIO(close, .prepare = open_f)

CALL(pipe2, (long)pipe_ends, 0)
SCENARIO(pipe2, .least = 2, .also = -ENFILE)

CALL(getdents64, fd, (long)buf, sizeof(buf))
SCENARIO(getdents64, .prepare = open_d, .check = check_positive, .least = 1)

SIMPLE(lseek, 0, 0, SEEK_CUR)

CALL(read, fd, (long)buf, SIZE)
SCENARIO(read, .prepare = open_f, .check = check_read, .least = 2)

CALL(write, fd, (long)buf, 2 * PAGE)
SCENARIO(write, .prepare = open_copy, .check = check_written_at_0, .least = 1)

static struct abi_iovec iov[40];
static void make_iov(void)
{
    for (int i = 0; i < 40; i++)
        iov[i] = (struct abi_iovec){(uint64_t)buf + i * 100, 100};
}
static void open_f_iov(void)
{
    open_f();
    make_iov();
}
static void open_copy_iov(void)
{
    open_copy();
    make_iov();
}
CALL(readv, fd, (long)iov, 40)
SCENARIO(readv, .prepare = open_f_iov, .check = check_read, .least = 2)

CALL(writev, fd, (long)iov, 40)
SCENARIO(writev, .prepare = open_copy_iov, .check = check_written_at_0, .least = 1)

CALL(pread64, fd, (long)buf, SIZE, 0)
SCENARIO(pread64, .prepare = open_f, .check = check_read, .least = 2)

CALL(pwrite64, fd, (long)buf, 2 * PAGE, 40 * PAGE)
SCENARIO(pwrite64, .prepare = open_copy, .check = check_written_beyond, .least = 2)

CALL(readlinkat, AT_FDCWD, (long)LONG_PATH "s", (long)buf, sizeof(buf))
SCENARIO(readlinkat, .check = check_positive, .least = 2)

CALL(newfstatat, AT_FDCWD, (long)LONG_PATH "s", (long)buf, 0)
SCENARIO(newfstatat, .least = 2)

CALL(fstat, fd, (long)buf)
SCENARIO(fstat, .prepare = open_f)

static void check_copy(long r)
{
    check_written(r < 0 ? 0 : r, 0);
}
SIMPLE(sync, 0)

CALL(fsync, fd)
SCENARIO(fsync, .prepare = open_copy, .check = check_copy)

CALL(fdatasync, fd)
SCENARIO(fdatasync, .prepare = open_copy, .check = check_copy)

static const struct abi_timespec times_of_f[2] = {{1, 0}, {2, 0}};
CALL(utimensat, AT_FDCWD, (long)LONG_PATH "f", (long)times_of_f, 0)
SCENARIO(utimensat, .least = 1)

static void check_renamed(long r)
{
    check_old(r);
    check_new(r);
}
CALL(renameat2, AT_FDCWD, (long)LONG_PATH "old", AT_FDCWD, (long)LONG_PATH "new", 0)
SCENARIO(renameat2, .prepare = make_old, .check = check_renamed, .least = 2)

CALL(exit, 0)
SCENARIO(exit, .prepare = open_f, .ends = true)

CALL(exit_group, 0)
SCENARIO(exit_group, .prepare = open_copy, .ends = true)

SIMPLE(set_tid_address, (long)buf)

static const struct abi_timespec nap = {0, 1000};
SIMPLE(nanosleep, (long)&nap, 0)
SIMPLE(clock_gettime, CLOCK_MONOTONIC, (long)buf)
SIMPLE(clock_getres, CLOCK_MONOTONIC, (long)buf)
SIMPLE(clock_nanosleep, CLOCK_MONOTONIC, 0, (long)&nap, 0)

CALL(syslog, 3, (long)buf, 1000)
SCENARIO(syslog, .least = 1)

SIMPLE(sched_getaffinity, 0, 8, (long)buf)
SIMPLE(sched_yield, 0)

/* Signals: the handler's frame needs memory, and coming back from it does. */
static volatile int handled;
static void handler(int sig)
{
    (void)sig;
    handled++;
}
static void arming_handler(int sig)
{
    handler(sig);
    arm();
}
static void set_handler(void)
{
    setsignal(SIGUSR1, (uint64_t)handler);
}
static void set_arming_handler(void)
{
    setsignal(SIGUSR1, (uint64_t)arming_handler);
}
static void check_handled(long r)
{
    CHECK(r == 0 && handled == 1, "result %ld, %d signals handled", r, handled);
}
CALL(kill, getpid(), SIGUSR1)
SCENARIO(kill, .prepare = set_handler, .check = check_handled, .least = 2, .dies = SIGSEGV)

CALL(tkill, getpid(), SIGUSR1)
SCENARIO(tkill, .prepare = set_handler, .check = check_handled, .least = 2, .dies = SIGSEGV)

CALL(tgkill, getpid(), getpid(), SIGUSR1)
SCENARIO(tgkill, .prepare = set_handler, .check = check_handled, .least = 2, .dies = SIGSEGV)

CALL(rt_sigaction, SIGUSR1, 0, (long)buf, 8)
SCENARIO(rt_sigaction, .least = 0)

SIMPLE(rt_sigprocmask, SIG_BLOCK, 0, (long)buf, 8)

static long call_rt_sigreturn(void)
{
    return sys_kill(getpid(), SIGUSR1); /* the handler arms: coming back from it is what has to fail */
}
SCENARIO(rt_sigreturn, .prepare = set_arming_handler, .check = check_handled, .least = 1, .dies = SIGSEGV,
         .arms = true)

static long call_reboot(void)
{
    return sys_reboot(0, 0, 0, 0) == -EINVAL ? 0 : -EPERM; /* with numbers that it refuses */
}
SCENARIO(reboot, .least = 0)

SIMPLE(times, (long)buf)
SIMPLE(setpgid, 0, 0)
SIMPLE(getpgid, 0)
SIMPLE(getsid, 0)
SIMPLE(setsid, 0)
SIMPLE(uname, (long)buf)
SIMPLE(getrusage, 0, (long)buf)
SIMPLE(umask, 022)
SIMPLE(gettimeofday, (long)buf, 0)
SIMPLE(getpid, 0)
SIMPLE(getppid, 0)
SIMPLE(getuid, 0)
SIMPLE(geteuid, 0)
SIMPLE(getgid, 0)
SIMPLE(getegid, 0)
SIMPLE(gettid, 0)
SIMPLE(sysinfo, (long)buf)
SIMPLE(prlimit64, 0, RLIMIT_NOFILE, 0, (long)buf)
SIMPLE(getrandom, (long)buf, 100, 0)

static long call_clone(void)
{
    long pid = sys_clone(SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        sys_exit_group(3);
    return pid;
}
static void check_child(long r)
{
    int status = -1;
    CHECK_CALL(r < 0 ? -ECHILD : r, sys_wait4(-1, (long)&status, 0, 0));
    CHECK(r < 0 || status == WAIT_EXITED(3), "wait status 0x%x", status);
}
SCENARIO(clone, .check = check_child, .least = 10, .dies = SIGKILL)

static char *const true_argv[] = {"true", LONG_PATH, NULL};
CALL(execve, (long)"/bin/true", (long)true_argv, (long)true_argv)
SCENARIO(execve, .least = 10, .dies = SIGKILL, .ends = true)

static void make_child(void)
{
    child = start_child(exit_with, 3);
    wait_until(child, 'Z');
}
static long call_wait4(void)
{
    int status;
    long r = sys_wait4(child, (long)&status, 0, 0);
    return r == child && status != WAIT_EXITED(3) ? -EPERM : r;
}
SCENARIO(wait4, .prepare = make_child)

static long call_brk(void)
{
    long now = sys_brk(0);
    return sys_brk(now + 100 * PAGE) == now + 100 * PAGE ? 0 : -ENOMEM;
}
SCENARIO(brk, .least = 0)

static void map_area(void)
{
    area = new_pages(600); /* of more than one table */
    for (long i = 0; i < 600; i += 3)
        area[i * PAGE] = 1;
}
/* From the middle, so that the region becomes two. */
CALL(munmap, (long)area + 100 * PAGE, PAGE)
SCENARIO(munmap, .prepare = map_area, .least = 1)

CALL(mmap, 0, SIZE, PROT_READ, MAP_PRIVATE, fd, 0)
SCENARIO(mmap, .prepare = open_f, .least = 1)

CALL(mprotect, (long)area + 100 * PAGE, PAGE, PROT_READ)
SCENARIO(mprotect, .prepare = map_area, .least = 1)

/* ---- other courses that calls take ---- */

static void new_area(void)
{
    area = new_pages(20);
    open_f();
}
static long call_read_into_new_memory(void)
{
    return sys_read(fd, (long)area, SIZE);
}
static void check_area(long r)
{
    memcpy(buf, area, r > 0 ? r : 0);
    check_read(r);
}
SCENARIO(read_into_new_memory, .prepare = new_area, .check = check_area, .least = 8)

static void fill_pipe(void)
{
    CHECK(pipe(pipe_ends) == 0, "pipe");
    memset(buf, 'p', sizeof(buf));
}
static long call_pipe_write(void)
{
    return sys_write(pipe_ends[1], (long)buf, 3 * PAGE);
}
static void check_pipe(long r)
{
    memset(buf, 0, sizeof(buf));
    close(pipe_ends[1]);
    CHECK_CALL(r < 0 ? 0 : r, sys_read(pipe_ends[0], (long)buf, sizeof(buf)));
    for (long i = 0; i < r; i++)
        CHECK(buf[i] == 'p', "byte %ld of the pipe", i);
}
SCENARIO(pipe_write, .prepare = fill_pipe, .check = check_pipe, .least = 2)

static long call_vfork(void)
{
    long pid = sys_clone(CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        sys_exit_group(3);
    return pid;
}
SCENARIO(vfork, .check = check_child, .least = 3)

static void share_area(void)
{
    map_area();
    area = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(area != MAP_FAILED, "mmap: %s", strerror(errno));
    for (int i = 3; i < 300; i++)
        fd = dup(1); /* a table of descriptors that has grown */
}
static long call_large_clone(void)
{
    return call_clone();
}
SCENARIO(large_clone, .prepare = share_area, .check = check_child, .least = 20, .dies = SIGKILL)

static void make_many(void)
{
    char name[16];
    CHECK(mkdir("new") == 0, "new");
    for (int i = 0; i < 130; i++) {
        snprintf(name, sizeof(name), "new/%d", i);
        close(open_new(name));
    }
}
static void remove_many(void)
{
    char name[16];
    for (int i = 0; i < 131; i++) {
        snprintf(name, sizeof(name), "new/%d", i);
        unlink(name);
    }
    rmdir("new");
}
static long call_large_directory(void)
{
    long f = sys_openat(AT_FDCWD, (long)"new/130", O_CREAT | O_EXCL | O_WRONLY, 0600);
    return f < 0 ? f : sys_faccessat(AT_FDCWD, (long)"new/17", F_OK);
}
static void check_index(long r)
{
    CHECK(exists("new/130") || r < 0, "the result is %ld, but the file is not there", r);
    CHECK(exists("new/0") && exists("new/129"), "other files of the directory are gone");
    remove_many();
}
SCENARIO(large_directory, .prepare = make_many, .check = check_index, .least = 4, .also = -ENFILE)

static long call_proc_files(void)
{
    long r = sys_readlinkat(AT_FDCWD, (long)"/proc/self", (long)buf, sizeof(buf));
    long f = r < 0 ? r : sys_openat(AT_FDCWD, (long)"/proc/self/status", O_RDONLY, 0);
    if (f < 0)
        return f;
    r = sys_read(f, (long)buf, sizeof(buf));
    sys_close(f);
    return r;
}
SCENARIO(proc_files, .check = check_positive, .least = 6, .also = -ENFILE)

static void open_far(void)
{
    open_copy();
    CHECK_CALL(PAGE,
               sys_pwrite64(fd, (long)buf, PAGE, 2000 * PAGE)); /* so that a block of pointers is there */
}
static void check_far(long r)
{
    CHECK(r < 0 || file_size("copy") == 2500 * PAGE + PAGE, "%ld bytes", (long)file_size("copy"));
    CHECK(unlink("copy") == 0, "copy: %s", strerror(errno));
}
static long call_write_far(void)
{
    return sys_pwrite64(fd, (long)buf, PAGE, 2500 * PAGE);
}
SCENARIO(write_far, .prepare = open_far, .check = check_far, .least = 5)

/* ---- page faults: the program goes on, or ends with a message ---- */

static void map_nothing(void)
{
    area = new_pages(600);
}
static long call_fault_zero(void)
{
    for (long i = 0; i < 600; i += 299)
        area[i * PAGE] = 1;
    return 0;
}
SCENARIO(fault_zero, .prepare = map_nothing, .least = 4, .dies = SIGKILL)

static void map_f(void)
{
    open_f();
    area = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    CHECK(area != MAP_FAILED, "mmap: %s", strerror(errno));
}
static long call_fault_file(void)
{
    memcpy(buf, area, SIZE); /* the last page, which the file does not fill, is a copy */
    area[0] ^= 1;
    area[0] ^= 1;
    return SIZE;
}
SCENARIO(fault_file, .prepare = map_f, .check = check_read, .least = 5, .dies = SIGKILL)

/* What parent and child have in common until one of them writes. */
static void wait_for_end(long unused)
{
    (void)unused;
    close(pipe_ends[1]);
    read(pipe_ends[0], buf, 1); /* until nobody has the other end any more */
}
static void share_with_child(void)
{
    area = new_pages(4);
    memset(area, 7, 4 * PAGE);
    CHECK(pipe(pipe_ends) == 0, "pipe");
    child = start_child(wait_for_end, 0);
}
static long call_fault_copy(void)
{
    for (long i = 0; i < 4; i++)
        area[i * PAGE] = 1;
    return 0;
}
static void check_copied(long r)
{
    for (long i = 0; i < 4 * PAGE; i++)
        CHECK(r == 0 && area[i] == (i % PAGE ? 7 : 1), "byte %ld is %d", i, area[i]);
    close(pipe_ends[1]);
    CHECK(wait_for(child) == 0, "the child");
}
SCENARIO(fault_copy, .prepare = share_with_child, .check = check_copied, .least = 4, .dies = SIGKILL)

static __attribute__((noinline)) long deeper(long n, volatile char *above)
{
    volatile char frame[PAGE];

    frame[0] = (char)n;
    if (n > 0)
        deeper(n - 1, frame);
    return above[0] + frame[0]; /* so that it keeps its frame */
}
static long call_fault_stack(void)
{
    volatile char top = 1;
    deeper(20, &top);
    return 0;
}
SCENARIO(fault_stack, .least = 10, .dies = SIGKILL)

/* ---- trying ---- */

/* After fork, the first write to a page copies it: what the calls write to must not need that. (own_memory would copy all
 * of usertests for each try.) */
static void own(volatile void *start, size_t n)
{
    volatile char *from = (volatile char *)((uint64_t)start / PAGE * PAGE);

    for (volatile char *p = from; p < (volatile char *)start + n; p += PAGE)
        *p = *p;
}

static void own_what_calls_use(void)
{
    own(buf, sizeof(buf));
    own(iov, sizeof(iov));
    own(pipe_ends, sizeof(pipe_ends));
    own(&handled, sizeof(handled));
    own((char *)__builtin_frame_address(0) - 2 * PAGE, 2 * PAGE);
}

static void try_in_child(long argument)
{
    const struct scenario *s = (const struct scenario *)argument;

    if (s->prepare)
        s->prepare();
    own_what_calls_use();
    sys_sync(0);
    sleep_ms(5); /* until the journal has written everything home, and lets go of it */
    tell("drop");
    if (!s->arms)
        arm();
    long r = s->call();
    tell("off");
    report->result = r;
    report->returned = true;
    if (s->check)
        s->check(r);
}

/* How the child has ended: is that what is promised? */
static void check_end(const struct scenario *s, int status, bool failed)
{
    bool disk = !strcmp(kind, "read");
    int dies = s->dies && disk ? SIGBUS : s->dies;

    if (!WAIT_HAS_EXITED(status)) {
        CHECK(failed && dies && WAIT_SIGNAL(status) == dies, "the process is ended by %s",
              signal_text(WAIT_SIGNAL(status)));
        return;
    }
    CHECK(WAIT_EXIT_CODE(status) == 0, "the process ends with status %d", WAIT_EXIT_CODE(status));
    if (!report->returned) {
        CHECK(s->ends, "the call has not returned");
        return;
    }
    long r = report->result;
    CHECK(r >= 0 || (failed && (r == (disk ? -EIO : -ENOMEM) || (!disk && r == s->also))),
          "the result is %ld (%s)", r, r < 0 ? strerror(-r) : "");
}

static void remove_rest(void)
{
    unlink("copy");
    unlink("old");
    if (exists("new") && unlink("new") < 0)
        remove_many();
}

/* One try: does it go as promised? Returns whether something had to fail. */
static bool try(const struct scenario *s)
{
    report->returned = false;
    int status = in_child(try_in_child, (long)s);
    long failures = struck();
    check_end(s, status, trial > 0 && failures > 0);
    remove_rest();
    return trial > 0 && failures > 0;
}

static void fail_each(const struct scenario *s, const char *what)
{
    struct state before;

    CHECK(s, "a system call without a scenario: write one in failing.c");
    kind = what;
    make_file("f", SIZE, 1);
    CHECK(mkdir("d") == 0 && symlink("f", "s") == 0, "%s", strerror(errno));
    close(open_new("d/e"));
    CHECK(mknod("fail", 10, 240) == 0, "fail: %s", strerror(errno));
    device = open("fail", O_RDWR);
    CHECK(device >= 0, "this is no debug kernel: nothing can be made to fail (%s)", strerror(errno));
    report = (void *)shared_pages(1);
    for (trial = 0; trial == 0; trial++) /* nothing fails */
        for (int i = 0; i < 3; i++)
            CHECK(!try(s), "something fails");
    own_memory();
    CHECK(state_read(&before), "/proc/lode");
    for (bool more = true; more && trial <= TRIES; and_later = !and_later, trial += !and_later) {
        more = try(s);
        CHECK(!state_leaked(&before) && state_is_sound(), "%s %d%s", kind, trial,
              and_later ? " and all after it" : "");
    }
    CHECK(trial <= TRIES, "it never ends");
    printf("# %s: %d failed\n", kind, trial - 1);
    CHECK(strcmp(kind, "alloc") || trial - 1 >= s->least, "%d allocations were made to fail, expected %ld",
          trial - 1, s->least);
    close(device);
}

#define COURSES(DO)                                                                                          \
    DO(read_into_new_memory)                                                                                 \
    DO(pipe_write)                                                                                           \
    DO(vfork)                                                                                                \
    DO(large_clone) DO(large_directory) DO(proc_files) DO(write_far) DO(fault_zero) DO(fault_file)           \
        DO(fault_copy) DO(fault_stack)

/* Two tests for each line of the table. */
#define TESTS_OF(name)                                                                                       \
    static void alloc_##name(void)                                                                           \
    {                                                                                                        \
        fail_each(&scenario_##name, "alloc");                                                                \
    }                                                                                                        \
    static void disk_##name(void)                                                                            \
    {                                                                                                        \
        fail_each(&scenario_##name, "read");                                                                 \
    }
#define SYSCALL(number, name, kinds) TESTS_OF(name)
#include "abi/syscalls.h"
#undef SYSCALL
COURSES(TESTS_OF)

static const struct test tests[] = {
#define LINES_OF(name)               TEST(alloc_##name), TEST(disk_##name),
#define SYSCALL(number, name, kinds) LINES_OF(name)
#include "abi/syscalls.h"
#undef SYSCALL
    COURSES(LINES_OF)};
const struct topic topic_failing = {"failing", tests, sizeof(tests) / sizeof(tests[0])};
