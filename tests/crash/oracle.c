/* The oracle: which trees may be there after a cut.
 *
 * It looks for the orders in which the operations can have happened: each thread's in its own order, an operation
 * that had returned before another one began before that one, and each with the result that it had (the model says
 * what an operation returns in a state). What the model is in after each step of such an order is a node: a tree, and
 * how many steps of each thread are in it. With one thread there is one order.
 *
 * A cut at a place of the recording allows the nodes that hold no step of an operation that had not begun, and all steps
 * that a sync has promised. */
#include "crash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NODES 200000
#define LATEST    6 /* seconds after which a change is there without a sync; on a host that has time */

struct search {
    const struct workload *w;
    const struct result *results;
    struct oracle *o;
    uint16_t order[MAX_THREADS][MAX_OPS]; /* operations of each thread */
    unsigned count[MAX_THREADS];
    bool known[MAX_OPS]; /* touched and ends are set */
    struct {             /* where the search has been, and whether a way led on from there */
        uint64_t key;
        bool good;
    } * seen;
    size_t nseen;
    unsigned farthest, stuck; /* most operations done; the one that could not be explained then */
};
#define SEEN (1u << 18)

struct position {
    struct model *m;
    unsigned next[MAX_THREADS];  /* operation of each thread */
    unsigned step[MAX_THREADS];  /* of that operation */
    uint16_t steps[MAX_THREADS]; /* of all */
};

static uint64_t tree_of(struct search *s, const struct model *m)
{
    struct oracle *o = s->o;
    struct text t = {0};

    model_tree(m, &t);
    uint64_t tree = hash_name(t.s);
    if (oracle_text(o, tree)) {
        free(t.s);
        return tree;
    }
    if (o->ntexts == o->sizetexts) {
        o->sizetexts = 2 * o->sizetexts + 50;
        o->texts = realloc(o->texts, o->sizetexts * sizeof(*o->texts));
    }
    o->texts[o->ntexts].tree = tree;
    o->texts[o->ntexts++].text = t.s;
    return tree;
}

const char *oracle_text(const struct oracle *o, uint64_t tree)
{
    for (size_t i = o->ntexts; i-- > 0;)
        if (o->texts[i].tree == tree)
            return o->texts[i].text;
    return NULL;
}

static void add_node(struct oracle *o, uint64_t tree, const uint16_t *steps)
{
    if (o->n == o->size) {
        o->size = 2 * o->size + 100;
        o->nodes = realloc(o->nodes, o->size * sizeof(*o->nodes));
    }
    o->nodes[o->n].tree = tree;
    memcpy(o->nodes[o->n++].steps, steps, sizeof(o->nodes[0].steps));
}

/* May thread t go on: has no other thread an operation to do that had returned before this one began? */
static bool is_next(const struct search *s, const struct position *p, unsigned t)
{
    const struct oracle *o = s->o;

    for (unsigned u = 0; u < s->w->nthreads; u++)
        if (u != t && p->next[u] < s->count[u] &&
            o->returns[s->order[u][p->next[u]]] < o->begins[s->order[t][p->next[t]]])
            return false;
    return true;
}

static void add_touched(struct touched *to, const struct touched *more)
{
    for (unsigned i = 0; i < more->n && to->n < MAX_TOUCHED; i++)
        to->ino[to->n++] = more->ino[i];
}

/* One step of thread t: false where the result cannot be. */
static bool advance(struct search *s, struct position *p, unsigned t)
{
    unsigned k = s->order[t][p->next[t]];
    const struct op *op = &s->w->ops[k];
    struct touched touched = {0};

    if (!s->known[k] && p->step[t] == 0)
        s->o->file[k] =
            (int16_t)(s->results[k].r[0] < 0 || s->results[k].r[1] < 0 ? -1 : model_find(p->m, op->a));
    int r = model_step(p->m, s->w, op, &s->results[k], p->step[t], &touched);
    if (r < 0)
        return false;
    if (!s->known[k])
        add_touched(&s->o->touched[k], &touched);
    p->steps[t]++;
    p->step[t]++;
    if (r == 0) {
        s->known[k] = true;
        s->o->ends[k] = p->steps[t];
        p->next[t]++;
        p->step[t] = 0;
    }
    return true;
}

static bool *visit(struct search *s, const struct position *p, uint64_t tree, bool *is_new)
{
    uint64_t key = hash_bytes(p->steps, sizeof(p->steps)) ^ tree ^ model_hidden(p->m);

    for (size_t i = key % SEEN;; i = (i + 1) % SEEN) {
        if (s->seen[i].key == key || s->seen[i].key == 0) {
            *is_new = s->seen[i].key == 0;
            s->seen[i].key = key;
            return &s->seen[i].good;
        }
    }
}

/* A way without branches, whose places become nodes when it leads to the end. */
struct way {
    size_t n, size;
    struct {
        bool *mark;
        struct node node;
    } * places;
};

static void add_place(struct way *way, bool *mark, uint64_t tree, const struct position *p)
{
    if (way->n == way->size) {
        way->size = 2 * way->size + 20;
        way->places = realloc(way->places, way->size * sizeof(*way->places));
    }
    way->places[way->n].mark = mark;
    way->places[way->n].node.tree = tree;
    memcpy(way->places[way->n++].node.steps, p->steps, sizeof(p->steps));
}

/* Does a way lead from here to the end? Takes p.m. */
static bool follow(struct search *s, struct position p)
{
    struct way way = {0};
    bool good = false, is_new;

    for (;;) {
        unsigned can[MAX_THREADS], ncan = 0, left = 0, done = 0;

        for (unsigned t = 0; t < s->w->nthreads; t++) {
            left += s->count[t] - p.next[t];
            done += p.next[t];
            if (p.next[t] < s->count[t] && is_next(s, &p, t))
                can[ncan++] = t;
        }
        if (done >= s->farthest && ncan > 0)
            s->farthest = done, s->stuck = s->order[can[0]][p.next[can[0]]];
        uint64_t tree = tree_of(s, p.m);
        bool *mark = visit(s, &p, tree, &is_new);
        if (!is_new) {
            good = *mark;
            break;
        }
        if (++s->nseen > MAX_NODES) {
            fprintf(
                stderr,
                "crash: %s: its threads' operations can have happened in too many orders; give it fewer\n",
                s->w->name);
            exit(2);
        }
        add_place(&way, mark, tree, &p);
        if (left == 0) {
            good = true;
            break;
        }
        for (unsigned i = 0; i + 1 < ncan; i++) {
            struct position other = p;

            other.m = model_clone(p.m);
            if (advance(s, &other, can[i]))
                good |= follow(s, other);
            else
                model_free(other.m);
        }
        if (ncan == 0 || !advance(s, &p, can[ncan - 1]))
            break;
        if (ncan > 1) {
            good |= follow(s, p);
            p.m = NULL;
            break;
        }
    }
    for (size_t i = 0; i < way.n && good; i++) {
        *way.places[i].mark = true;
        add_node(s->o, way.places[i].node.tree, way.places[i].node.steps);
    }
    free(way.places);
    if (p.m)
        model_free(p.m);
    return good;
}

struct oracle *oracle_new(const struct workload *w, const struct result *results, const struct recording *r,
                          struct text *fault)
{
    struct search *s = calloc(1, sizeof(*s));
    struct oracle *o = calloc(1, sizeof(*o));
    struct position p = {.m = model_new()};
    struct touched ignored;
    bool good = true;

    s->w = w, s->o = o, s->results = o->results = results;
    s->seen = calloc(SEEN, sizeof(*s->seen));
    for (unsigned k = 0; k < w->nops; k++)
        o->begins[k] = o->returns[k] = NEVER;
    for (size_t i = 0; i < r->n; i++) {
        if (r->records[i].kind == RECORD_BEGIN)
            o->begins[r->records[i].op] = i;
        else if (r->records[i].kind == RECORD_RETURN)
            o->returns[r->records[i].op] = i;
    }
    unsigned k = 0;
    for (; k < w->first && good; k++) {
        int more = 1;
        for (unsigned step = 0; more == 1; step++) {
            ignored.n = 0;
            more = model_step(p.m, w, &w->ops[k], &results[k], step, &ignored);
        }
        good = more == 0;
        s->stuck = k;
    }
    for (; k < w->nops; k++)
        s->order[w->ops[k].thread][s->count[w->ops[k].thread]++] = (uint16_t)k;
    if (good)
        good = follow(s, p) && o->n > 0;
    else
        model_free(p.m);
    if (!good) {
        const struct result *bad = &results[s->stuck];
        text_add(fault, "line %u: \"%s\" returned %lld (%lld), which it cannot%s", w->ops[s->stuck].line,
                 op_text(w, s->stuck), (long long)bad->r[0], (long long)bad->r[1],
                 w->nthreads > 1 ? " in any order of the operations" : "");
        oracle_free(o);
        o = NULL;
    }
    free(s->seen);
    free(s);
    return o;
}

void oracle_free(struct oracle *o)
{
    for (size_t i = 0; i < o->ntexts; i++)
        free(o->texts[i].text);
    free(o->texts);
    free(o->nodes);
    free(o);
}

/* ---- What may be there ---- */

static bool touches(const struct touched *t, int file)
{
    for (unsigned i = 0; i < t->n; i++)
        if (t->ino[i] == file)
            return true;
    return false;
}

/* What the return of operation k has promised. */
static void promise(const struct oracle *o, const struct workload *w, unsigned k, struct window *win)
{
    const struct op *op = &w->ops[k];

    for (unsigned before = w->first; before < w->nops; before++) {
        unsigned t = w->ops[before].thread;
        bool own = before == k && op->durable && o->file[k] >= 0;

        if (!own && (o->returns[before] == NEVER || o->returns[before] > o->begins[k]))
            continue;
        if (op->kind == OP_SYNC || op->kind == OP_WAIT || own || touches(&o->touched[before], o->file[k]))
            win->low[t] = MAX(win->low[t], o->ends[before]);
    }
}

void oracle_window(const struct oracle *o, const struct workload *w, size_t place, struct window *win)
{
    memset(win, 0, sizeof(*win));
    for (unsigned k = w->first; k < w->nops; k++) {
        const struct op *op = &w->ops[k];

        if (o->begins[k] >= place)
            continue;
        win->high[op->thread] = MAX(win->high[op->thread], o->ends[k]);
        bool late = op->kind == OP_WAIT && op->n[0] >= LATEST && !w->real_clock;
        bool syncs =
            late || op->kind == OP_SYNC || op->kind == OP_FSYNC || op->kind == OP_FDATASYNC || op->durable;
        if (syncs && o->returns[k] < place)
            promise(o, w, k, win);
    }
}

bool oracle_allows(const struct oracle *o, const struct window *win, uint64_t tree)
{
    for (size_t i = 0; i < o->n; i++) {
        bool fits = o->nodes[i].tree == tree;

        for (unsigned t = 0; t < MAX_THREADS && fits; t++)
            fits = o->nodes[i].steps[t] >= win->low[t] && o->nodes[i].steps[t] <= win->high[t];
        if (fits)
            return true;
    }
    return false;
}
