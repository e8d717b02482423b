/* Tests of the device-tree parser: a tree like that of QEMU's virt machine, variations of it, and damage.
 * Files named on the command line (qemu-system-riscv64 -M virt,dumpdtb=FILE) are parsed and printed, too.
 *
 * Build: gcc -Ikernel -fsanitize=address,undefined tests/host/test_fdt.c. Prints TAP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The C library may lack it. */
static size_t lode_strlcpy(char *dst, const char *src, size_t size)
{
    if (size > 0)
        snprintf(dst, size, "%s", src);
    return strlen(src);
}
#define strlcpy lode_strlcpy
#include "boot/fdt.c"

static jmp_buf failed;
static char message[256];
static int tests, failures;

void boot_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    longjmp(failed, 1);
}

void printk(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
}

static void ok(bool good, const char *what)
{
    printf("%sok %d - %s\n", good ? "" : "not ", ++tests, what);
    failures += !good;
}

/* Building a flattened tree. */
static uint8_t structure[65536], strings[4096], rsvmap[256];
static uint32_t nstructure, nstrings, nrsvmap;

static void put32(uint8_t *block, uint32_t *at, uint32_t v)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        block[(*at)++] = (uint8_t)(v >> shift);
}

static void put_bytes(const void *p, size_t n)
{
    memcpy(structure + nstructure, p, n);
    nstructure += (uint32_t)n;
    while (nstructure % 4 != 0)
        structure[nstructure++] = 0;
}

static void begin(const char *name)
{
    put32(structure, &nstructure, FDT_BEGIN_NODE);
    put_bytes(name, strlen(name) + 1);
}

static void end(void)
{
    put32(structure, &nstructure, FDT_END_NODE);
}

static void prop(const char *name, const void *data, size_t n)
{
    put32(structure, &nstructure, FDT_PROP);
    put32(structure, &nstructure, (uint32_t)n);
    put32(structure, &nstructure, nstrings);
    put_bytes(data, n);
    memcpy(strings + nstrings, name, strlen(name) + 1);
    nstrings += (uint32_t)strlen(name) + 1;
}

static void prop_text(const char *name, const char *value)
{
    prop(name, value, strlen(value) + 1);
}

#define prop_cells(name, ...)                                                                                \
    prop_cells_array(name, (uint32_t[]){__VA_ARGS__}, sizeof((uint32_t[]){__VA_ARGS__}) / 4)

static void prop_cells_array(const char *name, const uint32_t *v, size_t n)
{
    uint8_t bytes[256];
    uint32_t at = 0;
    for (size_t i = 0; i < n; i++)
        put32(bytes, &at, v[i]);
    prop(name, bytes, at);
}

/* What a test changes of the machine. */
struct variant {
    unsigned nharts;
    const char *bootargs;
    bool no_sstc, disabled, no_memory, no_timebase, reserved, two_memories;
};

static void build_cpu(const struct variant *v, uint32_t i)
{
    char name[16];
    snprintf(name, sizeof(name), "cpu@%x", i);
    begin(name);
    prop_cells("phandle", 100 + i);
    prop_text("device_type", "cpu");
    prop_cells("reg", i);
    prop_text("status", v->disabled && i == 1 ? "disabled" : "okay");
    prop_text("compatible", "riscv");
    prop_text("riscv,isa", v->no_sstc && i == 2 ? "rv64imafdch_zba_sstcx" : "rv64imafdch_zba_sstc");
    if (i != 7)
        prop_text("mmu-type", "riscv,sv48");
    begin("interrupt-controller");
    prop_cells("#interrupt-cells", 1);
    prop_text("compatible", "riscv,cpu-intc");
    prop_cells("phandle", 200 + i);
    end();
    end();
}

static void build_soc(const struct variant *v)
{
    uint32_t contexts[64 * 4];
    begin("soc");
    prop_cells("#address-cells", 2);
    prop_cells("#size-cells", 2);
    prop("ranges", "", 0);
    for (uint32_t i = 8; i > 0; i--) {
        begin("virtio_mmio@x");
        prop_cells("interrupts", i);
        prop_cells("reg", 0, 0x10000000 + i * 0x1000, 0, 0x1000);
        prop_text("compatible", "virtio,mmio");
        end();
    }
    begin("serial@10000000");
    prop_cells("interrupts", 10);
    prop_cells("reg", 0, 0x10000000, 0, 0x100);
    prop_text("compatible", "ns16550a");
    end();
    begin("test@100000");
    prop_cells("reg", 0, 0x100000, 0, 0x1000);
    prop("compatible", "sifive,test1\0sifive,test0\0syscon", 33);
    end();
    begin("plic@c000000");
    prop_cells("riscv,ndev", 96);
    prop_cells("reg", 0, 0xc000000, 0, 0x600000);
    for (uint32_t i = 0; i < v->nharts; i++) {
        uint32_t two[] = {200 + i, 11, 200 + i, 9};
        memcpy(contexts + 4 * i, two, sizeof(two));
    }
    prop_cells_array("interrupts-extended", contexts, v->nharts * 4);
    prop("compatible", "sifive,plic-1.0.0\0riscv,plic0", 30);
    end();
    begin("rtc@101000");
    prop_cells("reg", 0, 0x101000, 0, 0x1000);
    prop_text("compatible", "google,goldfish-rtc");
    end();
    end();
}

/* The tree in a block of exactly its size. */
static uint8_t *build(const struct variant *v, uint32_t *size)
{
    nstructure = nstrings = nrsvmap = 0;
    begin("");
    prop_cells("#address-cells", 2);
    prop_cells("#size-cells", 2);
    prop_text("model", "riscv-virtio,test");
    begin("chosen");
    prop("rng-seed", "0123456789abcdef0123456789abcdef", 32);
    prop_text("bootargs", v->bootargs != NULL ? v->bootargs : "");
    end();
    if (!v->no_memory) {
        begin("memory@80000000");
        prop_text("device_type", "memory");
        prop_cells("reg", 0, 0x80000000, 0, 0x8000000, 1, 0, 0, 0x4000000);
        end();
    }
    if (v->two_memories) {
        begin("memory@90000000");
        prop_text("device_type", "memory");
        prop_cells("reg", 0, 0x90000000, 0, 0x8000000);
        end();
    }
    if (v->reserved) {
        begin("reserved-memory");
        prop_cells("#address-cells", 2);
        prop_cells("#size-cells", 2);
        prop("ranges", "", 0);
        begin("mmode_resv0@80000000");
        prop_cells("reg", 0, 0x80000000, 0, 0x80000);
        prop("no-map", "", 0);
        end();
        end();
    }
    begin("cpus");
    prop_cells("#address-cells", 1);
    prop_cells("#size-cells", 0);
    if (!v->no_timebase)
        prop_cells("timebase-frequency", 10000000);
    for (uint32_t i = 0; i < v->nharts; i++)
        build_cpu(v, i);
    end();
    build_soc(v);
    end();
    put32(structure, &nstructure, FDT_END);
    if (v->reserved) {
        uint32_t entry[] = {0, 0x87000000, 0, 0x1000};
        for (int i = 0; i < 4; i++)
            put32(rsvmap, &nrsvmap, entry[i]);
    }
    for (int i = 0; i < 4; i++)
        put32(rsvmap, &nrsvmap, 0);

    uint32_t at = 0, off_structure = 40 + nrsvmap, off_strings = off_structure + nstructure;
    *size = off_strings + nstrings;
    uint8_t *tree = malloc(*size);
    uint32_t header[] = {FDT_MAGIC, *size, off_structure, off_strings, 40, 17, 16, 0, nstrings, nstructure};
    for (int i = 0; i < 10; i++)
        put32(tree, &at, header[i]);
    memcpy(tree + 40, rsvmap, nrsvmap);
    memcpy(tree + off_structure, structure, nstructure);
    memcpy(tree + off_strings, strings, nstrings);
    return tree;
}

/* False when the boot failed; `message` says why. */
static bool probe(const void *tree, uint64_t boot_hart)
{
    memset(&machine, 0, sizeof(machine));
    memset(path, 0, sizeof(path));
    memset(intc_phandle, 0, sizeof(intc_phandle));
    plic_contexts = (struct prop){0};
    harts_with_sstc = 0;
    message[0] = '\0';
    if (setjmp(failed) != 0)
        return false;
    machine_probe(tree, 0x87e00000, boot_hart);
    return true;
}

static bool probe_variant(struct variant v, uint64_t boot_hart)
{
    uint32_t size;
    uint8_t *tree = build(&v, &size);
    bool good = probe(tree, boot_hart);
    free(tree);
    return good;
}

static bool is_range(const struct mem_range *r, paddr_t start, uint64_t size)
{
    return r->start == start && r->end == start + size;
}

static void test_machine(void)
{
    struct machine *m = &machine;
    bool good = probe_variant((struct variant){.nharts = 4, .reserved = true, .two_memories = true}, 0);
    ok(good, "a tree like QEMU's");
    good = m->nharts == 4 && m->sstc && m->timebase == 10000000;
    for (unsigned i = 0; i < 4; i++)
        good &= m->hartid[i] == i && m->plic_context[i] == (int)(2 * i + 1);
    ok(good, "harts, contexts of the PLIC, sstc, timebase");
    ok(m->nram == 3 && is_range(&m->ram[0], 0x80000000, 0x8000000) &&
           is_range(&m->ram[1], 0x100000000, 0x4000000) && is_range(&m->ram[2], 0x90000000, 0x8000000),
       "memory: two entries in one node, and another node");
    ok(m->nreserved == 3 && is_range(&m->reserved[0], 0x87000000, 0x1000) &&
           m->reserved[1].start == 0x87e00000 && is_range(&m->reserved[2], 0x80000000, 0x80000),
       "reserved memory: the block's, the tree itself, the node's");
    ok(is_range(&m->uart, 0x10000000, 0x100) && m->uart_irq == 10 && m->uart_reg_shift == 0, "uart");
    ok(is_range(&m->plic, 0xc000000, 0x600000) && m->plic_nirq == 96, "plic");
    ok(is_range(&m->rtc, 0x101000, 0x1000) && is_range(&m->test, 0x100000, 0x1000),
       "rtc and power-off device");
    good = m->nvirtio == 8;
    for (unsigned i = 0; i < 8; i++)
        good &= m->virtio_irq[i] == i + 1 && is_range(&m->virtio[i], 0x10001000 + 0x1000 * i, 0x1000);
    ok(good, "virtio slots in order of address");
    ok(strcmp(m->model, "riscv-virtio,test") == 0 && m->rng_seed_len == 32 && m->rng_seed[31] == 'f',
       "model and seed");

    good = probe_variant((struct variant){.nharts = 4}, 2);
    ok(good && m->hartid[0] == 2 && m->hartid[1] == 0 && m->hartid[2] == 1 && m->hartid[3] == 3 &&
           m->plic_context[0] == 5 && m->plic_context[1] == 1,
       "the boot hart comes first, with its context");
    good = probe_variant((struct variant){.nharts = 4, .disabled = true, .no_sstc = true}, 0);
    ok(good && m->nharts == 3 && m->hartid[1] == 2 && m->plic_context[1] == 5 && !m->sstc,
       "a disabled hart is left out, one hart without sstc counts");
    ok(probe_variant((struct variant){.nharts = 8}, 0) && m->nharts == 7, "a hart without MMU is left out");
    ok(probe_variant((struct variant){.nharts = 6, .reserved = true}, 5) && m->hartid[0] == 5, "6 harts");
}

static void test_bootargs(void)
{
    static char long_args[20000];
    char buf[8];
    memset(long_args, 'a', sizeof(long_args) - 1);
    ok(probe_variant((struct variant){.nharts = 1, .bootargs = "x=1 console=framed  y= -- z=2"}, 0),
       "boot arguments");
    ok(bootarg("console", buf, sizeof(buf)) && strcmp(buf, "framed") == 0, "bootarg finds a value");
    ok(bootarg("x", buf, sizeof(buf)) && strcmp(buf, "1") == 0, "the first word");
    ok(bootarg("y", buf, sizeof(buf)) && buf[0] == '\0', "an empty value");
    ok(!bootarg("z", buf, sizeof(buf)) && !bootarg("con", buf, sizeof(buf)),
       "nothing after --, no part of a key");
    ok(bootarg("console", buf, 4) && strcmp(buf, "fra") == 0, "a value is cut to the buffer");
    ok(probe_variant((struct variant){.nharts = 1, .bootargs = long_args}, 0) &&
           strlen(machine.bootargs) == sizeof(machine.bootargs) - 1 && strstr(message, "cut") != NULL,
       "boot arguments too long are cut with a message");
}

static void test_failures(void)
{
    uint32_t size;
    struct variant v = {.nharts = 2};
    uint8_t *tree = build(&v, &size);
    ok(!probe(tree, 9) && strstr(message, "does not list hart 9"), "unknown boot hart");
    tree[0] = 0;
    ok(!probe(tree, 0) && strstr(message, "no device tree"), "bad magic");
    tree[0] = 0xd0;
    tree[23] = 3;
    ok(!probe(tree, 0) && strstr(message, "version 3"), "bad version");
    free(tree);
    ok(!probe_variant((struct variant){.nharts = 1, .no_memory = true}, 0) && strstr(message, "no memory"),
       "no memory");
    ok(!probe_variant((struct variant){.nharts = 1, .no_timebase = true}, 0) && strstr(message, "timebase"),
       "no timebase");
    ok(!probe_variant((struct variant){.nharts = 0}, 0), "no harts");
}

/* Random bytes anywhere but in the total size, which only the boot loader can know. The sanitizers watch. */
static void test_damage(void)
{
    int bad = 0;
    for (int round = 0; round < 20000; round++) {
        uint32_t size;
        struct variant v = {.nharts = 1 + (unsigned)rand() % 4, .reserved = true, .bootargs = "a=b c=d"};
        uint8_t *tree = build(&v, &size);
        for (int n = 1 + rand() % 8; n > 0; n--) {
            uint32_t at = rand() % 4 == 0 ? (uint32_t)rand() % 120 : (uint32_t)rand() % size;
            if (at < 4 || at >= 8)
                tree[at] = (uint8_t)(rand() % 3 == 0 ? rand() : rand() % 10);
        }
        bad += !probe(tree, 0);
        free(tree);
    }
    ok(bad > 1000 && bad < 20000, "20000 damaged trees: each is parsed or refused");
}

static void print_file(const char *name)
{
    static uint8_t tree[4 << 20];
    FILE *f = fopen(name, "rb");
    if (f == NULL || fread(tree, 1, sizeof(tree), f) < 40 || !probe(tree, 0)) {
        printf("# %s: %s\n", name, message);
        failures++;
        return;
    }
    fclose(f);
    printf("# %s: %s, %u harts, sstc %d, timebase %lu, %u virtio, args '%s'\n", name, machine.model,
           machine.nharts, machine.sstc, machine.timebase, machine.nvirtio, machine.bootargs);
    for (unsigned i = 0; i < machine.nharts; i++)
        printf("#   hart %lu, context %d\n", machine.hartid[i], machine.plic_context[i]);
    for (unsigned i = 0; i < machine.nram; i++)
        printf("#   memory %lx-%lx\n", machine.ram[i].start, machine.ram[i].end);
    for (unsigned i = 0; i < machine.nreserved; i++)
        printf("#   reserved %lx-%lx\n", machine.reserved[i].start, machine.reserved[i].end);
}

int main(int argc, char **argv)
{
    srand(1);
    test_machine();
    test_bootargs();
    test_failures();
    test_damage();
    for (int i = 1; i < argc; i++)
        print_file(argv[i]);
    printf("1..%d\n", tests);
    return failures > 0;
}
