/* env: runs a command with a changed environment, or prints the environment.
 *
 *     env [-i] [-u NAME] [NAME=VALUE...] [COMMAND [ARGUMENT...]]
 *
 * -i begins with an empty environment, -u takes a variable out. */
#include "user/lode.h"

int main(int argc, char **argv)
{
    static const char text[] = "env [-i] [-u NAME] [NAME=VALUE...] [COMMAND [ARGUMENT...]]";
    int i = 1;
    for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
        if (strcmp(argv[i], "-i") == 0) {
            static char *empty[1];
            environ = empty;
        } else if (strcmp(argv[i], "-u") == 0 && i + 1 < argc) {
            unsetenv(argv[++i]);
        } else if (strcmp(argv[i], "--") == 0) {
            i++;
            break;
        } else {
            usage(text);
        }
    }
    for (; i < argc && strchr(argv[i], '='); i++) {
        char *equals = strchr(argv[i], '=');
        *equals = '\0';
        if (setenv(argv[i], equals + 1) < 0)
            die("%s", argv[i]);
    }
    if (i < argc) {
        execvp(argv[i], argv + i);
        int error = errno;
        warn("%s", argv[i]);
        return error == ENOENT ? 127 : 126;
    }
    for (char **e = environ; *e; e++) {
        out_string(*e);
        out_byte('\n');
    }
    out_flush();
    return 0;
}
