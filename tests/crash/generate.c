/* The workloads that come with the project. Files of the same language are in tests/crash/workloads; what is here are
 * the families that a loop can write: every call alone, every pair of calls, random sequences, parallel programs. */
#include "crash.h"

#include <stdlib.h>
#include <string.h>

/* Names that are there (a, d/a in d, e, s) and one that is not (n), so that two calls often meet. */
static const char prepare[] =
    "rewrite a 9000\nmkdir d\nrewrite d/a 5000\nmkdir e\nlink a d/b\nsymlink a s\nsync\n";

static const char *const calls[] = {
    "create n",
    "create d/n",
    "mkdir n",
    "mkdir d/n",
    "write a 100 4000",
    "write a 8000 3000",
    "write d/a 0 70000",
    "append a 6000",
    "append n 3000",
    "rewrite a 5000",
    "rewrite n 5000",
    "write a 4000 500 O_SYNC",
    "append d/a 9000 O_DSYNC",
    "truncate a 100",
    "truncate a 20000",
    "truncate d/a 0",
    "link a n",
    "link a d/n",
    "symlink d/a n",
    "mkfifo n",
    "unlink a",
    "unlink d/a",
    "unlink n",
    "rmdir e",
    "rmdir n",
    "rename a n",
    "rename a d/a",
    "rename d/a a",
    "rename d/b d/a",
    "rename d n",
    "rename e d/e",
    "rename e n",
    "rename n e",
    "chmod a 600",
    "chown a 7 8",
    "utime a 1000",
    "fsync a",
    "fdatasync d/a",
    "fsync d",
    "sync",
};
#define CALLS (sizeof(calls) / sizeof(calls[0]))

struct generator {
    bool (*f)(void *arg, const char *name, char *text);
    void *arg;
    bool go_on;
};

static void emit(struct generator *g, const char *name, struct text *t)
{
    g->go_on = g->go_on && g->f(g->arg, name, t->s);
}

/* A call's name as part of a workload's: words joined by dashes. */
static const char *joined(const char *call)
{
    static char names[2][80];
    static unsigned turn;
    char *name = names[turn ^= 1];

    snprintf(name, sizeof(names[0]), "%s", call);
    for (char *c = name; *c; c++)
        if (*c == ' ' || *c == '/')
            *c = *c == ' ' ? '-' : '.';
    return name;
}

static void alone(struct generator *g)
{
    char name[160];

    for (unsigned i = 0; i < CALLS && g->go_on; i++) {
        struct text t = {0};

        text_add(&t, "%sbegin\nweight 20\n%s\nsync\n", prepare, calls[i]);
        snprintf(name, sizeof(name), "alone/%s", joined(calls[i]));
        emit(g, name, &t);
    }
}

/* What is done between the two decides what is in one transaction. */
static void pairs(struct generator *g, bool is_long)
{
    static const char *const between[] = {"", "sync\n", "fsync a\n"};
    static const char *const suffix[] = {"", "+sync", "+fsync"};
    char name[160];

    for (unsigned i = 0; i < CALLS; i++)
        for (unsigned k = 0; k < CALLS; k++)
            for (unsigned b = 0; b < 3 && g->go_on; b++) {
                struct text t = {0};

                if (!is_long && b != (i + k) % 3)
                    continue;
                text_add(&t, "%sbegin\n%s\n%s%s\nsync\n", prepare, calls[i], between[b], calls[k]);
                snprintf(name, sizeof(name), "pair/%s%s+%s", joined(calls[i]), suffix[b], joined(calls[k]));
                emit(g, name, &t);
            }
}

/* ---- Random sequences ---- */

static uint64_t draw(uint64_t *random, uint64_t n)
{
    return harness_mix(random) % n;
}

static const char *any(uint64_t *random, const char *const *of, unsigned n)
{
    return of[draw(random, n)];
}

#define ANY(random, of) any(random, of, sizeof(of) / sizeof((of)[0]))

/* In a directory of its own, where `dir` is not empty; with open files from @slot on. */
static void random_call(struct text *t, uint64_t *random, const char *dir, unsigned slot, bool may_sync)
{
    static const char *const names[] = {"a", "b", "c", "d", "d/a", "d/b", "e", "e/a", "d/e", "n"};
    static const unsigned sizes[] = {1, 100, 4000, 4096, 5000, 12288, 70000};
    const char *a = ANY(random, names), *b = ANY(random, names);
    unsigned size = sizes[draw(random, sizeof(sizes) / sizeof(sizes[0]))];
    uint64_t what = draw(random, may_sync ? 26 : 23);
    unsigned at = slot + (unsigned)draw(random, 2);

    switch (what) {
    case 0:
    case 1:
        text_add(t, "rewrite %s%s %u", dir, a, size);
        break;
    case 2:
        text_add(t, "write %s%s %llu %u", dir, a, (unsigned long long)draw(random, 3) * 4000, size);
        break;
    case 3:
        text_add(t, "append %s%s %u", dir, a, size);
        break;
    case 4:
        text_add(t, "truncate %s%s %u", dir, a, size / 2);
        break;
    case 5:
    case 6:
        text_add(t, "mkdir %s%s", dir, a);
        break;
    case 7:
        text_add(t, "rmdir %s%s", dir, a);
        break;
    case 8:
    case 9:
        text_add(t, "unlink %s%s", dir, a);
        break;
    case 10:
    case 11:
    case 12:
    case 13:
        text_add(t, "rename %s%s %s%s", dir, a, dir, b);
        break;
    case 14:
    case 15:
        text_add(t, "link %s%s %s%s", dir, a, dir, b);
        break;
    case 16:
        text_add(t, "symlink %s %s%s", a, dir, b);
        break;
    case 17:
        text_add(t, "chmod %s%s %o", dir, a, 0600 + (unsigned)draw(random, 64));
        break;
    case 18:
        text_add(t, "open @%u %s%s", at, dir, a);
        break;
    case 19:
        text_add(t, "close @%u", at);
        break;
    case 20:
        text_add(t, "write @%u 1000 %u%s", at, size, draw(random, 4) ? "" : " O_SYNC");
        break;
    case 21:
        text_add(t, "truncate @%u %u", at, size / 3);
        break;
    case 22:
        text_add(t, "create %s%s", dir, a);
        break;
    case 23:
        text_add(t, "sync");
        break;
    case 24:
        text_add(t, "fsync %s%s", dir, a);
        break;
    default:
        text_add(t, "fsync @%u", at);
    }
    text_add(t, "\n");
}

static void sequences(struct generator *g, unsigned n, uint64_t seed)
{
    char name[80];

    for (unsigned i = 0; i < n && g->go_on; i++) {
        struct text t = {0};
        uint64_t random = seed * 1000003 + i;
        unsigned length = 12 + (unsigned)draw(&random, 30);

        text_add(&t, "disk 400 64 64\nweight 60\n%sbegin\n", prepare);
        for (unsigned k = 0; k < length; k++)
            random_call(&t, &random, "", 1, true);
        text_add(&t, "sync\n");
        snprintf(name, sizeof(name), "sequence/%llu.%u", (unsigned long long)seed, i);
        emit(g, name, &t);
    }
}

/* Where programs meet: names of files, in directories that stay. For between finding a directory and changing it another
 * program may move it, and then what happens is in no order of the calls. */
static void meeting_call(struct text *t, uint64_t *random, unsigned slot)
{
    static const char *const names[] = {"a", "b", "d/a", "d/b", "e/a", "n"};
    static const unsigned sizes[] = {100, 4096, 9000};
    const char *a = ANY(random, names), *b = ANY(random, names);
    unsigned size = sizes[draw(random, 3)];

    switch (draw(random, 10)) {
    case 0:
        text_add(t, "rewrite %s %u", a, size);
        break;
    case 1:
        text_add(t, "write %s 1000 %u", a, size);
        break;
    case 2:
        text_add(t, "append %s %u", a, size);
        break;
    case 3:
        text_add(t, "link %s %s", a, b);
        break;
    case 4:
    case 5:
        text_add(t, "rename %s %s", a, b);
        break;
    case 6:
        text_add(t, "unlink %s", a);
        break;
    case 7:
        text_add(t, "open @%u %s", slot, a);
        break;
    case 8:
        text_add(t, "append @%u %u", slot, size);
        break;
    default:
        text_add(t, "truncate %s %u", a, size / 2);
    }
    text_add(t, "\n");
}

/* Some programs keep to a directory of their own, some meet. */
static void parallel(struct generator *g, unsigned n, uint64_t seed)
{
    char name[80], dir[20];

    for (unsigned i = 0; i < n && g->go_on; i++) {
        struct text t = {0};
        uint64_t random = seed * 1000033 + i;
        bool meet = i % 2;
        unsigned threads = 2 + (unsigned)draw(&random, meet ? 1 : 2), length = meet ? 8 : 12;

        text_add(&t, "disk 400 64 64\nweight 60\nseed %u\n%s", 1 + i, prepare);
        for (unsigned k = 1; k <= threads; k++)
            text_add(&t, "mkdir p%u\n", k);
        text_add(&t, "begin\n");
        for (unsigned k = 0; k < length * threads; k++) {
            snprintf(dir, sizeof(dir), "p%u/", k % threads + 1);
            text_add(&t, "%u: ", k % threads + 1);
            if (draw(&random, 8) == 0)
                text_add(&t, "sync\n");
            else if (meet)
                meeting_call(&t, &random, k % threads);
            else
                random_call(&t, &random, dir, 2 * (k % threads), false);
        }
        text_add(&t, "sync\n");
        snprintf(name, sizeof(name), "parallel/%llu.%u", (unsigned long long)seed, i);
        emit(g, name, &t);
    }
}

void generate(bool is_long, uint64_t seed, bool (*f)(void *arg, const char *name, char *text), void *arg)
{
    struct generator g = {.f = f, .arg = arg, .go_on = true};

    alone(&g);
    pairs(&g, is_long);
    sequences(&g, is_long ? 600 : 40, seed);
    parallel(&g, is_long ? 300 : 24, seed);
}
