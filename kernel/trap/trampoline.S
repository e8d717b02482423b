/* The way into the kernel and out of it, and from one process to another.
 *
 * sscratch says where a trap came from: it holds the address of the trapframe while a hart runs in user mode,
 * and 0 while it runs in the kernel. The trapframe lies at the top of the process's kernel stack, so its
 * address is also the stack pointer with which the kernel starts. */
#include "trap/trapframe.h"

/* All registers but sp, in the order of their numbers: once, for saving and for restoring. */
.macro each_register op
        \op     ra, TF_RA(sp)
        \op     gp, TF_GP(sp)
        \op     tp, TF_TP(sp)
        \op     t0, TF_T0(sp)
        \op     t1, TF_T1(sp)
        \op     t2, TF_T2(sp)
        \op     s0, TF_S0(sp)
        \op     s1, TF_S1(sp)
        \op     a0, TF_A0(sp)
        \op     a1, TF_A1(sp)
        \op     a2, TF_A2(sp)
        \op     a3, TF_A3(sp)
        \op     a4, TF_A4(sp)
        \op     a5, TF_A5(sp)
        \op     a6, TF_A6(sp)
        \op     a7, TF_A7(sp)
        \op     s2, TF_S2(sp)
        \op     s3, TF_S3(sp)
        \op     s4, TF_S4(sp)
        \op     s5, TF_S5(sp)
        \op     s6, TF_S6(sp)
        \op     s7, TF_S7(sp)
        \op     s8, TF_S8(sp)
        \op     s9, TF_S9(sp)
        \op     s10, TF_S10(sp)
        \op     s11, TF_S11(sp)
        \op     t3, TF_T3(sp)
        \op     t4, TF_T4(sp)
        \op     t5, TF_T5(sp)
        \op     t6, TF_T6(sp)
.endm

.text

/* trap_entry: every trap, from user mode and from the kernel.
 *   On entry: the hardware has put pc into sepc, the cause into scause, an address into stval, and turned
 *             interrupts off; all other registers are those of the interrupted code.
 *   From user mode:
 *     1. sp <- the trapframe; save all registers, sepc and sstatus there
 *     2. sscratch <- 0, tp <- the process
 *     3. trap_syscall(trapframe), or trap_user(trapframe, scause) for all else
 *     4. user_return: sscratch <- trapframe; restore all; sret
 *   From the kernel:
 *     5. look whether the stack has room; push a trapframe; save
 *     6. trap_kernel(trapframe, scause)
 *     7. restore; sret */
.balign 4
.globl trap_entry
trap_entry:
        csrrw   sp, sscratch, sp
        beqz    sp, from_kernel
        /* 1. */
        each_register sd
        csrr    t0, sepc
        csrr    t1, sstatus
        sd      t0, TF_EPC(sp)
        sd      t1, TF_STATUS(sp)
        /* 2. */
        csrrw   t0, sscratch, zero
        sd      t0, TF_SP(sp)
        ld      tp, TF_PROC(sp)
        /* 3. */
        mv      a0, sp
        csrr    a1, scause
        li      fp, 0           /* backtraces end here */
        li      t0, 8           /* a system call: the shortest way */
        bne     a1, t0, 3f
        call    trap_syscall
        /* 4. sp is the trapframe again; interrupts are off */
user_return:
        ld      t0, TF_EPC(sp)
        ld      t1, TF_STATUS(sp)
        csrw    sepc, t0
        csrw    sstatus, t1
        csrw    sscratch, sp
        each_register ld
        ld      sp, TF_SP(sp)
        sret

3:      call    trap_user
        j       user_return

from_kernel:
        /* 5. A kernel stack is the upper half of an aligned 16 KB: bit 13 of sp is set inside it, and clear
         * in the guard below. sscratch keeps t0 meanwhile. */
        csrrw   sp, sscratch, t0
        addi    sp, sp, -TF_SIZE
        slli    t0, sp, 63 - 13
        bgez    t0, stack_overflow
        csrrw   t0, sscratch, zero
        each_register sd
        csrr    t0, sepc
        csrr    t1, sstatus
        addi    t2, sp, TF_SIZE
        sd      t0, TF_EPC(sp)
        sd      t1, TF_STATUS(sp)
        sd      t2, TF_SP(sp)
        /* 6. */
        mv      a0, sp
        csrr    a1, scause
        call    trap_kernel
        /* 7. tp was the process's address and is again, even if it was preempted and is now on another hart */
        ld      t0, TF_EPC(sp)
        ld      t1, TF_STATUS(sp)
        csrw    sepc, t0
        csrw    sstatus, t1
        each_register ld
        addi    sp, sp, TF_SIZE
        sret

stack_overflow:
        mv      a0, sp
        csrr    a1, sepc
        la      sp, emergency_stack_top
        li      fp, 0
        call    trap_stack_overflow

/* struct proc *context_switch(struct proc *from, struct proc *to): leave one kernel flow of control for another.
 *   On entry: interrupts off. a0 = from, a1 = to; both begin with a struct context.
 *     1. save what the calling convention says a function keeps, in from
 *     2. load the same of to; tp <- to
 *   On exit: on to's stack, behind its own call; a0 = from, as it was passed in: the process just left. */
.globl context_switch
context_switch:
        sd      ra, 0(a0)
        sd      sp, 8(a0)
        sd      s0, 16(a0)
        sd      s1, 24(a0)
        sd      s2, 32(a0)
        sd      s3, 40(a0)
        sd      s4, 48(a0)
        sd      s5, 56(a0)
        sd      s6, 64(a0)
        sd      s7, 72(a0)
        sd      s8, 80(a0)
        sd      s9, 88(a0)
        sd      s10, 96(a0)
        sd      s11, 104(a0)
        ld      ra, 0(a1)
        ld      sp, 8(a1)
        ld      s0, 16(a1)
        ld      s1, 24(a1)
        ld      s2, 32(a1)
        ld      s3, 40(a1)
        ld      s4, 48(a1)
        ld      s5, 56(a1)
        ld      s6, 64(a1)
        ld      s7, 72(a1)
        ld      s8, 80(a1)
        ld      s9, 88(a1)
        ld      s10, 96(a1)
        ld      s11, 104(a1)
        mv      tp, a1
        ret

/* proc_entry: where a new process begins, as if it had called context_switch.
 *   On entry: a0 = the process just left; sp = its trapframe.
 *   On exit: to user mode, once proc_first_run has returned. */
.globl proc_entry
proc_entry:
        li      fp, 0
        call    proc_first_run
        j       user_return
