/* yes: prints its arguments, or "y", as a line, for ever. */
#include "user/lode.h"

int main(int argc, char **argv)
{
    for (;;) {
        for (int i = 1; i < argc; i++) {
            out_string(argv[i]);
            out_byte(i < argc - 1 ? ' ' : '\n');
        }
        if (argc == 1)
            out_string("y\n");
    }
}
