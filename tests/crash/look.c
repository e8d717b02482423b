/* A look at one image: fsck before it is mounted, the mount with its recovery, the tree, some use, fsck afterwards. In a
 * child, since kernel/fs mounts once, and may fail in any way. */
#include "crash.h"

#undef RENAME_NOREPLACE /* the same values, but abi/fcntl.h has them, too */
#undef RENAME_EXCHANGE
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/fsformat.h"
#include "fs/fs.h"
#include "fs/inode.h"
#include "fs/namei.h"

#define HANG 60 /* seconds */

struct look { /* shared with the child */
    bool done;
    char tree[1 << 18];
    char fault[1 << 14];
};
static struct look *look;
static int messages = -1; /* a file for the child's standard error and output */

static void fault(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void fault(const char *format, ...)
{
    size_t used = strlen(look->fault);
    va_list args;

    va_start(args, format);
    vsnprintf(look->fault + used, sizeof(look->fault) - used, format, args);
    va_end(args);
}

/* Can the file system still be used, and does it keep its promises? A file comes and goes; marks in the log say when it has
 * to be there: as the calls 0, which ends with a sync, and 1. */
static void use(const char *top)
{
    struct inode *root = fs_root(), *ip;
    char path[400];
    static char byte = 'x';
    struct uio u = {.addr = (uintptr_t)&byte, .left = 1, .kernel = true};

    snprintf(path, sizeof(path), "%s/" PROBE, top);
    harness_log_mark(0);
    int r = namei_open(root, path, O_CREAT | O_EXCL | O_RDWR, S_IFREG | 0600, &ip);
    if (r == -EEXIST) { /* this was cut in such a use */
        snprintf(path, sizeof(path), "%s/" PROBE "-again", top);
        r = namei_open(root, path, O_CREAT | O_EXCL | O_RDWR, S_IFREG | 0600, &ip);
    }
    if (r == 0) {
        uint64_t at = 5000;
        ssize_t n = inode_write(ip, &u, &at);
        if (n != 1 && n != -ENOSPC)
            fault("a write after the recovery returns %zd; ", n);
        inode_put(ip);
        if (fs_sync() != 0)
            fault("a sync after the recovery fails; ");
        harness_log_mark(1);
        harness_log_mark(2);
        r = namei_unlink(root, path, false);
        if (fs_sync() != 0)
            fault("a second sync after the recovery fails; ");
        harness_log_mark(3);
    }
    if (r && r != -ENOSPC)
        fault("a new file after the recovery gives error %d; ", r);
    inode_put(root);
}

/* The child's part: mount, tree, use, shutdown. */
static int mount_and_use(void *arg)
{
    const struct job *job = arg;
    struct text tree = {0};

    dup2(messages, 1);
    dup2(messages, 2);
    alarm(HANG);
    harness_set_pages(job->pages);
    harness_poison(false);
    if (job->record) {
        harness_disk_deferred(true);
        harness_log_start();
    }
    int r = fs_mount();
    if (r != 0) {
        fault("it does not mount (error %d): %s", r, harness_messages());
        return 0;
    }
    kernel_tree(job->top, &tree);
    if (tree.used >= sizeof(look->tree))
        fault("its tree is too large to be looked at; ");
    else
        memcpy(look->tree, tree.s, tree.used + 1);
    use(job->top);
    fs_shutdown();
    if (job->record) {
        harness_idle();
        harness_log_stop();
    }
    if (strstr(harness_messages(), "lode fs"))
        fault("the kernel says: %s", strstr(harness_messages(), "lode fs"));
    look->done = true;
    return 0;
}

/* Checks the image on the disk, in a copy; adds its tree to t. */
static void check_image(const char *when, const char *top, struct text *t, unsigned *orphans)
{
    static uint8_t *copy;
    static size_t size;
    struct text faults = {0};

    if (size != disk_blocks() * FS_BLOCK_SIZE) {
        size = disk_blocks() * FS_BLOCK_SIZE;
        copy = realloc(copy, size);
    }
    memcpy(copy, harness_disk_block(0), size);
    unsigned errors = fsck_memory(copy, disk_blocks(), top, t, &faults, orphans);
    if (errors)
        fault("%s, fsck finds %u errors:\n%s", when, errors, faults.s);
    free(faults.s);
}

static void compare(const char *what, const char *a, const char *than, const char *b)
{
    if (strcmp(a, b) != 0)
        fault("%s differs from %s. The one:\n%sthe other:\n%s", what, than, a, b);
}

/* What the child has said. */
static void add_messages(void)
{
    char text[4000];
    ssize_t n = pread(messages, text, sizeof(text) - 1, 0);

    text[MAX(n, 0)] = '\0';
    fault("\n%s", text);
}

bool look_at_image(const struct job *job, uint64_t *tree, const char **found)
{
    struct text before = {0}, after = {0};
    unsigned orphans;

    if (!look) {
        look = harness_shared(sizeof(*look));
        messages = memfd_create("messages", 0);
    }
    look->done = false;
    look->fault[0] = look->tree[0] = '\0';
    if (lseek(messages, 0, SEEK_SET) > 0 && ftruncate(messages, 0) != 0)
        abort();
    text_add(&before, "%s", "");
    text_add(&after, "%s", "");
    check_image("before the mount", job->top, &before, &orphans);
    int r = harness_child(mount_and_use, (void *)job);
    if (r < 0) {
        fault(r == -14 ? "the kernel hangs: it is not done after a minute"
                       : "the kernel ended with signal %d",
              -r);
        add_messages();
    } else if (look->done) {
        compare("the tree that fsck sees", before.s, "the kernel's", look->tree);
        check_image("after mount and shutdown", job->top, &after, &orphans);
        compare("the tree after mount and shutdown", after.s, "the one before", look->tree);
        if (orphans)
            fault("%u orphans are left after the mount; ", orphans);
    }
    free(before.s);
    free(after.s);
    bool good = !look->fault[0];
    *tree = hash_name(look->tree);
    *found = good ? look->tree : look->fault;
    return good;
}
