/* mkfs/fsck.c as a function: its main, whose variables machine_reset sets back, and whose exit is a return. What it prints is
 * counted. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

static jmp_buf end;
static FILE *nowhere;

static _Noreturn void end_fsck(int status)
{
    longjmp(end, status);
}

#undef stdout
#undef stderr
#define stdout                nowhere
#define stderr                nowhere
#define printf(...)           fprintf(nowhere, __VA_ARGS__)
#define vprintf(format, args) vfprintf(nowhere, format, args)
#define putchar(c)            fputc(c, nowhere)
#define exit                  end_fsck
#define main                  fsck_main
int fsck_main(int argc, char **argv);
#include "../../mkfs/fsck.c"
#undef exit

int fsck_run(const char *how, const char *path, FILE *out);
int fsck_run(const char *how, const char *path, FILE *out)
{
    char *argv[] = {"fsck", (char *)how, "-q", (char *)path, NULL};
    int status;

    optind = 0; /* glibc: from the beginning */
    nowhere = out;
    status = setjmp(end);
    if (status == 0)
        status = fsck_main(4, argv);
    if (image && image != MAP_FAILED)
        munmap(image, image_blocks * FS_BLOCK_SIZE);
    image = NULL;
    fflush(out);
    return status;
}
