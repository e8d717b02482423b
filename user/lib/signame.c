/* Names of signals. */
#include "lib.h"

static const struct {
    const char *name, *text;
} signals[] = {
    [SIGHUP] = {"HUP", "Hangup"},
    [SIGINT] = {"INT", "Interrupt"},
    [SIGQUIT] = {"QUIT", "Quit"},
    [SIGILL] = {"ILL", "Illegal instruction"},
    [SIGTRAP] = {"TRAP", "Trace/breakpoint trap"},
    [SIGABRT] = {"ABRT", "Aborted"},
    [SIGBUS] = {"BUS", "Bus error"},
    [SIGFPE] = {"FPE", "Floating point exception"},
    [SIGKILL] = {"KILL", "Killed"},
    [SIGUSR1] = {"USR1", "User defined signal 1"},
    [SIGSEGV] = {"SEGV", "Segmentation fault"},
    [SIGUSR2] = {"USR2", "User defined signal 2"},
    [SIGPIPE] = {"PIPE", "Broken pipe"},
    [SIGALRM] = {"ALRM", "Alarm clock"},
    [SIGTERM] = {"TERM", "Terminated"},
    [SIGCHLD] = {"CHLD", "Child exited"},
    [SIGCONT] = {"CONT", "Continued"},
    [SIGSTOP] = {"STOP", "Stopped (signal)"},
    [SIGTSTP] = {"TSTP", "Stopped"},
    [SIGTTIN] = {"TTIN", "Stopped (tty input)"},
    [SIGTTOU] = {"TTOU", "Stopped (tty output)"},
    [SIGXCPU] = {"XCPU", "CPU time limit exceeded"},
    [SIGWINCH] = {"WINCH", "Window changed"},
    [SIGSYS] = {"SYS", "Bad system call"},
};
#define NSIGNALS (int)(sizeof(signals) / sizeof(signals[0]))

const char *signal_name(int sig)
{
    return sig > 0 && sig < NSIGNALS ? signals[sig].name : NULL;
}

const char *signal_text(int sig)
{
    const char *text = sig > 0 && sig < NSIGNALS ? signals[sig].text : NULL;
    return text ? text : "Unknown signal";
}

int signal_number(const char *name)
{
    int64_t n;
    if (parse_number(name, &n))
        return n >= 0 && n <= NSIG ? (int)n : -1;
    if (strncmp(name, "SIG", 3) == 0)
        name += 3;
    for (int sig = 1; sig < NSIGNALS; sig++)
        if (signals[sig].name && strcmp(signals[sig].name, name) == 0)
            return sig;
    return -1;
}
