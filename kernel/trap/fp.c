/* Floating-point state: see fp.h. The state of the registers is in the FS field of the user's sstatus, in the
 * trapframe: Off, Initial or Clean (the same as in proc.fp), Dirty (changed since). The hardware sets Dirty
 * (Privileged Architecture, section 3.1.6.6). */
#include "trap/fp.h"

#include "lib/string.h"
#include "proc/proc.h"
#include "trap/riscv.h"

void fp_registers_save(uint64_t *fp);       /* fpregs.S */
void fp_registers_load(const uint64_t *fp); /* fpregs.S */

static void set_state(struct trapframe *tf, uint64_t fs)
{
    tf->status = (tf->status & ~SSTATUS_FS) | fs;
}

bool fp_first_use(struct trapframe *tf)
{
    struct proc *p = current();

    if (p->fp_used)
        return false;
    irq_push();
    memset(p->fp, 0, sizeof(p->fp));
    p->fp_used = true;
    set_state(tf, SSTATUS_FS_CLEAN);
    fp_restore(p);
    irq_pop();
    return true;
}

void fp_save(struct proc *p)
{
    if ((p->tf->status & SSTATUS_FS) != SSTATUS_FS_DIRTY)
        return;
    csr_set(sstatus, SSTATUS_FS);
    fp_registers_save(p->fp);
    set_state(p->tf, SSTATUS_FS_CLEAN);
}

void fp_restore(struct proc *p)
{
    csr_set(sstatus, SSTATUS_FS);
    fp_registers_load(p->fp);
}

void fp_fork(struct proc *child)
{
    struct proc *p = current();

    child->fp_used = p->fp_used;
    if (p->fp_used) {
        irq_push();
        fp_save(p);
        memcpy(child->fp, p->fp, sizeof(p->fp));
        irq_pop();
    }
}
