/* What there is of everything in the system, to see whether tests have left something behind. Of use only while nothing
 * else runs. What is found is told on standard output, as comments of TAP. */
#pragma once
#include "user/lode.h"

/* By name: the lines of /proc/lode, and three more:
 *
 *   pages         pages of memory that neither caches nor the kernel's own structures hold
 *   disk_blocks   blocks of the disk in use
 *   disk_inodes   inodes of the disk in use
 *
 * All are exact. What remains in the caches (inodes, and pages of files) is not counted. */
struct state {
    unsigned n;
    struct line {
        char name[28];
        long value;
    } lines[48];
};

bool state_read(struct state *s); /* false, with errno: /proc/lode cannot be read */

/* Is there more than before? What is on its way out (a killed process, a delayed close) gets a second to be gone. */
bool state_leaked(const struct state *before);

/* A debug kernel finds its structures in order (/proc/check), or the lines that it complains with are printed. */
bool state_is_sound(void);

/* A file of /proc, up to its size: valid until the next call of a function here; NULL where it cannot be read. */
char *state_read_proc(const char *path);
