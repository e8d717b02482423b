/* Signal handlers: called with the right arguments, and the program goes on as if nothing had been. */
#include "tests.h"

static volatile int called, last_signal;
static volatile uint64_t fault_address;
static volatile bool in_handler, nested;

static void count_call(int sig)
{
    called++;
    last_signal = sig;
}

static void set_handler(int sig, void (*handler)(int), uint64_t flags)
{
    struct abi_sigaction action = {.handler = (uint64_t)handler, .flags = flags};

    CHECK_CALL(0, sys_rt_sigaction(sig, (long)&action, 0, 8));
}

static void handler_is_called(void)
{
    called = 0;
    set_handler(SIGUSR1, count_call, 0);
    for (int i = 1; i <= 100; i++) {
        CHECK_CALL(0, sys_kill(getpid(), SIGUSR1));
        CHECK(called == i && last_signal == SIGUSR1, "after signal %d: %d calls, the last for signal %d", i,
              called, last_signal);
    }
}

static void interrupt_me(long parent)
{
    for (int i = 0; i < 20; i++) {
        sleep_ms(5);
        sys_kill(parent, SIGUSR2);
    }
}

/* Leaves other values in the floating-point registers that a function need not keep. */
static void count_and_calculate(int sig)
{
    count_call(sig);
    __asm__ volatile("fcvt.d.l ft0, %0; fmv.d ft1, ft0; fmv.d ft2, ft0; fmv.d ft3, ft0; fmv.d ft4, ft0;"
                     "fmv.d ft5, ft0; fmv.d ft6, ft0; fmv.d ft7, ft0; fmv.d fa0, ft0; fmv.d fa1, ft0;"
                     "fmv.d fa2, ft0; fmv.d fa3, ft0; fmv.d fa4, ft0; fmv.d fa5, ft0; fmv.d fa6, ft0;"
                     "fmv.d fa7, ft0" ::"r"(12345l)
                     : "ft0", "ft1", "ft2", "ft3", "ft4", "ft5", "ft6", "ft7", "fa0", "fa1", "fa2", "fa3",
                       "fa4", "fa5", "fa6", "fa7");
}

/* A handler at any point of a computation in all kinds of registers: the result is the same. */
static void handler_keeps_registers(void)
{
    called = 0;
    set_handler(SIGUSR2, count_and_calculate, 0);
    int pid = start_child(interrupt_me, getpid());
    while (called < 10) {
        double f = 1;
        uint64_t n = 1;
        for (int i = 0; i < 20000; i++) {
            f = f * 1.0000001 + 0.5;
            n = n * 6364136223846793005ul + 1442695040888963407ul;
        }
        static double first_f;
        static uint64_t first_n;
        if (!first_n)
            first_f = f, first_n = n;
        CHECK(n == first_n && f == first_f, "another result after %d signals", called);
    }
    sendsig(pid, SIGKILL);
    wait_for(pid);
}

static void note_nesting(int sig)
{
    nested |= in_handler;
    in_handler = true;
    if (called++ == 0)
        sys_kill(getpid(), sig);
    in_handler = false;
}

/* The signal is blocked while its handler runs, and comes afterwards; with SA_NODEFER it comes at once. */
static void handler_blocks_its_signal(void)
{
    called = 0;
    nested = in_handler = false;
    set_handler(SIGUSR1, note_nesting, 0);
    sys_kill(getpid(), SIGUSR1);
    CHECK(called == 2 && !nested, "%d calls, nested: %d", called, nested);
    called = 0;
    set_handler(SIGUSR1, note_nesting, SA_NODEFER);
    sys_kill(getpid(), SIGUSR1);
    CHECK(called == 2 && nested, "with SA_NODEFER: %d calls, nested: %d", called, nested);
}

static void blocked_signals_wait(void)
{
    uint64_t set = 1ul << (SIGUSR1 - 1), old;

    called = 0;
    set_handler(SIGUSR1, count_call, 0);
    CHECK_CALL(0, sys_rt_sigprocmask(SIG_BLOCK, (long)&set, (long)&old, 8));
    sys_kill(getpid(), SIGUSR1);
    CHECK(called == 0, "a blocked signal was delivered");
    CHECK_CALL(0, sys_rt_sigprocmask(SIG_SETMASK, (long)&old, 0, 8));
    CHECK(called == 1, "%d calls after unblocking", called);
}

static void handler_resets(void)
{
    set_handler(SIGUSR1, count_call, SA_RESETHAND);
    sys_kill(getpid(), SIGUSR1);
    struct abi_sigaction now;
    CHECK_CALL(0, sys_rt_sigaction(SIGUSR1, 0, (long)&now, 8));
    CHECK(now.handler == SIGNAL_DEFAULT, "the handler is still set");
}

static void signal_then_byte(long fd)
{
    sleep_ms(30);
    sys_kill(getppid(), SIGUSR1);
    sleep_ms(30);
    write(fd, "x", 1);
}

/* A handler ends a read with EINTR; with SA_RESTART the read goes on. */
static void interrupted_calls(void)
{
    int p[2];
    char c = 0;

    CHECK(pipe(p) == 0, "pipe");
    set_handler(SIGUSR1, count_call, 0);
    int pid = start_child(signal_then_byte, p[1]);
    CHECK_CALL(-EINTR, sys_read(p[0], (long)&c, 1));
    CHECK_CALL(1, sys_read(p[0], (long)&c, 1));
    wait_for(pid);
    set_handler(SIGUSR1, count_call, SA_RESTART);
    pid = start_child(signal_then_byte, p[1]);
    CHECK_CALL(1, sys_read(p[0], (long)&c, 1));
    CHECK_CALL(pid, sys_wait4(pid, 0, 0, 0));
}

static void note_fault(int sig, struct abi_siginfo *info, struct abi_ucontext *context)
{
    last_signal = sig;
    memcpy((void *)&fault_address, &info->pid, sizeof(fault_address));
    context->regs[0] += 4; /* over the instruction, which is not a compressed one */
}

static void handler_of_faults(void)
{
    set_handler(SIGSEGV, (void (*)(int))(void *)note_fault, 4);
    __asm__ volatile(".option push; .option norvc; sd zero, 64(zero); .option pop" ::: "memory");
    CHECK(last_signal == SIGSEGV && fault_address == 64, "signal %d, address 0x%lx", last_signal,
          fault_address);
}

static void handler_without_stack(long unused)
{
    (void)unused;
    set_handler(SIGUSR1, count_call, 0);
    __asm__ volatile("mv sp, %0; li a7, 172; ecall; li a1, 10; li a7, 129; ecall" ::"r"(64l));
}

static void return_without_frame(long unused)
{
    (void)unused;
    __asm__ volatile("mv sp, zero; li a7, 139; ecall");
}

static void bad_frames(void)
{
    int status = in_child(handler_without_stack, 0);
    CHECK(WAIT_SIGNAL(status) == SIGSEGV, "a handler without a stack: status 0x%x", status);
    status = in_child(return_without_frame, 0);
    CHECK(WAIT_SIGNAL(status) == SIGSEGV, "rt_sigreturn without a frame: status 0x%x", status);
}

static void exit_at_once(void)
{
    sys_exit(0);
}

/* A frame that leaves in the registers what a call that was interrupted would, but no system call's number. */
static void return_to_odd_registers(long number)
{
    static struct {
        struct abi_siginfo info;
        struct abi_ucontext context;
    } frame __attribute__((aligned(16)));

    frame.context.regs[0] = (uint64_t)exit_at_once;
    frame.context.regs[2] = (uint64_t)&frame;
    frame.context.regs[10] = -EINTR;
    frame.context.regs[17] = (uint64_t)number;
    __asm__ volatile("mv sp, %0; li a7, 139; ecall" ::"r"(&frame) : "memory");
}

static void odd_registers_in_frames(void)
{
    for (int shift = 8; shift < 64; shift++) {
        int status = in_child(return_to_odd_registers, (long)(1ul << shift));
        CHECK(status == 0, "a7 = 1 << %d: status 0x%x", shift, status);
    }
}

/* Goes on with the registers in the frame, of which x3 to x31 hold their numbers: all must have arrived. */
static void return_to_all_registers(long unused)
{
    static struct {
        struct abi_siginfo info;
        struct abi_ucontext context;
    } frame __attribute__((aligned(16)));

    (void)unused;
    for (int i = 3; i < 32; i++)
        frame.context.regs[i] = (uint64_t)i;
    frame.context.regs[2] = (uint64_t)&frame;
    __asm__ volatile("la t0, 1f; sd t0, 0(%1); mv sp, %0; li a7, 139; ecall;"
                     "1: li x1, 0;"
                     ".irp n, 3,4,5,6,7,8,9,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31;"
                     "addi x\\n, x\\n, -\\n; or x1, x1, x\\n; .endr;"
                     "snez a0, x1; li a7, 93; ecall" ::"r"(&frame),
                     "r"(frame.context.regs)
                     : "memory", "t0");
}

static void all_registers_in_frames(void)
{
    int status = in_child(return_to_all_registers, 0);
    CHECK(status == 0, "rt_sigreturn has not set all registers: status 0x%x", status);
}

static void exit_after_a_while(long status)
{
    sleep_ms(30);
    exit(status);
}

/* The signal that tells of a child's end does not keep wait from seeing it. */
static void wait_with_handler(void)
{
    called = 0;
    set_handler(SIGCHLD, count_call, 0);
    int status, pid = start_child(exit_after_a_while, 3);
    CHECK_CALL(pid, sys_wait4(pid, (long)&status, 0, 0));
    CHECK(WAIT_EXIT_CODE(status) == 3 && called == 1, "status 0x%x, %d calls", status, called);
}

static void handlers_across_fork_and_exec(void)
{
    char *argv[] = {"sh", "-c", "kill -USR1 $$; exit 7", NULL};

    called = 0;
    set_handler(SIGUSR1, count_call, 0);
    int pid = fork();
    if (pid == 0) {
        sys_kill(getpid(), SIGUSR1);
        CHECK(called == 1, "the child has no handler");
        execve("/bin/sh", argv, environ);
        exit(9);
    }
    int status = wait_for(pid);
    CHECK(WAIT_SIGNAL(status) == SIGUSR1, "after exec: status 0x%x", status);
    CHECK(called == 0, "the parent's handler was called");
}

static const struct test tests[] = {
    TEST(handler_is_called),
    TEST(handler_keeps_registers),
    TEST(handler_blocks_its_signal),
    TEST(blocked_signals_wait),
    TEST(handler_resets),
    TEST(interrupted_calls),
    TEST(handler_of_faults),
    TEST(bad_frames),
    TEST(odd_registers_in_frames),
    TEST(all_registers_in_frames),
    TEST(wait_with_handler),
    TEST(handlers_across_fork_and_exec),
};
const struct topic topic_signal = {"signal", tests, sizeof(tests) / sizeof(tests[0])};
