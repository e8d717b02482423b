/* fuzz: random programs of system calls, by many processes at once, and whether the kernel bears them.
 *
 *   fuzz [-s SEED] [-n CALLS] [-p WORKERS] [-k PROGRAMS] [-cv]
 *   fuzz -e PROGRAMS [-s SEED]
 *   fuzz -t [-s SEED] [-p WORKERS] [-k PROGRAMS]
 *   fuzz -r FILE [-k TIMES]
 *
 *     -s  what is random depends on SEED (1)
 *     -n  rounds until so many calls have been made (100,000)
 *     -p  so many workers run programs at the same time (4)
 *     -k  so many programs by each in a round (200); with -r: the file so many times (1)
 *     -e  instead of calls: so many programs of /bin, each damaged in another way, are executed
 *     -t  print the programs of the round, and run none
 *     -r  run the programs of FILE, which is what -t prints, perhaps shortened
 *     -c  with a kernel that was built with COVERAGE=1: programs that reach new code are kept, to be varied and combined; print
 *         them in the end, and what code was reached, for scripts/fuzz
 *     -v  say which calls were made, and how many succeeded
 *     -w  say how many programs each worker has done whenever one has done another: so that what was running at a panic or a
 *         hang is known
 *     -g  give up on a process that has been killed and does not end after so many looks, of a millisecond each (5000)
 *
 * A round has a seed of its own, SEED, SEED + 1 and so on, so that one can be repeated alone. It has a fresh directory,
 * which the programs of all workers share, as they do some open files, pipes and memory: they get in each other's way.
 * Each program runs in a process of its own (run.c). One that waits for what does not come is interrupted by
 * SIGUSR1 after a while, and killed after another.
 *
 * At the end of a round everything is removed. Then nothing may be left behind (user/state.h), and a debug kernel's
 * invariants must hold. A panic or a hang is for those to see who look at the machine from outside: scripts/fuzz. For them
 * each round begins with a line, and a worker that does not get on is named from time to time: where nothing is printed
 * for longer than a round takes, the machine hangs. */
#include "fuzz.h"
#include "debug/coverage.h"
#include "user/state.h"

#define USAGE                                                                                                \
    "fuzz [-s SEED] [-n CALLS] [-p WORKERS] [-k PROGRAMS] [-r FILE] [-e PROGRAMS] [-g LOOKS] [-ctvw]"
#define DIRECTORY     "/tmp/fuzz/a/b"
#define CORPUS        "/corpus" /* may be there: programs to vary */
#define COVERAGE      "/dev/coverage"
#define LOOK_NS       1000000 /* how often a worker's progress is looked at */
#define INTERRUPT_AT  2       /* looks without a call of a program, until it is interrupted ... */
#define KILL_AT       4       /* killed ... */
#define GIVE_UP_AT    5000    /* and the kernel has failed to do so: if -g does not say otherwise */
#define SAY_AT        1000    /* a sign of life, and again each time so many looks later */
#define POPULATE      16      /* programs between two times that missing files are made anew */
#define MAX_PROGRAMS  512     /* of a worker, in a file; room for all of them is taken */
#define MAX_NAMES     256
#define DAMAGED_ROUND 200       /* damaged programs between two looks for leaks */
#define COVERAGE_FD   1019      /* out of the programs' way */
#define COVERAGE_SIZE (1 << 16) /* bytes of bits */
#define MAX_DEPTH     255       /* of directories that remove_all goes into: each takes a descriptor ... */
#define STACK_PAGES   160       /* ... and 2.3 KB of stack */

static struct options {
    int64_t seed, calls, workers, programs, damaged, give_up;
    const char *file;
    bool print, verbose, watched, coverage;
} options = {.seed = 1, .calls = 100000, .workers = 4, .give_up = GIVE_UP_AT};

static bool hung; /* a process cannot be killed: no round after this one */

/* Those of -r, by worker. */
static struct program *file_programs[MAX_WORKERS];
static unsigned file_count[MAX_WORKERS];

/* ---- programs from files ---- */

static _Noreturn void bad_line(const char *file, unsigned number, const char *what)
{
    warnx("%s:%u: %s", file, number, what);
    exit(2);
}

/* Calls f with each program of a file, and the worker that it is for. False: there is no such file. */
static bool read_programs(const char *file, void (*f)(unsigned worker, const struct program *p))
{
    static struct program p;
    struct input in = {.fd = open(file, O_RDONLY)};
    unsigned worker = 0, number = 0;
    char *line = NULL;
    size_t size = 0;
    int64_t n;

    if (in.fd < 0)
        return false;
    while ((n = input_line(&in, &line, &size)) >= 0) {
        number++;
        if (n > 0 && line[n - 1] == '\n')
            line[n - 1] = 0;
        int64_t value;
        bool is_program = !strcmp(line, "program"), is_worker = !strncmp(line, "worker ", 7);
        if (!*line || *line == '#')
            continue;
        if ((is_program || is_worker) && p.n > 0) {
            f(worker, &p);
            p.n = 0;
        }
        if (is_worker && (!parse_number(line + 7, &value) || value < 0 || value >= MAX_WORKERS))
            bad_line(file, number, "a worker is a number from 0 to 15");
        else if (is_worker)
            worker = value;
        else if (!is_program && p.n == MAX_CALLS)
            bad_line(file, number, "more than 48 calls; begin a new program");
        else if (!is_program && !call_parse(line, &p.call[p.n++]))
            bad_line(file, number, "this is no call as fuzz -t prints it");
    }
    if (p.n > 0)
        f(worker, &p);
    p.n = 0;
    close(in.fd);
    free(line);
    return true;
}

static void add_to_file(unsigned worker, const struct program *p)
{
    if (!file_programs[worker])
        file_programs[worker] = xmalloc(MAX_PROGRAMS * sizeof(*p));
    if (file_count[worker] == MAX_PROGRAMS)
        diex("%s: more than %d programs for worker %u", options.file, MAX_PROGRAMS, worker);
    file_programs[worker][file_count[worker]++] = *p;
    if (worker >= options.workers)
        options.workers = worker + 1;
}

static void add_to_corpus(unsigned worker, const struct program *p)
{
    (void)worker;
    if (corpus->n < MAX_CORPUS)
        corpus->program[corpus->n++] = *p;
}

/* Program i of that worker in the round with that seed; false: there is none. */
static bool program_of(int64_t seed, unsigned worker, unsigned i, struct program *p)
{
    if (options.file) {
        if (i >= file_count[worker] * options.programs)
            return false;
        *p = file_programs[worker][i % file_count[worker]];
        return true;
    }
    program_make(p, (uint64_t)seed * 0x100000000 + worker * 0x1000000 + i);
    return i < options.programs;
}

/* ---- the directory ---- */

/* Programs can get out of the directory, upwards, or by a path from what they execute: what is there in the end, and was not before,
 * goes. */
static struct names {
    const char *path;
    unsigned n;
    char name[MAX_NAMES][NAME_MAX + 1];
} known[] = {{.path = "/"}, {.path = "/tmp"}, {.path = "/dev"}, {.path = "/bin"}};

/* The kernel's index of a directory, and the directory itself, grow with the names in it, and stay so: as large as these
 * become, they are from the beginning. */
static void grow_index(const char *path)
{
    char name[32];

    for (int make = 1; make >= 0; make--)
        for (int i = 0; i < 200; i++) {
            snprintf(name, sizeof(name), "%s/fuzz-%d", path, i);
            if (make)
                close(open(name, O_CREAT | O_WRONLY));
            else
                unlink_file(name);
        }
}

static bool is_known(const struct names *names, const char *name)
{
    for (unsigned i = 0; i < names->n; i++)
        if (!strcmp(names->name[i], name))
            return true;
    return false;
}

static void know_names(struct names *names)
{
    struct dir d;

    if (dir_open(&d, names->path) < 0)
        die("%s", names->path);
    for (struct abi_dirent64 *e; (e = dir_next(&d));) {
        if (names->n == MAX_NAMES) /* what is not known would be removed */
            diex("%s: more than %d names", names->path, MAX_NAMES);
        strlcpy(names->name[names->n++], e->name, sizeof(names->name[0]));
    }
    dir_close(&d);
}

/* Removes what is in the current directory, except the names that are known. */
static void remove_all(const struct names *keep)
{
    bool removed = true;
    struct dir d;

    while (removed) {
        removed = false;
        if (dir_open(&d, ".") < 0)
            return;
        for (struct abi_dirent64 *e; (e = dir_next(&d));) {
            if (dir_is_dot(e->name) || (keep && is_known(keep, e->name)))
                continue;
            if (unlink_file(e->name) == 0) {
                removed = true;
            } else if (chdir(e->name) == 0) {
                char name[NAME_MAX + 1];
                strlcpy(name, e->name, sizeof(name));
                remove_all(NULL);
                chdir("..");
                removed |= rmdir(name) == 0;
            }
        }
        dir_close(&d);
    }
}

static void clean_up(void)
{
    for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (chdir(known[i].path) < 0)
            die("%s", known[i].path);
        remove_all(&known[i]);
        chmod(".", 0755);
    }
    chdir("/");
}

static void make_directory(void)
{
    char path[] = DIRECTORY;

    for (char *slash = strchr(path + 5, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(path);
        *slash = '/';
    }
    mkdir(path);
    if (chdir(path) < 0)
        die("%s", path);
}

/* ---- what code was reached ---- */

static int coverage_fd = -1;

static void coverage_start(void)
{
    mknod(COVERAGE, 30, 0);
    int fd = open(COVERAGE, O_RDWR);
    unlink_file(COVERAGE);
    if (fd < 0) {
        warnx("this kernel does not record what code it runs; build it with COVERAGE=1");
        exit(2);
    }
    coverage_fd = dup2(fd, COVERAGE_FD);
    close(fd);
    write(coverage_fd, "", 1);
}

/* Keeps a program that has reached new code. Where several run at a time, it may have been another; no harm is done. */
static void coverage_look(const struct program *p)
{
    struct coverage_head head = {0};

    read(coverage_fd, &head, sizeof(head));
    uint64_t most = __atomic_load_n(&control->reached, __ATOMIC_RELAXED);
    if (head.count <= most)
        return;
    __atomic_store_n(&control->reached, head.count, __ATOMIC_RELAXED);
    unsigned i = __atomic_fetch_add(&control->kept, 1, __ATOMIC_RELAXED);
    if (i >= MAX_CORPUS)
        return;
    corpus->program[i] = *p;
    /* In order: no program is taken from the corpus before it is there. */
    while (__atomic_load_n(&corpus->n, __ATOMIC_ACQUIRE) != i)
        sys_sched_yield(0);
    __atomic_store_n(&corpus->n, i + 1, __ATOMIC_RELEASE);
}

static void coverage_print(void)
{
    static struct {
        struct coverage_head head;
        uint8_t bits[COVERAGE_SIZE];
    } seen;
    int64_t n = read(coverage_fd, &seen, sizeof(seen)) - (int64_t)sizeof(seen.head);

    printf("corpus\n");
    for (unsigned i = 0; i < corpus->n; i++)
        program_print(&corpus->program[i]);
    printf("coverage 0x%lx\n", seen.head.base);
    while (n > 0 && seen.bits[n - 1] == 0)
        n--;
    for (int64_t i = 0; i < n; i++)
        printf("%02x%s", seen.bits[i], i % 64 == 63 || i == n - 1 ? "\n" : "");
}

/* ---- a round ---- */

static _Noreturn void work(int64_t seed, unsigned worker)
{
    static struct program p;

    run_prepare(worker);
    for (unsigned i = 0; program_of(seed, worker, i, &p); i++) {
        if (i % POPULATE == POPULATE - 1)
            run_populate();
        run_program(&p, worker);
        if (options.coverage)
            coverage_look(&p);
    }
    exit(0);
}

static void describe_worker(unsigned i)
{
    char path[32];

    printf("# worker %u: process %d does not end, %u programs before it did\n", i, control->worker[i].pid,
           control->worker[i].done);
    snprintf(path, sizeof(path), "/proc/%d/stat", control->worker[i].pid);
    const char *stat = state_read_proc(path);
    printf("# %s", stat ? stat : "gone\n");
    snprintf(path, sizeof(path), "/proc/%d/stack", control->worker[i].pid);
    const char *stack = state_read_proc(path);
    if (stack)
        printf("%s", stack);
}

/* Where it has changed. */
static void print_done(unsigned *last)
{
    char line[128] = "# done";
    unsigned sum = 0;

    for (unsigned i = 0; i < options.workers; i++)
        sum += control->worker[i].done;
    if (sum == *last)
        return;
    *last = sum;

    for (unsigned i = 0, n = strlen(line); i < options.workers; i++, n += strlen(line + n))
        snprintf(line + n, sizeof(line) - n, " %u", control->worker[i].done);
    printf("%s\n", line);
}

/* Interrupts and kills programs that make no progress, until all workers have ended. False: one cannot be killed. */
static bool watch(const int *pids, bool *died)
{
    const struct abi_timespec nap = {.nsec = LOOK_NS};
    uint64_t before[MAX_WORKERS] = {0};
    unsigned looks[MAX_WORKERS] = {0}, running = options.workers, done = 0;
    int status, pid;

    while (running > 0) {
        nanosleep(&nap, NULL);
        if (options.watched)
            print_done(&done);
        while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
            for (unsigned i = 0; i < options.workers; i++)
                running -= pids[i] == pid;
            if (status != 0) {
                printf("# a worker ended with the wait status 0x%x, expected 0\n", status);
                *died = true;
            }
        }
        for (unsigned i = 0; i < options.workers; i++) {
            struct worker *w = &control->worker[i];
            uint64_t made = __atomic_load_n(&w->made_calls, __ATOMIC_RELAXED) + w->done;
            int program = __atomic_load_n(
                &w->pid, __ATOMIC_ACQUIRE); /* once: it may end meanwhile, and 0 is our group */
            looks[i] = made == before[i] && program ? looks[i] + 1 : 0;
            before[i] = made;
            if (looks[i] >= INTERRUPT_AT && program > 0 && !run_is_spared(program))
                sys_kill(program, looks[i] >= KILL_AT ? SIGKILL : SIGUSR1);
            if (looks[i] >= options.give_up) {
                describe_worker(i);
                return false;
            }
            if (looks[i] > 0 && looks[i] % SAY_AT == 0)
                printf("# worker %u: process %d makes no call, for %u looks\n", i, program, looks[i]);
        }
    }
    return true;
}

/* Calls f with the number of each process. */
static void each_process(void (*f)(int pid))
{
    struct dir d;

    if (dir_open(&d, "/proc") < 0)
        die("/proc");
    for (struct abi_dirent64 *e; (e = dir_next(&d));)
        if (isdigit(e->name[0]))
            f(atoi(e->name));
    dir_close(&d);
}

static void spare(int pid)
{
    if (control->n_spared == sizeof(control->spared) / sizeof(control->spared[0]))
        diex("too many other processes: run it when there are fewer");
    if (pid > 2)
        control->spared[control->n_spared++] = pid;
}

/* Processes that programs have made are children of process 1 when those have ended. */
static void kill_if_of_program(int pid)
{
    if (pid > 2 && !run_is_spared(pid))
        sys_kill(pid, SIGKILL);
}

/* True if nothing is wrong. */
static bool round(int64_t seed)
{
    struct abi_termios settings;
    struct state before;
    int pids[MAX_WORKERS], group = tcgetpgrp(1);
    bool died = false;

    memset(control->worker, 0, sizeof(control->worker));
    control->go = false;
    control->n_spared = 0;
    each_process(spare);
    tcgetattr(1, &settings);
    if (!state_read(&before))
        die("/proc/lode");
    make_directory();
    for (unsigned i = 0; i < options.workers; i++) {
        pids[i] = fork();
        if (pids[i] < 0)
            die("fork");
        if (pids[i] == 0) {
            while (!__atomic_load_n(&control->go, __ATOMIC_ACQUIRE))
                sys_sched_yield(0);
            work(seed, i);
        }
        spare(pids[i]);
    }
    __atomic_store_n(&control->go, true, __ATOMIC_RELEASE);
    if (!watch(pids, &died)) {
        hung = true;
        return false;
    }
    each_process(kill_if_of_program);
    clean_up();
    tcsetpgrp(1, group);
    tcsetattr(1, &settings);
    bool same = !state_leaked(&before), sound = state_is_sound();
    return same && sound && !died;
}

/* The same with damaged programs. */
static bool elf_round(int64_t seed, int64_t n)
{
    struct state before;
    bool ok = true;

    memset(control->worker, 0, sizeof(control->worker));
    control->n_spared = 0;
    each_process(spare);
    if (!state_read(&before))
        die("/proc/lode");
    make_directory();
    for (int64_t i = 0; i < n && ok; i++)
        ok = elf_run(seed + i);
    each_process(kill_if_of_program);
    clean_up();
    bool same = !state_leaked(&before), sound = state_is_sound();
    return same && sound && ok;
}

/* ---- the whole ---- */

static void *map(size_t n, int flags)
{
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        die("%lu KB of memory", n / 1024);
    return p;
}

static void print_programs(void)
{
    static struct program p;

    for (unsigned worker = 0; worker < options.workers; worker++) {
        printf("worker %u\n", worker);
        for (unsigned i = 0; program_of(options.seed, worker, i, &p); i++)
            program_print(&p);
    }
}

static void print_calls(void)
{
    for (unsigned i = 0; i < calls_count; i++)
        printf("# %-18s %8lu calls, %8lu without error\n", calls[i].name, control->calls[i],
               control->good[i]);
}

static void print_repeat(int64_t seed)
{
    if (options.file)
        printf("# to repeat: fuzz -r %s -k %ld\n", options.file, options.programs);
    else
        printf("# to repeat: fuzz -s %ld -n 1 -p %ld -k %ld\n", seed, options.workers, options.programs);
}

extern char data_start[]; /* user.ld */

/* Every page of data, heap and stack is there, and room for descriptors, so that nothing comes during a round. */
static void own_memory(void)
{
    volatile char *stack = (char *)__builtin_frame_address(0) - STACK_PAGES * 4096;

    for (volatile char *p = data_start; p < (volatile char *)sbrk(0); p += 4096)
        *p = *p;
    for (int i = 0; i < STACK_PAGES; i++)
        stack[i * 4096] = stack[i * 4096];
    close(dup2(1, MAX_DEPTH)); /* the table of descriptors grows, too, and stays so */
}

static int run_rounds(void)
{
    int64_t seed = options.seed;
    bool ok = true;

    if (options.coverage)
        coverage_start();
    control->kept = corpus->n;
    do {
        printf("# seed %ld\n", seed);
        ok = round(seed);
        if (seed == options.seed && !ok && !hung) {
            printf("# once more: in its first round, the kernel's caches grow\n");
            ok = round(seed);
        }
        seed++;
    } while (ok && !options.file && run_calls() < (uint64_t)options.calls);
    if (options.verbose)
        print_calls();
    if (options.coverage)
        coverage_print();
    printf("%sok 1 - %lu calls, seeds %ld to %ld\n", ok ? "" : "not ", run_calls(), options.seed, seed - 1);
    if (!ok)
        print_repeat(seed - 1);
    printf("1..1\n");
    return ok ? 0 : 1;
}

static int run_damaged(void)
{
    int64_t seed = options.seed, end = seed + options.damaged;
    bool ok = true;

    elf_start(map(sizeof(long), MAP_SHARED), options.give_up);
    elf_round(seed, 1);
    for (int64_t n; ok && seed < end; seed += n) {
        n = end - seed < DAMAGED_ROUND ? end - seed : DAMAGED_ROUND;
        printf("# damaged programs from %ld on\n", seed);
        ok = elf_round(seed, n);
    }
    elf_print();
    printf("%sok 1 - damaged programs %ld to %ld\n1..1\n", ok ? "" : "not ", options.seed, seed - 1);
    return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
    int c;

    while ((c = getopt(argc, argv, "s:n:p:k:r:e:g:ctvw")) >= 0) {
        if (c == 's' && parse_number(optarg, &options.seed))
            ;
        else if (c == 'n' && parse_number(optarg, &options.calls) && options.calls > 0)
            ;
        else if (c == 'p' && parse_number(optarg, &options.workers) && options.workers > 0 &&
                 options.workers <= MAX_WORKERS)
            ;
        else if (c == 'k' && parse_number(optarg, &options.programs) && options.programs > 0)
            ;
        else if (c == 'e' && parse_number(optarg, &options.damaged) && options.damaged > 0)
            ;
        else if (c == 'g' && parse_number(optarg, &options.give_up) && options.give_up > KILL_AT)
            ;
        else if (c == 'r')
            options.file = optarg;
        else if (c == 'c')
            options.coverage = true;
        else if (c == 't')
            options.print = true;
        else if (c == 'v')
            options.verbose = true;
        else if (c == 'w')
            options.watched = true;
        else
            usage(USAGE);
    }
    if (optind < argc)
        usage(USAGE);
    if (options.programs == 0)
        options.programs = options.file ? 1 : 200;
    calls_start();
    corpus = map(sizeof(*corpus), options.coverage ? MAP_SHARED : MAP_PRIVATE);
    read_programs(CORPUS, add_to_corpus);
    if (options.file) {
        options.workers = 1;
        if (!read_programs(options.file, add_to_file)) {
            warn("%s", options.file);
            exit(2);
        }
    }
    if (options.print) {
        print_programs();
        return 0;
    }
    control = map(sizeof(*control), MAP_SHARED);
    run_map_shared();
    for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        grow_index(known[i].path);
        know_names(&known[i]);
    }
    own_memory();
    return options.damaged ? run_damaged() : run_rounds();
}
