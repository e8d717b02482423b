/* Copies between the kernel and the current process's user memory, by walking its page table in software
 * and going through the direct map; sstatus.SUM stays 0. Every range is checked: addresses outside the user
 * half, ranges that wrap, unmapped or forbidden pages give -EFAULT. Pages not there yet are filled on
 * demand, which may sleep: no spin lock may be held, and no inode's lock (see the _nofault forms). */
#pragma once
#include "lib/types.h"

int copyin(void *dst, uptr_t src, size_t n);        /* 0, -EFAULT, -ENOMEM, -EIO */
int copyout(uptr_t dst, const void *src, size_t n); /* the same */

/* Copies a string with its NUL into dst[max]. Returns its length without NUL; -EFAULT; -ENAMETOOLONG where
 * no NUL is among the first max bytes. */
ssize_t copyinstr(char *dst, uptr_t src, size_t max);

/* Make the pages of the range present (and private, for `write`), so that a _nofault copy succeeds. */
int user_prefault(uptr_t addr, size_t n, bool write);

/* A source or destination of bytes for read and write: user memory, or the kernel's own. */
struct uio {
    uint64_t addr; /* next byte: a user address, or a kernel address where `kernel` is set */
    size_t left;   /* bytes still to move */
    bool kernel;
};

/* Move up to n (at most u->left) bytes between kernel memory and u, and advance u. uio_read fills the user's
 * buffer (a read call), uio_write empties it (a write call), uio_zero fills it with zeros. 0, or -EFAULT and
 * so on, with u advanced over what was moved. May fault and sleep. */
int uio_read(struct uio *u, const void *src, size_t n);
int uio_write(struct uio *u, void *dst, size_t n);
int uio_zero(struct uio *u, size_t n);

/* The same without faulting or sleeping, for callers that hold an inode's lock or an open transaction:
 * return the number of bytes moved, which is short where a page is not present; then let go of the locks,
 * call uio_prefault (fill: for a read call) and go on. */
size_t uio_read_nofault(struct uio *u, const void *src, size_t n);
size_t uio_write_nofault(struct uio *u, void *dst, size_t n);
int uio_prefault(const struct uio *u, size_t n, bool fill);
