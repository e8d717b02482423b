/* Kernel messages, formatted output and panic. */
#pragma once
#include <stdarg.h>
#include "lib/types.h"

/* Writes a message to the log ring (dmesg) and to the console. Any context. A message is one or more whole
 * lines. Formats: %d %u %x %c %s %p %% with l, z, width, '-', '0' and, for %s, a precision. */
void printk(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* As in the C standard: NUL-terminated where size > 0; return the length that was wanted. */
int snprintf(char *buf, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
int vsnprintf(char *buf, size_t size, const char *format, va_list args);

/* Prints "panic: message", hart, process and backtrace, then those of the other harts, which it stops, and powers
 * off with a failing exit status. Only for "the kernel is wrong". */
_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The machine has not done in time what it should: prints why, followed by a number of seconds, what every hart does
 * and every process waits for, and powers off with status 124. Interrupts off. */
_Noreturn void panic_out_of_time(const char *why, uint64_t ns);

struct proc;
#define BACKTRACE_MAX 32
/* The return addresses on p's kernel stack from this frame on, the innermost first; and the same, printed. */
unsigned stack_trace(const struct proc *p, uintptr_t frame, uintptr_t *at, unsigned max);
void print_stack(const struct proc *p, uintptr_t frame);

/* boot: draws the canary in the kernel's frames, once random numbers are there and while no other hart runs. For a
 * caller that never returns: its own frame has the old one. */
void canary_init(void);

bool panicking(void); /* is this the hart that panics? It waits for no locks, and reads what they protect */

/* For what a machine lacks at boot: one plain line, no backtrace, then power-off with a failing status. */
_Noreturn void boot_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define assert(cond)                                                                                         \
    do {                                                                                                     \
        if (unlikely(!(cond)))                                                                               \
            panic("assertion failed: %s, at %s:%d", #cond, __FILE__, __LINE__);                              \
    } while (0)

/* Copies up to n bytes of the log, the newest that fit, to buf (kernel memory); returns how many. */
size_t printk_read_log(char *buf, size_t n);
size_t printk_log_size(void); /* bytes of log held now */
