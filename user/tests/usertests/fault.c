/* Programs that do what they must not: each ends, alone, and the kernel goes on. */
#include "tests.h"

/* ---- memory ---- */

static void kernmem(void)
{
    for (uint64_t a = 0x80000000; a < 0x80000000 + 2000000; a += 100000)
        expect_signal(read_at, (long)a, SIGSEGV, "kernel memory by its physical address");
    for (uint64_t a = 0xffffffc080200000; a < 0xffffffc080200000 + 2000000; a += 400000)
        expect_signal(read_at, (long)a, SIGSEGV, "kernel memory");
}

static void MAXVAplus(void)
{
    for (uint64_t a = 1ul << 38; a; a <<= 1)
        expect_signal(write_at, (long)a, SIGSEGV, "an address above user space");
}

static void textwrite(void)
{
    expect_signal(write_at, (long)textwrite, SIGSEGV, "store to program text");
    expect_signal(write_at, 0, SIGSEGV, "store to address 0");
}

/* Stores to where no program may write, from the first page to the last address. */
static void nowrite(void)
{
    static const uint64_t places[] = {0,
                                      0x10,
                                      0x80000000,
                                      0x80200000,
                                      0x3fffffe000,
                                      0x3ffffff000,
                                      0x4000000000,
                                      0x8000000000,
                                      0xffffffc080200000,
                                      ~7ul};

    for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        expect_signal(write_at, (long)places[i], SIGSEGV, "a store");
}

static const char constant_text[] = "constant";

static void write_to_constant(void)
{
    expect_signal(write_at, (long)constant_text, SIGSEGV, "store to a constant");
    CHECK(!strcmp(constant_text, "constant"), "it is \"%s\"", constant_text);
}

/* As pgbug of xv6: pointers that once made the kernel use a trapframe or a kernel page. */
static void pgbug(void)
{
    long argv[] = {(long)0xeaeb0b5b00002f5e, 0};

    CHECK_CALL(-EFAULT, sys_execve((long)0xeaeb0b5b00002f5e, (long)argv, 0));
    CHECK_CALL(-EFAULT, sys_pipe2((long)0xeaeb0b5b00002f5e, 0));
}

static char uninitialised[10000];

static void bsstest(void)
{
    for (unsigned i = 0; i < sizeof(uninitialised); i++)
        CHECK(uninitialised[i] == 0, "byte %u is %d", i, uninitialised[i]);
}

static void read_below_stack(long distance)
{
    volatile char *sp = __builtin_frame_address(0);
    sp[-distance];
}

/* The stack grows to 8 MB; below that is a gap that a large frame does not jump. */
static void stacktest(void)
{
    expect_signal(read_below_stack, 8 << 20, SIGSEGV, "8 MB below");
    expect_signal(read_below_stack, (8 << 20) + 65536, SIGSEGV, "64 KB further");
    expect_signal(read_below_stack, (8 << 20) + (512 << 10), SIGSEGV, "half a megabyte further");
    CHECK(in_child(read_below_stack, 4 << 20) == 0, "4 MB below: not allowed");
}

/* Below the frames that have been in use since the program began. */
static void check_fresh_stack(long unused)
{
    volatile char *sp = __builtin_frame_address(0);
    (void)unused;
    for (long i = 16384; i < 65536; i++)
        CHECK(sp[-i] == 0, "byte %ld below the stack pointer is %d", i, sp[-i]);
}

static void dirty_stack(long unused)
{
    volatile char frame[64 * 1024];
    (void)unused;
    for (unsigned i = 0; i < sizeof(frame); i++)
        frame[i] = 0x5a;
}

/* Stack pages are zero, whoever had them before. */
static void fresh_stack_is_zero(void)
{
    for (int i = 0; i < 5; i++) {
        CHECK(in_child(dirty_stack, 0) == 0, "filling");
        CHECK(in_child(check_fresh_stack, 0) == 0, "stale stack");
    }
}

/* ---- instructions ---- */

/* A page with code in it. */
static uint16_t *make_code(const uint16_t *code, size_t n, size_t at)
{
    uint16_t *page = (uint16_t *)new_pages(2);

    memcpy((char *)page + at, code, n);
    CHECK(mprotect(page, 8192, PROT_READ | PROT_EXEC) == 0, "mprotect: %s", strerror(errno));
    return page;
}

static void run_words(long code)
{
    ((void (*)(void))code)();
}

/* Instructions of four bytes, half on one page and half on the next, both not there yet. */
static void instruction_across_pages(void)
{
    static const uint16_t nop_ret[] = {0x0013, 0x0000, 0x8082};
    static const uint16_t getpid_ret[] = {0x0893, 0x0ac0, 0x0073, 0x0000, 0x8082}; /* li a7, 172; ecall */
    char *code = (char *)make_code(nop_ret, sizeof(nop_ret), 4094);

    CHECK(in_child(run_words, (long)code + 4094) == 0, "nop across two pages");
    code = (char *)make_code(getpid_ret, sizeof(getpid_ret), 4090);
    CHECK(((long (*)(void))(code + 4090))() == getpid(), "ecall across two pages");
}

/* The second half is missing: the fault is the program's. */
static void instruction_ends_nowhere(void)
{
    static const uint16_t half[] = {0x0013};
    char *code = (char *)make_code(half, sizeof(half), 4094);

    munmap(code + 4096, 4096);
    expect_signal(run_words, (long)code + 4094, SIGSEGV, "half an instruction");
}

static void odd_jump(long addr)
{
    __asm__ volatile("jr %0" ::"r"(addr));
}

/* The lowest bit of a jump's target is ignored by the hardware; the rest must be mapped executable. */
static void jumps(void)
{
    static const uint16_t ret[] = {0x8082};
    char *code = (char *)make_code(ret, sizeof(ret), 0);

    CHECK(in_child(run_words, (long)code + 1) == 0, "an odd address");
    expect_signal(odd_jump, (long)sbrk(4096) + 4096, SIGSEGV, "jump to the heap");
    expect_signal(odd_jump, (long)&code, SIGSEGV, "jump to the stack");
    expect_signal(odd_jump, -2, SIGSEGV, "jump to the last address");
}

static void misaligned_atomic(long addr)
{
    __asm__ volatile("amoadd.w zero, zero, (%0)" ::"r"(addr) : "memory");
}

static void misaligned_accesses(void)
{
    static uint64_t words[4] = {0x0807060504030201, 0x100f0e0d0c0b0a09};
    char *p = (char *)words;

    CHECK(*(volatile uint32_t *)(p + 1) == 0x05040302, "misaligned read gave 0x%x",
          *(volatile uint32_t *)(p + 1));
    CHECK(*(volatile uint64_t *)(p + 3) == 0x0b0a090807060504, "misaligned read gave 0x%lx",
          *(volatile uint64_t *)(p + 3));
    int status = in_child(misaligned_atomic, (long)p + 1); /* by the hardware's choice */
    CHECK(status == 0 || WAIT_SIGNAL(status) == SIGBUS || WAIT_SIGNAL(status) == SIGSEGV,
          "misaligned atomic: wait status 0x%x", status);
    status = in_child(misaligned_atomic, (long)p);
    CHECK(status == 0, "aligned atomic: wait status 0x%x", status);
}

/* rdcycle, rdtime and rdinstret may be read; they do not run backwards in one process. */
static void counters(void)
{
    uint64_t t, last = 0, c, i;

    for (int k = 0; k < 1000; k++) {
        __asm__ volatile("rdtime %0" : "=r"(t));
        CHECK(t >= last, "time went from %lu to %lu", last, t);
        last = t;
    }
    __asm__ volatile("rdcycle %0; rdinstret %1" : "=r"(c), "=r"(i));
}

static void use_float(long n)
{
    volatile double x = 1;

    for (long i = 0; i < 2000; i++) {
        x = x * 1.5 + n;
        x = (x - n) / 1.5;
        if (i % 100 == 0)
            sys_sched_yield(0);
    }
    CHECK(x > 0.99 && x < 1.01, "floating point in child %ld went wrong", n);
}

static void float_in_many(void)
{
    in_children(8, use_float);
}

/* The child has the floating-point registers that its parent has at that moment. */
static void read_float(long unused)
{
    uint64_t bits;
    (void)unused;
    __asm__ volatile("fmv.x.d %0, f27" : "=r"(bits));
    CHECK(bits == 0x123456789, "after fork, f27 holds 0x%lx, expected 0x123456789", bits);
}

static void float_after_fork(void)
{
    uint64_t bits = 0x123456789, after;

    __asm__ volatile("fmv.d.x f27, %0" ::"r"(bits) : "f27");
    CHECK(in_child(read_float, 0) == 0, "child");
    __asm__ volatile("fmv.x.d %0, f27" : "=r"(after));
}

static void crash_in_turn(long i)
{
    for (int k = 0; k < 10; k++) {
        int status = in_child(write_at, i * 16);
        CHECK(WAIT_SIGNAL(status) == SIGSEGV, "wait status 0x%x", status);
    }
}

/* Messages of many at once: no deadlock, and the rest runs on. */
static void flood_of_faults(void)
{
    in_children(8, crash_in_turn);
}

static const struct test tests[] = {
    TEST(kernmem),
    TEST(MAXVAplus),
    TEST(textwrite),
    TEST(write_to_constant),
    TEST(nowrite),
    TEST(pgbug),
    TEST(bsstest),
    TEST(stacktest),
    TEST(fresh_stack_is_zero),
    TEST(instruction_across_pages),
    TEST(instruction_ends_nowhere),
    TEST(jumps),
    TEST(misaligned_accesses),
    TEST(counters),
    TEST(float_in_many),
    TEST(float_after_fork),
    TEST(flood_of_faults),
};
const struct topic topic_fault = {"fault", tests, sizeof(tests) / sizeof(tests[0])};
