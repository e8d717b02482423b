/* ln [-fs] TARGET ... [LINK]: gives files a further name; -s: by symbolic links; -f: instead of what has the
 * name. */
#include "user/lode.h"

int main(int argc, char **argv)
{
    static const char help[] = "ln [-fs] TARGET ... [LINK]";
    bool force = false, symbolic = false;
    int status = 0;
    struct abi_stat st;
    for (int c; (c = getopt(argc, argv, "fs")) != -1;) {
        if (c == '?')
            usage(help);
        force |= c == 'f';
        symbolic |= c == 's';
    }
    int count = argc - optind;
    if (count == 0)
        usage(help);
    const char *dest = count > 1 ? argv[optind + --count] : ".";
    if (count > 1 && (getstat(dest, &st) < 0 || !S_ISDIR(st.mode)))
        diex("%s: %s", dest, strerror(ENOTDIR));
    for (int i = optind; i < optind + count; i++) {
        char *name = path_into(dest, argv[i]);
        if (force && unlink_file(name) < 0 && errno != ENOENT) {
            warn("%s", name);
            status = 1;
        } else if ((symbolic ? symlink(argv[i], name) : link(argv[i], name)) < 0) {
            warn("%s", name);
            status = 1;
        }
        free(name);
    }
    return status;
}
