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
    uint64_t flags; /* SA_... */
    uint64_t mask;
};
#define SA_RESTART   0x10000000u /* a system call that the handler interrupted starts again */
#define SA_NODEFER   0x40000000u /* the signal is not blocked while its handler runs */
#define SA_RESETHAND 0x80000000u /* the default again once the handler runs */

/* What a handler finds on the stack: its second and third argument point at these. */
struct abi_siginfo {
    int32_t signo, error, code, pad;
    int32_t pid;
    uint32_t uid;
    uint8_t rest[104];
};
struct abi_ucontext {
    uint64_t flags, link;
    uint64_t stack[3];
    uint64_t mask; /* blocked when the signal came */
    uint8_t unused[128];
    uint64_t regs[32]; /* pc, x1 .. x31 */
    uint64_t fp[32];
    uint32_t fcsr;
    uint32_t pad[67];
};
_Static_assert(sizeof(struct abi_siginfo) == 128 && sizeof(struct abi_ucontext) == 960, "Linux riscv64");
