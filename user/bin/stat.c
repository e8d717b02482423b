/* stat [-L] [-c FORMAT] FILE ...: all about files; -L: what a symbolic link leads to; -c: only what FORMAT
 * names: %n name, %F kind, %s size, %b blocks of 512 bytes, %i inode, %h links, %a %A mode, %u %g owner and
 * group, %d file system, %X %Y %Z times of access, modification and change, in seconds. */
#include "user/lode.h"

static const char *kind(uint32_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return "regular file";
    case S_IFDIR:
        return "directory";
    case S_IFLNK:
        return "symbolic link";
    case S_IFCHR:
        return "character device";
    case S_IFIFO:
        return "pipe";
    default:
        return "unknown";
    }
}

static void print_time(const char *label, const struct abi_timespec *when)
{
    struct utc t = utc_from_seconds(when->sec);
    out_printf("%s: %04ld-%02d-%02d %02d:%02d:%02d.%09ld UTC\n", label, t.year, t.month, t.day, t.hour,
               t.minute, t.second, when->nsec);
}

static void print_all(const char *path, const struct abi_stat *st)
{
    char mode[11];
    mode_string(st->mode, mode);
    out_printf("  File: %s\n  Size: %-10ld Blocks: %-8ld %s\n", path, st->size, st->blocks, kind(st->mode));
    out_printf("Device: %-10lu Inode: %-9lu Links: %u\n", st->dev, st->ino, st->nlink);
    out_printf("  Mode: (%04o/%s)  Uid: %u  Gid: %u", st->mode & 07777, mode, st->uid, st->gid);
    if (S_ISCHR(st->mode))
        out_printf("  Type: %lu,%lu", DEV_MAJOR(st->rdev), DEV_MINOR(st->rdev));
    out_byte('\n');
    print_time("Access", &st->atime);
    print_time("Modify", &st->mtime);
    print_time("Change", &st->ctime);
}

static void print_item(char letter, const char *path, const struct abi_stat *st)
{
    char mode[11];
    switch (letter) {
    case 'n':
        return out_string(path);
    case 'F':
        return out_string(kind(st->mode));
    case 's':
        return out_printf("%ld", st->size);
    case 'b':
        return out_printf("%ld", st->blocks);
    case 'i':
        return out_printf("%lu", st->ino);
    case 'h':
        return out_printf("%u", st->nlink);
    case 'a':
        return out_printf("%o", st->mode & 07777);
    case 'A':
        mode_string(st->mode, mode);
        return out_string(mode);
    case 'u':
        return out_printf("%u", st->uid);
    case 'g':
        return out_printf("%u", st->gid);
    case 'd':
        return out_printf("%lu", st->dev);
    case 'X':
        return out_printf("%ld", st->atime.sec);
    case 'Y':
        return out_printf("%ld", st->mtime.sec);
    case 'Z':
        return out_printf("%ld", st->ctime.sec);
    default:
        return out_printf("%%%c", letter);
    }
}

int main(int argc, char **argv)
{
    static const char help[] = "stat [-L] [-c FORMAT] FILE ...";
    const char *format = NULL;
    bool follow = false;
    int status = 0;
    for (int c; (c = getopt(argc, argv, "Lc:")) != -1;) {
        if (c == '?')
            usage(help);
        if (c == 'c')
            format = optarg;
        follow |= c == 'L';
    }
    if (optind == argc)
        usage(help);
    for (; optind < argc; optind++) {
        struct abi_stat st;
        const char *path = argv[optind];
        if ((follow ? getstat(path, &st) : getlstat(path, &st)) < 0) {
            warn("%s", path);
            status = 1;
            continue;
        }
        if (!format) {
            print_all(path, &st);
            continue;
        }
        for (const char *f = format; *f; f++)
            if (*f == '%' && f[1])
                print_item(*++f, path, &st);
            else
                out_byte(*f);
        out_byte('\n');
    }
    out_flush();
    return status;
}
