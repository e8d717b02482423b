/* Paths: from names to inodes, and the operations on names. `dir` is where a relative path starts (a directory fd's
 * inode or the working directory). Paths are kernel strings. All return 0 or -E... as the Linux man page
 * of the system call says (-ENOENT, -ENOTDIR, -ENAMETOOLONG, -ELOOP, -EEXIST, -ENOSPC, ...). Each operation that
 * changes anything is one transaction. */
#pragma once
#include "fs/inode.h"

#define NAMEI_NOFOLLOW  1u /* do not follow a symbolic link in the last place */
#define NAMEI_DIRECTORY 2u /* -ENOTDIR unless it is a directory */

int namei(struct inode *dir, const char *path, unsigned flags, struct inode **result);

/* open(2)'s part in the file system: looks up, creates (O_CREAT, O_EXCL), truncates (O_TRUNC), refuses directories for
 * writing (-EISDIR). mode as umask left it, with S_IFREG. The inode comes referenced, unlocked. */
int namei_open(struct inode *dir, const char *path, int flags, uint32_t mode, struct inode **result);
int namei_mknod(struct inode *dir, const char *path, uint32_t mode, uint32_t rdev); /* mode with S_IFREG, S_IFCHR, S_IFIFO */
int namei_mkdir(struct inode *dir, const char *path, uint32_t mode);
int namei_unlink(struct inode *dir, const char *path, bool remove_dir);
int namei_link(struct inode *from_dir, const char *from, struct inode *to_dir, const char *to, bool follow);
int namei_symlink(struct inode *dir, const char *path, const char *target);
int namei_rename(struct inode *from_dir, const char *from, struct inode *to_dir, const char *to, unsigned flags);
ssize_t namei_readlink(struct inode *dir, const char *path, char *buf, size_t size); /* bytes, no NUL */
/* The absolute path of a directory, NUL-terminated. -ERANGE, -ENOENT (removed). */
int namei_path(struct inode *dir, char *buf, size_t size);
