/* Registers, watched from outside C. */

/* Give each register but x0, ra, sp, gp, tp and a0, a7 a value of its own: base + its number. */
.macro for_each_watched op
        .irp n, 5,6,7,8,9,11,12,13,14,15,16,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        \op     \n
        .endr
.endm

.macro set_one n
        li      x\n, 0x5a5a0000 + \n
.endm

/* Branches to 9f with a0 = the register's number if it has changed. Uses a0 only. */
.macro check_one n
        li      a0, -(0x5a5a0000 + \n)
        add     a0, a0, x\n
        snez    a0, a0
        beqz    a0, 1f
        li      a0, \n
        j       9f
1:
.endm

.macro save_callee
        addi    sp, sp, -112
        sd      ra, 0(sp)
        sd      s0, 8(sp)
        sd      s1, 16(sp)
        sd      s2, 24(sp)
        sd      s3, 32(sp)
        sd      s4, 40(sp)
        sd      s5, 48(sp)
        sd      s6, 56(sp)
        sd      s7, 64(sp)
        sd      s8, 72(sp)
        sd      s9, 80(sp)
        sd      s10, 88(sp)
        sd      s11, 96(sp)
.endm

.macro restore_callee
        ld      ra, 0(sp)
        ld      s0, 8(sp)
        ld      s1, 16(sp)
        ld      s2, 24(sp)
        ld      s3, 32(sp)
        ld      s4, 40(sp)
        ld      s5, 48(sp)
        ld      s6, 56(sp)
        ld      s7, 64(sp)
        ld      s8, 72(sp)
        ld      s9, 80(sp)
        ld      s10, 88(sp)
        ld      s11, 96(sp)
        addi    sp, sp, 112
.endm

/* Branches to `again` while the monotonic clock is before the time at 16(sp); else a0 = 0. Uses 0(sp) to 15(sp). */
.macro again_until_time again
        li      a0, 1           /* CLOCK_MONOTONIC */
        mv      a1, sp
        li      a7, 113
        ecall
        ld      a0, 0(sp)
        li      a1, 1000000000
        mul     a0, a0, a1
        ld      a1, 8(sp)
        add     a0, a0, a1
        ld      a1, 16(sp)
        bltu    a0, a1, \again
        li      a0, 0
.endm

.text
/* long lde_registers_across_syscall(void): sched_yield with every register set. */
.globl lde_registers_across_syscall
lde_registers_across_syscall:
        save_callee
        for_each_watched set_one
        li      a0, 0
        li      a7, 124
        ecall
        bnez    a0, 8f
        li      a0, 17
        addi    a7, a7, -124
        bnez    a7, 9f
        for_each_watched check_one
        li      a0, 0
        j       9f
8:      li      a0, 10
9:      restore_callee
        ret

/* long lde_registers_across_time(uint64_t until): looks at the registers again and again until the monotonic clock
 * (the time CSR times 100 would be machine-dependent: clock_gettime is asked now and then) reaches `until`. */
.globl lde_registers_across_time
lde_registers_across_time:
        save_callee
        addi    sp, sp, -32
        sd      a0, 16(sp)
2:      for_each_watched set_one
        li      a7, 100000
3:      addi    a7, a7, -1
        bnez    a7, 3b
        for_each_watched check_one
        again_until_time 2b
9:      addi    sp, sp, 32
        restore_callee
        ret

/* long lde_float_across_time(uint64_t until, uint64_t seed): the same with f0..f31 = seed + number, and fcsr's
 * rounding mode; returns the number of the register + 1. */
.globl lde_float_across_time
lde_float_across_time:
        addi    sp, sp, -48
        sd      a0, 16(sp)
        sd      a1, 24(sp)
        .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        addi    t0, a1, \n
        fmv.d.x f\n, t0
        .endr
        srli    t0, a1, 4       /* another rounding mode for another seed */
        andi    t0, t0, 3
        fsrm    t0
2:      li      t0, 100000
3:      addi    t0, t0, -1
        bnez    t0, 3b
        ld      a1, 24(sp)
        .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        addi    t0, a1, \n
        fmv.x.d t1, f\n
        li      a0, \n + 1
        bne     t0, t1, 9f
        .endr
        frrm    t0
        srli    t1, a1, 4
        andi    t1, t1, 3
        li      a0, 33
        bne     t0, t1, 9f
        again_until_time 2b
9:      addi    sp, sp, 48
        ret

/* For leak.c. Store x1 .. x31 at `base`, which is in t6 (x31); that one from where it was saved. */
.macro store_all saved
        .irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
        sd      x\n, 8*\n(t6)
        .endr
        ld      t5, \saved(sp)
        sd      t5, 8*31(t6)
        ld      t5, 8*30(t6)
.endm

/* void leak_handler(int sig): a signal handler; leak_registers becomes what it begins with. */
.globl leak_handler
leak_handler:
        sd      t6, -16(sp)
        la      t6, leak_registers
        store_all -16
        ret

/* long leak_fork(uint64_t registers[2][32]): fork; the registers before it and after it, where a0 is the result. */
.globl leak_fork
leak_fork:
        save_callee
        mv      s11, a0
        li      a0, 0
        li      a1, 0
        li      a2, 0
        li      a3, 0
        li      a4, 0
        li      a7, 220
        .irp n, 5,6,7,9,15,16,18,19,20,21,22,23,24,25,26,28,29,30,31
        li      x\n, 0x5a5b0000 + \n
        .endr
        sd      t6, -16(sp)
        mv      t6, s11
        store_all -16
        ld      t6, -16(sp)
        ecall
        sd      t6, -16(sp)
        addi    t6, s11, 256
        store_all -16
        restore_callee
        ret

.bss
.balign 8
.globl leak_registers
leak_registers:
        .space  256
