/* Tests of sigalarm and sigreturn. See README.md for what they do. */
#include "alarm.h"

static void part_exists(void)
{
    set_alarm(5, count_call);
    set_alarm(0, NULL);
    long result = sigalarm(-1, count_call);
    EXPECT(result == -EINVAL, "sigalarm with -1 ticks returned %ld, expected %d (EINVAL)", result, -EINVAL);
    result = call(SIGRETURN, 0, 0, 0);
    EXPECT(result == -EINVAL, "sigreturn outside a handler returned %ld, expected %d (EINVAL)", result,
           -EINVAL);
}

static void part_called(void)
{
    set_alarm(2, count_call);
    spin_until_called(1);
}

static void expect_calls(int ticks, int ms)
{
    int want = ms / TICK_MS / ticks;

    calls = 0;
    set_alarm(ticks, count_call);
    spin_ms(ms);
    set_alarm(0, NULL);
    EXPECT(calls >= want - 2 && calls <= want + 1,
           "an alarm every %d ticks, %d ms of computing: expected about %d calls of the handler, there were "
           "%d",
           ticks, ms, want, calls);
}

static void part_repeats(void)
{
    expect_calls(1, 200);
    expect_calls(2, 200);
    expect_calls(10, 500);
}

/* Stops the alarm from inside. */
static void stopping_handler(void)
{
    calls = calls + 1;
    set_alarm(0, NULL);
    sigreturn();
}

static void part_stops(void)
{
    set_alarm(1, count_call);
    spin_until_called(1);
    set_alarm(0, NULL);
    int before = calls;
    spin_ms(100);
    EXPECT(calls == before, "the handler was called %d times after sigalarm(0, 0)", calls - before);
    set_alarm(2, stopping_handler);
    spin_ms(200);
    EXPECT(calls == before + 1, "a handler that calls sigalarm(0, 0): expected 1 call, there were %d",
           calls - before);
}

/* ---- registers ---- */

/* hold_registers: gives each register a value of its own, waits until `calls` is not 0, and stores what the
 * registers are then at `seen`. All but sp (which must be right for that) and t0, which it waits with;
 * hold_t0 waits with t1 instead. hold_floats does the same with f0 to f31 and fcsr.
 * trash_handler: a handler that gives every register another value before sigreturn, sp as well. It sleeps once
 * the floating-point registers have theirs, so that the kernel saves those. */
static const struct abi_timespec short_time __attribute__((used)) = {0, 1000000};
void hold_registers(uint64_t seen[32]);
void hold_t0(uint64_t seen[32]);
void hold_floats(uint64_t seen[33]);
void trash_handler(void);

/* clang-format off */
#define ALL_BUT_SP   "1,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31"
#define CALLEE_SAVED "1,3,4,8,9,18,19,20,21,22,23,24,25,26,27"
#define ALL_FLOATS   "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31"

/* On the stack: a0 and what a function has to keep, below 256; what was seen, from there on. */
#define HOLD(name, wait) \
    ".globl " name "\n" name ":\n" \
    "    addi sp, sp, -512\n" \
    "    sd a0, 0(sp)\n" \
    ".irp n, " CALLEE_SAVED "\n    sd x\\n, 8*\\n(sp)\n.endr\n" \
    ".irp n, " ALL_BUT_SP "\n    li x\\n, 0x5a5a0000 + \\n\n.endr\n" \
    "1:  la " wait ", calls\n    lw " wait ", 0(" wait ")\n    beqz " wait ", 1b\n" \
    ".irp n, " ALL_BUT_SP "\n    sd x\\n, 256 + 8*\\n(sp)\n.endr\n" \
    ".irp n, " CALLEE_SAVED "\n    ld x\\n, 8*\\n(sp)\n.endr\n" \
    "    ld a0, 0(sp)\n" \
    ".irp n, " ALL_BUT_SP "\n    ld t0, 256 + 8*\\n(sp)\n    sd t0, 8*\\n(a0)\n.endr\n" \
    "    addi sp, sp, 512\n    ret\n"

__asm__(".text\n.option push\n.option norelax\n"
    HOLD("hold_registers", "t0")
    HOLD("hold_t0", "t1")
    ".globl hold_floats\nhold_floats:\n"
    "    addi sp, sp, -96\n"
    ".irp n, 8,9,18,19,20,21,22,23,24,25,26,27\n    fsd f\\n, 0(sp)\n    addi sp, sp, 8\n.endr\n"
    "    addi sp, sp, -96\n"
    ".irp n, " ALL_FLOATS "\n    li t0, 0x5a5a0000 + \\n\n    fmv.d.x f\\n, t0\n.endr\n"
    "    li t0, 0x61\n    fscsr t0\n"
    "1:  la t0, calls\n    lw t0, 0(t0)\n    beqz t0, 1b\n"
    ".irp n, " ALL_FLOATS "\n    fsd f\\n, 8*\\n(a0)\n.endr\n"
    "    frcsr t0\n    sd t0, 256(a0)\n    fscsr zero\n"
    ".irp n, 8,9,18,19,20,21,22,23,24,25,26,27\n    fld f\\n, 0(sp)\n    addi sp, sp, 8\n.endr\n"
    "    ret\n"
    ".globl trash_handler\ntrash_handler:\n"
    "    la t0, calls\n    li t1, 1\n    sw t1, 0(t0)\n"
    "    li t0, 0xbad\n"
    ".irp n, " ALL_FLOATS "\n    fmv.d.x f\\n, t0\n.endr\n"
    "    li t0, 0x1f\n    fscsr t0\n"
    "    la a0, short_time\n    li a1, 0\n    li a7, 101\n    ecall\n"
    "    li sp, 0xbad\n"
    ".irp n, " ALL_BUT_SP "\n    li x\\n, 0xbad\n.endr\n"
    "    li a7, 247\n    ecall\n"
    "    ebreak\n" /* sigreturn has come back */
    ".option pop\n");
/* clang-format on */

static const char *const names[32] = {"zero", "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "s0", "s1", "a0",
                                      "a1",   "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
                                      "s6",   "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"};

static void expect_held(const uint64_t seen[32], int n)
{
    uint64_t want = 0x5a5a0000 + n;

    EXPECT(seen[n] == want, "register %s was 0x%lx before the handler, and 0x%lx after sigreturn", names[n],
           want, seen[n]);
}

static void part_registers(void)
{
    uint64_t seen[32];

    set_alarm(1, trash_handler);
    for (int round = 0; round < 5; round++) {
        calls = 0;
        hold_registers(seen);
        for (int n = 1; n < 32; n++)
            if (n != 2 && n != 5)
                expect_held(seen, n);
        calls = 0;
        hold_t0(seen);
        expect_held(seen, 5);
    }
}

static void part_floats(void)
{
    uint64_t seen[33];

    set_alarm(1, trash_handler);
    for (int round = 0; round < 5; round++) {
        calls = 0;
        hold_floats(seen);
        for (int n = 0; n < 32; n++)
            EXPECT(seen[n] == 0x5a5a0000u + n,
                   "register f%d was 0x%x before the handler, and 0x%lx after sigreturn", n, 0x5a5a0000u + n,
                   seen[n]);
        EXPECT(seen[32] == 0x61, "fcsr was 0x61 before the handler, and 0x%lx after sigreturn", seen[32]);
    }
}

/* ---- one at a time ---- */

static volatile int inside, deepest;

static void slow_handler(void)
{
    inside = inside + 1;
    if (inside > deepest)
        deepest = inside;
    calls = calls + 1;
    spin_ms(5 * TICK_MS);
    inside = inside - 1;
    sigreturn();
}

static void part_reentry(void)
{
    set_alarm(1, slow_handler);
    spin_until_called(4);
    EXPECT(deepest == 1, "the handler was called again while it ran, %d deep", deepest);
}

/* ---- time ---- */

static void part_sleeping(void)
{
    int64_t start = now_ms();

    set_alarm(1, count_call);
    sleep_us(500000);
    set_alarm(0, NULL);
    int64_t slept = now_ms() - start;
    EXPECT(slept >= 500, "a sleep of 500 ms ended after %ld ms: an alarm interrupts no sleep", slept);
    EXPECT(calls <= 1,
           "while the process slept for 500 ms the handler was called %d times; only ticks that find it "
           "running count",
           calls);
}

/* ---- bad handlers ---- */

static void returning_handler(void)
{
}

/* A child with a handler at that address must be ended by SIGSEGV. */
static void expect_segv(long address, const char *what)
{
    int pid = fork_or_fail();

    if (pid == 0) {
        set_alarm(1, (void (*)(void))address);
        spin_ms(200);
        exit(77);
    }
    int status = wait_status(pid);
    if (WAIT_HAS_EXITED(status) && WAIT_EXIT_CODE(status) == 1)
        exit(1); /* it has said why */
    EXPECT(!WAIT_HAS_EXITED(status), "%s: expected the process to end by signal %d (SIGSEGV), it went on",
           what, SIGSEGV);
    EXPECT(WAIT_SIGNAL(status) == SIGSEGV,
           "%s: expected the process to end by signal %d (SIGSEGV), it was signal %d", what, SIGSEGV,
           WAIT_SIGNAL(status));
}

static void part_bad(void)
{
    expect_segv(0, "a handler at address 0");
    expect_segv(0x1000000, "a handler where nothing is mapped");
    expect_segv((long)0xffffffc080200000, "a handler in the kernel");
    expect_segv((long)0x4000000000000000, "a handler at an address that is none");
    expect_segv((long)returning_handler, "a handler that returns");
}

int main(int argc, char **argv)
{
    static const struct part parts[] = {
        {"exists", part_exists},       {"called", part_called}, {"repeats", part_repeats},
        {"stops", part_stops},         {"floats", part_floats}, {"reentry", part_reentry},
        {"registers", part_registers}, {"bad", part_bad},       {"sleeping", part_sleeping},
    };

    return RUN_PART(parts, argc, argv);
}
