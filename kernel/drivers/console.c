/* The console: a terminal's line discipline between the serial port and the device 5:1 (console) and 5:0
 * (tty).
 *
 * Input bytes wait in a ring of entries:
 *
 *        read            ready               end
 *   -------+---------------+-------------------+-----
 *          |  may be read  |  being edited     |
 *
 * In canonical mode bytes become ready a line at a time; the last byte of a line has LINE_END set, and a ^D
 * at the start of a line is an entry that is no byte, only an end. In raw mode each byte is ready at once.
 * One entry stays free for the newline that ends a line, and one for the ^D behind it, so a line too long
 * loses its excess, never its end, nor the end of the file.
 *
 * tty_lock protects all of that and the settings; the UART's lock is taken inside it, for the echo. Bytes are
 * copied to and from programs without it. One reader at a time takes a line (`reading`), so that two never
 * share one. */
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/signal.h"
#include "abi/tty.h"
#include "drivers/drivers.h"
#include "fs/file.h"
#include "lib/string.h"
#include "mm/usercopy.h"
#include "proc/proc.h"
#include "sync/wait.h"
#include "trap/timer.h"

#define TTY_MAJOR  5
#define INPUT_SIZE 4096u
#define CHUNK      256 /* bytes copied at a time; output of different programs mixes by these */

#define LINE_END 0x100 /* flags of an entry, above its byte */
#define NO_BYTE  0x200

#define CTRL(c)      ((c)&0x1f)
#define DELETE       0x7f
#define IGNORED      (-1)
#define TIME_UNIT    100000000ull /* VTIME counts tenths of a second, in ns */
#define DEFAULT_COLS 80
#define DEFAULT_ROWS 24

static struct spinlock tty_lock = SPINLOCK_INIT("tty", RANK_TTY);
static uint16_t input[INPUT_SIZE];
static uint32_t read_at, ready_at, end_at; /* counted from boot; entry i is input[i % INPUT_SIZE] */
static bool reading;
static int foreground; /* process group that ^C reaches; 0 = none */

static struct abi_winsize window = {DEFAULT_ROWS, DEFAULT_COLS, 0, 0};
static struct abi_termios termios = {
    .iflag = TTY_ICRNL,
    .oflag = TTY_OPOST | TTY_ONLCR,
    .cflag = 0000060 | 0000200 | 0000017, /* 8 bits, receiver on, 38400 baud: what programs expect to see */
    .lflag = TTY_ISIG | TTY_ICANON | TTY_ECHO | TTY_ECHOE | TTY_ECHOK,
    .cc = {[TTY_VINTR] = CTRL('C'),
           [TTY_VQUIT] = CTRL('\\'),
           [TTY_VERASE] = DELETE,
           [TTY_VKILL] = CTRL('U'),
           [TTY_VEOF] = CTRL('D'),
           [TTY_VMIN] = 1,
           [TTY_VWERASE] = CTRL('W')},
};

/* Input: called from the UART's interrupt, with tty_lock from here to console_input. */

static uint16_t *entry(uint32_t at)
{
    return &input[at % INPUT_SIZE];
}

static bool flag(uint32_t lflag)
{
    return termios.lflag & lflag;
}

static bool is_key(uint8_t c, int index)
{
    return c != 0 && c == termios.cc[index];
}

/* Carriage returns and newlines as the settings want them; IGNORED. */
static int translate(uint8_t c)
{
    if (c == '\r' && termios.iflag & TTY_IGNCR)
        return IGNORED;
    if (c == '\r' && termios.iflag & TTY_ICRNL)
        return '\n';
    return c == '\n' && termios.iflag & TTY_INLCR ? '\r' : c;
}

/* Control characters show as ^X. */
static bool shows_as_two(uint8_t c)
{
    return (c < ' ' && c != '\t' && c != '\n') || c == DELETE;
}

static void echo(uint8_t c)
{
    char two[2] = {'^', (char)(c ^ 0x40)};
    if (!flag(TTY_ECHO) && !(c == '\n' && flag(TTY_ECHONL) && flag(TTY_ICANON)))
        return;
    if (shows_as_two(c))
        uart_write_atomic(two, 2);
    else
        uart_write_atomic((const char *)&c, 1);
}

static void add(uint16_t e)
{
    *entry(end_at++) = e;
}

static void make_ready(void)
{
    ready_at = end_at;
    wakeup(input);
}

/* Takes back the last byte of the line being edited. */
static void erase_one(void)
{
    uint8_t c = (uint8_t)*entry(--end_at);
    if (flag(TTY_ECHO))
        uart_write_atomic("\b \b\b \b", shows_as_two(c) ? 6 : 3);
}

static void erase_word(void)
{
    while (end_at != ready_at && (uint8_t)*entry(end_at - 1) == ' ')
        erase_one();
    while (end_at != ready_at && (uint8_t)*entry(end_at - 1) != ' ')
        erase_one();
}

static uint32_t space(void)
{
    return INPUT_SIZE - (end_at - read_at);
}

/* An end of file: a line without newline becomes ready; an empty one is an end by itself. */
static void end_of_file(void)
{
    if (end_at != ready_at)
        *entry(end_at - 1) |= LINE_END;
    else if (space() > 0)
        add(LINE_END | NO_BYTE);
    make_ready();
}

static void canonical_input(uint8_t c)
{
    if (is_key(c, TTY_VERASE) || c == '\b') {
        if (end_at != ready_at)
            erase_one();
    } else if (is_key(c, TTY_VKILL)) {
        while (end_at != ready_at)
            erase_one();
    } else if (is_key(c, TTY_VWERASE)) {
        erase_word();
    } else if (is_key(c, TTY_VEOF)) {
        end_of_file();
    } else if (c == '\n' && space() > 1) {
        echo(c);
        add(c | LINE_END);
        make_ready();
    } else if (space() > 2) {
        echo(c);
        add(c);
    } else {
        uart_write_atomic("\a", 1);
    }
}

static void raw_input(uint8_t c)
{
    if (space() == 0)
        return;
    echo(c);
    add(c);
    make_ready();
}

static void flush_input(void)
{
    read_at = ready_at = end_at;
}

/* A byte on its way in; returns the signal that it means, or 0. */
static int take_byte(uint8_t c)
{
    int signal = !flag(TTY_ISIG) ? 0 : is_key(c, TTY_VINTR) ? SIGINT : is_key(c, TTY_VQUIT) ? SIGQUIT : 0;
    if (signal != 0) {
        echo(c);
        flush_input();
    } else if (flag(TTY_ICANON)) {
        canonical_input(c);
    } else {
        raw_input(c);
    }
    return signal;
}

/* What take_byte returned, to who had the terminal then. It takes locks of its own. */
static void raise_signal(int group, int signal)
{
    if (signal != 0 && group > 0)
        signal_kill_group(group, signal);
}

void console_input(uint8_t byte)
{
    bool list = false;
    int signal = 0;
    spin_lock(&tty_lock);
    int c = translate(byte), group = foreground;
    if (c == CTRL('P') && flag(TTY_ISIG) && flag(TTY_ICANON))
        list = true;
    else if (c != IGNORED)
        signal = take_byte((uint8_t)c);
    spin_unlock(&tty_lock);

    raise_signal(group, signal);
    if (list)
        proc_print_all();
}

/* Reading. */

/* Waits until a read of n bytes can return something: 0; -EINTR; -EAGAIN. VMIN and VTIME as in POSIX, 11.1.7:
 * without VMIN, VTIME limits the wait for the first byte; with it, the time between two bytes. */
static int wait_for_input(size_t n, int flags)
{
    for (;;) {
        uint32_t ready = ready_at - read_at, need = 1;
        uint64_t deadline = WAIT_FOREVER;
        if (!flag(TTY_ICANON)) {
            uint8_t least = termios.cc[TTY_VMIN], time = termios.cc[TTY_VTIME];
            need = (uint32_t)MIN((size_t)least, n);
            if (least == 0 && time > 0)
                need = 1;
            if (time > 0 && (least == 0 || ready > 0))
                deadline = time_monotonic() + time * TIME_UNIT;
        }
        if (!reading && ready >= need)
            return 0;
        if (flags & O_NONBLOCK)
            return !reading && ready > 0 ? 0 : -EAGAIN;
        int err = sleep_interruptible(input, &tty_lock, deadline);
        if (err == -ETIMEDOUT && !reading)
            return 0;
        if (err == -EINTR)
            return err;
    }
}

/* Takes up to n ready bytes; *end: the line is over, or nothing is left. */
static size_t take_input(uint8_t *buf, size_t n, bool *end)
{
    bool lines = flag(TTY_ICANON);
    size_t k = 0;
    *end = false;
    while (k < n && read_at != ready_at && !*end) {
        uint16_t e = *entry(read_at++);
        if (!(e & NO_BYTE))
            buf[k++] = (uint8_t)e;
        *end = lines && e & LINE_END;
    }
    *end |= read_at == ready_at;
    return k;
}

static ssize_t console_read(struct file *f, struct uio *u, uint64_t *at)
{
    uint8_t chunk[CHUNK];
    ssize_t total = 0;
    bool end = false;
    (void)at;
    spin_lock(&tty_lock);
    int err = wait_for_input(u->left, (int)f->flags);
    if (err == 0) {
        reading = true;
        while (err == 0 && !end && u->left > 0) {
            size_t n = take_input(chunk, MIN(u->left, sizeof(chunk)), &end);
            spin_unlock(&tty_lock);
            err = uio_read(u, chunk, n);
            spin_lock(&tty_lock);
            total += err == 0 ? (ssize_t)n : 0;
        }
        reading = false;
        wakeup(input);
    }
    spin_unlock(&tty_lock);
    return total > 0 ? total : err;
}

/* Writing. */

static ssize_t console_write(struct file *f, struct uio *u, uint64_t *at)
{
    char chunk[CHUNK];
    ssize_t total = 0;
    int err = 0;
    (void)f, (void)at;
    while (u->left > 0 && err == 0) {
        size_t before = u->left;
        int fault = uio_write(u, chunk, MIN(before, sizeof(chunk)));
        size_t n = before - u->left;
        bool newlines = (termios.oflag & (TTY_OPOST | TTY_ONLCR)) == (TTY_OPOST | TTY_ONLCR);
        err = uart_write(chunk, n, newlines);
        if (err == 0) {
            total += (ssize_t)n;
            /* A long write ends early, so that its process can be killed. */
            err = fault == 0 && u->left > 0 && signal_pending() ? -EINTR : fault;
        }
    }
    return total > 0 ? total : err;
}

/* Settings. */

static int bytes_ready(void)
{
    int n = 0;
    for (uint32_t i = read_at; i != ready_at; i++)
        n += !(*entry(i) & NO_BYTE);
    return n;
}

static int get_setting(uptr_t arg, const void *setting, size_t n)
{
    uint8_t copy[sizeof(termios)];
    spin_lock(&tty_lock);
    memcpy(copy, setting, n);
    spin_unlock(&tty_lock);
    return copyout(arg, copy, n);
}

/* What was typed ahead in raw mode, to a shell that edits lines itself, and not read: it is for the program
 * that the shell has started, and goes through the line discipline now. Ends of lines that it has met before
 * stay. In place: an entry makes one entry at most. Returns a signal among it (one is enough), or 0. */
static int type_again(void)
{
    uint32_t end = end_at;
    int signal = 0;
    ready_at = end_at = read_at;
    for (uint32_t at = read_at; at != end; at++) {
        uint16_t e = *entry(at);
        int c = translate((uint8_t)e);
        if (!(e & NO_BYTE) && c != IGNORED)
            signal = MAX(take_byte((uint8_t)c), signal);
        if (e & LINE_END && c != '\n')
            end_of_file();
    }
    return signal;
}

/* Output is processed when it is written, so TCSETSW need not wait for it to leave. */
static void set_termios(const struct abi_termios *t, bool flush)
{
    int signal = 0;
    spin_lock(&tty_lock);
    if (flush)
        flush_input();
    bool was_canonical = flag(TTY_ICANON);
    termios = *t;
    int group = foreground;
    if (was_canonical && !flag(TTY_ICANON))
        ready_at = end_at; /* a line begun can be read as it is */
    else if (!was_canonical && flag(TTY_ICANON))
        signal = type_again();
    wakeup(input);
    spin_unlock(&tty_lock);
    raise_signal(group, signal);
}

static int console_ioctl(struct file *f, uint64_t request, uptr_t arg)
{
    struct abi_termios t;
    struct abi_winsize w;
    int number, err;
    (void)f;
    switch (request) {
    case TCGETS:
        return get_setting(arg, &termios, sizeof(termios));
    case TIOCGWINSZ:
        return get_setting(arg, &window, sizeof(window));
    case TIOCGPGRP:
        return get_setting(arg, &foreground, sizeof(foreground));
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
        err = copyin(&t, arg, sizeof(t));
        if (err == 0)
            set_termios(&t, request == TCSETSF);
        return err;
    case TIOCSWINSZ:
        err = copyin(&w, arg, sizeof(w));
        spin_lock(&tty_lock);
        if (err == 0)
            window = w;
        spin_unlock(&tty_lock);
        return err;
    case TIOCSPGRP:
        err = copyin(&number, arg, sizeof(number));
        if (err == 0 && number <= 0)
            err = -EINVAL;
        if (err == 0)
            __atomic_store_n(&foreground, number, __ATOMIC_RELAXED);
        return err;
    case FIONREAD:
        spin_lock(&tty_lock);
        number = bytes_ready();
        spin_unlock(&tty_lock);
        return copyout(arg, &number, sizeof(number));
    case TIOCSCTTY: /* the only terminal is everybody's */
        return 0;
    default:
        return -ENOTTY;
    }
}

void console_init(void)
{
    static const struct file_ops ops = {.read = console_read, .write = console_write, .ioctl = console_ioctl};
    if (uart_is_framed()) {
        termios.oflag &= ~(uint32_t)TTY_OPOST;
        termios.lflag &= ~(uint32_t)TTY_ECHO;
    }
    device_register(TTY_MAJOR, &ops);
}
