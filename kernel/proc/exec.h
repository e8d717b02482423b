/* Programs: loading one in place of the current process's. */
#pragma once
#include "lib/types.h"

/* The strings of argv and envp, gathered in kernel memory: argc strings, then envc, each with its NUL. */
struct exec_args {
    char *strings; /* kmalloc'ed; grows up to ARG_MAX */
    size_t used, capacity;
    unsigned argc, envc;
    size_t argv_bytes; /* of `used`, what the argc strings take */
};

/* Add one string from the kernel; argv's before envp's. 0, -E2BIG, -ENOMEM. */
int exec_add_arg(struct exec_args *args, const char *string);
int exec_add_env(struct exec_args *args, const char *string);
void exec_free_args(struct exec_args *args);

/* The current process runs `path` from now on. 0; or -E... (ENOENT, EACCES, ENOEXEC, ETXTBSY, ENOMEM, E2BIG,
 * EIO) with the old program as it was. args may be changed (for #! scripts), and stays the caller's. */
int exec_program(const char *path, struct exec_args *args);

/* What process 1 does in the kernel: mounts the root file system and becomes /bin/init with the boot
 * arguments behind
 * "--" as its arguments; boot_fail in words where it cannot. */
void exec_init_main(void *unused);
