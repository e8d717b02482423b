/* Options and the environment, and starting programs with it. */
#include "lib.h"

int optind = 1;
char *optarg;

int getopt(int argc, char **argv, const char *letters)
{
    static char *rest; /* what follows in a word of several options */
    if (!rest || !*rest) {
        if (optind >= argc || argv[optind][0] != '-' || !argv[optind][1])
            return -1;
        rest = argv[optind++] + 1;
        if (strcmp(rest, "-") == 0) { /* "--" ends the options */
            rest = NULL;
            return -1;
        }
    }
    char option = *rest++;
    const char *known = option == ':' ? NULL : strchr(letters, option);
    if (!known)
        return '?';
    if (known[1] == ':') {
        if (!*rest && optind >= argc)
            return '?';
        optarg = *rest ? rest : argv[optind++];
        rest = NULL;
    }
    return option;
}

/* The index of `name=...` in environ, or of the NULL at its end. */
static int find(const char *name)
{
    size_t n = strlen(name);
    int i = 0;
    while (environ[i] && (strncmp(environ[i], name, n) != 0 || environ[i][n] != '='))
        i++;
    return i;
}

char *getenv(const char *name)
{
    char *entry = environ[find(name)];
    return entry ? entry + strlen(name) + 1 : NULL;
}

/* What entries replaced is not freed: the first ones lie on the stack, and environments change seldom. */
int setenv(const char *name, const char *value)
{
    static char **owned; /* environ, once it has been moved to memory that can grow */
    int i = find(name);
    size_t n = strlen(name);
    char *entry = malloc(n + strlen(value) + 2);
    if (!entry)
        return (int)lib_failed(-ENOMEM);
    strcpy(entry, name);
    entry[n] = '=';
    strcpy(entry + n + 1, value);
    if (environ[i]) {
        environ[i] = entry;
        return 0;
    }
    char **new = realloc(owned, ((size_t)i + 2) * sizeof(*new));
    if (!new) {
        free(entry);
        return (int)lib_failed(-ENOMEM);
    }
    if (environ != owned)
        memcpy(new, environ, (size_t)i * sizeof(*new));
    new[i] = entry;
    new[i + 1] = NULL;
    environ = owned = new;
    return 0;
}

int unsetenv(const char *name)
{
    int i = find(name);
    for (; environ[i]; i++)
        environ[i] = environ[i + 1];
    return 0;
}

/* As POSIX has it: a directory without the file, or without the right to run it, does not end the search, but
 * the latter is what is reported when nothing else is found. */
int execvp(const char *file, char **argv)
{
    const char *path = getenv("PATH");
    long result = -ENOENT;
    if (strchr(file, '/') || !*file)
        return execve(file, argv, environ);
    for (const char *dir = path ? path : "/bin"; dir;) {
        char full[PATH_MAX];
        const char *colon = strchr(dir, ':');
        size_t n = colon ? (size_t)(colon - dir) : strlen(dir);
        if (n + strlen(file) + 2 <= sizeof(full)) {
            memcpy(full, dir, n);
            if (n > 0)
                full[n++] = '/';
            strcpy(full + n, file);
            long failure = lib_execve(full, argv, environ);
            if (failure != -ENOENT && failure != -ENOTDIR && failure != -EACCES)
                return (int)lib_failed(failure);
            if (failure == -EACCES)
                result = failure;
        }
        dir = colon ? colon + 1 : NULL;
    }
    return (int)lib_failed(result);
}
