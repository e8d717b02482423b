/* What the parts of the crash tests share; README.md says what they do together.
 *
 *   workload.c     the language of workloads: from text to operations, and back
 *   generate.c     the workloads that come with the project
 *   model.c        an independent model of a file system, in which operations have steps
 *   oracle.c       from a workload and what its calls returned to the trees that a power cut may leave
 *   execute.c      runs a workload on kernel/fs, with the disk's log on; reads the tree through kernel/fs
 *   recording.c    logs: of the host's fake disk, and of QEMU's blklogwrites
 *   fsck_memory.c  mkfs/fsck.c on an image in memory; reads the tree from the raw image
 *   look.c         fsck, mount, tree, use and fsck of one image
 *   states.c       all that a disk may hold after a power cut, and which of them are right
 *   crash.c        the program
 */
#pragma once
#include "harness.h" /* first: it makes the host's and the kernel's headers bear each other */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tree.h"

/* ---- Workloads ---- */

#define MAX_OPS     1500
#define MAX_THREADS 5 /* thread 0 is the main program: while it runs, no other one does */
#define SLOTS       10
#define PATH_SIZE   64

enum op_kind {
    OP_MKDIR,
    OP_CREATE,
    OP_WRITE,
    OP_APPEND,
    OP_REWRITE,
    OP_TRUNCATE,
    OP_LINK,
    OP_SYMLINK,
    OP_RENAME,
    OP_UNLINK,
    OP_RMDIR,
    OP_MKFIFO,
    OP_CHMOD,
    OP_CHOWN,
    OP_UTIME,
    OP_OPEN,
    OP_CLOSE,
    OP_FSYNC,
    OP_FDATASYNC,
    OP_SYNC,
    OP_WAIT,
};

struct op {
    enum op_kind kind;
    unsigned line; /* of the text: the number with which its bytes are made */
    uint8_t thread;
    bool durable;                    /* a write with O_SYNC or O_DSYNC */
    bool data_only;                  /* O_DSYNC */
    char a[PATH_SIZE], b[PATH_SIZE]; /* paths; "@3": what `open @3 path` has opened */
    uint64_t n[2];
};

struct workload {
    char name[160];
    char *text;
    uint32_t blocks, inodes, slot; /* the disk */
    uint32_t pages;                /* of memory */
    uint64_t seed;
    bool real_clock;      /* it has run in a machine, whose host may have had no time */
    bool fills;           /* the disk may run full: a write may be there in part */
    unsigned weight;      /* its share of the states */
    unsigned nops, first; /* ops[0 .. first-1] prepare the disk, before the log is started */
    unsigned nthreads;
    struct op ops[MAX_OPS];
};

/* What a call returned; r[1] is that of the write of a call that opens, then writes. */
struct result {
    int64_t r[2];
};

/* NULL and a message (with the line) on standard error where the text is none. Takes the text, which malloc
 * has given. */
struct workload *workload_parse(const char *name, char *text);
void workload_free(struct workload *w);
const char *op_text(const struct workload *w, unsigned op); /* its line; good until the next call */
uint64_t hash_name(const char *s);

/* All that come with the project: calls f for each until it returns false. `is_long`: also those of the long run. */
void generate(bool is_long, uint64_t seed, bool (*f)(void *arg, const char *name, char *text), void *arg);

/* ---- The model ---- */

struct model;
struct model *model_new(void);
struct model *model_clone(const struct model *m);
void model_free(struct model *m);

#define MAX_TOUCHED 8
struct touched {
    unsigned n;
    uint16_t ino[MAX_TOUCHED]; /* files and directories of the model that an operation changed */
};
/* Does step `step` of an operation that returned r. 1: there is a further step; 0: that was the last one (an
 * operation that changes nothing has one step, too); -1: r cannot be what it returns. */
int model_step(struct model *m, const struct workload *w, const struct op *op, const struct result *r,
               unsigned step, struct touched *t);
int model_find(const struct model *m, const char *path); /* which file; -1: none */
void model_tree(const struct model *m, struct text *t);
uint64_t
model_hidden(const struct model *m); /* hash of what is not in the tree: open files, operations under way */

/* ---- Logs ---- */

enum record_kind { RECORD_WRITE, RECORD_FLUSH, RECORD_COMPLETE, RECORD_BEGIN, RECORD_RETURN };
struct record {
    enum record_kind kind;
    uint32_t block, nblocks; /* RECORD_WRITE */
    uint8_t *data;
    uint64_t op;        /* RECORD_BEGIN, RECORD_RETURN */
    uint64_t completed; /* RECORD_WRITE, RECORD_FLUSH: index of that record, or NEVER */
};
#define NEVER UINT64_MAX

struct recording {
    uint8_t *base; /* the disk before */
    uint64_t nblocks;
    struct record *records;
    size_t n;
    uint8_t *data;
};
/* Of the harness's log, whose base is given. */
struct recording *recording_take(const uint8_t *base, uint64_t nblocks);
/* PREFIX.img, a disk; PREFIX.log, what blklogwrites has logged of it; PREFIX.calls, which calls began and returned when, and
 * their results. Ends the program where these are not what they should be. */
struct recording *recording_load(const char *prefix, const struct workload *w, struct result *results);
void recording_free(struct recording *r);

/* ---- The oracle ---- */

struct node {
    uint64_t tree; /* hash of its text */
    uint16_t steps[MAX_THREADS];
};
struct oracle {
    struct node *nodes;
    size_t n, size;
    uint16_t ends[MAX_OPS]; /* steps of its thread when the operation has ended */
    struct touched touched[MAX_OPS];
    const struct result *results;
    uint64_t begins[MAX_OPS], returns[MAX_OPS]; /* places in the recording */
    int16_t file[MAX_OPS];                      /* fsync's */
    struct {                                    /* the trees' texts, for messages */
        uint64_t tree;
        char *text;
    } * texts;
    size_t ntexts, sizetexts;
    char fault[400];
};
/* NULL and a message in `fault` if no order of the operations explains what they returned. */
struct oracle *oracle_new(const struct workload *w, const struct result *results, const struct recording *r,
                          struct text *fault);
void oracle_free(struct oracle *o);
const char *oracle_text(const struct oracle *o, uint64_t tree); /* NULL: not one of its trees */
/* What may be there after a cut at a place of the recording: from low to high steps of each thread. */
struct window {
    uint16_t low[MAX_THREADS], high[MAX_THREADS];
};
void oracle_window(const struct oracle *o, const struct workload *w, size_t place, struct window *win);
bool oracle_allows(const struct oracle *o, const struct window *win, uint64_t tree);

/* ---- Running kernel/fs ---- */

void disk_format(const struct workload *w);
/* In a child: boots, prepares, records. The harness then has the log. False: with a message in `fault`. */
bool execute(const struct workload *w, struct result *results, uint8_t *base, struct text *fault);
/* The tree below a directory of the mounted file system. */
void kernel_tree(const char *top, struct text *t);

/* ---- A look at an image ---- */

struct job {
    const char *top; /* directory whose tree counts */
    uint32_t pages;  /* of memory */
    bool record;     /* what the recovery, and the use after it, write: the harness then has the log */
};
#define PROBE                                                                                                \
    "its-a-probe" /* the file that the use makes (the log's operation 0), and removes again (operation 1) */
/* Looks at what is on the harness's disk, and changes that. True: all is right, *found is the tree and *tree its hash;
 * false: *found says what is wrong. Both are good until the next call. */
bool look_at_image(const struct job *job, uint64_t *tree, const char **found);

/* ---- States ---- */

struct totals {
    uint64_t states; /* images that were checked */
    uint64_t nested; /* of them, after a cut during a recovery */
    uint64_t judged; /* images and moments of the cut */
    uint64_t failed;
    uint64_t workloads;
};
struct plan {
    uint64_t budget; /* most states of this workload */
    uint64_t seed;
    const char *only;   /* state to repeat; NULL: all */
    const char *save;   /* where to write that state's image */
    unsigned samples;   /* names of so many states to print */
    const char *top;    /* directory in which the workload ran */
    const char *repeat; /* how to say it again, for messages */
};
/* All states of a recorded workload. Returns whether all were right; messages go to standard output. */
bool explore(const struct workload *w, const struct oracle *o, const struct recording *r,
             const struct plan *plan, struct totals *totals);
