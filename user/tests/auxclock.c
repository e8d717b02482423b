/* auxclock none | century: the library's clock, after other things than the truth were put in the auxiliary vector, before
 * the library has looked there. A clock in question is read between two readings by system call.
 *
 *   none     the entries are missing: it is what the kernel says
 *   century  the machine started a hundred years earlier: it is that much later, exactly
 */
#include "user/lode.h"

static uint64_t *aux_entry(uint64_t type)
{
    uint64_t *w = (uint64_t *)environ;

    while (*w)
        w++;
    for (w++; w[0] != type; w += 2)
        if (w[0] == AT_NULL)
            diex("the auxiliary vector has no entry 0x%lx", type);
    return w;
}

static uint64_t ns_of(struct abi_timespec t)
{
    return (uint64_t)t.sec * NSEC_PER_SEC + t.nsec;
}

int main(int argc, char **argv)
{
    static const int clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME};
    struct abi_timespec before, t, after;
    uint64_t more = 0;

    if (argc == 2 && !strcmp(argv[1], "none")) {
        aux_entry(AT_LODE_BOOT)[0] = aux_entry(AT_LODE_RATE)[0] = aux_entry(AT_LODE_DAY)[0] = AT_EGID;
    } else if (argc == 2 && !strcmp(argv[1], "century")) {
        /* So many times 2^32 ticks: times the rate, they are whole nanoseconds. */
        uint64_t rate = aux_entry(AT_LODE_RATE)[1], times = 36525 * 86400ul * NSEC_PER_SEC / rate;
        aux_entry(AT_LODE_BOOT)[1] -= times << 32;
        more = times * rate;
    } else {
        usage("auxclock none | century");
    }
    for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
        if (sys_clock_gettime(clocks[i], (long)&before) < 0 || clock_gettime(clocks[i], &t) < 0 ||
            sys_clock_gettime(clocks[i], (long)&after) < 0)
            die("clock %d", clocks[i]);
        if (ns_of(t) < ns_of(before) + more || ns_of(t) > ns_of(after) + more)
            diex("%s: clock %d by the library is %lu ns, which is not from %lu to %lu", argv[1], clocks[i],
                 ns_of(t), ns_of(before) + more, ns_of(after) + more);
    }
    return 0;
}
