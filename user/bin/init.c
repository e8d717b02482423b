/* init: process 1. It ends the machine or never.
 *
 * With arguments, each is a command for the shell, in which %XX stands for the byte with that hexadecimal
 * number (boot arguments have no spaces): init runs them in order, without input, and powers the machine off
 * with the status of the last. Without arguments, it starts a shell on the console, and again whenever the
 * shell ends.
 *
 * Every process whose parent has gone becomes a child of init, so all waiting here is for any child. */
#include "user/lode.h"

#define SHELL "/bin/sh"

static char *environment[] = {(char[]){"PATH=/bin"}, (char[]){"HOME=/"}, (char[]){"TERM=vt100"}, NULL};

static _Noreturn void power_off(int status)
{
    sync();
    reboot(REBOOT_CMD_POWER_OFF, status);
    for (;;) /* not even that is possible: exiting would be worse */
        pause(600);
}

static void use_as(int fd, const char *path)
{
    int opened = open(path, O_RDWR);
    if (opened < 0 || opened == fd)
        return;
    dup2(opened, fd);
    if (opened > 2)
        close(opened);
}

/* In a session of its own, to which the terminal's ^C goes. `command` NULL: interactive. */
static _Noreturn void become_shell(char *command)
{
    char name[] = "sh", option[] = "-c", end[] = "--"; /* the command may begin with "-" */
    char *argv[] = {name, command ? option : NULL, end, command, NULL};
    setsid();
    sys_ioctl(0, (long)TIOCSCTTY, 0L);
    tcsetpgrp(0, getpid());
    if (command)
        use_as(0, "/dev/null");
    execve(SHELL, argv, environment);
    die(SHELL);
}

/* Memory may be full of processes that a command has left behind: 10 s for them to end. */
static int fork_patiently(void)
{
    int child;
    for (int tries = 0; (child = fork()) < 0 && tries < 100; tries++) {
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        pause(1);
    }
    return child;
}

/* Runs a shell to its end: its wait status. */
static int run_shell(char *command)
{
    int status, child = access(SHELL, X_OK) < 0 ? -1 : fork_patiently();
    if (child < 0) {
        warn("cannot run " SHELL);
        power_off(1);
    }
    if (child == 0)
        become_shell(command);
    for (;;) {
        int pid = waitpid(-1, &status, 0);
        if (pid == child)
            return status;
        if (pid < 0 && errno == ECHILD) /* cannot be, but must not become a busy loop */
            return 0;
    }
}

static int hex_value(char c)
{
    return isdigit(c) ? c - '0' : tolower(c) >= 'a' && tolower(c) <= 'f' ? tolower(c) - 'a' + 10 : -1;
}

static char *decode(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        if (from[0] == '%' && hex_value(from[1]) >= 0 && hex_value(from[2]) >= 0) {
            *to++ = (char)(hex_value(from[1]) * 16 + hex_value(from[2]));
            from += 2;
        } else {
            *to++ = *from;
        }
    }
    *to = 0;
    return text;
}

int main(int argc, char **argv)
{
    int status = 0;
    for (int fd = 0; fd < 3; fd++)
        use_as(fd, "/dev/console");
    for (int i = 1; i < argc; i++)
        status = run_shell(decode(argv[i]));
    if (argc > 1)
        power_off(WAIT_HAS_EXITED(status) ? WAIT_EXIT_CODE(status) : 128 + WAIT_SIGNAL(status));
    dprintf(1, "Welcome to lode. ^D ends the shell, poweroff the machine.\n");
    for (;;) {
        status = run_shell(NULL);
        if (!WAIT_HAS_EXITED(status) || WAIT_EXIT_CODE(status) == 127)
            pause(10); /* a shell that cannot live must not take all the processor time */
    }
}
