/* Pipes: a stream of bytes from one open file to another, through memory. */
#pragma once
#include "fs/file.h"

/* ends[0] reads, ends[1] writes; referenced. flags: O_NONBLOCK. 0, -ENFILE. */
int pipe_create(struct file *ends[2], uint32_t flags);
