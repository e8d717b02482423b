/* Limited direct execution: docs/limited-direct-execution.md names the test of each step. */
#include "tests.h"

/* lde_asm.S */
long lde_registers_across_syscall(void); /* 0, or the number of the register that changed */
long lde_registers_across_time(uint64_t until);
long lde_float_across_time(uint64_t until, uint64_t seed);

static void lde_trap_from_user(void)
{
    CHECK(getpid() > 1, "pid %d", getpid());
    CHECK_CALL(getpid(), raw_syscall(172, 0, 0, 0, 0, 0, 0));
}

/* More endless loops than harts: this process still gets its turn, and ends them. */
static void lde_preempt_endless_loop(void)
{
    int pids[10], n = harts() + 2;

    CHECK(n <= 10, "%d", n);
    for (int i = 0; i < n; i++)
        pids[i] = start_child(spin_forever, 0);
    sleep_ms(50);
    for (int i = 0; i < n; i++) {
        sendsig(pids[i], SIGKILL);
        int status = wait_for(pids[i]);
        CHECK(WAIT_SIGNAL(status) == SIGKILL, "status 0x%x", status);
    }
}

static void lde_idle_sleep_wakes(void)
{
    for (int i = 0; i < 20; i++) {
        uint64_t start = now_ns();
        sleep_ms(5);
        uint64_t slept = now_ns() - start;
        CHECK(slept >= 5000000, "slept %lu ns of 5 ms", slept);
    }
}

static void lde_fork_entry(void)
{
    int p[2], status, pid, told = 0;

    pipe(p);
    pid = fork();
    if (pid == 0) {
        int me = getpid();
        CHECK(getppid() != me, "own parent");
        write(p[1], &me, sizeof(me));
        exit(42);
    }
    read(p[0], &told, sizeof(told));
    CHECK(told == pid, "the child says it is %d, fork said %d", told, pid);
    CHECK_CALL(pid, waitpid(pid, &status, 0));
    CHECK(status == WAIT_EXITED(42), "status 0x%x", status);
    CHECK_CALL(-ECHILD, sys_wait4(-1, 0, 0, 0));
}

static void lde_lazy_memory(void)
{
    size_t size = 8ul << 20;
    long before = counter("pages_free");
    char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(p != MAP_FAILED, "mmap: %s", strerror(errno));
    long mapped = counter("pages_free");
    CHECK(before - mapped < 64, "mapping 2048 pages took %ld at once", before - mapped);
    for (size_t i = 0; i < size; i += 4096)
        CHECK(p[i] == 0, "byte %lu is not zero", i);
    p[5 * 4096] = 1;
    CHECK(munmap(p, size) == 0, "munmap");
}

static char data_word[] = "initialised";
static char bss_area[20000];

static void lde_exec_loads(void)
{
    CHECK(!strcmp(data_word, "initialised"), "data is %s", data_word);
    for (size_t i = 0; i < sizeof(bss_area); i++)
        CHECK(bss_area[i] == 0, "bss byte %lu", i);
}

/* The words at the stack pointer that the program started with, found through environ. */
static void lde_stack_layout(void)
{
    uint64_t *w = (uint64_t *)environ;
    bool has_random = false, has_page_size = false;
    int clock = 0;

    while (*w)
        w++;
    for (w++; *w; w += 2) {
        has_page_size |= *w == AT_PAGESZ && w[1] == 4096;
        has_random |= *w == AT_RANDOM && w[1] != 0;
        clock += *w == AT_LODE_BOOT || *w == AT_LODE_RATE || *w == AT_LODE_DAY;
    }
    CHECK(has_random && has_page_size, "auxiliary vector without AT_RANDOM or AT_PAGESZ");
    CHECK(clock == 3, "%d entries of the auxiliary vector about the clock", clock);
    w = (uint64_t *)environ;
    CHECK(w[-1] == 0, "argv is not ended by NULL");
    for (w -= 2; *w > 4096; w--) /* back over argv to argc */
        ;
    CHECK((uint64_t)w % 16 == 0, "sp was %p", (void *)w);
    CHECK(*w >= 1 && !strcmp(path_base((char *)w[1]), "usertests"), "argc %lu", *w);
}

/* Programs see what they were started with: the helper program prints the registers at its entry. */
static void lde_registers_cleared(void)
{
    int p[2], status;
    uint64_t ored = 1;

    __asm__ volatile("fmv.d.x f27, %0" ::"r"(0x1234567890) : "f27"); /* not for the next program to see */
    pipe(p);
    int pid = fork();
    if (pid == 0) {
        char *argv[] = {"regsatentry", NULL};
        dup2(p[1], 1);
        execve("/bin/regsatentry", argv, environ);
        exit(9);
    }
    close(p[1]);
    CHECK_CALL(8, sys_read(p[0], (long)&ored, 8));
    waitpid(pid, &status, 0);
    CHECK(status == 0, "status 0x%x", status);
    CHECK(ored == 0, "registers at entry were not zero: bits 0x%lx; floating-point ones count, too", ored);
}

static void lde_registers_kept(void)
{
    for (int i = 0; i < 100; i++)
        CHECK(lde_registers_across_syscall() == 0, "a system call changed register x%ld",
              lde_registers_across_syscall());
    int other = start_child(spin_forever, 0); /* somebody to be preempted for */
    long changed = lde_registers_across_time(now_ns() + 200000000);
    CHECK(changed == 0, "an interrupt changed register x%ld", changed);
    sendsig(other, SIGKILL);
    wait_for(other);
}

static void float_child(long seed)
{
    long changed = lde_float_across_time(now_ns() + 200000000, seed);

    CHECK(changed != 33, "the floating-point rounding mode changed");
    CHECK(changed == 0, "floating-point register f%ld changed", changed - 1);
}

static void lde_float_kept(void)
{
    int pids[6];

    for (int i = 0; i < 6; i++)
        pids[i] = start_child(float_child, i * 1000 + 1);
    for (int i = 0; i < 6; i++)
        CHECK(wait_for(pids[i]) == 0, "child %d", i);
}

static void lde_syscall_numbers(void)
{
    static const long wrong[] = {-1, 0x7fffffff, -0x80000000l,     10000,     300, 1000000,
                                 0,  4096,       (1l << 32) + 172, (1l << 63)};

    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        CHECK_CALL(-ENOSYS, raw_syscall(wrong[i], 1, 2, 3, 4, 5, 6));
    /* And all that are small and not in the table; the one behind its end among them. */
    static const bool known[512] = {
#define SYSCALL(number, name, kinds) [number] = true,
#include "kernel/abi/syscalls.h"
#undef SYSCALL
    };
    for (long number = 0; number < 512; number++)
        if (!known[number])
            CHECK_CALL(-ENOSYS, raw_syscall(number, 1, 2, 3, 4, 5, 6));
}

/* One word of machine code, run in a page of its own. */
static void run_code(long word)
{
    uint32_t *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    code[0] = word;
    code[1] = 0x00008067; /* ret */
    if (mprotect(code, 4096, PROT_READ | PROT_EXEC) < 0)
        exit(3);
    __asm__ volatile("fence.i" ::: "memory");
    ((void (*)(void))code)();
}

static void lde_privileged(void)
{
    static const struct {
        const char *what;
        uint32_t code;
    } cases[] = {
        {"csrr a0, sstatus", 0x10002573},
        {"csrr a0, satp", 0x18002573},
        {"csrw satp, zero", 0x18001073},
        {"csrw stvec, zero", 0x10501073},
        {"csrr a0, mstatus", 0x30002573},
        {"sret", 0x10200073},
        {"mret", 0x30200073},
        {"sfence.vma", 0x12000073},
        {"the word 0", 0x00000000},
        {"the word -1", 0xffffffff},
        {"csrw sie, zero", 0x10401073},
        {"csrw time, zero", 0xc0101073},
    };

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_signal(run_code, cases[i].code, SIGILL, cases[i].what);
    expect_signal(run_code, 0x00100073, SIGTRAP, "ebreak");
    CHECK(in_child(run_code, 0x0000100f) == 0, "fence.i is allowed");
    CHECK(in_child(run_code, 0xc0102573) == 0, "rdtime is allowed");
    int status = in_child(run_code, 0x10500073); /* wfi: a hint, or illegal; never a hang */
    CHECK(status == 0 || WAIT_SIGNAL(status) == SIGILL, "wfi: 0x%x", status);
}

static void lde_bad_addresses(void)
{
    static const unsigned long bad[] = {0,
                                        8,
                                        4095,
                                        0x80200000,
                                        0x3ffffff000,
                                        0x4000000000,
                                        0x8000000000000000,
                                        0xffffffc080200000,
                                        0xffffffe000000000,
                                        0xfffffffffffffff8};

    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        expect_signal(read_at, bad[i], SIGSEGV, "read");
        expect_signal(write_at, bad[i], SIGSEGV, "write");
        expect_signal(jump_to, bad[i] & ~1ul, SIGSEGV, "jump");
    }
    expect_signal(write_at, (long)read_at, SIGSEGV, "write to program text");
    expect_signal(jump_to, (long)data_word & ~1l, SIGSEGV, "jump to data");
    expect_signal(jump_to, ((long)&bad) & ~1l, SIGSEGV, "jump to constants");
}

static void bad_sp(long sp)
{
    __asm__ volatile("mv sp, %0; li gp, -1; li tp, -1; li ra, 0; li a0, 7; li a7, 93; ecall" ::"r"(sp));
}

/* The kernel relies on none of the program's registers. */
static void lde_bad_registers(void)
{
    static const long sps[] = {0, -1, 1, 0x4000000000, -0x3f7fe00000};

    for (unsigned i = 0; i < sizeof(sps) / sizeof(sps[0]); i++) {
        int status = in_child(bad_sp, sps[i]);
        CHECK(status == WAIT_EXITED(7), "sp 0x%lx: status 0x%x", sps[i], status);
    }
}

/* Counts up to `until` in memory shared with the parent. */
static volatile uint64_t *shared_counts;

static void count_for(long index)
{
    for (;;)
        shared_counts[index * 8]++;
}

/* Three endless loops a hart: equal shares. */
static void lde_round_robin_fair(void)
{
    int per_hart = 3, n = per_hart * harts(), pids[24];
    uint64_t least = -1, most = 0;

    if (harts() > 1)
        return; /* on several harts the queues' lengths differ by one: fair per hart, which one hart shows */
    shared_counts = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared_counts != MAP_FAILED, "mmap: %s", strerror(errno));
    for (int i = 0; i < n; i++)
        pids[i] = start_child(count_for, i);
    sleep_ms(1500);
    for (int i = 0; i < n; i++)
        sendsig(pids[i], SIGKILL);
    for (int i = 0; i < n; i++) {
        wait_for(pids[i]);
        uint64_t count = shared_counts[i * 8];
        least = count < least ? count : least;
        most = count > most ? count : most;
    }
    CHECK(most - least <= most / 10, "shares differ by more than a tenth: %lu to %lu", least, most);
}

/* Two processes that only yield take turns. */
static void yield_many(long n)
{
    while (n--)
        sys_sched_yield(0);
}

static void lde_yield(void)
{
    int a = start_child(yield_many, 2000), b = start_child(yield_many, 2000);

    CHECK(wait_for(a) == 0 && wait_for(b) == 0, "yielding failed");
    CHECK_CALL(0, sys_sched_yield(0));
}

static void touch_and_exit(long n)
{
    char *p = sbrk(n * 4096);

    for (long i = 0; i < n; i++)
        p[i * 4096] = 1;
    open("f", O_CREAT | O_RDWR);
}

static void lde_exit_frees(void)
{
    in_child(touch_and_exit, 500);
    long free_before = counter("pages_free"), procs = counter("processes");

    for (int i = 0; i < 10; i++)
        CHECK(in_child(touch_and_exit, 500) == 0, "child");
    long lost = free_before - counter("pages_free");
    CHECK(lost < 100, "%ld pages are gone after ten processes with 500 each", lost);
    CHECK(counter("processes") == procs, "%ld processes, were %ld", counter("processes"), procs);
}

static const struct test tests[] = {
    TEST(lde_trap_from_user), TEST(lde_preempt_endless_loop), TEST(lde_idle_sleep_wakes),
    TEST(lde_fork_entry),     TEST(lde_lazy_memory),          TEST(lde_exec_loads),
    TEST(lde_stack_layout),   TEST(lde_registers_cleared),    TEST(lde_registers_kept),
    TEST(lde_float_kept),     TEST(lde_syscall_numbers),      TEST(lde_privileged),
    TEST(lde_bad_addresses),  TEST(lde_bad_registers),        SLOW(lde_round_robin_fair),
    TEST(lde_yield),          TEST(lde_exit_frees),
};
const struct topic topic_lde = {"lde", tests, sizeof(tests) / sizeof(tests[0])};
