/* Address spaces: the user half of a page table and the regions that say what belongs there. Reference-
 * counted, so that threads can share one. Everything is filled on demand by aspace_fault. The map of all
 * addresses is in docs/memory.md. */
#pragma once
#include "lib/types.h"
#include "sync/mutex.h"
#include "sync/spinlock.h"

struct inode;

#define USER_MIN       PAGE_SIZE                  /* the first page is never mapped */
#define USER_TOP       0x4000000000ul             /* end of the lower half of Sv39 */
#define USER_STACK_TOP (USER_TOP - 2 * PAGE_SIZE) /* above it nothing, as above the stack of xv6 */
#define USER_STACK_MAX (8ul << 20)                /* how far a stack may grow */
#define USER_STACK_GAP (1ul << 20)                /* kept free below the stack's limit */

enum fault_access { FAULT_READ, FAULT_WRITE, FAULT_EXEC };

struct aspace {
    uint32_t refs;           /* atomic */
    uint64_t *root;          /* c  root page table (kernel address); upper half shared with all others */
    uint64_t satp;           /* c  value of satp for it */
    struct mutex lock;       /* regions and everything about them; held across a fault */
    struct spinlock pt_lock; /* held to take away or replace a page-table entry, and while a page found
                                through one is copied */
    struct region *regions;  /* sorted by address (see aspace.c) */
    struct region *last_hit; /* the region found last */
    vaddr_t brk_start, brk;  /* heap */
    size_t resident;         /* user pages present */
    uint64_t harts;          /* atomic bit mask: harts that have it loaded, or may hold translations of it */
};

/* An empty address space; NULL without memory. */
struct aspace *aspace_create(void);
void aspace_get(struct aspace *as);
void aspace_put(struct aspace *as); /* unmaps and frees all at 0; not the one loaded here */

/* A copy with every writable private page shared copy-on-write. NULL without memory (nothing leaked). */
struct aspace *aspace_fork(struct aspace *as);

/* Load as's page table on this hart. Interrupts off. NULL: the kernel's own table. */
void aspace_switch(struct aspace *as);

/* Map [addr, addr+len), page-aligned, with PROT_ bits (abi/mman.h). MAP_SHARED or MAP_PRIVATE as flags say.
 * inode NULL: anonymous memory. Otherwise file_len bytes of the file from `offset` appear at addr, and zeros
 * from there to len (a program segment's bss); offset is page-aligned. Takes its own reference to inode.
 * Fails where anything is mapped already, but MAP_FIXED replaces that. 0; -EINVAL (also: a file shared and
 * writable); -EACCES: PROT_WRITE with PROT_EXEC; -ENOMEM (also: not user space); -EEXIST. */
int aspace_map(struct aspace *as, vaddr_t addr, size_t len, int prot, int flags, struct inode *inode,
               uint64_t offset, uint64_t file_len);
int aspace_map_stack(struct aspace *as);                       /* a growing region below USER_STACK_TOP */
int aspace_unmap(struct aspace *as, vaddr_t addr, size_t len); /* 0, -EINVAL, -ENOMEM */
int aspace_protect(struct aspace *as, vaddr_t addr, size_t len, int prot); /* 0, -EINVAL, -ENOMEM, -EACCES */
vaddr_t aspace_find(struct aspace *as, size_t len);     /* the highest free range; 0: none */
int64_t aspace_brk(struct aspace *as, vaddr_t new_brk); /* the break after the call, as Linux's brk */
size_t aspace_mapped(struct aspace *as);                /* pages of all regions */

/* Make addr accessible for `access`. 0; -EFAULT: nothing there, or not allowed (SIGSEGV); -ENOMEM; -EIO;
 * -ENXIO: beyond the end of a mapped file. */
int aspace_fault(struct aspace *as, vaddr_t addr, enum fault_access access);

/* copyout into an address space that is not the current one: for exec laying out a new stack. */
int aspace_copyout(struct aspace *as, uptr_t dst, const void *src, size_t n);

/* The kernel's own mappings (mm/kvm.c). kvm_init builds the kernel's page table: direct map in large pages,
 * kernel image with text RX, rodata R and the rest RW; kvm_init_hart loads it on this hart. */
void kvm_init(void);
void kvm_init_hart(void);
void *kvm_map_device(paddr_t pa, size_t size); /* RW window at pa_kva(pa); boot only */

/* A kernel stack of KSTACK_SIZE bytes with unmapped guard pages at both ends: its lowest address; 0 without
 * memory. Freed stacks are kept for reuse, up to a limit. */
#define KSTACK_SIZE 8192ul
vaddr_t kstack_alloc(void);
void kstack_free(vaddr_t stack);
bool kstack_is_guard(vaddr_t addr); /* in a guard page: a kernel stack has overflowed */
size_t kvm_pages(void);             /* of mapped kernel stacks and the kernel's page tables, for /proc */
void kstack_sync(void);             /* on every switch to another stack: this hart sees new mappings, too */
