/* What the device tree says about the machine (Devicetree Specification 0.4; bindings of the devices named).
 * machine_probe fills `machine` once, on the boot hart, before memory management; constant afterwards. */
#pragma once
#include "lib/types.h"

#define MAX_HARTS        64 /* width of the masks of harts */
#define MACHINE_VIRTIO   32
#define MACHINE_RESERVED 16
#define MACHINE_RAM      8

struct mem_range {
    paddr_t start, end;
};

struct machine {
    unsigned nharts;             /* usable ones; status "disabled" and harts without MMU are left out */
    uint64_t hartid[MAX_HARTS];  /* by our index; index 0 is the boot hart */
    int plic_context[MAX_HARTS]; /* S-mode context of the PLIC for that hart, -1 = none */
    bool sstc;                   /* all harts have stimecmp */
    uint64_t timebase;           /* ticks of the time CSR a second */

    unsigned nram;
    struct mem_range ram[MACHINE_RAM];
    unsigned nreserved; /* memory reservation block, /reserved-memory, the device tree itself, the RAM disk */
    struct mem_range reserved[MACHINE_RESERVED];

    struct mem_range uart; /* empty = not there, here and below */
    unsigned uart_irq, uart_reg_shift;
    struct mem_range plic;
    unsigned plic_nirq; /* riscv,ndev */
    unsigned nvirtio;
    struct mem_range virtio[MACHINE_VIRTIO]; /* in order of address */
    unsigned virtio_irq[MACHINE_VIRTIO];
    struct mem_range ramdisk; /* boot arguments ramdisk= and ramdisk_end=; reserved */
    struct mem_range rtc;     /* google,goldfish-rtc */
    struct mem_range test;    /* sifive,test0 */
    char model[64];
    char bootargs[2048 * 8]; /* /chosen/bootargs; cut with a message when longer */
    uint8_t rng_seed[64];    /* /chosen/rng-seed */
    unsigned rng_seed_len;
};

extern struct machine machine;

/* Parse the flattened device tree at this (mapped) address. boot_fail in words where it is unusable: bad
 * magic or version, no RAM, no timebase, no harts. boot_hartid becomes index 0. */
void machine_probe(const void *fdt, paddr_t fdt_pa, uint64_t boot_hartid);

/* The value of a word "key=value" among the boot arguments before "--": copied to buf; false where there is
 * none. */
bool bootarg(const char *key, char *buf, size_t size);

/* The decimal number in such a word; 0 where there is none. */
uint64_t bootarg_number(const char *key);
