/* The end: panic for a kernel that is wrong, boot_fail for a machine that lacks something.
 *
 * The first hart to panic owns the rest: it silences the others, prints without locks (their holders may
 * have been stopped) and powers off with status 125. A hart that panics second parks. A panic within the
 * panic powers off at once; should that fail as well, the hart parks, too. */
#include "lib/printk.h"
#include "drivers/drivers.h"
#include "mm/aspace.h"
#include "proc/cpu.h"
#include "trap/riscv.h"

#define PANIC_STATUS   125
#define BACKTRACE_MAX  32
#define PANIC_TEXT_MAX 256

static struct proc *panic_owner; /* the process on the hart that panics; NULL: no panic */

bool panicking(void)
{
    return unlikely(__atomic_load_n(&panic_owner, __ATOMIC_RELAXED) == current());
}

/* A frame pointer points just above the return address and the caller's frame pointer (RISC-V psABI, "Frame
 * Pointer Convention"). Frames must lie within this stack and rise, so damaged ones end the walk. */
static void print_backtrace(const struct proc *p)
{
    uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
    uintptr_t low = p->kstack, high = p->kstack + KSTACK_SIZE;
    for (int i = 0; i < BACKTRACE_MAX && frame % 16 == 0 && frame >= low + 16 && frame <= high; i++) {
        const uintptr_t *top = (const uintptr_t *)frame;
        printk("  at 0x%lx\n", top[-1]);
        low = frame;
        frame = top[-2];
    }
}

void panic(const char *format, ...)
{
    static int recursion;
    struct proc *p = current(), *nobody = NULL;
    irq_disable();
    if (!__atomic_compare_exchange_n(&panic_owner, &nobody, p, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        if (panicking() && recursion++ == 0)
            machine_power_off(PANIC_STATUS);
        for (;;)
            wfi(); /* interrupts are off: the owner powers the machine off */
    }
    cpu_stop_others();
    uart_panic();

    char text[PANIC_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    printk("panic: %s\n", text);
    printk("hart %u, pid %d (%.*s)\n", p->cpu != NULL ? p->cpu->index : 0, p->pid, PROC_NAME_MAX, p->name);
    print_backtrace(p);
    machine_power_off(PANIC_STATUS);
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
