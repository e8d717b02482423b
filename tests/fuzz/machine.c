/* Many machines in one process, one after the other: the variables of kernel/fs (which sections.h has put into sections of their
 * own) are set back to what they were, and the harness forgets the threads and memory of the machine before. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

extern char __start_restored_bss[], __stop_restored_bss[], __start_restored_data[], __stop_restored_data[];

static char *data; /* as it was at the start */

static size_t data_size(void)
{
    return (size_t)(__stop_restored_data - __start_restored_data);
}

/* The sanitizer keeps the room between variables, which is in these sections as well, from being touched by memcpy. */
__attribute__((no_sanitize("address"))) static void copy(char *to, const char *from, size_t n)
{
    for (size_t i = 0; i < n / 8; i++)
        ((volatile uint64_t *)to)[i] = from ? ((const volatile uint64_t *)from)[i] : 0;
}

void machine_init(void)
{
    data = calloc(1, data_size());
    copy(data, __start_restored_data, data_size());
}

void machine_reset(void)
{
    harness_reset();
    copy(__start_restored_data, data, data_size());
    copy(__start_restored_bss, NULL, (size_t)(__stop_restored_bss - __start_restored_bss));
}
