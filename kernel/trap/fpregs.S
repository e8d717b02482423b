/* Move the floating-point registers: the only file of the kernel that is assembled with the D extension.
 *
 * fp_registers_save(uint64_t *fp), fp_registers_load(const uint64_t *fp): f0..f31 at fp[0..31], fcsr at fp[32].
 *   On entry: sstatus.FS is not Off, interrupts are off. On exit: the same. */
.attribute arch, "rv64gc"

.macro each_fp_register op
        .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        \op     f\n, 8*\n(a0)
        .endr
.endm

.text
.globl fp_registers_save
fp_registers_save:
        each_fp_register fsd
        frcsr   t0
        sd      t0, 256(a0)
        ret

.globl fp_registers_load
fp_registers_load:
        each_fp_register fld
        ld      t0, 256(a0)
        fscsr   t0
        ret
