/* The kernel's own mappings, which all address spaces share.
 *
 *   0xffffffc000000000  direct map: physical addresses 0 to 128 GB. RAM below 32 GB in the largest pages that fit,
 *                       devices as drivers ask for them, the kernel's image with the rights of its sections
 *   0xffffffe000000000  kernel stacks: 1 GB in slots of 16 KB
 *
 * No page can be both written and executed. Memory that the firmware keeps is not mapped. All are global (G):
 * they stay in the TLB when the address space changes. Each root table has a copy of the kernel root's
 * entries, so these are all made at boot; what is added below them is seen by all.
 *
 * A kernel stack is the upper half of its slot; the lower half is never mapped, so that an overflow is a
 * fault. The trap entry relies on that: bit 13 of an address says which half it is in. The boot hart's stack,
 * in the kernel's image, has such a guard as well.
 *
 * Life of a slot: never used (from next_slot on) -> mapped, a stack in use <-> mapped, in stack_cache ->
 * unmapped, in the list of free slots, which runs through the slots' invalid page-table entries. A hart may
 * remember that a slot was not mapped, so each mapping counts stack_generation up, and a hart that sees a new
 * count flushes before it can run on a new stack. Unmapping flushes all harts before the slot or its pages
 * are used again.
 *
 * stack_lock protects the slots. Boot code runs alone. */
#include "boot/machine.h"
#include "lib/printk.h"
#include "mm/pagetable.h"
#include "proc/cpu.h"
#include "trap/timer.h"

#define KERNEL_BITS  (PTE_V | PTE_G | PTE_A | PTE_D)
#define LEAF         (PTE_R | PTE_W | PTE_X)
#define STACK_BASE   0xffffffe000000000ul
#define SLOT_SIZE    (2 * KSTACK_SIZE)
#define STACK_SLOTS  ((1ul << 30) / SLOT_SIZE)
#define STACKS_KEPT  32 /* for reuse; beyond, */
#define STACKS_BATCH 16 /* so many are unmapped at once, since all harts are interrupted for it */
#define STACK_PAGES  (KSTACK_SIZE / PAGE_SIZE)

extern char kernel_start[], text_end[], rodata_end[], kernel_end[]; /* kernel.ld */
extern char boot_stack_guard[], boot_stack_top[]; /* entry.S: KSTACK_SIZE that is not mapped; the stack */

uint64_t kvm_satp;

static _Alignas(PAGE_SIZE) pte_t kernel_root[512];
static uint16_t root_used[256]; /* c after boot: indices of the entries in use */
static unsigned root_count;

static struct spinlock stack_lock = SPINLOCK_INIT("kernel stacks", RANK_SLAB);
static vaddr_t stack_cache[STACKS_KEPT + STACKS_BATCH];
static unsigned stacks_kept;
static uint64_t next_slot;
static uint64_t free_slot;        /* 1 + the first of the list; 0: empty */
static uint64_t stack_generation; /* atomic */
static size_t page_count;         /* atomic: pages of mapped stacks, and of tables */

/* The entry for va in a table of `level` (0: 4 KB, 1: 2 MB, 2: 1 GB); tables above are made. NULL without
 * memory. */
static pte_t *entry(vaddr_t va, unsigned level)
{
    pte_t *table = kernel_root;

    for (unsigned l = 2;; l--) {
        pte_t *e = &table[va >> (PAGE_SHIFT + 9 * l) & 511];
        if (l == 2 && !*e)
            root_used[root_count++] = e - table;
        if (l == level)
            return e;
        if (!*e) {
            struct page *p = page_alloc(PAGE_ZERO | PAGE_NORECLAIM);
            if (!p)
                return NULL;
            __atomic_fetch_add(&page_count, 1, __ATOMIC_RELAXED);
            *e = pa_pte(page_pa(p)) | PTE_V;
        }
        assert(!(*e & LEAF));
        table = pte_table(*e);
    }
}

/* Boot: physical [start, end) in the direct map. */
static void map_direct(paddr_t start, paddr_t end, pte_t rights)
{
    while (start < end) {
        unsigned level = 2;
        while (level > 0 && (start & ((PAGE_SIZE << 9 * level) - 1) || end - start < PAGE_SIZE << 9 * level))
            level--;
        pte_t *e = entry((vaddr_t)pa_kva(start), level);
        if (!e)
            boot_fail("lode: too little memory: no room for the kernel's page table");
        *e = pa_pte(start) | KERNEL_BITS | rights;
        start += PAGE_SIZE << 9 * level;
    }
}

void kvm_init(void)
{
    struct mem_range r;

    for (paddr_t from = 0; page_next_ram(from, &r); from = r.end)
        map_direct(r.start, r.end, PTE_R | PTE_W);
    map_direct(kva_pa(kernel_start), kva_pa(text_end), PTE_R | PTE_X);
    map_direct(kva_pa(text_end), kva_pa(rodata_end), PTE_R);
    assert(boot_stack_top - boot_stack_guard == 2 * KSTACK_SIZE);
    map_direct(kva_pa(rodata_end), kva_pa(boot_stack_guard), PTE_R | PTE_W);
    map_direct(kva_pa(boot_stack_guard + KSTACK_SIZE), kva_pa(kernel_end), PTE_R | PTE_W);
    if (!entry(STACK_BASE, 0))
        boot_fail("lode: too little memory: no room for kernel stacks");
    kvm_satp = SATP_SV39 | kva_pa(kernel_root) >> PAGE_SHIFT;
    kvm_init_hart();
}

void kvm_init_hart(void)
{
    csr_write(satp, kvm_satp);
    tlb_flush_all();
}

void *kvm_map_device(paddr_t pa, size_t size)
{
    if (pa > PAGE_DIRECT_MAX || size > PAGE_DIRECT_MAX - pa)
        boot_fail("lode: the device at 0x%lx is out of the kernel's reach", pa);
    map_direct(PAGE_ROUND_DOWN(pa), PAGE_ROUND_UP(pa + size), PTE_R | PTE_W);
    tlb_flush_all();
    return pa_kva(pa);
}

void kvm_copy_root(pte_t *root)
{
    for (unsigned i = 0; i < root_count; i++)
        root[root_used[i]] = kernel_root[root_used[i]];
}

/* ---- other harts ---- */

/* Harts ask each other, rather than the firmware: that waits in machine mode, where nothing ends its turn
 * under -icount (timer_end_turn). Who asks takes a number at the other hart, and waits until this has fenced
 * for it. A hart answers in the interrupt, and wherever it waits with interrupts off (spin_wait), so that two
 * harts that ask each other do not wait for ever, nor does one that asks while another wants its lock. */
void kvm_fence_remote(uint64_t harts)
{
    uint64_t number[MAX_HARTS];

    for (unsigned i = 0; i < machine.nharts; i++) {
        if (harts >> i & 1) {
            number[i] = __atomic_add_fetch(&cpus[i].fences_asked, 1, __ATOMIC_SEQ_CST);
            cpu_kick(&cpus[i]);
        }
    }
    timer_end_turn();
    for (unsigned i = 0; i < machine.nharts; i++)
        for (unsigned n = 1;
             harts >> i & 1 && __atomic_load_n(&cpus[i].fences_done, __ATOMIC_ACQUIRE) < number[i]; n++)
            spin_wait(n);
}

void kvm_fence_answer(void)
{
    struct cpu *c = mycpu();
    uint64_t asked = __atomic_load_n(&c->fences_asked, __ATOMIC_ACQUIRE);

    if (asked == c->fences_done)
        return;
    tlb_flush_all();
    fence_i();
    __atomic_store_n(&c->fences_done, asked, __ATOMIC_RELEASE);
}

/* ---- kernel stacks ---- */

/* Gives a slot these pages: its stack, or 0 without slots or memory for a table. Caller holds stack_lock. */
static vaddr_t map_stack(struct page *const page[STACK_PAGES])
{
    uint64_t slot = free_slot ? free_slot - 1 : next_slot;
    vaddr_t stack = STACK_BASE + slot * SLOT_SIZE + KSTACK_SIZE;
    pte_t *e = slot < STACK_SLOTS ? entry(stack, 0) : NULL; /* all of a stack's are in one table */

    if (!e)
        return 0;
    if (free_slot)
        free_slot = *e >> 1;
    else
        next_slot++;
    __atomic_fetch_add(&page_count, STACK_PAGES, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < STACK_PAGES; i++)
        e[i] = pa_pte(page_pa(page[i])) | KERNEL_BITS | PTE_R | PTE_W;
    __atomic_fetch_add(&stack_generation, 1,
                       __ATOMIC_RELEASE); /* after the entries; pairs with kstack_sync */
    return stack;
}

vaddr_t kstack_alloc(void)
{
    struct page *page[STACK_PAGES];
    vaddr_t stack = 0;
    unsigned n = 0;

    spin_lock(&stack_lock);
    if (stacks_kept > 0)
        stack = stack_cache[--stacks_kept];
    spin_unlock(&stack_lock);
    if (!stack) {
        while (n < STACK_PAGES && (page[n] = page_alloc(0)))
            n++;
        spin_lock(&stack_lock);
        stack = n == STACK_PAGES ? map_stack(page) : 0;
        spin_unlock(&stack_lock);
        while (!stack && n > 0)
            page_put(page[--n]);
    }
    irq_push();
    kstack_sync(); /* the caller may write to it here before the next switch */
    irq_pop();
    return stack;
}

static void unmap_stacks(const vaddr_t stack[STACKS_BATCH])
{
    struct page *page[STACKS_BATCH][STACK_PAGES];
    uint64_t others = 0;

    for (unsigned k = 0; k < STACKS_BATCH; k++) {
        pte_t *e = entry(stack[k], 0);
        for (unsigned i = 0; i < STACK_PAGES; i++) {
            page[k][i] = pte_page(e[i]);
            e[i] = 0;
        }
    }
    irq_push();
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* the entries before the flushes */
    for (unsigned i = 0; i < machine.nharts; i++)
        if (&cpus[i] != mycpu() && __atomic_load_n(&cpus[i].online, __ATOMIC_RELAXED))
            others |= 1ul << i;
    tlb_flush_all();
    kvm_fence_remote(others);
    irq_pop();
    __atomic_fetch_sub(&page_count, STACKS_BATCH * STACK_PAGES, __ATOMIC_RELAXED);
    for (unsigned k = 0; k < STACKS_BATCH; k++)
        for (unsigned i = 0; i < STACK_PAGES; i++)
            page_put(page[k][i]);
    spin_lock(&stack_lock);
    for (unsigned k = 0; k < STACKS_BATCH; k++) {
        entry(stack[k], 0)[0] = free_slot << 1;
        free_slot = (stack[k] - STACK_BASE) / SLOT_SIZE + 1;
    }
    spin_unlock(&stack_lock);
}

void kstack_free(vaddr_t stack)
{
    vaddr_t batch[STACKS_BATCH];

    spin_lock(&stack_lock);
    stack_cache[stacks_kept++] = stack;
    bool full = stacks_kept == STACKS_KEPT + STACKS_BATCH;
    for (unsigned k = 0; full && k < STACKS_BATCH; k++)
        batch[k] = stack_cache[--stacks_kept];
    spin_unlock(&stack_lock);
    if (full)
        unmap_stacks(batch);
}

size_t kvm_pages(void)
{
    return __atomic_load_n(&page_count, __ATOMIC_RELAXED);
}

bool kstack_is_guard(vaddr_t addr)
{
    return addr >= STACK_BASE && addr < STACK_BASE + STACK_SLOTS * SLOT_SIZE && !(addr & KSTACK_SIZE);
}

void kstack_sync(void)
{
    struct cpu *c = mycpu();
    uint64_t now = __atomic_load_n(&stack_generation, __ATOMIC_ACQUIRE); /* pairs with map_stack */

    if (unlikely(c->kstack_generation != now)) {
        c->kstack_generation = now;
        tlb_flush_all();
    }
}
