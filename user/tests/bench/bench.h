/* What the files of bench share: how a row measures, fails, and starts processes.
 *
 * A row runs in a child of its own, in an empty directory: it finds the same process whichever rows ran before it,
 * and what it leaves behind, also when it fails, main.c kills and removes. Its function sets up, measures between
 * begin() and end(n), n being how many operations that were, and takes down:
 *
 *     static void open_close(void)
 *     {
 *         make_file("f", 1024);
 *         begin();
 *         for (int i = 0; i < 300; i++)
 *             close(need(open("f", O_RDONLY), "open"));
 *         end(300);
 *         need(unlink("f"), "unlink");
 *     }
 */
#pragma once
#include "os.h"

#define PAGE 4096
#define KB   1024
#define MB   (1024 * KB)

struct row {
    const char *name;
    void (*run)(void);
    const char *what; /* for -l */
};

/* Each ends with a row without name. */
extern const struct row call_rows[], pipe_rows[], process_rows[], memory_rows[], file_rows[],
    directory_rows[], sched_rows[];

struct cost {
    uint64_t instructions, ns;
};

/* Starts the counters; what they have counted since. */
void begin(void);
struct cost elapsed(void);

/* Prints the cost of one of n operations as the row's result. end(n) reports what has elapsed. */
void report(struct cost total, uint64_t n);
void end(uint64_t n);

/* For bench grow and bench scale: "BENCH mode/operation/condition", and with a base how many times as much it is. */
void report_mode(const char *mode, const char *operation, const char *condition, struct cost one,
                 const struct cost *base);

/* Ends the row with a message: what failed, and errno. */
_Noreturn void fail(const char *what);

/* The result of a system call, or the end of the row. */
static inline int need(long result, const char *what)
{
    if (result < 0)
        fail(what);
    return (int)result;
}

static inline struct cost cost_minus(struct cost a, struct cost b)
{
    return (struct cost){a.instructions > b.instructions ? a.instructions - b.instructions : 0,
                         a.ns > b.ns ? a.ns - b.ns : 0};
}

static inline struct cost cost_of_one(struct cost total, uint64_t n)
{
    return (struct cost){total.instructions / n, total.ns / n};
}

extern char buf[64 * KB];

/* Where this program is. Run with "nop" it exits at once. */
extern const char *self;

/* A child that runs f(arg) and exits with 0. */
int start(void (*f)(long), long arg);

/* Waits for a child, which has to exit with 0. */
void reap(int pid);

/* n children that sleep until they are killed, and have begun to. */
void start_sleepers(int *pids, int n);
void kill_and_reap(const int *pids, int n);

/* A new file of that many bytes. */
void make_file(const char *path, uint64_t size);
void measure_stat(const char *path); /* the whole measurement of a row */

/* Reads a whole file in pieces of that many bytes (up to 64 KB). */
void read_whole(const char *path, int piece);

/* Fills the page cache with something else than the files of the row; as good as dropping what it has. */
void fill_page_cache(void);

/* Removes what is in a directory, and below it. */
void remove_contents(const char *path);

/* The cost of that many fork + exit + wait; with a program, the child executes it with the argument nop. */
struct cost forks(int n, const char *program);

/* The cost of processes that each call sched_yield so many times, all at once. */
struct cost yields(int processes, int count);

/* The cost of so many round trips of a byte between two processes, over two pipes. */
struct cost round_trips(int n);

int hart_count(void);

/* The modes: 0, or the number of failures. */
int grow(int processes, int files);
int scale(int workers, const struct cost *base, struct cost *result);
