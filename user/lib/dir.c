/* Directories, and where a file goes in one. */
#include "lib.h"

int dir_open(struct dir *d, const char *path)
{
    d->pos = d->len = 0;
    d->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return d->fd < 0 ? -1 : 0;
}

struct abi_dirent64 *dir_next(struct dir *d)
{
    if (d->pos == d->len) {
        long n = sys_getdents64(d->fd, (long)d->buf, (long)sizeof(d->buf));
        errno = n < 0 ? (int)-n : 0;
        d->pos = 0;
        d->len = n < 0 ? 0 : (int)n;
        if (n <= 0)
            return NULL;
    }
    struct abi_dirent64 *record = (struct abi_dirent64 *)(d->buf + d->pos);
    d->pos += record->reclen;
    return record;
}

void dir_close(struct dir *d)
{
    close(d->fd);
}

bool dir_is_dot(const char *name)
{
    return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

char *path_into(const char *dest, const char *source)
{
    struct abi_stat st;
    if (getstat(dest, &st) < 0 || !S_ISDIR(st.mode))
        return path_join("", dest);
    char *name = path_join("", source);
    for (size_t n = strlen(name); n > 1 && name[n - 1] == '/'; n--)
        name[n - 1] = 0;
    char *path = path_join(dest, path_base(name));
    free(name);
    return path;
}
