/* crash: every state in which a power cut may leave the disk. README.md says what it does; --help, how to call it. */
#include "crash.h"

#include <dirent.h>
#include <fnmatch.h>
#include <getopt.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_FAMILIES 40
#define MAX_JOBS     16

static struct {
    uint64_t states, seed;
    unsigned jobs;
    bool is_long, list, show, first, ops;
    unsigned samples;
    const char *state, *save, *folder, *recording;
    char **words; /* parts of names, or files; none: everything */
} options = {.states = 60000, .seed = 1, .jobs = 2};

struct family {
    char name[40];
    struct totals totals;
};

/* Shared by the jobs. */
static struct results {
    unsigned next; /* workload to be taken */
    bool enough;   /* one has failed, and --first was given */
    uint64_t weight;
    unsigned nfamilies;
    struct family families[MAX_FAMILIES];
} * all;

static const char *program;

/* ---- Which workloads ---- */

static bool is_file(const char *word)
{
    return access(word, R_OK) == 0;
}

/* By a name, with or without its family, by a family, or by a pattern. */
static bool wanted(const char *name)
{
    size_t family = strcspn(name, "/");

    for (char **word = options.words; *word; word++)
        if (!is_file(*word) &&
            (fnmatch(*word, name, 0) == 0 || strcmp(*word, name + family + (name[family] != 0)) == 0 ||
             (strlen(*word) == family && strncmp(*word, name, family) == 0)))
            return true;
    return !*options.words;
}

static char *read_text(const char *path)
{
    FILE *f = fopen(path, "r");
    struct text t = {0};
    char buf[4000];

    if (!f) {
        perror(path);
        exit(2);
    }
    text_add(&t, "%s", "");
    while (fgets(buf, sizeof(buf), f))
        text_add(&t, "%s", buf);
    fclose(f);
    return t.s;
}

static int crash_files(const struct dirent *e)
{
    const char *dot = strrchr(e->d_name, '.');

    return dot && strcmp(dot, ".crash") == 0;
}

/* Calls f for all that are wanted: the folder's files, those of the command line, and what is generated. */
static void each_workload(bool (*f)(void *arg, const char *name, char *text), void *arg)
{
    struct dirent **entries;
    char path[600], name[300];
    int n = scandir(options.folder, &entries, crash_files, alphasort);

    if (n < 0) {
        fprintf(stderr, "crash: there is no folder %s; name it with --workloads\n", options.folder);
        exit(2);
    }
    for (char **word = options.words; *word; word++)
        if (is_file(*word))
            f(arg, *word, read_text(*word));
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof(path), "%s/%s", options.folder, entries[i]->d_name);
        snprintf(name, sizeof(name), "file/%.*s", (int)strlen(entries[i]->d_name) - 6, entries[i]->d_name);
        f(arg, name, read_text(path));
        free(entries[i]);
    }
    free(entries);
    generate(options.is_long, options.seed, f, arg);
}

/* ---- One workload ---- */

static struct family *family_of(const char *name)
{
    char family[40];

    snprintf(family, sizeof(family), "%.*s", (int)MIN(strcspn(name, "/"), sizeof(family) - 1),
             is_file(name) ? "file" : name);
    for (unsigned i = 0; i < all->nfamilies; i++)
        if (strcmp(all->families[i].name, family) == 0)
            return &all->families[i];
    struct family *f = &all->families[MIN(all->nfamilies, MAX_FAMILIES - 1)];
    all->nfamilies = MIN(all->nfamilies + 1, MAX_FAMILIES);
    snprintf(f->name, sizeof(f->name), "%s", family);
    return f;
}

static void add_totals(struct family *f, const struct totals *t)
{
    __atomic_fetch_add(&f->totals.states, t->states, __ATOMIC_RELAXED);
    __atomic_fetch_add(&f->totals.nested, t->nested, __ATOMIC_RELAXED);
    __atomic_fetch_add(&f->totals.judged, t->judged, __ATOMIC_RELAXED);
    __atomic_fetch_add(&f->totals.failed, t->failed, __ATOMIC_RELAXED);
    __atomic_fetch_add(&f->totals.workloads, 1, __ATOMIC_RELAXED);
    if (t->failed && options.first)
        all->enough = true;
}

/* Its states, once it has run. */
static bool judge(const struct workload *w, const struct result *results, const struct recording *r,
                  const char *repeat, struct text *fault, struct totals *totals)
{
    struct oracle *o = oracle_new(w, results, r, fault);
    struct plan plan = {.budget = MAX(options.states * w->weight / MAX(all->weight, 1), 10),
                        .seed = options.seed + w->seed,
                        .only = options.state,
                        .save = options.save,
                        .samples = options.samples,
                        .top = options.recording ? "w" : "",
                        .repeat = repeat};

    if (!o)
        return false;
    if (!explore(w, o, r, &plan, totals) && totals->failed == 0)
        totals->failed = 1;
    oracle_free(o);
    return true;
}

static void run_one(struct workload *w)
{
    struct totals totals = {0};
    struct text fault = {0}, repeat = {0};
    struct result *results = harness_shared(MAX_OPS * sizeof(*results));
    struct recording *r = NULL;

    text_add(&repeat, "%s --seed %llu%s", program, (unsigned long long)options.seed,
             options.is_long ? " --long" : "");
    if (options.recording) {
        text_add(&repeat, " --recording %s", options.recording);
        w->real_clock = true;
        r = recording_load(options.recording, w, results);
        harness_disk_create(r->nblocks);
    } else {
        uint8_t *base = harness_shared((size_t)w->blocks * FS_BLOCK_SIZE);

        if (execute(w, results, base, &fault))
            r = recording_take(base, w->blocks);
    }
    text_add(&repeat, " '%s'", w->name);
    if (!r || !judge(w, results, r, repeat.s, &fault, &totals)) {
        printf("# %s: %s\n#   to repeat: %s\n", w->name, fault.s, repeat.s);
        totals.failed++;
    }
    if (r)
        recording_free(r);
    add_totals(family_of(w->name), &totals);
    free(fault.s);
    free(repeat.s);
    fflush(stdout);
}

/* ---- All of them ---- */

struct walk {
    unsigned index, mine; /* the one being offered; the one to do */
    bool run;
};

static bool offer(void *arg, const char *name, char *text)
{
    struct walk *walk = arg;

    if (!is_file(name) && !wanted(name)) {
        free(text);
        return true;
    }
    if (walk->run && (walk->index++ != walk->mine || all->enough)) {
        free(text);
        return true;
    }
    struct workload *w = workload_parse(name, text);
    if (!w)
        exit(2);
    if (walk->run) {
        pid_t child = fork(); /* so that nothing is left behind: the harness's disks, a workload's memory */
        int status;

        if (child == 0) {
            run_one(w);
            _exit(0);
        }
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
            printf("# %s: the test itself failed\n", name);
            fflush(stdout);
            add_totals(family_of(name), &(struct totals){.failed = 1});
        }
        walk->mine = __atomic_fetch_add(&all->next, 1, __ATOMIC_RELAXED);
    } else {
        all->weight += w->weight;
        walk->index++;
        family_of(name);
        if (options.list)
            printf("%s\n", name);
        if (options.show)
            printf("%s", w->text);
        if (options.ops)
            printf("%u blocks, %u inodes, %u threads\n", w->blocks, w->inodes, w->nthreads);
        for (unsigned k = 0; k < w->nops && options.ops; k++)
            printf("%u %u %s %s\n", k, w->ops[k].line, k < w->first ? "prepare" : "run", op_text(w, k));
    }
    workload_free(w);
    return true;
}

static void run_all(void)
{
    pid_t children[MAX_JOBS];

    fflush(stdout);
    for (unsigned j = 0; j < options.jobs; j++) {
        children[j] = fork();
        if (children[j] == 0) {
            struct walk walk = {.run = true, .mine = __atomic_fetch_add(&all->next, 1, __ATOMIC_RELAXED)};

            setvbuf(stdout, NULL, _IOFBF, 1 << 20);
            each_workload(offer, &walk);
            fflush(stdout);
            _exit(0);
        }
    }
    for (unsigned j = 0; j < options.jobs; j++)
        waitpid(children[j], NULL, 0);
}

static void usage(void)
{
    fprintf(
        stderr,
        "usage: crash [--states N] [--seed N] [--jobs N] [--long] [--first] [--list | --show] [--state STATE "
        "[--save IMAGE]]\n"
        "             [--recording PREFIX] [--samples N] [--ops] [--workloads FOLDER] [NAME | FILE ...]\n");
    exit(2);
}

static uint64_t argument(const char *text)
{
    char *end;
    uint64_t n = strtoull(text, &end, 10);

    if (*end || n == 0) {
        fprintf(stderr, "crash: \"%s\" is no number above 0\n", text);
        exit(2);
    }
    return n;
}

static void read_options(int argc, char **argv)
{
    static const struct option known[] = {
        {"states", 1, NULL, 'n'},    {"seed", 1, NULL, 's'},  {"jobs", 1, NULL, 'j'},
        {"long", 0, NULL, 'l'},      {"first", 0, NULL, 'f'}, {"recording", 1, NULL, 'r'},
        {"samples", 1, NULL, 'm'},   {"ops", 0, NULL, 'O'},   {"list", 0, NULL, 'L'},
        {"show", 0, NULL, 'S'},      {"state", 1, NULL, 't'}, {"save", 1, NULL, 'o'},
        {"workloads", 1, NULL, 'w'}, {NULL, 0, NULL, 0}};
    int c;

    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (c) {
        case 'n':
            options.states = argument(optarg);
            break;
        case 's':
            options.seed = argument(optarg);
            break;
        case 'j':
            options.jobs = (unsigned)MIN(argument(optarg), MAX_JOBS);
            break;
        case 'l':
            options.is_long = true;
            break;
        case 'r':
            options.recording = optarg;
            break;
        case 'm':
            options.samples = (unsigned)argument(optarg);
            break;
        case 'O':
            options.ops = true;
            break;
        case 'f':
            options.first = true;
            break;
        case 'L':
            options.list = true;
            break;
        case 'S':
            options.show = true;
            break;
        case 't':
            options.state = optarg;
            break;
        case 'o':
            options.save = optarg;
            break;
        case 'w':
            options.folder = optarg;
            break;
        default:
            usage();
        }
    }
    options.words = argv + optind;
}

int main(int argc, char **argv)
{
    struct totals sum = {0};

    program = argv[0];
    options.folder = "tests/crash/workloads";
    read_options(argc, argv);
    mallopt(M_ARENA_MAX, 1); /* one thread at a time runs, anyway */
    all = harness_shared(sizeof(*all));
    struct walk count = {0};
    each_workload(offer, &count);
    if (count.index == 0) {
        fprintf(stderr, "crash: there is no such workload, nor a file; --list names them\n");
        return 2;
    }
    if (options.list || options.show || options.ops)
        return 0;
    if ((options.state || options.recording) && count.index != 1) {
        fprintf(stderr, "crash: a state and a recording are of one workload, and the name fits %u\n",
                count.index);
        return 2;
    }
    options.jobs = options.state ? 1 : options.jobs;
    run_all();
    for (unsigned i = 0; i < all->nfamilies; i++) {
        const struct family *f = &all->families[i];

        if (f->totals.workloads == 0 && all->enough)
            continue;
        ok(f->totals.failed == 0 && f->totals.workloads > 0, "%s: %llu states of %llu workloads", f->name,
           (unsigned long long)f->totals.states, (unsigned long long)f->totals.workloads);
        sum.states += f->totals.states;
        sum.nested += f->totals.nested;
        sum.judged += f->totals.judged;
        sum.workloads += f->totals.workloads;
        sum.failed += f->totals.failed;
    }
    diag("%llu states of %llu workloads, %llu of them after a cut during recovery; judged at %llu moments, "
         "%llu failed",
         (unsigned long long)sum.states, (unsigned long long)sum.workloads, (unsigned long long)sum.nested,
         (unsigned long long)sum.judged, (unsigned long long)sum.failed);
    return done();
}
