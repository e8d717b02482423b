/* A fuzzer (libFuzzer) of kernel/fs: it mounts a damaged disk, goes through all of it, uses and changes it, and mounts what has
 * become of it once more. Errors are right; a crash, a hang, a panic, an access out of bounds is not. fuzz.h tells what an
 * input means. FUZZ_SAVE=FILE in the environment: writes the damaged disk there. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#include "fs/fs.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    images_make();
    return 0;
}

static void boot_and_use(bool use)
{
    machine_reset();
    if (use_mount() == 0) {
        use_walk();
        if (use)
            use_list();
        fs_shutdown();
    }
    if (harness_disk_stats().out_of_range > 0) {
        fprintf(stderr, "panic: a request beyond the end of the disk\n");
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    damage(data, size);
    if (getenv("FUZZ_SAVE"))
        harness_disk_save(getenv("FUZZ_SAVE"));
    boot_and_use(true);
    boot_and_use(false);
    return 0;
}
