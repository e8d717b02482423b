/* bench grow: costs that should be the same however much there is: of sleeping processes, open files, cached pages. */
#include "bench.h"

#define FEW      10
#define PER_HOLD 1000 /* open files of one process: below any usual limit */

static struct cost null_calls(void)
{
    begin();
    for (int i = 0; i < 2000; i++)
        null_syscall();
    return cost_of_one(elapsed(), 2000);
}

static struct cost switches(void)
{
    return cost_of_one(yields(2, 1000), 2000);
}

static struct cost wake_ups(void)
{
    return cost_of_one(round_trips(500), 500);
}

static struct cost opens(void)
{
    begin();
    for (int i = 0; i < 300; i++)
        close(need(open("f", O_RDONLY), "open"));
    return cost_of_one(elapsed(), 300);
}

static struct cost fork_exits(void)
{
    return cost_of_one(forks(30, NULL), 30);
}

static struct cost create_unlinks(void)
{
    begin();
    for (int i = 0; i < 300; i++) { /* many, as now and then a commit comes in between */
        close(need(os_create("g"), "create"));
        need(unlink("g"), "unlink");
    }
    return cost_of_one(elapsed(), 300);
}

static const struct {
    const char *name;
    struct cost (*measure)(void);
} operations[] = {{"null-syscall", null_calls},     {"switch", switches},
                  {"pingpong-roundtrip", wake_ups}, {"open-close", opens},
                  {"fork-exit-wait", fork_exits},   {"create-unlink", create_unlinks}};

#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

static struct cost bases[OPERATIONS];

/* Each is measured twice: the first time warms up. */
static void measure(const char *condition, bool is_base)
{
    for (unsigned i = 0; i < OPERATIONS; i++) {
        operations[i].measure();
        struct cost c = operations[i].measure();
        if (is_base)
            bases[i] = c;
        report_mode("grow", operations[i].name, condition, c, is_base ? NULL : &bases[i]);
    }
}

static int first_file, files_held, hold_ready[2];

static void hold_files(long first)
{
    char name[16];
    for (int i = 0; i < files_held; i++) {
        snprintf(name, sizeof(name), "held%ld", first + i);
        need(os_create(name), "create");
    }
    need(write(hold_ready[1], buf, 1), "write");
    int quiet[2];
    need(pipe(quiet), "pipe");
    need(read(quiet[0], buf, 1), "read");
}

/* Several processes, each with as many files as it may have open. */
static int hold(int *pids, int files)
{
    int count = 0;
    need(pipe(hold_ready), "pipe");
    for (first_file = 0; first_file < files; first_file += files_held) {
        files_held = files - first_file < PER_HOLD ? files - first_file : PER_HOLD;
        pids[count++] = start(hold_files, first_file);
        need(read(hold_ready[0], buf, 1), "read");
    }
    close(hold_ready[0]);
    close(hold_ready[1]);
    return count;
}

int grow(int processes, int files)
{
    int most = processes > FEW ? processes : FEW;
    int *pids = malloc(sizeof(int) * (unsigned)(most + files / PER_HOLD + 1));
    char name[32];
    if (!pids)
        fail("malloc");
    for (int i = 0; i < most; i++)
        pids[i] = 0; /* all of it is there, so that each fork shares the same */
    make_file("f", KB);

    start_sleepers(pids, FEW);
    snprintf(name, sizeof(name), "%d-processes", FEW);
    measure(name, true);
    kill_and_reap(pids, FEW);

    start_sleepers(pids, processes);
    snprintf(name, sizeof(name), "%d-processes", processes);
    measure(name, false);
    kill_and_reap(pids, processes);

    int holders = hold(pids, files);
    snprintf(name, sizeof(name), "%d-open-files", files);
    measure(name, false);
    kill_and_reap(pids, holders);

    fill_page_cache();
    measure("full-page-cache", false);
    need(unlink("hole"), "unlink");
    return 0;
}
