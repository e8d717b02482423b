/* regsatentry: writes 16 bytes to descriptor 1: all registers as they are at the program's entry, or'ed together,
 * but for sp; the floating-point ones, too. Then its uninitialised data, or'ed together likewise.
 * Has no start code: nothing runs before. */
.option norelax                 /* gp is not set */
.globl _start
_start:
        .irp n, 3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        or      x1, x1, x\n
        .endr
        .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        fmv.x.d x5, f\n
        or      x1, x1, x5
        .endr
        sd      x1, -16(sp)
        /* The stack grows by 16 pages: what memory exec has given back last, its tables, was zero already. */
        mv      t0, sp
        li      t1, 4096
        li      t2, 16
1:      sub     t0, t0, t1
        sd      x0, 0(t0)
        addi    t2, t2, -1
        bnez    t2, 1b
        la      t0, ones        /* used, so that it is kept */
        la      t0, zeros
        la      t1, zeros_end
        li      t2, 0
1:      ld      t3, 0(t0)
        or      t2, t2, t3
        addi    t0, t0, 8
        bltu    t0, t1, 1b
        sd      t2, -8(sp)
        li      a0, 1
        addi    a1, sp, -16
        li      a2, 16
        li      a7, 64
        ecall
        li      a0, 0
        li      a7, 93
        ecall

.data
.balign 8
ones:   .dword  1               /* so that the page begins with bytes of the file */
.bss
.balign 8
zeros:  .space  4088
zeros_end:
