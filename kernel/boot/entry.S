/* The kernel's first instructions, on the boot hart and on the others.
 *
 * _entry: OpenSBI jumps here on one hart.
 *   On entry: S-mode, paging and interrupts off, running at the physical load address;
 *             a0 = hart id, a1 = physical address of the device tree.
 *   0. if another hart has been here before: OpenSBI 1.1 may let a hart that HSM starts come in here, with the
 *      device tree instead of its argument, when it wakes a moment early; it goes to hart_entry
 *   1. clear bss (no stack, no memory is used before)
 *   2. fill boot_root: the first 128 GB of physical memory, in 1 GB pages, at KERNEL_OFFSET
 *   3. turn paging on and go on at the virtual address
 *   4. stack, and main(hartid, device tree)
 *   On exit: never.
 *
 * hart_entry: HSM starts the other harts here.
 *   On entry: as above, but a1 = the physical address of a struct hart_boot {satp, stack top, proc}.
 *   Then: 3. with the kernel's page table; its idle process's stack; hart_main(proc).
 *
 * How paging is turned on: the table has no mapping at the physical address, so the instruction after the
 * write to satp faults, and stvec, which holds the virtual address of the following line, takes it there. */
#include "boot/entry.h"

.macro paging_on satp_value
        la      t0, 1f
        li      t1, KERNEL_OFFSET
        add     t0, t0, t1
        csrw    stvec, t0
        sfence.vma
        csrw    satp, \satp_value
        .balign 4               /* stvec's low bits are a mode */
1:      csrw    sie, zero
        la      t0, trap_entry  /* from now on a trap is the kernel's fault, and says so */
        csrw    stvec, t0
        csrw    sscratch, zero
.endm

.section .text.entry, "ax"
.globl _entry
_entry:
        /* 0. */
        la      t0, entered
        li      t1, 1
        amoswap.w.aq t1, t1, (t0)
        beqz    t1, 1f
        la      t0, hart_starting
        amoswap.d.aq a1, zero, (t0)
        bnez    a1, hart_entry
0:      wfi                     /* nobody has asked for this hart */
        j       0b
        /* 1. */
1:
        la      t0, bss_start
        la      t1, bss_end
1:      sd      zero, 0(t0)
        addi    t0, t0, 8
        bltu    t0, t1, 1b
        /* 2. entries 256 .. 383: leaf, V R W X A D G = 0xef, physical page number in units of 1 GB */
        la      t0, boot_root
        li      t1, 256 * 8
        add     t1, t0, t1
        li      t2, 0xef
        li      t3, (1 << 30) >> 2
        li      t4, 128
2:      sd      t2, 0(t1)
        add     t2, t2, t3
        addi    t1, t1, 8
        addi    t4, t4, -1
        bnez    t4, 2b
        /* 3. */
        srli    t0, t0, 12
        li      t1, 8 << 60     /* Sv39 */
        or      s1, t0, t1
        paging_on s1
        /* 4. */
        la      sp, boot_stack_top
        li      fp, 0           /* ends backtraces */
        call    main

.globl hart_entry
.balign 4
hart_entry:
        ld      s1, HART_BOOT_SATP(a1)
        ld      s2, HART_BOOT_STACK(a1)
        ld      s3, HART_BOOT_PROC(a1)
        paging_on s1
        mv      sp, s2
        mv      tp, s3
        li      fp, 0
        call    hart_main

/* Not in bss, which the boot hart clears. */
.section .data
.balign 8
.globl hart_starting
hart_starting:
        .dword  0               /* physical address of the struct hart_boot of the hart being started */
entered:
        .word   0

/* The boot hart's first stack. It lies in the upper half of 16 KB, as every kernel stack does: the trap
 * entry tells an overflow by that bit of sp. The lower half is a guard, which kvm_init leaves out of the page
 * table. Behind it is the stack for the panic that follows. */
.section .bss
.balign 16384
.globl boot_stack_guard
boot_stack_guard:
        .space  8192
        .space  8192
.globl boot_stack_top
boot_stack_top:
        .space  8192
.globl emergency_stack_top
emergency_stack_top:
.balign 4096
.globl boot_root
boot_root:
        .space  4096
