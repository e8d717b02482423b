/* Flags of open, by xv6's name and by POSIX's. The values are those of the system call. */
#pragma once
#include "abi/fcntl.h"

#define O_CREATE O_CREAT
