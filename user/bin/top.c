/* top [-n TIMES]: the processes that use the processor most, anew every two seconds; -n: so many times. On a
 * terminal, q quits. Shares are of one processor. */
#include "user/lode.h"

static bool on_terminal;
static struct abi_termios saved;

struct sample {
    struct process *list;
    size_t count;
    uint64_t user, kernel, idle; /* of all processors, 1/USER_HZ s */
    uint64_t time;               /* ns */
};

static void restore_terminal(void)
{
    tcsetattr(0, &saved);
    dprintf(1, "\033[?25h"); /* the cursor */
}

static void prepare_terminal(void)
{
    if (!isatty(1) || tcgetattr(0, &saved) < 0)
        return;
    struct abi_termios raw = saved;
    raw.lflag &=
        ~(uint32_t)(TTY_ICANON | TTY_ECHO | TTY_ISIG); /* ^C is read as a key, to restore the terminal */
    raw.cc[TTY_VMIN] = 0;
    raw.cc[TTY_VTIME] = 20; /* a read ends after 2 s */
    on_terminal = tcsetattr(0, &raw) == 0;
}

/* Two seconds; true if the user wants to leave. */
static bool wait_for_quit(void)
{
    char key;
    if (on_terminal)
        return read(0, &key, 1) == 1 && (key == 'q' || key == 3);
    pause(20);
    return false;
}

static void take_sample(struct sample *s)
{
    struct abi_timespec now;
    char *text = read_file("/proc/stat"), *p = text ? strchr(text, ' ') : NULL;
    uint64_t numbers[4] = {0}; /* user, nice, system, idle */
    if (!p)
        die("/proc/stat");
    for (int i = 0; i < 4; i++)
        numbers[i] = strtoul(p, &p, 10);
    free(text);
    s->user = numbers[0] + numbers[1];
    s->kernel = numbers[2];
    s->idle = numbers[3];
    clock_gettime(CLOCK_MONOTONIC, &now);
    s->time = (uint64_t)now.sec * NSEC_PER_SEC + (uint64_t)now.nsec;
    free(s->list);
    s->count = process_list(&s->list);
}

static uint64_t used(const struct process *p)
{
    return p->user_time + p->kernel_time;
}

/* For the time that the display is about, user_time becomes what each process used in it. */
static int compare(const void *a, const void *b)
{
    const struct process *x = a, *y = b;
    if (x->user_time != y->user_time)
        return x->user_time < y->user_time ? 1 : -1;
    return x->pid - y->pid;
}

static uint64_t percent(uint64_t part, uint64_t whole)
{
    return whole ? part * 100 / whole : 0;
}

static void display(const struct sample *old, const struct sample *new)
{
    struct abi_winsize window = {0};
    struct abi_sysinfo info = {0};
    uint64_t user = new->user - old->user, kernel = new->kernel - old->kernel, idle = new->idle - old->idle;
    uint64_t all = user + kernel + idle, ticks = (new->time - old->time) / (NSEC_PER_SEC / USER_HZ);
    size_t rows = new->count;
    if (on_terminal && getwinsize(1, &window) == 0)
        rows = window.rows > 5 ? window.rows - 5u : 19;
    struct process *order = xmalloc((new->count + 1) * sizeof(*order));
    memcpy(order, new->list, new->count * sizeof(*order));
    for (size_t i = 0; i < new->count; i++) {
        order[i].user_time = used(&order[i]);
        for (size_t j = 0; j < old->count; j++)
            if (old->list[j].pid == order[i].pid)
                order[i].user_time -= used(&old->list[j]);
    }
    qsort(order, new->count, sizeof(*order), compare);
    sysinfo(&info);
    if (on_terminal)
        out_string("\033[?25l\033[H\033[J");
    out_printf("up %ld s, %lu processes; processor: %lu%% user, %lu%% kernel, %lu%% idle\n", info.uptime,
               new->count, percent(user, all), percent(kernel, all), percent(idle, all));
    out_printf("memory: %lu KB, %lu KB free\n\n", info.totalram * info.mem_unit / 1024,
               info.freeram * info.mem_unit / 1024);
    out_printf("%5s %5s S %4s %7s COMMAND\n", "PID", "PPID", "CPU%", "RES-KB");
    for (size_t i = 0; i < new->count &&i < rows; i++) {
        char command[64];
        process_command(&order[i], command, sizeof(command));
        out_printf("%5d %5d %c %4lu %7lu %s\n", order[i].pid, order[i].parent, order[i].state,
                   percent(order[i].user_time, ticks), order[i].resident * 4, command);
    }
    out_flush();
    free(order);
}

int main(int argc, char **argv)
{
    int64_t times = INT64_MAX;
    struct sample samples[2] = {0}; /* the first display is about all the time since boot */
    for (int c; (c = getopt(argc, argv, "n:")) != -1;)
        if (c == '?' || !parse_number(optarg, &times) || times < 1)
            usage("top [-n TIMES]");
    prepare_terminal();
    for (int64_t i = 0; i < times; i++) {
        if (i > 0 && wait_for_quit())
            break;
        take_sample(&samples[i % 2]);
        display(&samples[(i + 1) % 2], &samples[i % 2]);
    }
    if (on_terminal)
        restore_terminal();
    return 0;
}
