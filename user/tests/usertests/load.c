/* Load: everything at once, for a while. */
#include "tests.h"

static void sleep_long(long unused)
{
    (void)unused;
    sleep_ms(100000);
}

static void worker(long id)
{
    char name[32];
    int p[2];

    snprintf(name, sizeof(name), "w%ld", id);
    CHECK(mkdir(name) == 0 && chdir(name) == 0, "%s: %s", name, strerror(errno));
    for (int i = 0; i < 8; i++) {
        make_file("f", 1000 + random_next() % 60000, id);
        CHECK(pipe(p) == 0, "pipe: %s", strerror(errno));
        int pid = fork();
        CHECK(pid >= 0, "fork: %s", strerror(errno));
        if (pid == 0) {
            char *argv[] = {"cat", "f", NULL};
            dup2(p[1], 1);
            close(p[0]);
            close(p[1]);
            execve("/bin/cat", argv, environ);
            exit(99);
        }
        close(p[1]);
        static uint8_t got[4096];
        long n, at = 0;
        while ((n = sys_read(p[0], (long)got, sizeof(got))) > 0)
            for (long k = 0; k < n; k++, at++)
                CHECK(got[k] == pattern_byte(at, id), "byte %ld", at);
        close(p[0]);
        CHECK(wait_for(pid) == 0, "cat");
        pid = start_child(sleep_long, 0);
        sendsig(pid, SIGKILL);
        wait_for(pid);
        CHECK(rename("f", "g") == 0 && unlink("g") == 0, "rename and unlink");
    }
}

static void mixed_load(void)
{
    int pids[12];

    for (int i = 0; i < 12; i++)
        pids[i] = start_child(worker, i);
    for (int i = 0; i < 12; i++)
        CHECK(wait_for(pids[i]) == 0, "worker %d", i);
}

static void fork_chain(long depth)
{
    if (depth > 0)
        exit(in_child(fork_chain, depth - 1) == 0 ? 0 : 1);
}

static void deep_family(void)
{
    CHECK(in_child(fork_chain, 60) == 0, "a chain of 60 forks");
}

static void exec_many(void)
{
    char *argv[] = {"true", NULL};

    for (int i = 0; i < 200; i++) {
        int pid = fork();
        if (pid == 0) {
            execve("/bin/true", argv, environ);
            exit(99);
        }
        CHECK(wait_for(pid) == 0, "exec %d", i);
    }
}

static void fork_exit_storm(long n)
{
    for (int i = 0; i < n; i++) {
        int pid = fork();
        if (pid == 0)
            exit(0);
        CHECK(pid > 0, "fork: %s", strerror(errno));
        if (i % 3)
            CHECK(waitpid(-1, NULL, 0) > 0, "wait");
    }
    while (waitpid(-1, NULL, 0) > 0)
        ;
}

static void parallel_forks(void)
{
    int pids[8];

    for (int i = 0; i < 8; i++)
        pids[i] = start_child(fork_exit_storm, 100);
    for (int i = 0; i < 8; i++)
        CHECK(wait_for(pids[i]) == 0, "storm %d", i);
}

static void faulting_child(long n)
{
    *(volatile long *)n = 1;
}

/* Messages from many harts at once about programs that fault. */
static void many_faults(void)
{
    int pids[20];

    for (int i = 0; i < 20; i++)
        pids[i] = start_child(faulting_child, i * 8);
    for (int i = 0; i < 20; i++)
        CHECK(WAIT_SIGNAL(wait_for(pids[i])) == SIGSEGV, "child %d", i);
}

static void hold_many(long id)
{
    (void)id;
    for (int i = 3; i < 800; i++)
        CHECK_CALL(i, sys_openat(AT_FDCWD, (long)"/dev/null", O_RDONLY, 0));
}

/* Memory of the kernel's own objects comes back when they are gone. */
static void slabs_give_back(void)
{
    long before = counter("pages_slab"), after = 0;

    in_children(4, hold_many);
    for (int i = 0; i < 100 && (after = counter("pages_slab")) > before + 8; i++)
        sleep_ms(5);
    CHECK(after <= before + 8, "%ld pages of kernel objects after 3200 open files, before %ld", after,
          before);
}

static const struct test tests[] = {
    SLOW(mixed_load),     TEST(deep_family), TEST(exec_many),
    TEST(parallel_forks), TEST(many_faults), TEST(slabs_give_back),
};
const struct topic topic_load = {"load", tests, sizeof(tests) / sizeof(tests[0])};
