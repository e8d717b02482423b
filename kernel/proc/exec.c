/* Programs: execve.
 *
 * Everything that can fail happens before the old program is touched:
 *   1. gather argv and envp in kernel memory (each string is read once)
 *   2. open the file; for a "#!" script open its interpreter instead, with the script's path as an argument
 *   3. check the ELF file, and map its segments into a new address space; nothing is read yet: pages come on
 * demand
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
#include "proc/cpu.h"
#include "proc/proc.h"
#include "proc/signal.h"
#include "trap/fp.h"
#include "trap/riscv.h"
#include "trap/syscall.h"

#define SCRIPT_DEPTH   4   /* an interpreter may be a script itself, so often */
#define SCRIPT_LINE    256 /* bytes of the "#!" line that are looked at */
#define MAX_PHDRS      64
#define PIE_BASE       0x10000ul /* where position-independent programs go */
#define USER_IMAGE_TOP (USER_STACK_TOP - USER_STACK_MAX - USER_STACK_GAP)

/* ---- arguments ---- */

/* Makes room for n more bytes. */
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

static int add(struct exec_args *a, const char *string)
{
    size_t n = strlen(string) + 1;
    int err = reserve(a, n);

    if (err)
        return err;
    memcpy(a->strings + a->used, string, n);
    a->used += n;
    return 0;
}

int exec_add_arg(struct exec_args *a, const char *string)
{
    int err = add(a, string);

    if (err)
        return err;
    a->argc++;
    a->argv_bytes = a->used;
    return 0;
}

int exec_add_env(struct exec_args *a, const char *string)
{
    int err = add(a, string);

    if (!err)
        a->envc++;
    return err;
}

void exec_free_args(struct exec_args *a)
{
    kfree(a->strings);
    *a = (struct exec_args){0};
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

/* Puts strings (n bytes, `count` of them) in the place of argv[0]. */
static int replace_first_arg(struct exec_args *a, const char *strings, size_t n, unsigned count)
{
    size_t old = a->argc ? strlen(a->strings) + 1 : 0;
    int err = reserve(a, n);

    if (err)
        return err;
    memmove(a->strings + n, a->strings + old, a->used - old);
    memcpy(a->strings, strings, n);
    a->used += n - old;
    a->argv_bytes += n - old;
    a->argc += count - (a->argc ? 1 : 0);
    return 0;
}

/* ---- the file ---- */

/* Opens a file to run: from here until close_executable it cannot be opened for writing. */
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
        __atomic_fetch_add(&ip->denywrite, 1, __ATOMIC_RELAXED);
    inode_unlock(ip);
    if (err)
        inode_put(ip);
    else
        *result = ip;
    return err;
}

static void close_executable(struct inode *ip)
{
    if (!ip)
        return;
    __atomic_fetch_sub(&ip->denywrite, 1, __ATOMIC_RELAXED);
    inode_put(ip);
}

static int read_exactly(struct inode *ip, void *buf, size_t n, uint64_t offset)
{
    ssize_t got = inode_read_kernel(ip, buf, n, offset);

    if (got < 0)
        return got;
    return (size_t)got == n ? 0 : -ENOEXEC;
}

/* "#!interpreter [one argument]": line is its first bytes, NUL-terminated. Changes args; *path gets the
 * interpreter (inside line). */
static int script(char *line, const char *script_path, struct exec_args *args, const char **path)
{
    char *end = strchr(line, '\n'), *p = line + 2, *interpreter, *argument;
    char buf[SCRIPT_LINE];
    size_t n, used;

    if (!end)
        return -ENOEXEC; /* cut short: no interpreter's name can be trusted */
    while (end > p && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
        end--;
    *end = '\0';
    while (*p == ' ' || *p == '\t')
        p++;
    interpreter = p;
    while (*p && *p != ' ' && *p != '\t')
        p++;
    argument = p;
    while (*argument == ' ' || *argument == '\t')
        argument++;
    *p = '\0';
    if (!*interpreter)
        return -ENOEXEC;

    used = strlcpy(buf, interpreter, sizeof(buf)) + 1;
    if (*argument)
        used += strlcpy(buf + used, argument, sizeof(buf) - used) + 1;
    /* argv[0] becomes the script's path; then the interpreter and its argument go in front of it. */
    n = strlen(script_path) + 1;
    int err = replace_first_arg(args, script_path, n, 1);
    if (!err && !(err = reserve(args, used))) {
        memmove(args->strings + used, args->strings, args->used);
        memcpy(args->strings, buf, used);
        args->used += used;
        args->argv_bytes += used;
        args->argc += *argument ? 2 : 1;
    }
    *path = interpreter;
    return err;
}

/* ---- loading ---- */

/* What the loader finds out about a program. */
struct image {
    struct aspace *as;
    uint64_t entry, phdr_addr, brk;
    unsigned phnum;
};

static int check_header(const struct elf_header *h)
{
    if (h->magic != ELF_MAGIC || h->class != ELF_CLASS64 || h->data != ELF_DATA_LSB ||
        h->version != ELF_VERSION)
        return -ENOEXEC;
    if (h->machine != ELF_EM_RISCV || (h->type != ELF_EXEC && h->type != ELF_DYN))
        return -ENOEXEC;
    if (h->phentsize != sizeof(struct elf_phdr) || h->phnum == 0 || h->phnum > MAX_PHDRS)
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

/* Makes the address space of the program in ip: 0, and im->as is the caller's. */
static int load(struct inode *ip, struct image *im)
{
    struct elf_header h;
    struct elf_phdr *ph;
    int err = read_exactly(ip, &h, sizeof(h), 0);

    if (err || (err = check_header(&h)))
        return err;
    size_t bytes = h.phnum * sizeof(*ph);
    if (h.phoff > ip->size || bytes > ip->size - h.phoff)
        return -ENOEXEC;
    ph = kmalloc(bytes);
    if (!ph)
        return -ENOMEM;
    if ((err = read_exactly(ip, ph, bytes, h.phoff)))
        goto free_headers;
    *im = (struct image){.as = aspace_create()};
    if (!im->as) {
        err = -ENOMEM;
        goto free_headers;
    }
    if ((err = map_segments(im, ip, &h, ph)) || (err = aspace_map_stack(im->as))) {
        aspace_put(im->as);
        goto free_headers;
    }
    im->as->brk_start = im->as->brk = im->brk;
free_headers:
    kfree(ph);
    return err;
}

/* ---- the stack ---- */

#define AUX_WORDS (2 * 14)

/* Where things lie on the new stack. */
struct layout {
    uptr_t strings, execfn, random, sp;
    size_t words; /* from sp: argc, argv, envp, auxiliary vector */
};

static void lay_out(struct layout *l, const struct exec_args *a, size_t path_bytes)
{
    l->strings = USER_STACK_TOP - a->used;
    l->execfn = l->strings - path_bytes;
    l->random = l->execfn - 16;
    l->words = 1 + (a->argc + 1) + (a->envc + 1) + AUX_WORDS;
    l->sp = (l->random - l->words * sizeof(uint64_t)) & ~15ul;
}

/* Fills the words at sp. */
static void fill_words(uint64_t *w, const struct layout *l, const struct exec_args *a, const struct image *im)
{
    uptr_t string = l->strings;
    const char *s = a->strings;

    *w++ = a->argc;
    for (unsigned i = 0; i < a->argc + a->envc; i++) {
        if (i == a->argc)
            *w++ = 0;
        *w++ = string + (s - a->strings);
        s += strlen(s) + 1;
    }
    if (!a->envc)
        *w++ = 0;
    *w++ = 0;
    const uint64_t aux[AUX_WORDS] = {AT_PHDR,   im->phdr_addr,
                                     AT_PHENT,  sizeof(struct elf_phdr),
                                     AT_PHNUM,  im->phnum,
                                     AT_PAGESZ, PAGE_SIZE,
                                     AT_ENTRY,  im->entry,
                                     AT_HWCAP,  0x112d, /* a c d f i m, by letter */
                                     AT_CLKTCK, USER_HZ,
                                     AT_UID,    0,
                                     AT_EUID,   0,
                                     AT_GID,    0,
                                     AT_EGID,   0,
                                     AT_RANDOM, l->random,
                                     AT_EXECFN, l->execfn,
                                     AT_NULL,   0};
    memcpy(w, aux, sizeof(aux));
}

static int build_stack(const struct layout *l, const struct exec_args *a, const struct image *im,
                       const char *path)
{
    uint8_t random[16];
    uint64_t *words = kmalloc(l->words * sizeof(uint64_t));
    int err;

    if (!words)
        return -ENOMEM;
    fill_words(words, l, a, im);
    random_bytes(random, sizeof(random));
    err = aspace_copyout(im->as, l->sp, words, l->words * sizeof(uint64_t));
    if (!err)
        err = aspace_copyout(im->as, l->random, random, sizeof(random));
    if (!err)
        err = aspace_copyout(im->as, l->execfn, path, strlen(path) + 1);
    if (!err && a->used)
        err = aspace_copyout(im->as, l->strings, a->strings, a->used);
    kfree(words);
    return err;
}

/* ---- the call ---- */

static const char *base_name(const char *path)
{
    const char *name = path;

    for (; *path; path++)
        if (*path == '/' && path[1])
            name = path + 1;
    return name;
}

/* Step 5: from here on the process is the new program. */
static void commit(const struct image *im, const struct layout *l, const struct exec_args *a,
                   struct inode *ip, const char *path)
{
    struct proc *p = current();
    struct aspace *old = p->aspace;
    struct trapframe *tf = p->tf;

    proc_set_aspace(im->as);
    proc_release_vfork();
    if (old)
        aspace_put(old);
    proc_set_exe(p, ip);
    fdtable_close_on_exec(p->files);
    sighand_exec(p->sighand);
    strlcpy(p->name, base_name(path), sizeof(p->name));
    p->args_start = l->strings;
    p->args_end = l->strings + a->argv_bytes;
    memset(tf, 0, offsetof(struct trapframe, proc));
    tf->sp = l->sp;
    tf->epc = im->entry;
    tf->status = SSTATUS_SPIE; /* user mode, interrupts on, floating point off */
    irq_push();
    fp_reset(p);
    irq_pop();
}

int exec_program(const char *path, struct exec_args *args)
{
    char line[SCRIPT_LINE];
    const char *file = path;
    struct inode *ip = NULL;
    struct image im;
    struct layout l;
    int err;

    for (int depth = 0;; depth++) {
        ssize_t got;
        if ((err = open_executable(file, &ip)))
            return err;
        char head[SCRIPT_LINE];
        if ((got = inode_read_kernel(ip, head, sizeof(head) - 1, 0)) < 0) {
            err = got;
            goto close;
        }
        if (got < 2 || head[0] != '#' || head[1] != '!')
            break;
        head[got] = '\0';
        if (depth == SCRIPT_DEPTH) {
            err = -ELOOP;
            goto close;
        }
        const char *interpreter;
        err = script(head, file, args, &interpreter);
        if (err)
            goto close;
        strlcpy(line, interpreter, sizeof(line));
        file = line;
        close_executable(ip);
        ip = NULL;
    }
    if ((err = load(ip, &im)))
        goto close;
    lay_out(&l, args, strlen(path) + 1);
    if ((err = build_stack(&l, args, &im, path)))
        aspace_put(im.as);
    else
        commit(&im, &l, args, ip, path);
close:
    close_executable(ip);
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
        err = exec_program(path, &args);
    exec_free_args(&args);
    kfree(path);
    return err;
}

/* ---- process 1 ---- */

/* Adds the words behind "--" in the boot arguments. Where those were cut it fails: half a command is not what
 * was meant. */
static int add_boot_args(struct exec_args *args)
{
    char *word = machine.bootargs;
    bool behind = false;
    int err = strlen(word) == sizeof(machine.bootargs) - 1 ? -E2BIG : 0;

    while (*word && !err) {
        char *end = word;
        while (*end && *end != ' ')
            end++;
        char after = *end;
        *end = '\0';
        if (behind && *word)
            err = exec_add_arg(args, word);
        behind = behind || !strcmp(word, "--");
        *end = after;
        word = after ? end + 1 : end;
    }
    return err;
}

void exec_init_main(void *unused)
{
    struct exec_args args = {0};
    struct inode *dir;
    int err;

    (void)unused;
    if ((err = fs_mount()))
        boot_fail("the disk holds no usable file system (error %d)", -err);
    current()->cwd = fs_root();
    if (!namei(current()->cwd, "/proc", NAMEI_DIRECTORY, &dir))
        dir->mounted = procfs_root(); /* the reference to dir is kept: it stays mounted */
    err = exec_add_arg(&args, "init");
    if (!err)
        err = add_boot_args(&args);
    if (!err)
        err = exec_program("/bin/init", &args);
    exec_free_args(&args);
    if (err)
        boot_fail("/bin/init cannot be run (error %d)", -err);
}
