/* df [-h] [FILE ...]: space in the file systems that hold the files (the root without any), in KB; -h: in
 * units for people. */
#include "user/lode.h"

static bool human;

static void print_size(uint64_t bytes)
{
    char text[24];
    if (human)
        size_string(bytes, text);
    else
        snprintf(text, sizeof(text), "%lu", bytes / 1024);
    out_printf(" %10s", text);
}

static int report(const char *path)
{
    struct abi_statfs st;
    if (getstatfs(path, &st) < 0) {
        warn("%s", path);
        return 1;
    }
    uint64_t block = (uint64_t)st.bsize, used = st.blocks - st.bfree, usable = used + st.bavail;
    print_size(st.blocks * block);
    print_size(used * block);
    print_size(st.bavail * block);
    out_printf(" %3lu%% %s\n", usable ? (used * 100 + usable - 1) / usable : 0, path);
    return 0;
}

int main(int argc, char **argv)
{
    int status = 0;
    for (int c; (c = getopt(argc, argv, "hk")) != -1;) {
        if (c == '?')
            usage("df [-h] [FILE ...]");
        human = c == 'h';
    }
    out_printf(" %10s %10s %10s %4s File\n", human ? "Size" : "1K-blocks", "Used", "Available", "Use%");
    if (optind == argc)
        status = report("/");
    for (; optind < argc; optind++)
        status |= report(argv[optind]);
    out_flush();
    return status;
}
