/* What the two programs that test tracing have in common: to run a function in a child whose calls are traced
 * into a pipe, and to compare the lines with what they should be. */
#pragma once
#include "labs/check.h"

#define TRACE 245

static char lines[262144]; /* what has been traced */
static char want[65536];   /* what should have been; each %P in what is added becomes the child's pid */
static uint64_t mask[5];

static void mask_only(long first, long second)
{
    memset(mask, 0, sizeof(mask));
    mask[first / 64] |= 1ul << first % 64;
    if (second)
        mask[second / 64] |= 1ul << second % 64;
}

static void trace(const uint64_t *bits, long bytes)
{
    long result = call(TRACE, (long)bits, bytes, 0);

    EXPECT(result == 0, "trace (system call %d) returned %ld (%s), expected 0", TRACE, result,
           strerror((int)-result));
}

/* Runs f in a child, of which the calls in `mask` are traced. `lines` is what came. Returns its pid. */
static int capture(void (*f)(void))
{
    int ends[2], n = 0, got;

    memset(lines, 0, sizeof(lines));
    EXPECT(pipe(ends) == 0, "pipe gave error %d", errno);
    int pid = fork_or_fail();
    if (pid == 0) {
        dup2(ends[1], 2);
        close(ends[0]);
        close(ends[1]);
        trace(mask, sizeof(mask));
        f();
        trace(NULL, 0);
        exit(0);
    }
    close(ends[1]);
    while (n < (int)sizeof(lines) - 1 && (got = read(ends[0], lines + n, sizeof(lines) - 1 - n)) > 0)
        n += got;
    close(ends[0]);
    return pid;
}

/* The next line of *text, which goes on behind it. */
static void next_line(const char **text, char line[300])
{
    int n = 0;

    for (; **text && **text != '\n'; ++*text)
        if (n < 299)
            line[n++] = **text;
    line[n] = '\0';
    if (**text)
        ++*text;
}

/* Compares what came with what should have come, line by line. */
static void expect_lines(const char *expected)
{
    const char *a = expected, *b = lines;
    char line[300], came[300];

    for (int number = 1; *a || *b; number++) {
        bool missing = !*b, extra = !*a;
        next_line(&a, line);
        next_line(&b, came);
        EXPECT(!missing, "line %d of the trace: expected %s, and there is none", number, line);
        EXPECT(!extra, "line %d of the trace: expected none, it is %s", number, came);
        EXPECT(strcmp(line, came) == 0, "line %d of the trace:\n    expected %s\n    it is    %s", number,
               line, came);
    }
}
