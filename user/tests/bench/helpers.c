/* Processes and files that several rows need. */
#include "bench.h"

int start(void (*f)(long), long arg)
{
    int pid = need(fork(), "fork");
    if (pid == 0) {
        f(arg);
        exit(0);
    }
    return pid;
}

void reap(int pid)
{
    int status;
    need(waitpid(pid, &status, 0), "wait");
    if (status != 0)
        exit(1); /* the child has said why */
}

/* A byte says that it has begun to wait, as nearly as can be known from outside. */
static void sleep_forever(long begun)
{
    int quiet[2];
    need(pipe(quiet), "pipe");
    need(write((int)begun, buf, 1), "write");
    read(quiet[0], buf, 1); /* we hold the writing end ourselves */
}

void start_sleepers(int *pids, int n)
{
    int begun[2];
    need(pipe(begun), "pipe");
    for (int i = 0; i < n; i++)
        pids[i] = start(sleep_forever, begun[1]);
    for (int i = 0; i < n;)
        i += need(read(begun[0], buf, sizeof(buf)), "read");
    close(begun[0]);
    close(begun[1]);
}

void kill_and_reap(const int *pids, int n)
{
    for (int i = 0; i < n; i++)
        need(os_kill(pids[i], SIGKILL), "kill");
    for (int i = 0; i < n; i++)
        need(waitpid(pids[i], NULL, 0), "wait");
}

void make_file(const char *path, uint64_t size)
{
    int fd = need(os_create(path), "create");
    for (uint64_t done = 0; done < size;)
        done += (uint64_t)need(
            write(fd, buf, size - done < sizeof(buf) ? (int)(size - done) : (int)sizeof(buf)), "write");
    close(fd);
}

void read_whole(const char *path, int piece)
{
    int fd = need(open(path, O_RDONLY), "open");
    while (need(read(fd, buf, piece), "read") > 0)
        ;
    close(fd);
}

/* A file without blocks costs nothing on the disk, and as many pages as any other when it is read. */
void fill_page_cache(void)
{
    os_sysinfo info;
    need(sysinfo(&info), "sysinfo");
    uint64_t memory = info.totalram * info.mem_unit;
    int fd = need(os_create("hole"), "create");
    need(ftruncate(fd, (int64_t)memory), "ftruncate");
    close(fd);
    read_whole("hole", sizeof(buf));
    need(sysinfo(&info), "sysinfo");
    if (info.freeram * info.mem_unit > memory / 8) {
        errno = EAGAIN;
        fail("the page cache did not fill");
    }
}

struct record { /* of getdents64 */
    uint64_t ino;
    int64_t off;
    uint16_t size;
    uint8_t type;
    char name[];
};

void remove_contents(const char *path)
{
    _Alignas(8) char records[2048];
    char name[512];
    bool found = true;
    while (found) { /* what is removed may make the directory skip something */
        long got;
        int fd = open(path, O_RDONLY);
        if (fd < 0)
            return;
        found = false;
        while ((got = os_getdents(fd, records, sizeof(records))) > 0) {
            for (long at = 0; at < got;) {
                const struct record *r = (const struct record *)(records + at);
                at += r->size;
                if (strcmp(r->name, ".") == 0 || strcmp(r->name, "..") == 0)
                    continue;
                snprintf(name, sizeof(name), "%s/%s", path, r->name);
                if (r->type == 4) /* DT_DIR */
                    remove_contents(name);
                found |= (r->type == 4 ? rmdir(name) : unlink(name)) == 0;
            }
        }
        close(fd);
    }
}

void measure_stat(const char *path)
{
    os_stat st;
    for (int i = -10; i < 300; i++) {
        if (i == 0)
            begin();
        need(os_getstat(path, &st), "stat");
    }
    end(300);
}

int hart_count(void)
{
    uint64_t mask[16] = {0};
    int count = 0;
    need(os_affinity(mask, sizeof(mask)), "sched_getaffinity");
    for (int i = 0; i < 16; i++)
        count += __builtin_popcountl(mask[i]);
    return count;
}
