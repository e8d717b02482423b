/* Programs: sys_execve, which is in exec.c; and the first one. */
#pragma once

struct inode;

/* References to a file that is being executed: while there are any, it cannot be opened for writing. */
void exec_get_file(struct inode *ip);
void exec_put_file(struct inode *ip); /* NULL is ignored */

/* What process 1 does in the kernel: mounts the root file system and becomes /bin/init, with the words behind
 * "--" in the boot arguments as its arguments; boot_fail in words where it cannot. */
void exec_init_main(void *unused);
