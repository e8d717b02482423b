/* Calls and returns are known by how blocks end: a jump that keeps its return address in ra is a call, `ret` a return,
 * `sret` the end of a trap; a block at trap_entry is the beginning of one. A jump into another function is a call in
 * tail position. A trap may come between a jump and the block that it leads to, so what was about to be done is kept.
 * Frames lead to nodes of one tree, which is what is written out. With -icount, QEMU runs all harts in one thread:
 * nothing here needs a lock. */
#include "calls.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HARTS_MAX 64
#define DEPTH_MAX 256
#define NAME_MAX  32 /* PROC_NAME_MAX of kernel/proc/proc.h */

/* A function, or what counts as one, called along one path from the root. */
struct node {
    const char *name;
    struct node *parent, *child, *sibling, *next; /* next: in the order they were made */
    uint64_t self, calls;
    unsigned number;
};

struct frame {
    struct node *node;
    uint64_t back;
    bool interrupts;         /* a trap's, or the firmware's */
    struct jump interrupted; /* then, what the interrupted code was about to do */
};

/* A flow of control: a process, or a hart until it has left its first one. */
struct flow {
    struct flow *next;
    uint64_t process; /* its address; 0 as long as it is not known */
    struct node *root;
    unsigned depth;
    struct frame frames[DEPTH_MAX];
};

struct hart {
    struct flow *flow;
    struct flow *next; /* context_switch is about to go there, and is still part of `flow`; else NULL */
    enum place place;
    struct jump jump; /* how the last block ended */
};

const struct function *trap_entry, *proc_entry, *context_switch;
uint64_t name_offset, executed;
ptrdiff_t kernel_in_host;
bool counting;

static struct hart harts[HARTS_MAX];
static struct flow *flows[1024];
static struct node all = {.name = "all"}, *last_node = &all, *charged = &all;
static uint64_t charged_up_to;

void *allocate(size_t count, size_t size)
{
    void *p = calloc(count, size);
    if (!p) {
        fprintf(stderr, "profile: out of memory\n");
        exit(1);
    }
    return p;
}

/* ---- Nodes ---- */

static struct node *child_of(struct node *parent, const char *name)
{
    struct node *n;
    for (n = parent->child; n; n = n->sibling)
        if (n->name == name || strcmp(n->name, name) == 0)
            return n;
    n = allocate(1, sizeof(*n));
    n->name = strdup(name);
    n->parent = parent;
    n->sibling = parent->child;
    n->number = last_node->number + 1;
    parent->child = n;
    return last_node = last_node->next = n;
}

/* What has been executed since the last time belongs to `charged`; what comes now, to n. */
static void charge(struct node *n)
{
    if (counting)
        charged->self += executed - charged_up_to;
    charged_up_to = executed;
    charged = n;
}

/* ---- Flows ---- */

static struct flow *flow_of(uint64_t process)
{
    struct flow **bucket = &flows[(process >> 4) % (sizeof(flows) / sizeof(flows[0]))], *f;
    for (f = *bucket; f; f = f->next)
        if (f->process == process)
            return f;
    f = allocate(1, sizeof(*f));
    f->process = process;
    f->next = *bucket;
    return *bucket = f;
}

static void read_name(struct flow *f)
{
    char name[NAME_MAX] = "idle"; /* the first process of every hart */
    if (f->process && kernel_in_host)
        memcpy(name, (const char *)(f->process + name_offset + kernel_in_host), NAME_MAX - 1);
    name[NAME_MAX - 1] = 0;
    f->root = child_of(&all, name);
}

static struct node *top(struct flow *f)
{
    return f->depth ? f->frames[f->depth - 1].node : f->root;
}

static struct frame *push(struct flow *f, const char *name, uint64_t back)
{
    static struct frame too_deep;
    struct node *n = child_of(top(f), name);
    n->calls += counting;
    if (f->depth == DEPTH_MAX)
        return &too_deep; /* counted as part of the frame below */
    f->frames[f->depth] = (struct frame){.node = n, .back = back};
    return &f->frames[f->depth++];
}

/* Ends the innermost trap, or visit to the firmware; the code that it interrupted goes on as it was about to. */
static void pop_interruption(struct hart *h)
{
    struct flow *f = h->flow;
    h->jump.ending = FALLS_THROUGH;
    for (unsigned i = f->depth; i-- > 0;)
        if (f->frames[i].interrupts) {
            h->jump = f->frames[i].interrupted;
            f->depth = i;
            break;
        }
}

static void push_interruption(struct hart *h, const char *name)
{
    struct frame *frame = push(h->flow, name, 0);
    frame->interrupts = true;
    frame->interrupted = h->jump;
}

static void enter_kernel_block(struct hart *h, const struct block *b)
{
    struct flow *f = h->flow;
    const char *name = b->function ? b->function->name : "[elsewhere]";
    bool at_start = b->function && b->start == b->function->start;
    if (b->function == proc_entry && at_start) {
        f->depth = 0;
        read_name(f);
    }
    if (b->function == trap_entry && at_start) {
        push_interruption(h, name);
        return;
    }
    if (h->jump.ending == CALLS && at_start) {
        push(f, name, h->jump.back);
        return;
    }
    if (h->jump.ending == RETURNS)
        for (unsigned i = f->depth; i-- > 0 && !f->frames[i].interrupts;)
            if (f->frames[i].back == b->start) {
                f->depth = i;
                break;
            }
    if (f->depth && strcmp(top(f)->name, name) == 0)
        return;
    /* A call in tail position, or a flow that was not followed from its beginning. */
    struct frame *old = f->depth ? &f->frames[f->depth - 1] : NULL;
    if (old && !old->interrupts) {
        f->depth--;
        push(f, name, old->back);
    } else {
        push(f, name, 0);
    }
}

void calls_block_begins(unsigned hart, struct block *b)
{
    struct hart *h = &harts[hart % HARTS_MAX];
    if (!h->flow) {
        h->flow = allocate(1, sizeof(*h->flow));
        read_name(h->flow);
    }
    if (h->next && b->function != context_switch) {
        h->flow = h->next;
        h->next = NULL;
    }
    if (h->place == IN_FIRMWARE && b->place != IN_FIRMWARE)
        pop_interruption(h);
    if (h->jump.ending == ENDS_TRAP)
        pop_interruption(h);
    struct node *n;
    if (b->place == IN_KERNEL) {
        enter_kernel_block(h, b);
        n = top(h->flow);
    } else if (b->place == IN_PROGRAM) {
        if (h->place != IN_PROGRAM) {
            h->flow->depth = 0;
            read_name(h->flow); /* exec may have changed it */
        }
        n = child_of(h->flow->root, "[user]");
    } else {
        if (h->place != IN_FIRMWARE)
            push_interruption(h, "[firmware]");
        n = top(h->flow);
    }
    charge(n);
    h->place = b->place;
    h->jump = b->end;
}

void calls_leaves_process(unsigned hart, uint64_t process)
{
    struct hart *h = &harts[hart % HARTS_MAX];
    if (h->flow->process == 0) { /* the first time: now it is known which it is */
        free(h->flow);
        h->flow = flow_of(process);
        read_name(h->flow);
        push(h->flow, context_switch->name, 0);
    }
}

void calls_goes_to_process(unsigned hart, uint64_t process)
{
    struct hart *h = &harts[hart % HARTS_MAX];
    h->next = flow_of(process);
    if (!h->next->root)
        read_name(h->next);
}

void calls_count(bool on)
{
    charge(charged);
    counting = on;
}

void calls_write(FILE *out)
{
    for (struct node *n = &all; n; n = n->next)
        fprintf(out, "node %d %" PRIu64 " %" PRIu64 " %s\n", n->parent ? (int)n->parent->number : -1, n->self,
                n->calls, n->name);
}
