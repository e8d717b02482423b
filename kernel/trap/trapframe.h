/* The user registers saved at a trap, and the kernel registers saved at a switch. trampoline.S knows the
 * layout by the offsets below; the assertions at the end hold C and assembly together. */
#pragma once

#define TF_X(n)   (8 * (n)-8) /* register x1 .. x31 */
#define TF_SP     TF_X(2)
#define TF_STATUS 248
#define TF_PROC   256
#define TF_EPC    264
#define TF_SIZE   272 /* a multiple of 16: it is a stack frame */

#ifndef __ASSEMBLER__
#include "lib/types.h"

/* x1..x31 in the order of their numbers, then what the trap needs. */
struct trapframe {
    uint64_t ra, sp, gp, tp, t0, t1, t2, s0, s1;
    union {
        uint64_t a[8]; /* a0..a7: a system call's arguments and number */
        struct {
            uint64_t a0, a1, a2, a3, a4, a5, a6, a7;
        };
    };
    uint64_t s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, t3, t4, t5, t6;
    uint64_t status; /* sstatus */
    /* User frames: the process, for tp on entry. Kernel frames: s0, which makes the frame's end look like that of
     * a function that was called from epc, to backtraces. */
    struct proc *proc;
    uint64_t epc; /* sepc */
};

/* All are of 8 bytes, so those between two that are asserted are in their places, too. */
#define TF_ASSERT(field, offset)                                                                             \
    _Static_assert(offsetof(struct trapframe, field) == (offset), "trapframe." #field)
TF_ASSERT(ra, TF_X(1));
TF_ASSERT(sp, TF_SP);
TF_ASSERT(t0, TF_X(5));
TF_ASSERT(s0, TF_X(8));
TF_ASSERT(a[0], TF_X(10));
TF_ASSERT(a0, TF_X(10));
TF_ASSERT(a7, TF_X(17));
TF_ASSERT(s2, TF_X(18));
TF_ASSERT(t3, TF_X(28));
TF_ASSERT(t6, TF_X(31));
TF_ASSERT(status, TF_STATUS);
TF_ASSERT(proc, TF_PROC);
TF_ASSERT(epc, TF_EPC);
_Static_assert(sizeof(struct trapframe) == TF_SIZE, "trapframe size");

/* What the C calling convention keeps across a call (psABI, integer register convention). */
struct context {
    uint64_t ra, sp, s[12];
};
#endif
