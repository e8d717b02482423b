/* System calls about processes, time and the system. The man pages of the Linux calls say what each does;
 * here stands only what is special. */
#include "abi/errno.h"
#include "abi/limits.h"
#include "abi/signal.h"
#include "abi/system.h"
#include "abi/time.h"
#include "abi/wait.h"
#include "drivers/drivers.h"
#include "fs/file.h"
#include "fs/fs.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/aspace.h"
#include "mm/page.h"
#include "mm/slab.h"
#include "mm/usercopy.h"
#include "proc/cpu.h"
#include "proc/proc.h"
#include "proc/sched.h"
#include "trap/syscall.h"
#include "trap/timer.h"

/* ---- identity ---- */

/* Calls that fail never and change nothing. */
#define GETTER(name, value)                                                                                  \
    int64_t sys_##name(const uint64_t arg[6])                                                                \
    {                                                                                                        \
        return value;                                                                                        \
    }
GETTER(getpid, current()->tgid)
GETTER(gettid, current()->pid)
GETTER(set_tid_address, current()->pid) /* the address matters to threads only */
GETTER(getppid, proc_parent_pid(current()))
GETTER(getuid, 0) /* there is one user: root */
GETTER(geteuid, 0)
GETTER(getgid, 0)
GETTER(getegid, 0)

int64_t sys_umask(const uint64_t arg[6])
{
    struct proc *p = current();
    uint32_t old = p->umask;

    p->umask = arg[0] & 0777;
    return old;
}

/* ---- life ---- */

/* fork and vfork, as C libraries call them. Threads are refused. */
int64_t sys_clone(const uint64_t arg[6])
{
    const uint64_t known =
        CLONE_VM | CLONE_VFORK | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
    uint64_t flags = arg[0] & ~(uint64_t)CLONE_SIGNAL_MASK;

    if (flags & ~known || (flags & CLONE_VM && !(flags & CLONE_VFORK)))
        return -EINVAL;
    if ((arg[0] & CLONE_SIGNAL_MASK) != SIGCHLD && (arg[0] & CLONE_SIGNAL_MASK) != 0)
        return -EINVAL;
    int pid = proc_fork(flags, arg[1]);
    if (pid > 0 &&
        flags & CLONE_PARENT_SETTID) /* the child is there: as on Linux, a bad address is not told */
        copyout(arg[2], &pid, sizeof(pid));
    return pid;
}

int64_t sys_exit(const uint64_t arg[6])
{
    proc_exit(WAIT_EXITED((int)arg[0]));
}

int64_t sys_exit_group(const uint64_t arg[6])
{
    proc_exit(WAIT_EXITED((int)arg[0]));
}

static struct abi_timeval to_timeval(uint64_t ns)
{
    return (struct abi_timeval){ns / NSEC_PER_SEC, ns % NSEC_PER_SEC / 1000};
}

int64_t sys_wait4(const uint64_t arg[6])
{
    struct abi_rusage ru = {0};
    uint64_t user, kernel;
    int status, err;

    if ((int)arg[2] & ~(WNOHANG | WUNTRACED))
        return -EINVAL;
    if ((int)arg[0] == INT32_MIN)
        return -ESRCH;
    /* Checked before the child is gone: with a bad address it can still be waited for. */
    if (arg[1] && (err = user_prefault(arg[1], sizeof(status), true)))
        return err;
    if (arg[3] && (err = user_prefault(arg[3], sizeof(ru), true)))
        return err;
    int pid = proc_wait((int)arg[0], &status, (int)arg[2], &user, &kernel);
    if (pid <= 0)
        return pid;
    ru.utime = to_timeval(user);
    ru.stime = to_timeval(kernel);
    if (arg[1] && (err = copyout(arg[1], &status, sizeof(status))))
        return err;
    if (arg[3] && (err = copyout(arg[3], &ru, sizeof(ru))))
        return err;
    return pid;
}

int64_t sys_sched_yield(const uint64_t arg[6])
{
    sched_yield();
    return 0;
}

int64_t sys_sched_getaffinity(const uint64_t arg[6])
{
    uint64_t mask = 0;

    if (arg[1] < sizeof(mask))
        return -EINVAL;
    for (unsigned i = 0; i < machine.nharts; i++)
        mask |= (uint64_t)cpus[i].online << i;
    int err = copyout(arg[2], &mask, sizeof(mask));
    return err ? err : (int64_t)sizeof(mask);
}

int64_t sys_prlimit64(const uint64_t arg[6])
{
    struct abi_rlimit limit = {RLIM_INFINITY, RLIM_INFINITY}, new;
    struct fdtable *files = current()->files;
    int resource = (int)arg[1], err;

    if ((int)arg[0] != 0 && (int)arg[0] != current()->pid)
        return -ESRCH;
    if (resource < 0 || resource > 15)
        return -EINVAL;
    if (arg[2] && (err = copyin(&new, arg[2], sizeof(new))))
        return err;
    if (arg[2] && new.cur > new.max)
        return -EINVAL;
    if (resource == RLIMIT_NOFILE)
        limit = (struct abi_rlimit){fdtable_limit(files), OPEN_MAX};
    if (resource == RLIMIT_STACK)
        limit.cur = USER_STACK_MAX;
    if (arg[2] && resource == RLIMIT_NOFILE && new.max > OPEN_MAX)
        return -EPERM;
    if (arg[3] && (err = copyout(arg[3], &limit, sizeof(limit))))
        return err;
    if (arg[2] && resource == RLIMIT_NOFILE)
        fdtable_set_limit(files, new.cur);
    return 0;
}

/* ---- time ---- */

static int read_timespec(uptr_t addr, uint64_t *ns)
{
    struct abi_timespec ts;
    int err = copyin(&ts, addr, sizeof(ts));

    if (err)
        return err;
    if (ts.sec < 0 || ts.nsec < 0 || ts.nsec >= (int64_t)NSEC_PER_SEC)
        return -EINVAL;
    /* 2^63 ns are 292 years: longer sleeps are as long. */
    *ns = (uint64_t)ts.sec > INT64_MAX / NSEC_PER_SEC - 1 ? INT64_MAX
                                                          : (uint64_t)ts.sec * NSEC_PER_SEC + ts.nsec;
    return 0;
}

static struct abi_timespec to_timespec(uint64_t ns)
{
    return (struct abi_timespec){ns / NSEC_PER_SEC, ns % NSEC_PER_SEC};
}

static int64_t sleep_for(uint64_t ns, uptr_t remaining)
{
    uint64_t end = time_monotonic() + ns;
    int err = sched_sleep_ns(ns);

    if (err && remaining) {
        uint64_t now = time_monotonic();
        struct abi_timespec left = to_timespec(end > now ? end - now : 0);
        if (copyout(remaining, &left, sizeof(left)))
            return -EFAULT;
    }
    return err;
}

int64_t sys_nanosleep(const uint64_t arg[6])
{
    uint64_t ns;
    int err = read_timespec(arg[0], &ns);

    return err ? err : sleep_for(ns, arg[1]);
}

/* The clock's time in ns, false if there is no such clock. */
static bool read_clock(int clock, uint64_t *ns)
{
    uint64_t user, kernel;

    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
        *ns = time_of_day();
        return true;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
        *ns = time_monotonic();
        return true;
    case CLOCK_PROCESS_CPUTIME_ID:
    case CLOCK_THREAD_CPUTIME_ID:
        proc_times(current(), &user, &kernel);
        *ns = user + kernel;
        return true;
    default:
        return false;
    }
}

int64_t sys_clock_nanosleep(const uint64_t arg[6])
{
    uint64_t ns, now;
    int err;

    if ((int)arg[0] == CLOCK_THREAD_CPUTIME_ID || !read_clock((int)arg[0], &now))
        return -EINVAL;
    if ((err = read_timespec(arg[2], &ns)))
        return err;
    if (!((int)arg[1] & TIMER_ABSTIME))
        return sleep_for(ns, arg[3]);
    return ns > now ? sleep_for(ns - now, 0) : 0;
}

int64_t sys_clock_gettime(const uint64_t arg[6])
{
    uint64_t ns;

    if (!read_clock((int)arg[0], &ns))
        return -EINVAL;
    struct abi_timespec ts = to_timespec(ns);
    return copyout(arg[1], &ts, sizeof(ts));
}

int64_t sys_clock_getres(const uint64_t arg[6])
{
    uint64_t ns;
    struct abi_timespec ts = {0, MAX(1, (int64_t)(NSEC_PER_SEC / machine.timebase))};

    if (!read_clock((int)arg[0], &ns))
        return -EINVAL;
    return arg[1] ? copyout(arg[1], &ts, sizeof(ts)) : 0;
}

int64_t sys_gettimeofday(const uint64_t arg[6])
{
    struct abi_timeval tv = to_timeval(time_of_day());
    int zone[2] = {0, 0}, err = 0;

    if (arg[0])
        err = copyout(arg[0], &tv, sizeof(tv));
    if (!err && arg[1])
        err = copyout(arg[1], zone, sizeof(zone));
    return err;
}

int64_t sys_times(const uint64_t arg[6])
{
    struct proc *p = current();
    const uint64_t tick = NSEC_PER_SEC / USER_HZ;
    uint64_t user, kernel;

    proc_times(p, &user, &kernel);
    struct abi_tms t = {user / tick, kernel / tick, p->children_utime / tick, p->children_stime / tick};
    int err = arg[0] ? copyout(arg[0], &t, sizeof(t)) : 0;
    return err ? err : (int64_t)(time_monotonic() / tick);
}

int64_t sys_getrusage(const uint64_t arg[6])
{
    struct proc *p = current();
    struct abi_rusage ru = {0};
    uint64_t user = p->children_utime, kernel = p->children_stime;

    if ((int)arg[0] != RUSAGE_SELF && (int)arg[0] != RUSAGE_CHILDREN)
        return -EINVAL;
    if ((int)arg[0] == RUSAGE_SELF) {
        proc_times(p, &user, &kernel);
        ru.maxrss = p->aspace->resident * PAGE_SIZE / 1024;
        ru.nvcsw = p->switches;
    }
    ru.utime = to_timeval(user);
    ru.stime = to_timeval(kernel);
    return copyout(arg[1], &ru, sizeof(ru));
}

/* ---- the system ---- */

int64_t sys_uname(const uint64_t arg[6])
{
    static const struct abi_utsname u = {.sysname = "lode",
                                         .nodename = "lode",
                                         /* C libraries read here which system calls they can expect. */
                                         .release = "6.1.0-lode",
                                         .version = "lode 0.1",
                                         .machine = "riscv64"};

    return copyout(arg[0], &u, sizeof(u));
}

int64_t sys_sysinfo(const uint64_t arg[6])
{
    const struct abi_sysinfo s = {.uptime = time_monotonic() / NSEC_PER_SEC,
                                  .totalram = page_total() * PAGE_SIZE,
                                  .freeram = page_free_count() * PAGE_SIZE,
                                  .procs = MIN(proc_count(), 65535u),
                                  .mem_unit = 1};

    return copyout(arg[0], &s, sizeof(s));
}

int64_t sys_getrandom(const uint64_t arg[6])
{
    struct uio u = {.addr = arg[0], .left = MIN(arg[1], (uint64_t)RW_MAX)};
    uint8_t buf[256];
    int err = 0;

    if ((uint32_t)arg[2] & ~(uint32_t)(GRND_NONBLOCK | GRND_RANDOM))
        return -EINVAL;
    size_t total = u.left;
    while (u.left && !err && !signal_pending()) {
        size_t n = MIN(u.left, sizeof(buf));
        random_bytes(buf, n);
        err = uio_read(&u, buf, n);
    }
    memset(buf, 0, sizeof(buf)); /* no random numbers that somebody uses stay on the stack */
    if (total && u.left == total)
        return err ? err : -EINTR;
    return total - u.left;
}

/* Only the reading actions: 2 and 3 (read), 10 (size); the others succeed without effect. */
int64_t sys_syslog(const uint64_t arg[6])
{
    size_t n = MIN(arg[2], printk_log_size());
    char *buf;
    int err;

    switch ((int)arg[0]) {
    case 2:
    case 3:
        if ((int)arg[2] < 0)
            return -EINVAL;
        buf = kmalloc(n + 1);
        if (!buf)
            return -ENOMEM;
        n = printk_read_log(buf, n);
        err = copyout(arg[1], buf, n);
        kfree(buf);
        return err ? err : (int64_t)n;
    case 10:
        return printk_log_size();
    default:
        return (int)arg[0] >= 0 && (int)arg[0] < 10 ? 0 : -EINVAL;
    }
}

/* POWER_OFF hands the low 8 bits of arg to the machine as its exit status: 0 is success. */
int64_t sys_reboot(const uint64_t arg[6])
{
    uint32_t cmd = arg[2];

    if ((uint32_t)arg[0] != REBOOT_MAGIC1 || (uint32_t)arg[1] != REBOOT_MAGIC2)
        return -EINVAL;
    if (cmd != REBOOT_CMD_RESTART && cmd != REBOOT_CMD_POWER_OFF && cmd != REBOOT_CMD_HALT)
        return -EINVAL;
    fs_shutdown();
    if (cmd == REBOOT_CMD_RESTART)
        machine_reboot();
    machine_power_off(cmd == REBOOT_CMD_POWER_OFF ? arg[3] & 0xff : 0);
}
