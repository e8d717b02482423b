/* Running programs. Each runs in a process of its own, a child of its worker, which has set up memory and descriptors.
 *
 * The memory, from BASE on; nothing is mapped between and behind the areas:
 *
 *   rw      zeros to write to                  gap     never mapped by us
 *   ro      to read                            none    mapped, not accessible
 *   cow     written by the worker: a program's first write to a page copies it
 *   shared  by all workers' programs           file    a private copy of a file that ends within it
 *   mapped  such a file itself, to read        play    for mmap and its kin
 *
 * What must not happen is kept off in `contain`: that a program ends the machine, or hurts a process that is none of its
 * kind. All the rest is allowed. */
#include "fuzz.h"

#define BASE       0x1000000000ul
#define DISTANCE   0x10000000ul      /* from one area to the next */
#define NAMES      (BASE - DISTANCE) /* a page for each argument's path, with nothing behind */
#define NOBODY     0x7ffffff0
#define TTY_DEVICE 5 /* major */
#define MMAP_MAX   (1l << 20)
#define RANDOM_MAX 4000
#define SANE_MAX   (1l << 38)

const uint32_t area_sizes[AREAS] = {
    [RW] = 32 * 4096,   [GAP] = 4096,        [RO] = 4 * 4096,        [NONE] = 4 * 4096,
    [COW] = 8 * 4096,   [SHARED] = 8 * 4096, [FILE_COPY] = 4 * 4096, [FILE_SHARED] = 4 * 4096,
    [PLAY] = 64 * 4096, [TEXT] = 4096,       [STACK] = 4096,         [HEAP] = 4096,
};

struct control *control;

/* What the running program knows. Not on the stack: a child of vfork runs on its parent's. */
static struct {
    const struct program *program;
    unsigned at, worker;
    int fd[SLOTS], pid[PID_SLOTS];
    unsigned next_fd, next_pid;
    uint64_t heap, stack;
} now;

static int first_fd[SLOTS];
static union {
    struct abi_iovec iov[17];
    struct abi_timespec times[2];
    struct abi_sigaction action;
    uint64_t set;
    uint64_t argv[24];
    struct abi_rlimit rlimit;
    struct abi_termios termios;
    uint8_t bytes[512];
} objects[ARGS];

long raw_call(long number, long a0, long a1, long a2, long a3, long a4, long a5);
long raw_peek(long address);
void raw_poke(long address, long value);
extern char raw_peek_at[], raw_poke_at[];

/* ---- memory and files ---- */

static uint64_t area(enum area a)
{
    if (a == TEXT)
        return 0x11000;
    return a == HEAP ? now.heap : a == STACK ? now.stack : BASE + a * DISTANCE;
}

static void *map_area(enum area a, int prot, int flags, int fd)
{
    void *p = mmap((void *)area(a), area_sizes[a], prot, flags | MAP_FIXED, fd, 0);

    if (p == MAP_FAILED)
        die("mapping the area %s", area_names[a]);
    return p;
}

void run_map_shared(void)
{
    memset(map_area(SHARED, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1), 0, area_sizes[SHARED]);
}

static void make_file(const char *path, uint32_t mode, const char *text, unsigned n)
{
    int fd = open_mode(path, O_WRONLY | O_CREAT | O_EXCL, mode);

    if (fd < 0)
        return;
    write(fd, text, n);
    close(fd);
}

static void copy_program(const char *from, const char *to)
{
    static char buf[65536];
    int in = open(from, O_RDONLY), n = in < 0 ? 0 : read(in, buf, sizeof(buf));

    if (in >= 0)
        close(in);
    if (n > 0)
        make_file(to, 0755, buf, n);
}

/* Fails where another worker's program is in between, or the disk is full; who runs next sees to it. */
void run_populate(void)
{
    static const struct {
        const char *name;
        int minor;
    } devices[] = {{"node-null", 3}, {"node-zero", 5}, {"node-full", 7}, {"node-random", 8}};
    static char text[6000];
    char name[16];

    memset(text, 'x', sizeof(text));
    mkdir("d");
    mkdir("d/e");
    mkdir("d2");
    make_file("fa", 0666, text, sizeof(text));
    make_file("fb", 0666, text, 100);
    make_file("d/fa", 0666, text, 4096);
    copy_program("/bin/true", "prog");
    make_file("script", 0755, "#!./prog x\n", 11);
    symlink("d", "sym");
    symlink("loop", "loop");
    for (unsigned i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
        mknod(devices[i].name, 1, devices[i].minor);
    if (mkdir("many") == 0)
        for (int i = 0; i < 100; i++) {
            snprintf(name, sizeof(name), "many/x%d", i);
            make_file(name, 0666, "", 0);
        }
}

/* The descriptors that every program begins with. */
static void open_descriptors(void)
{
    int p[2] = {-1, -1}, q[2] = {-1, -1}, n = 0;

    pipe2(p, 0);
    pipe2(q, O_NONBLOCK);
    first_fd[n++] = open("fa", O_RDWR);
    first_fd[n++] = open(".", O_RDONLY);
    first_fd[n++] = p[0];
    first_fd[n++] = p[1];
    first_fd[n++] = q[0];
    first_fd[n++] = q[1];
    first_fd[n++] = open("fb", O_RDWR | O_APPEND);
    first_fd[n++] = open("node-zero", O_RDWR);
    first_fd[n++] = open("d", O_RDONLY);
    first_fd[n++] = open("d", O_PATH);
    first_fd[n++] = open("/proc", O_RDONLY);
    first_fd[n++] = open("/proc/lode", O_RDONLY);
    first_fd[n++] = open("/dev/console", O_RDONLY);
    first_fd[n++] = open("many", O_RDONLY);
    first_fd[n++] = open("fc", O_RDWR | O_CREAT | O_TRUNC);
    first_fd[n++] = -1;
}

void run_prepare(unsigned worker)
{
    char name[16];

    for (int fd = 0; fd < 3; fd++)
        dup2(open("/dev/null", O_RDWR), fd);
    mmap((void *)NAMES, ARGS * 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    for (unsigned k = 0; k < ARGS; k++)
        munmap((char *)NAMES + k * 8192 + 4096, 4096);
    map_area(RW, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    memset(map_area(RO, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1), 0, 4096);
    mprotect((void *)area(RO), area_sizes[RO], PROT_READ);
    map_area(NONE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    memset(map_area(COW, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1), worker, area_sizes[COW]);
    snprintf(name, sizeof(name), "map%u", worker);
    run_populate();
    copy_program("/bin/echo", name); /* its end is within the fourth page, or before */
    int fd = open(name, O_RDWR);
    ftruncate(fd, 6000);
    map_area(FILE_COPY, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd);
    map_area(FILE_SHARED, PROT_READ, MAP_SHARED, fd);
    close(fd);
    open_descriptors();
}

/* ---- the values of arguments ---- */

/* Where a string lies for argument k: at the beginning of its page, or so that it ends with it. */
static uint64_t put_path(unsigned k, const char *s, bool edge)
{
    char *page = (char *)NAMES + k * 8192;
    unsigned n = strlen(s) + 1;

    char *to = edge ? page + 4096 - n : page;
    memcpy(to, s, n);
    return (uint64_t)to;
}

static void handler(int sig)
{
    (void)sig;
    sys_getpid(0);
}

/* After a fault by peek or poke the program goes on with its next call; any other is its end. */
static void on_fault(int sig, struct abi_siginfo *info, struct abi_ucontext *context)
{
    (void)sig, (void)info;
    if (context->regs[0] == (uint64_t)raw_peek_at || context->regs[0] == (uint64_t)raw_poke_at)
        context->regs[0] += 4;
    else
        sys_exit_group(77);
}

static uint64_t put_object(unsigned k, enum object kind, unsigned v)
{
    static const struct abi_timespec times[VARIANTS] = {
        {0, 0},        {0, 1000}, {0, 500000}, {-1, 0}, {0, -1}, {0, 1000000000}, {INT64_MAX, 999999999},
        {1, UTIME_NOW}};
    static const struct abi_rlimit limits[VARIANTS] = {{16, 16}, {1024, 65536}, {0, 0},      {65536, 65536},
                                                       {5, 4},   {-1, -1},      {100, 1000}, {65536, 65537}};
    static const uint64_t sets[VARIANTS] = {0,
                                            ~0ul,
                                            1ul << (SIGUSR1 - 1),
                                            1ul << (SIGCHLD - 1),
                                            1ul << (SIGKILL - 1),
                                            1ul << (SIGSEGV - 1),
                                            0xffff,
                                            1ul << 63};
    static const uint64_t flags[VARIANTS] = {0, 0, 0, SA_RESTART, SA_NODEFER, SA_RESETHAND, 0, ~0ul};
    const uint64_t rw = area(RW);

    memset(&objects[k], 0, sizeof(objects[k]));
    switch (kind) {
    case IOV:
        for (unsigned i = 0; i < 17; i++)
            objects[k].iov[i] = (struct abi_iovec){rw + i * 4096 - i, 1 + i * 300};
        if (v == 1)
            objects[k].iov[1].len = 0;
        if (v == 2)
            objects[k].iov[1].base = area(GAP);
        if (v == 3)
            objects[k].iov[1].len = INT64_MAX, objects[k].iov[2].len = INT64_MAX;
        if (v == 4)
            objects[k].iov[0] = (struct abi_iovec){rw + 100, 65536 + 5};
        if (v == 5)
            objects[k].iov[0] = (struct abi_iovec){area(COW) + 4090, 10000};
        if (v == 6)
            objects[k].iov[0] = (struct abi_iovec){area(FILE_COPY) + 1000, 10000};
        if (v == 7)
            objects[k].iov[0].base = 0xffffffc080200000;
        break;
    case TIMES:
        objects[k].times[0] = times[v];
        objects[k].times[1] = (struct abi_timespec){v * 100000000ul, v == 1 ? UTIME_OMIT : v == 2 ? -5 : 7};
        break;
    case ACTION:
        objects[k].action = (struct abi_sigaction){v < 2    ? v
                                                   : v == 6 ? 8
                                                            : (uint64_t)handler,
                                                   flags[v], v == 4 ? ~0ul : 0};
        break;
    case SIGSET:
        objects[k].set = sets[v];
        break;
    case ARGV: /* a program's name and arguments, of which some are bad */
        for (unsigned i = 0; i < v * 3; i++)
            objects[k].argv[i] = i == 5 ? area(RO) : rw;
        if (v == 3)
            objects[k].argv[2] = area(GAP);
        if (v == 4)
            objects[k].argv[3] = -8;
        break;
    case RLIMIT:
        objects[k].rlimit = limits[v];
        break;
    case TERMIOS:
        objects[k].termios =
            (struct abi_termios){.iflag = TTY_ICRNL, .oflag = TTY_OPOST | TTY_ONLCR, .lflag = v * 9};
        break;
    default:
        objects[k].set = v * 0x40000001;
    }
    return (uint64_t)&objects[k];
}

bool run_is_spared(int pid)
{
    for (unsigned i = 0; i < control->n_spared; i++)
        if (control->spared[i] == pid)
            return true;
    return false;
}

static int process_of(unsigned worker)
{
    int pid = control->worker[worker].pid;

    return pid > 0 ? pid : NOBODY;
}

static long value_of(unsigned k, const struct arg *a)
{
    switch ((enum kind)a->kind) {
    case FD:
        return now.fd[a->index];
    case PATH:
    case EDGE:
        return put_path(k, paths[a->index], a->kind == EDGE);
    case AREA:
        return area(a->index) + a->value;
    case OBJECT:
        return put_object(k, a->index, a->value);
    case PID:
        return a->index == 0 ? sys_getpid(0) : now.pid[a->index];
    case SIBLING:
        return process_of(a->index);
    default:
        return a->value;
    }
}

/* ---- what programs must not do ---- */

static long contained_process(long pid)
{
    int p = pid;

    if (p == -1 || run_is_spared(p) || (p < -1 && run_is_spared(-(uint32_t)p)))
        return NOBODY;
    return pid;
}

/* Lengths that are really there are cut, so that memory and time suffice for all. */
static long contained_length(long n, long max)
{
    return n > max && n < SANE_MAX ? n % max : n;
}

static void contain(long number, long a[ARGS])
{
    switch (number) {
    case NR_kill:
    case NR_tkill:
        a[0] = contained_process(a[0]);
        break;
    case NR_tgkill:
        a[0] = contained_process(a[0]);
        a[1] = contained_process(a[1]);
        break;
    case NR_setpgid: /* no program joins the group of those that run it */
        a[1] = contained_process(a[1]);
        break;
    case NR_reboot: /* with one magic number too few */
        a[1] = (uint32_t)a[1] == REBOOT_MAGIC2 ? 0 : a[1];
        break;
    case NR_mknodat: /* its output belongs to the one that reports */
        a[3] = DEV_MAJOR(a[3]) == TTY_DEVICE ? 0x103 : a[3];
        break;
    case NR_getrandom: /* it takes most of the time otherwise */
        a[1] = (uint64_t)a[1] % RANDOM_MAX;
        break;
    case NR_mmap:
        a[1] = contained_length(a[1], MMAP_MAX);
        break;
    case NR_brk:
        if ((uint64_t)a[0] > now.heap + MMAP_MAX && a[0] < SANE_MAX)
            a[0] = now.heap + MMAP_MAX;
        break;
    }
}

/* ---- running ---- */

static void remember_process(int pid)
{
    struct worker *w = &control->worker[now.worker];
    unsigned i = __atomic_fetch_add(&w->n_made, 1, __ATOMIC_RELAXED);

    if (i < sizeof(w->made) / sizeof(w->made[0]))
        w->made[i] = pid;
    else
        sys_exit_group(0);
}

static void remember_descriptor(long fd)
{
    if (fd >= 0 && fd < OPEN_MAX)
        now.fd[now.next_fd++ % SLOTS] = fd;
}

/* Results that later calls can name. */
static void remember(long number, const long a[ARGS], long result)
{
    if (number == NR_openat || number == NR_dup || number == NR_dup3 ||
        (number == NR_fcntl && ((int)a[1] == F_DUPFD || (int)a[1] == F_DUPFD_CLOEXEC)))
        remember_descriptor(result);
    if (number == NR_pipe2 && result == 0 && (uint64_t)a[0] >= area(RW) &&
        (uint64_t)a[0] + 8 <= area(RW) + area_sizes[RW]) {
        int fds[2];
        memcpy(fds, (char *)a[0], sizeof(fds));
        remember_descriptor(fds[0]);
        remember_descriptor(fds[1]);
    }
    if (number == NR_clone && result == 0)
        remember_process(sys_getpid(0));
    if (number == NR_clone && result > 0)
        now.pid[1 + now.next_pid++ % (PID_SLOTS - 1)] = result;
}

static void run_call(const struct call *c)
{
    long a[ARGS] = {0}, result = 0, number = calls[c->which].number;

    for (unsigned k = 0; calls[c->which].kinds[k]; k++)
        a[k] = value_of(k, &c->arg[k]);
    if (c->which == CALL_PEEK) {
        raw_peek(a[0]);
    } else if (c->which == CALL_POKE) {
        raw_poke(a[0], a[1]);
    } else if (c->which == CALL_NUMBER) {
        number = a[0];
        for (unsigned i = CALL_FIRST; i < calls_count; i++)
            if (calls[i].number == (int64_t)number) /* those have lines of their own */
                return;
        result = raw_call(number, a[1], a[2], a[3], a[4], a[5], 0);
    } else {
        contain(number, a);
        result = raw_call(number, a[0], a[1], a[2], a[3], a[4], a[5]);
        remember(number, a, result);
    }
    if (result >= 0)
        __atomic_fetch_add(&control->good[c->which], 1, __ATOMIC_RELAXED);
}

static _Noreturn void run(void)
{
    for (; now.at < now.program->n; now.at++) {
        const struct call *c = &now.program->call[now.at];
        __atomic_fetch_add(&control->calls[c->which], 1, __ATOMIC_RELAXED);
        __atomic_fetch_add(&control->worker[now.worker].made_calls, 1, __ATOMIC_RELAXED);
        run_call(c);
    }
    for (;;)
        sys_exit_group(0);
}

static void set_handler(int sig, uint64_t f, uint64_t flags)
{
    struct abi_sigaction action = {f, flags, 0};

    sys_rt_sigaction(sig, (long)&action, 0, 8);
}

int run_program(const struct program *p, unsigned worker)
{
    struct worker *w = &control->worker[worker];
    int status = 0, pid;

    w->n_made = 0;
    pid = fork();
    if (pid < 0)
        return -1;
    if (pid == 0) {
        setpgid(0, 0);
        now.program = p;
        now.worker = worker;
        now.heap = (uint64_t)sbrk(0);
        now.stack = (uint64_t)&pid & ~4095ul;
        memcpy(now.fd, first_fd, sizeof(now.fd));
        set_handler(SIGUSR1, (uint64_t)handler, 0);
        set_handler(SIGSEGV, (uint64_t)on_fault, SA_NODEFER);
        set_handler(SIGBUS, (uint64_t)on_fault, SA_NODEFER);
        __atomic_store_n(&w->pid, sys_getpid(0), __ATOMIC_RELEASE);
        run();
    }
    while (waitpid(pid, &status, 0) != pid)
        ;
    __atomic_store_n(&w->pid, 0, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < w->n_made && i < sizeof(w->made) / sizeof(w->made[0]); i++) {
        int made = __atomic_load_n(&w->made[i], __ATOMIC_RELAXED);
        if (made > 0 && !run_is_spared(made)) /* 0: counted, not yet noted; and 0 is our group */
            sys_kill(made, SIGKILL);
    }
    w->done++;
    return status;
}

uint64_t run_calls(void)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < calls_count; i++)
        sum += control->calls[i];
    return sum;
}
