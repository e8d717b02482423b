/* Tracing of system calls: see systrace.h.
 *
 * The arguments are put into words before the call: afterwards memory may have changed, and execve leaves
 * none of it. The line is written in one piece when the result is known, to what the process has as
 * descriptor 2 by then. */
#include "trap/systrace.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "fs/file.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/usercopy.h"
#include "proc/proc.h"

#define STRING_SHOWN 32  /* bytes of a string */
#define MASK_BYTES   64u /* the largest mask that sys_trace takes */
#define LINE_MAX     256 /* more than the longest line has, see show_string */

static const struct {
    const char *name, *kinds;
} calls[] = {
#define SYSCALL(number, name, kinds) [number] = {#name, kinds},
#include "abi/syscalls.h"
#undef SYSCALL
};
_Static_assert(ARRAY_SIZE(calls) <= 64 * SYSTRACE_WORDS, "a bit for each system call");

struct line {
    char text[LINE_MAX];
    size_t length;
};

/* Formats of printk at the line's end. */
#define ADD(l, ...) ((l)->length += snprintf((l)->text + (l)->length, LINE_MAX - (l)->length, __VA_ARGS__))

/* At most STRING_SHOWN + 5 characters: two strings, four numbers and the rest stay far below LINE_MAX. */
static void show_string(struct line *l, uptr_t addr)
{
    char s[STRING_SHOWN + 1];
    ssize_t n = copyinstr(s, addr, sizeof(s));

    if (n < 0 && n != -ENAMETOOLONG) {
        ADD(l, "0x%lx", addr);
        return;
    }
    size_t shown = n < 0 ? STRING_SHOWN : (size_t)n;
    for (size_t i = 0; i < shown; i++)
        s[i] = s[i] < ' ' || s[i] > '~' ? '.' : s[i];
    ADD(l, "\"%.*s\"%s", (int)shown, s, n < 0 ? "..." : "");
}

static void show_argument(struct line *l, char kind, uint64_t value)
{
    switch (kind) {
    case 's':
        show_string(l, value);
        break;
    case 'p':
    case 'a':
        ADD(l, "0x%lx", value);
        break;
    case 'x':
        ADD(l, "0x%x", (uint32_t)value);
        break;
    case 'o': {
        uint32_t mode = (uint32_t)value;
        char digits[12], *first = &digits[sizeof(digits) - 1];
        *first = '\0';
        for (; mode; mode /= 8)
            *--first = (char)('0' + mode % 8);
        *--first = '0';
        ADD(l, "%s", first);
        break;
    }
    case 'u':
        ADD(l, "%u", (uint32_t)value);
        break;
    case 'n':
        ADD(l, "%lu", value);
        break;
    case 'l':
        ADD(l, "%ld", (int64_t)value);
        break;
    default: /* d, i */
        ADD(l, "%d", (int32_t)value);
        break;
    }
}

/* Without descriptor 2, or where it cannot be written to, the line is lost. */
static void write_line(const struct line *l)
{
    struct file *f = fd_file(2);

    if (!f)
        return;
    struct uio u = {.addr = (uintptr_t)l->text, .left = l->length, .kernel = true};
    if (f->flags & O_ACCMODE && f->ops->write)
        f->ops->write(f, &u, NULL);
    file_put(f);
}

int64_t systrace_call(syscall_fn *handler, uint64_t number, const uint64_t arg[6])
{
    struct line l = {.length = 0};
    const char *kinds = calls[number].kinds;

    ADD(&l, "%d: %s(", current()->pid, calls[number].name);
    for (unsigned i = 0; kinds[i]; i++) {
        if (i > 0)
            ADD(&l, ", ");
        show_argument(&l, kinds[i], arg[i]);
    }
    if (handler == sys_exit || handler == sys_exit_group) {
        ADD(&l, ") -> ?\n");
        write_line(&l);
    }
    int64_t result = handler(arg);
    ADD(&l, ") -> %ld\n", result);
    write_line(&l);
    return result;
}

int64_t sys_trace(const uint64_t arg[6])
{
    uint64_t mask[MASK_BYTES / sizeof(uint64_t)] = {0};

    if (arg[1] > MASK_BYTES || arg[1] % sizeof(uint64_t))
        return -EINVAL;
    int err = arg[1] ? copyin(mask, arg[0], arg[1]) : 0;
    if (!err)
        memcpy(current()->traced, mask, sizeof(current()->traced));
    return err;
}
