/* Programs that were damaged on purpose: execve refuses them, or they run and come to whatever end. Nothing else happens. */
#include "fuzz.h"
#include "abi/elf.h"

#define FILE_NAME  "damaged"
#define IMAGE_MAX  (256 * 1024)
#define LOOK_NS    500000
#define PATIENCE   20 /* looks at a program that runs, until it is killed */
#define NOT_CALLED 1  /* in *refused */

static const char *const programs[] = {"/bin/true", "/bin/echo", "/bin/cat", "/bin/sort", "/bin/regsatentry"};

static uint8_t image[IMAGE_MAX];
static int64_t image_size;
static long *refused;   /* shared: what execve returned in the child */
static int64_t give_up; /* looks at a program that was killed, until the kernel has failed to do so */
static uint64_t counts[4];

/* ---- damage ---- */

static uint64_t bad_number(struct random *r)
{
    static const uint64_t numbers[] = {0,
                                       1,
                                       2,
                                       8,
                                       14,
                                       15,
                                       55,
                                       56,
                                       64,
                                       4095,
                                       4096,
                                       0x7fff,
                                       0xffff,
                                       0x10000,
                                       0x7fffffff,
                                       0x80000000,
                                       0xffffffff,
                                       0x3ffffff000,
                                       0x3fffffe000,
                                       0x4000000000,
                                       0x80200000,
                                       0xffffffc080200000,
                                       0x7fffffffffffffff,
                                       0x8000000000000000,
                                       0xfffffffffffff000,
                                       0xffffffffffffffff};

    if (random_below(r, 100) < 60)
        return numbers[random_below(r, sizeof(numbers) / sizeof(numbers[0]))];
    return random_next(r) >> random_below(r, 64);
}

/* Puts a number, or what was there and a little more or less, at a place of `size` bytes. */
static void put_number(struct random *r, uint64_t at, unsigned size)
{
    uint64_t old = 0, new;

    if (at + size > IMAGE_MAX)
        return;
    memcpy(&old, image + at, size);
    new = random_below(r, 100) < 30   ? old + random_below(r, 9) - 4
          : random_below(r, 100) < 20 ? old ^ 1ul << random_below(r, 8 * size)
                                      : bad_number(r);
    memcpy(image + at, &new, size);
}

static void damage_header(struct random *r)
{
    static const struct {
        uint8_t at, size;
    } fields[] = {{0, 4},  {4, 1},  {5, 1},  {6, 1},  {16, 2}, {18, 2}, {24, 8},
                  {24, 8}, {32, 8}, {32, 8}, {54, 2}, {56, 2}, {56, 2}};
    unsigned i = random_below(r, sizeof(fields) / sizeof(fields[0]));

    put_number(r, fields[i].at, fields[i].size);
}

static uint64_t segment(struct random *r)
{
    return sizeof(struct elf_header) + random_below(r, 4) * sizeof(struct elf_phdr);
}

static void damage_segment(struct random *r)
{
    unsigned field = random_below(r, 9);
    uint64_t at = segment(r);

    if (field == 8) /* another segment in its place: two at the same address */
        memmove(image + at, image + segment(r), sizeof(struct elf_phdr));
    else
        put_number(r, field < 2 ? at + 4 * field : at + 8 * (field - 1), field < 2 ? 4 : 8);
}

static void make_script(struct random *r)
{
    static const char *const lines[] = {
        "#!",    "#!\n",     "#! \t\n",     "#!damaged\n",         "#!./damaged x\n", "#!/bin/true a b c\n",
        "#!/\n", "#!/bin\n", "#!/bin/true", "#!/proc/self/stat\n", "#!/bin/echo\r\n"};

    memset(image, random_below(r, 100) < 50 ? ' ' : 'x', 400);
    const char *line = lines[random_below(r, sizeof(lines) / sizeof(lines[0]))];
    memcpy(image, line, strlen(line));
    image_size = strlen(line) + (random_below(r, 100) < 70 ? 0 : random_below(r, 400));
}

static void damage(struct random *r)
{
    uint64_t how = random_below(r, 100);

    if (how < 30)
        damage_header(r);
    else if (how < 70)
        damage_segment(r);
    else if (how < 80)
        image[random_below(r, 64 + 56 * 5)] ^= 1 << random_below(r, 8);
    else if (how < 92)
        put_number(r, random_below(r, image_size), 4);
    else if (how < 96)
        image_size = random_below(r, 100) < 50 ? random_below(r, 400) : random_below(r, image_size + 1);
    else
        make_script(r);
}

/* ---- running ---- */

static bool is_known_error(long error)
{
    static const int errors[] = {NOT_CALLED, -ENOEXEC, -ENOMEM,       -EACCES, -ELOOP,
                                 -ENOENT,    -ENOTDIR, -ENAMETOOLONG, -EAGAIN};

    for (unsigned i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        if (errors[i] == error)
            return true;
    return false;
}

static void run_damaged(void)
{
    static char *argv[] = {FILE_NAME, "1", NULL}, *environment[] = {"A=b", NULL};

    setpgid(0, 0);
    for (int fd = 0; fd < 3; fd++)
        dup2(open("/dev/null", O_RDWR), fd);
    *refused = sys_execve((long)FILE_NAME, (long)argv, (long)environment);
    exit(0);
}

/* Its wait status; -1: it cannot be killed. */
static int wait_for(int pid, bool *killed)
{
    const struct abi_timespec nap = {.nsec = LOOK_NS};
    int status = 0;

    for (int look = 0; look < PATIENCE + give_up; look++) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return status;
        if (look > PATIENCE) {
            sys_kill(pid, SIGKILL);
            sys_kill(-pid, SIGKILL);
            *killed = true;
        }
        nanosleep(&nap, NULL);
    }
    return -1;
}

static bool read_image(const char *path)
{
    int fd = open(path, O_RDONLY);

    image_size = fd < 0 ? -1 : read_bytes(fd, image, IMAGE_MAX);
    close(fd);
    return image_size > 0;
}

void elf_start(long *shared, int64_t looks)
{
    refused = shared;
    give_up = looks;
}

bool elf_run(uint64_t seed)
{
    struct random r = {seed};
    bool killed = false;

    if (!read_image(programs[random_below(&r, sizeof(programs) / sizeof(programs[0]))]))
        die("a program to be damaged");
    for (uint64_t n = 1 + random_below(&r, 3); n > 0; n--)
        damage(&r);
    int fd = open_mode(FILE_NAME, O_WRONLY | O_CREAT | O_TRUNC, 0755);
    if (fd < 0 || write_all(fd, image, image_size) < 0)
        die(FILE_NAME);
    close(fd);
    *refused = NOT_CALLED;
    int pid = fork();
    if (pid == 0)
        run_damaged();
    int status = pid < 0 ? 0 : wait_for(pid, &killed);
    counts[*refused != NOT_CALLED ? 0 : killed ? 3 : WAIT_HAS_EXITED(status) ? 1 : 2]++;
    if (status == -1)
        printf("# program %ld of the damaged ones: process %d does not end\n", seed, pid);
    if (!is_known_error(*refused))
        printf("# program %ld of the damaged ones: execve returned %ld (%s), expected ENOEXEC or its like\n",
               seed, *refused, strerror(-*refused));
    return status != -1 && is_known_error(*refused);
}

void elf_print(void)
{
    printf("# %lu were refused, %lu ran and ended, %lu were ended by a signal, %lu ran on and were killed\n",
           counts[0], counts[1], counts[2], counts[3]);
}
