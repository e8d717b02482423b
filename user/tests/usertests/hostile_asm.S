/* Accesses by one instruction of four bytes each, so that a handler can step over it: hostile.c. In: a0 address. */
.text
.macro access name, instruction:vararg
.globl \name
\name:
    .option push
    .option norvc
    \instruction
    ret
    .option pop
.endm

access hostile_lb, lb a1, 0(a0)
access hostile_ld, ld a1, 0(a0)
access hostile_sb, sb zero, 0(a0)
access hostile_sd, sd zero, 0(a0)
access hostile_lr, lr.d a1, (a0)
access hostile_sc, sc.d a1, zero, (a0)
access hostile_amo, amoadd.d zero, zero, (a0)
access hostile_fld, fld ft0, 0(a0)
access hostile_fsd, fsd ft0, 0(a0)
access hostile_jump, jr a0

/* A reservation that is never used up: sc to another place fails each time. In: a0, a1 two places. */
.globl hostile_reserve
hostile_reserve:
1:  lr.d t0, (a0)
    sc.d t1, t0, (a1)
    bnez t1, 1b
    j 1b

/* Deeper and deeper, without end. */
.globl hostile_recurse
hostile_recurse:
    addi sp, sp, -64
    sd ra, 0(sp)
    call hostile_recurse
    ret

.section .note.GNU-stack, "", @progbits
