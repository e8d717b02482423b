/* main: from the first C instruction to the first process, as a list of what is brought up, in order. */
#include "boot/machine.h"
#include "boot/sbi.h"
#include "debug/coverage.h"
#include "debug/debug.h"
#include "drivers/drivers.h"
#include "fs/file.h"
#include "lib/printk.h"
#include "mm/aspace.h"
#include "mm/page.h"
#include "proc/cpu.h"
#include "proc/exec.h"
#include "proc/proc.h"
#include "proc/sched.h"
#include "sync/wait.h"
#include "trap/timer.h"
#include "trap/trap.h"

_Noreturn void main(uint64_t hartid, paddr_t fdt);

extern char kernel_start[], text_end[], kernel_end[]; /* kernel.ld */

static void print_machine(void)
{
    uint64_t ram = 0;

    for (unsigned i = 0; i < machine.nram; i++)
        ram += machine.ram[i].end - machine.ram[i].start;
    printk("lode: machine: %s, %u hart%s, booted on hart %lu, %lu MB of memory\n", machine.model,
           machine.nharts, machine.nharts == 1 ? "" : "s", machine.hartid[0], ram >> 20);
    printk("lode: kernel: %ld KB, of it %ld KB text; %lu KB of memory free\n",
           (kernel_end - kernel_start) >> 10, (text_end - kernel_start) >> 10,
           page_free_count() * PAGE_SIZE >> 10);
}

static void read_seed(void)
{
    char seed[24];

    if (!bootarg("seed", seed, sizeof(seed)))
        return;
    if (!DEBUG_BUILD)
        printk("lode: seed=%s has no effect: this is not a debug kernel (make DEBUG=1)\n", seed);
    debug_seed(seed);
}

/* The boot hart, on the boot stack, interrupts off. */
_Noreturn void main(uint64_t hartid, paddr_t fdt)
{
    hart_init_boot(hartid);                  /* current() and mycpu() work */
    trap_init_hart();                        /* a fault from here on says so */
    sbi_init();                              /* what the firmware can do */
    machine_probe(pa_kva(fdt), fdt, hartid); /* what the machine has */
    page_boot();                             /* physical pages */
    kvm_init();                              /* the kernel's page table, W^X */
    print_machine();
    power_init();   /* how to switch off, with a status */
    plic_init();    /* external interrupts */
    uart_init();    /* output by interrupts */
    console_init(); /* line discipline */
    timer_init();   /* the clock */
    printk("lode: clock: %lu Hz, timer by %s\n", machine.timebase, machine.sstc ? "stimecmp" : "SBI");
    rtc_init();                      /* the time of day */
    memdev_init();                   /* null, zero, random */
    coverage_init();                 /* in a build for the fuzzer */
    debug_fail_init();               /* failures on demand */
    wait_init();                     /* wait queues */
    proc_init();                     /* process table */
    ramdisk_init();                  /* a disk in memory, or */
    virtio_init();                   /* disk, entropy */
    random_init();                   /* seeded from both */
    canary_init();                   /* of kernel stacks */
    read_seed();                     /* of orders that chance decides */
    hart_start_all();                /* idle processes; the other harts run them */
    proc_start_init(exec_init_main); /* process 1: mounts the root, then /bin/init */
    sched_idle(NULL);                /* this flow of control is the boot hart's idle process from now on */
}
