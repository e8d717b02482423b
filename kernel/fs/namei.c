/* Paths and the operations on names (namei.h).
 *
 * A walk holds references, and one directory's lock at a time, for the look into it. Operations walk first,
 * then open a handle, lock the directory, look again (things may have changed in between), do everything that
 * can fail, and only then change anything. References are put after the handle is closed, for the last one
 * may have to free a file.
 *
 * Locks of several inodes: a directory before a file that it names. Two directories are locked only by rename
 * and rmdir, under rename_mutex. So only one process ever holds one directory while it waits for another,
 * and they cannot wait for each other, whatever shape a damaged disk gives the tree. */
#include "fs/namei.h"
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/limits.h"
#include "fs/diskfs.h"
#include "fs/fs.h"
#include "fs/journal.h"
#include "lib/string.h"
#include "mm/slab.h"

#define WALK_PARENT 0x100u /* stop before the last name is looked up */
#define WALK_CREATE 0x200u /* the last name need not exist */

#define NAME_CREDITS 24 /* the most is a rename into a directory that grows by a level of its map */
#define DEPTH_MAX    65536

static struct mutex rename_mutex = MUTEX_INIT("rename");

/* Where a path leads. */
struct walk {
    struct inode *dir;   /* the directory of the last name, referenced */
    const char *name;    /* the last name, in the caller's path or in buffer */
    size_t len;          /* 0: the path is the root */
    bool slash;          /* slashes follow */
    struct inode *inode; /* what it names, referenced; NULL with the flags above */
    char *buffer;        /* the path with symbolic links expanded */
};

static void walk_end(struct walk *w)
{
    inode_put(w->dir);
    inode_put(w->inode);
    kfree(w->buffer);
}

static bool is_name(const char *name, size_t len, const char *what)
{
    return len == strlen(what) && memcmp(name, what, len) == 0;
}

/* What `name` means in dir, without regard to what covers it. */
static int look(struct inode *dir, const char *name, size_t len, struct inode **result)
{
    inode_lock(dir);
    int r = dir->ops->lookup(dir, name, len, result);
    inode_unlock(dir);
    return r;
}

static int step(struct inode *dir, const char *name, size_t len, struct inode **result)
{
    if (!S_ISDIR(dir->mode))
        return -ENOTDIR;
    if (len == 1 && name[0] == '.') {
        inode_get(dir);
        *result = dir;
        return 0;
    }
    if (unlikely(dir->covered) && is_name(name, len, ".."))
        dir = dir->covered;
    int r = look(dir, name, len, result);
    if (r == 0 && unlikely((*result)->mounted)) {
        struct inode *covered = *result;
        *result = covered->mounted;
        inode_get(*result);
        inode_put(covered);
    }
    return r;
}

/* Goes on with the link's target, followed by the rest of the path. */
static int expand(struct walk *w, struct inode *link, const char **path)
{
    size_t rest = strlen(*path) + 1;
    char *buffer = kmalloc(PATH_MAX + rest);
    if (!buffer)
        return -ENOMEM;
    inode_lock(link);
    ssize_t n = link->ops->readlink(link, buffer, PATH_MAX - 1);
    inode_unlock(link);
    if (n <= 0) {
        kfree(buffer);
        return n < 0 ? (int)n : -ENOENT;
    }
    memcpy(buffer + n, *path, rest);
    kfree(w->buffer);
    *path = w->buffer = buffer;
    if (buffer[0] == '/') {
        inode_put(w->dir);
        w->dir = fs_root();
    }
    return 0;
}

static int walk_names(struct walk *w, const char *path, unsigned flags)
{
    for (unsigned links = 0;;) {
        while (*path == '/')
            path++;
        w->name = path;
        while (*path && *path != '/')
            path++;
        w->len = (size_t)(path - w->name);
        if (w->len == 0) {
            w->inode = w->dir;
            inode_get(w->inode);
            return 0;
        }
        const char *rest = path;
        while (*rest == '/')
            rest++;
        bool last = *rest == '\0';
        w->slash = last && *path == '/';
        if (last && (flags & WALK_PARENT))
            return !S_ISDIR(w->dir->mode) ? -ENOTDIR : w->len > NAME_MAX ? -ENAMETOOLONG : 0;

        struct inode *next;
        int r = w->len > NAME_MAX ? -ENAMETOOLONG : step(w->dir, w->name, w->len, &next);
        if (r)
            return r == -ENOENT && last && (flags & WALK_CREATE) ? 0 : r;
        if (S_ISLNK(next->mode) && (!last || w->slash || !(flags & NAMEI_NOFOLLOW))) {
            r = links++ == SYMLOOP_MAX ? -ELOOP : expand(w, next, &path);
            inode_put(next);
            if (r)
                return r;
            continue;
        }
        if (last) {
            w->inode = next;
            return (w->slash || (flags & NAMEI_DIRECTORY)) && !S_ISDIR(next->mode) ? -ENOTDIR : 0;
        }
        inode_put(w->dir);
        w->dir = next;
    }
}

/* After success the caller ends the walk. */
static int walk(struct inode *dir, const char *path, unsigned flags, struct walk *w)
{
    *w = (struct walk){.dir = dir};
    if (!*path)
        return -ENOENT;
    if (*path == '/')
        w->dir = fs_root();
    else
        inode_get(dir);
    int r = walk_names(w, path, flags);
    if (r)
        walk_end(w);
    return r;
}

int namei(struct inode *dir, const char *path, unsigned flags, struct inode **result)
{
    struct walk w;
    int r = walk(dir, path, flags, &w);
    if (r)
        return r;
    *result = w.inode;
    w.inode = NULL;
    walk_end(&w);
    return 0;
}

ssize_t namei_readlink(struct inode *dir, const char *path, char *buf, size_t size)
{
    struct inode *ip;
    ssize_t r = namei(dir, path, NAMEI_NOFOLLOW, &ip);
    if (r)
        return r;
    r = -EINVAL;
    if (S_ISLNK(ip->mode)) {
        inode_lock(ip);
        r = ip->ops->readlink(ip, buf, size);
        inode_unlock(ip);
    }
    inode_put(ip);
    return r;
}

/* ---- Making names ---- */

/* What a new name shall stand for. */
struct new_file {
    uint32_t mode, rdev;
    const char *target; /* of a symbolic link, else NULL */
    struct inode *link; /* hard link: the file, which is there already; else NULL */
};

/* A free place for a new name; in a handle, dir locked. */
static int new_name(struct inode *dir, const struct walk *w, struct dir_place *p)
{
    if (dir->nlink == 0)
        return -ENOENT;
    int r = dir_find(dir, w->name, w->len, p);
    if (r == 0) {
        dir_put_place(p);
        return -EEXIST;
    }
    return r == -ENOENT ? dir_prepare(dir, p) : r;
}

/* The content that a directory or a symbolic link is born with. */
static int first_page(struct inode *ip, struct inode *dir, const char *target)
{
    struct buf *b;
    if (!S_ISDIR(ip->mode) && !target)
        return 0;
    int r = file_new_page(ip, 0, &b);
    if (r)
        return r;
    struct fs_dirent *e = b->data;
    if (target) {
        ip->size = strlen(target);
        memcpy(b->data, target, ip->size);
    } else {
        ip->size = FS_BLOCK_SIZE;
        e[0] = (struct fs_dirent){.ino = ip->ino, .type = DT_DIR, .name = "."};
        e[1] = (struct fs_dirent){.ino = dir->ino, .type = DT_DIR, .name = ".."};
    }
    cache_put(b);
    return 0;
}

/* The inode for the name, referenced and locked. After an error *ip may be one to put, without links. */
static int inode_for_name(const struct new_file *n, struct inode *dir, struct inode **ip)
{
    int r = 0;
    *ip = n->link;
    if (n->link) {
        inode_get(*ip);
        inode_lock(*ip);
        r = (*ip)->nlink == 0 ? -ENOENT : (*ip)->nlink >= LINK_MAX ? -EMLINK : 0;
    } else {
        r = inode_create(n->mode, n->rdev, ip);
        if (r)
            return r;
        r = first_page(*ip, dir, n->target);
        if (r)
            inode_add_links(*ip, 0);
    }
    if (r)
        inode_unlock(*ip);
    return r;
}

static int try_make(struct walk *w, const struct new_file *n, struct inode **result)
{
    struct inode *dir = w->dir, *ip = NULL;
    struct dir_place p;
    bool is_dir = S_ISDIR(n->mode);
    int r = journal_begin(NAME_CREDITS);
    if (r)
        return r;
    inode_lock(dir);
    r = is_dir && dir->nlink >= LINK_MAX ? -EMLINK : new_name(dir, w, &p);
    if (r == 0) {
        r = inode_for_name(n, dir, &ip);
        if (r == 0) {
            dir_set(dir, &p, w->name, w->len, ip->ino, ip->mode);
            inode_add_links(ip, 1 + is_dir);
            if (is_dir)
                inode_add_links(dir, 1);
            inode_unlock(ip);
        }
        dir_put_place(&p);
    }
    inode_end(dir, NAME_CREDITS);
    if (r)
        inode_put(ip);
    *result = ip;
    return r;
}

static int make(struct walk *w, const struct new_file *n, struct inode **result)
{
    bool tried = false;
    int r;
    if (w->dir->dev != 1)
        return -EROFS;
    do {
        r = try_make(w, n, result);
    } while (r && journal_retry(r, &tried));
    return r;
}

/* Makes something that may not be there yet. */
static int make_new(struct inode *dir, const char *path, const struct new_file *n)
{
    struct walk w;
    struct inode *ip;
    int r = walk(dir, path, NAMEI_NOFOLLOW | WALK_CREATE, &w);
    if (r)
        return r;
    if (w.inode)
        r = -EEXIST;
    else if (w.slash && !S_ISDIR(n->mode))
        r = -ENOENT;
    else if (n->link && n->link->dev != w.dir->dev)
        r = -EXDEV;
    else if (n->link && S_ISDIR(n->mode))
        r = -EPERM;
    else
        r = make(&w, n, &ip);
    if (r == 0)
        inode_put(ip);
    walk_end(&w);
    return r;
}

int namei_mknod(struct inode *dir, const char *path, uint32_t mode, uint32_t rdev)
{
    struct new_file n = {.mode = mode & (S_IFMT | 07777), .rdev = S_ISCHR(mode) ? rdev : 0};
    if (!S_ISREG(mode) && !S_ISCHR(mode) && !S_ISFIFO(mode))
        return -EINVAL;
    return make_new(dir, path, &n);
}

int namei_mkdir(struct inode *dir, const char *path, uint32_t mode)
{
    struct new_file n = {.mode = S_IFDIR | (mode & 07777)};
    return make_new(dir, path, &n);
}

int namei_symlink(struct inode *dir, const char *path, const char *target)
{
    struct new_file n = {.mode = S_IFLNK | 0777, .target = target};
    if (!*target)
        return -ENOENT;
    return strlen(target) >= PATH_MAX ? -ENAMETOOLONG : make_new(dir, path, &n);
}

int namei_link(struct inode *from_dir, const char *from, struct inode *to_dir, const char *to, bool follow)
{
    struct new_file n = {0};
    int r = namei(from_dir, from, follow ? 0 : NAMEI_NOFOLLOW, &n.link);
    if (r)
        return r;
    n.mode = n.link->mode;
    r = make_new(to_dir, to, &n);
    inode_put(n.link);
    return r;
}

/* May the file be opened so? */
static int check_open(const struct inode *ip, int flags)
{
    bool write = (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC);
    if ((flags & O_CREAT) && (flags & O_EXCL))
        return -EEXIST;
    if (S_ISDIR(ip->mode) && (write || (flags & O_CREAT)))
        return -EISDIR;
    if (S_ISLNK(ip->mode) && !(flags & O_PATH))
        return -ELOOP;
    if (write && __atomic_load_n(&ip->denywrite, __ATOMIC_ACQUIRE) > 0)
        return -ETXTBSY;
    return 0;
}

int namei_open(struct inode *dir, const char *path, int flags, uint32_t mode, struct inode **result)
{
    if (flags & O_PATH)
        flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW;
    bool create = flags & O_CREAT, exclusive = create && (flags & O_EXCL);
    if (create && (flags & O_DIRECTORY))
        return -EINVAL;
    if (create && *path && path[strlen(path) - 1] == '/')
        return -EISDIR;
    unsigned how = (create ? WALK_CREATE : 0) | (exclusive || (flags & O_NOFOLLOW) ? NAMEI_NOFOLLOW : 0) |
                   (flags & O_DIRECTORY ? NAMEI_DIRECTORY : 0);
    struct new_file n = {.mode = mode & (S_IFMT | 07777)};
    struct walk w;
    struct inode *ip;
    int r;
    do {
        r = walk(dir, path, how, &w);
        if (r)
            return r;
        ip = w.inode;
        w.inode = NULL;
        if (!ip)
            r = w.slash ? -EISDIR : make(&w, &n, result);
        walk_end(&w);
    } while (r == -EEXIST && !exclusive); /* somebody else has made it meanwhile */
    if (!ip)
        return r;
    r = check_open(ip, flags);
    if (r == 0 && (flags & O_TRUNC) && S_ISREG(ip->mode) && ip->dev == 1)
        r = inode_truncate(ip, 0);
    if (r)
        inode_put(ip);
    else
        *result = ip;
    return r;
}

/* ---- Removing and renaming ---- */

/* The name goes, and with it a link of ip, and a directory's ".." link to dir. All is locked. */
static void drop_links(struct inode *dir, struct inode *ip)
{
    bool is_dir = S_ISDIR(ip->mode);
    inode_add_links(ip, is_dir ? -(int)MIN(ip->nlink, LINK_MAX) : -1);
    if (is_dir && dir->nlink > 2) /* else the disk's count was wrong: no live directory becomes an orphan */
        inode_add_links(dir, -1);
}

static int check_unlink(struct inode *dir, struct inode *ip, const struct walk *w, bool remove_dir)
{
    if (ip == dir)
        return -EIO;
    if (S_ISDIR(ip->mode) ? !remove_dir : remove_dir || w->slash)
        return S_ISDIR(ip->mode) ? -EISDIR : -ENOTDIR;
    return ip->mounted ? -EBUSY : 0;
}

static int try_unlink(struct walk *w, bool remove_dir)
{
    struct inode *dir = w->dir, *ip = NULL;
    struct dir_place p;
    int r = journal_begin(NAME_CREDITS);
    if (r)
        return r;
    inode_lock(dir);
    r = dir->nlink == 0 ? -ENOENT : dir_find(dir, w->name, w->len, &p);
    if (r == 0) {
        r = inode_find(p.entry->ino, false, &ip);
        if (r == 0)
            r = check_unlink(dir, ip, w, remove_dir);
        if (r == 0) {
            inode_lock(ip);
            r = remove_dir ? dir_check_empty(ip) : 0;
            if (r == 0) {
                dir_set(dir, &p, NULL, 0, 0, 0);
                drop_links(dir, ip);
            }
            inode_unlock(ip);
        }
        dir_put_place(&p);
    }
    inode_end(dir, NAME_CREDITS);
    inode_put(ip);
    return r;
}

int namei_unlink(struct inode *start, const char *path, bool remove_dir)
{
    struct walk w;
    bool tried = false;
    int r = walk(start, path, WALK_PARENT, &w);
    if (r)
        return r;
    if (w.len == 0)
        r = remove_dir ? -EBUSY : -EISDIR;
    else if (is_name(w.name, w.len, ".") || is_name(w.name, w.len, ".."))
        r = !remove_dir ? -EISDIR : w.len == 1 ? -EINVAL : -ENOTEMPTY;
    else if (w.dir->dev != 1)
        r = -EROFS;
    if (r == 0) {
        if (remove_dir)
            mutex_lock(&rename_mutex);
        do {
            r = try_unlink(&w, remove_dir);
        } while (r && journal_retry(r, &tried));
        if (remove_dir)
            mutex_unlock(&rename_mutex);
    }
    walk_end(&w);
    return r;
}

/* Is dir the directory `top`, or somewhere below it? 1, 0, -E. rename_mutex is held, so the answer stays
 * true. */
static int is_below(struct inode *dir, struct inode *top)
{
    int r = 0;
    inode_get(dir);
    for (unsigned depth = 0; dir != top && dir->ino != FS_ROOT_INO; depth++) {
        struct inode *up;
        r = depth == DEPTH_MAX ? -ELOOP : look(dir, "..", 2, &up);
        if (r)
            break;
        inode_put(dir);
        dir = up;
    }
    if (r == 0)
        r = dir == top;
    inode_put(dir);
    return r;
}

struct rename {
    struct walk from, to;                        /* the directories and the names in them */
    struct inode *source, *target;               /* what they name, referenced; target NULL: nothing */
    struct dir_place source_place, target_place; /* their entries */
    struct dir_place up;                         /* the source's "..", where that changes */
};

/* What can be said before anything is locked. */
static int check_rename(struct rename *n, unsigned flags)
{
    struct inode *s = n->source, *t = n->target;
    bool s_dir = S_ISDIR(s->mode), t_dir = t && S_ISDIR(t->mode);
    int below;
    if ((flags & RENAME_NOREPLACE) && t)
        return -EEXIST;
    if (!s_dir && (n->from.slash || n->to.slash))
        return -ENOTDIR;
    if (s->mounted || (t && t->mounted))
        return -EBUSY;
    if (t && s_dir != t_dir)
        return t_dir ? -EISDIR : -ENOTDIR;
    if (s_dir && (below = is_below(n->to.dir, s)) != 0)
        return below < 0 ? below : -EINVAL;
    if (t_dir && (below = is_below(n->from.dir, t)) != 0)
        return below < 0 ? below : -ENOTEMPTY;
    return s == n->from.dir || t == n->to.dir ? -EIO : 0; /* a directory in itself: a damaged disk */
}

/* Finds the places again, now that all is locked. -EAGAIN: the names mean something else by now. */
static int find_places(struct rename *n)
{
    struct inode *from = n->from.dir, *to = n->to.dir, *s = n->source, *t = n->target;
    if (from->nlink == 0)
        return -ENOENT;
    int r = dir_find(from, n->from.name, n->from.len, &n->source_place);
    if (r == 0 && n->source_place.entry->ino != s->ino)
        r = -EAGAIN;
    if (r)
        return r;
    if (t) {
        r = dir_find(to, n->to.name, n->to.len, &n->target_place);
        if (r == -ENOENT || (r == 0 && n->target_place.entry->ino != t->ino))
            r = -EAGAIN;
    } else {
        r = new_name(to, &n->to, &n->target_place);
        if (r == -EEXIST)
            r = -EAGAIN;
    }
    if (r == 0 && t && S_ISDIR(t->mode))
        r = dir_check_empty(t);
    if (r == 0 && from != to && S_ISDIR(s->mode))
        r = !t && to->nlink >= LINK_MAX ? -EMLINK : dir_parent(s, &n->up);
    return r;
}

static void apply_rename(struct rename *n)
{
    struct inode *from = n->from.dir, *to = n->to.dir;
    dir_set(to, &n->target_place, n->to.name, n->to.len, n->source->ino, n->source->mode);
    dir_set(from, &n->source_place, NULL, 0, 0, 0);
    if (n->up.buf) { /* a directory has moved: it is a link to its parent */
        dir_set(n->source, &n->up, "..", 2, to->ino, S_IFDIR);
        inode_add_links(to, 1);
        if (from->nlink > 2)
            inode_add_links(from, -1);
    }
    inode_update(n->source, false);
    if (n->target)
        drop_links(to, n->target);
}

/* Source and target are known: one transaction. */
static int do_rename(struct rename *n)
{
    struct inode *locked[] = {n->to.dir, n->from.dir != n->to.dir ? n->from.dir : NULL, n->source, n->target};
    int r = journal_begin(NAME_CREDITS);
    if (r)
        return r;
    for (unsigned i = 0; i < ARRAY_SIZE(locked); i++)
        if (locked[i])
            inode_lock(locked[i]);
    r = find_places(n);
    if (r == 0)
        apply_rename(n);
    dir_put_place(&n->source_place);
    dir_put_place(&n->target_place);
    dir_put_place(&n->up);
    for (unsigned i = 0; i < ARRAY_SIZE(locked); i++)
        if (locked[i])
            inode_unlock(locked[i]);
    journal_end(NAME_CREDITS);
    return r;
}

static int try_rename(struct rename *n, unsigned flags)
{
    int r = look(n->from.dir, n->from.name, n->from.len, &n->source);
    if (r)
        return r;
    r = look(n->to.dir, n->to.name, n->to.len, &n->target);
    if (r == -ENOENT) {
        n->target = NULL;
        r = 0;
    }
    if (r == 0)
        r = check_rename(n, flags);
    if (r == 0 && n->source != n->target) /* two names of one file: nothing happens, says POSIX */
        r = do_rename(n);
    inode_put(n->source);
    inode_put(n->target);
    return r;
}

static bool can_rename(const struct walk *w)
{
    return w->len > 0 && !is_name(w->name, w->len, ".") && !is_name(w->name, w->len, "..");
}

int namei_rename(struct inode *from_dir, const char *from, struct inode *to_dir, const char *to,
                 unsigned flags)
{
    struct rename n = {0};
    bool tried = false;
    if (flags & ~RENAME_NOREPLACE)
        return -EINVAL;
    int r = walk(from_dir, from, WALK_PARENT, &n.from);
    if (r)
        return r;
    r = walk(to_dir, to, WALK_PARENT, &n.to);
    if (r) {
        walk_end(&n.from);
        return r;
    }
    if (n.from.dir->dev != n.to.dir->dev)
        r = -EXDEV;
    else if (!can_rename(&n.from) || !can_rename(&n.to))
        r = -EBUSY;
    else if (n.from.dir->dev != 1)
        r = -EROFS;
    if (r == 0) {
        mutex_lock(&rename_mutex);
        do {
            r = try_rename(&n, flags);
        } while (r == -EAGAIN || (r && journal_retry(r, &tried)));
        mutex_unlock(&rename_mutex);
    }
    walk_end(&n.from);
    walk_end(&n.to);
    return r;
}

/* ---- The way back: from a directory to its path ---- */

struct find_name {
    ino_t ino;
    size_t len; /* 0: not found */
    char name[NAME_MAX];
};

static bool find_name(void *arg, ino_t ino, uint8_t type, const char *name, size_t len, uint64_t next)
{
    struct find_name *f = arg;
    (void)type, (void)next;
    if (ino != f->ino || is_name(name, len, ".") || is_name(name, len, ".."))
        return true;
    f->len = len;
    memcpy(f->name, name, len);
    return false;
}

int namei_path(struct inode *dir, char *buf, size_t size)
{
    int r = size < 2 ? -ERANGE : 0;
    size_t at = size - 1; /* built from the end */
    inode_get(dir);
    while (r == 0 && (dir->dev != 1 || dir->ino != FS_ROOT_INO)) {
        struct inode *up, *self = dir->covered ? dir->covered : dir;
        struct find_name f = {.ino = self->ino};
        uint64_t offset = 0;
        r = look(self, "..", 2, &up);
        if (r)
            break;
        inode_lock(up);
        r = up->ops->readdir(up, &offset, find_name, &f);
        inode_unlock(up);
        inode_put(dir);
        dir = up;
        if (r == 0)
            r = f.len == 0 ? -ENOENT : f.len + 1 > at ? -ERANGE : 0;
        if (r == 0) {
            at -= f.len + 1;
            buf[at] = '/';
            memcpy(buf + at + 1, f.name, f.len);
        }
    }
    inode_put(dir);
    if (r)
        return r;
    if (at == size - 1)
        buf[--at] = '/';
    buf[size - 1] = '\0';
    memmove(buf, buf + at, size - at);
    return 0;
}
