/* Terminal ioctls (Linux asm-generic values and layouts). */
#pragma once
#include <stdint.h>

#define TCGETS     0x5401
#define TCSETS     0x5402
#define TCSETSW    0x5403
#define TCSETSF    0x5404
#define TIOCSCTTY  0x540e
#define TIOCGPGRP  0x540f
#define TIOCSPGRP  0x5410
#define TIOCGWINSZ 0x5413
#define TIOCSWINSZ 0x5414
#define FIONREAD   0x541b

#define TTY_NCC 19
struct abi_termios {
    uint32_t iflag;
    uint32_t oflag;
    uint32_t cflag;
    uint32_t lflag;
    uint8_t line;
    uint8_t cc[TTY_NCC];
};

struct abi_winsize {
    uint16_t rows, cols, xpixel, ypixel;
};

/* iflag */
#define TTY_ICRNL 0000400
#define TTY_INLCR 0000100
#define TTY_IGNCR 0000200
/* oflag */
#define TTY_OPOST 0000001
#define TTY_ONLCR 0000004
/* lflag */
#define TTY_ISIG   0000001
#define TTY_ICANON 0000002
#define TTY_ECHO   0000010
#define TTY_ECHOE  0000020
#define TTY_ECHOK  0000040
#define TTY_ECHONL 0000100
/* indices into cc */
#define TTY_VINTR  0
#define TTY_VQUIT  1
#define TTY_VERASE 2
#define TTY_VKILL  3
#define TTY_VEOF   4
#define TTY_VTIME  5
#define TTY_VMIN   6
#define TTY_VWERASE 14
