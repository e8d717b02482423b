/* A fuzzer (libFuzzer) of fsck: it checks a damaged disk, repairs it, and checks it again. fsck has to end, and to say what is
 * wrong; what it has repaired, or finds clean, it must find clean after that, and the kernel must be content with it,
 * whatever it is used for, and leave a disk that is clean. fuzz.h tells what an input means. FUZZ_SAVE=FILE in the environment: writes the
 * damaged disk there. */
#include "fuzz.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "fs/fs.h"

enum { CLEAN = 0, REPAIRED = 1, ERRORS_LEFT = 4, CANNOT_CHECK = 8 };

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int fsck_run(const char *how, const char *path, FILE *out); /* fsck_part.c */

static int image;
static char path[64], said[64 * 1024];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    images_make();
    image = memfd_create("image", 0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", image);
    return 0;
}

static __attribute__((format(printf, 1, 2))) void wrong(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\nfsck said:\n%.4000s\nthe kernel said:\n%.4000s\n", said, harness_messages());
    abort();
}

static int fsck(const char *how)
{
    machine_reset();
    memset(said, 0, 100);
    FILE *out = fmemopen(said, sizeof(said), "w");
    int status = fsck_run(how, path, out);
    fclose(out);
    return status;
}

static void write_image(void)
{
    size_t n = disk_blocks() * FS_BLOCK_SIZE;

    if (pwrite(image, harness_disk_block(0), n, 0) != (ssize_t)n)
        abort();
}

static void read_image(void)
{
    size_t n = disk_blocks() * FS_BLOCK_SIZE;

    if (pread(image, harness_disk_block(0), n, 0) != (ssize_t)n)
        abort();
}

/* The disk is clean: nothing that the kernel does with it may find anything. */
static void use_clean(const char *when)
{
    machine_reset();
    read_image();
    if (use_mount() != 0)
        wrong("%s the kernel does not mount it", when);
    if (use_walk() != 0)
        wrong("%s the kernel fails to read something", when);
    use_list();
    fs_shutdown();
    if (strstr(harness_messages(), "lode fs:"))
        wrong("%s the kernel finds something wrong", when);
    write_image();
    if (fsck("-n") != CLEAN)
        wrong("after the kernel has used what was clean, it no longer is");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    damage(data, size);
    if (getenv("FUZZ_SAVE"))
        harness_disk_save(getenv("FUZZ_SAVE"));
    write_image();
    int found = fsck("-n");
    if (found != CLEAN && found != ERRORS_LEFT && found != CANNOT_CHECK)
        wrong("fsck -n gives status %d", found);
    if (found != CLEAN && said[0] == '\0')
        wrong("fsck -n gives status %d, but says nothing", found);
    if (found == CLEAN) {
        use_clean("fsck says that it is clean, but");
        return 0;
    }
    int repaired = fsck("-y");
    if (repaired == ERRORS_LEFT && strstr(said, "there is no room")) /* the disk is full: it has said so */
        return 0;
    if (repaired != (found == CANNOT_CHECK ? CANNOT_CHECK : REPAIRED))
        wrong("fsck -n gives status %d, but fsck -y %d", found, repaired);
    if (repaired == CANNOT_CHECK)
        return 0;
    if (fsck("-n") != CLEAN)
        wrong("fsck has repaired it, but does not find it clean");
    use_clean("fsck has repaired it, but");
    return 0;
}
