/* What C has besides malloc and free. */
#include "lib.h"

void *calloc(size_t count, size_t n)
{
    if (n && count > SIZE_MAX / n)
        return NULL;
    void *p = malloc(count * n);
    return p ? memset(p, 0, count * n) : NULL;
}

void *realloc(void *p, size_t n)
{
    if (p && n <= lib_malloc_size(p))
        return p;
    void *new = malloc(n);
    if (new &&p) {
        memcpy(new, p, lib_malloc_size(p));
        free(p);
    }
    return new;
}

static void *need(void *p)
{
    if (!p)
        diex("%s", strerror(ENOMEM));
    return p;
}

void *xmalloc(size_t n)
{
    return need(malloc(n));
}

void *xrealloc(void *p, size_t n)
{
    return need(realloc(p, n));
}

char *strdup(const char *s)
{
    char *copy = malloc(strlen(s) + 1ul);
    return copy ? strcpy(copy, s) : NULL;
}
