/* Floating-point state. A program starts with floating point off (sstatus.FS = 0); its first such instruction
 * traps, and from then on its registers are kept: saved on a switch if it has changed them, loaded when it
 * comes back. Programs that use none pay nothing. The kernel itself is compiled without. */
#pragma once
#include "lib/types.h"

struct proc;
struct trapframe;

/* An illegal instruction in user mode: was it the first floating-point one? Then turns it on, all registers
 * 0, and returns true: the program tries again. */
bool fp_first_use(struct trapframe *tf);

/* For processes with fp_used; interrupts off, around the switch. */
void fp_save(struct proc *p);
void fp_restore(struct proc *p);

void fp_fork(struct proc *child); /* the current process's registers, for its copy */
