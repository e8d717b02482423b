/* mv [-fn] SOURCE ... DESTINATION: renames a file, or moves files into a directory; -n: overwrites nothing.
 */
#include "user/lode.h"

int main(int argc, char **argv)
{
    bool keep = false;
    int status = 0;
    struct abi_stat st;
    for (int c; (c = getopt(argc, argv, "fn")) != -1;) {
        if (c == '?')
            usage("mv [-fn] SOURCE ... DESTINATION");
        keep = c == 'n';
    }
    if (argc - optind < 2)
        usage("mv [-fn] SOURCE ... DESTINATION");
    const char *dest = argv[argc - 1];
    if (argc - optind > 2 && (getstat(dest, &st) < 0 || !S_ISDIR(st.mode)))
        diex("%s: %s", dest, strerror(ENOTDIR));
    for (; optind < argc - 1; optind++) {
        char *target = path_into(dest, argv[optind]);
        if (keep && getlstat(target, &st) == 0)
            continue;
        if (rename(argv[optind], target) < 0) {
            warn("%s to %s", argv[optind], target);
            status = 1;
        }
        free(target);
    }
    return status;
}
