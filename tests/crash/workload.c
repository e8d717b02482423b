/* The language of workloads (README.md), and the hashes and texts that all parts agree on. */
#include "crash.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "abi/fsformat.h"
#include "abi/stat.h"

/* a, b: paths; f: a path or an open file; t: a symbolic link's target, kept in b; n: a number; o: one in octal;
 * @: an open file, and the path behind it is kept in b */
static const struct form {
    const char *name, *arguments;
    bool syncs; /* O_SYNC or O_DSYNC may follow */
} forms[] = {
    [OP_MKDIR] = {"mkdir", "a", false},         [OP_CREATE] = {"create", "a", false},
    [OP_WRITE] = {"write", "fnn", true},        [OP_APPEND] = {"append", "fn", true},
    [OP_REWRITE] = {"rewrite", "an", true},     [OP_TRUNCATE] = {"truncate", "fn", false},
    [OP_LINK] = {"link", "ab", false},          [OP_SYMLINK] = {"symlink", "ta", false},
    [OP_RENAME] = {"rename", "ab", false},      [OP_UNLINK] = {"unlink", "a", false},
    [OP_RMDIR] = {"rmdir", "a", false},         [OP_MKFIFO] = {"mkfifo", "a", false},
    [OP_CHMOD] = {"chmod", "fo", false},        [OP_CHOWN] = {"chown", "fnn", false},
    [OP_UTIME] = {"utime", "fn", false},        [OP_OPEN] = {"open", "@a", false},
    [OP_CLOSE] = {"close", "@", false},         [OP_FSYNC] = {"fsync", "f", false},
    [OP_FDATASYNC] = {"fdatasync", "f", false}, [OP_SYNC] = {"sync", "", false},
    [OP_WAIT] = {"wait", "n", false},
};
#define FORMS (sizeof(forms) / sizeof(forms[0]))

#define FILE_MAX (64ull << 20) /* bytes of a workload's file */

struct parser {
    struct workload *w;
    unsigned line;
    bool begun;
};

static bool wrong(const struct parser *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool wrong(const struct parser *p, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "crash: %s:%u: ", p->w->name, p->line);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return false;
}

static bool number(const struct parser *p, const char *word, int base, uint64_t max, uint64_t *n)
{
    char *end;

    *n = strtoull(word, &end, base);
    if (!isdigit((unsigned char)word[0]) || *end || *n > max)
        return wrong(p, "\"%s\" is no number from 0 to %llu%s", word, (unsigned long long)max,
                     base == 8 ? ", in octal" : "");
    return true;
}

static bool path(const struct parser *p, const char *word, char *to)
{
    if (strlen(word) >= PATH_SIZE)
        return wrong(p, "a path has at most %d bytes", PATH_SIZE - 1);
    if (word[0] == '@' && !(isdigit((unsigned char)word[1]) && !word[2]))
        return wrong(p, "\"%s\" is no place for an open file: they are @0 to @9", word);
    strcpy(to, word);
    return true;
}

/* The arguments of an operation, words[0] being its name. */
static bool arguments(struct parser *p, const struct form *form, struct op *op, char **words, unsigned nwords)
{
    const char *last = nwords > 1 ? words[nwords - 1] : "";
    unsigned n = 0;

    if (form->syncs && (strcmp(last, "O_SYNC") == 0 || strcmp(last, "O_DSYNC") == 0)) {
        op->durable = true;
        op->data_only = last[2] == 'D';
        nwords--;
    }
    if (nwords != 1 + strlen(form->arguments))
        return wrong(p, "%s takes %zu arguments, and has %u", form->name, strlen(form->arguments),
                     nwords - 1);
    for (unsigned i = 0; form->arguments[i]; i++) {
        char kind = form->arguments[i], *word = words[i + 1];
        bool at = word[0] == '@';

        if (kind == 'n' || kind == 'o') {
            if (!number(p, word, kind == 'o' ? 8 : 10, kind == 'o' ? 07777 : FILE_MAX, &op->n[n++]))
                return false;
        } else if (!path(p, word,
                         kind == 'b' || kind == 't' || (kind == 'a' && form->arguments[0] == '@') ? op->b
                                                                                                  : op->a)) {
            return false;
        } else if (kind == '@' ? !at : at && kind != 'f') {
            return wrong(p, "\"%s\" is in the wrong place", word);
        }
    }
    return true;
}

static bool operation(struct parser *p, char **words, unsigned nwords)
{
    struct workload *w = p->w;
    struct op *op = &w->ops[w->nops];

    if (w->nops == MAX_OPS)
        return wrong(p, "more than %d operations", MAX_OPS);
    *op = (struct op){.line = p->line};
    size_t n = strlen(words[0]);
    if (n == 2 && words[0][1] == ':') { /* a thread's */
        if (words[0][0] < '1' || words[0][0] >= '0' + MAX_THREADS || nwords == 1)
            return wrong(p, "threads are 1: to %d:, each with an operation behind it", MAX_THREADS - 1);
        op->thread = (uint8_t)(words[0][0] - '0');
        w->nthreads = MAX(w->nthreads, op->thread + 1u);
        words++, nwords--;
    }
    for (unsigned k = 0; k < FORMS; k++) {
        if (strcmp(words[0], forms[k].name) != 0)
            continue;
        op->kind = k;
        if (!arguments(p, &forms[k], op, words, nwords))
            return false;
        if (op->kind == OP_APPEND && w->fills)
            return wrong(p, "no append where the disk may run full; write will do");
        if (op->thread && !p->begun)
            return wrong(p, "threads only come behind \"begin\"");
        w->nops++;
        return true;
    }
    return wrong(p, "\"%s\" is no operation; README.md lists them", words[0]);
}

/* What is not an operation. 1: done; 0: not one of these; -1: wrong. */
static int directive(struct parser *p, char **words, unsigned nwords)
{
    struct workload *w = p->w;
    uint64_t n[3] = {0};
    static const struct {
        const char *name;
        unsigned numbers;
    } directives[] = {{"disk", 3}, {"memory", 1}, {"seed", 1}, {"weight", 1}, {"fills", 0}, {"begin", 0}};

    for (unsigned k = 0; k < sizeof(directives) / sizeof(directives[0]); k++) {
        if (strcmp(words[0], directives[k].name) != 0)
            continue;
        if (nwords != 1 + directives[k].numbers)
            return wrong(p, "%s takes %u numbers", words[0], directives[k].numbers) - 1;
        for (unsigned i = 0; i < nwords - 1; i++)
            if (!number(p, words[i + 1], 10, 1u << 20, &n[i]))
                return -1;
        switch (k) {
        case 0:
            if (n[2] < 64 || n[2] > FS_JOURNAL_MAX + 1 || n[1] < 2 || n[1] > 1000 || n[0] < 2 * n[2] + 80 ||
                n[0] > 65536)
                return wrong(p,
                             "disk BLOCKS INODES SLOT: 2 to 1000 inodes, 64 to %u blocks in a slot of the "
                             "journal, and "
                             "twice that plus 80 to 65536 blocks",
                             FS_JOURNAL_MAX + 1) -
                       1;
            w->blocks = (uint32_t)n[0], w->inodes = (uint32_t)n[1], w->slot = (uint32_t)n[2];
            break;
        case 1:
            if (n[0] < 300 || n[0] > HARNESS_PAGES)
                return wrong(p, "memory is 300 to %d pages", HARNESS_PAGES) - 1;
            w->pages = (uint32_t)n[0];
            break;
        case 2:
            w->seed = n[0];
            break;
        case 3:
            w->weight = MAX((unsigned)n[0], 1u);
            break;
        case 4:
            w->fills = true;
            break;
        case 5:
            if (p->begun)
                return wrong(p, "a second \"begin\"") - 1;
            p->begun = true;
            w->first = w->nops;
        }
        return 1;
    }
    return 0;
}

/* The lines of "loop N" ... "end" once more; # in a word of them stands for the number of the round, from 0. */
static bool line(struct parser *p, const char *text, size_t n, long round)
{
    char copy[400], *words[8], *save;
    size_t used = 0;
    unsigned nwords = 0;

    for (size_t i = 0; i < n && used < sizeof(copy) - 12; i++) {
        if (text[i] == '#' && (used == 0 || isspace((unsigned char)copy[used - 1])))
            break; /* a comment */
        if (text[i] == '#' && round >= 0)
            used += (size_t)sprintf(copy + used, "%ld", round);
        else
            copy[used++] = text[i];
    }
    copy[used] = '\0';
    for (char *word = strtok_r(copy, " \t\r", &save); word; word = strtok_r(NULL, " \t\r", &save)) {
        if (nwords == 8)
            return wrong(p, "too many words");
        words[nwords++] = word;
    }
    if (nwords == 0)
        return true;
    int r = directive(p, words, nwords);
    return r != 0 ? r > 0 : operation(p, words, nwords);
}

static bool lines(struct parser *p, const char *text)
{
    const char *loop = NULL; /* its first line */
    unsigned loop_line = 0;
    uint64_t rounds = 0, round = 0;

    for (const char *at = text; *at;) {
        size_t n = strcspn(at, "\n"), indent = strspn(at, " \t");
        const char *next = at + n + (at[n] != 0), *word = at + indent;

        p->line++;
        if (n > indent && strncmp(word, "loop", 4) == 0 && isspace((unsigned char)word[4])) {
            char count[20] = "";

            if (loop)
                return wrong(p, "a loop in a loop");
            sscanf(word + 4, "%19s", count);
            if (!number(p, count, 10, 1000, &rounds))
                return false;
            loop = next, loop_line = p->line, round = 0;
        } else if (n >= indent + 3 && strncmp(word, "end", 3) == 0 && strchr(" \t\r\n#", word[3])) {
            if (!loop)
                return wrong(p, "an \"end\" without \"loop\"");
            if (++round < rounds) {
                next = loop;
                p->line = loop_line;
            } else {
                loop = NULL;
            }
        } else if (!line(p, at, n, loop ? (long)round : -1)) {
            return false;
        }
        at = next;
    }
    return loop ? wrong(p, "a loop without \"end\"") : true;
}

struct workload *workload_parse(const char *name, char *text)
{
    struct workload *w = calloc(1, sizeof(*w));
    struct parser p = {.w = w};

    snprintf(w->name, sizeof(w->name), "%s", name);
    w->text = text;
    w->blocks = 210, w->inodes = 64, w->slot = 64;
    w->pages = 2000;
    w->weight = 10;
    w->nthreads = 1;
    w->seed = hash_name(name) % 1000000 + 1;
    bool good = lines(&p, text);
    if (good && !p.begun)
        good = wrong(
            &p,
            "there is no \"begin\": what comes before it prepares the disk, what comes behind it may be cut");
    if (!good) {
        workload_free(w);
        return NULL;
    }
    return w;
}

void workload_free(struct workload *w)
{
    free(w->text);
    free(w);
}

const char *op_text(const struct workload *w, unsigned op)
{
    static char text[300];
    const struct op *o = &w->ops[op];
    char *to = text;

    if (o->thread)
        to += sprintf(to, "%u: ", o->thread);
    to += sprintf(to, "%s", forms[o->kind].name);
    for (unsigned i = 0, n = 0; forms[o->kind].arguments[i]; i++) {
        char kind = forms[o->kind].arguments[i];
        bool in_b = kind == 'b' || kind == 't' || (kind == 'a' && forms[o->kind].arguments[0] == '@');

        if (kind == 'n' || kind == 'o')
            to += sprintf(to, kind == 'n' ? " %llu" : " %llo", (unsigned long long)o->n[n++]);
        else
            to += sprintf(to, " %s", in_b ? o->b : o->a);
    }
    if (o->durable)
        sprintf(to, o->data_only ? " O_DSYNC" : " O_SYNC");
    return text;
}

/* ---- What all agree on ---- */

uint64_t hash_name(const char *s)
{
    return hash_bytes(s, strlen(s));
}

void text_add(struct text *t, const char *format, ...)
{
    va_list args;

    for (;;) {
        va_start(args, format);
        int n = vsnprintf(t->s ? t->s + t->used : NULL, t->size - t->used, format, args);
        va_end(args);
        if (t->used + (size_t)n < t->size) {
            t->used += (size_t)n;
            return;
        }
        t->size = 2 * t->size + (size_t)n + 1000;
        t->s = realloc(t->s, t->size);
    }
}

/* Times: a call can set one, which then lies before the year 2001; else it is "now", which the model cannot know better. */
void tree_line(struct text *t, const char *path, const struct attributes *a)
{
    unsigned type = a->mode & S_IFMT;

    text_add(t, "%-12s %s %04o links %u owner %u:%u", *path ? path : "/",
             type == S_IFDIR   ? "directory"
             : type == S_IFLNK ? "link"
             : type == S_IFIFO ? "fifo"
             : type == S_IFREG ? "file"
                               : "other",
             a->mode & 07777, a->nlink, a->uid, a->gid);
    if (*path && a->mtime >= 0 && a->mtime < 1000000000000000000)
        text_add(t, " time %lld", (long long)a->mtime);
    if (type != S_IFDIR)
        text_add(t, " size %llu content %016llx", (unsigned long long)a->size,
                 (unsigned long long)a->content);
    if (a->rdev)
        text_add(t, " device %x", a->rdev);
    text_add(t, "\n");
}

void tree_same(struct text *t, const char *path, const char *first)
{
    text_add(t, "%-12s is %s\n", path, first);
}
