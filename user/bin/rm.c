/* rm [-fr] FILE ...: removes files; -r: directories with all that is in them; -f: what is not there is fine.
 */
#include "user/lode.h"

static bool force, recursive;

static int remove_path(const char *path);

/* Some names, then again from the start: where an open directory goes on after entries were taken out of it
 * is for the file system to choose. Ends when a round has removed nothing. */
static int empty_directory(const char *path)
{
    struct dir *d = xmalloc(sizeof(*d));
    int removed, failed;
    do {
        struct abi_dirent64 *record;
        removed = failed = 0;
        if (dir_open(d, path) < 0) {
            warn("%s", path);
            failed = 1;
            break;
        }
        while ((record = dir_next(d)))
            if (!dir_is_dot(record->name)) {
                char *full = path_join(path, record->name);
                if (remove_path(full))
                    failed = 1;
                else
                    removed = 1;
                free(full);
            }
        dir_close(d);
    } while (removed && !failed);
    free(d);
    return failed;
}

static int remove_path(const char *path)
{
    struct abi_stat st;
    if (getlstat(path, &st) < 0) {
        if (force && (errno == ENOENT || errno == ENOTDIR))
            return 0;
        warn("%s", path);
        return 1;
    }
    if (S_ISDIR(st.mode) && !recursive) {
        errno = EISDIR;
    } else if (S_ISDIR(st.mode)) {
        if (empty_directory(path))
            return 1;
        if (rmdir(path) == 0)
            return 0;
    } else if (unlink_file(path) == 0) {
        return 0;
    }
    warn("%s", path);
    return 1;
}

int main(int argc, char **argv)
{
    int status = 0;
    for (int c; (c = getopt(argc, argv, "frR")) != -1;) {
        if (c == '?')
            usage("rm [-fr] FILE ...");
        force |= c == 'f';
        recursive |= c != 'f';
    }
    if (optind == argc && !force)
        usage("rm [-fr] FILE ...");
    for (; optind < argc; optind++) {
        if (dir_is_dot(path_base(argv[optind]))) {
            warnx("%s: refusing to remove \".\" or \"..\"", argv[optind]);
            status = 1;
        } else {
            status |= remove_path(argv[optind]);
        }
    }
    return status;
}
