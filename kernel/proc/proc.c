/* The process table; fork, exit and wait.
 *
 * tree_lock protects who is whose child, the lists of children and zombies, the table of pids and the exit
 * status. It is held for short, never while memory is freed or a file is closed.
 *
 * A process ends in two steps. proc_exit gives back what it owns, hands its children to process 1, becomes a
 * ZOMBIE and leaves its stack for good. proc_wait, in the parent, takes the zombie off the table, waits for
 * it to be off its stack (rule 2 of sched.c), and frees stack and structure. Others that look at a process
 * meanwhile (kill, /proc) hold a reference, which keeps the structure. */
#include "proc/proc.h"

#include "abi/errno.h"
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
#include "proc/cpu.h"
#include "proc/kthread.h"
#include "proc/sched.h"
#include "proc/signal.h"
#include "sync/wait.h"
#include "trap/fp.h"
#include "trap/riscv.h"
#include "trap/trap.h"

#define PID_MAX     4194304 /* pids are below this */
#define PID_BUCKETS 1024

void proc_entry(void);                  /* trampoline.S */
void proc_first_run(struct proc *prev); /* called by it */

static struct spinlock tree_lock = SPINLOCK_INIT("process tree", RANK_PROC_TREE);
static struct list pid_table[PID_BUCKETS]; /* t */
static struct list all = LIST_INIT(all);   /* t  in order of pid */
static int last_pid;                       /* t */
static size_t count;                       /* t */
static struct proc *init_proc;             /* c */
static struct slab_cache proc_slab = SLAB_INIT(proc_slab, "proc", struct proc);

void proc_init(void)
{
    for (unsigned i = 0; i < PID_BUCKETS; i++)
        list_init(&pid_table[i]);
}

/* ---- creation ---- */

/* A process with stack and trapframe, on no list. NULL without memory. */
static struct proc *create(void)
{
    struct proc *p = slab_alloc(&proc_slab);

    if (!p)
        return NULL;
    p->kstack = kstack_alloc();
    if (!p->kstack) {
        slab_free(&proc_slab, p);
        return NULL;
    }
    p->tf = (struct trapframe *)(p->kstack + KSTACK_SIZE - TF_SIZE);
    memset(p->tf, 0, TF_SIZE);
    p->tf->proc = p;
    p->context.ra = (uint64_t)proc_entry;
    p->context.sp = (uint64_t)p->tf;
    p->irq_depth = 1; /* it comes to life inside a switch */
    p->irq_was_on = true;
    p->state = PROC_RUNNABLE;
    p->refs = 1;
    p->umask = 022;
    p->start_time = time_monotonic();
    spin_init(&p->lock, "proc", RANK_PROC);
    list_init(&p->run_link);
    list_init(&p->wait_link);
    list_init(&p->children);
    list_init(&p->zombies);
    list_init(&p->sibling);
    list_init(&p->hash_link);
    list_init(&p->all_link);
    return p;
}

/* Frees what create made and the resources that a failed fork may have given it. */
static void destroy(struct proc *p)
{
    if (p->aspace)
        aspace_put(p->aspace);
    if (p->files)
        fdtable_put(p->files);
    if (p->sighand)
        sighand_put(p->sighand);
    inode_put(p->cwd);
    proc_set_exe(p, NULL);
    kstack_free(p->kstack);
    p->kstack = 0;
    proc_put(p);
}

static struct list *bucket(int pid)
{
    return &pid_table[(unsigned)pid % PID_BUCKETS];
}

/* Caller holds tree_lock. */
static struct proc *find_locked(int pid)
{
    struct proc *p;

    list_for_each_entry (p, bucket(pid), hash_link)
        if (p->pid == pid)
            return p;
    return NULL;
}

/* Gives p a pid and enters it into the table. Caller holds tree_lock. */
static void enter(struct proc *p)
{
    do
        last_pid = last_pid + 1 < PID_MAX ? last_pid + 1 : 2;
    while (find_locked(last_pid));
    p->pid = p->tgid = last_pid;
    list_push_back(bucket(p->pid), &p->hash_link);
    /* Pids grow, so the place in the list is nearly always its end. */
    struct list *after = all.prev;
    while (after != &all && list_entry(after, struct proc, all_link)->pid > p->pid)
        after = after->prev;
    list_push_front(after, &p->all_link);
    count++;
}

void proc_first_run(struct proc *prev)
{
    struct proc *p = current();

    sched_finish(prev);
    irq_pop();
    if (p->thread_main) {
        p->thread_main(p->thread_arg);
        if (!p->aspace) /* process 1's main has called exec, others just end */
            proc_exit(0);
        p->thread_main = NULL;
    }
    trap_before_user(p->tf);
}

static struct proc *create_thread(const char *name, void (*thread_main)(void *), void *arg)
{
    struct proc *p = create();

    if (!p)
        boot_fail("too little memory for the kernel thread %s", name);
    strlcpy(p->name, name, sizeof(p->name));
    p->thread_main = thread_main;
    p->thread_arg = arg;
    p->kernel_thread = true;
    return p;
}

struct proc *proc_create_idle(struct cpu *c)
{
    struct proc *p = create_thread("idle", sched_idle, NULL);

    p->cpu = c;
    p->on_cpu = c->index != 0; /* the boot hart's is switched to, the others' are started in it */
    if (p->on_cpu) {
        p->state = PROC_RUNNING;
        p->irq_depth = 0;
    }
    return p;
}

struct proc *kthread_start(const char *name, void (*thread_main)(void *), void *arg)
{
    struct proc *p = create_thread(name, thread_main, arg);

    spin_lock(&tree_lock);
    enter(p);
    if (init_proc) {
        p->parent = init_proc;
        list_push_back(&init_proc->children, &p->sibling);
    }
    spin_unlock(&tree_lock);
    sched_ready(p);
    return p;
}

void proc_start_init(void (*init_main)(void *))
{
    struct proc *p = create_thread("init", init_main, NULL);

    p->kernel_thread = false;
    p->files = fdtable_create();
    p->sighand = sighand_create();
    if (!p->files || !p->sighand)
        boot_fail("too little memory for process 1");
    spin_lock(&tree_lock);
    enter(p);
    p->pgid = p->sid = p->pid;
    init_proc = p;
    spin_unlock(&tree_lock);
    sched_ready(p);
}

/* ---- fork ---- */

/* Some memory is kept for those that run already: a fork bomb is refused before it takes the last page. */
static bool memory_for_fork(void)
{
    size_t reserve = page_total() / 32 + 64;

    if (page_free_count() > reserve)
        return true;
    return page_reclaim_hook && page_reclaim_hook(reserve / 2) && page_free_count() > reserve;
}

/* The resources of a child: 0 or -ENOMEM; destroy frees what there is. */
static int copy_resources(struct proc *child, uint64_t flags)
{
    struct proc *p = current();

    if (flags & CLONE_VM) {
        aspace_get(p->aspace);
        child->aspace = p->aspace;
    } else {
        child->aspace = aspace_fork(p->aspace);
    }
    child->files = fdtable_copy(p->files);
    child->sighand = sighand_copy(p->sighand);
    if (!child->aspace || !child->files || !child->sighand)
        return -ENOMEM;
    inode_get(p->cwd);
    child->cwd = p->cwd;
    proc_set_exe(child, p->exe);
    return 0;
}

static void wait_for_vfork(struct proc *child)
{
    spin_lock(&tree_lock);
    while (child->vfork_parent &&
           sleep_interruptible(&child->vfork_parent, &tree_lock, WAIT_FOREVER) != -EINTR)
        ;
    child->vfork_parent = NULL;
    spin_unlock(&tree_lock);
}

void proc_release_vfork(void)
{
    struct proc *p = current();

    if (!p->vfork_parent) /* set once, before it first ran */
        return;
    spin_lock(&tree_lock);
    p->vfork_parent = NULL;
    spin_unlock(&tree_lock);
    wakeup(&p->vfork_parent);
}

int proc_fork(uint64_t flags, uptr_t stack)
{
    struct proc *p = current();

    if (!memory_for_fork())
        return -EAGAIN;
    struct proc *child = create();
    if (!child)
        return -ENOMEM;
    if (copy_resources(child, flags)) {
        destroy(child);
        return -ENOMEM;
    }
    *child->tf = *p->tf;
    child->tf->proc = child;
    child->tf->a0 = 0;
    if (stack)
        child->tf->sp = stack;
    fp_fork(child);
    child->tf->status = p->tf->status; /* after fp_fork, which may have made it clean */
    child->umask = p->umask;
    child->sig_blocked = p->sig_blocked;
    child->args_start = p->args_start;
    child->args_end = p->args_end;
    memcpy(child->name, p->name, sizeof(p->name));
    if (flags & CLONE_VFORK)
        child->vfork_parent = p;

    spin_lock(&tree_lock);
    enter(child);
    child->pgid = p->pgid;
    child->sid = p->sid;
    child->parent = p;
    list_push_back(&p->children, &child->sibling);
    int pid = child->pid;
    __atomic_fetch_add(&child->refs, 1,
                       __ATOMIC_RELAXED); /* it may exit, and be gone, before the next lines */
    spin_unlock(&tree_lock);

    if (flags & CLONE_CHILD_SETTID && !(flags & CLONE_VM))
        aspace_copyout(child->aspace, p->tf->a4, &pid,
                       sizeof(pid)); /* a bad address is the child's own loss */
    sched_ready(child);
    if (flags & CLONE_VFORK)
        wait_for_vfork(child);
    proc_put(child);
    return pid;
}

/* ---- exit ---- */

/* Hands the children to process 1. Caller holds tree_lock. Returns true if process 1 now has zombies to wait
 * for. */
static bool orphan_children(struct proc *p)
{
    struct proc *child;
    bool zombies = !list_empty(&p->zombies);

    list_for_each_entry (child, &p->children, sibling)
        child->parent = init_proc;
    list_for_each_entry (child, &p->zombies, sibling)
        child->parent = init_proc;
    list_splice_back(&init_proc->children, &p->children);
    list_splice_back(&init_proc->zombies, &p->zombies);
    return zombies;
}

_Noreturn static void init_died(int status)
{
    printk("lode: process 1 has ended (status 0x%x): nothing is left to run, powering off\n", status);
    fs_shutdown();
    machine_power_off(WAIT_HAS_EXITED(status) && WAIT_EXIT_CODE(status) ? WAIT_EXIT_CODE(status) : 1);
}

/* Gives back what the process owns but its stack and structure, which it still runs on. */
static void release_resources(struct proc *p)
{
    struct aspace *as = p->aspace;

    if (p->files)
        fdtable_put(p->files);
    p->files = NULL;
    inode_put(p->cwd);
    p->cwd = NULL;
    proc_set_exe(p, NULL);
    if (!as)
        return;
    proc_set_aspace(NULL);
    proc_release_vfork();
    aspace_put(as);
}

_Noreturn void proc_exit(int wait_status)
{
    struct proc *p = current();

    if (p == init_proc)
        init_died(wait_status);
    release_resources(p);

    irq_push(); /* up to the switch */
    spin_lock(&tree_lock);
    bool init_has_zombies = orphan_children(p);
    struct proc *parent = p->parent;
    p->exit_status = wait_status;
    spin_lock(&p->lock); /* from here on signal_send leaves it alone */
    p->state = PROC_ZOMBIE;
    spin_unlock(&p->lock);
    list_remove(&p->sibling);
    list_push_back(&parent->zombies, &p->sibling);
    __atomic_fetch_add(&parent->refs, 1, __ATOMIC_RELAXED);
    spin_unlock(&tree_lock);

    if (init_has_zombies)
        wakeup(init_proc);
    signal_send(parent, SIGCHLD);
    wakeup(parent);
    proc_put(parent);
    sched_switch();
    panic("a process runs after its exit");
}

/* ---- wait ---- */

static bool wait_matches(const struct proc *child, int pid)
{
    if (pid > 0)
        return child->pid == pid;
    if (pid == 0)
        return child->pgid == current()->pgid;
    return pid == -1 || child->pgid == -pid;
}

static struct proc *find_child(struct list *list, int pid)
{
    struct proc *child;

    list_for_each_entry (child, list, sibling)
        if (wait_matches(child, pid))
            return child;
    return NULL;
}

void proc_times(struct proc *p, uint64_t *user, uint64_t *kernel)
{
    uint64_t total = time_ticks_to_ns(p->run_time + (p == current() ? rdtime() - p->run_start : 0));
    uint64_t ticks = p->user_ticks + p->kernel_ticks;

    /* The total is exact; how it divides is sampled by the timer interrupts. */
    *kernel = ticks ? total / ticks * p->kernel_ticks + total % ticks * p->kernel_ticks / ticks : 0;
    *user = total - *kernel;
}

/* Takes a zombie off the table. Caller holds tree_lock. */
static void remove_zombie(struct proc *child)
{
    struct proc *p = current();
    uint64_t user, kernel;

    list_remove(&child->sibling);
    list_remove(&child->hash_link);
    list_remove(&child->all_link);
    count--;
    proc_times(child, &user, &kernel);
    p->children_utime += user + child->children_utime;
    p->children_stime += kernel + child->children_stime;
}

/* Frees a zombie that is off the table, and returns its pid. */
static int reap(struct proc *child, int *status, struct abi_rusage *ru)
{
    int pid = child->pid;

    while (__atomic_load_n(&child->on_cpu, __ATOMIC_ACQUIRE)) /* pairs with sched_finish */
        ;
    *status = child->exit_status;
    if (ru) {
        uint64_t user, kernel;
        memset(ru, 0, sizeof(*ru));
        proc_times(child, &user, &kernel);
        ru->utime = (struct abi_timeval){user / NSEC_PER_SEC, user % NSEC_PER_SEC / 1000};
        ru->stime = (struct abi_timeval){kernel / NSEC_PER_SEC, kernel % NSEC_PER_SEC / 1000};
    }
    destroy(child);
    return pid;
}

int proc_wait(int pid, int *status, int options, struct abi_rusage *ru)
{
    struct proc *p = current();

    spin_lock(&tree_lock);
    for (;;) {
        struct proc *child = find_child(&p->zombies, pid);
        int err = 0;

        if (child) {
            remove_zombie(child);
            spin_unlock(&tree_lock);
            return reap(child, status, ru);
        }
        if (!find_child(&p->children, pid))
            err = -ECHILD;
        else if (!(options & WNOHANG))
            err = sleep_interruptible(p, &tree_lock, WAIT_FOREVER);
        if (err || options & WNOHANG) {
            spin_unlock(&tree_lock);
            return err;
        }
    }
}

/* ---- looking at processes ---- */

struct proc *proc_find(int pid)
{
    spin_lock(&tree_lock);
    struct proc *p = find_locked(pid);
    if (p)
        __atomic_fetch_add(&p->refs, 1, __ATOMIC_RELAXED);
    spin_unlock(&tree_lock);
    return p;
}

void proc_put(struct proc *p)
{
    if (__atomic_fetch_sub(&p->refs, 1, __ATOMIC_ACQ_REL) == 1)
        slab_free(&proc_slab, p);
}

/* The first process with a pid >= start, referenced. `prev` may help to find it: the one before. */
static struct proc *next_from(int start, struct proc *prev)
{
    struct proc *p, *found = NULL;

    spin_lock(&tree_lock);
    struct list *from = prev && !list_empty(&prev->all_link) ? &prev->all_link : &all;
    for (struct list *l = from->next; l != &all && !found; l = l->next) {
        p = list_entry(l, struct proc, all_link);
        if (p->pid >= start)
            found = p;
    }
    if (found)
        __atomic_fetch_add(&found->refs, 1, __ATOMIC_RELAXED);
    spin_unlock(&tree_lock);
    return found;
}

void proc_for_each(int start, bool (*f)(struct proc *, void *), void *arg)
{
    struct proc *p = NULL, *prev = NULL;
    bool more = true;

    while (more && (p = next_from(start, prev))) {
        if (prev)
            proc_put(prev);
        start = p->pid + 1;
        more = f(p, arg);
        prev = p;
    }
    if (prev)
        proc_put(prev);
}

int proc_last_pid(void)
{
    return __atomic_load_n(&last_pid, __ATOMIC_RELAXED);
}

void proc_set_aspace(struct aspace *as)
{
    struct proc *p = current();

    spin_lock(&p->lock);
    p->aspace = as;
    aspace_switch(as);
    fence_i();
    spin_unlock(&p->lock);
}

struct aspace *proc_aspace(struct proc *p)
{
    spin_lock(&p->lock);
    struct aspace *as = p->aspace;
    if (as)
        aspace_get(as);
    spin_unlock(&p->lock);
    return as;
}

size_t proc_count(void)
{
    return __atomic_load_n(&count, __ATOMIC_RELAXED);
}

static bool print_one(struct proc *p, void *unused)
{
    static const char *const states[] = {[PROC_RUNNING] = "running",
                                         [PROC_RUNNABLE] = "ready",
                                         [PROC_SLEEPING] = "asleep",
                                         [PROC_ZOMBIE] = "zombie"};

    (void)unused;
    printk("%5d %5d %-8s hart %u  %s\n", p->pid, proc_parent_pid(p), states[p->state],
           p->cpu ? p->cpu->index : 0, p->name);
    return true;
}

void proc_print_all(void)
{
    printk("  PID  PPID STATE    WHERE   NAME\n");
    proc_for_each(0, print_one, NULL);
}

int proc_parent_pid(struct proc *p)
{
    spin_lock(&tree_lock);
    int pid = p->parent ? p->parent->pid : 0;
    spin_unlock(&tree_lock);
    return pid;
}

void proc_set_exe(struct proc *p, struct inode *exe)
{
    if (exe) {
        inode_get(exe);
        __atomic_fetch_add(&exe->denywrite, 1, __ATOMIC_RELAXED);
    }
    if (p->exe) {
        __atomic_fetch_sub(&p->exe->denywrite, 1, __ATOMIC_RELAXED);
        inode_put(p->exe);
    }
    p->exe = exe;
}

/* ---- groups and sessions ---- */

int proc_setpgid(int pid, int pgid)
{
    struct proc *self = current();
    int err = 0;

    if (pgid < 0)
        return -EINVAL;
    spin_lock(&tree_lock);
    struct proc *p = pid == 0 ? self : find_locked(pid), *leader;
    if (!p || (p != self && p->parent != self)) {
        err = -ESRCH;
    } else if (p->sid != self->sid || p->sid == p->pid) {
        err = -EPERM;
    } else if (pgid == 0 || pgid == p->pid) {
        p->pgid = p->pid;
    } else {
        leader = NULL;
        list_for_each_entry (leader, &all, all_link)
            if (leader->pgid == pgid && leader->sid == self->sid)
                break;
        if (&leader->all_link == &all)
            err = -EPERM;
        else
            p->pgid = pgid;
    }
    spin_unlock(&tree_lock);
    return err;
}

int proc_getpgid(int pid, bool session)
{
    int result = -ESRCH;

    spin_lock(&tree_lock);
    struct proc *p = pid == 0 ? current() : find_locked(pid);
    if (p)
        result = session ? p->sid : p->pgid;
    spin_unlock(&tree_lock);
    return result;
}

int proc_setsid(void)
{
    struct proc *self = current(), *p;
    int result = self->pid;

    spin_lock(&tree_lock);
    list_for_each_entry (p, &all, all_link)
        if (p->pgid == self->pid)
            result = -EPERM;
    if (result > 0)
        self->sid = self->pgid = self->pid;
    spin_unlock(&tree_lock);
    return result;
}
