/* init: process 1. It ends the machine or never.
 *
 * With arguments, each is a command for the shell, in which %XX stands for the byte with that hexadecimal
 * number (boot arguments have no spaces): init runs them in order, without input, and powers the machine off
 * with the status of the last. Without arguments, it starts a shell on the console, and again whenever the
 * shell ends.
 *
 * Two options may come before the commands, for scripts/run:
 *
 *   --mark=WORD    Each command is a case of its own. A line before it and one after it begin with RS (0x1e) and
 *                  WORD, and whatever processes it has left are killed:
 *                      WORD begin
 *                      WORD end STATUS NANOSECONDS INSTRUCTIONS ended|limit
 *   --limit=S      A command that is not done after S seconds is killed, and has the status 124.
 *
 * Every process whose parent has gone becomes a child of init, so all waiting here is for any child. */
#include "user/lode.h"

#define SHELL        "/bin/sh"
#define NEVER        INT64_MAX
#define OUT_OF_TIME  (-1) /* in place of a wait status */
#define STATUS_LIMIT 124  /* what scripts/run knows it by */

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

static int64_t now(void)
{
    struct abi_timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.sec * NSEC_PER_SEC + t.nsec;
}

/* How long sleep_for_child shall sleep. The handler makes it 0: so a child that ends just before the call of
 * nanosleep is not slept through, and one that ends later interrupts it. */
static volatile struct abi_timespec nap;

static void child_ended(int sig)
{
    (void)sig;
    nap.sec = nap.nsec = 0;
}

/* Waits for `child` until `deadline`: its wait status, or OUT_OF_TIME. */
static int wait_for(int child, int64_t deadline)
{
    for (;;) {
        int status, pid;
        int64_t left = deadline == NEVER ? 0 : deadline - now();
        if (left < 0)
            return OUT_OF_TIME;
        nap.sec = left / NSEC_PER_SEC;
        nap.nsec = left % NSEC_PER_SEC;
        pid = waitpid(-1, &status, deadline == NEVER ? 0 : WNOHANG);
        if (pid == child)
            return status;
        if (pid < 0 && errno == ECHILD) /* cannot be, but must not become a busy loop */
            return 0;
        if (pid == 0)
            nanosleep((const struct abi_timespec *)&nap, NULL);
    }
}

/* Kills all processes but init, and those that they start meanwhile, until none is left. Each is a child of
 * init in the end, so it is init that waits for them. */
static void kill_others(void)
{
    while (sendsig(-1, SIGKILL) == 0)
        for (int options = 0; waitpid(-1, NULL, options) > 0;)
            options = WNOHANG;
}

/* Runs a shell to its end, or up to so many nanoseconds: its wait status, or OUT_OF_TIME. */
static int run_shell(char *command, int64_t limit)
{
    int child = access(SHELL, X_OK) < 0 ? -1 : fork_patiently();
    if (child < 0) {
        warn("cannot run " SHELL);
        power_off(1);
    }
    if (child == 0)
        become_shell(command);
    return wait_for(child, limit == NEVER ? NEVER : now() + limit);
}

static int exit_status(int status)
{
    if (status == OUT_OF_TIME)
        return STATUS_LIMIT;
    return WAIT_HAS_EXITED(status) ? WAIT_EXIT_CODE(status) : 128 + WAIT_SIGNAL(status);
}

/* Instructions executed so far, by all harts if the kernel counts them. */
static uint64_t instructions(void)
{
    static char text[8192];
    uint64_t count;
    int fd = open("/proc/lode", O_RDONLY), size = 0, n;
    while (fd >= 0 && (n = read(fd, text + size, (int)sizeof(text) - 1 - size)) > 0)
        size += n;
    if (fd >= 0)
        close(fd);
    text[size] = 0;
    const char *line = strstr(text, "\ninstructions ");
    if (line)
        return strtoul(line + strlen("\ninstructions "), NULL, 10);
    __asm__ volatile("rdinstret %0" : "=r"(count));
    return count;
}

/* Runs a command as a case of its own, between two lines with the mark; its exit status. The terminal has its
 * first settings again for the next. */
static int run_case(char *command, const char *mark, int64_t limit)
{
    struct abi_termios settings;
    tcgetattr(1, &settings);
    dprintf(1, "\x1e%s begin\n", mark);
    uint64_t count = instructions();
    int64_t start = now();
    PROFILE_MARK(PROFILE_COMMAND_BEGIN);
    int status = run_shell(command, limit);
    PROFILE_MARK(PROFILE_COMMAND_END);
    int64_t time = now() - start;
    count = instructions() - count;
    kill_others();
    tcsetattr(1, &settings);
    dprintf(1, "\x1e%s end %d %ld %ld %s\n", mark, exit_status(status), time, count,
            status == OUT_OF_TIME ? "limit" : "ended");
    return exit_status(status);
}

/* The value of argv[*i] if it is this option, which is then stepped over. */
static char *option(const char *name, char **argv, int *i)
{
    size_t n = strlen(name);
    if (!argv[*i] || strncmp(argv[*i], name, n) != 0)
        return NULL;
    return argv[(*i)++] + n;
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
    int status = 0, i = 1;
    for (int fd = 0; fd < 3; fd++)
        use_as(fd, "/dev/console");
    char *mark = option("--mark=", argv, &i), *seconds = option("--limit=", argv, &i);
    int64_t limit = seconds ? atoi(seconds) * NSEC_PER_SEC : NEVER;
    if (seconds)
        setsignal(SIGCHLD, (uint64_t)child_ended);
    for (; i < argc; i++)
        status =
            mark ? run_case(decode(argv[i]), mark, limit) : exit_status(run_shell(decode(argv[i]), limit));
    if (argc > 1)
        power_off(status);
    dprintf(1, "Welcome to lode. ^D ends the shell, poweroff the machine.\n");
    for (;;) {
        status = run_shell(NULL, NEVER);
        if (!WAIT_HAS_EXITED(status) || WAIT_EXIT_CODE(status) == 127)
            pause(10); /* a shell that cannot live must not take all the processor time */
    }
}
