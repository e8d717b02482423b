/* What only debug builds (make DEBUG=1) do: they look for mistakes of the kernel, and with the boot argument
 * seed=N let it run in an order that chance decides. In other builds the functions here are empty, so their
 * callers need no conditions. docs/hacking.md tells what each finds. */
#pragma once
#include "lib/types.h"

struct list;
struct page;
struct slab_cache;

#ifdef LODE_DEBUG
#define DEBUG_BUILD                         true
#define DEBUG_HOOK(function)                void function;
#define DEBUG_VALUE(type, function, normal) type function;
#else
#define DEBUG_BUILD false
#define DEBUG_HOOK(function)                                                                                 \
    static inline void function                                                                              \
    {                                                                                                        \
    }
#define DEBUG_VALUE(type, function, normal)                                                                  \
    static inline type function                                                                              \
    {                                                                                                        \
        return normal;                                                                                       \
    }
#endif

/* poison.c: free memory holds a pattern, which is looked for when the memory is handed out again. */
DEBUG_HOOK(debug_page_live(struct page *p, uint32_t refs))   /* it had `refs` references: more than none? */
DEBUG_HOOK(debug_page_freed(struct page *p, const void *by)) /* not on a list yet */
DEBUG_HOOK(debug_page_taken(struct page *p, unsigned order)) /* no longer on one */
/* The cache's lock is held. The link at an object's beginning is the list's, and stays as it is. */
DEBUG_HOOK(debug_slab_new_page(struct page *p))
DEBUG_HOOK(debug_slab_taken(struct slab_cache *c, void *object))
DEBUG_HOOK(debug_slab_freed(struct slab_cache *c, void *object, const void *by))
/* In brackets, what reading this address means, or nothing. */
DEBUG_VALUE(const char *, debug_pattern(vaddr_t addr), "")

/* seed.c: chance, the same for the same seed where the machine is the same to the instruction (--icount). */
DEBUG_HOOK(debug_seed(const char *number))          /* boot */
DEBUG_VALUE(uint64_t, debug_slice(uint64_t ns), ns) /* a time slice, instead of this one */
DEBUG_HOOK(debug_shuffle(struct list *l))           /* another element becomes the first */
DEBUG_HOOK(debug_preempt(void)) /* perhaps gives way, where an interrupt might have made it do so */

/* seed.c: with a seed, reports interrupts that were off for long. debug_irqs_were_off: for how many ticks. */
DEBUG_HOOK(debug_irqs_off(void))
DEBUG_VALUE(uint64_t, debug_irqs_were_off(void), 0)
DEBUG_HOOK(debug_irqs_on(uint64_t were_off, const void *place))

/* fail.c: allocations and requests to the disk that fail because a test wants it. True: this one has to. */
enum debug_failure { FAIL_NONE, FAIL_ALLOC, FAIL_READ, FAIL_WRITE, FAIL_FLUSH };
DEBUG_VALUE(bool, debug_fails(enum debug_failure what), false)
DEBUG_HOOK(debug_fail_init(void)) /* boot */
