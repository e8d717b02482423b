/* Programs that try everything: each instruction that is not theirs, each kind of address, and to keep the processor. They
 * get a signal, or nothing; the others go on. (A few of each, by hand, are in lde.c and fault.c.) */
#include "tests.h"

#define PAGE          4096
#define USER_TOP      0x4000000000ul
#define SIGNAL_RETURN (USER_TOP - PAGE) /* where handlers return to: a jump there is one */
#define STACK_TOP     (USER_TOP - 2 * PAGE)
#define KERNEL_OFFSET 0xffffffc000000000ul
#define KERNEL_TEXT   (KERNEL_OFFSET + 0x80200000ul)
#define RET           0x00008067u
#define A0            10u
#define A1            11u

void hostile_lb(long), hostile_ld(long), hostile_sb(long), hostile_sd(long), hostile_lr(long),
    hostile_sc(long);
void hostile_amo(long), hostile_fld(long), hostile_fsd(long), hostile_jump(long);
void hostile_reserve(long, long);
void hostile_recurse(void);

/* ---- what happens at one instruction ---- */

static volatile int trapped; /* the signal; 0: none */
static volatile uint64_t trapped_at;

/* Goes on behind the instruction; behind the call, where that was a jump. */
static void step_over(int sig, const struct abi_siginfo *info, struct abi_ucontext *context)
{
    trapped = sig;
    memcpy((void *)&trapped_at, &info->pid, sizeof(trapped_at)); /* si_addr */
    context->regs[0] = context->regs[0] == (trapped_at & ~1ul) ? context->regs[1] : context->regs[0] + 4;
}

static void step_over_illegal(int sig, const struct abi_siginfo *info, struct abi_ucontext *context)
{
    (void)info;
    trapped = sig;
    context->regs[0] += 4;
}

static void set_handler(int sig, uint64_t f, uint64_t flags)
{
    struct abi_sigaction action = {f, flags, 0};

    CHECK_CALL(0, sys_rt_sigaction(sig, (long)&action, 0, 8));
}

static void step_over_all(void)
{
    set_handler(SIGSEGV, (uint64_t)step_over, 0);
    set_handler(SIGBUS, (uint64_t)step_over, 0);
    set_handler(SIGILL, (uint64_t)step_over_illegal, 0);
    set_handler(SIGTRAP, (uint64_t)step_over_illegal, 0);
}

/* Makes n instructions executable, each with a return behind it. */
static uint32_t *make_code(const uint32_t *words, unsigned n)
{
    uint32_t *code = (uint32_t *)new_pages((n * 8 + PAGE - 1) / PAGE);

    for (unsigned i = 0; i < n; i++) {
        code[2 * i] = words[i];
        code[2 * i + 1] = RET;
    }
    CHECK(mprotect(code, (n * 8 + PAGE - 1) / PAGE * PAGE, PROT_READ | PROT_EXEC) == 0, "mprotect: %s",
          strerror(errno));
    __asm__ volatile("fence.i" ::: "memory");
    return code;
}

/* The signal that comes of it; 0: it is allowed. */
static int try_instruction(const uint32_t *code, long a0, long a1)
{
    trapped = 0;
    ((long (*)(long, long))code)(a0, a1);
    return trapped;
}

/* ---- instructions ---- */

#define CSRS 4096

static bool user_reads(unsigned csr)
{
    return (csr >= 1 && csr <= 3) || (csr >= 0xc00 && csr <= 0xc02);
}

static bool user_writes(unsigned csr)
{
    return csr >= 1 && csr <= 3;
}

/* Control and status registers: those of floating point, cycle, time and instret; no other, of the 4096 that there are. */
static void every_csr(void)
{
    static const struct {
        const char *what;
        uint32_t code;
        bool writes;
    } ways[] = {
        {"csrrs a0, csr, zero", 2 << 12 | A0 << 7 | 0x73, false},
        {"csrrci a0, csr, 0", 7 << 12 | A0 << 7 | 0x73, false},
        {"csrrw zero, csr, a1", A1 << 15 | 1 << 12 | 0x73, true},
        {"csrrw a0, csr, a1", A1 << 15 | 1 << 12 | A0 << 7 | 0x73, true},
        {"csrrs a0, csr, a1", A1 << 15 | 2 << 12 | A0 << 7 | 0x73, true},
        {"csrrc a0, csr, a1", A1 << 15 | 3 << 12 | A0 << 7 | 0x73, true},
        {"csrrwi a0, csr, 1", 1 << 15 | 5 << 12 | A0 << 7 | 0x73, true},
    };
    static uint32_t words[CSRS];

    step_over_all();
    for (unsigned w = 0; w < sizeof(ways) / sizeof(ways[0]); w++) {
        for (unsigned csr = 0; csr < CSRS; csr++)
            words[csr] = csr << 20 | ways[w].code;
        uint32_t *code = make_code(words, CSRS);
        for (unsigned csr = 0; csr < CSRS; csr++) {
            bool allowed = ways[w].writes ? user_writes(csr) : user_reads(csr);
            int sig = try_instruction(code + 2 * csr, 0, -1);
            __asm__ volatile("fscsr zero");
            CHECK(sig == (allowed ? 0 : SIGILL), "%s with csr 0x%x: signal %d, expected %d", ways[w].what,
                  csr, sig, allowed ? 0 : SIGILL);
        }
        munmap(code, CSRS * 8);
    }
}

/* wfi and wrs are hints, which may be illegal; a test of them is below. */
static bool may_be_legal(unsigned imm)
{
    return imm == 0x105 || imm == 0x00d || imm == 0x01d;
}

/* All instructions of the major opcode SYSTEM that are none of the above: sret, mret, sfence, hfence, hlv ... */
static void every_system_instruction(void)
{
    static const uint32_t forms[] = {0x73,
                                     A1 << 15 | 0x73,
                                     A0 << 7 | 0x73,
                                     A1 << 15 | A0 << 7 | 0x73,
                                     4 << 12 | A1 << 15 | A0 << 7 | 0x73,
                                     4 << 12 | A1 << 15 | 0x73};
    static uint32_t words[CSRS];

    step_over_all();
    for (unsigned f = 0; f < sizeof(forms) / sizeof(forms[0]); f++) {
        for (unsigned imm = 0; imm < CSRS; imm++)
            words[imm] = imm << 20 | forms[f];
        uint32_t *code = make_code(words, CSRS);
        for (unsigned imm = f == 0; imm < CSRS; imm++) { /* the very first is ecall */
            int want = f == 0 && imm == 1 ? SIGTRAP : SIGILL;
            int sig = try_instruction(code + 2 * imm, 0, (long)words);
            CHECK(sig == want || (f == 0 && may_be_legal(imm) && sig == 0),
                  "the instruction 0x%x: signal %d, expected %d", words[imm], sig, want);
        }
        munmap(code, CSRS * 8);
    }
}

/* Those that would drop or fill lines of a cache, of which cbo.inval shows old memory. */
static void cache_instructions(void)
{
    static uint32_t words[CSRS], line[64];

    step_over_all();
    for (unsigned imm = 0; imm < CSRS; imm++)
        words[imm] = imm << 20 | A1 << 15 | 2 << 12 | 0x0f;
    uint32_t *code = make_code(words, CSRS);
    for (unsigned imm = 0; imm < CSRS; imm++) {
        int sig = try_instruction(code + 2 * imm, 0, (long)line);
        CHECK(sig == SIGILL, "the instruction 0x%x: signal %d, expected %d", words[imm], sig, SIGILL);
    }
}

static uint32_t *random_code;

static void run_random_code(long seed)
{
    (void)seed;
    step_over_all();
    for (;;)
        for (unsigned i = 0; i < PAGE / 8; i++)
            try_instruction(random_code + 2 * i, (long)random_code, 0x1000);
}

/* Words that chance has made, as instructions. A program of them may do what it likes to itself. */
static void random_instructions(void)
{
    static uint32_t words[PAGE / 8];

    for (unsigned turn = 0; turn < 20; turn++) {
        for (unsigned i = 0; i < PAGE / 8; i++) {
            words[i] = random_next() << 16 ^ random_next();
            if (i % 4 == 0) /* the others have half of the opcodes unused */
                words[i] = (words[i] & ~0x7fu) | 0x73;
            if (words[i] == 0x73 || (words[i] & 3) != 3)
                words[i] =
                    0x13; /* ecall could mean anything; and only one instruction at a time can be stepped over */
        }
        random_code = make_code(words, PAGE / 8);
        int pid = start_child(run_random_code, 0);
        sleep_ms(2);
        sendsig(pid, SIGKILL);
        wait_for(pid);
        munmap(random_code, PAGE);
    }
}

/* ---- addresses ---- */

static const struct access {
    const char *what;
    void (*f)(long);
    bool aligned; /* otherwise SIGBUS is right, too */
} accesses[] = {
    {"a read of a byte", hostile_lb, false},
    {"a read of 8 bytes", hostile_ld, false},
    {"a write of a byte", hostile_sb, false},
    {"a write of 8 bytes", hostile_sd, false},
    {"a reservation", hostile_lr, true},
    {"a conditional write", hostile_sc, true},
    {"an atomic addition", hostile_amo, true},
    {"a read of floating point", hostile_fld, false},
    {"a write of floating point", hostile_fsd, false},
    {"a jump", hostile_jump, false},
};

/* What this program has mapped lies there. */
static bool may_be_own(uint64_t a)
{
    return (a >= 0x10000 - 8 && a < 0x80000000) || (a >= STACK_TOP - (64ul << 20) && a < STACK_TOP);
}

static void try_address(uint64_t address)
{
    if (may_be_own(address))
        return;
    for (unsigned i = 0; i < sizeof(accesses) / sizeof(accesses[0]); i++) {
        const struct access *a = &accesses[i];
        bool sc = a->f == hostile_sc; /* without a reservation it may fail without looking at the address */
        if (a->f == hostile_jump && (address & ~1ul) == SIGNAL_RETURN)
            continue;
        trapped = 0;
        a->f((long)address);
        CHECK(trapped == SIGSEGV || (trapped == SIGBUS && a->aligned && address % 8) || (sc && trapped == 0),
              "%s at 0x%lx: signal %d, expected %d", a->what, address, trapped, SIGSEGV);
        CHECK(sc || trapped_at == (a->f == hostile_jump ? address & ~1ul : address) ||
                  trapped_at == ((address + 7) & ~7ul),
              "%s at 0x%lx: the handler was told 0x%lx", a->what, address, trapped_at);
    }
}

static void try_around(uint64_t address)
{
    static const int64_t near[] = {-4096, -8, -4, -1, 0, 4, 4096};

    for (unsigned i = 0; i < sizeof(near) / sizeof(near[0]); i++)
        try_address(address + near[i]);
}

/* The first page, the ends of user space, of the hole and of all; the kernel by its virtual and its physical addresses, and the
 * devices by theirs. */
static void every_address_class(void)
{
    static const uint64_t devices[] = {0x1000,     0x100000,   0x101000,   0x2000000,  0x200bff8,
                                       0x3000000,  0x4000000,  0xc000000,  0xc201000,  0x10000000,
                                       0x10001000, 0x10008000, 0x10100000, 0x20000000, 0x30000000,
                                       0x40000000, 0x80000000, 0x80200000, 0x87fff000, 0xbfe00000};

    step_over_all();
    for (uint64_t a = 0; a < PAGE; a += 256)
        try_address(a);
    for (unsigned bit = 31; bit < 64; bit++) {
        try_around(1ul << bit);
        try_around(-(1ul << bit));
    }
    try_around(STACK_TOP);
    try_around(USER_TOP);
    for (unsigned i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
        try_around(KERNEL_OFFSET + devices[i]);
        if (!may_be_own(devices[i]))
            try_around(devices[i]);
    }
    for (uint64_t a = KERNEL_OFFSET; a >= KERNEL_OFFSET; a += 1ul << 28) /* up to the end, where it wraps */
        try_address(a);
    for (uint64_t a = KERNEL_TEXT; a < KERNEL_TEXT + (2ul << 20); a += 65536)
        try_address(a);
    for (unsigned i = 0; i < 2000; i++)
        try_address(((uint64_t)random_next() << 32 | random_next()) >> random_next() % 25);
}

/* Each page of a program's stack is as far away from what lies below as must be; and nothing but its own memory is there, at any
 * place: a look at every gigabyte of the user half, and every page around what is mapped. */
static void nothing_else_is_mapped(void)
{
    char *heap = sbrk(0);

    step_over_all();
    for (uint64_t a = 0x80000000; a < STACK_TOP - (1ul << 30); a += 1ul << 27)
        try_address(a);
    uint64_t end = ((uint64_t)heap + PAGE - 1) & ~(PAGE - 1ul);
    for (uint64_t a = end; a < end + 64 * PAGE; a += PAGE) {
        trapped = 0;
        hostile_sb((long)a);
        CHECK(trapped == SIGSEGV, "a write behind the heap, at 0x%lx: signal %d, expected %d", a, trapped,
              SIGSEGV);
    }
}

/* ---- keeping the processor ---- */

static void ignore_it(int sig)
{
    (void)sig;
}

static void again(int sig)
{
    sys_kill(getpid(), sig);
}

static void keep_waiting_for_interrupts(void)
{
    step_over_all();
    for (;;)
        __asm__ volatile(".option push\n.option norvc\n.word 0x10500073\n.option pop"); /* wfi */
}

static void keep_pausing(void)
{
    for (;;)
        __asm__ volatile(".word 0x0100000f"); /* pause */
}

static void keep_reserving(void)
{
    static long places[32];

    hostile_reserve((long)places, (long)(places + 16));
}

/* In children, since the first end of the stack is the last. */
static void recurse(long unused)
{
    (void)unused;
    hostile_recurse();
}

static void keep_recursing(void)
{
    for (;;)
        in_child(recurse, 0);
}

static void raise_in_handlers(long unused)
{
    (void)unused;
    set_handler(SIGUSR1, (uint64_t)again, SA_NODEFER);
    again(SIGUSR1);
}

static void keep_entering_handlers(void)
{
    for (;;)
        in_child(raise_in_handlers, 0);
}

static void keep_misaligning(void)
{
    char *p = new_pages(2);

    for (uint64_t i = 0;; i++)
        *(volatile uint64_t *)(p + PAGE - 7 + i % 7) += 1;
}

/* Handlers that return to the instruction that called them. */
static void keep_faulting(void)
{
    set_handler(SIGSEGV, (uint64_t)ignore_it, 0);
    write_at(8);
}

static void keep_being_illegal(void)
{
    set_handler(SIGILL, (uint64_t)ignore_it, 0);
    __asm__ volatile(".word 0x30200073"); /* mret */
}

static void keep_mapping(void)
{
    for (;;) {
        char *p = new_pages(16);
        for (int i = 0; i < 16; i++)
            p[i * PAGE] = 1;
        munmap(p, 16 * PAGE);
    }
}

static void keep_protecting(void)
{
    char *p = new_pages(1);

    for (;;) {
        *p = 1;
        mprotect(p, PAGE, PROT_READ);
        mprotect(p, PAGE, PROT_READ | PROT_WRITE);
    }
}

static void keep_signalling_itself(void)
{
    set_handler(SIGUSR1, (uint64_t)ignore_it, 0);
    for (;;)
        sys_kill(getpid(), SIGUSR1);
}

static void keep_signalling_all(void)
{
    set_handler(SIGUSR1, (uint64_t)ignore_it, 0);
    for (;;)
        sys_kill(0, SIGUSR1);
}

static void keep_forking(void)
{
    for (;;) {
        int pid = fork();
        if (pid == 0)
            exit(0);
        waitpid(pid, NULL, 0);
    }
}

static void keep_executing(void)
{
    char *argv[] = {"true", NULL};

    for (;;) {
        int pid = fork();
        if (pid == 0) {
            execve("/bin/true", argv, environ);
            exit(1);
        }
        waitpid(pid, NULL, 0);
    }
}

static void keep_sleeping_shortly(void)
{
    const struct abi_timespec t = {.nsec = 1};

    for (;;)
        nanosleep(&t, NULL);
}

static void keep_yielding(void)
{
    for (;;)
        sys_sched_yield(0);
}

static void keep_calling(void)
{
    for (;;)
        raw_syscall(-1, 0, 0, 0, 0, 0, 0);
}

static void keep_reading_zeros(void)
{
    int fd = open("/dev/zero", O_RDONLY);
    char *p = new_pages(256);

    for (;;)
        sys_read(fd, (long)p, 256 * PAGE);
}

static void keep_taking_random_numbers(void)
{
    char *p = new_pages(16);

    for (;;)
        sys_getrandom((long)p, 16 * PAGE, 0);
}

static void keep_writing_to_itself(void)
{
    int p[2];
    char c = 0;

    pipe(p);
    for (;;) {
        write(p[1], &c, 1);
        read(p[0], &c, 1);
    }
}

static void keep_making_files(void)
{
    char name[16];

    snprintf(name, sizeof(name), "f%d", getpid());
    for (;;) {
        close(open(name, O_CREAT | O_WRONLY));
        unlink(name);
    }
}

static void keep_looking_at_processes(void)
{
    for (;;) {
        struct dir d;
        if (dir_open(&d, "/proc") == 0) {
            while (dir_next(&d))
                ;
            dir_close(&d);
        }
    }
}

static const struct way {
    const char *what;
    void (*f)(void); /* never returns */
    bool across;     /* keeps more than its own hart busy */
} ways[] = {
    {"wfi", keep_waiting_for_interrupts, false},
    {"pause", keep_pausing, false},
    {"lr without sc", keep_reserving, false},
    {"endless recursion", keep_recursing, true},
    {"a signal handler that raises its signal", keep_entering_handlers, false},
    {"misaligned accesses", keep_misaligning, false},
    {"faults whose handler returns", keep_faulting, false},
    {"illegal instructions whose handler returns", keep_being_illegal, false},
    {"mapping and unmapping", keep_mapping, true},
    {"protecting and unprotecting", keep_protecting, true},
    {"signals to itself", keep_signalling_itself, false},
    {"signals to all", keep_signalling_all, true},
    {"forking", keep_forking, true},
    {"executing", keep_executing, true},
    {"sleeping for 1 ns", keep_sleeping_shortly, true},
    {"yielding", keep_yielding, true},
    {"calls that there are not", keep_calling, false},
    {"reading zeros", keep_reading_zeros, false},
    {"random numbers", keep_taking_random_numbers, false},
    {"a pipe to itself", keep_writing_to_itself, false},
    {"making and removing files", keep_making_files, true},
    {"looking at all processes", keep_looking_at_processes, false},
};

#define PER_HART 2
#define STEP_NS                                                                                              \
    400000000ul /* for what takes some microseconds alone, and some time slices among the hostile */
#define KILL_NS     2000000000ul
#define MAX_HOSTILE 64

/* A process does its work: has a child that does some, too, and waits for it. */
static void one_step(const char *beside, uint64_t limit)
{
    uint64_t start = now_ns();

    CHECK(in_child(exit_with, 3) == WAIT_EXITED(3), "a child's exit status");
    uint64_t took = now_ns() - start;
    CHECK(took < patience(limit), "beside %s, a fork and a wait took %lu us, expected less than %lu", beside,
          took / 1000, patience(limit) / 1000);
}

static void hostile_beside(const struct way *way)
{
    unsigned n = harts();
    int pids[MAX_HOSTILE], group = 0;

    CHECK(n <= MAX_HOSTILE, "%u", n);
    for (unsigned i = 0; i < n; i++) {
        pids[i] = fork();
        CHECK(pids[i] >= 0, "%s: fork: %s", way->what, strerror(errno));
        if (pids[i] == 0) {
            setpgid(0, group);
            way->f();
            exit(1);
        }
        setpgid(pids[i], group);
        group = group ? group : pids[i];
    }
    sleep_ms(2);
    one_step(way->what, STEP_NS);
    uint64_t start = now_ns();
    sys_kill(-group, SIGKILL);
    for (unsigned i = 0; i < n; i++) {
        int status = wait_for(pids[i]);
        CHECK(status == WAIT_SIGNALED(SIGKILL), "%s: wait status 0x%x, expected SIGKILL", way->what, status);
    }
    while (sys_kill(-group, SIGKILL) == 0) /* what they had made in between */
        sleep_ms(1);
    uint64_t took = now_ns() - start;
    CHECK(took < patience(KILL_NS), "%s: killing it took %lu us, expected less than %lu", way->what,
          took / 1000, patience(KILL_NS) / 1000);
}

/* As many of each as there are harts: another process still gets its turns, and can end them. On several harts, only those
 * ways for which that makes a difference. */
static void nobody_keeps_the_processor(void)
{
    set_handler(SIGUSR1, (uint64_t)ignore_it,
                0); /* the children have it from the beginning: some send it to all */
    for (unsigned i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
        if (harts() == 1 || ways[i].across)
            hostile_beside(&ways[i]);
}

/* All at the same time. */
static void nobody_keeps_it_with_others(void)
{
    int pids[sizeof(ways) / sizeof(ways[0])];
    const unsigned n = sizeof(ways) / sizeof(ways[0]);

    set_handler(SIGUSR1, (uint64_t)ignore_it, 0);
    for (unsigned i = 0; i < n; i++) {
        pids[i] = fork();
        CHECK(pids[i] >= 0, "fork: %s", strerror(errno));
        if (pids[i] == 0) {
            setpgid(0, 0);
            ways[i].f();
            exit(1);
        }
        setpgid(pids[i], 0);
    }
    one_step("all of them", 4 * STEP_NS);
    for (unsigned i = 0; i < n; i++)
        sys_kill(-pids[i], SIGKILL);
    for (unsigned i = 0; i < n; i++) {
        int status = wait_for(pids[i]);
        CHECK(status == WAIT_SIGNALED(SIGKILL), "%s: wait status 0x%x, expected SIGKILL", ways[i].what,
              status);
        while (sys_kill(-pids[i], SIGKILL) == 0)
            sleep_ms(1);
    }
}

static const struct test tests[] = {
    TEST(every_csr),
    TEST(every_system_instruction),
    TEST(cache_instructions),
    TEST(random_instructions),
    TEST(every_address_class),
    TEST(nothing_else_is_mapped),
    TEST(nobody_keeps_the_processor),
    TEST(nobody_keeps_it_with_others),
};
const struct topic topic_hostile = {"hostile", tests, sizeof(tests) / sizeof(tests[0])};
