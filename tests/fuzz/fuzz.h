/* What the fuzzers of disks share: the damage that an input describes (damage.c), a machine that starts anew for each
 * (machine.c), and its use of the file system (use.c).
 *
 * An input is a list of records, each an operation code and its operands; whatever the bytes are, they mean something, so
 * no mutation is in vain. The first byte chooses the image that is damaged. Records change fields of the disk's structures,
 * or are things to do once it is mounted. When all damage is done, the checksums are put right, so that it is not the
 * checksums alone that keep it out. */
#pragma once
#include "harness.h"

#include <stddef.h>
#include <stdint.h>

#include "abi/fsformat.h"
#include "lib/types.h"

/* damage.c */
struct input {
    const uint8_t *at, *end;
};
uint64_t input_number(struct input *in, unsigned bytes); /* the next bytes; zeros behind the end */

/* At the start: the images to damage, which are the one that mkfs has made (FUZZ_BASE in the environment names it), and
 * those that the kernel leaves after some use of it. */
void images_make(void);
/* Puts the image onto the disk, damages it as the input says, and leaves the list of things to do to use_list. */
void damage(const uint8_t *data, size_t size);
bool damage_is_none(void); /* the input has changed nothing */

/* machine.c: the kernel's variables as they were at the start, no threads, no memory in use. The disk stays. */
void machine_init(void);
void machine_reset(void);

/* use.c */
void use_add(uint8_t what, struct input *in); /* reads what it needs */
void use_forget(void);
int use_mount(void);
/* Goes through the whole tree, and reads what can be read; returns how many of these calls have failed. */
unsigned use_walk(void);
void use_list(void);     /* does what has been added */
void use_populate(void); /* for images_make */
