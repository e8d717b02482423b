/* Circular doubly linked lists with the links inside the elements. A list head is a struct list that is
 * linked to itself when empty; so is an element that is on no list, once list_init or list_remove has
 * seen it. All operations take constant time. */
#pragma once
#include "lib/types.h"

struct list {
    struct list *next, *prev;
};

#define LIST_INIT(name) {&(name), &(name)}

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

static inline void list_push_front(struct list *head, struct list *e)
{
    e->prev = head;
    e->next = head->next;
    head->next->prev = e;
    head->next = e;
}

/* Behind the last element: a list is a ring, and any of its links can stand for the head. */
static inline void list_push_back(struct list *head, struct list *e)
{
    list_push_front(head->prev, e);
}

/* Takes e off its list, if it is on one. */
static inline void list_remove(struct list *e)
{
    e->prev->next = e->next;
    e->next->prev = e->prev;
    list_init(e);
}

/* Moves all elements of `from` to the end of `to`. */
static inline void list_splice_back(struct list *to, struct list *from)
{
    if (list_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

#define list_entry(ptr, type, member) container_of(ptr, type, member)
#define list_first(head, type, member) list_entry((head)->next, type, member)

#define list_for_each_entry(var, head, member)                                                     \
    for (var = list_first(head, __typeof__(*var), member); &var->member != (head);                 \
         var = list_first(&var->member, __typeof__(*var), member))

/* The same, and var may be taken off the list, or freed, in the body. */
#define list_for_each_entry_safe(var, tmp, head, member)                                           \
    for (var = list_first(head, __typeof__(*var), member),                                         \
        tmp = list_first(&var->member, __typeof__(*var), member);                                  \
         &var->member != (head); var = tmp, tmp = list_first(&tmp->member, __typeof__(*var), member))
