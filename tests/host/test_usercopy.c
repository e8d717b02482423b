/* kernel/mm/usercopy.c, with the real page-table walk of pagetable.h, at all edges: three neighbouring pages, each in one of six
 * states, at places where tables end, at both ends of user space and of all addresses; starts and lengths around each border,
 * and lengths that wrap. What copyin, copyout and copyinstr answer, and each byte that they move, is what a plain look at the
 * three states says. Nothing beside may be touched. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

/* The harness has functions of these names. */
#define copyin            tested_copyin
#define copyout           tested_copyout
#define copyinstr         tested_copyinstr
#define user_prefault     tested_user_prefault
#define uio_read          tested_uio_read
#define uio_write         tested_uio_write
#define uio_zero          tested_uio_zero
#define uio_read_nofault  tested_uio_read_nofault
#define uio_write_nofault tested_uio_write_nofault
#define uio_prefault      tested_uio_prefault

#define current riscv_current /* which reads a register that the host has not */
#include "proc/proc.h"
#undef current

extern uintptr_t page_array_origin;
static struct proc self;
static struct proc *current(void)
{
    return &self;
}

#include "mm/usercopy.c"

#define PAGES 3

enum state { NO_TABLE, EMPTY, READ, WRITE, NOT_USER, NOT_VALID, STATES };
static const pte_t rights[STATES] = {[READ] = PTE_V | PTE_U | PTE_R,
                                     [WRITE] = PTE_V | PTE_U | PTE_R | PTE_W,
                                     [NOT_USER] = PTE_V | PTE_R | PTE_W,
                                     [NOT_VALID] = PTE_U | PTE_R | PTE_W};

static struct aspace space = {.refs = 1};
static char *memory[PAGES], *buffer;
static enum state states[PAGES];
static vaddr_t first; /* the pages' address */

int aspace_fault(struct aspace *as, vaddr_t addr, enum fault_access access)
{
    return addr < USER_TOP ? -EFAULT : -EIO; /* usercopy.c does not ask for others */
}

static void *tables[32]; /* all that were made; so that none counts as leaked */
static unsigned ntables;

static pte_t *table_below(pte_t *entry)
{
    if (!*entry) {
        void *table = tables[ntables++] = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
        memset(table, 0, PAGE_SIZE);
        *entry = pa_pte((paddr_t)table) | PTE_V;
    }
    return pte_table(*entry);
}

/* The tables are made once for each place, and the entries written anew for each combination. */
static void enter(unsigned i)
{
    vaddr_t va = first + i * PAGE_SIZE;

    if (va >= USER_TOP)
        return;
    pte_t *last = table_below(&table_below(&space.root[va >> 30])[va >> 21 & 511]);
    last[va >> PAGE_SHIFT & 511] = rights[states[i]] ? pa_pte((paddr_t)memory[i]) | rights[states[i]] : 0;
}

/* How many of n bytes from va on a program could read, or write. */
static size_t allowed(vaddr_t va, size_t n, bool write)
{
    size_t count = 0;

    while (count < n) {
        vaddr_t at = va + count, i = (at - first) / PAGE_SIZE;
        if (at < va || at < first || i >= PAGES || at >= USER_TOP ||
            !(states[i] == WRITE || (states[i] == READ && !write)))
            break;
        count = MIN(n, (i + 1) * PAGE_SIZE - (va - first));
    }
    return count;
}

static char *byte(vaddr_t va)
{
    return &memory[(va - first) / PAGE_SIZE][va % PAGE_SIZE];
}

static void fill(char with)
{
    for (unsigned i = 0; i < PAGES; i++)
        memset(memory[i], with, PAGE_SIZE);
}

static bool all_are(const char *bytes, size_t n, char what)
{
    return n == 0 || (bytes[0] == what && memcmp(bytes, bytes + 1, n - 1) == 0);
}

static bool one(vaddr_t va, size_t n)
{
    size_t in = allowed(va, n, false), out = allowed(va, n, true);

    fill('u');
    memset(buffer, 'k', PAGES * PAGE_SIZE + 8);
    if (copyin(buffer, va, n) != (in == n ? 0 : -EFAULT))
        return false;
    if (!all_are(buffer, in, 'u') || !all_are(buffer + in, PAGES * PAGE_SIZE + 8 - in, 'k'))
        return false;
    memset(buffer, 'k', PAGES * PAGE_SIZE + 8);
    if (copyout(va, buffer, MIN(n, PAGES * PAGE_SIZE + 8)) != (out == n ? 0 : -EFAULT))
        return false;
    for (vaddr_t i = 0; i < PAGES; i++) { /* of each page, the part that lies in [va, va + out) */
        vaddr_t page = first + i * PAGE_SIZE, from = MIN(MAX(va, page) - page, PAGE_SIZE);
        size_t n_here = va + out > page + from ? MIN(va + out - page - from, PAGE_SIZE - from) : 0;
        if (out == 0)
            n_here = 0;
        if (!all_are(memory[i], from, 'u') || !all_are(memory[i] + from, n_here, 'k') ||
            !all_are(memory[i] + from + n_here, PAGE_SIZE - from - n_here, 'u'))
            return false;
    }
    if (in == 0 || n > PAGES * PAGE_SIZE)
        return true;
    fill('u');
    *byte(va + in - 1) = '\0';
    bool found = in > 0;
    return copyinstr(buffer, va, n) == (found ? (ssize_t)in - 1 : in == n ? -ENAMETOOLONG : -EFAULT);
}

static void all(const char *where, vaddr_t at)
{
    static const size_t around[] = {0, 1, 7, PAGE_SIZE - 1};
    static const size_t lengths[] = {0,
                                     1,
                                     8,
                                     PAGE_SIZE - 1,
                                     PAGE_SIZE,
                                     PAGE_SIZE + 1,
                                     2 * PAGE_SIZE,
                                     3 * PAGE_SIZE,
                                     ~0ul,
                                     ~0ul - PAGE_SIZE,
                                     1ul << 63};
    unsigned wrong = 0, count = 0;

    first = at;
    memset(space.root, 0, PAGE_SIZE);
    for (unsigned combination = 0; combination < STATES * STATES * STATES; combination++) {
        for (unsigned i = 0, c = combination; i < PAGES; i++, c /= STATES) {
            states[i] = c % STATES;
            enter(i);
        }
        for (unsigned page = 0; page < PAGES + 1; page++)
            for (unsigned a = 0; a < ARRAY_SIZE(around); a++)
                for (unsigned l = 0; l < ARRAY_SIZE(lengths); l++) {
                    vaddr_t va = first + page * PAGE_SIZE + around[a];
                    count++;
                    if (!one(va, lengths[l]) && wrong++ == 0)
                        diag("pages at 0x%lx in states %u, %u, %u: 0x%zx bytes at 0x%lx: another result than "
                             "a plain look gives",
                             first, states[0], states[1], states[2], lengths[l], va);
                }
    }
    ok(wrong == 0, "three pages %s: %u of %u cases wrong", where, wrong, count);
}

int main(void)
{
    self.aspace = &space;
    space.root = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
    for (unsigned i = 0; i < PAGES; i++)
        memory[i] = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
    buffer = malloc(PAGES * PAGE_SIZE + 8);
    all("in one table", 0x10000);
    all("across the end of a table", (1ul << 21) - PAGE_SIZE);
    all("across the end of a gigabyte", (1ul << 30) - PAGE_SIZE);
    all("at the end of user space", USER_TOP - 2 * PAGE_SIZE);
    all("at the end of all addresses", -3 * PAGE_SIZE);
    return done();
}
