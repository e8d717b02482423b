/* Making programs: of a seed always the same, as long as the corpus is. */
#include "fuzz.h"

struct corpus *corpus;

/* splitmix64 (Steele, Lea and Flood, 2014) */
uint64_t random_next(struct random *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15ul;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ul;
    z = (z ^ z >> 27) * 0x94d049bb133111ebul;
    return z ^ z >> 31;
}

uint64_t random_below(struct random *r, uint64_t n)
{
    return random_next(r) % n;
}

static bool chance(struct random *r, unsigned percent)
{
    return random_below(r, 100) < percent;
}

#define PICK(r, ...)                                                                                         \
    ({                                                                                                       \
        static const int64_t of_[] = {__VA_ARGS__};                                                          \
        of_[random_below(r, sizeof(of_) / sizeof(of_[0]))];                                                  \
    })

static struct arg number(int64_t value)
{
    return (struct arg){NUMBER, 0, value};
}

/* A number from all over; many are at an edge of something. */
static int64_t any_number(struct random *r)
{
    if (chance(r, 70))
        return PICK(r, 0, 1, -1, 2, 3, 4, 7, 8, 9, 16, 63, 64, 65, 100, 127, 128, 255, 256, 1000, 1023, 1024,
                    4095, 4096, 4097, 32767, 32768, 65535, 65536, 65537, 0x7fffffff, 0x80000000, 0xffffffff,
                    0x100000000, 0x100000001, 0x100000003, INT64_MAX, INT64_MIN, INT64_MIN + 1, -2, -8, -100,
                    -4095, -4096, -0x80000000l, -0x80000001l, 0x3ffffff000, 0x3fffffffff, 0x4000000000,
                    0x8000000000, 0x80000000, 0x80200000, 0x10000000, 0xc000000, 0x2000000, -0x4000000000,
                    -0x3f80000000, -0x3f7fe00000, -0x3ff0000000);
    return (int64_t)(random_next(r) >> random_below(r, 64)) * (chance(r, 20) ? -1 : 1);
}

/* A place in an area: its beginning, the end, the edge of a page, or anywhere. */
static struct arg in_area(struct random *r, enum area area)
{
    uint32_t size = area_sizes[area];
    int64_t at = chance(r, 40)   ? 0
                 : chance(r, 30) ? (int64_t)size - PICK(r, 1, 2, 8, 16, 64, 100, 4096)
                 : chance(r, 50) ? (int64_t)random_below(r, size / 4096) * 4096 - PICK(r, 0, 1, 4, 8, 100)
                                 : (int64_t)random_below(r, size);

    return (struct arg){AREA, area, at};
}

static struct arg any_area(struct random *r)
{
    return in_area(r, random_below(r, AREAS));
}

static struct arg object(struct random *r, enum object kind)
{
    return chance(r, 88) ? (struct arg){OBJECT, kind, random_below(r, VARIANTS)} : any_area(r);
}

static struct arg descriptor(struct random *r)
{
    return chance(r, 88)   ? (struct arg){FD, random_below(r, SLOTS), 0}
           : chance(r, 50) ? number(random_below(r, 32))
                           : number(any_number(r));
}

/* Never what a call may have written to: it could hold a path that leads out of the directory. */
static struct arg path(struct random *r)
{
    if (chance(r, 94))
        return (struct arg){chance(r, 90) ? PATH : EDGE,
                            chance(r, 50) ? random_below(r, 16) : random_below(r, paths_count), 0};
    return chance(r, 50) ? number(any_number(r) | 1ul << 39) : in_area(r, PICK(r, GAP, NONE, RO, TEXT));
}

/* Some of these bits. */
static int64_t some_of(struct random *r, int64_t bits)
{
    int64_t some = bits & random_next(r);

    return chance(r, 60) ? some & (int64_t)(random_next(r) & random_next(r)) : some;
}

static struct arg flags_of_open(struct random *r)
{
    int64_t flags = PICK(r, O_RDONLY, O_WRONLY, O_RDWR, O_RDWR, O_RDWR | O_CREAT, O_RDWR | O_CREAT,
                         O_WRONLY | O_CREAT | O_TRUNC);

    return number(flags | some_of(r, O_CREAT | O_EXCL | O_TRUNC | O_APPEND | O_NONBLOCK | O_DSYNC |
                                         O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_SYNC | O_PATH | 3));
}

static struct arg process(struct random *r)
{
    return chance(r, 40)   ? (struct arg){PID, random_below(r, PID_SLOTS), 0}
           : chance(r, 30) ? (struct arg){SIBLING, random_below(r, 4), 0}
           : chance(r, 60) ? number(PICK(r, 0, -1, 1, 2, 0x7fffffff, -0x80000000l, -0x7fffffff))
                           : number(any_number(r));
}

static struct arg of_memory(struct random *r)
{
    return chance(r, 70) ? (struct arg){AREA, PLAY, (int64_t)random_below(r, area_sizes[PLAY] / 4096) * 4096}
           : chance(r, 40) ? number(0)
           : chance(r, 70) ? any_area(r)
                           : number(any_number(r));
}

static struct arg make_arg(struct random *r, char letter)
{
    if (chance(r, 3))
        return chance(r, 50) ? number(any_number(r)) : any_area(r);
    switch (letter) {
    case 'd': /* descriptor */
        return descriptor(r);
    case 'D': /* descriptor of a directory */
        return chance(r, 75) ? number(AT_FDCWD) : descriptor(r);
    case 'P':
        return path(r);
    case 'O':
        return flags_of_open(r);
    case 'M': /* permissions */
        return number(PICK(r, 0, 0777, 0666, 0644, 0111, 0, 07777, 0177777));
    case 'm': /* mode with a type */
        return number(PICK(r, 0, S_IFREG, S_IFCHR, S_IFCHR, S_IFIFO, S_IFDIR, S_IFBLK, S_IFLNK) |
                      PICK(r, 0, 0666, 0777));
    case 'v': /* device */
        return number(PICK(r, 0, 0x103, 0x105, 0x107, 0x108, 0x109, 0x10a, 0x1f00, 0x2000, 0xfff00));
    case 'b': /* memory */
        return chance(r, 60) ? in_area(r, RW) : chance(r, 75) ? any_area(r) : number(any_number(r));
    case 'n': /* its length */
        return number(chance(r, 90) ? PICK(r, 0, 1, 2, 7, 8, 16, 24, 64, 100, 128, 300, 1000, 4095, 4096,
                                           4097, 8192, 10000, 65535, 65536, 65537, 131072)
                                    : any_number(r));
    case 'l': /* offset or length in a file */
        return number(chance(r, 90) ? PICK(r, 0, 0, 1, 100, 4095, 4096, 4097, 8191, 65536, 100000, 1 << 20,
                                           1 << 24, 0xffffffff, 0x100000000, 0x10000000000, -1, INT64_MAX)
                                    : any_number(r));
    case 'i':
        return object(r, IOV);
    case 'c': /* how many of those */
        return number(PICK(r, 0, 1, 1, 2, 2, 3, 4, 8, 16, 1024, 1025, -1));
    case 't':
        return chance(r, 10) ? number(0) : object(r, TIMES);
    case 's': /* signal */
        return number(chance(r, 60) ? PICK(r, 0, SIGHUP, SIGINT, SIGSEGV, SIGUSR1, SIGUSR2, SIGPIPE, SIGCHLD,
                                           SIGCONT, SIGSTOP, SIGTERM, SIGKILL, 64, 65, -1)
                                    : (int64_t)random_below(r, 66));
    case 'a':
        return chance(r, 15) ? number(0) : object(r, ACTION);
    case 'z': /* size of a set of signals */
        return number(chance(r, 95) ? 8 : any_number(r));
    case 'S':
        return chance(r, 15) ? number(0) : object(r, SIGSET);
    case 'p':
        return process(r);
    case 'x': /* a small number, or flags */
        return number(chance(r, 60)   ? PICK(r, 0, 0, 1, 2, 3, 4, 7)
                      : chance(r, 60) ? PICK(r, AT_SYMLINK_NOFOLLOW, AT_REMOVEDIR, AT_REMOVEDIR,
                                             AT_SYMLINK_FOLLOW, AT_EMPTY_PATH)
                                      : any_number(r));
    case 'y': /* flags that are mostly none */
        return number(chance(r, 70) ? 0
                                    : PICK(r, O_CLOEXEC, O_NONBLOCK, AT_SYMLINK_FOLLOW, AT_SYMLINK_NOFOLLOW,
                                           AT_EMPTY_PATH, 1, 2, 3));
    case 'U': /* how to unlink */
        return number(chance(r, 90) ? PICK(r, 0, AT_REMOVEDIR) : any_number(r));
    case 'w': /* how to wait */
        return number(chance(r, 80) ? WNOHANG : PICK(r, 0, 0, WUNTRACED, 3, 4, -1));
    case 'r': /* resource */
        return number(chance(r, 60) ? RLIMIT_NOFILE : PICK(r, 0, 3, 6, 15, 16, -1));
    case 'L':
        return chance(r, 20) ? number(0) : object(r, RLIMIT);
    case 'A':
        return of_memory(r);
    case 'N': /* length of memory */
        return number(chance(r, 90) ? PICK(r, 1, 4096, 4096, 8192, 12288, 16384, 0x10000, 0x40000, 5000, 0)
                                    : any_number(r));
    case 'R': /* protection */
        return number(chance(r, 90) ? PICK(r, 0, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
                                           PROT_WRITE, PROT_READ | PROT_EXEC, PROT_EXEC, 7)
                                    : any_number(r));
    case 'F': /* flags of mmap */
        return number(PICK(r, MAP_PRIVATE | MAP_ANONYMOUS, MAP_PRIVATE | MAP_ANONYMOUS,
                           MAP_SHARED | MAP_ANONYMOUS, MAP_PRIVATE, MAP_PRIVATE, MAP_SHARED,
                           MAP_SHARED_VALIDATE, 0) |
                      (chance(r, 50) ? MAP_FIXED : 0) |
                      some_of(r, MAP_FIXED_NOREPLACE | MAP_NORESERVE | MAP_GROWSDOWN));
    case 'B': /* break */
        return chance(r, 80) ? (struct arg){AREA, HEAP, PICK(r, 0, 1, 4096, 8192, 65536, 0x80000, -1, -4096)}
                             : number(any_number(r));
    case 'C': /* flags of clone */
        return number(chance(r, 70)   ? SIGCHLD
                      : chance(r, 60) ? CLONE_VM | CLONE_VFORK | SIGCHLD
                                      : some_of(r, CLONE_VM | CLONE_VFORK | CLONE_PARENT_SETTID |
                                                       CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID) |
                                            SIGCHLD);
    case 'k': /* clock */
        return number((int64_t)random_below(r, 10) - 1);
    case 'e': /* arguments of a program */
        return chance(r, 20) ? number(0) : object(r, ARGV);
    case 'q': /* request of ioctl */
        return number(chance(r, 90) ? PICK(r, TCGETS, TCSETS, TCSETSW, TCSETSF, TIOCSCTTY, TIOCGPGRP,
                                           TIOCSPGRP, TIOCGWINSZ, TIOCSWINSZ, FIONREAD, FIONREAD)
                                    : any_number(r));
    case 'Q': /* its argument */
        return object(r, chance(r, 50) ? TERMIOS : WORD);
    case 'f': /* command of fcntl */
        return number(chance(r, 90) ? PICK(r, F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC)
                                    : any_number(r));
    default:
        return number(any_number(r));
    }
}

static unsigned total_weight;

static void make_call(struct random *r, struct call *c)
{
    uint64_t left = random_below(r, total_weight);

    *c = (struct call){.which = 0};
    while (left >= calls[c->which].weight)
        left -= calls[c->which++].weight;
    for (unsigned k = 0; calls[c->which].kinds[k]; k++)
        c->arg[k] = make_arg(r, calls[c->which].kinds[k]);
}

/* Changes a program of the corpus at some places. */
static void mutate(struct random *r, struct program *p)
{
    for (uint64_t n = 1 + random_below(r, 4); n > 0; n--) {
        unsigned at = random_below(r, p->n);
        struct call *c = &p->call[at];
        uint64_t how = random_below(r, 10);
        if (how < 5) { /* another argument */
            unsigned k = strlen(calls[c->which].kinds);
            if (k > 0 && (k = random_below(r, k), true))
                c->arg[k] = make_arg(r, calls[c->which].kinds[k]);
        } else if (how < 8 && p->n < MAX_CALLS) { /* a call more: a new one, or one of another program */
            memmove(c + 1, c, (p->n++ - at) * sizeof(*c));
            const struct program *other = &corpus->program[random_below(r, corpus->n)];
            if (chance(r, 50))
                make_call(r, c);
            else
                *c = other->call[random_below(r, other->n)];
        } else if (p->n > 1) { /* a call less */
            memmove(c, c + 1, (--p->n - at) * sizeof(*c));
        }
    }
}

void program_make(struct program *p, uint64_t seed)
{
    struct random r = {seed};

    if (total_weight == 0)
        for (unsigned k = 0; k < calls_count; k++)
            total_weight += calls[k].weight;
    if (corpus->n > 0 && chance(&r, 60)) {
        *p = corpus->program[random_below(&r, corpus->n)];
        mutate(&r, p);
        return;
    }
    p->n = 8 + random_below(&r, MAX_CALLS - 7);
    for (unsigned i = 0; i < p->n; i++)
        make_call(&r, &p->call[i]);
}
