/* Reading the device tree: the boot loader's description of the machine, as a flattened tree (Devicetree
 * Specification 0.4, chapter 5) of nodes with named properties.
 *
 *   header | memory reservations | structure: BEGIN_NODE name PROP* node* END_NODE ... END | strings
 *
 * One walk over the structure fills `machine`. A node's properties all come before its children (section
 * 5.4.1), so when its first child begins, or it ends, everything about it is known and visit() looks at it
 * once. Devices are found by their compatible strings. The buses of the machines we run on do not translate
 * addresses (an empty `ranges`), so a device's `reg` is taken as it stands.
 *
 * The tree comes from outside: every read is checked against the blocks' bounds, and a damaged tree ends the
 * boot in words. Runs once, on the boot hart; no locks. */
#include "boot/machine.h"

#include "lib/printk.h"
#include "lib/string.h"

#define FDT_MAGIC      0xd00dfeedu
#define FDT_VERSION    17u
#define FDT_BEGIN_NODE 1u
#define FDT_END_NODE   2u
#define FDT_PROP       3u
#define FDT_NOP        4u
#define FDT_END        9u

#define FDT_SIZE_MAX (16u << 20) /* sanity: a larger one is damaged */
#define DEPTH_MAX    12
#define S_EXTERNAL   9u /* a hart's interrupt number for supervisor external interrupts */

/* The header's numbers, each of 4 bytes, big-endian (section 5.2); number 0 is FDT_MAGIC. */
enum {
    TOTALSIZE = 1,
    OFF_STRUCT,
    OFF_STRINGS,
    OFF_RSVMAP,
    VERSION,
    LAST_VERSION,
    SIZE_STRINGS = 8,
    SIZE_STRUCT
};

struct prop {
    const uint8_t *data; /* NULL: the node does not have it */
    uint32_t len;
};

struct node {
    const char *name;
    uint32_t props, props_end; /* its properties' place in the structure block */
    int hart;                  /* of a cpu node: our index, else -1 */
    bool visited;
};

struct machine machine;

/* The two blocks that the walk reads, and how far it is. */
static struct {
    const uint8_t *data, *strings;
    uint32_t size, size_strings, at;
} tree;

/* The nodes from the root to the current one, and what can be resolved only at the end of the walk. */
static struct node path[DEPTH_MAX];
static uint32_t intc_phandle[MAX_HARTS]; /* of the hart's own interrupt controller; 0 = none */
static struct prop plic_contexts;
static unsigned harts_with_sstc;

_Noreturn static void damaged(const char *how)
{
    boot_fail("the device tree is damaged: %s", how);
}

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* A number of n cells at p. The upper cells of more than two are dropped: such addresses are not ours. */
static uint64_t cells(const uint8_t *p, unsigned n)
{
    uint64_t v = 0;
    for (; n > 0; n--, p += 4)
        v = v << 32 | be32(p);
    return v;
}

/* The property of that name. The walk has checked that all of them lie within the block. */
static struct prop prop_find(const struct node *n, const char *name)
{
    for (uint32_t at = n->props; at < n->props_end;) {
        const uint8_t *p = tree.data + at;
        if (be32(p) == FDT_NOP) {
            at += 4;
            continue;
        }
        uint32_t len = be32(p + 4);
        if (strcmp((const char *)tree.strings + be32(p + 8), name) == 0)
            return (struct prop){p + 12, len};
        at += 12 + ((len + 3) & ~3u);
    }
    return (struct prop){NULL, 0};
}

static uint64_t prop_number(const struct node *n, const char *name, uint64_t otherwise)
{
    struct prop p = prop_find(n, name);
    return p.len == 4 || p.len == 8 ? cells(p.data, p.len / 4) : otherwise;
}

/* The property as a string; "" where it is missing or lacks its NUL. */
static const char *prop_string(const struct node *n, const char *name)
{
    struct prop p = prop_find(n, name);
    return p.len > 0 && p.data[p.len - 1] == '\0' ? (const char *)p.data : "";
}

/* True when one of a property's strings equals s. */
static bool prop_lists(const struct node *n, const char *name, const char *s)
{
    struct prop p = prop_find(n, name);
    size_t want = strlen(s) + 1;
    for (uint32_t at = 0; at < p.len;) {
        size_t len = strnlen((const char *)p.data + at, p.len - at) + 1;
        if (len == want && at + len <= p.len && memcmp(p.data + at, s, len) == 0)
            return true;
        at += (uint32_t)len;
    }
    return false;
}

static bool is_enabled(const struct node *n)
{
    return prop_find(n, "status").data == NULL || prop_lists(n, "status", "okay") ||
           prop_lists(n, "status", "ok");
}

/* Name without the unit address: "memory@80000000" is a "memory". */
static bool is_named(const struct node *n, const char *name)
{
    size_t len = strlen(name);
    return strncmp(n->name, name, len) == 0 && (n->name[len] == '\0' || n->name[len] == '@');
}

/* Entry i of `reg`, in the cells that the parent prescribes; false past the end, or where it is nonsense. */
static bool node_reg(const struct node *n, unsigned i, struct mem_range *r)
{
    struct prop p = prop_find(n, "reg");
    uint64_t na = prop_number(n - 1, "#address-cells", 2), ns = prop_number(n - 1, "#size-cells", 1);
    if (na == 0 || na > 4 || ns > 4 || p.len / (4 * (na + ns)) <= i)
        return false;
    const uint8_t *entry = p.data + i * 4 * (na + ns);
    uint64_t start = cells(entry, (unsigned)na), size = cells(entry + 4 * na, (unsigned)ns);
    if (start + size < start)
        return false;
    *r = (struct mem_range){start, start + size};
    return true;
}

static unsigned node_irq(const struct node *n)
{
    struct prop p = prop_find(n, "interrupts");
    return p.len >= 4 ? be32(p.data) : 0;
}

static void add_ram(const struct node *n)
{
    struct mem_range r;
    for (unsigned i = 0; node_reg(n, i, &r); i++) {
        if (r.start == r.end)
            continue;
        if (machine.nram == MACHINE_RAM)
            printk("lode: memory at 0x%lx is not used: more than %d ranges\n", r.start, MACHINE_RAM);
        else
            machine.ram[machine.nram++] = r;
    }
}

static void add_reserved(paddr_t start, paddr_t end)
{
    if (machine.nreserved == MACHINE_RESERVED)
        boot_fail("the device tree reserves more than %d ranges of memory", MACHINE_RESERVED);
    machine.reserved[machine.nreserved++] = (struct mem_range){start, end};
}

/* sstc is a word of its own among the extensions, as in "rv64imac_zba_sstc". */
static bool has_sstc(const struct node *n)
{
    for (const char *s = prop_string(n, "riscv,isa"); (s = strchr(s, '_')) != NULL;) {
        s++;
        if (strncmp(s, "sstc", 4) == 0 && (s[4] == '_' || s[4] == '\0'))
            return true;
    }
    return prop_lists(n, "riscv,isa-extensions", "sstc");
}

static void add_hart(struct node *n)
{
    const char *mmu = prop_string(n, "mmu-type");
    struct prop reg = prop_find(n, "reg");
    if (!is_enabled(n) || mmu[0] == '\0' || strcmp(mmu, "riscv,none") == 0 || (reg.len != 4 && reg.len != 8))
        return;
    if (machine.nharts == MAX_HARTS) {
        printk("lode: more than %d harts: %s is not used\n", MAX_HARTS, n->name);
        return;
    }
    n->hart = (int)machine.nharts++;
    machine.hartid[n->hart] = prop_number(n, "reg", 0);
    harts_with_sstc += has_sstc(n);
}

/* The slots are kept in order of address, whatever their order in the tree. */
static void add_virtio(const struct node *n)
{
    struct mem_range r;
    if (machine.nvirtio == MACHINE_VIRTIO || !node_reg(n, 0, &r))
        return;
    unsigned i = machine.nvirtio++;
    for (; i > 0 && machine.virtio[i - 1].start > r.start; i--) {
        machine.virtio[i] = machine.virtio[i - 1];
        machine.virtio_irq[i] = machine.virtio_irq[i - 1];
    }
    machine.virtio[i] = r;
    machine.virtio_irq[i] = node_irq(n);
}

static void read_chosen(const struct node *n)
{
    struct prop seed = prop_find(n, "rng-seed");
    const char *args = prop_string(n, "bootargs");
    if (strlcpy(machine.bootargs, args, sizeof(machine.bootargs)) >= sizeof(machine.bootargs))
        printk("lode: boot arguments are cut after %zu characters\n", sizeof(machine.bootargs) - 1);
    machine.rng_seed_len = MIN(seed.len, (uint32_t)sizeof(machine.rng_seed));
    if (seed.data != NULL)
        memcpy(machine.rng_seed, seed.data, machine.rng_seed_len);
}

/* The first device of each kind counts. */
static void visit_device(const struct node *n)
{
    static const struct {
        const char *compatible;
        struct mem_range *range;
    } devices[] = {
        {"ns16550a", &machine.uart},           {"ns16550", &machine.uart},
        {"riscv,plic0", &machine.plic},        {"sifive,plic-1.0.0", &machine.plic},
        {"google,goldfish-rtc", &machine.rtc}, {"sifive,test0", &machine.test},
    };
    if (!is_enabled(n))
        return;
    if (prop_lists(n, "compatible", "virtio,mmio"))
        add_virtio(n);
    for (unsigned i = 0; i < ARRAY_SIZE(devices); i++) {
        struct mem_range *range = devices[i].range;
        if (range->end != 0 || !prop_lists(n, "compatible", devices[i].compatible) || !node_reg(n, 0, range))
            continue;
        if (range == &machine.uart) {
            machine.uart_irq = node_irq(n);
            machine.uart_reg_shift = (unsigned)prop_number(n, "reg-shift", 0) & 3;
        } else if (range == &machine.plic) {
            machine.plic_nirq = (unsigned)prop_number(n, "riscv,ndev", 0);
            plic_contexts = prop_find(n, "interrupts-extended");
        }
    }
}

/* Called once for each node, when all its properties are known. */
static void visit(struct node *n)
{
    struct mem_range r;
    n->visited = true;
    if (n == path) {
        strlcpy(machine.model, prop_string(n, "model"), sizeof(machine.model));
        return;
    }
    const struct node *parent = n - 1;
    if (is_named(n, "cpus"))
        machine.timebase = prop_number(n, "timebase-frequency", 0);
    else if (is_named(parent, "cpus") && strcmp(prop_string(n, "device_type"), "cpu") == 0)
        add_hart(n);
    else if (parent->hart >= 0 && prop_lists(n, "compatible", "riscv,cpu-intc"))
        intc_phandle[parent->hart] = (uint32_t)prop_number(n, "phandle", 0);
    else if (strcmp(prop_string(n, "device_type"), "memory") == 0 && is_enabled(n))
        add_ram(n);
    else if (is_named(parent, "reserved-memory") && parent == path + 1)
        for (unsigned i = 0; node_reg(n, i, &r); i++)
            add_reserved(r.start, r.end);
    else if (is_named(n, "chosen") && parent == path)
        read_chosen(n);
    else
        visit_device(n);
}

/* The next len bytes of the structure block, which are then stepped over, up to a multiple of 4. */
static const uint8_t *take(uint32_t len)
{
    if (len > tree.size - tree.at)
        damaged("it ends within a node");
    const uint8_t *p = tree.data + tree.at;
    tree.at = MIN((tree.at + len + 3) & ~3u, tree.size);
    return p;
}

static void check_prop(void)
{
    uint32_t len = be32(take(4)), name = be32(take(4));
    take(len);
    if (name >= tree.size_strings ||
        strnlen((const char *)tree.strings + name, tree.size_strings - name) == tree.size_strings - name)
        damaged("a property without a name");
}

static void walk(void)
{
    int depth = -1;
    for (;;) {
        uint32_t start = tree.at, token = be32(take(4));
        if (depth >= 0 && (token == FDT_BEGIN_NODE || token == FDT_END_NODE) && !path[depth].visited) {
            path[depth].props_end = start;
            visit(&path[depth]);
        }
        if (token == FDT_BEGIN_NODE && depth + 1 < DEPTH_MAX) {
            const char *name = (const char *)tree.data + tree.at;
            take((uint32_t)strnlen(name, tree.size - tree.at) + 1);
            path[++depth] = (struct node){.name = name, .props = tree.at, .hart = -1};
        } else if (token == FDT_END_NODE && depth >= 0) {
            depth--;
        } else if (token == FDT_PROP && depth >= 0 && !path[depth].visited) {
            check_prop();
        } else if (token == FDT_END && depth < 0) {
            return;
        } else if (token != FDT_NOP) {
            boot_fail("the device tree is damaged: unexpected token %u at depth %d", token, depth);
        }
    }
}

static void read_reservations(const uint8_t *fdt, uint32_t at, uint32_t total)
{
    for (;; at += 16) {
        if (at > total || total - at < 16)
            damaged("its memory reservations do not end");
        uint64_t start = cells(fdt + at, 2), size = cells(fdt + at + 8, 2);
        if (size == 0)
            return;
        if (start + size < start)
            damaged("it reserves memory beyond the end");
        add_reserved(start, start + size);
    }
}

/* The boot hart becomes number 0: it changes places with the one before it until it is there. */
static void order_harts(uint64_t boot_hartid)
{
    unsigned i = 0;
    while (i < machine.nharts && machine.hartid[i] != boot_hartid)
        i++;
    if (i == machine.nharts)
        boot_fail("the device tree does not list hart %lu, which is running", boot_hartid);
    uint32_t phandle = intc_phandle[i];
    for (; i > 0; i--) {
        machine.hartid[i] = machine.hartid[i - 1];
        intc_phandle[i] = intc_phandle[i - 1];
    }
    machine.hartid[0] = boot_hartid;
    intc_phandle[0] = phandle;
}

/* interrupts-extended of the PLIC: for each context, in order, the hart's controller it is wired to and the
 * interrupt it raises there (binding "sifive,plic-1.0.0"). */
static void find_contexts(void)
{
    for (unsigned i = 0; i < machine.nharts; i++) {
        machine.plic_context[i] = -1;
        for (uint32_t at = 0; at + 8 <= plic_contexts.len && intc_phandle[i] != 0; at += 8)
            if (be32(plic_contexts.data + at) == intc_phandle[i] &&
                be32(plic_contexts.data + at + 4) == S_EXTERNAL)
                machine.plic_context[i] = (int)(at / 8);
    }
}

void machine_probe(const void *fdt, paddr_t fdt_pa, uint64_t boot_hartid)
{
    const uint8_t *base = fdt;
    uint32_t h[SIZE_STRUCT + 1];
    for (unsigned i = 0; i < ARRAY_SIZE(h); i++)
        h[i] = be32(base + 4 * i);
    if (h[0] != FDT_MAGIC)
        boot_fail("there is no device tree at 0x%lx", fdt_pa);
    if (h[VERSION] < FDT_VERSION || h[LAST_VERSION] > FDT_VERSION)
        boot_fail("the device tree has version %u, not %u", h[VERSION], FDT_VERSION);
    if (h[TOTALSIZE] > FDT_SIZE_MAX || (uint64_t)h[OFF_STRUCT] + h[SIZE_STRUCT] > h[TOTALSIZE] ||
        (uint64_t)h[OFF_STRINGS] + h[SIZE_STRINGS] > h[TOTALSIZE])
        boot_fail("the device tree is damaged: its parts do not fit its size of %u bytes", h[TOTALSIZE]);

    read_reservations(base, h[OFF_RSVMAP], h[TOTALSIZE]);
    add_reserved(fdt_pa, fdt_pa + h[TOTALSIZE]);
    tree.data = base + h[OFF_STRUCT];
    tree.size = h[SIZE_STRUCT];
    tree.strings = base + h[OFF_STRINGS];
    tree.size_strings = h[SIZE_STRINGS];
    tree.at = 0;
    walk();
    machine.ramdisk = (struct mem_range){bootarg_number("ramdisk"), bootarg_number("ramdisk_end")};
    if (machine.ramdisk.start != machine.ramdisk.end)
        add_reserved(machine.ramdisk.start, machine.ramdisk.end);
    if (machine.nram == 0)
        boot_fail("the device tree lists no memory");
    if (machine.timebase == 0)
        boot_fail("the device tree gives no timebase-frequency");
    order_harts(boot_hartid);
    find_contexts();
    machine.sstc = harts_with_sstc == machine.nharts;
}

bool bootarg(const char *key, char *buf, size_t size)
{
    size_t key_len = strlen(key), len;
    for (const char *word = machine.bootargs; *word != '\0'; word += len + (word[len] == ' ')) {
        const char *end = strchr(word, ' ');
        len = end != NULL ? (size_t)(end - word) : strlen(word);
        if (len == 2 && memcmp(word, "--", 2) == 0)
            return false;
        if (len > key_len && memcmp(word, key, key_len) == 0 && word[key_len] == '=') {
            strlcpy(buf, word + key_len + 1, MIN(size, len - key_len));
            return true;
        }
    }
    return false;
}

uint64_t bootarg_number(const char *key)
{
    char text[24] = "";
    uint64_t n = 0;
    bootarg(key, text, sizeof(text));
    for (const char *c = text; *c >= '0' && *c <= '9'; c++)
        n = n * 10 + (uint64_t)(*c - '0');
    return n;
}
