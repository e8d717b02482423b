/* The line editor: a line is edited in raw mode and redrawn with the few escape sequences that every terminal
 * knows. Programs never see raw mode: it lasts from the prompt to the end of the line.
 *
 * A long line wraps over several rows. The cursor's row is kept from one drawing to the next, relative to the
 * row of the prompt, so that redraw() knows how far up the prompt is. Characters are UTF-8, each one column
 * wide. */
#include "sh.h"

#define HISTORY_MAX 500
#define CONTROL(c)  ((c)&0x1f)

enum key { KEY_UP = 256, KEY_DOWN, KEY_RIGHT, KEY_LEFT, KEY_HOME, KEY_END, KEY_DELETE, KEY_NONE };

struct editor {
    const char *prompt;
    struct buf text;
    size_t at;   /* the cursor, as an index into text */
    size_t cols; /* of the terminal */
    size_t row;  /* where the cursor was left, in rows below the prompt's */
    int history; /* the line of the history shown; nhistory: the one being typed */
    char *typed; /* that line, while another is shown */
    bool tabbed; /* the key before was a tab that could not decide */
};

static struct abi_termios cooked; /* the terminal's mode when the line began */
static char *history[HISTORY_MAX];
static int nhistory;

void edit_repair_terminal(void)
{
    if (cooked.lflag)
        tcsetattr(0, &cooked);
}

static bool set_raw(void)
{
    struct abi_termios raw;
    if (tcgetattr(0, &cooked) < 0)
        return false;
    raw = cooked;
    raw.lflag &= ~(uint32_t)(TTY_ICANON | TTY_ECHO | TTY_ISIG);
    raw.cc[TTY_VMIN] = 1;
    raw.cc[TTY_VTIME] = 0;
    return tcsetattr(0, &raw) == 0;
}

/* ---- keys ---- */

static int read_byte(void)
{
    unsigned char c;
    return read(0, &c, 1) == 1 ? c : -1;
}

/* ESC [ letter, ESC O letter, or ESC [ number ~ */
static int read_escape(void)
{
    static const char letters[] = "ABCDHF";
    static const enum key by_letter[] = {KEY_UP, KEY_DOWN, KEY_RIGHT, KEY_LEFT, KEY_HOME, KEY_END};
    int c = read_byte(), number = 0;
    if (c != '[' && c != 'O')
        return KEY_NONE;
    for (c = read_byte(); isdigit(c) || c == ';'; c = read_byte())
        number = c == ';' ? 0 : (number * 10 + c - '0') % 1000;
    if (c == '~')
        return number == 3                  ? KEY_DELETE
               : number == 1 || number == 7 ? KEY_HOME
               : number == 4 || number == 8 ? KEY_END
                                            : KEY_NONE;
    const char *letter = c > 0 ? strchr(letters, c) : NULL;
    return letter ? by_letter[letter - letters] : KEY_NONE;
}

static int read_key(void)
{
    int c = read_byte();
    return c == 033 ? read_escape() : c;
}

/* ---- the screen ---- */

static bool is_continuation(char c)
{
    return (c & 0xc0) == 0x80;
}

static size_t width(const char *s, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += !is_continuation(s[i]);
    return n;
}

static void move(struct buf *out, size_t n, char direction)
{
    if (n == 0)
        return;
    buf_puts(out, "\033[");
    buf_number(out, n);
    buf_add(out, direction);
}

/* Text from column *column on, each row ended here rather than by the terminal: one that is wider than it
 * says (a serial line does not tell) shows the same. */
static void add_wrapped(struct editor *e, struct buf *out, const char *s, size_t len, size_t *column)
{
    for (size_t i = 0; i < len; i++) {
        buf_add(out, s[i]);
        bool whole = i + 1 == len || !is_continuation(s[i + 1]);
        if (whole && ++*column % e->cols == 0)
            buf_puts(out, "\r\n");
    }
}

static void redraw(struct editor *e)
{
    struct buf out = {0};
    size_t end = 0, cursor = width(e->prompt, strlen(e->prompt)) + width(e->text.s, e->at);
    move(&out, e->row, 'A');
    buf_add(&out, '\r');
    add_wrapped(e, &out, e->prompt, strlen(e->prompt), &end);
    add_wrapped(e, &out, e->text.s, e->text.len, &end);
    buf_puts(&out, "\033[J"); /* what an older, longer line left */
    move(&out, end / e->cols - cursor / e->cols, 'A');
    buf_add(&out, '\r');
    move(&out, cursor % e->cols, 'C');
    e->row = cursor / e->cols;
    write_all(1, out.s, out.len);
    buf_free(&out);
}

/* ---- changes ---- */

static size_t before(const struct editor *e, size_t at)
{
    while (at > 0 && is_continuation(e->text.s[--at]))
        ;
    return at;
}

static size_t after(const struct editor *e, size_t at)
{
    if (at < e->text.len)
        at++;
    while (at < e->text.len && is_continuation(e->text.s[at]))
        at++;
    return at;
}

static void insert(struct editor *e, const char *s, size_t len)
{
    buf_append(&e->text, s, len); /* for the room; now everything moves into its place */
    memmove(e->text.s + e->at + len, e->text.s + e->at, e->text.len - len - e->at);
    memcpy(e->text.s + e->at, s, len);
    e->at += len;
}

static void insert_typed(struct editor *e, char c)
{
    size_t columns = width(e->prompt, strlen(e->prompt)) + width(e->text.s, e->text.len) + 1;
    insert(e, &c, 1);
    if (e->at == e->text.len && columns % e->cols != 0)
        write(1, &c, 1); /* the usual case needs no redrawing */
    else if (!is_continuation(c) || e->at == e->text.len)
        redraw(e);
}

static void erase(struct editor *e, size_t from, size_t to)
{
    memmove(e->text.s + from, e->text.s + to, e->text.len - to);
    e->text.len -= to - from;
    e->at = from;
    redraw(e);
}

static void erase_word(struct editor *e)
{
    size_t from = e->at;
    while (from > 0 && e->text.s[from - 1] == ' ')
        from--;
    while (from > 0 && e->text.s[from - 1] != ' ')
        from--;
    erase(e, from, e->at);
}

static void move_to(struct editor *e, size_t at)
{
    e->at = at;
    redraw(e);
}

/* ---- history ---- */

static void remember(const char *line)
{
    if (!line[0] || (nhistory > 0 && strcmp(history[nhistory - 1], line) == 0))
        return;
    if (nhistory == HISTORY_MAX) {
        free(history[0]);
        memmove(history, history + 1, --nhistory * sizeof(history[0]));
    }
    history[nhistory++] = xstrdup(line);
}

static void show_history(struct editor *e, int n)
{
    if (n < 0 || n > nhistory || n == e->history)
        return;
    if (e->history == nhistory) {
        free(e->typed);
        e->typed = xstrdup(buf_text(&e->text));
    }
    const char *line = n == nhistory ? e->typed : history[n];
    e->history = n;
    e->text.len = 0;
    buf_puts(&e->text, line);
    e->at = e->text.len;
    redraw(e);
}

/* ^R: looks for the newest line with what is typed; ^R again: for the next older one. Returns the key that
 * ended the search, to be handled as usual. */
static int search_history(struct editor *e)
{
    const char *prompt = e->prompt;
    struct buf wanted = {0}, shown = {0};
    int n = nhistory, key;
    for (;;) {
        shown.len = 0;
        buf_puts(&shown, "(search) ");
        buf_puts(&shown, buf_text(&wanted));
        buf_puts(&shown, ": ");
        e->prompt = buf_text(&shown);
        redraw(e);
        key = read_key();
        int from = n;
        if (key == CONTROL('r'))
            from = n - 1;
        else if (key >= ' ' && key < 256 && key != 127)
            buf_add(&wanted, key);
        else if ((key == 127 || key == CONTROL('h')) && wanted.len > 0)
            wanted.len--, from = nhistory;
        else
            break;
        from = from < nhistory ? from : nhistory - 1;
        while (from >= 0 && !strstr(history[from], buf_text(&wanted)))
            from--;
        if (from >= 0) {
            n = from;
            show_history(e, n);
        }
    }
    buf_free(&wanted);
    buf_free(&shown);
    e->prompt = prompt;
    redraw(e);
    return key;
}

/* ---- completion ---- */

struct choices {
    struct buf names; /* char * each */
    size_t common;    /* bytes that all begin with */
};

static bool ends_word(char c)
{
    return strchr(" ;|&()<>`\"'=", c) != NULL;
}

static void add_choice(struct choices *c, const char *name, bool directory)
{
    char **names = (char **)c->names.s, *copy = arena_alloc(&scratch, strlen(name) + 2);
    size_t count = c->names.len / sizeof(char *), common = 0;
    strcpy(copy, name);
    if (directory)
        copy[strlen(name)] = '/';
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], copy) == 0)
            return;
    while (count > 0 && common < c->common && names[0][common] == copy[common])
        common++;
    c->common = count > 0 ? common : strlen(copy);
    buf_append(&c->names, (char *)&copy, sizeof(copy));
}

/* The names in `path` that begin with `prefix`; programs: only what can be executed. */
static void add_files(struct choices *c, const char *path, const char *prefix, bool programs)
{
    static struct dir d;
    struct abi_dirent64 *entry;
    struct abi_stat st;
    if (dir_open(&d, path) < 0)
        return;
    while ((entry = dir_next(&d))) {
        if (strncmp(entry->name, prefix, strlen(prefix)) != 0 || (entry->name[0] == '.' && !prefix[0]))
            continue;
        struct buf file = {0};
        buf_puts(&file, path);
        buf_add(&file, '/');
        buf_puts(&file, entry->name);
        bool known = getstat(buf_text(&file), &st) == 0, directory = known && S_ISDIR(st.mode);
        if (!programs || (!directory && access(buf_text(&file), X_OK) == 0))
            add_choice(c, entry->name, directory);
        buf_free(&file);
    }
    dir_close(&d);
}

static void add_commands(struct choices *c, const char *prefix)
{
    const char *path = var_get("PATH");
    for (const struct builtin *b = builtins; b->name; b++)
        if (strncmp(b->name, prefix, strlen(prefix)) == 0)
            add_choice(c, b->name, false);
    while (path && *path) {
        const char *colon = strchr(path, ':');
        size_t len = colon ? (size_t)(colon - path) : strlen(path);
        add_files(c, arena_dup(&scratch, path, len), prefix, true);
        path = colon ? colon + 1 : NULL;
    }
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list_choices(struct editor *e, const struct choices *c)
{
    struct buf out = {0};
    size_t count = c->names.len / sizeof(char *), widest = 0, column = 0;
    char **names = (char **)c->names.s;
    qsort(names, count, sizeof(char *), compare);
    for (size_t i = 0; i < count; i++) {
        size_t w = width(names[i], strlen(names[i]));
        widest = w > widest ? w : widest;
    }
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || column + 2 * (widest + 2) > e->cols) {
            buf_add(&out, '\n');
            column = 0;
        } else {
            column += widest + 2;
        }
        buf_puts(&out, names[i]);
        for (size_t w = width(names[i], strlen(names[i])); w < widest + 2; w++)
            buf_add(&out, ' ');
    }
    buf_add(&out, '\n');
    write_all(1, out.s, out.len);
    buf_free(&out);
    e->row = 0;
    redraw(e);
}

/* Puts what is common to all choices after the cursor, what the shell would not take as it is with a
 * backslash. */
static void insert_common(struct editor *e, const struct choices *c, size_t have)
{
    const char *name = ((char **)c->names.s)[0];
    for (size_t i = have; i < c->common; i++) {
        if (strchr(" \t;|&()<>`\"'$*?[\\#~", name[i]))
            insert(e, "\\", 1);
        insert(e, &name[i], 1);
    }
    if (c->names.len == sizeof(char *) && name[c->common - 1] != '/')
        insert(e, " ", 1);
    redraw(e);
}

static void complete(struct editor *e)
{
    struct arena_mark mark = arena_mark(&scratch);
    struct choices c = {0};
    const char *text = buf_text(&e->text);
    size_t from = e->at, first;
    while (from > 0 && (!ends_word(text[from - 1]) || (from > 1 && text[from - 2] == '\\')))
        from--;
    for (first = from; first > 0 && text[first - 1] == ' '; first--)
        ;
    char *word = arena_dup(&scratch, text + from, e->at - from);
    pattern_unescape(word);
    char *slash = strrchr(word, '/'), *prefix = slash ? slash + 1 : word;
    if (!slash && (first == 0 || strchr(";|&(`", text[first - 1]))) {
        add_commands(&c, prefix);
    } else {
        const char *path = !slash ? "." : slash == word ? "/" : arena_dup(&scratch, word, slash - word);
        const char *home = var_get("HOME");
        if (path[0] == '~' && !path[1] && home)
            path = home;
        add_files(&c, path, prefix, false);
    }
    bool progress = c.names.len > 0 && (c.common > strlen(prefix) || c.names.len == sizeof(char *));
    if (progress)
        insert_common(e, &c, strlen(prefix));
    else if (e->tabbed && c.names.len > 0)
        list_choices(e, &c);
    e->tabbed = !progress;
    buf_free(&c.names);
    arena_release(&scratch, mark);
}

/* ---- the line ---- */

/* ^P lists the processes, as it does while a program runs; there the kernel sees to it. */
static void show_processes(struct editor *e)
{
    static char ps[] = "ps";
    char *argv[] = {ps, NULL};
    move_to(e, e->text.len);
    write_all(1, "\n", 1);
    tcsetattr(0, &cooked);
    int pid = fork();
    if (pid == 0) {
        execvp(argv[0], argv);
        exit(127);
    }
    if (pid > 0)
        waitpid(pid, NULL, 0);
    set_raw();
    e->row = 0;
    redraw(e);
}

/* Everything but the keys that end a line. */
static void handle_key(struct editor *e, int key)
{
    bool tabbed = e->tabbed;
    e->tabbed = false;
    switch (key) {
    case KEY_LEFT:
    case CONTROL('b'):
        move_to(e, before(e, e->at));
        break;
    case KEY_RIGHT:
    case CONTROL('f'):
        move_to(e, after(e, e->at));
        break;
    case KEY_HOME:
    case CONTROL('a'):
        move_to(e, 0);
        break;
    case KEY_END:
    case CONTROL('e'):
        move_to(e, e->text.len);
        break;
    case KEY_UP:
        show_history(e, e->history - 1);
        break;
    case CONTROL('p'):
        show_processes(e);
        break;
    case KEY_DOWN:
    case CONTROL('n'):
        show_history(e, e->history + 1);
        break;
    case CONTROL('h'):
    case 127:
        erase(e, before(e, e->at), e->at);
        break;
    case KEY_DELETE:
    case CONTROL('d'):
        erase(e, e->at, after(e, e->at));
        break;
    case CONTROL('u'):
        erase(e, 0, e->at);
        break;
    case CONTROL('k'):
        erase(e, e->at, e->text.len);
        break;
    case CONTROL('w'):
        erase_word(e);
        break;
    case CONTROL('l'):
        write_all(1, "\033[H\033[2J", 7);
        e->row = 0;
        redraw(e);
        break;
    case '\t':
        e->tabbed = tabbed;
        complete(e);
        break;
    default:
        if (key >= ' ' && key < 256)
            insert_typed(e, key);
    }
}

static enum edit_result edit_raw(struct editor *e)
{
    redraw(e);
    for (;;) {
        int key = read_key();
        if (key == CONTROL('r'))
            key = search_history(e);
        if (key < 0 || (key == CONTROL('d') && e->text.len == 0))
            return EDIT_EOF;
        if (key == CONTROL('c'))
            return EDIT_INTERRUPTED;
        if (key == '\n' || key == '\r')
            return EDIT_LINE;
        handle_key(e, key);
    }
}

/* Without raw mode the terminal (or whatever it is) edits the line itself. */
static enum edit_result read_plain(const char *prompt, struct buf *line)
{
    int c;
    write_all(1, prompt, strlen(prompt));
    while ((c = read_byte()) >= 0) {
        buf_add(line, c);
        if (c == '\n')
            break;
    }
    return line->len > 0 ? EDIT_LINE : EDIT_EOF;
}

enum edit_result edit_line(const char *prompt, struct buf *line)
{
    struct editor e = {.prompt = prompt, .history = nhistory, .cols = 80};
    struct abi_winsize size;
    if (!set_raw())
        return read_plain(prompt, line);
    if (getwinsize(1, &size) == 0 && size.cols > 0)
        e.cols = size.cols;
    buf_text(&e.text);
    enum edit_result result = edit_raw(&e);
    if (result != EDIT_EOF)
        move_to(&e, e.text.len);
    write_all(1, result == EDIT_INTERRUPTED ? "^C\n" : "\n", result == EDIT_INTERRUPTED ? 3 : 1);
    tcsetattr(0, &cooked);
    if (result == EDIT_LINE) {
        remember(buf_text(&e.text));
        buf_append(line, e.text.s, e.text.len);
        buf_add(line, '\n');
    }
    buf_free(&e.text);
    free(e.typed);
    return result;
}
