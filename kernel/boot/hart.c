/* Harts: their struct cpu and idle process, starting them through the firmware, interrupting and stopping
 * them. */
#include "boot/sbi.h"
#include "boot/entry.h"
#include "drivers/drivers.h"
#include "lib/printk.h"
#include "mm/aspace.h"
#include "mm/page.h"
#include "proc/cpu.h"
#include "proc/sched.h"
#include "trap/riscv.h"
#include "trap/timer.h"
#include "trap/trap.h"

struct cpu cpus[MAX_HARTS];
static struct proc boot_proc; /* the boot hart's flow of control until its idle process takes over */
static volatile bool stopping;

/* What a starting hart finds through a1 (entry.S); one for each, since they start at the same time. */
static struct hart_boot {
    uint64_t satp, stack;
    struct proc *proc;
} hart_boots[MAX_HARTS];
_Static_assert(offsetof(struct hart_boot, satp) == HART_BOOT_SATP, "entry.S");
_Static_assert(offsetof(struct hart_boot, stack) == HART_BOOT_STACK, "entry.S");
_Static_assert(offsetof(struct hart_boot, proc) == HART_BOOT_PROC, "entry.S");

extern char boot_stack_top[]; /* entry.S */
void hart_entry(void);        /* entry.S */
_Noreturn void hart_main(void);

static void init_cpu(struct cpu *c, unsigned index, uint64_t hartid)
{
    c->index = index;
    c->hartid = hartid;
    sched_init_cpu(c);
}

void hart_init_boot(uint64_t hartid)
{
    boot_proc.cpu = &cpus[0];
    boot_proc.kstack = (vaddr_t)boot_stack_top - KSTACK_SIZE;
    boot_proc.on_cpu = true;
    boot_proc.state = PROC_RUNNING;
    __asm__ volatile("mv tp, %0" ::"r"(&boot_proc));
    init_cpu(&cpus[0], 0, hartid);
    cpus[0].running = &boot_proc;
}

/* What each hart does for itself, once memory and the clock are there. */
static void init_hart(void)
{
    trap_init_hart();
    timer_init_hart();
    plic_init_hart();
    __atomic_store_n(&mycpu()->online, true, __ATOMIC_RELEASE);
}

_Noreturn void hart_main(void)
{
    kvm_init_hart();
    init_hart();
    sched_idle(NULL);
}

/* Starts hart i and waits for it, 1 s at most. */
static void start(unsigned i)
{
    struct cpu *c = &cpus[i];
    struct hart_boot *boot = &hart_boots[i];
    uint64_t limit;

    *boot = (struct hart_boot){csr_read(satp), (uint64_t)c->idle->tf, c->idle};
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* memory before the call into the firmware */
    struct sbi_ret r =
        sbi_hart_start(c->hartid, (paddr_t)hart_entry - KERNEL_OFFSET, (paddr_t)boot - KERNEL_OFFSET);
    if (r.error) {
        printk("lode: hart %lu does not start (SBI error %ld): going on without it\n", c->hartid, r.error);
        return;
    }
    limit = time_monotonic() + 1000000000ull;
    while (!__atomic_load_n(&c->online, __ATOMIC_ACQUIRE)) {
        if (time_monotonic() > limit) {
            printk("lode: hart %lu was started but does not answer: going on without it\n", c->hartid);
            return;
        }
    }
}

void hart_start_all(void)
{
    for (unsigned i = 0; i < machine.nharts; i++) {
        if (i > 0)
            init_cpu(&cpus[i], i, machine.hartid[i]);
        cpus[i].idle = proc_create_idle(&cpus[i]);
        if (i > 0)
            cpus[i].running = cpus[i].idle;
    }
    init_hart();
    if (machine.nharts > 1 && !sbi_has_hsm()) {
        printk("lode: the firmware has no HSM extension: one hart only\n");
        return;
    }
    if (machine.nharts > 1 && !sbi_has_ipi()) {
        printk("lode: the firmware has no IPI extension: one hart only\n");
        return;
    }
    for (unsigned i = 1; i < machine.nharts; i++)
        start(i);
}

void cpu_kick(struct cpu *c)
{
    sbi_send_ipi(c->hartid);
}

_Noreturn static void park(void)
{
    irq_disable();
    csr_write(sie, 0);
    for (;;)
        wfi();
}

void cpu_kicked(void)
{
    if (stopping)
        park();
}

void cpu_stop_others(void)
{
    stopping = true;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < machine.nharts; i++)
        if (&cpus[i] != current()->cpu && cpus[i].online)
            cpu_kick(&cpus[i]);
}
