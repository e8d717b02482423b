/* Who calls whom: every process's stack of calls, and the instructions counted on it. plugin.c tells which blocks of
 * instructions are executed, and where processes change. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct function {
    uint64_t start, end;
    char *name;
};

enum ending { FALLS_THROUGH, CALLS, RETURNS, ENDS_TRAP };
enum place { IN_KERNEL, IN_PROGRAM, IN_FIRMWARE };

struct jump {
    enum ending ending;
    uint64_t back; /* CALLS: where it returns to */
};

struct block {
    enum place place;
    uint64_t start;
    const struct function *function; /* IN_KERNEL; NULL: none that is known */
    struct jump end;
};

/* To be set before anything is executed. */
extern const struct function *trap_entry, *proc_entry, *context_switch; /* in trampoline.S */
extern uint64_t name_offset;                                            /* of the name in struct proc */

/* To be added to an address of the kernel to have it in QEMU's memory; 0: not known yet. */
extern ptrdiff_t kernel_in_host;

extern uint64_t executed; /* instructions so far, by all harts */
extern bool counting;     /* changed by calls_count alone */

void calls_count(bool on);                               /* from here on, or up to here */
void calls_block_begins(unsigned hart, struct block *b); /* before its first instruction is in `executed` */
void calls_leaves_process(unsigned hart, uint64_t process);
void calls_goes_to_process(unsigned hart, uint64_t process); /* once context_switch has ended */
void calls_write(FILE *out);                                 /* lines "node PARENT SELF CALLS NAME" */

void *allocate(size_t count, size_t size); /* zeroed; ends QEMU if there is no memory */
