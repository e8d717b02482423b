/* mkdir [-p] [-m MODE] DIRECTORY ...: makes directories; -p: their parents too, and those that exist are
 * fine; -m: with this (octal) mode, whatever the umask is. */
#include "user/lode.h"

static int make(const char *path, bool existing_is_fine)
{
    struct abi_stat st;
    if (mkdir(path) == 0 ||
        (existing_is_fine && errno == EEXIST && getstat(path, &st) == 0 && S_ISDIR(st.mode)))
        return 0;
    warn("%s", path);
    return 1;
}

static int make_with_parents(char *path)
{
    for (char *p = path + 1; *p; p++)
        if (*p == '/' && p[1] != '/' && p[1]) {
            *p = 0;
            if (make(path, true))
                return 1;
            *p = '/';
        }
    return make(path, true);
}

int main(int argc, char **argv)
{
    static const char help[] = "mkdir [-p] [-m MODE] DIRECTORY ...";
    bool parents = false, has_mode = false;
    uint32_t mode = 0;
    int failed = 0;
    for (int c; (c = getopt(argc, argv, "pm:")) != -1;) {
        if (c == 'p') {
            parents = true;
        } else if (c == 'm') {
            char *end;
            mode = (uint32_t)strtoul(optarg, &end, 8);
            has_mode = true;
            if (*end || end == optarg || mode > 07777)
                diex("%s: bad mode", optarg);
        } else {
            usage(help);
        }
    }
    if (optind == argc)
        usage(help);
    for (; optind < argc; optind++) {
        char *path = argv[optind];
        int bad = parents ? make_with_parents(path) : make(path, false);
        if (!bad && has_mode && chmod(path, mode) < 0) {
            warn("%s", path);
            bad = 1;
        }
        failed |= bad;
    }
    return failed;
}
