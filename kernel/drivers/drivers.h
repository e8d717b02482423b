/* The devices: one init function each, called in this order by boot/main.c on the boot hart; and what others
 * need of them. Each prints at most one line for the boot log; a device that is not there is no error, except
 * that without a disk the boot fails later. */
#pragma once
#include "lib/types.h"

/* PLIC (RISC-V PLIC specification 1.0). Handlers run with interrupts off, one at a time for one irq. */
void plic_init(void);
void plic_init_hart(void); /* on each hart: threshold 0, external interrupts on */
/* All harts may take it. False: it is not one of the PLIC's, and never comes. */
bool plic_enable(unsigned irq, void (*handler)(void *arg), void *arg);
void plic_interrupt(void); /* from the trap handler: claim, handle, complete, until none is left */

/* 16550 UART. Until uart_init has run, and where there is none, output goes through the firmware. With the
 * boot argument console=framed the two writers' bytes are marked as two streams (docs/drivers.md). */
void uart_init(void);
bool uart_is_framed(void);
/* What programs write, 1 KB at most: queued as a whole. Sleeps while the queue is full: 0, or -EINTR with
 * nothing written. Process context. newlines: \n goes out as \r\n. */
int uart_write(const char *buf, size_t n, bool newlines);
/* The kernel's text and the echo. Any context: never sleeps, bytes never lost or reordered against
 * uart_write's. \n goes out as \r\n, unless framed. */
void uart_write_atomic(const char *buf, size_t n);
void uart_flush(void); /* waits until all of it has left the machine, or the other end stops taking any */
void uart_panic(void); /* a panic's text follows: other harts print no more */

/* Console: line discipline on the UART, the character device 5:1 (and tty 5:0). */
void console_init(void);
void console_input(uint8_t c); /* from the UART's interrupt */

void rtc_init(void);                         /* goldfish RTC: sets the time of day */
void ramdisk_init(void);                     /* the disk, if the machine has one in memory */
void virtio_init(void);                      /* probes all slots: disk and entropy devices */
size_t virtio_rng_read(void *buf, size_t n); /* boot only; polls; how many bytes the device has given */

/* Random numbers for getrandom and /dev/random: seeded by the boot loader's seed, the device and interrupt
 * times. */
void random_init(void);
void random_bytes(void *buf, size_t n); /* any context */
void random_stir(uint64_t sample);      /* mix in an event's time */

void power_init(void); /* maps the power-off device; until then the firmware switches off */
/* Power: hands the status to the machine (sifive_test, else SBI SRST); does not return. 0 = success. */
_Noreturn void machine_power_off(int status);
_Noreturn void machine_reboot(void);
