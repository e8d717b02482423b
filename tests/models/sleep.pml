/* Sleeping, waking and idling: a model of kernel/sync/wait.c, kernel/sync/mutex.c and kernel/proc/sched.c.
 *
 * run.py has spin try every order in which the harts may take the steps below, and every moment at which a
 * store may become visible. Each step names the function of the kernel that it stands for. Wrong is:
 *
 *   - a state in which nothing can go on although a process has not ended: a lost wake-up, a deadlock
 *   - an assertion: a process on two harts or two queues, two holders of a mutex
 *
 * WORK selects what the processes do. BREAK_... leaves out or turns round one step of the kernel: run.py has spin
 * find each of these wrong, which shows that the model looks where it matters.
 *
 * A Promela process is a process of the kernel; it moves only while a hart runs it (RUNS). 0 .. P-1 are ordinary,
 * P+h is hart h's idle process. What is done under a spin lock with interrupts off, and seen by others only under
 * that lock, is one atomic step.
 *
 * Weak memory. What a hart stores in a critical section, the release of the lock with it, may stay in its store
 * buffer while the hart goes on: BUFFERED below. A full fence empties it. That is the one reordering that
 * sched.c and wait.c need fences against: a store before a load. */

#define SLEEP_EVENTS   1 /* one posts twice, two wait: sleep, wakeup_one, wakeup */
#define SLEEP_SIGNALS  2 /* one waits with a deadline; another signals, wakes, or does nothing */
#define SLEEP_MUTEX    3 /* a mutex and those who want it */
#define SLEEP_IDLE     4 /* who is ready runs, while there is an idle hart */
#define SLEEP_IDLE_3   6 /* the same with two of them */
#define SLEEP_YIELD    5 /* processes give way to each other */

#if WORK == SLEEP_IDLE_3
#define H 3
#define P 3
#elif WORK == SLEEP_SIGNALS || WORK == SLEEP_IDLE
#define H 2
#define P 2
#else
#define H 2
#define P 3
#endif
#ifndef PREEMPTIONS
#define PREEMPTIONS 1
#endif
#define N     (P + H)
#define NONE  255
#if WORK == SLEEP_YIELD || WORK == SLEEP_IDLE || WORK == SLEEP_IDLE_3
#define RUNNING_FIRST 1
#else
#define RUNNING_FIRST 2 /* harts that run a process at first */
#endif
#define IDLE(hart) (P + (hart))
#define BIT(hart)  (1 << (hart))

#define RUNNABLE 0
#define RUNNING  1
#define SLEEPING 2
#define ZOMBIE   3

/* ---- the kernel's state ---- */

bool booted;

byte cur[H];                /* current() of the hart */
byte cpu[N];                /* p->cpu */
bool on_cpu[N];             /* p->on_cpu */
byte state[N];              /* p->state */
byte depth[N];              /* p->irq.depth: not 0 while interrupts are off */
chan queue[H] = [N] of {byte}; /* c->run_queue */
byte count[H];              /* c->run_count, as it is seen without the lock */
bool run_locked[H];         /* c->run_lock */
byte idle_mask;
bool ipi[H];                /* sip.SSIP of the hart */
bool handling[H];           /* the hart is in an interrupt handler */
byte preemptions;
byte before[H];             /* what context_switch hands to the next process */

chan bucket = [P] of {byte, byte}; /* a wait queue: process, channel */
bool bucket_locked;
bool waits[N];              /* p->wait_chan is set */
bool seen_waits[N];         /* the same, as it is seen without the bucket's lock */
byte result[N];             /* p->wait_result */
#define WOKEN    0
#define EINTR    1
#define TIMEDOUT 2
bool attention[N];          /* ATTENTION_SIGNAL */
byte armed[H];              /* 1 + the process whose wait_timer is in the hart's heap */
bool timer_runs[H];         /* c->timer_running */

byte buffered[H];           /* a critical section whose stores nobody has seen yet: */
#define BUFFERED_QUEUE(c)  (1 + (c))         /* ... enqueue's, of hart c's queue */
#define BUFFERED_WAIT(p)   (1 + H + (p))     /* ... wait_begin's */

/* Whether the process that this Promela process stands for can move. */
#define RUNS (booted && cur[cpu[_pid]] == _pid && !handling[cpu[_pid]])
#define HERE cpu[_pid] /* mycpu(), interrupts off */

/* ---- the store buffer ---- */

/* Left out where it would be too much for one run: what sleep and mutex_lock rely on are locks and atomic instructions,
 * and the fences of idle harts are tried by SLEEP_SIGNALS and SLEEP_YIELD. */
#if WORK == SLEEP_EVENTS || WORK == SLEEP_MUTEX || WORK == SLEEP_IDLE_3
#define WITHOUT_BUFFERS(step) step
#else
#define WITHOUT_BUFFERS(step) skip
#endif

inline drain(h)
{
    atomic {
        if
        :: buffered[h] == 0
        :: buffered[h] > 0 && buffered[h] <= H ->
            count[buffered[h] - 1] = len(queue[buffered[h] - 1]);
            run_locked[buffered[h] - 1] = false
        :: buffered[h] > H ->
            seen_waits[buffered[h] - 1 - H] = true;
            bucket_locked = false
        fi;
        buffered[h] = 0
    }
}

/* __atomic_thread_fence(__ATOMIC_SEQ_CST) */
inline fence(h)
{
    drain(h)
}

/* ---- kernel/proc/sched.c ---- */

/* sched.c: wake_idle, for hart h, of work on c's queue */
inline wake_idle(h, c)
{
#ifndef BREAK_NO_FENCE
    fence(h);
#endif
#ifdef BREAK_WAKE_TRIES_ONCE
    idle = idle_mask;
    if
    :: idle == 0
    :: else ->
        atomic {
            pick(c);
            if
            :: idle_mask & BIT(target) -> idle_mask = idle_mask & ~BIT(target); kick(h)
            :: else
            fi
        }
    fi
#else
    do
    :: atomic { idle_mask != 0 -> idle = idle_mask; pick(c); idle = 0 };
        atomic {
            if
            :: idle_mask & BIT(target) -> idle_mask = idle_mask & ~BIT(target); kick(h); target = 0; break
            :: else -> target = 0
            fi
        }
    :: idle_mask == 0 -> break
    od
#endif
}

inline pick(c)
{
    target = 0;
    if
    :: idle & BIT(c) -> target = c
    :: else ->
        do
        :: idle & BIT(target) -> break
        :: else -> target++
        od
    fi
}

/* boot/hart.c: cpu_kick */
inline kick(h)
{
    if
    :: target != h -> ipi[target] = true
    :: else
    fi
}

/* sched.c: enqueue, by hart h. The lock is free again only when its release has left the store buffer. */
inline enqueue(h, c, p)
{
#ifdef BREAK_IPI_FIRST
    wake_idle(h, c);
#endif
    atomic {
        !run_locked[c] && buffered[h] == 0 ->
        assert(!on_cpu[p] && state[p] == RUNNABLE);
        queue[c]!p;
        run_locked[c] = true;
        buffered[h] = BUFFERED_QUEUE(c);
        WITHOUT_BUFFERS(drain(h))
    }
#ifndef BREAK_IPI_FIRST
    wake_idle(h, c)
#endif
}

/* sched.c: sched_ready, by hart h with interrupts off; sched_policy_place */
inline sched_ready(h, p)
{
    atomic {
#ifndef BREAK_READY_BEFORE_SWITCHED
        !on_cpu[p];
#endif
        state[p] = RUNNABLE;
        if
        :: idle_mask & BIT(cpu[p]) -> place = cpu[p]
        :: else -> place = h
        fi
    };
    enqueue(h, place, p)
}

/* sched.c: take */
inline take(c)
{
    atomic {
        !run_locked[c];
        if
        :: queue[c]?next -> count[c] = len(queue[c])
        :: empty(queue[c]) -> next = NONE
        fi
    }
}

/* sched.c: take_or_steal */
inline take_or_steal(h)
{
    take(h);
    i = 1;
    do
    :: atomic { next == NONE && i < H && count[(h + i) % H] == 0 -> i++ }
    :: next == NONE && i < H && count[(h + i) % H] > 0 -> take((h + i) % H); i++
    :: atomic { next != NONE || i == H -> i = 0; break }
    od
}

/* Until the switch nobody looks at what switch_to has changed, so that it is one step. */
inline context_switch()
{
    atomic {
        cpu[next] = HERE;
        state[next] = RUNNING;
        assert(!on_cpu[next]);
        on_cpu[next] = true;
        before[HERE] = _pid;
        prev = next;
        next = NONE;
        cur[HERE] = prev
    }
}

/* sched.c: switch_to, trampoline.S: context_switch, and, on the other side, sched.c: sched_finish */
inline switch_to()
{
    context_switch();
    sched_finish()
}

inline sched_finish()
{
    atomic { prev = before[HERE]; runnable = state[prev] == RUNNABLE && prev < P; on_cpu[prev] = false };
    if
#ifdef BREAK_YIELD_QUEUES_ITSELF
    :: false
#else
    :: runnable -> enqueue(HERE, HERE, prev)
#endif
    :: else
    fi;
    atomic { prev = NONE; runnable = false }
}

/* sched.c: sched_switch */
inline sched_switch()
{
    take_or_steal(HERE);
    if
    :: next == NONE -> next = IDLE(HERE)
    :: else
    fi;
    switch_to()
}

/* sched.c: sched_yield, as a process calls it, or trap_kernel where interrupts are on */
inline sched_yield()
{
    atomic { depth[_pid]++; take(HERE); state[_pid] = (next == NONE -> RUNNING : RUNNABLE) };
    if
    :: next != NONE ->
#ifdef BREAK_YIELD_QUEUES_ITSELF
        enqueue(HERE, HERE, _pid);
#endif
        switch_to()
    :: else
    fi;
    depth[_pid]--
}

/* A timer's interrupt may have the process give way here; PREEMPTIONS times in a run, wherever that is. */
inline may_be_preempted()
{
    if
    :: skip
    :: preemptions < PREEMPTIONS -> preemptions++; sched_yield()
    fi
}

/* ---- kernel/sync/wait.c ---- */

/* wait.c: wait_begin */
inline wait_begin(channel)
{
    atomic {
        !bucket_locked && buffered[HERE] == 0 ->
        result[_pid] = WOKEN;
        waits[_pid] = true;
        bucket!_pid, channel;
        bucket_locked = true;
        buffered[HERE] = BUFFERED_WAIT(_pid);
        WITHOUT_BUFFERS(drain(HERE))
    }
}

/* wait.c: take_off; within an atomic step that has the bucket. Bit p of `woken`: p was asleep. */
inline take_off(p, r)
{
    waits[p] = false;
    seen_waits[p] = false;
    result[p] = r;
    if
    :: state[p] == SLEEPING -> woken = woken | BIT(p)
    :: else
    fi
}

/* wait.c: end_wait, by hart h */
inline end_wait(h, p, r)
{
    do
    :: seen_waits[p] || (waits[p] && p == cur[h]) -> /* a hart sees its own stores */
        atomic {
            !bucket_locked;
            if
            :: waits[p] -> bucket??eval(p), _; take_off(p, r); break
            :: else
            fi
        }
    :: else -> break
    od;
    if
    :: woken & BIT(p) -> woken = 0; sched_ready(h, p)
    :: else
    fi
}

/* wait.c: wait_end */
inline wait_end(interruptible, deadline)
{
    if
    :: interruptible ->
#ifndef BREAK_NO_FENCE_IN_WAIT_END
        fence(HERE);
#endif
        if
        :: attention[_pid] -> depth[_pid]++; end_wait(HERE, _pid, EINTR); depth[_pid]--
        :: else
        fi
    :: else
    fi;
    if
    :: deadline -> armed[HERE] = 1 + _pid
    :: else
    fi;
#ifdef BREAK_ASLEEP_WITH_INTERRUPTS_ON
    atomic { !bucket_locked; sleeps = waits[_pid]; if :: sleeps -> state[_pid] = SLEEPING :: else fi };
    depth[_pid]++;
#else
    depth[_pid]++;
    if
    :: waits[_pid] ->
        atomic {
            !bucket_locked;
#ifdef BREAK_SLEEPS_WITHOUT_LOOKING
            sleeps = true;
#else
            sleeps = waits[_pid];
#endif
            if
            :: sleeps -> state[_pid] = SLEEPING
            :: else
            fi
        }
    :: else
    fi;
#endif
    if
    :: sleeps -> sleeps = false; sched_switch()
    :: else
    fi;
    depth[_pid]--;
    if
    :: deadline -> /* timer.c: timer_cancel, on whatever hart it was armed */
        i = 0;
        do
        :: i < H ->
            atomic {
                if
                :: armed[i] == 1 + _pid -> !timer_runs[i] -> armed[i] = 0
                :: else
                fi;
                i++
            }
        :: else -> i = 0; break
        od
    :: else
    fi
}

/* wait.c: wake; max 1 for wakeup_one, P for wakeup */
inline wake(channel, max)
{
    depth[_pid]++;
    atomic {
        !bucket_locked;
        do
        :: i < max && bucket??[_, eval(channel)] ->
            bucket??other, eval(channel);
            take_off(other, WOKEN);
            i++
        :: else -> i = 0; other = NONE; break
        od
    }
    depth[_pid]--;
    may_be_preempted();
    do
    :: woken != 0 ->
        atomic {
            other = 0;
            do
            :: woken & BIT(other) -> woken = woken & ~BIT(other); break
            :: else -> other++
            od
        }
        depth[_pid]++;
        sched_ready(HERE, other);
        depth[_pid]--
    :: else -> other = NONE; break
    od
}

/* ---- what the processes do ---- */

bool locked; /* the condition's spin lock */

inline spin_lock()
{
    atomic { depth[_pid]++; }
    atomic { !locked -> locked = true }
}

inline spin_unlock()
{
    atomic { locked = false; depth[_pid]-- }
}

byte posted, taken;
byte holder = NONE;
byte word;    /* mutex->word: 1 + the owner */
bool waiters; /* ... and its bit 0 */
bool ran[P];

/* mutex.c: mutex_lock */
inline mutex_lock()
{
    atomic { if :: word == 0 -> word = 1 + _pid; taken_now = true :: else -> taken_now = false fi };
    do
    :: taken_now -> break
    :: else ->
        atomic { if :: word == 0 -> word = 1 + _pid; waiters = true; taken_now = true :: else fi };
        if
        :: taken_now -> break
        :: else
        fi;
        wait_begin(7);
        may_be_preempted();
        atomic { old = word; old_waiters = waiters };
        atomic {
            if
#ifdef BREAK_MUTEX_SETS_BIT_BLINDLY
            :: true -> waiters = true; cancel = false
#else
            :: old == 0 || word != old || waiters != old_waiters -> cancel = true
            :: else -> waiters = true; cancel = false
#endif
            fi;
            old = 0; old_waiters = false
        }
        if
        :: cancel -> cancel = false; depth[_pid]++; end_wait(HERE, _pid, WOKEN); depth[_pid]--
        :: else -> wait_end(false, false)
        fi
    od;
    taken_now = false
}

/* mutex.c: mutex_unlock */
inline mutex_unlock()
{
#ifdef BREAK_MUTEX_WAKES_FIRST
    if
    :: waiters -> wake(7, 1)
    :: else
    fi;
    atomic { word = 0; waiters = false }
#else
    atomic { cancel = waiters; word = 0; waiters = false };
    if
    :: cancel -> cancel = false; wake(7, 1)
    :: else
    fi
#endif
}

/* wait.h: sleep and sleep_interruptible. Returns what the wait ended with. */
inline sleep_on(channel, interruptible, deadline)
{
#ifdef BREAK_UNLOCKS_FIRST
    spin_unlock();
    wait_begin(channel);
#else
    wait_begin(channel);
    spin_unlock();
#endif
    may_be_preempted();
    wait_end(interruptible, deadline);
    spin_lock()
}

inline work()
{
#if WORK == SLEEP_EVENTS
    if
    :: _pid == 0 ->
        do
        :: posted < 2 ->
            spin_lock();
            atomic { posted++; taken++ };
            spin_unlock();
            if
            :: wake(5, 1)
            :: wake(5, P)
            fi
        :: else -> break
        od
    :: else ->
        spin_lock();
        do
        :: taken > 0 -> taken--; break
        :: else -> sleep_on(5, false, false)
        od;
        spin_unlock()
    fi
#elif WORK == SLEEP_SIGNALS
    if
    :: _pid == 0 ->
        if
        :: deadline = true
        :: deadline = false
        fi;
        spin_lock();
        do
        :: taken > 0 || result[_pid] != WOKEN -> break
        :: else -> sleep_on(5, true, deadline)
        od;
        spin_unlock()
    :: else ->
        if
        :: attention[0] = true; /* signal.c: signal_send. An atomic instruction, which is never buffered. */
            depth[_pid]++;
            end_wait(HERE, 0, EINTR);
            depth[_pid]--
        :: spin_lock(); taken = 1; spin_unlock(); wake(5, P)
        fi
    fi
#elif WORK == SLEEP_MUTEX
    mutex_lock();
    assert(holder == NONE);
    holder = _pid;
    may_be_preempted();
    holder = NONE;
    mutex_unlock()
#elif WORK == SLEEP_IDLE || WORK == SLEEP_IDLE_3
    if
    :: _pid == 0 -> /* wakes the others; each keeps its hart until all of them run */
        depth[_pid]++;
        sched_ready(HERE, 1);
        if
        :: P == 3 -> sched_ready(HERE, P - 1)
        :: else
        fi;
        depth[_pid]--;
        (ran[1] && ran[P - 1])
    :: else -> ran[_pid] = true; (ran[1] && ran[P - 1])
    fi
#else
    sched_yield();
    sched_yield()
#endif
}

active [P] proctype process() provided (RUNS)
{
    byte next = NONE, prev = NONE, other = NONE, i, idle, target, place, woken, old;
    bool runnable, sleeps, deadline, taken_now, cancel, old_waiters;

    if
    :: before[HERE] != NONE -> sched_finish(); depth[_pid]-- /* proc.c: a new process begins so */
    :: else /* it runs from the start */
    fi;
    work();
    depth[_pid]++;
    state[_pid] = ZOMBIE; /* proc.c: proc_exit */
    take_or_steal(HERE);
    if
    :: next == NONE -> next = IDLE(HERE)
    :: else
    fi;
    context_switch();
end_gone:
    false
}

/* sched.c: sched_idle */
active [H] proctype idle_loop() provided (RUNS)
{
    byte next = NONE, prev = NONE, i, idle, target, place, woken;
    bool runnable, passes_on;

    if
    :: before[HERE] != NONE -> sched_finish()
    :: else
    fi;
    depth[_pid]--;
    do
    ::  atomic {
            depth[_pid]++;
#ifndef BREAK_BIT_AFTER_LOOK
            idle_mask = idle_mask | BIT(HERE) /* an atomic instruction that is ordered: never buffered */
#endif
        }
        take_or_steal(HERE);
#ifdef BREAK_BIT_AFTER_LOOK
        idle_mask = idle_mask | BIT(HERE);
#endif
        if
        :: next == NONE ->
#ifdef BREAK_WFI_WITH_INTERRUPTS_ON
            depth[_pid]--;
#endif
            /* wfi ends when an interrupt is pending, on or off. */
end_wfi:
            (ipi[HERE] || armed[HERE] != 0);
#ifdef BREAK_WFI_WITH_INTERRUPTS_ON
            depth[_pid]++;
#endif
        :: else
        fi;
        atomic { passes_on = !(idle_mask & BIT(HERE)); idle_mask = idle_mask & ~BIT(HERE) };
        if
        :: next != NONE ->
#ifndef BREAK_NOT_PASSED_ON
            if
            :: passes_on -> wake_idle(HERE, HERE)
            :: else
            fi;
#endif
            state[_pid] = RUNNABLE;
            switch_to()
        :: else
        fi;
        atomic { depth[_pid]--; ipi[HERE] = false } /* takes the interrupt that ended wfi */
    od
}

/* trap.c: interrupt, on hart h, when interrupts are on there */
proctype interrupts(byte h)
{
    byte target, idle, place, woken, p;

end_interrupts:
    do
    :: atomic { ipi[h] && depth[cur[h]] == 0 -> ipi[h] = false } /* cpu_kicked; the idle loop looks itself */
#if WORK == SLEEP_SIGNALS
    :: atomic { armed[h] != 0 && depth[cur[h]] == 0 ->
                handling[h] = true; timer_runs[h] = true; p = armed[h] - 1; armed[h] = 0 };
        end_wait(h, p, TIMEDOUT); /* wait.c: timed_out */
        atomic { p = 0; timer_runs[h] = false; handling[h] = false }
#endif
    od
}

/* Stores reach memory at any time. */
proctype memory(byte h)
{
end_memory:
    do
    :: buffered[h] != 0 -> drain(h)
    od
}

/* The first processes run, one on each hart; the others are ready, or asleep. */
init {
    byte k;
    atomic {
        for (k : 0 .. P - 1) {
            if
            :: k < RUNNING_FIRST -> cpu[k] = k; cur[k] = k; on_cpu[k] = true; state[k] = RUNNING; before[k] = NONE
            :: else ->
                depth[k] = 1;
#if WORK == SLEEP_IDLE || WORK == SLEEP_IDLE_3
                cpu[k] = k; state[k] = SLEEPING
#else
                queue[0]!k
#endif
            fi
        }
        count[0] = len(queue[0]);
        for (k : 0 .. H - 1) {
            cpu[IDLE(k)] = k;
            depth[IDLE(k)] = 1;
            if
            :: k < RUNNING_FIRST -> state[IDLE(k)] = RUNNABLE
            :: else -> cur[k] = IDLE(k); state[IDLE(k)] = RUNNING; on_cpu[IDLE(k)] = true; before[k] = NONE
            fi;
            run interrupts(k);
            run memory(k)
        }
        booted = true
    }
}
