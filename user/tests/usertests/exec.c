/* Programs: execve with good and bad files and arguments. */
#include "tests.h"
#include "abi/elf.h"

static const char *exec_path;
static char **exec_argv;

static void do_exec(long unused)
{
    (void)unused;
    execve(exec_path, exec_argv, environ);
    exit(errno + 100);
}

/* Runs path with argv in a child whose output is in "out"; returns its wait status. */
static int run(const char *path, char **argv)
{
    int out = open("out", O_CREAT | O_RDWR | O_TRUNC), saved = dup(1);

    exec_path = path;
    exec_argv = argv;
    dup2(out, 1);
    int status = in_child(do_exec, 0);
    dup2(saved, 1);
    close(saved);
    close(out);
    return status;
}

static void expect_output(const char *want)
{
    char *got = read_file("out");

    CHECK(got && !strcmp(got, want), "output is \"%s\", expected \"%s\"", got, want);
    free(got);
}

static void exec_arguments(void)
{
    char *argv[] = {"echo", "a", "", "b c", NULL};

    CHECK(run("/bin/echo", argv) == 0, "echo");
    expect_output("a  b c\n");
    for (int i = 0; i < 50; i++)
        CHECK(run("/bin/echo", argv) == 0, "echo");
}

/* A program's output goes where its descriptor 1 leads. */
static void exectest(void)
{
    int pid = fork();

    if (pid == 0) {
        char *argv[] = {"echo", "OK", NULL};
        close(1);
        CHECK(open("echo-ok", O_CREAT | O_WRONLY) == 1, "descriptor 1 was free");
        exec("/bin/echo", argv);
        exit(1);
    }
    CHECK(wait_for(pid) == 0, "echo");
    char *text = read_file("echo-ok");
    CHECK(text && !strcmp(text, "OK\n"), "echo wrote \"%s\"", text);
}

static void exec_errors(void)
{
    char *argv[] = {"x", NULL};
    static const struct {
        const char *path;
        int error;
    } cases[] = {{"/nofile", ENOENT}, {"", ENOENT},          {"/", EACCES},
                 {"/bin", EACCES},    {"/dev/null", EACCES}, {"/bin/sh/x", ENOTDIR}};

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int status = run(cases[i].path, argv);
        CHECK(status == WAIT_EXITED(100 + cases[i].error), "exec of \"%s\": status 0x%x", cases[i].path,
              status);
    }
}

static void write_program(const char *path, const void *data, size_t n)
{
    int fd = open_mode(path, O_CREAT | O_TRUNC | O_WRONLY, 0755);

    CHECK(fd >= 0 && write_all(fd, data, n) == 0, "%s: %s", path, strerror(errno));
    close(fd);
    chmod(path, 0755);
}

static void exec_small_files(void)
{
    char *argv[] = {"x", NULL};

    for (int n = 0; n < 130; n += 13) {
        static char junk[200] = "\177ELF";
        write_program("x", junk, n);
        CHECK(run("x", argv) == WAIT_EXITED(100 + ENOEXEC), "a file of %d bytes", n);
    }
}

static char program[64 * 1024];
static size_t program_size;

static void load_program(void)
{
    int fd = open("/bin/true", O_RDONLY);
    program_size = 0;
    long got;

    while ((got = read_bytes(fd, program + program_size, sizeof(program) - program_size)) > 0)
        program_size += got;
    close(fd);
    CHECK(program_size > sizeof(struct elf_header), "/bin/true has %lu bytes", program_size);
}

/* Changes n bytes of a good program at `offset` and tries to run it. */
static int run_changed(size_t offset, uint64_t value, size_t n)
{
    static char copy[sizeof(program)];
    char *argv[] = {"x", NULL};

    memcpy(copy, program, program_size);
    memcpy(copy + offset, &value, n);
    write_program("x", copy, program_size);
    return run("x", argv);
}

static void exec_bad_headers(void)
{
    struct elf_header *h = (struct elf_header *)program;

    load_program();
    CHECK(run_changed(0, ELF_MAGIC, 4) == 0, "unchanged");
#define HEADER(field, value) run_changed(offsetof(struct elf_header, field), value, sizeof(h->field))
    const int refused = WAIT_EXITED(100 + ENOEXEC);
    CHECK(HEADER(magic, 0) == refused, "magic");
    CHECK(HEADER(class, 1) == refused, "32 bits");
    CHECK(HEADER(data, 2) == refused, "big-endian");
    CHECK(HEADER(machine, 62) == refused, "another machine");
    CHECK(HEADER(type, 1) == refused, "an object file");
    CHECK(HEADER(phnum, 65535) == refused, "65535 segments");
    CHECK(HEADER(phnum, 0) == refused, "no segments");
    CHECK(HEADER(phentsize, 55) == refused, "size of a program header");
    CHECK(HEADER(phoff, -1) == refused, "headers at -1");
    CHECK(HEADER(phoff, program_size - 8) == refused, "headers across the end");
    CHECK(HEADER(entry, -1) == refused, "entry at -1");
    CHECK(HEADER(entry, 0) == refused, "entry at 0");
}

static void exec_bad_segments(void)
{
    struct elf_header *h = (struct elf_header *)program;

    load_program();
    size_t first = 0;
    struct elf_phdr *ph = (struct elf_phdr *)(program + h->phoff);
    while (ph[first].type != ELF_PT_LOAD)
        first++;
    size_t at = h->phoff + first * sizeof(*ph);
#define SEGMENT(field, value) run_changed(at + offsetof(struct elf_phdr, field), value, sizeof(ph->field))
    static const struct {
        const char *what;
        size_t field, n;
        uint64_t value;
    } cases[] = {
        {"vaddr misaligned", offsetof(struct elf_phdr, vaddr), 8, 0x10001},
        {"vaddr 0", offsetof(struct elf_phdr, vaddr), 8, 0},
        {"vaddr in the kernel", offsetof(struct elf_phdr, vaddr), 8, 0xffffffc080200000},
        {"vaddr at the end of user space", offsetof(struct elf_phdr, vaddr), 8, 0x3ffffff000},
        {"memsz wraps", offsetof(struct elf_phdr, memsz), 8, -4096},
        {"memsz below filesz", offsetof(struct elf_phdr, memsz), 8, 1},
        {"filesz beyond the file", offsetof(struct elf_phdr, filesz), 8, 1 << 30},
        {"offset wraps", offsetof(struct elf_phdr, offset), 8, -4096},
        {"write and execute", offsetof(struct elf_phdr, flags), 4, 7},
        {"no access at all", offsetof(struct elf_phdr, flags), 4, 0},
        {"overlap", offsetof(struct elf_phdr, memsz), 8, 64 << 20},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int status = run_changed(at + cases[i].field, cases[i].value, cases[i].n);
        CHECK(WAIT_HAS_EXITED(status) && WAIT_EXIT_CODE(status) >= 100, "%s: status 0x%x", cases[i].what,
              status);
    }
    int status = SEGMENT(memsz, 0x3000000000);
    CHECK(WAIT_HAS_EXITED(status) && WAIT_EXIT_CODE(status) >= 100, "larger than memory: status 0x%x",
          status);
}

/* Any single bit of the headers flipped: refused, or a program that runs or dies; never more. */
static void exec_mutated(void)
{
    load_program();
    for (int i = 0; i < 300; i++) {
        size_t at = random_next() % 400;
        run_changed(at, program[at] ^ (1 << random_next() % 8), 1);
    }
}

static void exec_long_arguments(void)
{
    enum { N = 200 };
    static char text[1000], *argv[N + 2] = {"echo"};

    memset(text, 'x', sizeof(text) - 1);
    for (int i = 1; i <= N; i++)
        argv[i] = text;
    CHECK(run("/bin/echo", argv) == WAIT_EXITED(100 + E2BIG), "200 KB of arguments");
    argv[100] = NULL;
    CHECK(run("/bin/echo", argv) == 0, "100 KB of arguments");
    struct abi_stat st;
    getstat("out", &st);
    CHECK(st.size == 99 * 1000, "%ld bytes came out", (long)st.size);
    static char *many[20000];
    for (int i = 0; i < 19999; i++)
        many[i] = "";
    CHECK(run("/bin/true", many) == WAIT_EXITED(100 + E2BIG), "20,000 arguments");
}

static void exec_bad_argv(void)
{
    static const long bad[] = {1, 8, -8, 0x3ffffffff8, 0x4000000000 - 8};
    long argv[3] = {(long)"x", 8, 0};

    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK_CALL(-EFAULT, sys_execve((long)"/bin/true", bad[i], 0));
        CHECK_CALL(-EFAULT, sys_execve((long)"/bin/true", 0, bad[i]));
    }
    CHECK_CALL(-EFAULT, sys_execve((long)"/bin/true", (long)argv, 0));
}

/* Each time with one good argument copied before the bad one is found: nothing of it stays. */
static void badarg(void)
{
    long argv[3] = {(long)"echo", 0x3fffffffff, 0};

    for (int i = 0; i < 2000; i++)
        CHECK_CALL(-EFAULT, sys_execve((long)"/bin/echo", (long)argv, 0));
}

static void exec_with_big_arguments(long unused)
{
    static char *argv[33], big[400];

    (void)unused;
    memset(big, ' ', sizeof(big) - 1);
    for (int i = 0; i < 32; i++)
        argv[i] = big;
    exec("/bin/true", argv);
    exit(1);
}

/* More than a page of arguments. xv6 refuses it, and lives on; here it fits. */
static void bigargtest(void)
{
    CHECK(in_child(exec_with_big_arguments, 0) == 0, "12 KB of arguments");
}

static void exec_scripts(void)
{
    char *argv[] = {"s", "one", "two", NULL};
    static const char script[] = "#!/bin/sh\necho script $0 $1 $2\n";
    static const char with_arg[] = "#! /bin/echo -argument  \nignored\n";
    static const char loop[] = "#!./loop\n";

    write_program("s", script, sizeof(script) - 1);
    CHECK(run("./s", argv) == 0, "script");
    expect_output("script ./s one two\n");
    write_program("t", with_arg, sizeof(with_arg) - 1);
    CHECK(run("t", argv) == 0, "script with an argument");
    expect_output("-argument t one two\n");
    write_program("loop", loop, sizeof(loop) - 1);
    CHECK(run("./loop", argv) == WAIT_EXITED(100 + ELOOP), "a script that is its own interpreter");
    write_program("empty", "#!\n", 3);
    CHECK(run("./empty", argv) == WAIT_EXITED(100 + ENOEXEC), "no interpreter");
}

static void exec_text_busy(void)
{
    char *argv[] = {"sleep", "100", NULL};

    load_program();
    write_program("x", program, program_size);
    int fd = open("x", O_RDWR);
    CHECK(fd >= 0, "open: %s", strerror(errno));
    CHECK(run("x", argv) == WAIT_EXITED(100 + ETXTBSY), "exec of a file open for writing");
    close(fd);
    exec_path = "/bin/sleep";
    exec_argv = argv;
    int pid = start_child(do_exec, 0);
    sleep_ms(50);
    CHECK_CALL(-ETXTBSY, sys_openat(AT_FDCWD, (long)"/bin/sleep", O_RDWR, 0));
    sendsig(pid, SIGKILL);
    wait_for(pid);
    fd = open("/bin/sleep", O_RDWR);
    CHECK(fd >= 0, "after the program's end: %s", strerror(errno));
}

static void sleep_program(long unused)
{
    char *argv[] = {"sleep", "5", NULL};
    (void)unused;
    execve("/bin/sleep", argv, environ);
}

/* A descriptor marked close-on-exec is closed by exec, not only at the program's end; others stay. */
static void close_on_exec(void)
{
    int closed[2], kept[2];
    char c;

    CHECK_CALL(0, sys_pipe2((long)closed, O_CLOEXEC));
    CHECK_CALL(0, sys_pipe2((long)kept, O_NONBLOCK));
    int pid = start_child(sleep_program, 0);
    close(closed[1]);
    close(kept[1]);
    CHECK_CALL(0, sys_read(closed[0], (long)&c, 1));
    CHECK_CALL(0,
               sys_wait4(pid, 0, WNOHANG, 0)); /* the program still runs: it was exec that closed the pipe */
    CHECK_CALL(-EAGAIN, sys_read(kept[0], (long)&c, 1));
    end_child(pid);
}

static void exec_keeps_descriptors(void)
{
    char *argv[] = {"cat", NULL};

    make_file("in", 10, 1);
    int in = open("in", O_RDONLY);
    dup2(in, 0);
    CHECK(run("/bin/cat", argv) == 0, "cat");
    check_file("out", 10, 1);
    sys_fcntl(0, F_SETFD, FD_CLOEXEC);
    int status = run("/bin/cat", argv);
    CHECK(WAIT_HAS_EXITED(status) && WAIT_EXIT_CODE(status) == 1, "cat without descriptor 0: 0x%x", status);
}

static const struct test tests[] = {
    TEST(exec_arguments),   TEST(exectest),
    TEST(exec_errors),      TEST(exec_small_files),
    TEST(exec_bad_headers), TEST(exec_bad_segments),
    SLOW(exec_mutated),     TEST(exec_long_arguments),
    TEST(exec_bad_argv),    TEST(badarg),
    TEST(bigargtest),       TEST(exec_scripts),
    TEST(exec_text_busy),   TEST(exec_keeps_descriptors),
    TEST(close_on_exec),
};
const struct topic topic_exec = {"exec", tests, sizeof(tests) / sizeof(tests[0])};
