/* The program on the disk of a recording: process 1 of a machine that does nothing but a workload's operations.
 *
 * It reads lines from the console, does what they say, and answers, so that who types them (record.py) knows
 * what has returned when. A line "LINE WORD ..." is an operation as in a workload, with the number of its line there; the
 * answer is "=LINE RESULT RESULT=". "tree" lists what is below the working directory, and ends with "=tree=". */
#include "user/lode.h"

#include "../bytes.h"

#define BUFFER (256 * 1024)
#define SLOTS  10
#define WORDS  6

static uint8_t buffer[BUFFER];
static int slots[SLOTS];
static long line;

static int number(const char *word)
{
    int n = 0;

    for (; *word; word++)
        n = n * 10 + *word - '0';
    return n;
}

static int octal(const char *word)
{
    int n = 0;

    for (; *word; word++)
        n = n * 8 + *word - '0';
    return n;
}

static long open_path(const char *path, int flags)
{
    return sys_openat(AT_FDCWD, (long)path, (long)(flags | O_NOFOLLOW), 0644L);
}

/* A descriptor for a path or an open file; a path's is to be closed. */
static long open_file(const char *name, int flags)
{
    if (name[0] == '@')
        return slots[name[1] - '0'] >= 0 ? slots[name[1] - '0'] : -EBADF;
    return open_path(name, flags);
}

static long close_file(const char *name, long fd, long result)
{
    if (fd >= 0 && name[0] != '@')
        sys_close(fd);
    return result;
}

/* n bytes at `offset`; -1: where the descriptor is, or at the end. */
static long put_bytes(long fd, long n, long offset)
{
    long done = 0, r;

    do {
        long part = n - done < BUFFER ? n - done : BUFFER;

        for (long i = 0; i < part; i++)
            buffer[i] = pattern((unsigned)line, (uint64_t)(done + i));
        r = offset < 0 ? sys_write(fd, (long)buffer, part)
                       : sys_pwrite64(fd, (long)buffer, part, offset + done);
        done += r > 0 ? r : 0;
    } while (r == BUFFER && done < n);
    return done ? done : r;
}

static long put_file(const char *name, long n, long offset, const char *sync)
{
    int flags = O_WRONLY | (offset < 0 ? O_APPEND : 0);
    struct abi_stat st;

    if (sync)
        flags |= strcmp(sync, "O_SYNC") == 0 ? O_SYNC : O_DSYNC;
    long fd = open_file(name, flags);
    if (fd < 0)
        return fd;
    if (offset < 0 && name[0] == '@') { /* that was not opened with O_APPEND */
        sys_fstat(fd, (long)&st);
        offset = st.size;
    }
    long r = put_bytes(fd, n, offset);
    if (r > 0 && sync && name[0] == '@') { /* nor with O_SYNC */
        long err = sys_fsync(fd);
        r = err ? err : r;
    }
    return close_file(name, fd, r);
}

static long open_slot(const char *slot, const char *path)
{
    int *fd = &slots[slot[1] - '0'];

    if (*fd >= 0)
        return -EBUSY;
    long r = open_path(path, O_RDWR);
    if (r == -EISDIR)
        r = open_path(path, O_RDONLY);
    if (r < 0)
        return r;
    *fd = (int)r;
    return 0;
}

static long close_slot(const char *slot)
{
    int *fd = &slots[slot[1] - '0'];
    long r = *fd >= 0 ? sys_close((long)*fd) : -EBADF;

    *fd = -1;
    return r;
}

/* What is done with a file that is opened first. */
static long use_file(const char *what, const char *name, char **words)
{
    bool cut = strcmp(what, "truncate") == 0;
    struct abi_timespec times[2] = {{.nsec = UTIME_OMIT}, {0}};
    long fd = open_file(name, cut ? O_WRONLY : O_RDONLY), r;

    if (fd < 0)
        return fd;
    if (cut)
        r = sys_ftruncate(fd, (long)number(words[0]));
    else if (strcmp(what, "chmod") == 0)
        r = sys_fchmod(fd, (long)octal(words[0]));
    else if (strcmp(what, "chown") == 0)
        r = sys_fchown(fd, (long)number(words[0]), (long)number(words[1]));
    else if (strcmp(what, "utime") == 0) {
        times[1].sec = number(words[0]);
        r = sys_utimensat(fd, 0L, (long)times, 0L);
    } else {
        r = strcmp(what, "fsync") == 0 ? sys_fsync(fd) : sys_fdatasync(fd);
    }
    return close_file(name, fd, r);
}

static void run(const char *what, char **words, long r[2])
{
    long a = (long)words[0], b = (long)words[1], fd;

    r[1] = 0;
    if (strcmp(what, "mkdir") == 0) {
        r[0] = sys_mkdirat(AT_FDCWD, a, 0755L);
    } else if (strcmp(what, "create") == 0) {
        fd = sys_openat(AT_FDCWD, a, (long)(O_CREAT | O_EXCL | O_RDWR), 0644L);
        r[0] = fd < 0 ? fd : sys_close(fd);
    } else if (strcmp(what, "rewrite") == 0) {
        fd = open_path(words[0], O_CREAT | O_TRUNC | O_WRONLY);
        r[0] = fd < 0 ? fd : 0;
        if (fd >= 0) {
            r[1] = put_bytes(fd, number(words[1]), -1);
            sys_close(fd);
        }
    } else if (strcmp(what, "write") == 0) {
        r[0] = put_file(words[0], number(words[2]), number(words[1]), words[3]);
    } else if (strcmp(what, "append") == 0) {
        r[0] = put_file(words[0], number(words[1]), -1, words[2]);
    } else if (strcmp(what, "link") == 0) {
        r[0] = sys_linkat(AT_FDCWD, a, (long)AT_FDCWD, b, 0L);
    } else if (strcmp(what, "symlink") == 0) {
        r[0] = sys_symlinkat(a, (long)AT_FDCWD, b);
    } else if (strcmp(what, "rename") == 0) {
        r[0] = sys_renameat2(AT_FDCWD, a, (long)AT_FDCWD, b, 0L);
    } else if (strcmp(what, "unlink") == 0 || strcmp(what, "rmdir") == 0) {
        r[0] = sys_unlinkat(AT_FDCWD, a, (long)(what[0] == 'r' ? AT_REMOVEDIR : 0));
    } else if (strcmp(what, "mkfifo") == 0) {
        r[0] = sys_mknodat(AT_FDCWD, a, (long)(S_IFIFO | 0644), 0L);
    } else if (strcmp(what, "open") == 0) {
        r[0] = open_slot(words[0], words[1]);
    } else if (strcmp(what, "close") == 0) {
        r[0] = close_slot(words[0]);
    } else if (strcmp(what, "sync") == 0) {
        r[0] = sys_sync(0);
    } else if (strcmp(what, "wait") == 0) {
        r[0] = pause(10 * number(words[0]));
    } else {
        r[0] = use_file(what, words[0], words + 1);
    }
}

/* ---- The tree ---- */

static uint64_t content_of(const char *path, const struct abi_stat *st)
{
    uint64_t sum = 0;
    long fd, n;

    if (S_ISLNK(st->mode)) {
        n = readlink(path, (char *)buffer, BUFFER);
        return n < 0 ? 0 : hash_bytes(buffer, (size_t)n);
    }
    fd = S_ISREG(st->mode) ? open_path(path, O_RDONLY) : -1;
    for (uint64_t i = 0; fd >= 0; i++) {
        memset(buffer, 0, PAGE_BYTES);
        n = sys_read(fd, (long)buffer, (long)PAGE_BYTES);
        if (n < 0)
            dprintf(1, "=%s: read gives %ld=\n", path, n);
        if (n <= 0)
            break;
        sum += page_hash(i, buffer);
    }
    if (fd >= 0)
        sys_close(fd);
    return sum;
}

/* A line for each, in no order: who reads it sorts. */
static void list(const char *path)
{
    char entries[2048], sub[300];
    struct abi_stat st;
    const char *name = *path ? path : ".";
    long r = sys_newfstatat(AT_FDCWD, (long)name, (long)&st, (long)AT_SYMLINK_NOFOLLOW), n;

    if (r) {
        dprintf(1, "=%s: stat gives %ld=\n", path, r);
        return;
    }
    dprintf(1, "=T %lu %u %u %u %u %lu %lu %ld %lu %s=\n", st.ino, st.mode, st.nlink, st.uid, st.gid, st.rdev,
            st.size, st.mtime.sec, content_of(name, &st), path);
    if (!S_ISDIR(st.mode))
        return;
    long fd = sys_openat(AT_FDCWD, (long)name, (long)(O_RDONLY | O_DIRECTORY), 0L);
    while ((n = sys_getdents64(fd, (long)entries, (long)sizeof(entries))) > 0)
        for (long at = 0; at < n;) {
            const struct abi_dirent64 *d = (const struct abi_dirent64 *)(entries + at);

            at += d->reclen;
            if (strcmp(d->name, ".") == 0 || strcmp(d->name, "..") == 0)
                continue;
            snprintf(sub, sizeof(sub), "%s%s%s", path, *path ? "/" : "", d->name);
            list(sub);
        }
    sys_close(fd);
}

int main(void)
{
    char text[400], *words[WORDS + 2];

    for (int fd = 0; fd < 3; fd++)
        open("/dev/console", O_RDWR);
    sys_umask(0);
    for (int i = 0; i < SLOTS; i++)
        slots[i] = -1;
    sys_mkdirat(AT_FDCWD, (long)"/w", 0755L);
    sys_chdir((long)"/w");
    printf("=ready=\n");
    while (*gets(text, sizeof(text))) {
        unsigned n = 0;
        long r[2];

        for (char *at = text; n < WORDS && *at;) {
            while (*at == ' ' || *at == '\n' || *at == '\r')
                *at++ = 0;
            if (*at)
                words[n++] = at;
            while (*at && *at != ' ' && *at != '\n' && *at != '\r')
                at++;
        }
        for (unsigned i = n; i < WORDS + 2; i++)
            words[i] = NULL;
        if (n == 1 && strcmp(words[0], "tree") == 0) {
            list("");
            printf("=tree=\n");
        } else if (n >= 2) {
            line = number(words[0]);
            run(words[1], words + 2, r);
            dprintf(1, "=%ld %ld %ld=\n", line, r[0], r[1]);
        }
    }
    return 0;
}
