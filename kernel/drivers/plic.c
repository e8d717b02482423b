/* The platform-level interrupt controller: brings the devices' interrupts to the harts (RISC-V PLIC
 * specification 1.0; chapter numbers below).
 *
 * A pending interrupt is offered to every hart whose context has it enabled. The hart that claims it first
 * gets it, the others read 0. Until it is completed it is not offered again, so a handler never runs on two
 * harts at a time. The handler table is filled at boot, before the devices' interrupts are on, and constant
 * afterwards: no lock. */
#include "drivers/drivers.h"

#include "drivers/mmio.h"
#include "lib/printk.h"
#include "proc/cpu.h"
#include "trap/riscv.h"

#define PLIC_MAX_IRQ 1024 /* 1.4: the architecture's limit */

#define PLIC_PRIORITY(irq)  (4ul * (irq))                           /* 5; 0 = never */
#define PLIC_ENABLE(ctx)    (0x2000 + 0x80ul * (unsigned)(ctx))     /* 7; one bit per interrupt */
#define PLIC_THRESHOLD(ctx) (0x200000 + 0x1000ul * (unsigned)(ctx)) /* 8; higher priorities pass */
#define PLIC_CLAIM(ctx)     (PLIC_THRESHOLD(ctx) + 4) /* 9 and 10; read claims, write completes */

static uint8_t *plic; /* NULL: there is none */
static unsigned nirq; /* interrupts 1 to nirq exist */
static struct {
    void (*function)(void *arg);
    void *arg;
} handlers[PLIC_MAX_IRQ];

/* The context of that hart; -1 where it has none, or one that lies outside the device. */
static int context(unsigned hart)
{
    int ctx = machine.plic_context[hart];
    return ctx >= 0 && PLIC_CLAIM(ctx) + 4 <= machine.plic.end - machine.plic.start ? ctx : -1;
}

void plic_init(void)
{
    unsigned served = 0;
    for (unsigned i = 0; i < machine.nharts; i++)
        served += context(i) >= 0;
    plic = served > 0 ? mmio_map(&machine.plic) : NULL;
    if (plic == NULL) {
        printk("lode: no interrupt controller (PLIC): the devices will not work\n");
        return;
    }
    nirq = MIN(machine.plic_nirq, PLIC_MAX_IRQ - 1u);
    for (unsigned irq = 1; irq <= nirq; irq++) /* whatever the firmware has left on */
        mmio_write32(plic + PLIC_PRIORITY(irq), 0);
    printk("lode: interrupt controller: %u sources, serving %u hart%s\n", nirq, served,
           served == 1 ? "" : "s");
}

void plic_init_hart(void)
{
    int ctx = context(mycpu()->index);
    if (plic == NULL || ctx < 0)
        return;
    mmio_write32(plic + PLIC_THRESHOLD(ctx), 0);
    csr_set(sie, SIE_SEIE);
}

bool plic_enable(unsigned irq, void (*handler)(void *arg), void *arg)
{
    if (irq == 0 || irq > nirq)
        return false;
    handlers[irq].arg = arg;
    handlers[irq].function = handler;
    mmio_write32(plic + PLIC_PRIORITY(irq), 1);
    for (unsigned i = 0; i < machine.nharts; i++) {
        if (context(i) < 0)
            continue;
        uint8_t *word = plic + PLIC_ENABLE(context(i)) + irq / 32 * 4;
        mmio_write32(word, mmio_read32(word) | 1u << irq % 32);
    }
    return true;
}

void plic_interrupt(void)
{
    uint8_t *claim = plic + PLIC_CLAIM(context(mycpu()->index)); /* plic_init_hart has found it */
    uint32_t irq;
    while ((irq = mmio_read32(claim)) != 0) {
        if (irq <= nirq && handlers[irq].function != NULL)
            handlers[irq].function(handlers[irq].arg);
        mmio_write32(claim, irq);
    }
}
