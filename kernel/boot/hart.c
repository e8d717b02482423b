/* Harts: their struct cpu and idle process, starting them through the firmware, interrupting and stopping
 * them. */
#include "boot/sbi.h"
#include "boot/entry.h"
#include "debug/check.h"
#include "drivers/drivers.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/aspace.h"
#include "mm/pagetable.h"
#include "proc/cpu.h"
#include "proc/sched.h"
#include "trap/riscv.h"
#include "trap/timer.h"
#include "trap/trap.h"

struct cpu cpus[MAX_HARTS]; /* the boot hart's is the first */
static volatile bool stopping;
static struct proc boot_proc; /* the boot hart's idle process; it runs main first */

/* What a starting hart finds through a1 (entry.S); one for each, since they start at the same time. */
static struct hart_boot {
    uint64_t satp, stack;
    struct proc *proc;
} hart_boots[MAX_HARTS];
_Static_assert(offsetof(struct hart_boot, satp) == HART_BOOT_SATP, "entry.S");
_Static_assert(offsetof(struct hart_boot, stack) == HART_BOOT_STACK, "entry.S");
_Static_assert(offsetof(struct hart_boot, proc) == HART_BOOT_PROC, "entry.S");

extern char boot_stack_top[];   /* entry.S */
extern paddr_t hart_starting;   /* entry.S: for a hart that comes in at the wrong door */
void hart_entry(void);          /* entry.S */
_Noreturn void hart_main(void); /* called by it */

static void init_cpu(unsigned index, uint64_t hartid, struct proc *idle)
{
    struct cpu *c = &cpus[index];

    c->index = index;
    c->hartid = hartid;
    c->idle = idle;
    sched_init_cpu(c);
}

void hart_init_boot(uint64_t hartid)
{
    boot_proc.cpu = &cpus[0];
    boot_proc.kstack = (vaddr_t)boot_stack_top - KSTACK_SIZE;
    boot_proc.on_cpu = true;
    boot_proc.state = PROC_RUNNING;
    strlcpy(boot_proc.name, "idle", sizeof(boot_proc.name));
    __asm__ volatile("mv tp, %0" ::"r"(&boot_proc));
    init_cpu(0, hartid, &boot_proc);
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

/* Starts a hart and waits for it, 1 s at most. It gives it its turn meanwhile (timer_end_turn). */
static void start(struct cpu *c)
{
    struct hart_boot *boot = &hart_boots[c->index];

    *boot = (struct hart_boot){csr_read(satp), (uint64_t)c->idle->tf, c->idle};
    hart_starting = (paddr_t)boot - KERNEL_OFFSET;
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* memory before the call into the firmware */
    struct sbi_ret r = sbi_hart_start(c->hartid, (paddr_t)hart_entry - KERNEL_OFFSET, hart_starting);
    if (r.error) {
        printk("lode: hart %lu does not start (SBI error %ld): going on without it\n", c->hartid, r.error);
        return;
    }
    uint64_t limit = time_monotonic() + 1000000000ull;
    while (!__atomic_load_n(&c->online, __ATOMIC_ACQUIRE)) {
        timer_end_turn();
        wfi();
        if (time_monotonic() > limit) {
            printk("lode: hart %lu was started but does not answer: going on without it\n", c->hartid);
            return;
        }
    }
}

void hart_start_all(void)
{
    init_hart();
    if (!sbi_has_hsm || !sbi_has_ipi) {
        if (machine.nharts > 1)
            printk("lode: the firmware lacks one of the extensions HSM, IPI: one hart only\n");
        machine.nharts = 1;
    }
    for (unsigned i = 1; i < machine.nharts; i++)
        init_cpu(i, machine.hartid[i], proc_create_idle(&cpus[i]));
    for (unsigned i = 1; i < machine.nharts; i++)
        start(&cpus[i]);
}

void cpu_kick(struct cpu *c)
{
    sbi_send_ipi(c->hartid);
}

/* Interrupts are off here. New work needs no look: the idle loop sees it itself. */
void cpu_kicked(void)
{
    kvm_fence_answer();
    check_hold();
    if (stopping)
        cpu_park();
}

void cpu_park(void)
{
    struct cpu *c = mycpu();

    c->parked_frame = __builtin_frame_address(0);
    __atomic_store_n(&c->parked, current(), __ATOMIC_RELEASE); /* pairs with panic.c, which reads the stack */
    csr_write(sie, 0); /* or wfi would end at once for what is pending */
    for (;;)
        wfi();
}

void cpu_stop_others(void)
{
    stopping = true;
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* before the interrupts */
    for (unsigned i = 0; i < machine.nharts; i++)
        if (&cpus[i] != current()->cpu && cpus[i].online)
            cpu_kick(&cpus[i]);
}
