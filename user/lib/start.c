/* The C half of a program's start. */
#include "lib.h"

int main(int argc, char **argv, char **envp);
_Noreturn void lib_start(long *stack);

char **environ;
char **lib_argv;
const uint64_t *lib_aux;
bool lib_sigpipe_ignored;

/* lode.h defines it in every program that includes that header; programs for xv6 are without. */
extern const char unix_program __attribute__((weak));

_Noreturn void lib_start(long *stack)
{
    int argc = (int)stack[0];
    lib_argv = (char **)(stack + 1);
    environ = lib_argv + argc + 1;
    char **end = environ;
    while (*end)
        end++;
    lib_aux = (const uint64_t *)(end + 1);
    if (&unix_program == NULL) {
        struct abi_sigaction ignore = {.handler = SIGNAL_IGNORE};
        lib_sigpipe_ignored = sys_rt_sigaction(SIGPIPE, (long)&ignore, 0L, 8L) == 0;
    }
    exit(main(argc, lib_argv, environ));
}
