/* Variables, functions, and the shell's memory.
 *
 * Variables are in a hash table of chains; names are few, so its size is fixed. `local x` puts x's present
 * value on a stack; the function call that began at a mark of that stack restores all above the mark. */
#include "sh.h"

/* ---- memory ---- */

#define CHUNK_SIZE 4096

struct chunk {
    struct chunk *below;
    size_t used, size;
    char data[] __attribute__((aligned(16)));
};

struct arena scratch;

char *xstrdup(const char *s)
{
    size_t size = strlen(s) + 1;
    return memcpy(xrealloc(NULL, size), s, size);
}

void *arena_alloc(struct arena *a, size_t size)
{
    size = (size + 15) & ~(size_t)15;
    if (!a->top || a->top->size - a->top->used < size) {
        size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
        struct chunk *c = xrealloc(NULL, sizeof(*c) + room);
        c->below = a->top;
        c->used = 0;
        c->size = room;
        a->top = c;
    }
    void *p = a->top->data + a->top->used;
    a->top->used += size;
    return memset(p, 0, size);
}

char *arena_dup(struct arena *a, const char *s, size_t len)
{
    return memcpy(arena_alloc(a, len + 1), s, len);
}

struct arena_mark arena_mark(struct arena *a)
{
    return (struct arena_mark){a->top, a->top ? a->top->used : 0};
}

void arena_release(struct arena *a, struct arena_mark mark)
{
    while (a->top != mark.top) {
        struct chunk *c = a->top;
        a->top = c->below;
        free(c);
    }
    if (a->top)
        a->top->used = mark.used;
}

void buf_append(struct buf *b, const char *s, size_t len)
{
    if (b->cap - b->len <= len) { /* room for a NUL remains */
        b->cap = (b->len + len + 64) * 2;
        b->s = xrealloc(b->s, b->cap);
    }
    memcpy(b->s + b->len, s, len);
    b->len += len;
}

void buf_add(struct buf *b, char c)
{
    if (b->cap - b->len > 1)
        b->s[b->len++] = c;
    else
        buf_append(b, &c, 1);
}

void buf_puts(struct buf *b, const char *s)
{
    buf_append(b, s, strlen(s));
}

void buf_number(struct buf *b, long n)
{
    char digits[24], *p = digits + sizeof(digits);
    unsigned long u = n < 0 ? -(unsigned long)n : (unsigned long)n;
    do
        *--p = '0' + u % 10;
    while (u /= 10);
    if (n < 0)
        *--p = '-';
    buf_append(b, p, digits + sizeof(digits) - p);
}

char *buf_text(struct buf *b)
{
    buf_append(b, "", 0);
    b->s[b->len] = '\0';
    return b->s;
}

void buf_free(struct buf *b)
{
    free(b->s);
    *b = (struct buf){0};
}

/* ---- variables ---- */

#define NBUCKETS 64

static struct var *buckets[NBUCKETS];

size_t name_length(const char *s)
{
    size_t n = 0;
    while (s[n] == '_' || isalpha((unsigned char)s[n]) || (n > 0 && isdigit((unsigned char)s[n])))
        n++;
    return n;
}

static struct var **bucket(const char *name)
{
    unsigned h = 0;
    for (const char *s = name; *s; s++)
        h = h * 31 + (unsigned char)*s;
    return &buckets[h % NBUCKETS];
}

struct var *var_find(const char *name, bool create)
{
    struct var **head = bucket(name);
    for (struct var *v = *head; v; v = v->next)
        if (strcmp(v->name, name) == 0)
            return v;
    if (!create)
        return NULL;
    struct var *v = xrealloc(NULL, sizeof(*v) + strlen(name) + 1);
    *v = (struct var){.next = *head};
    strcpy(v->name, name);
    return *head = v;
}

const char *var_get(const char *name)
{
    struct var *v = var_find(name, false);
    return v ? v->value : NULL;
}

bool var_set(const char *name, const char *value)
{
    struct var *v = var_find(name, true);
    if (v->readonly) {
        shell_error("%s: is read only", name);
        return false;
    }
    char *copy = xstrdup(value); /* before the free: value may be part of the old one */
    free(v->value);
    v->value = copy;
    return true;
}

void var_unset(const char *name)
{
    struct var *v = var_find(name, false);
    if (!v)
        return;
    if (v->readonly) {
        shell_error("%s: is read only", name);
        return;
    }
    free(v->value);
    v->value = NULL;
    v->exported = false;
}

void var_import(char **env)
{
    for (; env && *env; env++) {
        size_t n = name_length(*env);
        if (n == 0 || (*env)[n] != '=')
            continue;
        char *name = arena_dup(&scratch, *env, n);
        var_set(name, *env + n + 1);
        var_find(name, true)->exported = true;
    }
}

void var_each(void (*visit)(struct var *v))
{
    for (int i = 0; i < NBUCKETS; i++)
        for (struct var *v = buckets[i]; v; v = v->next)
            visit(v);
}

char **var_environment(void)
{
    size_t count = 0;
    for (int i = 0; i < NBUCKETS; i++)
        for (struct var *v = buckets[i]; v; v = v->next)
            count += v->exported && v->value;
    char **env = arena_alloc(&scratch, (count + 1) * sizeof(*env)), **e = env;
    for (int i = 0; i < NBUCKETS; i++) {
        for (struct var *v = buckets[i]; v; v = v->next) {
            if (!v->exported || !v->value)
                continue;
            size_t n = strlen(v->name), m = strlen(v->value);
            char *s = arena_alloc(&scratch, n + m + 2);
            memcpy(s, v->name, n);
            s[n] = '=';
            memcpy(s + n + 1, v->value, m);
            *e++ = s;
        }
    }
    return env;
}

/* ---- functions ---- */

static struct function *functions;

struct function *function_find(const char *name)
{
    for (struct function *f = functions; f; f = f->next)
        if (f->body && strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

void function_define(const char *name, struct node *body)
{
    struct function *f = functions;
    while (f && strcmp(f->name, name) != 0)
        f = f->next;
    if (!f) {
        f = xrealloc(NULL, sizeof(*f) + strlen(name) + 1);
        f->next = functions;
        strcpy(f->name, name);
        functions = f;
    }
    f->body = body;
}

/* ---- values that come back ---- */

struct local {
    char *name, *value;
    bool exported;
};

static struct local *locals;
static size_t nlocals;

void locals_add(const char *name)
{
    struct var *v = var_find(name, false);
    locals = xrealloc(locals, (nlocals + 1) * sizeof(*locals));
    locals[nlocals++] = (struct local){
        .name = xstrdup(name),
        .value = v && v->value ? xstrdup(v->value) : NULL,
        .exported = v && v->exported,
    };
}

size_t locals_mark(void)
{
    return nlocals;
}

void locals_restore(size_t mark)
{
    while (nlocals > mark) {
        struct local *l = &locals[--nlocals];
        struct var *v = var_find(l->name, true);
        if (v->readonly) { /* made so inside: it stays as it is */
            free(l->value);
        } else {
            free(v->value);
            v->value = l->value;
            v->exported = l->exported;
        }
        free(l->name);
    }
}
