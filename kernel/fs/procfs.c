/* /proc: the kernel's state as files of text, in the formats of Linux where programs know them.
 *
 *   /proc/NAME       about the system: root_files
 *   /proc/PID/NAME   about a process: pid_files
 *   /proc/PID/stack  debug builds: where it sleeps in the kernel
 *   /proc/lode       what there is of everything, one "name number" a line, for tests that look for leaks
 *   /proc/check      debug builds: "ok", or what is wrong with the kernel's structures (debug/check.h)
 *
 * Nothing is stored. An inode's number says it all: the process (0: none) and the place in one of the two
 * tables; so inodes are made when looked up and gone with their last reference. Each read makes the whole
 * text anew, and gives the part that was asked for. A process that has ended meanwhile gives -ESRCH.
 *
 * Nothing here holds a lock of the processes while it calls others: a process is held by a reference, and
 * what it changes itself is read as it happens to be. */
#include "abi/errno.h"
#include "abi/time.h"
#include "boot/machine.h"
#include "debug/check.h"
#include "fs/disk.h"
#include "fs/file.h"
#include "fs/fs.h"
#include "fs/inode.h"
#include "fs/journal.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/aspace.h"
#include "mm/page.h"
#include "mm/slab.h"
#include "proc/cpu.h"
#include "proc/proc.h"
#include "proc/sched.h"

#define PROC_DEV       2
#define DIR_INO(pid)   ((ino_t)(pid) << 8 | 1) /* the files of the directory have the numbers after it */
#define INO_PID(ino)   ((int)((ino) >> 8))
#define INO_PLACE(ino) (((ino)&0xff) - 2) /* in the table of files */
#define PIDS           256 /* offset in /proc of process 0; the table's entries are before it */
#define KB(pages)      ((pages) * (PAGE_SIZE / 1024))
#define TICKS(ns)      ((uint64_t)((ns) / (NSEC_PER_SEC / USER_HZ)))

/* A file's text while it is made. `used` grows past `size` where it does not fit. */
struct text {
    char *buf;
    size_t size, used;
    struct proc *proc; /* whom it is about; NULL: the system */
};

static struct slab_cache proc_inode_slab = SLAB_INIT(proc_inode_slab, "proc_inode", struct inode);

__attribute__((format(printf, 2, 3))) static void print(struct text *t, const char *format, ...)
{
    size_t at = MIN(t->used, t->size);
    va_list args;
    va_start(args, format);
    t->used += (size_t)vsnprintf(t->buf + at, t->size - at, format, args);
    va_end(args);
}

/* ---- about the system ---- */

static void show_self(struct text *t)
{
    print(t, "%d", current()->tgid);
}

static void show_version(struct text *t)
{
    print(t, "lode version 0.1 (riscv64)\n");
}

static void show_mounts(struct text *t)
{
    print(t, "/dev/vda / lode rw 0 0\nproc /proc proc ro 0 0\n");
}

static void show_bootargs(struct text *t)
{
    print(t, "%s\n", machine.bootargs);
}

struct search {
    const char *name;
    size_t objects;
};

static void match_slab(struct slab_cache *c, void *arg)
{
    struct search *s = arg;
    if (!strcmp(c->name, s->name))
        s->objects = __atomic_load_n(&c->objects, __ATOMIC_RELAXED);
}

static size_t slab_objects(const char *name)
{
    struct search s = {.name = name};
    slab_for_each(match_slab, &s);
    return s.objects;
}

static void show_meminfo(struct text *t)
{
    size_t free = page_free_count(), cached = slab_objects("buf"); /* a buf is a page of the cache */
    const struct {
        const char *name;
        size_t pages;
    } lines[] = {{"MemTotal:", page_total()},
                 {"MemFree:", free},
                 {"MemAvailable:", free + cached},
                 {"Buffers:", 0},
                 {"Cached:", cached},
                 {"SwapTotal:", 0},
                 {"SwapFree:", 0}};
    for (unsigned i = 0; i < ARRAY_SIZE(lines); i++)
        print(t, "%-15s %8lu kB\n", lines[i].name, KB(lines[i].pages));
}

/* Ticks that the harts from first up to end have been idle for. */
static uint64_t idle_ticks(unsigned first, unsigned end)
{
    uint64_t sum = 0;
    for (unsigned i = first; i < end; i++)
        sum += time_ticks_to_ns(__atomic_load_n(&cpus[i].idle_time, __ATOMIC_RELAXED));
    return TICKS(sum);
}

static void show_uptime(struct text *t)
{
    uint64_t up = TICKS(time_monotonic()), idle = idle_ticks(0, machine.nharts);
    print(t, "%lu.%02lu %lu.%02lu\n", up / USER_HZ, up % USER_HZ, idle / USER_HZ, idle % USER_HZ);
}

/* No averages are kept: the three figures are what is running or ready now. */
static void show_loadavg(struct text *t)
{
    unsigned load = sched_load();
    print(t, "%u.00 %u.00 %u.00 %u/%lu %d\n", load, load, load, load, proc_count(), proc_last_pid());
}

/* How a hart's busy time divides is not known: all of it is in the first column. */
static void show_cpus(struct text *t, uint64_t up, unsigned first, unsigned end)
{
    uint64_t idle = idle_ticks(first, end), all = TICKS(up) * (end - first);
    print(t, " %lu 0 0 %lu 0 0 0 0 0 0\n", all - MIN(idle, all), idle);
}

static void show_stat(struct text *t)
{
    uint64_t up = time_monotonic(), interrupts = 0, switches = 0;
    print(t, "cpu ");
    show_cpus(t, up, 0, machine.nharts);
    for (unsigned i = 0; i < machine.nharts; i++) {
        print(t, "cpu%u", i);
        show_cpus(t, up, i, i + 1);
        interrupts += cpus[i].interrupts;
        switches += cpus[i].switches;
    }
    print(t, "intr %lu\nctxt %lu\nbtime %lu\nprocesses %d\nprocs_running %u\n", interrupts, switches,
          (uint64_t)((time_of_day() - up) / NSEC_PER_SEC), proc_last_pid(), sched_load());
}

static void show_cpuinfo(struct text *t)
{
    for (unsigned i = 0; i < machine.nharts; i++)
        print(t, "processor\t: %u\nhart\t\t: %lu\nisa\t\t: rv64imafdc%s\nmmu\t\t: sv39\n\n", i,
              machine.hartid[i], machine.sstc ? "_sstc" : "");
}

static void show_slab(struct slab_cache *c, void *arg)
{
    print(arg, "slab_%s %lu\n", c->name, __atomic_load_n(&c->objects, __ATOMIC_RELAXED));
}

static void show_counters(struct text *t)
{
    print(t, "pages_total %lu\npages_free %lu\npages_cached %lu\n", page_total(), page_free_count(),
          slab_objects("buf"));
    print(t, "pages_slab %lu\npages_kvm %lu\n", slab_pages(), kvm_pages());
    print(t, "processes %lu\nopen_files %lu\ninodes %lu\ninstructions %lu\n", proc_count(),
          slab_objects("file"), slab_objects("inode"), sched_instructions());
    slab_for_each(show_slab, t);
}

static void show_disk(struct text *t)
{
    struct disk_counts n = disk_counts();

    print(t, "reads %lu\nblocks_read %lu\n", n.requests[BIO_READ], n.blocks[BIO_READ]);
    print(t, "writes %lu\nblocks_written %lu\n", n.requests[BIO_WRITE], n.blocks[BIO_WRITE]);
    print(t, "flushes %lu\ntransactions %lu\n", n.requests[BIO_FLUSH], journal_running());
}

#ifdef LODE_DEBUG
static void show_check(struct text *t)
{
    t->used = check_all(t->buf, t->size);
}
#endif

/* ---- about a process ---- */

static const char *state_name(const struct proc *p)
{
    if (p->state == PROC_SLEEPING)
        return p->wait_interruptible ? "S (sleeping)" : "D (disk sleep)";
    return p->state == PROC_ZOMBIE ? "Z (zombie)" : "R (running)";
}

/* Pages of its regions, and those present. */
static void memory_of(struct proc *p, size_t *mapped, size_t *resident)
{
    struct aspace *as = proc_aspace(p);
    *mapped = as ? aspace_mapped(as) : 0;
    *resident = as ? as->resident : 0;
    if (as)
        aspace_put(as);
}

/* The 52 fields of Linux, proc(5); 0 for what lode has not. */
static void show_pid_stat(struct text *t)
{
    struct proc *p = t->proc;
    uint64_t user, kernel;
    size_t mapped, resident;
    proc_times(p, &user, &kernel);
    memory_of(p, &mapped, &resident);
    print(t, "%d (%s) %c %d %d %d", p->pid, p->name, state_name(p)[0], proc_parent_pid(p), p->pgid, p->sid);
    print(t, " 0 -1 0 0 0 0 0 %lu %lu %lu %lu", TICKS(user), TICKS(kernel), TICKS(p->children_utime),
          TICKS(p->children_stime));                                                        /* 7..17 */
    print(t, " 20 0 1 0 %lu %lu %lu", TICKS(p->start_time), mapped * PAGE_SIZE, resident);  /* 18..24 */
    print(t, " %lu 0 0 0 0 0 0 0 0 0 0 0 0 17 %u", UINT64_MAX, p->cpu ? p->cpu->index : 0); /* 25..39 */
    print(t, " 0 0 0 0 0 0 0 0 %lu %lu 0 0 0\n", p->args_start, p->args_end);               /* 40..52 */
}

static void show_pid_status(struct text *t)
{
    struct proc *p = t->proc;
    size_t mapped, resident;
    memory_of(p, &mapped, &resident);
    print(t, "Name:\t%s\nState:\t%s\nTgid:\t%d\nPid:\t%d\nPPid:\t%d\n", p->name, state_name(p), p->tgid,
          p->pid, proc_parent_pid(p));
    print(t, "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nVmSize:\t%8lu kB\nVmRSS:\t%8lu kB\nThreads:\t1\n",
          KB(mapped), KB(resident));
}

static void show_pid_comm(struct text *t)
{
    print(t, "%s\n", t->proc->name);
}

/* The arguments as they are in memory, which only the process itself may read here; of others, the name. */
static void show_pid_cmdline(struct text *t)
{
    struct proc *p = t->proc;
    if (p->kernel_thread || p->state == PROC_ZOMBIE)
        return;
    size_t n = p == current() ? p->args_end - p->args_start : 0;
    if (n >= t->size || (n > 0 && !copyin(t->buf, p->args_start, n)))
        t->used = n;
    else
        print(t, "%s%c", p->name, '\0');
}

#ifdef LODE_DEBUG
/* Where in the kernel it sleeps: addresses, the innermost first. */
static void show_pid_stack(struct text *t)
{
    uintptr_t at[BACKTRACE_MAX];
    unsigned n = proc_stack(t->proc, at, BACKTRACE_MAX);
    for (unsigned i = 0; i < n; i++)
        print(t, "  at 0x%lx\n", at[i]);
}
#endif

/* ---- the tables ---- */

struct proc_file {
    const char *name;
    void (*show)(struct text *t);
};

static const struct proc_file root_files[] = {
    {"self", show_self}, /* the one symbolic link */
    {"meminfo", show_meminfo}, {"uptime", show_uptime},    {"loadavg", show_loadavg},
    {"stat", show_stat},       {"version", show_version},  {"cpuinfo", show_cpuinfo},
    {"mounts", show_mounts},   {"cmdline", show_bootargs}, {"lode", show_counters},
    {"disk", show_disk},
#ifdef LODE_DEBUG
    {"check", show_check},
#endif
};
static const struct proc_file pid_files[] = {
    {"stat", show_pid_stat},   {"status", show_pid_status},
    {"comm", show_pid_comm},   {"cmdline", show_pid_cmdline},
#ifdef LODE_DEBUG
    {"stack", show_pid_stack},
#endif
};

static const struct proc_file *files_of(ino_t ino, unsigned *count)
{
    *count = INO_PID(ino) ? ARRAY_SIZE(pid_files) : ARRAY_SIZE(root_files);
    return INO_PID(ino) ? pid_files : root_files;
}

static uint16_t mode_of(const struct proc_file *file)
{
    return file == root_files ? S_IFLNK | 0777 : S_IFREG | 0444;
}

/* Makes the text of a file, in memory that the caller frees. -ESRCH, -ENOMEM. */
static int render(ino_t ino, struct text *t)
{
    unsigned count;
    const struct proc_file *file = files_of(ino, &count) + INO_PLACE(ino);
    int err = 0;
    *t = (struct text){.size = PAGE_SIZE / 2, .proc = INO_PID(ino) ? proc_find(INO_PID(ino)) : NULL};
    if (INO_PID(ino) && !t->proc)
        return -ESRCH;
    do { /* twice as large, until it fits */
        kfree(t->buf);
        t->size *= 2;
        t->used = 0;
        t->buf = kmalloc(t->size);
        if (t->buf)
            file->show(t);
        else
            err = -ENOMEM;
    } while (!err && t->used >= t->size);
    if (t->proc)
        proc_put(t->proc);
    return err;
}

/* ---- inodes ---- */

static const struct inode_ops proc_ops;
static struct inode root = {.ops = &proc_ops,
                            .dev = PROC_DEV,
                            .ino = DIR_INO(0),
                            .refs = 1, /* never given back */
                            .lock = MUTEX_INIT("proc"),
                            .mode = S_IFDIR | 0555,
                            .nlink = 2};

struct inode *procfs_root(void)
{
    inode_get(&root);
    return &root;
}

static int make_inode(ino_t ino, uint16_t mode, struct inode **result)
{
    struct inode *ip = slab_alloc(&proc_inode_slab);
    if (!ip)
        return -ENOMEM;
    ip->ops = &proc_ops;
    ip->dev = PROC_DEV;
    ip->ino = ino;
    ip->refs = 1;
    ip->mode = mode;
    ip->nlink = S_ISDIR(mode) ? 2 : 1;
    ip->atime = ip->mtime = ip->ctime = (int64_t)time_of_day();
    mutex_init(&ip->lock, "proc");
    *result = ip;
    return 0;
}

static void release(struct inode *ip)
{
    slab_free(&proc_inode_slab, ip);
}

/* A process's number as readdir writes it, or 0. */
static int parse_pid(const char *name, size_t len)
{
    int pid = 0;
    for (size_t i = 0; i < len; i++) {
        if (len > 7 || name[0] == '0' || name[i] < '0' || name[i] > '9')
            return 0;
        pid = pid * 10 + (name[i] - '0');
    }
    return pid;
}

static int lookup(struct inode *dir, const char *name, size_t len, struct inode **result)
{
    unsigned count;
    const struct proc_file *files = files_of(dir->ino, &count);
    if (len == 2 && !memcmp(name, "..", 2)) {
        *result = procfs_root();
        return 0;
    }
    for (unsigned i = 0; i < count; i++)
        if (strlen(files[i].name) == len && !memcmp(files[i].name, name, len))
            return make_inode(dir->ino + 1 + i, mode_of(&files[i]), result);
    int pid = dir == &root ? parse_pid(name, len) : 0;
    struct proc *p = pid ? proc_find(pid) : NULL;
    if (!p)
        return -ENOENT;
    proc_put(p);
    return make_inode(DIR_INO(pid), S_IFDIR | 0555, result);
}

struct pid_emitter {
    uint64_t *offset;
    dirent_fn *emit;
    void *arg;
};

static bool emit_pid(struct proc *p, void *arg)
{
    struct pid_emitter *e = arg;
    char name[12];
    int len = snprintf(name, sizeof(name), "%d", p->pid);
    uint64_t next = PIDS + (uint64_t)p->pid + 1;
    if (!e->emit(e->arg, DIR_INO(p->pid), DT_DIR, name, (size_t)len, next))
        return false;
    *e->offset = next;
    return true;
}

/* Offsets: 0 ".", 1 "..", then the table; in the root, the processes from PIDS on. */
static int readdir(struct inode *dir, uint64_t *offset, dirent_fn *emit, void *arg)
{
    unsigned count;
    const struct proc_file *files = files_of(dir->ino, &count);
    for (uint64_t at = *offset; at < count + 2; *offset = ++at) {
        const char *name = at == 0 ? "." : at == 1 ? ".." : files[at - 2].name;
        uint8_t type = at < 2 ? DT_DIR : DT_OF_MODE(mode_of(&files[at - 2]));
        ino_t ino = at == 1 ? root.ino : dir->ino + (ino_t)at - (at > 1);
        if (!emit(arg, ino, type, name, strlen(name), at + 1))
            return 0;
    }
    uint64_t start = *offset > PIDS ? *offset - PIDS : 0;
    if (dir == &root && start < INT32_MAX)
        proc_for_each((int)start, emit_pid, &(struct pid_emitter){offset, emit, arg});
    return 0;
}

static ssize_t read(struct inode *ip, struct uio *u, uint64_t *place)
{
    struct text t;
    size_t wanted = u->left;
    int err = render(ip->ino, &t);
    if (!err && *place < t.used)
        err = uio_read(u, t.buf + *place, t.used - *place);
    kfree(t.buf);
    *place += wanted - u->left;
    return u->left < wanted ? (ssize_t)(wanted - u->left) : err;
}

static ssize_t readlink(struct inode *ip, char *buf, size_t size)
{
    struct text t;
    ssize_t n = render(ip->ino, &t);
    if (!n) {
        n = (ssize_t)MIN(size, t.used);
        memcpy(buf, t.buf, (size_t)n);
    }
    kfree(t.buf);
    return n;
}

static const struct inode_ops proc_ops = {
    .lookup = lookup, .readdir = readdir, .read = read, .readlink = readlink, .release = release};
