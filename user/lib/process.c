/* The processes of the system, read from /proc. */
#include "lib.h"

/* "PID (NAME) STATE PPID PGRP ...": the fields after the name are counted from 3, as proc(5) does. */
static bool parse(const char *text, struct process *p)
{
    const char *name = strchr(text, '('), *end = strrchr(text, ')');
    if (!name || !end || end < name || end[1] != ' ')
        return false;
    size_t n = (size_t)(end - name - 1);
    strlcpy(p->name, name + 1, n + 1 < sizeof(p->name) ? n + 1 : sizeof(p->name));
    p->pid = atoi(text);
    p->state = end[2];
    char *at = (char *)end + 3;
    for (int field = 4; field <= 24; field++) {
        uint64_t value = strtoul(at, &at, 10);
        switch (field) {
        case 4:
            p->parent = (int)value;
            break;
        case 5:
            p->group = (int)value;
            break;
        case 14:
            p->user_time = value;
            break;
        case 15:
            p->kernel_time = value;
            break;
        case 23:
            p->size = value;
            break;
        case 24:
            p->resident = value;
            break;
        }
    }
    return true;
}

size_t process_list(struct process **list)
{
    size_t count = 0;
    struct abi_dirent64 *record;
    struct dir d;
    *list = NULL;
    if (dir_open(&d, "/proc") < 0)
        die("/proc");
    while ((record = dir_next(&d))) {
        char path[32];
        if (!isdigit(record->name[0]))
            continue;
        snprintf(path, sizeof(path), "/proc/%d/stat", atoi(record->name));
        char *text = read_file(path);
        if (!text) /* gone since */
            continue;
        if ((count & (count - 1)) == 0) /* full: room for a power of two */
            *list = xrealloc(*list, (count ? 2 * count : 1) * sizeof(**list));
        count += parse(text, *list + count);
        free(text);
    }
    dir_close(&d);
    return count;
}

void process_command(const struct process *p, char *text, size_t size)
{
    char path[32];
    snprintf(path, sizeof(path), "/proc/%d/cmdline", p->pid);
    int fd = open(path, O_RDONLY);
    int64_t n = fd < 0 ? 0 : read_bytes(fd, text, size - 1);
    if (fd >= 0)
        close(fd);
    if (n <= 0) {
        snprintf(text, size, "[%s]", p->name);
        return;
    }
    for (text[n] = 0; n > 0 && !text[n - 1];)
        n--;
    for (int64_t i = 0; i < n; i++)
        if (!isprint(text[i])) /* each argument ends with a NUL */
            text[i] = text[i] ? '?' : ' ';
}
