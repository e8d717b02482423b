/* Processes.
 *
 * A struct proc is what the scheduler runs: it owns a kernel stack, a trapframe and a state. Address space,
 * open files, working directory and signal dispositions are objects of their own, counted, so that threads
 * can share them.
 *
 *   (fork)        -> RUNNABLE              proc_fork: put on a run queue
 *   RUNNABLE      -> RUNNING               sched: taken off a run queue
 *   RUNNING       -> RUNNABLE              preempted, or sched_yield
 *   RUNNING       -> SLEEPING -> RUNNABLE  wait.c: on a wait queue; woken, signalled or timed out
 *   RUNNING       -> ZOMBIE   -> (freed)   proc_exit; the parent's wait4
 *
 * Letters: c constant after creation; o only the running process itself; t tree_lock (parent, children, pid
 * table); w the bucket lock of the wait queue that p is on; r the run queue's lock; s p->lock; a atomic.
 */
#pragma once
#include "lib/list.h"
#include "lib/types.h"
#include "sync/irqstate.h"
#include "sync/spinlock.h"
#include "trap/timer.h"
#include "trap/trapframe.h"

struct aspace;
struct fdtable;
struct inode;
struct sighand;

enum proc_state { PROC_RUNNING = 1, PROC_RUNNABLE, PROC_SLEEPING, PROC_ZOMBIE };

#define ATTENTION_RESCHED 1u /* give way to another process */
#define ATTENTION_SIGNAL  2u /* a signal may have to be delivered */

#define PROC_NAME_MAX 32

struct proc {
    /* Known to trampoline.S (offsets asserted in trapframe.h's users). */
    struct context context; /* kernel registers while not running */
    struct irq_state irq;   /* o  known to irqstate.h */
    struct cpu *cpu;        /* o  the hart it runs on (ran on last); stable with interrupts off */
    vaddr_t kstack;         /* c  lowest address */
    struct trapframe *tf;   /* c  at the top of the kernel stack */

    bool on_cpu;        /* a  its registers are in a hart, its stack in use */
    uint32_t attention; /* a  ATTENTION_...: to look at before going back to user mode */

    /* Scheduling. */
    enum proc_state state;   /* r or w, see sched.c */
    struct list run_link;    /* r */
    struct list wait_link;   /* w */
    const void *wait_chan;   /* w  NULL: on no wait queue */
    bool wait_interruptible; /* w */
    int wait_result;         /* w */
    struct timer wait_timer;
    uint64_t run_start;                /* o  time CSR when it got the hart last */
    uint64_t run_time;                 /* o  ticks of the time CSR that it ran for, up to run_start */
    uint64_t user_ticks, kernel_ticks; /* o  timer interrupts that found it in user mode, in the kernel */
    uint64_t switches;                 /* o */

    /* Identity and family. */
    int pid;                                 /* c */
    int tgid;                                /* c  the process that threads belong to; == pid today */
    int pgid, sid;                           /* t */
    struct proc *parent;                     /* t */
    int parent_pid;                          /* a  changed with tree_lock; 0: no parent */
    struct list children;                    /* t  alive */
    struct list zombies;                     /* t  children to wait for, in order of exit */
    struct list sibling;                     /* t */
    struct list hash_link;                   /* t */
    struct list all_link;                    /* t */
    uint32_t refs;                           /* a  the struct itself stays while somebody looks at it */
    int exit_status;                         /* t  wait status word */
    uint64_t children_utime, children_stime; /* o  ns, of waited-for children */
    bool vforked;                            /* t  its parent waits until it has called exec or exit */
    uint64_t start_time;                     /* c  monotonic ns */
    bool kernel_thread;                      /* c  never returns to user mode */
    void (*thread_main)(void *);             /* c */
    void *thread_arg;                        /* c */
    char name[PROC_NAME_MAX];                /* o  for messages, ps */

    /* Resources. */
    struct aspace *aspace; /* o and s to change it, one of them to read; NULL: kernel thread */
    struct fdtable *files; /* o */
    struct inode *cwd;     /* o */
    struct inode *exe;     /* o  its program's file; NULL: kernel thread */
    uint32_t umask;        /* o */

    /* Signals. */
    struct spinlock lock;      /* RANK_PROC */
    uint64_t sig_pending;      /* s  bit n-1 for signal n */
    uint64_t sig_blocked;      /* o */
    struct sighand *sighand;   /* o */
    uint64_t fault_addr;       /* o  of the fault that is being told to a handler */
    bool interrupted_call;     /* o  a system call has just returned -EINTR ... */
    uint64_t interrupted_arg0; /* o  ... and this was in a0 before */

    uint64_t fp[33];              /* o  f0..f31 and fcsr, while not in the registers (trap/fp.c) */
    bool fp_used;                 /* o */
    vaddr_t args_start, args_end; /* o  argv strings on the user's stack, for /proc */
};

_Static_assert(offsetof(struct proc, context) == 0, "trampoline.S");
_Static_assert(offsetof(struct proc, irq) == PROC_IRQ, "irqstate.h");

/* The running process. Always valid once boot has begun, also in interrupts (then it is the interrupted
 * one); each hart has an idle process. */
static inline struct proc *current(void)
{
    struct proc *p;
    __asm__("mv %0, tp" : "=r"(p)); /* not volatile: tp stays the same in one flow of control */
    return p;
}

void proc_init(void);

/* Starts process 1 in the kernel: it runs main, which mounts the root and calls exec. */
void proc_start_init(void (*main)(void *));
uint64_t proc_init_run_start(void); /* time CSR when process 1 got a hart last; 0: not yet */

struct proc *proc_create_idle(struct cpu *c); /* its idle process, on no queue; boot_fail without memory */

/* The current process has an address space of its own, or none: a parent that has called vfork goes on. */
void proc_release_vfork(void);

/* A child of the current process, with a copy of its address space (CLONE_VM: sharing it). stack: the child's
 * stack pointer, 0 = as the parent's. Returns its pid, -ENOMEM, -EAGAIN (too many processes), -EINTR. */
int proc_fork(uint64_t flags, uptr_t stack);

/* There is no memory for what the current process cannot live without. Process 1 must live: it waits a moment, and
 * is told to try again (true), until others have given up theirs. */
bool proc_wait_for_memory(void);

void proc_times(struct proc *p, uint64_t *user, uint64_t *kernel); /* its processor time in ns */
_Noreturn void proc_exit(int wait_status);

/* Waits as wait4 does; pid > 0, -1, 0 or -pgid. With a pid as result, the others are the child's status word
 * and processor time in ns. */
int proc_wait(int pid, int *status, int options, uint64_t *user, uint64_t *kernel);

/* Find by pid, with a reference; NULL. */
struct proc *proc_find(int pid);
void proc_put(struct proc *p);
/* Calls f for every process, in order of pid from `start` upwards, tree lock not held, p referenced; ends
 * when f returns false. */
void proc_for_each(int start, bool (*f)(struct proc *, void *), void *arg);
size_t proc_count(void);
int proc_last_pid(void); /* the pid given out last */
static inline int proc_parent_pid(const struct proc *p)
{
    return __atomic_load_n(&p->parent_pid, __ATOMIC_RELAXED);
}
unsigned proc_stack(const struct proc *p, uintptr_t *at,
                    unsigned max); /* debug builds: where it sleeps, as stack_trace */
void proc_print_all(void);         /* ^P: a line for each process, printk; at the end, their stacks, too */

/* The current process's from now on, and loaded; NULL: none. The old one stays the caller's. */
void proc_set_aspace(struct aspace *as);
struct aspace *proc_aspace(struct proc *p); /* of any process, referenced; NULL: it has none (any more) */

/* Signals (signal.c). `pid` as kill(2): > 0, 0 own group, -1 all but init and the caller, -pgid. sig 0 only
 * looks. 0, -ESRCH, -EINVAL, -EPERM (process 1 and kernel threads). */
int signal_kill(int pid, int sig);
int signal_kill_group(int group, int sig); /* group 1 as any other; 0: as kill(-1) */
void signal_send(struct proc *p, int sig);
bool signal_pending(void); /* one that is neither blocked nor ignored: calls return -EINTR */
