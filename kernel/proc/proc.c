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
#include "debug/check.h"
#include "drivers/drivers.h"
#include "fs/file.h"
#include "fs/fs.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/aspace.h"
#include "mm/page.h"
#include "mm/slab.h"
#include "proc/cpu.h"
#include "proc/exec.h"
#include "proc/kthread.h"
#include "proc/sched.h"
#include "proc/signal.h"
#include "sync/wait.h"
#include "trap/fp.h"
#include "trap/riscv.h"
#include "trap/syscall.h"
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
    p->irq.depth = 1; /* it comes to life inside a switch */
    p->irq.was_on = SSTATUS_SIE;
    p->cpu = current()->cpu;
    p->state = PROC_RUNNABLE;
    p->refs = 1;
    p->umask = 022;
    p->start_time = time_monotonic();
    spin_init(&p->lock, "proc", RANK_PROC);
    list_init(&p->children);
    list_init(&p->zombies);
    return p;
}

/* Gives back files and directories. */
static void release_files(struct proc *p)
{
    if (p->files)
        fdtable_put(p->files);
    inode_put(p->cwd);
    exec_put_file(p->exe);
    p->files = NULL;
    p->cwd = p->exe = NULL;
}

/* Frees what create made, and the resources that a failed fork may have given it. */
static void destroy(struct proc *p)
{
    release_files(p);
    if (p->aspace)
        aspace_put(p->aspace);
    if (p->sighand)
        sighand_put(p->sighand);
    kstack_free(p->kstack);
    proc_put(p);
}

/* Caller holds tree_lock. */
static struct proc *find_locked(int pid)
{
    struct proc *p;

    list_for_each_entry (p, &pid_table[(unsigned)pid % PID_BUCKETS], hash_link)
        if (p->pid == pid)
            return p;
    return NULL;
}

/* Caller holds tree_lock. */
static void set_parent(struct proc *p, struct proc *parent)
{
    p->parent = parent;
    __atomic_store_n(&p->parent_pid, parent ? parent->pid : 0, __ATOMIC_RELAXED);
}

/* Gives p a pid and enters it into the table, as a child of parent. Caller holds tree_lock. */
static void enter(struct proc *p, struct proc *parent)
{
    if (CHECK_LOCKS && last_pid == 2)
        last_pid = PID_MAX - 300; /* debug builds go round soon */
    do
        last_pid = last_pid + 1 < PID_MAX ? last_pid + 1 : 2;
    while (find_locked(last_pid));
    p->pid = p->tgid = last_pid;
    set_parent(p, parent);
    if (parent)
        list_push_back(&parent->children, &p->sibling);
    list_push_back(&pid_table[p->pid % PID_BUCKETS], &p->hash_link);
    /* Pids grow, so the place in the list is nearly always its end. */
    struct list *after = all.prev;
    while (after != &all && list_entry(after, struct proc, all_link)->pid > p->pid)
        after = after->prev;
    list_push_front(after, &p->all_link);
    count++;
}

bool proc_wait_for_memory(void)
{
    if (current()->pid != 1)
        return false;
    sched_sleep_ns(10000000);
    sched_yield(); /* with a signal pending, it has not slept */
    return true;
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
    p->on_cpu = true; /* its hart is started in it, not switched to it */
    p->state = PROC_RUNNING;
    p->irq.depth = 0;
    return p;
}

struct proc *kthread_start(const char *name, void (*thread_main)(void *), void *arg)
{
    struct proc *p = create_thread(name, thread_main, arg);

    spin_lock(&tree_lock);
    enter(p, init_proc);
    spin_unlock(&tree_lock);
    sched_ready(p);
    return p;
}

void proc_start_init(void (*init_main)(void *))
{
    struct proc *p = create_thread("init", init_main, NULL);

    p->kernel_thread = false;
    p->files = fdtable_create();
    p->sighand = sighand_copy(NULL);
    if (!p->files || !p->sighand)
        boot_fail("too little memory for process 1");
    spin_lock(&tree_lock);
    enter(p, NULL);
    p->pgid = p->sid = p->pid;
    init_proc = p;
    spin_unlock(&tree_lock);
    sched_ready(p);
}

uint64_t proc_init_run_start(void)
{
    return init_proc ? __atomic_load_n(&init_proc->run_start, __ATOMIC_RELAXED) : 0;
}

/* ---- fork ---- */

/* Some memory is kept for those that run already: a fork bomb is refused before it takes the last page. */
static bool memory_for_fork(void)
{
    size_t reserve = page_total() / 32 + 64;

    if (page_free_count() <= reserve && page_reclaim_hook)
        page_reclaim_hook(2 * reserve);
    return page_free_count() > reserve;
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
    exec_get_file(p->exe);
    child->exe = p->exe;
    return 0;
}

/* Handlers have to wait, too: the child uses this process's stack. Only what ends the parent ends the wait.
 */
static void wait_for_vfork(struct proc *child)
{
    struct proc *p = current();
    uint64_t blocked = p->sig_blocked;

    signal_set_blocked(blocked | p->sighand->caught);
    spin_lock(&tree_lock);
    while (child->vforked && !sleep_interruptible(&child->vforked, &tree_lock, WAIT_FOREVER))
        ;
    spin_unlock(&tree_lock);
    signal_set_blocked(blocked);
}

void proc_release_vfork(void)
{
    struct proc *p = current();

    if (!p->vforked) /* set before it first ran, cleared here */
        return;
    spin_lock(&tree_lock);
    p->vforked = false;
    spin_unlock(&tree_lock);
    wakeup(&p->vforked);
}

/* Enters child into the tree and returns its pid. With a deadly signal pending, nothing and -EINTR: kill of a
 * whole group goes through the table, and a parent that it has passed must not add to the group behind its
 * back. */
static int enter_child(struct proc *child)
{
    struct proc *p = current();
    int pid = -EINTR;

    spin_lock(&tree_lock);
    if (!signal_deadly()) {
        enter(child, p);
        child->pgid = p->pgid;
        child->sid = p->sid;
        child->refs++; /* the caller's: the child may exit, and be gone, as soon as it runs */
        pid = child->pid;
    }
    spin_unlock(&tree_lock);
    return pid;
}

int proc_fork(uint64_t flags, uptr_t stack)
{
    struct proc *p = current();

    if (!memory_for_fork())
        return -EAGAIN;
    struct proc *child = create();
    if (!child)
        return -ENOMEM;
    int pid = copy_resources(child, flags);
    if (pid) {
        destroy(child);
        return pid;
    }
    fp_fork(child); /* before the trapframe, in which it may change the state of the registers */
    *child->tf = *p->tf;
    child->tf->proc = child;
    child->tf->a0 = 0;
    if (stack)
        child->tf->sp = stack;
    child->umask = p->umask;
    child->sig_blocked = p->sig_blocked;
    child->args_start = p->args_start;
    child->args_end = p->args_end;
    memcpy(child->name, p->name, sizeof(p->name));
    child->vforked = flags & CLONE_VFORK;
    pid = enter_child(child);
    if (pid < 0) {
        destroy(child);
        return pid;
    }
    if (flags & CLONE_CHILD_SETTID && !(flags & CLONE_VM)) /* a bad address is the child's own loss */
        aspace_copyout(child->aspace, p->tf->a4, &pid, sizeof(pid));
    sched_ready(child);
    if (flags & CLONE_VFORK)
        wait_for_vfork(child);
    proc_put(child);
    return pid;
}

/* ---- exit ---- */

/* Hands the children to process 1. Caller holds tree_lock. */
static void orphan_children(struct proc *p)
{
    struct proc *child;

    list_for_each_entry (child, &p->children, sibling)
        set_parent(child, init_proc);
    list_for_each_entry (child, &p->zombies, sibling)
        set_parent(child, init_proc);
    list_splice_back(&init_proc->children, &p->children);
    list_splice_back(&init_proc->zombies, &p->zombies);
}

_Noreturn static void init_died(int status)
{
    printk("lode: process 1 has ended (status 0x%x): nothing is left to run, powering off\n", status);
    fs_shutdown();
    machine_power_off(WAIT_HAS_EXITED(status) && WAIT_EXIT_CODE(status) ? WAIT_EXIT_CODE(status) : 1);
}

_Noreturn void proc_exit(int wait_status)
{
    struct proc *p = current();
    struct aspace *as = p->aspace;

    if (p == init_proc)
        init_died(wait_status);
    /* All that the process owns, but its stack and structure, which it still runs on. */
    release_files(p);
    if (as) {
        proc_set_aspace(NULL);
        proc_release_vfork();
        aspace_put(as);
    }

    irq_push(); /* up to the switch */
    spin_lock(&tree_lock);
    bool orphans = !list_empty(&p->zombies); /* that process 1 may be waiting for */
    orphan_children(p);
    struct proc *parent = p->parent;
    p->exit_status = wait_status;
    spin_lock(&p->lock); /* from here on signal_send leaves it alone */
    p->state = PROC_ZOMBIE;
    spin_unlock(&p->lock);
    list_remove(&p->sibling);
    list_push_back(&parent->zombies, &p->sibling);
    __atomic_fetch_add(&parent->refs, 1, __ATOMIC_RELAXED);
    spin_unlock(&tree_lock);

    if (orphans) { /* they told their old parent */
        signal_send(init_proc, SIGCHLD);
        wakeup(init_proc);
    }
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
    irq_push(); /* no switch between reading the one and the other */
    uint64_t now = p == current() ? rdtime() - p->run_start : 0;
    uint64_t total = time_ticks_to_ns(p->run_time + now);
    irq_pop();
    uint64_t ticks = p->user_ticks + p->kernel_ticks;

    /* The total is exact; how it divides is sampled by the timer interrupts. */
    *kernel = ticks ? total / ticks * p->kernel_ticks + total % ticks * p->kernel_ticks / ticks : 0;
    *user = total - *kernel;
}

/* Frees a zombie, and returns its pid. Caller holds tree_lock, which is released. */
static int reap(struct proc *child, int *status, uint64_t *user, uint64_t *kernel)
{
    struct proc *p = current();
    int pid = child->pid;

    list_remove(&child->sibling);
    list_remove(&child->hash_link);
    list_remove(&child->all_link);
    set_parent(child, NULL); /* which may be gone before the last who looks at the child */
    count--;
    spin_unlock(&tree_lock);

    for (unsigned n = 1; __atomic_load_n(&child->on_cpu, __ATOMIC_ACQUIRE); n++) /* pairs with sched_finish */
        spin_wait(n);
    *status = child->exit_status;
    proc_times(child, user, kernel);
    p->children_utime += *user + child->children_utime;
    p->children_stime += *kernel + child->children_stime;
    destroy(child);
    return pid;
}

int proc_wait(int pid, int *status, int options, uint64_t *user, uint64_t *kernel)
{
    struct proc *p = current(), *child;
    int err = 0;

    spin_lock(&tree_lock);
    while (!(child = find_child(&p->zombies, pid))) {
        if (!find_child(&p->children, pid))
            err = -ECHILD;
        if (err || options & WNOHANG) {
            spin_unlock(&tree_lock);
            return err;
        }
        /* After a signal, too, it looks once more: mostly it is SIGCHLD, for just that child. */
        err = sleep_interruptible(p, &tree_lock, WAIT_FOREVER);
    }
    return reap(child, status, user, kernel);
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

/* The first process with a pid >= start, referenced. `prev`, if not NULL, is one before it. */
static struct proc *next_from(int start, struct proc *prev)
{
    struct proc *found = NULL;

    spin_lock(&tree_lock);
    struct list *l = prev && !list_empty(&prev->all_link) ? &prev->all_link : &all;
    while ((l = l->next) != &all && !found)
        if (list_entry(l, struct proc, all_link)->pid >= start)
            found = list_entry(l, struct proc, all_link);
    if (found)
        __atomic_fetch_add(&found->refs, 1, __ATOMIC_RELAXED);
    spin_unlock(&tree_lock);
    return found;
}

void proc_for_each(int start, bool (*f)(struct proc *, void *), void *arg)
{
    struct proc *prev = NULL, *p = next_from(start, NULL);

    while (p && f(p, arg)) {
        if (prev)
            proc_put(prev);
        prev = p;
        p = next_from(prev->pid + 1, prev);
    }
    if (p)
        proc_put(p);
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

    printk("%5d %5d %-8s hart %u  %s\n", p->pid, proc_parent_pid(p), states[p->state], p->cpu->index,
           p->name);
    if (panicking() && p->state == PROC_SLEEPING) {
        printk("  waits for 0x%lx\n", (uintptr_t)p->wait_chan);
        print_stack(p, p->context.s[0]);
    }
    return true;
}

void proc_print_all(void)
{
    struct proc *p;

    printk("  PID  PPID STATE    WHERE   NAME\n");
    if (!panicking())
        proc_for_each(0, print_one, NULL);
    else
        list_for_each_entry (p, &all, all_link)
            print_one(p, NULL);
}

/* ---- groups and sessions ---- */

/* Is there a group of that number, in that session (0: in any)? Caller holds tree_lock. */
static bool group_exists(int pgid, int sid)
{
    struct proc *p;

    list_for_each_entry (p, &all, all_link)
        if (p->pgid == pgid && (!sid || p->sid == sid))
            return true;
    return false;
}

int64_t sys_setpgid(const uint64_t arg[6])
{
    struct proc *self = current();
    int pid = (int)arg[0], pgid = (int)arg[1], err = 0;

    if (pgid < 0)
        return -EINVAL;
    spin_lock(&tree_lock);
    struct proc *p = pid == 0 ? self : find_locked(pid);
    if (!p || (p != self && p->parent != self)) {
        err = -ESRCH;
    } else {
        if (pgid == 0)
            pgid = p->pid;
        if (p->sid != self->sid || p->sid == p->pid || (pgid != p->pid && !group_exists(pgid, p->sid)))
            err = -EPERM;
        else
            p->pgid = pgid;
    }
    spin_unlock(&tree_lock);
    return err;
}

static int get_group(int pid, bool session)
{
    spin_lock(&tree_lock);
    struct proc *p = pid == 0 ? current() : find_locked(pid);
    int result = !p ? -ESRCH : session ? p->sid : p->pgid;
    spin_unlock(&tree_lock);
    return result;
}

int64_t sys_getpgid(const uint64_t arg[6])
{
    return get_group((int)arg[0], false);
}

int64_t sys_getsid(const uint64_t arg[6])
{
    return get_group((int)arg[0], true);
}

int64_t sys_setsid(const uint64_t arg[6])
{
    struct proc *self = current();
    int result = -EPERM;

    spin_lock(&tree_lock);
    if (!group_exists(self->pid, 0))
        result = self->sid = self->pgid = self->pid;
    spin_unlock(&tree_lock);
    return result;
}

/* ---- debug builds ---- */

#ifdef LODE_DEBUG
unsigned proc_stack(const struct proc *p, uintptr_t *at, unsigned max)
{
    spin_lock(&tree_lock); /* while p is in the table, its stack is there */
    bool asleep = find_locked(p->pid) == p && p->state == PROC_SLEEPING && !p->on_cpu;
    unsigned n = asleep ? stack_trace(p, p->context.s[0], at, max) : 0;
    spin_unlock(&tree_lock);
    return n;
}

static bool is_on(const struct list *list, const struct list *link)
{
    const struct list *l = list->next;

    while (l != list && l != link)
        l = l->next;
    return l == link;
}

static void check_family(struct proc *p)
{
    const struct proc *ancestor = p;

    if (!check_list(&p->children, "children") || !check_list(&p->zombies, "zombies"))
        return;
    CHECK(find_locked(p->pid) == p, "process %d: not in the table of pids", p->pid);
    CHECK(p->refs > 0 && p->tgid == p->pid, "process %d: %u references, tgid %d", p->pid, p->refs, p->tgid);
    if (p == init_proc)
        return;
    if (!CHECK(p->parent && find_locked(p->parent->pid) == p->parent, "process %d: its parent is no process",
               p->pid))
        return;
    CHECK(p->parent_pid == p->parent->pid, "process %d: its parent is %d, but %d is noted", p->pid,
          p->parent->pid, p->parent_pid);
    CHECK(is_on(p->state == PROC_ZOMBIE ? &p->parent->zombies : &p->parent->children, &p->sibling),
          "process %d: state %d, but not on that list of its parent %d", p->pid, p->state, p->parent->pid);
    for (size_t n = 0; ancestor && ancestor != init_proc && n <= count; n++)
        ancestor = ancestor->parent;
    CHECK(ancestor == init_proc, "process %d: does not descend from process 1", p->pid);
}

/* A process is interrupted, and held still, only where it has interrupts on; it is switched away inside one
 * irq_push. No spin lock is held in either case. */
static void check_state(const struct proc *p)
{
    bool running = p->state == PROC_RUNNING;

    CHECK(p->state >= PROC_RUNNING && p->state <= PROC_ZOMBIE, "process %d: its state is %d", p->pid,
          p->state);
    CHECK(p->on_cpu == running, "process %d: state %d, but on_cpu is %d", p->pid, p->state, p->on_cpu);
    CHECK(p->irq.depth == !running, "process %d: state %d, with %u irq_push under way", p->pid, p->state,
          p->irq.depth);
    CHECK(!p->irq.ranks_held, "process %d: holds spin locks of ranks 0x%x", p->pid, p->irq.ranks_held);
    CHECK(p->state != PROC_SLEEPING || p->wait_chan, "process %d: asleep, but on no wait queue", p->pid);
    CHECK(p->state != PROC_ZOMBIE || (!p->aspace && !p->files && !p->wait_chan),
          "process %d: has ended, but has memory or files, or waits", p->pid);
}

/* Does p come first of those that share its address space? A child of vfork has its parent's. */
static bool is_first_with_aspace(const struct proc *p)
{
    const struct proc *q;

    list_for_each_entry (q, &all, all_link)
        if (q->aspace == p->aspace)
            break;
    return q == p;
}

static void check_running(void)
{
    for (unsigned i = 0; i < machine.nharts; i++) {
        unsigned n = cpus[i].idle->on_cpu;
        struct proc *p;
        list_for_each_entry (p, &all, all_link)
            n += p->on_cpu && p->cpu == &cpus[i];
        CHECK(n == 1 || !cpus[i].online, "hart %u: %u processes run on it", i, n);
    }
}

void proc_check(void)
{
    size_t n = 0, ready = 0, waiting = 0, queued = sched_check(), queued_to_wait = wait_check();
    int last = 0;
    struct proc *p;

    if (!check_list(&all, "processes"))
        return;
    for (unsigned i = 0; i < PID_BUCKETS; i++)
        if (!check_list(&pid_table[i], "table of pids"))
            return;
    list_for_each_entry (p, &all, all_link) {
        CHECK(p->pid > last, "process %d: comes after %d", p->pid, last);
        last = p->pid;
        n++;
        ready += p->state == PROC_RUNNABLE;
        waiting += p->wait_chan != NULL;
        check_family(p);
        check_state(p);
        if (p->aspace && is_first_with_aspace(p))
            aspace_check(p->aspace);
        if (p->files && (p == current() || p->state == PROC_SLEEPING)) /* others may be changing it */
            fdtable_check(p->files);
    }
    check_running();
    CHECK(n == count, "%lu processes, %lu counted", n, count);
    CHECK(ready == queued, "%lu processes are ready to run, %lu are on run queues", ready, queued);
    CHECK(waiting == queued_to_wait, "%lu processes wait, %lu are on wait queues", waiting, queued_to_wait);
}

static void count_pages(int delta)
{
    struct proc *p;

    list_for_each_entry (p, &all, all_link)
        if (p->aspace && is_first_with_aspace(p))
            aspace_check_pages(p->aspace, delta);
}

void proc_check_take_pages(void)
{
    count_pages(-1);
}

void proc_check_give_pages(void)
{
    count_pages(1);
}
#endif
