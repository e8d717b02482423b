/* Invariants of the kernel's structures, checked while it runs (debug builds): check.c tells when and how.
 *
 * Each module has a function MODULE_check at its end, which looks at what its head comment states. They are called
 * with all other harts held still, interrupts off and no lock taken, in this order. They change nothing, and report
 * what is wrong by CHECK, which goes on. What a mutex protects they look at only while it is free: check_free. */
#pragma once
#include "lib/types.h"

#ifdef LODE_DEBUG
struct aspace;
struct fdtable;
struct file;
struct list;
struct mutex;

/* True if the condition holds; else adds a line to the report (a printf format and its arguments), and false. */
#define CHECK(cond, ...)                                                                                     \
    ({                                                                                                       \
        bool holds_ = (cond);                                                                                \
        if (!holds_)                                                                                         \
            check_failed(__VA_ARGS__);                                                                       \
        holds_;                                                                                              \
    })
void check_failed(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Is it a ring whose links agree in both directions? If not, that is reported, and it must not be walked. */
bool check_list(const struct list *head, const char *what);
bool check_pointer(const void *p); /* may it be followed? Reports nothing */
bool check_free(const struct mutex *m);

/* Runs all; writes "ok" or a line for each violation. Returns the length as snprintf does. May sleep. */
size_t check_all(char *buf, size_t size);
/* From the interrupt that another hart sends: waits while that one checks. */
void check_hold(void);

void page_check(void);
void slab_check(void);
void timer_check(void);
size_t sched_check(void); /* returns how many processes are on run queues */
size_t wait_check(void);  /* on wait queues */
void proc_check(
    void); /* the table; calls sched_check and wait_check, and the two for what each process has: */
void aspace_check(struct aspace *as);
void fdtable_check(struct fdtable *t);
void pipe_check(const struct file *f); /* if it is a pipe's */
void inode_check(void);
void cache_check(void);
void journal_check(void);
void balloc_check(void);

/* Counting references. Between these two calls, every page mapped in an address space has one reference less for
 * each place where it is: so cache_check sees whether there are enough for all. */
void proc_check_take_pages(void);
void proc_check_give_pages(void);
void aspace_check_pages(struct aspace *as, int delta); /* for the two */
#else
static inline void check_hold(void)
{
}
#endif
