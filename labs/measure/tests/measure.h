/* What the tests of the measure lab share: to run a `measure`, and to fail in words. */
#pragma once
#include "user/lode.h"

#define expect(condition, ...)                                                                               \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            printf(__VA_ARGS__);                                                                             \
            printf("\n");                                                                                    \
            exit(1);                                                                                         \
        }                                                                                                    \
    } while (0)

static inline int64_t now_ns(void)
{
    struct abi_timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.sec * (int64_t)NSEC_PER_SEC + t.nsec;
}

/* What a run printed and said. */
struct run {
    char command[80];
    char output[2048], errors[1024];
    int status;      /* exit status, 128 + signal */
    int64_t elapsed; /* ns */
    int64_t step, rounds, call, pipe, switches;
};

/* Everything that comes from fd, as a string; what does not fit is lost. */
static inline void read_all(int fd, char *buf, int size)
{
    int used = 0, n;
    char rest[64];

    while (used < size - 1 && (n = read(fd, buf + used, size - 1 - used)) > 0)
        used += n;
    buf[used] = 0;
    while (read(fd, rest, sizeof(rest)) > 0)
        ;
    close(fd);
}

/* Runs a program with up to two arguments. */
static inline void run_program(struct run *r, const char *program, const char *first, const char *second)
{
    char path[64], *args[] = {(char *)program, (char *)first, (char *)second, NULL};
    int out[2], err[2], status;

    memset(r, 0, sizeof(*r));
    snprintf(path, sizeof(path), "/bin/%s", program);
    snprintf(r->command, sizeof(r->command), "%s%s%s%s%s", program, first ? " " : "", first ? first : "",
             second ? " " : "", second ? second : "");
    expect(pipe(out) == 0 && pipe(err) == 0, "there are no pipes");
    int64_t start = now_ns();
    int pid = fork();
    expect(pid >= 0, "fork failed");
    if (pid == 0) {
        dup2(out[1], 1);
        dup2(err[1], 2);
        for (int i = 0; i < 2; i++) {
            close(out[i]);
            close(err[i]);
        }
        execve(path, args, environ);
        exit(127);
    }
    close(out[1]);
    close(err[1]);
    read_all(out[0], r->output, sizeof(r->output));
    read_all(err[0], r->errors, sizeof(r->errors));
    waitpid(pid, &status, 0);
    r->elapsed = now_ns() - start;
    r->status = WAIT_HAS_EXITED(status) ? WAIT_EXIT_CODE(status) : 128 + (status & 127);
}

/* A line "NAME NUMBER", and " ns" if it is a time; moves *at behind it. */
static inline int64_t take_line(const struct run *r, char **at, const char *name, bool time)
{
    size_t length = strlen(name);
    const char *tail = time ? " ns\n" : "\n";
    char *end = *at + length + 1;
    bool good = !strncmp(*at, name, length) && (*at)[length] == ' ' && isdigit((*at)[length + 1]);
    uint64_t number = good ? strtoul(end, &end, 10) : 0;

    expect(good && !strncmp(end, tail, strlen(tail)),
           "%s: expected five lines, step, rounds, call, pipe and switch, in the form of README.md;\n"
           "the line for %s should be \"%s NUMBER%s\". It printed:\n%s%s",
           r->command, name, name, time ? " ns" : "", r->output, r->errors);
    *at = end + strlen(tail);
    return (int64_t)number;
}

/* Runs `program ROUNDS` (0: no argument), which must succeed, and reads its five lines. */
static inline void run_measure(struct run *r, const char *program, int rounds)
{
    char text[16];

    snprintf(text, sizeof(text), "%d", rounds);
    run_program(r, program, rounds ? text : NULL, NULL);
    expect(r->status == 0, "%s: expected exit status 0, it is %d; it printed:\n%s%s", r->command, r->status,
           r->output, r->errors);
    char *at = r->output;
    r->step = take_line(r, &at, "step", true);
    r->rounds = take_line(r, &at, "rounds", false);
    r->call = take_line(r, &at, "call", true);
    r->pipe = take_line(r, &at, "pipe", true);
    r->switches = take_line(r, &at, "switch", true);
    expect(!*at, "%s: expected five lines and no more; after them came:\n%s", r->command, at);
    int64_t expected = rounds ? rounds : 10000;
    expect(r->rounds == expected, "%s: expected the line \"rounds %ld\", it is \"rounds %ld\"", r->command,
           expected, r->rounds);
}

static inline bool near(int64_t came, int64_t expected, int percent, int64_t more)
{
    int64_t away = came > expected ? came - expected : expected - came;

    return away <= expected * percent / 100 + more;
}
