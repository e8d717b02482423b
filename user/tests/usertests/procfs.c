/* What the kernel tells: /proc, sysinfo, uname, the log; and the devices. */
#include "tests.h"

/* The number after a word at the beginning of a line; -1: no such line. */
static long value_after(const char *text, const char *word)
{
    size_t n = strlen(word);

    for (const char *line = text; line && *line;) {
        if (!strncmp(line, word, n)) {
            for (line += n; *line == ' ' || *line == '\t' || *line == ':'; line++)
                ;
            return strtol(line, NULL, 10);
        }
        line = strchr(line, '\n');
        line += line != NULL;
    }
    return -1;
}

static char *proc_text(const char *name)
{
    char *path = path_join("/proc", name), *text = read_file(path);

    CHECK(text && *text, "%s: %s", path, strerror(errno));
    free(path);
    return text;
}

static char *text_of(int pid, const char *name)
{
    char inner[64];

    snprintf(inner, sizeof(inner), "%d/%s", pid, name);
    return proc_text(inner);
}

static void proc_meminfo(void)
{
    char *text = proc_text("meminfo");
    long total = value_after(text, "MemTotal"), unused = value_after(text, "MemFree"),
         available = value_after(text, "MemAvailable");

    CHECK(total == counter("pages_total") * 4, "MemTotal %ld kB, %ld pages", total, counter("pages_total"));
    CHECK(unused > 0 && unused < total && available >= unused && available <= total,
          "free %ld kB, available %ld kB of %ld kB", unused, available, total);
}

static void proc_uptime(void)
{
    long up = value_after(proc_text("uptime"), "");
    struct abi_timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    CHECK(up >= 0 && up <= t.sec && up + 5 >= t.sec, "up for %ld s, the clock says %ld", up, (long)t.sec);
}

static void proc_stat(void)
{
    char *text = proc_text("stat"), line[16];

    for (unsigned i = 0; i < harts(); i++) {
        snprintf(line, sizeof(line), "cpu%u", i);
        CHECK(value_after(text, line) >= 0, "no line %s", line);
    }
    CHECK(value_after(text, "processes") >= getpid(), "%ld processes, this is %d",
          value_after(text, "processes"), getpid());
    CHECK(value_after(text, "ctxt") > 0 && value_after(text, "btime") > 1600000000, "ctxt and btime");
}

static void proc_cpuinfo(void)
{
    char *text = proc_text("cpuinfo");
    unsigned n = 0;

    for (char *p = text; (p = strstr(p, "processor")); p++)
        n++;
    CHECK(n == harts(), "%u processors, expected %u", n, harts());
}

/* 52 fields, as proc(5) has them. */
static void proc_pid_stat(void)
{
    char *text = text_of(getpid(), "stat");
    int fields = 1;

    CHECK(strtol(text, NULL, 10) == getpid(), "field 1 of \"%s\"", text);
    char *p = strrchr(text, ')');
    CHECK(p && strstr(text, "(usertests)"), "the name in \"%s\"", text);
    for (fields = 2, p++; *p && *p != '\n'; p++)
        fields += *p == ' ';
    CHECK(fields == 52, "%d fields, expected 52", fields);
    p = strrchr(text, ')');
    CHECK(p[2] == 'R' && strtol(p + 4, NULL, 10) == getppid(), "state and parent in \"%s\"", text);
}

static void proc_pid_status(void)
{
    char *text = text_of(getpid(), "status");

    CHECK(value_after(text, "Pid") == getpid() && value_after(text, "PPid") == getppid(), "%s", text);
    CHECK(value_after(text, "VmSize") > 0 && value_after(text, "VmRSS") > 0, "%s", text);
    long before = value_after(text, "VmRSS");
    memset(new_pages(100), 1, 100 * 4096);
    long after = value_after(text_of(getpid(), "status"), "VmRSS");
    CHECK(after >= before + 400 && after < before + 500, "100 pages changed VmRSS from %ld to %ld kB", before,
          after);
}

static void proc_states(void)
{
    int asleep = start_child(sleep_forever, 0), dead = start_child(exit_with, 0),
        busy = start_child(spin_forever, 0);

    wait_until(asleep, 'S');
    wait_until(dead, 'Z');
    CHECK(process_state(busy) == 'R', "a busy process is in state %c", process_state(busy));
    CHECK(wait_for(dead) == 0, "child");
    CHECK(process_state(dead) == 0, "a process waited for is still in /proc");
    end_child(asleep);
    end_child(busy);
}

static void proc_self(void)
{
    char target[16], *text;
    int64_t n = readlink("/proc/self", target, sizeof(target) - 1);

    CHECK(n > 0, "readlink: %s", strerror(errno));
    target[n] = 0;
    CHECK(atoi(target) == getpid(), "/proc/self is %s, this is %d", target, getpid());
    text = proc_text("self/comm");
    CHECK(!strcmp(text, "usertests\n"), "comm is \"%s\"", text);
    text = proc_text("self/cmdline");
    CHECK(!strcmp(path_base(text), "usertests"), "cmdline begins with \"%s\"", text);
}

static void proc_listing(void)
{
    char name[16];
    bool found = false;
    struct dir d;
    int pid = start_child(sleep_forever, 0);

    snprintf(name, sizeof(name), "%d", pid);
    CHECK(dir_open(&d, "/proc") == 0, "dir_open");
    for (struct abi_dirent64 *e; (e = dir_next(&d));)
        found |= !strcmp(e->name, name);
    dir_close(&d);
    CHECK(found, "process %d is not listed", pid);
    end_child(pid);
    CHECK(access("/proc/0", F_OK) < 0 && access("/proc/99999999", F_OK) < 0 && access("/proc/01", F_OK) < 0,
          "processes that do not exist");
}

/* A file held open of a process that has gone. */
static void proc_of_the_dead(void)
{
    char path[32], buf[64];
    int pid = start_child(sleep_forever, 0);

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY);
    CHECK(fd >= 0 && read(fd, buf, 10) == 10, "%s: %s", path, strerror(errno));
    end_child(pid);
    CHECK_CALL(-ESRCH, sys_read(fd, (long)buf, 10));
    CHECK_CALL(-ENOENT, sys_openat(AT_FDCWD, (long)path, O_RDONLY, 0));
}

static void proc_is_read_only(void)
{
    CHECK_CALL(-EROFS, sys_mkdirat(AT_FDCWD, (long)"/proc/x", 0777));
    CHECK(sys_openat(AT_FDCWD, (long)"/proc/x", O_CREAT | O_RDWR, 0666) < 0, "a file was made in /proc");
    CHECK(sys_unlinkat(AT_FDCWD, (long)"/proc/version", 0) < 0, "a file in /proc was removed");
    CHECK_CALL(-EPERM, sys_truncate((long)"/proc/version", 0));
    CHECK_CALL(-EBUSY, sys_unlinkat(AT_FDCWD, (long)"/proc", AT_REMOVEDIR));
}

/* Byte by byte it is the same text. */
static void proc_small_reads(void)
{
    char *text = proc_text("version"), c;
    int fd = open("/proc/version", O_RDONLY);

    for (unsigned i = 0; text[i]; i++)
        CHECK(read(fd, &c, 1) == 1 && c == text[i], "byte %u is %c, expected %c", i, c, text[i]);
    CHECK_CALL(0, sys_read(fd, (long)&c, 1));
}

/* Nothing that programs can read names an address of the kernel. */
static void no_kernel_addresses(void)
{
    static const char *const names[] = {"meminfo",   "uptime",      "loadavg", "stat",
                                        "version",   "cpuinfo",     "mounts",  "cmdline",
                                        "self/stat", "self/status", "lode",    "disk"};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char *text = proc_text(names[i]);
        CHECK(!strstr(text, "ffffffc0") && !strstr(text, "FFFFFFC0") &&
                  !strstr(text, "1844674"
                                "3799"),
              "/proc/%s: %s", names[i], text);
    }
}

/* The counters follow exactly what is made and released. */
static void lode_counters(void)
{
    int p[2], fds[10];
    long files = counter("open_files"), pipes = counter("slab_pipe"), processes = counter("processes");

    for (int i = 0; i < 10; i++)
        fds[i] = open("/dev/null", O_RDONLY);
    CHECK(counter("open_files") == files + 10, "%ld open files, expected %ld", counter("open_files"),
          files + 10);
    CHECK(pipe(p) == 0, "pipe");
    CHECK(counter("slab_pipe") == (pipes < 0 ? 0 : pipes) + 1, "%ld pipes, were %ld", counter("slab_pipe"),
          pipes);
    for (int i = 0; i < 10; i++)
        close(fds[i]);
    close(p[0]);
    close(p[1]);
    CHECK(counter("open_files") == files, "%ld open files, expected %ld", counter("open_files"), files);
    int pid = start_child(sleep_forever, 0);
    CHECK(counter("processes") == processes + 1, "%ld processes, expected %ld", counter("processes"),
          processes + 1);
    end_child(pid);
    CHECK(counter("processes") == processes, "%ld processes, expected %ld", counter("processes"), processes);
}

static void system_information(void)
{
    struct abi_sysinfo a, b;
    struct abi_utsname name;

    memset(&a, 0xee, sizeof(a));
    memset(&b, 0x11, sizeof(b));
    CHECK(sysinfo(&a) == 0 && sysinfo(&b) == 0, "sysinfo: %s", strerror(errno));
    CHECK(a.pad == 0 && a.pad2 == 0 && a.pad3 == 0, "stale bytes between the fields");
    CHECK((long)(a.totalram * a.mem_unit / 4096) == counter("pages_total"), "total %lu x %u", a.totalram,
          a.mem_unit);
    CHECK(a.freeram < a.totalram && a.procs >= 2, "free %lu, %u processes", a.freeram, a.procs);
    memset(&name, 0xee, sizeof(name));
    CHECK(uname(&name) == 0 && !strcmp(name.machine, "riscv64"), "machine %s", name.machine);
    for (size_t i = strlen(name.machine); i < sizeof(name.machine); i++)
        CHECK(name.machine[i] == 0, "byte %lu after the machine's name is %d", i, name.machine[i]);
}

static void kernel_log(void)
{
    static char text[200];
    long size = sys_syslog(10, 0, 0);

    CHECK(size > 0, "the log has %ld bytes", size);
    CHECK_CALL(199, sys_syslog(3, (long)text, 199));
    CHECK_CALL(-EFAULT, sys_syslog(3, 8, 100));
    CHECK_CALL(-EINVAL, sys_syslog(99, (long)text, 100));
    CHECK_CALL(-EINVAL, sys_syslog(3, (long)text, -1));
}

static void reboot_refuses(void)
{
    CHECK_CALL(-EINVAL, sys_reboot(0, REBOOT_MAGIC2, REBOOT_CMD_POWER_OFF, 0));
    CHECK_CALL(-EINVAL, sys_reboot(REBOOT_MAGIC1, 1, REBOOT_CMD_POWER_OFF, 0));
    CHECK_CALL(-EINVAL, sys_reboot(REBOOT_MAGIC1, REBOOT_MAGIC2, 77, 0));
}

static long load_now(void)
{
    char *text = read_file("/proc/loadavg");

    CHECK(text, "/proc/loadavg");
    long load = strtol(text, NULL, 10);
    free(text);
    return load;
}

static void sleep_briefly(long ms)
{
    sleep_ms(ms % 5);
}

/* When nothing else is to do, the load is this process; however much has been put on queues and taken off. */
static void load_is_what_runs(void)
{
    long load = 0;

    in_children(20, sleep_briefly);
    for (int i = 0; i < 100 && (load = load_now()) != 1; i++)
        sleep_ms(5);
    CHECK(load == 1, "the load of a system where only this process runs is %ld, expected 1", load);
}

static const struct test tests[] = {
    TEST(proc_meminfo),        TEST(proc_uptime),       TEST(proc_stat),          TEST(proc_cpuinfo),
    TEST(proc_pid_stat),       TEST(proc_pid_status),   TEST(proc_states),        TEST(proc_self),
    TEST(proc_listing),        TEST(proc_of_the_dead),  TEST(proc_is_read_only),  TEST(proc_small_reads),
    TEST(no_kernel_addresses), TEST(lode_counters),     TEST(system_information), TEST(kernel_log),
    TEST(reboot_refuses),      TEST(load_is_what_runs),
};
const struct topic topic_procfs = {"procfs", tests, sizeof(tests) / sizeof(tests[0])};
