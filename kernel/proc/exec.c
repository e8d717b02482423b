/* Programs: execve.
 *
 * Everything that can fail happens before the old program is touched:
 *   1. gather argv and envp in kernel memory (each string is read once)
 *   2. open the file; for a "#!" script open its interpreter instead, with the script's path as an argument
 *   3. check the ELF file, and map its segments into a new address space; pages are read on demand, later
 *   4. lay out the stack there
 *   5. commit: switch to the new address space, registers, close-on-exec, signals; nothing fails any more
 *
 * The stack of a new program (psABI, "Process Initialization"), from USER_STACK_TOP downwards:
 *
 *   strings of argv, then of envp
 *   the path that was executed (AT_EXECFN)
 *   16 random bytes (AT_RANDOM)
 *   padding to 16 bytes
 *   auxiliary vector, ended by AT_NULL
 *   envp[0] .. NULL
 *   argv[0] .. NULL
 *   argc                               <- sp, a multiple of 16
 */
#include "proc/exec.h"

#include "abi/elf.h"
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/limits.h"
#include "abi/mman.h"
#include "abi/system.h"
#include "boot/machine.h"
#include "drivers/drivers.h"
#include "fs/file.h"
#include "fs/fs.h"
#include "fs/namei.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/aspace.h"
#include "mm/page.h"
#include "mm/slab.h"
#include "mm/usercopy.h"
#include "proc/proc.h"
#include "proc/signal.h"
#include "trap/riscv.h"
#include "trap/syscall.h"
#include "trap/timer.h"

#define SCRIPT_DEPTH   4         /* an interpreter may be a script itself, so often */
#define SCRIPT_LINE    256       /* bytes of a script that are looked at: its "#!" line has to be shorter */
#define MAX_PHDRS      14        /* they are read onto the kernel's stack; usual programs have up to 11 */
#define PIE_BASE       0x10000ul /* where position-independent programs go */
#define USER_IMAGE_TOP (USER_STACK_TOP - USER_STACK_MAX - USER_STACK_GAP)

/* ---- arguments ---- */

/* argv and envp in kernel memory: argc strings, then envc, each with its NUL. argv_bytes of `used` are
 * argv's. At most ARG_MAX with the pointers to them, as they will lie on the stack. */
struct exec_args {
    char *strings;
    size_t used, capacity, argv_bytes;
    unsigned argc, envc;
};

/* Makes room for n more bytes, which are one string or more. */
static int reserve(struct exec_args *a, size_t n)
{
    size_t capacity = a->capacity ? a->capacity : PAGE_SIZE;

    if (n > ARG_MAX || a->used + n + (a->argc + a->envc + 1) * sizeof(uptr_t) > ARG_MAX)
        return -E2BIG;
    while (capacity < a->used + n)
        capacity *= 2;
    if (capacity == a->capacity)
        return 0;
    char *strings = kmalloc(capacity);
    if (!strings)
        return -ENOMEM;
    if (a->strings)
        memcpy(strings, a->strings, a->used);
    kfree(a->strings);
    a->strings = strings;
    a->capacity = capacity;
    return 0;
}

/* Adds one argument, of n bytes without NUL; there is no environment yet. */
static int add_arg(struct exec_args *a, const char *string, size_t n)
{
    int err = reserve(a, n + 1);

    if (err)
        return err;
    memcpy(a->strings + a->used, string, n);
    a->strings[a->used + n] = '\0';
    a->argv_bytes = a->used += n + 1;
    a->argc++;
    return 0;
}

/* Puts `count` strings, n bytes together, in front of the arguments; the first `old` bytes of those go. */
static int put_first(struct exec_args *a, const char *strings, size_t n, unsigned count, size_t old)
{
    int err = reserve(a, n);

    if (err)
        return err;
    memmove(a->strings + n, a->strings + old, a->used - old);
    memcpy(a->strings, strings, n);
    a->used += n - old;
    a->argv_bytes += n - old;
    a->argc += count - (old > 0);
    return 0;
}

/* Adds the strings that a user's NULL-terminated vector points to; each is copied straight into place. */
static int add_user_vector(struct exec_args *a, uptr_t vector, unsigned *counter)
{
    uptr_t pointer;
    ssize_t len;
    int err;

    if (!vector) /* Linux takes it for an empty list */
        return 0;
    for (;; vector += sizeof(pointer)) {
        if ((err = copyin(&pointer, vector, sizeof(pointer))))
            return err;
        if (!pointer)
            return 0;
        for (;;) {
            size_t room = a->capacity - a->used;
            len = room ? copyinstr(a->strings + a->used, pointer, room) : -ENAMETOOLONG;
            if (len != -ENAMETOOLONG)
                break;
            if ((err = reserve(a, room + 1)))
                return err;
        }
        if (len < 0)
            return len;
        a->used += len + 1;
        ++*counter;
        if (a->used + (a->argc + a->envc) * sizeof(uptr_t) > ARG_MAX)
            return -E2BIG;
    }
}

/* ---- the file ---- */

void exec_get_file(struct inode *ip)
{
    inode_get(ip);
    __atomic_fetch_add(&ip->denywrite, 1, __ATOMIC_RELAXED);
}

void exec_put_file(struct inode *ip)
{
    if (ip)
        __atomic_fetch_sub(&ip->denywrite, 1, __ATOMIC_RELAXED);
    inode_put(ip);
}

/* Opens a file to run, for exec_put_file. */
static int open_executable(const char *path, struct inode **result)
{
    struct inode *ip;
    int err = namei(current()->cwd, path, 0, &ip);

    if (err)
        return err;
    inode_lock(ip);
    if (!S_ISREG(ip->mode) || !(ip->mode & 0111))
        err = -EACCES;
    else if (ip->writers)
        err = -ETXTBSY;
    else
        exec_get_file(*result = ip);
    inode_unlock(ip);
    inode_put(ip);
    return err;
}

static int read_exactly(struct inode *ip, void *buf, size_t n, uint64_t offset)
{
    ssize_t got = inode_read_kernel(ip, buf, n, offset);

    if (got < 0)
        return got;
    return (size_t)got == n ? 0 : -ENOEXEC;
}

/* line: the NUL-terminated beginning of the script at path, "#!interpreter [one argument]". argv[0] becomes
 * that path, and the interpreter and its argument go in front of it. */
static int script(char *line, const char *path, struct exec_args *args)
{
    char *end = strchr(line, '\n'), *interpreter = line + 2, *argument;

    if (!end)
        return -ENOEXEC; /* cut short: no interpreter's name can be trusted */
    while (end > interpreter && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
        end--;
    *end = '\0';
    while (*interpreter == ' ' || *interpreter == '\t')
        interpreter++;
    for (end = interpreter; *end && *end != ' ' && *end != '\t'; end++)
        ;
    for (argument = end; *argument == ' ' || *argument == '\t'; argument++)
        ;
    if (end == interpreter)
        return -ENOEXEC;
    size_t n = end - interpreter + 1, argument_bytes = *argument ? strlen(argument) + 1 : 0;
    *end = '\0';
    memmove(end + 1, argument, argument_bytes); /* now the two strings follow each other */

    int err = put_first(args, path, strlen(path) + 1, 1, args->argc ? strlen(args->strings) + 1 : 0);
    return err ? err : put_first(args, interpreter, n + argument_bytes, argument_bytes ? 2 : 1, 0);
}

/* Opens the program at path; where that is a script, its interpreter, and changes args for it. */
static int open_program(const char *path, struct exec_args *args, struct inode **result)
{
    char head[SCRIPT_LINE], interpreter[SCRIPT_LINE];

    for (int depth = 0;; depth++) {
        int err = open_executable(path, result);
        if (err)
            return err;
        ssize_t got = inode_read_kernel(*result, head, sizeof(head) - 1, 0);
        if (got >= 0 && (got < 2 || head[0] != '#' || head[1] != '!'))
            return 0;
        if (got < 0) {
            err = got;
        } else {
            head[got] = '\0';
            err = depth < SCRIPT_DEPTH ? script(head, path, args) : -ELOOP;
        }
        exec_put_file(*result);
        if (err)
            return err;
        strlcpy(interpreter, args->strings, sizeof(interpreter));
        path = interpreter;
    }
}

/* ---- loading ---- */

/* The new program: what the loader finds out about it, and where its stack begins and argv's strings lie. */
struct image {
    struct aspace *as;
    uint64_t entry, phdr_addr, brk;
    unsigned phnum;
    uptr_t sp, strings;
};

static int check_header(const struct elf_header *h)
{
    bool ours = h->magic == ELF_MAGIC && h->class == ELF_CLASS64 && h->data == ELF_DATA_LSB &&
                h->version == ELF_VERSION && h->machine == ELF_EM_RISCV &&
                (h->type == ELF_EXEC || h->type == ELF_DYN);

    if (!ours || h->phentsize != sizeof(struct elf_phdr) || h->phnum == 0 || h->phnum > MAX_PHDRS)
        return -ENOEXEC;
    return 0;
}

static int map_segment(struct image *im, struct inode *ip, const struct elf_phdr *ph, uint64_t bias)
{
    uint64_t addr = ph->vaddr + bias, in_page = addr % PAGE_SIZE, end;
    int prot = (ph->flags & ELF_PF_R ? PROT_READ : 0) | (ph->flags & ELF_PF_W ? PROT_WRITE : 0) |
               (ph->flags & ELF_PF_X ? PROT_EXEC : 0);

    if (ph->memsz == 0)
        return 0;
    if (ph->filesz > ph->memsz || ph->offset + ph->filesz < ph->offset || ph->offset + ph->filesz > ip->size)
        return -ENOEXEC;
    if (ph->offset % PAGE_SIZE != in_page)
        return -ENOEXEC;
    if (addr < USER_MIN || addr >= USER_IMAGE_TOP || ph->memsz > USER_IMAGE_TOP - addr)
        return -ENOEXEC;
    if (ph->memsz > page_total() * PAGE_SIZE)
        return -ENOMEM;
    if (!prot || (prot & PROT_WRITE && prot & PROT_EXEC)) /* W^X */
        return -ENOEXEC;
    end = PAGE_ROUND_UP(addr + ph->memsz);
    int err =
        aspace_map(im->as, addr - in_page, end - (addr - in_page), prot, MAP_PRIVATE, ph->filesz ? ip : NULL,
                   ph->filesz ? ph->offset - in_page : 0, ph->filesz ? in_page + ph->filesz : 0);
    if (err)
        return err == -EEXIST ? -ENOEXEC : err; /* segments overlap */
    if (end > im->brk)
        im->brk = end;
    return 0;
}

static int map_segments(struct image *im, struct inode *ip, const struct elf_header *h,
                        const struct elf_phdr *ph)
{
    uint64_t bias = h->type == ELF_DYN ? PIE_BASE : 0;
    bool entry_ok = false;

    im->entry = h->entry + bias;
    im->phnum = h->phnum;
    for (unsigned i = 0; i < h->phnum; i++) {
        if (ph[i].type == ELF_PT_INTERP) /* dynamically linked: there is no dynamic linker */
            return -ENOEXEC;
        if (ph[i].type != ELF_PT_LOAD)
            continue;
        int err = map_segment(im, ip, &ph[i], bias);
        if (err)
            return err;
        uint64_t start = ph[i].vaddr + bias;
        if (ph[i].flags & ELF_PF_X && im->entry >= start && im->entry - start < ph[i].memsz)
            entry_ok = true;
        if (h->phoff >= ph[i].offset && h->phoff - ph[i].offset < ph[i].filesz)
            im->phdr_addr = start + (h->phoff - ph[i].offset);
    }
    return entry_ok ? 0 : -ENOEXEC;
}

/* Makes the address space of the program in ip: 0, and im->as is the caller's. Not inlined, so that exec does
 * not need this stack and open_program's together. */
__attribute__((noinline)) static int load(struct inode *ip, struct image *im)
{
    struct elf_header h;
    struct elf_phdr ph[MAX_PHDRS];
    int err = read_exactly(ip, &h, sizeof(h), 0);

    if (err || (err = check_header(&h)))
        return err;
    if (h.phoff > ip->size)
        return -ENOEXEC;
    if ((err = read_exactly(ip, ph, h.phnum * sizeof(*ph), h.phoff)))
        return err;
    *im = (struct image){.as = aspace_create()};
    if (!im->as)
        return -ENOMEM;
    if ((err = map_segments(im, ip, &h, ph)) || (err = aspace_map_stack(im->as)))
        aspace_put(im->as);
    else
        im->as->brk_start = im->as->brk = im->brk;
    return err;
}

/* ---- the stack ---- */

#define AUX_WORDS (2 * 17)

/* Fills in the words at the new sp: argc, argv, envp and the auxiliary vector. */
static void fill_words(uint64_t *w, const struct exec_args *a, const struct image *im, uptr_t random,
                       uptr_t execfn)
{
    const uint64_t aux[AUX_WORDS] = {AT_PHDR,      im->phdr_addr,
                                     AT_PHENT,     sizeof(struct elf_phdr),
                                     AT_PHNUM,     im->phnum,
                                     AT_PAGESZ,    PAGE_SIZE,
                                     AT_ENTRY,     im->entry,
                                     AT_HWCAP,     0x112d, /* a c d f i m, by letter */
                                     AT_CLKTCK,    USER_HZ,
                                     AT_UID,       0,
                                     AT_EUID,      0,
                                     AT_GID,       0,
                                     AT_EGID,      0,
                                     AT_RANDOM,    random,
                                     AT_EXECFN,    execfn,
                                     AT_LODE_BOOT, time_base.boot_ticks,
                                     AT_LODE_RATE, time_base.ns_per_tick_32,
                                     AT_LODE_DAY,  time_base.day_offset,
                                     AT_NULL,      0};
    const char *s = a->strings;

    *w++ = a->argc;
    for (unsigned i = 0; i < a->argc + a->envc; i++, s += strlen(s) + 1) {
        if (i == a->argc)
            *w++ = 0;
        *w++ = im->strings + (s - a->strings);
    }
    if (!a->envc)
        *w++ = 0;
    *w++ = 0;
    memcpy(w, aux, sizeof(aux));
}

/* The stack is made in kernel memory first, and copied as one. */
static int build_stack(struct image *im, const struct exec_args *a, const char *path)
{
    size_t path_bytes = strlen(path) + 1, words = 1 + (a->argc + 1) + (a->envc + 1) + AUX_WORDS;

    im->strings = USER_STACK_TOP - a->used;
    uptr_t execfn = im->strings - path_bytes, random = execfn - 16;
    im->sp = (random - words * sizeof(uint64_t)) & ~15ul;
    char *stack = kzalloc(USER_STACK_TOP - im->sp);
    if (!stack)
        return -ENOMEM;
    fill_words((uint64_t *)stack, a, im, random, execfn);
    random_bytes(stack + (random - im->sp), 16);
    memcpy(stack + (execfn - im->sp), path, path_bytes);
    if (a->used)
        memcpy(stack + (im->strings - im->sp), a->strings, a->used);
    int err = aspace_copyout(im->as, im->sp, stack, USER_STACK_TOP - im->sp);
    kfree(stack);
    return err;
}

/* ---- the call ---- */

/* What stands behind the last slash, but for slashes at the end. */
static const char *base_name(const char *path)
{
    const char *name = path;

    for (; *path; path++)
        if (*path == '/' && path[1])
            name = path + 1;
    return name;
}

/* Step 5: from here on the process is the new program. */
static void commit(const struct image *im, const struct exec_args *a, struct inode *ip, const char *path)
{
    struct proc *p = current();
    struct aspace *old = p->aspace;

    proc_set_aspace(im->as);
    proc_release_vfork();
    if (old)
        aspace_put(old);
    exec_put_file(p->exe);
    p->exe = ip;
    fdtable_close_on_exec(p->files);
    sighand_exec(p->sighand);
    strlcpy(p->name, base_name(path), sizeof(p->name));
    p->args_start = im->strings;
    p->args_end = im->strings + a->argv_bytes;
    memset(p->tf, 0, offsetof(struct trapframe, proc));
    p->tf->sp = im->sp;
    p->tf->epc = im->entry;
    p->tf->status = SSTATUS_SPIE; /* user mode, interrupts on, floating point off */
    p->fp_used = false;
}

/* The current process runs `path` from now on: 0. Or an error, with the old program as it was. */
static int exec(const char *path, struct exec_args *args)
{
    struct inode *ip;
    struct image im;
    int err = open_program(path, args, &ip);

    if (err)
        return err;
    err = load(ip, &im);
    if (!err && (err = build_stack(&im, args, path)))
        aspace_put(im.as);
    if (!err)
        commit(&im, args, ip, path);
    else
        exec_put_file(ip);
    return err;
}

int64_t sys_execve(const uint64_t arg[6])
{
    struct exec_args args = {0};
    char *path = kmalloc(PATH_MAX);
    ssize_t err;

    if (!path)
        return -ENOMEM;
    err = copyinstr(path, arg[0], PATH_MAX);
    if (err >= 0)
        err = add_user_vector(&args, arg[1], &args.argc);
    args.argv_bytes = args.used;
    if (err >= 0)
        err = add_user_vector(&args, arg[2], &args.envc);
    if (err >= 0)
        err = exec(path, &args);
    kfree(args.strings);
    kfree(path);
    return err;
}

/* ---- process 1 ---- */

/* "init", and the words behind "--" in the boot arguments. Where those were cut it fails: half a command is
 * not what was meant. */
static int init_args(struct exec_args *args)
{
    const char *word = machine.bootargs, *end;
    int err = strlen(word) < sizeof(machine.bootargs) - 1 ? add_arg(args, "init", 4) : -E2BIG;

    for (bool behind = false; *word && !err; word = *end ? end + 1 : end) {
        for (end = word; *end && *end != ' '; end++)
            ;
        if (behind && end > word)
            err = add_arg(args, word, end - word);
        behind = behind || (end - word == 2 && !memcmp(word, "--", 2));
    }
    return err;
}

void exec_init_main(void *unused)
{
    struct exec_args args = {0};
    struct inode *dir;
    int err;

    if ((err = fs_mount()))
        boot_fail("the disk holds no usable file system (error %d)", -err);
    current()->cwd = fs_root();
    if (!namei(current()->cwd, "/proc", NAMEI_DIRECTORY, &dir)) {
        dir->mounted = procfs_root(); /* both references are kept: it stays mounted */
        dir->mounted->covered = dir;
    }
    if ((err = init_args(&args)) || (err = exec("/bin/init", &args)))
        boot_fail("/bin/init cannot be run (error %d)", -err);
    kfree(args.strings);
}
