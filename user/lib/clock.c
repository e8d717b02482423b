/* The clocks. Those that run on with the time are computed here, from the time CSR: no system call. The kernel tells
 * in the auxiliary vector what it computes them from (abi/system.h, AT_LODE_BOOT), and the formula is its own,
 * so that readings here and readings by system call form one sequence, whoever takes them on whichever hart. */
#include "lib.h"

/* A bit for each of these clocks. */
#define OF_DAY (1u << CLOCK_REALTIME | 1u << CLOCK_REALTIME_COARSE)
#define SINCE_BOOT                                                                                           \
    (1u << CLOCK_MONOTONIC | 1u << CLOCK_MONOTONIC_RAW | 1u << CLOCK_MONOTONIC_COARSE | 1u << CLOCK_BOOTTIME)

static uint64_t boot_ticks, day_offset;
static uint64_t ns_per_tick_32; /* 0: not looked up yet, or the kernel has not told */

static uint64_t aux_value(uint64_t type)
{
    for (const uint64_t *aux = lib_aux; aux[0] != AT_NULL; aux += 2)
        if (aux[0] == type)
            return aux[1];
    return 0;
}

static bool is_computed(int clock)
{
    return (unsigned)clock < 32 && (1u << clock & (OF_DAY | SINCE_BOOT));
}

/* For the first reading, and for what only the kernel knows. Programs that never ask for the time do not pay for the
 * look-up. A signal's handler may ask in the midst of it, so ns_per_tick_32 is written last. */
static __attribute__((noinline)) int look_up_or_call(int clock, struct abi_timespec *t)
{
    if (is_computed(clock) && !ns_per_tick_32) {
        boot_ticks = aux_value(AT_LODE_BOOT);
        day_offset = aux_value(AT_LODE_DAY);
        __atomic_store_n(&ns_per_tick_32, aux_value(AT_LODE_RATE), __ATOMIC_RELEASE);
        if (ns_per_tick_32)
            return clock_gettime(clock, t);
    }
    return (int)lib_result(sys_clock_gettime(clock, (long)t));
}

int clock_gettime(int clock, struct abi_timespec *t)
{
    uint64_t ticks, ns;

    if (!is_computed(clock) || !ns_per_tick_32)
        return look_up_or_call(clock, t);
    __asm__ volatile("rdtime %0" : "=r"(ticks) : : "memory");
    ns = (unsigned __int128)(ticks - boot_ticks) * ns_per_tick_32 >> 32;
    if (1u << clock & OF_DAY)
        ns += day_offset;
    *t = (struct abi_timespec){ns / NSEC_PER_SEC, ns % NSEC_PER_SEC};
    return 0;
}
