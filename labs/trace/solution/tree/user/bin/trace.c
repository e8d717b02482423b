/* trace: runs a command and shows its system calls, on descriptor 2.
 *
 *     trace MASK COMMAND [ARGUMENT...]
 *
 * MASK is "all", or names and numbers of system calls with commas between them. */
#include "user/lode.h"

static const struct {
    long number;
    const char *name;
} calls[] = {
#define SYSCALL(number, name, kinds) {number, #name},
#include "abi/syscalls.h"
#undef SYSCALL
};
#define COUNT (sizeof(calls) / sizeof(calls[0]))

static uint64_t mask[8];

static void add(long number)
{
    mask[number / 64] |= 1ul << number % 64;
}

/* One name or number. */
static void add_item(const char *item)
{
    int64_t number = -1;
    bool is_number = parse_number(item, &number);

    for (unsigned i = 0; i < COUNT; i++) {
        if (is_number ? calls[i].number == number : strcmp(calls[i].name, item) == 0) {
            add(calls[i].number);
            return;
        }
    }
    warnx("%s: no such system call", item);
    exit(2);
}

static void parse(char *list)
{
    if (strcmp(list, "all") == 0) {
        for (unsigned i = 0; i < COUNT; i++)
            add(calls[i].number);
        return;
    }
    for (char *comma; (comma = strchr(list, ',')) != NULL; list = comma + 1) {
        *comma = '\0';
        add_item(list);
    }
    add_item(list);
}

int main(int argc, char **argv)
{
    if (argc < 3)
        usage("trace MASK COMMAND [ARGUMENT...]");
    parse(argv[1]);
    if (sys_trace((long)mask, (long)sizeof(mask)) < 0)
        diex("the mask was refused");
    execvp(argv[2], argv + 2);
    int error = errno;
    warn("%s", argv[2]);
    return error == ENOENT ? 127 : 126;
}
