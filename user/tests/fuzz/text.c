/* Programs as text: a call a line, its name and its arguments:
 *
 *   openat -0x64 path3 0x42 0x1b6
 *   read fd4 rw+0x1fff0 0x40
 *
 * A number is hexadecimal, fdN, pathN, edgeN, pidN and siblingN are slots and entries of tables, AREA+N and AREA-N
 * addresses, and the rest, such as iov3, are structures. Arguments that are left out are 0. */
#include "fuzz.h"

const char *const area_names[AREAS] = {"rw",   "gap",    "ro",   "none", "cow",   "shared",
                                       "file", "mapped", "play", "text", "stack", "heap"};
const char *const object_names[OBJECTS] = {"iov",  "times",  "action",  "sigset",
                                           "argv", "rlimit", "termios", "word"};
static const struct {
    const char *name;
    uint8_t kind;
} numbered[] = {{"fd", FD}, {"path", PATH}, {"edge", EDGE}, {"pid", PID}, {"sibling", SIBLING}};

static void print_number(int64_t value, bool sign)
{
    if (value < 0)
        printf("-0x%lx", -(uint64_t)value);
    else
        printf("%s0x%lx", sign ? "+" : "", value);
}

static void print_arg(const struct arg *a)
{
    switch ((enum kind)a->kind) {
    case NUMBER:
        print_number(a->value, false);
        return;
    case AREA:
        printf("%s", area_names[a->index]);
        print_number(a->value, true);
        return;
    case OBJECT:
        printf("%s%ld", object_names[a->index], a->value);
        return;
    default:
        for (unsigned i = 0; i < sizeof(numbered) / sizeof(numbered[0]); i++)
            if (numbered[i].kind == a->kind)
                printf("%s%d", numbered[i].name, a->index);
    }
}

void program_print(const struct program *p)
{
    printf("program\n");
    for (unsigned i = 0; i < p->n; i++) {
        const struct call *c = &p->call[i];
        printf("%s", calls[c->which].name);
        for (unsigned k = 0; k < strlen(calls[c->which].kinds); k++) {
            printf(" ");
            print_arg(&c->arg[k]);
        }
        printf("\n");
    }
}

static bool parse_value(const char *s, int64_t *value)
{
    bool negative = *s == '-';
    char *end;

    if (negative || *s == '+')
        s++;
    uint64_t n = strtoul(s, &end, 16);
    *value = negative ? -n : n;
    return end > s && !*end;
}

static const char *after(const char *s, const char *name)
{
    size_t n = strlen(name);

    return strncmp(s, name, n) ? NULL : s + n;
}

static bool parse_index(const char *s, unsigned limit, int64_t *value)
{
    return s && isdigit(*s) && parse_number(s, value) && *value >= 0 && *value < limit;
}

static bool parse_arg(const char *s, struct arg *a)
{
    const unsigned limits[] = {
        [FD] = SLOTS, [PATH] = paths_count, [EDGE] = paths_count, [PID] = PID_SLOTS, [SIBLING] = MAX_WORKERS};
    const char *rest;
    int64_t value;

    for (unsigned i = 0; i < sizeof(numbered) / sizeof(numbered[0]); i++)
        if (parse_index(after(s, numbered[i].name), limits[numbered[i].kind], &value)) {
            *a = (struct arg){numbered[i].kind, value, 0};
            return true;
        }
    for (unsigned i = 0; i < AREAS; i++)
        if ((rest = after(s, area_names[i])) && (*rest == '+' || *rest == '-')) {
            *a = (struct arg){AREA, i, 0};
            return parse_value(rest, &a->value);
        }
    for (unsigned i = 0; i < OBJECTS; i++)
        if (parse_index(after(s, object_names[i]), VARIANTS, &value)) {
            *a = (struct arg){OBJECT, i, value};
            return true;
        }
    *a = (struct arg){NUMBER, 0, 0};
    return parse_value(s, &a->value);
}

/* The next word of a line; NULL at the end. */
static char *next_word(char **at)
{
    char *word = *at;

    while (isspace(*word))
        word++;
    for (*at = word; **at && !isspace(**at);)
        ++*at;
    if (**at)
        *(*at)++ = 0;
    return *word ? word : NULL;
}

bool call_parse(char *line, struct call *c)
{
    char *word = next_word(&line);

    *c = (struct call){.which = calls_count};
    for (unsigned i = 0; i < calls_count && word; i++)
        if (!strcmp(calls[i].name, word))
            c->which = i;
    if (c->which == calls_count)
        return false;
    for (unsigned k = 0; (word = next_word(&line)); k++)
        if (k == ARGS || !parse_arg(word, &c->arg[k]))
            return false;
    return true;
}
