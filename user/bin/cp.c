/* cp [-fpr] SOURCE ... DESTINATION: copies files; -r: directories with all that is in them, symbolic links as
 * such; -p: keeps mode and times; -f: removes a destination that cannot be opened. */
#include "user/lode.h"

static bool force, preserve, recursive;

static int failure(const char *path)
{
    warn("%s", path);
    return 1;
}

static int keep_attributes(const char *to, const struct abi_stat *st)
{
    struct abi_timespec times[2] = {st->atime, st->mtime};
    if (preserve && (chmod(to, st->mode & 07777) < 0 || utimens(to, times) < 0))
        return failure(to);
    return 0;
}

static int copy_bytes(int in, const char *from, int out, const char *to)
{
    static char buf[16384];
    int64_t n;
    while ((n = read_bytes(in, buf, sizeof(buf))) > 0)
        if (write_all(out, buf, (size_t)n) < 0)
            return failure(to);
    return n < 0 ? failure(from) : 0;
}

static int copy_file(const char *from, const char *to, const struct abi_stat *st)
{
    const int flags = O_WRONLY | O_CREAT | O_TRUNC;
    int in = open(from, O_RDONLY);
    if (in < 0)
        return failure(from);
    int out = open_mode(to, flags, st->mode & 0777);
    if (out < 0 && force && unlink_file(to) == 0)
        out = open_mode(to, flags, st->mode & 0777);
    int failed = out < 0 ? failure(to) : copy_bytes(in, from, out, to);
    close(in);
    if (out >= 0)
        close(out);
    return failed ? 1 : keep_attributes(to, st);
}

static int copy_link(const char *from, const char *to)
{
    char target[PATH_MAX];
    int64_t n = readlink(from, target, sizeof(target) - 1);
    if (n < 0)
        return failure(from);
    target[n] = 0;
    if (force)
        unlink_file(to);
    return symlink(target, to) < 0 ? failure(to) : 0;
}

static int copy(const char *from, const char *to);

/* `skip` is the inode of the copy of the topmost directory: copied into itself, it would have no end. */
static uint64_t skip;

static int copy_directory(const char *from, const char *to, const struct abi_stat *st)
{
    struct dir *d = xmalloc(sizeof(*d));
    struct abi_dirent64 *record;
    struct abi_stat copied;
    int failed = 0;
    if ((mkdir_mode(to, (st->mode & 0777) | 0700) < 0 && errno != EEXIST) || getstat(to, &copied) < 0)
        return failure(to);
    if (!skip)
        skip = copied.ino;
    if (dir_open(d, from) < 0)
        return failure(from);
    while ((record = dir_next(d)))
        if (!dir_is_dot(record->name) && record->ino != skip) {
            char *inner_from = path_join(from, record->name), *inner_to = path_join(to, record->name);
            failed |= copy(inner_from, inner_to);
            free(inner_from);
            free(inner_to);
        }
    if (errno)
        failed |= failure(from);
    dir_close(d);
    free(d);
    return failed | keep_attributes(to, st);
}

static int copy(const char *from, const char *to)
{
    struct abi_stat st, other;
    if ((recursive ? getlstat(from, &st) : getstat(from, &st)) < 0)
        return failure(from);
    if (getstat(to, &other) == 0 && other.ino == st.ino && other.dev == st.dev) {
        warnx("%s and %s are the same file", from, to);
        return 1;
    }
    if (S_ISDIR(st.mode)) {
        if (recursive)
            return copy_directory(from, to, &st);
        errno = EISDIR;
        return failure(from);
    }
    return S_ISLNK(st.mode) ? copy_link(from, to) : copy_file(from, to, &st);
}

int main(int argc, char **argv)
{
    static const char help[] = "cp [-fpr] SOURCE ... DESTINATION";
    struct abi_stat st;
    int status = 0;
    for (int c; (c = getopt(argc, argv, "fprR")) != -1;) {
        if (c == '?')
            usage(help);
        force |= c == 'f';
        preserve |= c == 'p';
        recursive |= c == 'r' || c == 'R';
    }
    if (argc - optind < 2)
        usage(help);
    const char *dest = argv[argc - 1];
    if (argc - optind > 2 && (getstat(dest, &st) < 0 || !S_ISDIR(st.mode)))
        diex("%s: %s", dest, strerror(ENOTDIR));
    for (; optind < argc - 1; optind++) {
        char *to = path_into(dest, argv[optind]);
        skip = 0;
        status |= copy(argv[optind], to);
        free(to);
    }
    return status;
}
