/* wait4: options, and how a status word is put together (Linux values). */
#pragma once

#define WNOHANG   1
#define WUNTRACED 2

#define WAIT_EXITED(code)  (((code) & 0xff) << 8)
#define WAIT_SIGNALED(sig) ((sig) & 0x7f)
#define WAIT_HAS_EXITED(status) (((status) & 0x7f) == 0)
#define WAIT_EXIT_CODE(status)  (((status) >> 8) & 0xff)
#define WAIT_SIGNAL(status)     ((status) & 0x7f)
