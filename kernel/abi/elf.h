/* The parts of ELF-64 that a statically linked RISC-V program needs (System V ABI, chapters 4 and 5). */
#pragma once
#include <stdint.h>

#define ELF_MAGIC      0x464c457fu /* "\x7f" "ELF", little-endian */
#define ELF_CLASS64    2
#define ELF_DATA_LSB   1
#define ELF_VERSION    1
#define ELF_EXEC       2
#define ELF_DYN        3
#define ELF_EM_RISCV   243
#define ELF_PT_LOAD    1
#define ELF_PT_INTERP  3
#define ELF_PF_X       1
#define ELF_PF_W       2
#define ELF_PF_R       4

struct elf_header {
    uint32_t magic;
    uint8_t class, data, version, osabi;
    uint8_t pad[8];
    uint16_t type, machine;
    uint32_t version2;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
_Static_assert(sizeof(struct elf_header) == 64, "Elf64_Ehdr");

struct elf_phdr {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};
_Static_assert(sizeof(struct elf_phdr) == 56, "Elf64_Phdr");
