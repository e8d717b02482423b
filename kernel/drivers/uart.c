/* The serial port: a 16550 (National Semiconductor PC16550D data sheet; section numbers below).
 *
 * Output goes through a ring: whoever has bytes puts them there, and they leave as the transmitter takes
 * them, now or in its interrupt. In the framed mode (docs/drivers.md) the ring holds the encoded stream, so
 * that markers and bytes stay in order; put() is the one place that encodes.
 *
 * uart_lock protects the ring and the transmitter's registers. Nobody may sleep or wake others under it (its
 * rank is above the wait queues'), so writers that wait for room use room_lock, outside it:
 *
 *   writer     room_lock; uart_lock: no room, waiting = true; sleeps, which lets go of room_lock once queued
 *   interrupt  uart_lock: there is room, waiting = false; room_lock, so the writer is queued by now; wakeup
 *
 * The receiver's registers are read in the interrupt handler only, which runs on one hart at a time, and
 * console_input is called without locks. */
#include "boot/machine.h"
#include "boot/sbi.h"
#include "drivers/drivers.h"
#include "drivers/mmio.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "sync/wait.h"
#include "trap/riscv.h"

/* Registers (8.0, table II) and the bits that are used. */
#define UART_RBR 0 /* read: received byte */
#define UART_THR 0 /* write: byte to transmit */
#define UART_IER 1
#define IER_RX   0x01
#define IER_TX   0x02 /* transmitter empty */
#define UART_FCR 2
#define FCR_ON   0x01
#define UART_LCR 3
#define LCR_8N1  0x03
#define UART_MCR 4
#define MCR_ON   0x0b /* DTR, RTS, and OUT2, which lets interrupts out on PCs */
#define UART_LSR 5
#define LSR_RX   0x01
#define LSR_TX   0x20 /* the transmitter's FIFO is empty */
#define LSR_IDLE 0x40 /* and so is its shift register */

#define FIFO_SIZE 16
#define BURST     64 /* bytes moved at most in one go with interrupts off */
#define RING_SIZE 16384u
#define PUT_MAX   4  /* ring bytes that one byte can become: switch, escape, '\r', itself */
#define GIVE_UP   10 /* seconds without progress until output is dropped on the way to power-off */

/* The framed mode's control bytes. */
#define FRAME_USER    0x0e /* SO: programs' output follows */
#define FRAME_KERNEL  0x0f /* SI: the kernel's follows */
#define FRAME_LITERAL 0x10 /* DLE: the next byte means itself */

static uint8_t *regs; /* NULL: no UART, or not yet: output by the firmware */
static bool framed;   /* c */

static struct spinlock uart_lock = SPINLOCK_INIT("uart", RANK_UART);
static uint8_t ring[RING_SIZE]; /* u = uart_lock */
static uint32_t head, tail;     /* u  bytes ever put in and taken out */
static bool user_stream;        /* u  framed: whose bytes the ring's last ones are */
static bool tx_irq;             /* u  the transmitter's interrupt is on */
static bool waiting;            /* u  a writer sleeps, or is about to */

static struct spinlock room_lock = SPINLOCK_INIT("uart room", RANK_TTY);

/* The hart that panics goes without: the lock's holder may have been stopped. */
static void lock_uart(void)
{
    if (!panicking())
        spin_lock(&uart_lock);
}

static void unlock_uart(void)
{
    if (!panicking())
        spin_unlock(&uart_lock);
}

static uint8_t read_reg(unsigned reg)
{
    return mmio_read8(regs + (reg << machine.uart_reg_shift));
}

static void write_reg(unsigned reg, uint8_t value)
{
    mmio_write8(regs + (reg << machine.uart_reg_shift), value);
}

/* Hands the transmitter up to `limit` bytes, as long as it takes them. */
static void transmit(unsigned limit)
{
    while (head != tail && limit >= FIFO_SIZE && read_reg(UART_LSR) & LSR_TX)
        for (int i = 0; i < FIFO_SIZE && head != tail; i++, limit--)
            write_reg(UART_THR, ring[tail++ % RING_SIZE]);
}

/* Has the transmitter interrupt when it is empty, if anybody waits for that. The interrupt is
 * level-triggered: turning it on late, or finding the ring emptied by drain(), loses nothing. */
static void set_tx_irq(void)
{
    bool want = head != tail || waiting;
    if (tx_irq != want)
        write_reg(UART_IER, want ? IER_RX | IER_TX : IER_RX);
    tx_irq = want;
}

static unsigned room(void)
{
    return RING_SIZE - (head - tail);
}

/* One byte of a stream into the ring, encoded. There is room for PUT_MAX. */
static void put(uint8_t c, bool user, bool newlines)
{
    if (framed && user != user_stream) {
        ring[head++ % RING_SIZE] = user ? FRAME_USER : FRAME_KERNEL;
        user_stream = user;
    }
    if (framed && c >= FRAME_USER && c <= FRAME_LITERAL)
        ring[head++ % RING_SIZE] = FRAME_LITERAL;
    if (newlines && c == '\n')
        ring[head++ % RING_SIZE] = '\r';
    ring[head++ % RING_SIZE] = c;
}

/* Polls until n bytes of the ring are free, or (`last`) for GIVE_UP seconds without progress: what is left
 * then is dropped. Otherwise there is no limit, since giving up would lose output. */
static void drain(unsigned n, bool last)
{
    uint64_t start = rdtime();
    while (room() < n) {
        uint32_t before = tail;
        transmit(BURST);
        if (tail != before)
            start = rdtime();
        else if (last && rdtime() - start > GIVE_UP * machine.timebase)
            tail = head;
    }
}

/* Output of either stream. uart_lock is held. */
static void output(const char *buf, size_t n, bool user, bool newlines)
{
    for (size_t i = 0; i < n; i++) {
        if (regs == NULL) {
            if (buf[i] == '\n')
                sbi_putchar('\r');
            sbi_putchar((uint8_t)buf[i]);
            continue;
        }
        if (room() < PUT_MAX)
            drain(PUT_MAX, panicking());
        put((uint8_t)buf[i], user, newlines);
    }
    if (regs != NULL) {
        transmit(BURST);
        set_tx_irq();
    }
}

int uart_write(const char *buf, size_t n, bool newlines)
{
    int err = 0;
    spin_lock(&room_lock);
    spin_lock(&uart_lock);
    while (room() < n * PUT_MAX && err == 0) {
        waiting = true;
        set_tx_irq();
        spin_unlock(&uart_lock);
        err = sleep_interruptible(ring, &room_lock, WAIT_FOREVER);
        spin_lock(&uart_lock);
    }
    if (err == 0)
        output(buf, n, true, newlines);
    spin_unlock(&uart_lock);
    spin_unlock(&room_lock);
    return err;
}

void uart_write_atomic(const char *buf, size_t n)
{
    lock_uart();
    output(buf, n, false, !framed);
    unlock_uart();
}

void uart_flush(void)
{
    if (regs == NULL)
        return;
    lock_uart();
    drain(RING_SIZE, true);
    for (uint64_t start = rdtime(); !(read_reg(UART_LSR) & LSR_IDLE) && rdtime() - start < machine.timebase;)
        ;
    unlock_uart();
}

/* Takes the lock for good, so that other harts print nothing more; but waits for its holder for a moment
 * only, who may be this hart. Even then a reader of the framed stream finds its way: of three SI one may be taken
 * for a literal, one brings it back to the kernel's text, and one that comes there says that this is an emergency,
 * which no program can fake. */
void uart_panic(void)
{
    for (uint64_t start = rdtime(); !spin_trylock(&uart_lock) && rdtime() - start < machine.timebase / 10;)
        ;
    if (framed) {
        drain(PUT_MAX, true);
        for (int i = 0; i < 3; i++)
            ring[head++ % RING_SIZE] = FRAME_KERNEL;
        user_stream = false;
    }
}

static void interrupt(void *arg)
{
    (void)arg;
    /* Errors in the line status are dropped: an overrun has lost its byte already. */
    for (int i = 0; i < BURST && read_reg(UART_LSR) & LSR_RX; i++)
        console_input(read_reg(UART_RBR));

    spin_lock(&uart_lock);
    transmit(BURST);
    bool wake = waiting && room() >= RING_SIZE / 2;
    waiting &= !wake;
    set_tx_irq();
    spin_unlock(&uart_lock);
    if (wake) {
        spin_lock(&room_lock);
        wakeup(ring);
        spin_unlock(&room_lock);
    }
}

bool uart_is_framed(void)
{
    return framed;
}

void uart_init(void)
{
    char mode[16];
    uint8_t *window = mmio_map(&machine.uart);
    if (window == NULL || !plic_enable(machine.uart_irq, interrupt, NULL)) {
        printk("lode: no serial port with an interrupt: output by the firmware, no input\n");
        return;
    }
    framed = bootarg("console", mode, sizeof(mode)) && strcmp(mode, "framed") == 0;
    regs = window;
    write_reg(UART_LCR, LCR_8N1); /* the firmware has set the speed */
    write_reg(UART_MCR, MCR_ON);
    write_reg(UART_FCR, FCR_ON); /* on already under OpenSBI: then bytes typed so far stay */
    write_reg(UART_IER, IER_RX);
    printk("lode: serial port at 0x%lx, interrupt %u\n", machine.uart.start, machine.uart_irq);
}
