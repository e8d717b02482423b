/* Kernel threads: processes that never leave the kernel. */
#pragma once

struct proc;

/* Starts a thread that runs main(arg) and ends when that returns. boot_fail without memory: boot only. */
struct proc *kthread_start(const char *name, void (*main)(void *), void *arg);
