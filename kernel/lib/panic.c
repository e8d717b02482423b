/* The end: panic for a kernel that is wrong, boot_fail for a machine that lacks something, and the time limit.
 *
 * The first hart to panic owns the rest: it silences the others, prints without locks (their holders may
 * have been stopped) and powers off with status 125. A hart that panics second parks. A panic within the
 * panic powers off at once; should that fail as well, the hart parks, too. Running out of time ends the same way. */
#include "lib/printk.h"
#include "abi/time.h"
#include "drivers/drivers.h"
#include "mm/aspace.h"
#include "proc/cpu.h"
#include "trap/riscv.h"

#define PANIC_STATUS   125
#define LIMIT_STATUS   124
#define PANIC_TEXT_MAX 256

static struct proc *panic_owner; /* the process on the hart that panics; NULL: no panic */

bool panicking(void)
{
    return unlikely(__atomic_load_n(&panic_owner, __ATOMIC_RELAXED) == current());
}

/* A frame pointer points just above the return address and the caller's frame pointer (RISC-V psABI, "Frame
 * Pointer Convention"); in a function that calls none, just above the latter. Frames must lie within this stack and
 * rise, so damaged ones end the walk. */
unsigned stack_trace(const struct proc *p, uintptr_t frame, uintptr_t *at, unsigned max)
{
    uintptr_t low = p->kstack, high = p->kstack + KSTACK_SIZE;
    unsigned n = 0;
    while (n < max && frame % 16 == 0 && frame >= low + 16 && frame <= high) {
        const uintptr_t *top = (const uintptr_t *)frame;
        bool leaf = top[-1] > frame && top[-1] <= high;
        if (!leaf)
            at[n++] = top[-1];
        low = frame;
        frame = top[leaf ? -1 : -2];
    }
    return n;
}

void print_stack(const struct proc *p, uintptr_t frame)
{
    uintptr_t at[BACKTRACE_MAX];
    unsigned n = stack_trace(p, frame, at, BACKTRACE_MAX);
    for (unsigned i = 0; i < n; i++)
        printk("  at 0x%lx\n", at[i]);
}

static void print_hart(const struct cpu *c, const struct proc *p, uintptr_t frame)
{
    printk("hart %u, pid %d (%.*s)\n", c != NULL ? c->index : 0, p->pid, PROC_NAME_MAX, p->name);
    print_stack(p, frame);
}

/* Makes this hart the one that ends the machine, and stops the others. Returns once, and to one of them. */
static void seize(void)
{
    static int recursion;
    struct proc *nobody = NULL;
    irq_disable();
    if (!__atomic_compare_exchange_n(&panic_owner, &nobody, current(), false, __ATOMIC_RELAXED,
                                     __ATOMIC_RELAXED)) {
        if (panicking() && recursion++ == 0)
            machine_power_off(PANIC_STATUS);
        cpu_park(); /* the owner powers the machine off */
    }
    cpu_stop_others();
    uart_panic();
}

/* This hart's stack and those of the others. One that does not take its interrupt keeps interrupts off: it may be
 * waiting for a spin lock. */
static void print_harts(uintptr_t frame)
{
    const struct cpu *self = current()->cpu;
    print_hart(self, current(), frame);
    for (const struct cpu *c = cpus; c < cpus + machine.nharts; c++) {
        struct proc *p = NULL;
        if (c == self || !c->online)
            continue;
        for (uint64_t start = rdtime(); p == NULL && rdtime() - start < machine.timebase; timer_end_turn())
            p = __atomic_load_n(&c->parked, __ATOMIC_ACQUIRE);
        if (p != NULL)
            print_hart(c, p, (uintptr_t)c->parked_frame);
        else
            printk("hart %u does not answer: it keeps interrupts off\n", c->index);
    }
}

void panic(const char *format, ...)
{
    char text[PANIC_TEXT_MAX];
    va_list args;
    seize();
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    printk("panic: %s\n", text);
    print_harts((uintptr_t)__builtin_frame_address(0));
    machine_power_off(PANIC_STATUS);
}

void panic_out_of_time(const char *why, uint64_t ns)
{
    seize();
    printk("%s %lu s\n", why, (uint64_t)(ns / NSEC_PER_SEC));
    print_harts((uintptr_t)__builtin_frame_address(0));
    proc_print_all();
    machine_power_off(LIMIT_STATUS);
}

void boot_fail(const char *format, ...)
{
    char text[PANIC_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    printk("lode: cannot boot: %s\n", text);
    machine_power_off(1);
}
