/* echo [-n] [WORD ...]: prints its words; -n: without the newline. */
#include "user/lode.h"

int main(int argc, char **argv)
{
    int first = argc > 1 && strcmp(argv[1], "-n") == 0 ? 2 : 1;
    for (int i = first; i < argc; i++) {
        if (i > first)
            out_byte(' ');
        out_string(argv[i]);
    }
    if (first == 1)
        out_byte('\n');
    out_flush();
    return 0;
}
