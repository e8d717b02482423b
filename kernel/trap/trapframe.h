/* The user registers saved at a trap, and the kernel registers saved at a switch. trampoline.S knows the
 * layout by the offsets below; the assertions at the end hold C and assembly together. */
#pragma once

#define TF_RA     0
#define TF_SP     8
#define TF_GP     16
#define TF_TP     24
#define TF_T0     32
#define TF_T1     40
#define TF_T2     48
#define TF_S0     56
#define TF_S1     64
#define TF_A0     72
#define TF_A1     80
#define TF_A2     88
#define TF_A3     96
#define TF_A4     104
#define TF_A5     112
#define TF_A6     120
#define TF_A7     128
#define TF_S2     136
#define TF_S3     144
#define TF_S4     152
#define TF_S5     160
#define TF_S6     168
#define TF_S7     176
#define TF_S8     184
#define TF_S9     192
#define TF_S10    200
#define TF_S11    208
#define TF_T3     216
#define TF_T4     224
#define TF_T5     232
#define TF_T6     240
#define TF_EPC    248
#define TF_STATUS 256
#define TF_PROC   264
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
    uint64_t epc;      /* sepc */
    uint64_t status;   /* sstatus */
    struct proc *proc; /* user frames: the process, for tp on entry */
};

#define TF_ASSERT(field, offset)                                                                             \
    _Static_assert(offsetof(struct trapframe, field) == (offset), "trapframe." #field)
TF_ASSERT(ra, TF_RA);
TF_ASSERT(sp, TF_SP);
TF_ASSERT(gp, TF_GP);
TF_ASSERT(tp, TF_TP);
TF_ASSERT(t0, TF_T0);
TF_ASSERT(t1, TF_T1);
TF_ASSERT(t2, TF_T2);
TF_ASSERT(s0, TF_S0);
TF_ASSERT(s1, TF_S1);
TF_ASSERT(a0, TF_A0);
TF_ASSERT(a1, TF_A1);
TF_ASSERT(a2, TF_A2);
TF_ASSERT(a3, TF_A3);
TF_ASSERT(a4, TF_A4);
TF_ASSERT(a5, TF_A5);
TF_ASSERT(a6, TF_A6);
TF_ASSERT(a7, TF_A7);
TF_ASSERT(s2, TF_S2);
TF_ASSERT(s3, TF_S3);
TF_ASSERT(s4, TF_S4);
TF_ASSERT(s5, TF_S5);
TF_ASSERT(s6, TF_S6);
TF_ASSERT(s7, TF_S7);
TF_ASSERT(s8, TF_S8);
TF_ASSERT(s9, TF_S9);
TF_ASSERT(s10, TF_S10);
TF_ASSERT(s11, TF_S11);
TF_ASSERT(t3, TF_T3);
TF_ASSERT(t4, TF_T4);
TF_ASSERT(t5, TF_T5);
TF_ASSERT(t6, TF_T6);
TF_ASSERT(epc, TF_EPC);
TF_ASSERT(status, TF_STATUS);
TF_ASSERT(proc, TF_PROC);
_Static_assert(sizeof(struct trapframe) == TF_SIZE, "trapframe size");

/* What the C calling convention keeps across a call (psABI, integer register convention). */
struct context {
    uint64_t ra, sp, s[12];
};
#endif
