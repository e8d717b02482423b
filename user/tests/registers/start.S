/* registers: looks whether the kernel keeps a program's registers, over system calls and over interrupts. Runs in place of /bin/init
 * (tests/boot/test_registers.py), and needs no register to be kept to say what it has found: where a wrong one comes back, other programs do
 * not get as far as saying anything. Prints a line on the console and switches the machine off. */
.option norelax                 /* gp is one of those that are looked at */

/* All but sp, which the line is printed with, and a0 and a7, which the system call uses. */
.macro each_register op, more
        .irp n, 1,3,4,5,6,7,8,9,11,12,13,14,15,16,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        \op     \n, \more
        .endr
.endm

.macro set_register n, unused
        li      x\n, 0x5a5a0000 + \n
.endm

/* Goes to `changed` with a0 = the register's number if it is not as set_register left it. Uses a0 only. */
.macro check_register n, changed
        li      a0, -(0x5a5a0000 + \n)
        add     a0, a0, x\n
        beqz    a0, 1f
        li      a0, \n
        j       \changed
1:
.endm

.macro system_call number
        li      a7, \number
        ecall
.endm

#define CALL_LENGTH      35
#define INTERRUPT_LENGTH 34
#define KEPT_LENGTH      23

.text
.globl _start
_start:
        la      t0, status      /* the page with the data is there from now on: no fault where the result is printed */
        sd      zero, 0(t0)
        /* 1. 1000 times sched_yield; the count is in memory */
again:  each_register set_register
        li      a0, 0
        system_call 124
        each_register check_register, by_call
        la      t0, count
        ld      t1, 0(t0)
        addi    t1, t1, -1
        sd      t1, 0(t0)
        bnez    t1, again

        /* 2. a loop that takes longer than a slice or two */
        each_register set_register
        li      a7, 20000000
2:      addi    a7, a7, -1
        bnez    a7, 2b
        each_register check_register, by_interrupt
        la      s0, kept
        li      s1, KEPT_LENGTH
        j       print

by_call:
        la      s0, call
        li      s1, CALL_LENGTH
        j       with_number
by_interrupt:
        la      s0, interrupt
        li      s1, INTERRUPT_LENGTH
with_number:
        add     s2, s0, s1      /* the last three bytes: two digits and the end of the line */
        li      t1, 10
        divu    t2, a0, t1
        remu    t3, a0, t1
        addi    t2, t2, '0'
        addi    t3, t3, '0'
        sb      t2, -3(s2)
        sb      t3, -2(s2)
        li      a0, 1           /* the machine's exit status */
        la      t0, status
        sd      a0, 0(t0)

print:  la      t0, text        /* s0 and s1 may be the ones that are not kept */
        sd      s0, 0(t0)
        sd      s1, 8(t0)
        li      a0, -100        /* AT_FDCWD */
        la      a1, console
        li      a2, 1           /* O_WRONLY */
        system_call 56          /* openat */
        la      t0, text
        ld      a1, 0(t0)
        ld      a2, 8(t0)
        system_call 64          /* write */
        li      a0, 0xfee1dead
        li      a1, 672274793
        li      a2, 0x4321fedc  /* power off */
        la      t0, status
        ld      a3, 0(t0)
        system_call 142         /* reboot */
        j       .

.data
.balign 8
count:  .dword  1000
status: .dword  0
text:   .dword  0, 0
console: .asciz "/dev/console"
call:   .ascii  "a system call changed register x00\n"
interrupt: .ascii "an interrupt changed register x00\n"
kept:   .ascii  "all registers are kept\n"
