/* fuzz: what its files share. main.c has the description.
 *
 * A program is a list of calls whose arguments are symbols: "descriptor in slot 3", "path 7", "16 bytes before the end of
 * the area rw". They get their values when the program runs, so that a program can be printed, read again, and be cut
 * shorter, and still means the same. */
#pragma once
#include "user/lode.h"

/* The numbers of the system calls: NR_read and so on. */
enum {
#define SYSCALL(number, name, kinds) NR_##name = number,
#include "abi/syscalls.h"
#undef SYSCALL
};

#define MAX_CALLS   48 /* in a program */
#define MAX_WORKERS 16 /* that run programs at the same time */
#define SLOTS       16 /* for descriptors */
#define PID_SLOTS   4  /* for processes that a program has made */
#define ARGS        6

enum kind {
    NUMBER,  /* value */
    FD,      /* the descriptor in a slot */
    PATH,    /* the address of a string of the table of paths */
    EDGE,    /* the same string, its last byte the last of a mapped page */
    AREA,    /* an address: area `index`, and value bytes on from there */
    OBJECT,  /* the address of a structure: what kind, and which of its variants (value) */
    PID,     /* 0: itself; else a process it has made */
    SIBLING, /* what another worker runs */
};

/* Memory of each process that runs a program; run.c maps it. */
enum area { RW, GAP, RO, NONE, COW, SHARED, FILE_COPY, FILE_SHARED, PLAY, TEXT, STACK, HEAP, AREAS };
extern const char *const area_names[AREAS];
extern const uint32_t area_sizes[AREAS];

enum object { IOV, TIMES, ACTION, SIGSET, ARGV, RLIMIT, TERMIOS, WORD, OBJECTS };
#define VARIANTS 8
extern const char *const object_names[OBJECTS];

struct arg {
    uint8_t kind, index;
    int64_t value;
};

struct call {
    uint16_t which; /* in the table `calls` */
    struct arg arg[ARGS];
};

struct program {
    unsigned n;
    struct call call[MAX_CALLS];
};

/* Every system call, also one that has just been added, and three that are none: `number` calls the number in its first argument, `peek` and `poke` read
 * and write a byte of memory. */
struct call_kind {
    long number; /* system call; -1: none */
    const char *name;
    unsigned weight;   /* how often it is chosen */
    const char *kinds; /* of its arguments, a letter each: make.c */
};
extern struct call_kind calls[];
void calls_start(void); /* completes the table: first of all */
extern const unsigned calls_count;
enum { CALL_NUMBER, CALL_PEEK, CALL_POKE, CALL_FIRST }; /* their places; the table of system calls follows */

extern const char *const paths[];
extern const unsigned paths_count;

/* make.c: the program of a seed, made anew or of one in the corpus. */
struct random {
    uint64_t state;
};
uint64_t random_next(struct random *r);
uint64_t random_below(struct random *r, uint64_t n);
void program_make(struct program *p, uint64_t seed);
#define MAX_CORPUS 512
struct corpus {
    unsigned n;
    struct program program[MAX_CORPUS];
};
extern struct corpus *corpus; /* in shared memory, where coverage adds to it; may be empty */

/* text.c: programs as text, a call a line. */
void program_print(const struct program *p);
bool call_parse(char *line, struct call *c); /* false: it is none */

/* run.c */
struct worker {
    int pid;         /* of the process that runs its program now; 0: none */
    int made[16];    /* processes that the program has made */
    unsigned n_made; /* may be larger than the array: then no more are made */
    uint64_t made_calls;
    unsigned done; /* programs */
};
struct control {    /* in memory that all share */
    bool go;        /* the rest is filled in */
    int spared[32]; /* processes that must not be hurt: those that are no program's */
    unsigned n_spared;
    uint64_t calls[256], good[256]; /* made, and successful, by place in the table */
    uint64_t reached;               /* places of the kernel's code */
    unsigned kept;                  /* programs in the corpus, or about to be */
    struct worker worker[MAX_WORKERS];
};
extern struct control *control;
bool run_is_spared(int pid);
void run_map_shared(void);         /* once, before all workers */
void run_prepare(unsigned worker); /* by each worker: memory and descriptors */
void run_populate(void);           /* makes the files in the current directory that are missing */
int run_program(const struct program *p, unsigned worker); /* in a child: its wait status */
uint64_t run_calls(void);                                  /* made so far */

/* elf.c: damaged programs; in the current directory. elf_run: true if all is well. */
void elf_start(long *shared, int64_t give_up); /* ... looks at what was killed */
bool elf_run(uint64_t seed);
void elf_print(void);
