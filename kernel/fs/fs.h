/* The file system as a whole. */
#pragma once
#include "abi/fsformat.h"
#include "abi/stat.h"
#include "lib/types.h"

struct inode;

/* Mount the disk: check the super block, replay the journal, free orphans, start the commit thread. 0, or -E after a
 * printk that says in words what is wrong (no disk, bad magic, version, checksum, geometry). Process context. */
int fs_mount(void);
int fs_sync(void); /* all that was done before is on stable storage when it returns: 0, -EIO, -EROFS */
void fs_shutdown(void); /* sync, then nothing more is written: for power-off */
struct inode *fs_root(void); /* referenced */
void fs_statfs(struct abi_statfs *st);

/* /proc: covers the directory given (its inode's `mounted`). */
struct inode *procfs_root(void);
