/* The way into the kernel and out of it, and from one process to another.
 *
 * sscratch says where a trap came from: it holds the address of the trapframe while a hart runs in user mode,
 * and 0 while it runs in the kernel. The trapframe lies at the top of the process's kernel stack, so its
 * address is also the stack pointer with which the kernel starts. */
#include "trap/trapframe.h"

/* All registers but sp (x2), in the order of their numbers: once, for saving and for restoring. */
.macro each_register op
        .irp n, 1,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        \op     x\n, TF_X(\n)(sp)
        .endr
.endm

/* The fields of struct context, of the process whose address is in `base`. */
.macro each_kept_register op, base
        \op     ra, 0(\base)
        \op     sp, 8(\base)
        .irp n, 0,1,2,3,4,5,6,7,8,9,10,11
        \op     s\n, 16 + 8*\n(\base)
        .endr
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
        sd      fp, TF_PROC(sp)
        mv      fp, t2          /* backtraces go on in the interrupted code */
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
        csrw    sscratch, zero  /* t0 is lost: nothing goes back there */
        mv      a0, sp
        csrr    a1, sepc
        la      sp, emergency_stack_top
        li      fp, 0
        call    trap_stack_overflow

/* struct proc *context_switch(struct proc *from, struct proc *to): leave one kernel flow of control for another.
 *   On entry: interrupts off. a0 = from, a1 = to; both begin with a struct context.
 *     1. save what the calling convention says a function keeps, in from
 *     2. give up the hart's reservation: an sc of `to` must not count as belonging to an lr of `from`, nor one of
 *        `from`, when it comes back, to its own lr from before (Unprivileged ISA, "Zalrsc": it takes an sc to a
 *        scratch word; here it stores what is there already)
 *     3. load the same of to; tp <- to
 *   On exit: on to's stack, behind its own call; a0 = from, as it was passed in: the process just left. */
.globl context_switch
context_switch:
        each_kept_register sd, a0
        sc.d    zero, ra, (a0)
        each_kept_register ld, a1
#ifdef LODE_DEBUG
        /* What is wrong here would show much later, and anywhere. */
        .irp n, 0,1,2,3,4,5,6,7,8,9,10,11
        li      t0, \n
        ld      t1, 16 + 8*\n(a1)
        bne     t1, s\n, 1f
        .endr
#endif
        mv      tp, a1
        ret

#ifdef LODE_DEBUG
1:      mv      a0, t0
        mv      tp, a1
        call    trap_bad_switch
#endif

/* proc_entry: where a new process begins, as if it had called context_switch.
 *   On entry: a0 = the process just left; sp = its trapframe.
 *   On exit: to user mode, once proc_first_run has returned. */
.globl proc_entry
proc_entry:
        li      fp, 0
        call    proc_first_run
        j       user_return
