/* xargs: runs a command with arguments read from standard input.
 *
 *     xargs [-n MAX] [-I MARK] [-t] [COMMAND [ARGUMENT...]]
 *
 * The input is split at white space; quotes and backslashes protect it. A command gets as many arguments as
 * fit, at most MAX. With -I, every line is one argument, which replaces MARK in the command's arguments. The
 * status is 0, 123 when a command failed, 126 or 127 when it could not be run. */
#include "user/lode.h"

#define BYTES_MAX (ARG_MAX / 4) /* of arguments for one command: far from what execve refuses */

static char **list; /* the command, then the arguments read */
static int fixed, count, room;
static size_t bytes;
static bool trace;
static const char *mark;
static int status;

static void append(char *argument)
{
    if (count + 1 >= room) {
        room = room * 2 + 64;
        list = xrealloc(list, room * sizeof(char *));
    }
    list[count++] = argument;
    list[count] = NULL;
}

static void run(char **argv)
{
    int result;
    if (trace) {
        for (char **a = argv; *a; a++)
            fprintf(2, a == argv ? "%s" : " %s", *a);
        fprintf(2, "\n");
    }
    int pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0) {
        int null = open("/dev/null", O_RDONLY); /* the input is ours */
        if (null > 0)
            dup2(null, 0);
        execvp(argv[0], argv);
        int error = errno;
        warn("%s", argv[0]);
        exit(error == ENOENT ? 127 : 126);
    }
    while (waitpid(pid, &result, 0) < 0)
        if (errno != EINTR)
            die("wait");
    int code = WAIT_HAS_EXITED(result) ? WAIT_EXIT_CODE(result) : 125;
    if (code == 126 || code == 127)
        exit(code);
    if (code != 0)
        status = 123;
}

static void flush(void)
{
    run(list);
    while (count > fixed)
        free(list[--count]);
    list[count] = NULL;
    bytes = 0;
}

/* `text` with every MARK replaced. */
static char *replace(const char *text, const char *by)
{
    size_t step = strlen(mark), size = strlen(text) + 1;
    for (const char *s = text; (s = strstr(s, mark)); s += step)
        size += strlen(by);
    char *result = xmalloc(size), *to = result;
    for (const char *at; (at = strstr(text, mark)); text = at + step) {
        memcpy(to, text, at - text);
        to += at - text;
        memcpy(to, by, strlen(by));
        to += strlen(by);
    }
    strcpy(to, text);
    return result;
}

static void run_replaced(const char *line)
{
    char **argv = xmalloc((fixed + 1) * sizeof(char *));
    for (int i = 0; i < fixed; i++)
        argv[i] = replace(list[i], line);
    argv[fixed] = NULL;
    run(argv);
    for (int i = 0; i < fixed; i++)
        free(argv[i]);
    free(argv);
}

/* The next argument, in memory of its own; NULL at the end. */
static char *next_argument(struct input *in)
{
    size_t len = 0, size = 64;
    char *s = xmalloc(size);
    int c, quote = 0;
    bool started = false;
    while ((c = input_byte(in)) >= 0) {
        if (!quote && (mark ? c == '\n' : isspace(c))) {
            if (started)
                break;
            continue;
        }
        if (mark && !started && isspace(c))
            continue;
        started = true;
        if (quote ? c == quote : c == '"' || c == '\'') {
            quote = quote ? 0 : c;
            continue;
        }
        if (c == '\\' && !quote && (c = input_byte(in)) < 0)
            break;
        if (len + 1 == size)
            s = xrealloc(s, size *= 2);
        s[len++] = c;
    }
    if (quote)
        diex("unterminated quote");
    s[len] = '\0';
    if (started)
        return s;
    free(s);
    return NULL;
}

int main(int argc, char **argv)
{
    static const char text[] = "xargs [-n MAX] [-I MARK] [-t] [COMMAND [ARGUMENT...]]";
    static struct input in = {.fd = 0};
    static char echo[] = "echo";
    int64_t max = INT32_MAX;
    int i = 1;
    for (; i < argc && argv[i][0] == '-' && argv[i][1];
         i++) { /* no getopt: the command has its own options */
        if (strcmp(argv[i], "-t") == 0)
            trace = true;
        else if (strcmp(argv[i], "-I") == 0 && i + 1 < argc && argv[i + 1][0])
            mark = argv[++i];
        else if (strcmp(argv[i], "-n") == 0 && i + 1 < argc && parse_number(argv[i + 1], &max) && max > 0)
            i++;
        else
            usage(text);
    }
    for (; i < argc; i++)
        append(argv[i]);
    if (count == 0)
        append(echo);
    fixed = count;
    char *argument;
    bool any = false;
    while ((argument = next_argument(&in))) {
        any = true;
        if (mark) {
            run_replaced(argument);
            free(argument);
            continue;
        }
        size_t size = strlen(argument) + 1 + sizeof(char *);
        if (count > fixed && bytes + size > BYTES_MAX)
            flush();
        append(argument);
        bytes += size;
        if (count - fixed >= max)
            flush();
    }
    if (!mark && (count > fixed || !any))
        flush();
    return status;
}
