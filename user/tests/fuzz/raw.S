/* Calls and accesses by bare registers. The two instructions that may fault have four bytes each, so that they can be
 * stepped over. */
.text
.globl raw_call, raw_peek, raw_poke, raw_peek_at, raw_poke_at
raw_call: /* (number, a0 .. a5) */
    mv a7, a0
    mv a0, a1
    mv a1, a2
    mv a2, a3
    mv a3, a4
    mv a4, a5
    mv a5, a6
    ecall
    ret

.option push
.option norvc
raw_peek:
raw_peek_at:
    lbu a0, 0(a0)
    ret
raw_poke:
raw_poke_at:
    sb a1, 0(a0)
    ret
.option pop

.section .note.GNU-stack, "", @progbits
