/* System-call handlers. Each takes the six argument registers, unchecked, and returns a value or -E... .
 * The declarations, the dispatch table and the names all come from abi/syscalls.h. */
#pragma once
#include "lib/types.h"

typedef int64_t syscall_fn(const uint64_t arg[6]);

#define SYSCALL(number, name, kinds) syscall_fn sys_##name;
#include "abi/syscalls.h"
#undef SYSCALL
