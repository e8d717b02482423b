/* Making and ending processes. */
#include "bench.h"

#define MANY 1000

struct cost forks(int n, const char *program)
{
    static char name[] = "bench", nop[] = "nop";
    char *argv[] = {name, nop, NULL};
    begin();
    for (int i = 0; i < n; i++) {
        int pid = fork();
        if (pid == 0) {
            if (program)
                execve(program, argv, environ);
            exit(program != NULL);
        }
        if (pid < 0)
            fail("fork");
        int status;
        wait(&status);
        if (status != 0)
            fail(program ? program : "a child");
    }
    return elapsed();
}

static void fork_exit(void)
{
    forks(2, NULL);
    report(forks(30, NULL), 30);
}

static void fork_exec(void)
{
    forks(2, self);
    report(forks(20, self), 20);
}

static void exec_1MB(void)
{
    char large[256];
    snprintf(large, sizeof(large) - 16, "%s", self);
    strcpy(strrchr(large, '/'), "/bench_large");
    forks(2, large);
    report(forks(20, large), 20);
}

static void fork_touched(int pages)
{
    char *m = sbrk(pages * PAGE);
    if (m == (char *)-1)
        fail("sbrk");
    for (int i = 0; i < pages; i++)
        m[i * PAGE] = 1;
    report(forks(5, NULL), 5);
}

static void fork_4MB(void)
{
    fork_touched(4 * MB / PAGE);
}

static void fork_16MB(void)
{
    fork_touched(16 * MB / PAGE);
}

static int pids[MANY];

static void exit_now(long unused)
{
    (void)unused;
}

/* All are there, as zombies at the latest, before the first is waited for. */
static void fork_many(void)
{
    begin();
    for (int i = 0; i < MANY; i++)
        pids[i] = start(exit_now, 0);
    for (int i = 0; i < MANY; i++)
        need(waitpid(pids[i], NULL, 0), "wait");
    end(MANY);
}

static void kill_many(void)
{
    start_sleepers(pids, MANY);
    begin();
    kill_and_reap(pids, MANY);
    end(MANY);
}

const struct row process_rows[] = {
    {"fork-exit-wait", fork_exit, "a small process"},
    {"fork-exec-wait", fork_exec, "the same, and it executes a program that exits at once"},
    {"exec-1MB", exec_1MB, "the same with a program of 1 MB that touches 32 pages of it"},
    {"fork-4MB", fork_4MB, "fork + exit + wait with 4 MB touched"},
    {"fork-16MB", fork_16MB, "the same with 16 MB"},
    {"fork-exit-1000", fork_many, "fork + exit + wait of 1,000 at a time, per child"},
    {"kill-wait-1000", kill_many, "kill and wait of 1,000 sleeping children, per child"},
    {NULL, NULL, NULL},
};
