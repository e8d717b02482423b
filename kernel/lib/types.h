/* The kernel's basic types, and the handful of macros that every file uses. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t paddr_t;  /* physical address */
typedef uint64_t vaddr_t;  /* virtual address, of either half */
typedef uint64_t uptr_t;   /* an address that a user program gave: only usercopy may follow it */
typedef int64_t ssize_t;   /* a count of bytes, or -E... */

#define PAGE_SIZE  4096ul
#define PAGE_SHIFT 12
#define PAGE_ROUND_DOWN(x) ((x) & ~(PAGE_SIZE - 1))
#define PAGE_ROUND_UP(x)   (((x) + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)     ((a) < (b) ? (a) : (b))
#define MAX(a, b)     ((a) > (b) ? (a) : (b))

#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
