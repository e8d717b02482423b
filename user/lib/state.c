/* Counting what there is of everything: /proc/lode and the disk. */
#include "lib.h"
#include "user/state.h"

static char text[16384]; /* of files in /proc */

char *state_read_proc(const char *path)
{
    int fd = open(path, O_RDONLY);
    int64_t n, length = 0;

    if (fd < 0)
        return NULL;
    while ((n = read_bytes(fd, text + length, sizeof(text) - 1 - length)) > 0)
        length += n;
    close(fd);
    text[length] = 0;
    return n < 0 ? NULL : text;
}

static bool is_counted(const char *name)
{
    static const char *const others[] = {"inodes", "slab_inode", "slab_buf", "instructions"};

    for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (!strcmp(name, others[i]))
            return false;
    return strncmp(name, "pages_", 6) != 0;
}

static long value_of(const struct state *s, const char *name)
{
    for (unsigned i = 0; i < s->n; i++)
        if (!strcmp(s->lines[i].name, name))
            return s->lines[i].value;
    return 0; /* a slab has no line before its first object */
}

static void add_line(struct state *s, const char *name, long value)
{
    if (s->n == sizeof(s->lines) / sizeof(s->lines[0]))
        diex("too many lines in /proc/lode");
    strlcpy(s->lines[s->n].name, name, sizeof(s->lines[0].name));
    s->lines[s->n++].value = value;
}

/* Page tables, and memory of processes and pipes: everything but free pages, the slabs' (whose objects are
 * counted), kernel stacks and the kernel's tables (kept for the next process), and the page cache. */
static long page_use(const struct state *s)
{
    return value_of(s, "pages_total") - value_of(s, "pages_free") - value_of(s, "pages_slab") -
           value_of(s, "pages_kvm") - value_of(s, "slab_buf");
}

/* With a directory's inode, the kernel keeps an index of it. The directories that stay after a test get
 * theirs now, so that it makes no difference whether the test has used them. (The last one: the directory of the disk
 * below /proc.) */
static void make_indexes(void)
{
    static const char *const names[] = {"/x",     "/bin/x",   "/dev/x",      "/etc/x",
                                        "/tmp/x", "/tests/x", "/tests/sh/x", "/proc/../x"};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        access(names[i], F_OK);
}

bool state_read(struct state *s)
{
    struct abi_statfs fs;

    make_indexes();
    s->n = 0;
    if (!state_read_proc("/proc/lode") || getstatfs("/", &fs) < 0)
        return false;
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        char *space = strchr(line, ' ');
        if (!space || space > end)
            diex("/proc/lode: a line without a number");
        *space = 0;
        add_line(s, line, strtol(space + 1, NULL, 10));
    }
    add_line(s, "pages", page_use(s));
    add_line(s, "disk_blocks", fs.blocks - fs.bfree);
    add_line(s, "disk_inodes", fs.files - fs.ffree);
    return true;
}

bool state_leaked(const struct state *before)
{
    struct state after = {.n = 0};
    const struct abi_timespec nap = {.nsec = 20000000};
    bool more = true;

    for (int try = 0; more && try < 50; try++) {
        if (try > 0)
            nanosleep(&nap, NULL);
        more = !state_read(&after);
        for (unsigned i = 0; i < after.n && !more; i++)
            more = is_counted(after.lines[i].name) &&
                   after.lines[i].value > value_of(before, after.lines[i].name);
    }
    for (unsigned i = 0; more && i < after.n; i++) {
        long was = value_of(before, after.lines[i].name);
        if (is_counted(after.lines[i].name) && after.lines[i].value > was)
            printf("# left behind: %s: expected %ld as before, found %ld\n", after.lines[i].name, was,
                   after.lines[i].value);
    }
    if (more && after.n == 0)
        printf("# /proc/lode cannot be read: %s\n", strerror(errno));
    return more;
}

/* One read: each checks anew. */
bool state_is_sound(void)
{
    int fd = open("/proc/check", O_RDONLY);

    if (fd < 0)
        return true;
    int n = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[n < 0 ? 0 : n] = 0;
    if (n > 0 && !strcmp(text, "ok\n"))
        return true;
    if (n < 0)
        printf("# /proc/check: %s\n", strerror(errno));
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1)
        printf("# kernel: %.*s\n", (int)(end - line), line);
    return false;
}
