/* Signal numbers and rt_sigaction (Linux values and riscv64 layouts). */
#pragma once
#include <stdint.h>

enum {
    SIGHUP = 1, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGKILL, SIGUSR1, SIGSEGV, SIGUSR2,
    SIGPIPE, SIGALRM, SIGTERM, SIGSTKFLT, SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGXCPU,
    SIGXFSZ, SIGVTALRM, SIGPROF, SIGWINCH, SIGIO, SIGPWR, SIGSYS,
};
#define NSIG      64

#define SIGNAL_DEFAULT 0 /* SIG_DFL */
#define SIGNAL_IGNORE  1 /* SIG_IGN */

#define SIG_BLOCK   0
#define SIG_UNBLOCK 1
#define SIG_SETMASK 2

struct abi_sigaction {
    uint64_t handler;
    uint64_t flags;
    uint64_t mask;
};
