/* spin_lock_contended: spin_lock's way out (spinfast.h) when the lock is held, as if it were one instruction.
 *   On entry: t1 = the lock; t0 = where to go on. Interrupts off.
 *     1. a stack frame, as a function called from t0 would have it
 *     2. save all registers that C may change; spin_wait_until_free(lock); restore them
 *   On exit: at t0; no register has changed. */
.text
.globl spin_lock_contended
spin_lock_contended:
        addi    sp, sp, -144
        sd      t0, 136(sp)
        sd      fp, 128(sp)
        addi    fp, sp, 144
.macro each_clobbered op
        \op     ra, 120(sp)
        .irp n, 0,1,2,3,4,5,6,7
        \op     a\n, 56 + 8*\n(sp)
        .endr
        .irp n, 1,2,3,4,5,6
        \op     t\n, 8*\n(sp)
        .endr
.endm
        each_clobbered sd
        mv      a0, t1
        call    spin_wait_until_free
        each_clobbered ld
        ld      t0, 136(sp)
        ld      fp, 128(sp)
        addi    sp, sp, 144
        jr      t0
