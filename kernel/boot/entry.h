/* What entry.S and hart.c share. */
#pragma once
#define KERNEL_OFFSET 0xffffffc000000000

#define HART_BOOT_SATP  0
#define HART_BOOT_STACK 8
#define HART_BOOT_PROC  16
