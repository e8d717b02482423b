/* The numbers of the system calls, SYS_read and so on: those of Linux, from the one table. */
#pragma once

#define SYSCALL(number, name, kinds) SYS_##name = number,
enum syscall_number {
#include "abi/syscalls.h"
};
#undef SYSCALL
