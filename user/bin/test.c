/* test, and [ when it is called so: the program; the shell has the same code built in. */
#include "user/bin/sh/test.c"

int main(int argc, char **argv)
{
    char bracket[] = "[";
    if (strcmp(progname(), bracket) == 0)
        argv[0] = bracket; /* without the path before it */
    return test_main(argc, argv);
}
