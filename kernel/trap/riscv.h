/* Control and status registers and the few instructions that C cannot express (RISC-V Privileged
 * Architecture 1.12, chapters 4 and 10; bit positions from the tables there). */
#pragma once
#include "lib/types.h"

#define SSTATUS_SIE      (1ul << 1)
#define SSTATUS_SPIE     (1ul << 5)
#define SSTATUS_FS       (3ul << 13) /* 0 off, 1 initial, 2 clean, 3 dirty */
#define SSTATUS_FS_CLEAN (2ul << 13)
#define SSTATUS_FS_DIRTY (3ul << 13)

#define SIE_SSIE (1ul << 1)
#define SIE_STIE (1ul << 5)
#define SIE_SEIE (1ul << 9)

#define SCAUSE_INTERRUPT     (1ul << 63)
#define IRQ_S_SOFT           1
#define IRQ_S_TIMER          5
#define IRQ_S_EXT            9
#define EXC_INST_MISALIGNED  0
#define EXC_INST_ACCESS      1
#define EXC_INST_ILLEGAL     2
#define EXC_BREAKPOINT       3
#define EXC_LOAD_MISALIGNED  4
#define EXC_LOAD_ACCESS      5
#define EXC_STORE_MISALIGNED 6
#define EXC_STORE_ACCESS     7
#define EXC_ECALL_U          8
#define EXC_INST_PAGE        12
#define EXC_LOAD_PAGE        13
#define EXC_STORE_PAGE       15

#define SATP_SV39 (8ul << 60)

/* Page-table entries (section 4.4). */
#define PTE_V         (1ul << 0)
#define PTE_R         (1ul << 1)
#define PTE_W         (1ul << 2)
#define PTE_X         (1ul << 3)
#define PTE_U         (1ul << 4)
#define PTE_G         (1ul << 5)
#define PTE_A         (1ul << 6)
#define PTE_D         (1ul << 7)
#define PTE_SOFT0     (1ul << 8) /* free for the kernel */
#define PTE_PPN_SHIFT 10
typedef uint64_t pte_t;

#define csr_read(csr)                                                                                        \
    ({                                                                                                       \
        uint64_t value_;                                                                                     \
        __asm__ volatile("csrr %0, " #csr : "=r"(value_)::"memory");                                         \
        value_;                                                                                              \
    })
#define csr_write(csr, value) __asm__ volatile("csrw " #csr ", %0" ::"rK"((uint64_t)(value)) : "memory")
#define csr_set(csr, bits)    __asm__ volatile("csrs " #csr ", %0" ::"rK"((uint64_t)(bits)) : "memory")
#define csr_clear(csr, bits)  __asm__ volatile("csrc " #csr ", %0" ::"rK"((uint64_t)(bits)) : "memory")
#define csr_read_clear(csr, bits)                                                                            \
    ({                                                                                                       \
        uint64_t old_;                                                                                       \
        __asm__ volatile("csrrc %0, " #csr ", %1" : "=r"(old_) : "rK"((uint64_t)(bits)) : "memory");         \
        old_;                                                                                                \
    })

static inline void irq_enable(void)
{
    csr_set(sstatus, SSTATUS_SIE);
}
static inline void irq_disable(void)
{
    csr_clear(sstatus, SSTATUS_SIE);
}

/* Throw away this hart's translations: all, or those of one page (both for all address spaces). */
static inline void tlb_flush_all(void)
{
    __asm__ volatile("sfence.vma" ::: "memory");
}
static inline void tlb_flush_page(vaddr_t va)
{
    __asm__ volatile("sfence.vma %0" ::"r"(va) : "memory");
}
/* The same for all user pages and their page tables, not for the kernel's global mappings: address space 0 is
 * the only one in use. */
static inline void tlb_flush_user(void)
{
    __asm__ volatile("sfence.vma zero, %0" ::"r"(0ul) : "memory");
}
static inline void fence_i(void)
{
    __asm__ volatile("fence.i" ::: "memory");
}
static inline void wfi(void)
{
    __asm__ volatile("wfi" ::: "memory");
}
static inline uint64_t rdtime(void)
{
    uint64_t t;
    __asm__ volatile("rdtime %0" : "=r"(t));
    return t;
}
