/* Signals: sending, and acting on them.
 *
 * A signal is a bit in sig_pending, set by anybody under p->lock. It is acted upon only by the process
 * itself, on its way to user mode; ATTENTION_SIGNAL makes it look there. A process that sleeps interruptibly
 * is woken with -EINTR, and comes that way by itself; one that runs on another hart is interrupted there. So
 * a process dies at a point where it holds no locks and has no transaction open. */
#include "proc/signal.h"

#include "abi/errno.h"
#include "abi/wait.h"
#include "mm/slab.h"
#include "proc/cpu.h"
#include "proc/proc.h"
#include "sync/wait.h"
#include "trap/syscall.h"
#include "mm/usercopy.h"

#define IGNORED_BY_DEFAULT                                                                                   \
    (SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGURG) | SIGNAL_BIT(SIGWINCH) | SIGNAL_BIT(SIGCONT) |                 \
     SIGNAL_BIT(SIGTSTP) | SIGNAL_BIT(SIGTTIN) | SIGNAL_BIT(SIGTTOU))

static struct slab_cache sighand_slab = SLAB_INIT(sighand_slab, "sighand", struct sighand);

struct sighand *sighand_copy(const struct sighand *old)
{
    struct sighand *s = slab_alloc(&sighand_slab);

    if (s && old)
        *s = *old;
    if (s)
        s->refs = 1;
    return s;
}

void sighand_put(struct sighand *s)
{
    if (__atomic_fetch_sub(&s->refs, 1, __ATOMIC_ACQ_REL) == 1)
        slab_free(&sighand_slab, s);
}

static void set_action(struct sighand *s, int sig, const struct abi_sigaction *action)
{
    s->action[sig] = *action;
    s->caught &= ~SIGNAL_BIT(sig);
    if (action->handler > SIGNAL_IGNORE)
        s->caught |= SIGNAL_BIT(sig);
}

void sighand_exec(struct sighand *s)
{
    for (int sig = 1; sig <= NSIG; sig++)
        if (s->action[sig].handler != SIGNAL_IGNORE)
            set_action(s, sig, &(struct abi_sigaction){0});
}

static bool ignores(const struct proc *p, int sig)
{
    uint64_t handler = __atomic_load_n(&p->sighand->action[sig].handler, __ATOMIC_RELAXED);

    return handler == SIGNAL_IGNORE || (handler == SIGNAL_DEFAULT && IGNORED_BY_DEFAULT & SIGNAL_BIT(sig));
}

void signal_send(struct proc *p, int sig)
{
    spin_lock(&p->lock);
    if (p->kernel_thread || p->state == PROC_ZOMBIE || ignores(p, sig)) {
        spin_unlock(&p->lock);
        return;
    }
    p->sig_pending |= SIGNAL_BIT(sig);
    __atomic_fetch_or(&p->attention, ATTENTION_SIGNAL, __ATOMIC_SEQ_CST);
    spin_unlock(&p->lock);
    wait_interrupt(p, -EINTR);
    irq_push();
    struct cpu *c = __atomic_load_n(&p->cpu, __ATOMIC_RELAXED);
    if (c != mycpu() && __atomic_load_n(&p->on_cpu, __ATOMIC_RELAXED))
        cpu_kick(c); /* a kick too many, or one that the tick makes good, does no harm */
    irq_pop();
}

/* Pending signals that are not blocked; SIGKILL cannot be. */
static uint64_t deliverable(const struct proc *p)
{
    return __atomic_load_n(&p->sig_pending, __ATOMIC_RELAXED) & ~(p->sig_blocked & ~SIGNAL_BIT(SIGKILL));
}

bool signal_pending(void)
{
    return deliverable(current()) != 0;
}

bool signal_deadly(void)
{
    return deliverable(current()) & ~current()->sighand->caught;
}

bool signal_fault(int sig, uint64_t addr)
{
    struct proc *p = current();

    if (!(p->sighand->caught & ~p->sig_blocked & SIGNAL_BIT(sig)))
        return false;
    p->fault_addr = addr;
    signal_send(p, sig);
    return true;
}

/* Takes one deliverable signal, the lowest number first (but SIGKILL before all); 0: none. */
static int take_signal(struct proc *p)
{
    int sig = 0;

    spin_lock(&p->lock);
    uint64_t ready = deliverable(p);
    if (ready)
        sig = ready & SIGNAL_BIT(SIGKILL) ? SIGKILL : __builtin_ctzl(ready) + 1;
    else
        __atomic_fetch_and(&p->attention, ~ATTENTION_SIGNAL, __ATOMIC_SEQ_CST);
    p->sig_pending &= ~(sig ? SIGNAL_BIT(sig) : 0);
    spin_unlock(&p->lock);
    return sig;
}

/* A handler interrupts the system call that has just returned -EINTR: it starts again behind it, if it is to.
 */
static void restart_call(struct proc *p, struct trapframe *tf, const struct abi_sigaction *action)
{
    if (p->interrupted_call && action->flags & SA_RESTART) {
        tf->a0 = p->interrupted_arg0;
        tf->epc -= 4;
    }
    p->interrupted_call = false;
}

void signal_deliver(struct trapframe *tf)
{
    struct proc *p = current();
    int sig;

    while ((sig = take_signal(p))) {
        struct abi_sigaction action = p->sighand->action[sig];
        if (ignores(p, sig)) /* the disposition may have changed since it was sent */
            continue;
        if (!(p->sighand->caught & SIGNAL_BIT(sig)))
            proc_exit(WAIT_SIGNALED(sig));
        restart_call(p, tf, &action);
        if (action.flags & SA_RESETHAND)
            set_action(p->sighand, sig, &(struct abi_sigaction){0});
        if (!signal_enter_handler(sig, &action))
            proc_exit(WAIT_SIGNALED(SIGSEGV));
    }
}

void signal_set_blocked(uint64_t mask)
{
    struct proc *p = current();

    spin_lock(&p->lock);
    p->sig_blocked = mask & ~(SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP));
    __atomic_fetch_or(&p->attention, ATTENTION_SIGNAL,
                      __ATOMIC_SEQ_CST); /* some may have become deliverable */
    spin_unlock(&p->lock);
}

/* ---- kill ---- */

struct target {
    int group, sig; /* group 0: all processes but init and the caller */
    int found, sent;
};

/* May sig be sent to p? Process 1 and kernel threads are out of reach. */
static int send_checked(struct proc *p, int sig)
{
    if (p->pid == 1 || p->kernel_thread)
        return -EPERM;
    if (sig)
        signal_send(p, sig);
    return 0;
}

static bool kill_one(struct proc *p, void *arg)
{
    struct target *t = arg;
    bool match = t->group ? p->pgid == t->group : p->pid != 1 && p != current() && !p->kernel_thread;

    if (match) {
        t->found++;
        t->sent += send_checked(p, t->sig) == 0;
    }
    return true;
}

int signal_kill_group(int group, int sig)
{
    struct target t = {.group = group, .sig = sig};

    proc_for_each(1, kill_one, &t);
    if (!t.found)
        return -ESRCH;
    return t.sent ? 0 : -EPERM;
}

int signal_kill(int pid, int sig)
{
    if (sig < 0 || sig > NSIG)
        return -EINVAL;
    if (pid > 0) {
        struct proc *p = proc_find(pid);
        if (!p)
            return -ESRCH;
        int err = send_checked(p, sig);
        proc_put(p);
        return err;
    }
    if (pid == INT32_MIN)
        return -ESRCH;
    return signal_kill_group(pid == 0 ? current()->pgid : pid == -1 ? 0 : -pid, sig);
}

/* ---- system calls ---- */

int64_t sys_kill(const uint64_t arg[6])
{
    return signal_kill((int)arg[0], (int)arg[1]);
}

int64_t sys_tkill(const uint64_t arg[6])
{
    return (int)arg[0] > 0 ? signal_kill((int)arg[0], (int)arg[1]) : -EINVAL;
}

int64_t sys_tgkill(const uint64_t arg[6])
{
    if ((int)arg[0] <= 0 || (int)arg[1] <= 0)
        return -EINVAL;
    return (int)arg[0] == (int)arg[1] ? signal_kill((int)arg[1], (int)arg[2]) : -ESRCH;
}

int64_t sys_rt_sigaction(const uint64_t arg[6])
{
    struct proc *p = current();
    int sig = (int)arg[0], err;
    struct abi_sigaction new;

    if (sig < 1 || sig > NSIG || arg[3] != sizeof(uint64_t))
        return -EINVAL;
    if (arg[1] && (sig == SIGKILL || sig == SIGSTOP))
        return -EINVAL;
    if (arg[1] && (err = copyin(&new, arg[1], sizeof(new))))
        return err;
    if (arg[2] && (err = copyout(arg[2], &p->sighand->action[sig], sizeof(new))))
        return err;
    if (arg[1])
        set_action(p->sighand, sig, &new);
    return 0;
}

int64_t sys_rt_sigprocmask(const uint64_t arg[6])
{
    struct proc *p = current();
    uint64_t set, old = p->sig_blocked;
    int err;

    if (arg[3] != sizeof(uint64_t))
        return -EINVAL;
    if (arg[1] && (err = copyin(&set, arg[1], sizeof(set))))
        return err;
    if (arg[1] && (int)arg[0] != SIG_BLOCK && (int)arg[0] != SIG_UNBLOCK && (int)arg[0] != SIG_SETMASK)
        return -EINVAL;
    if (arg[2] && (err = copyout(arg[2], &old, sizeof(old))))
        return err;
    if (!arg[1])
        return 0;
    if ((int)arg[0] == SIG_BLOCK)
        set |= old;
    else if ((int)arg[0] == SIG_UNBLOCK)
        set = old & ~set;
    signal_set_blocked(set);
    return 0;
}
