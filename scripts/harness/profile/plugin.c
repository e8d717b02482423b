/* The counting half of scripts/profile: a plugin for QEMU that follows every hart through kernel, programs and
 * firmware, and counts instructions per stack of calls.
 *
 * What it relies on, and what it does with it:
 *   1. QEMU translates the guest in blocks, of which only the last instruction jumps. block_begins() is called
 *      whenever a block begins; `executed` is increased by each instruction. What `executed` has grown by from one
 *      block to the next is what the first of the two has executed, also if a trap has cut it short.
 *   2. A plugin cannot see registers: calls.c knows calls and returns by the jumps at the ends of blocks.
 *   3. Every process has a stack of its own. context_switch saves ra at the address of the process it leaves, and
 *      loads it from the address of the one it goes to; a plugin does see the addresses of memory accesses.
 *   4. The memory of the guest lies in QEMU's, so a process's name can be read there, given the offset in struct proc.
 *
 * It counts between marks, which are instructions without effect (the RISC-V manual's HINTs): slti zero, zero, N.
 *
 * Arguments: functions=FILE, lines "START END NAME", addresses in hexadecimal, sorted; name=OFFSET in struct proc;
 * out=FILE; begin=N and end=N, the marks; any number of line=START-END, addresses to count one by one.
 *
 * Output, once the machine has ended: lines "node PARENT SELF CALLS NAME", numbered from 0 on, of which each comes
 * after its parent; and lines "line ADDRESS COUNT". */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "calls.h"
#include "qemu_plugin.h"

int qemu_plugin_version = 1;

#define LINES_MAX    64 /* ranges of addresses to count one by one: a function may have several */
#define KERNEL_HALF  (1ul << 63)
#define FIRMWARE     0x80000000ul /* to FIRMWARE_END */
#define FIRMWARE_END 0x80200000ul

/* Instructions. */
#define HINT(n)  ((uint32_t)(n) << 20 | 0x2013) /* slti zero, zero, n */
#define SAVES_RA 0x00153023u /* sd ra, 0(a0): in context_switch, a0 is the process it leaves */
#define LOADS_RA 0x0005b083u /* ld ra, 0(a1): a1 is the one it goes to */
#define SRET     0x10200073u

struct range {
    uint64_t start, end;
    uint64_t *live;    /* per two bytes */
    uint64_t *counted; /* between marks */
};

static struct function *functions;
static size_t function_count;
static struct range ranges[LINES_MAX];
static unsigned range_count;
static uint32_t mark_begin, mark_end;
static char *out_path;
static ptrdiff_t firmware_in_host; /* to be added to an address of the firmware; 0: not known yet */

/* ---- Marks ---- */

static void at_mark(bool begin)
{
    if (counting == begin)
        return;
    calls_count(begin);
    for (unsigned i = 0; i < range_count; i++)
        for (uint64_t j = 0; j < (ranges[i].end - ranges[i].start) / 2; j++)
            ranges[i].counted[j] += begin ? -ranges[i].live[j] : ranges[i].live[j];
}

static void at_begin(unsigned hart, void *data)
{
    (void)hart, (void)data;
    at_mark(true);
}

static void at_end(unsigned hart, void *data)
{
    (void)hart, (void)data;
    at_mark(false);
}

/* ---- Translation ---- */

static void block_begins(unsigned hart, void *block)
{
    calls_block_begins(hart, block);
}

static void leaves_process(unsigned hart, uint32_t info, uint64_t address, void *data)
{
    (void)info, (void)data;
    calls_leaves_process(hart, address);
}

static void goes_to_process(unsigned hart, uint32_t info, uint64_t address, void *data)
{
    (void)info, (void)data;
    calls_goes_to_process(hart, address);
}

static const struct function *function_at(uint64_t address)
{
    size_t low = 0, high = function_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (functions[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < function_count && functions[low].start <= address ? &functions[low] : NULL;
}

static uint32_t word(const struct qemu_plugin_insn *insn)
{
    uint32_t w = 0;
    memcpy(&w, qemu_plugin_insn_data(insn), qemu_plugin_insn_size(insn) == 2 ? 2 : 4);
    return w;
}

/* The RISC-V calling convention keeps return addresses in ra = x1. Compressed instructions have 16 bits. */
static enum ending ending(uint32_t w)
{
    bool jal = (w & 0xfff) == 0x0ef, jalr = (w & 0x7fff) == 0x0e7;
    bool c_jalr = w < 0x10000 && (w & 0xf07f) == 0x9002 && (w & 0x0f80) != 0;
    if (jal || jalr || c_jalr)
        return CALLS;
    return w == 0x00008067 || w == 0x8082 ? RETURNS : w == SRET ? ENDS_TRAP : FALLS_THROUGH;
}

static enum place place_of(uint64_t address, const void *host)
{
    if (address >= KERNEL_HALF)
        return IN_KERNEL;
    if (address < FIRMWARE || address >= FIRMWARE_END)
        return IN_PROGRAM;
    if (!firmware_in_host) /* it runs first */
        firmware_in_host = (intptr_t)host - (ptrdiff_t)address;
    return (intptr_t)host == (intptr_t)address + firmware_in_host ? IN_FIRMWARE : IN_PROGRAM;
}

static void count_line(struct qemu_plugin_insn *insn, uint64_t address)
{
    for (unsigned i = 0; i < range_count; i++)
        if (ranges[i].start <= address && address < ranges[i].end)
            qemu_plugin_register_vcpu_insn_exec_inline(insn, ADD_U64,
                                                       &ranges[i].live[(address - ranges[i].start) / 2], 1);
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    static struct block program = {.place = IN_PROGRAM}; /* all of them are the same */
    size_t n = qemu_plugin_tb_n_insns(tb);
    uint64_t start = qemu_plugin_tb_vaddr(tb);
    const void *host = qemu_plugin_insn_haddr(qemu_plugin_tb_get_insn(tb, 0));
    enum place place = place_of(start, host);
    const struct function *function = place == IN_KERNEL ? function_at(start) : NULL;
    (void)id;
    if (function && !kernel_in_host)
        kernel_in_host = (intptr_t)host - (ptrdiff_t)start;
    for (size_t i = 0; i < n; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        uint32_t w = word(insn);
        qemu_plugin_register_vcpu_insn_exec_inline(insn, ADD_U64, &executed, 1);
        if (place == IN_PROGRAM && w == mark_begin)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, at_begin, NO_REGISTERS, NULL);
        if (place == IN_PROGRAM && w == mark_end)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, at_end, NO_REGISTERS, NULL);
        if (place == IN_KERNEL)
            count_line(insn, qemu_plugin_insn_vaddr(insn));
        if (function && function == context_switch && w == SAVES_RA)
            qemu_plugin_register_vcpu_mem_cb(insn, leaves_process, NO_REGISTERS, READS_OR_WRITES, NULL);
        if (function && function == context_switch && w == LOADS_RA)
            qemu_plugin_register_vcpu_mem_cb(insn, goes_to_process, NO_REGISTERS, READS_OR_WRITES, NULL);
    }
    struct block *b = &program;
    if (place != IN_PROGRAM) {
        struct qemu_plugin_insn *last = qemu_plugin_tb_get_insn(tb, n - 1);
        b = allocate(1, sizeof(*b));
        *b = (struct block){place, start, function, {FALLS_THROUGH, 0}};
        if (place == IN_KERNEL)
            b->end =
                (struct jump){ending(word(last)), qemu_plugin_insn_vaddr(last) + qemu_plugin_insn_size(last)};
    }
    qemu_plugin_register_vcpu_tb_exec_cb(tb, block_begins, NO_REGISTERS, b);
}

/* ---- Beginning and end ---- */

static void write_out(qemu_plugin_id_t id, void *data)
{
    FILE *out = fopen(out_path, "w");
    (void)id, (void)data;
    if (!out) {
        perror(out_path);
        return;
    }
    at_mark(false);
    calls_write(out);
    for (unsigned i = 0; i < range_count; i++)
        for (uint64_t j = 0; j < (ranges[i].end - ranges[i].start) / 2; j++)
            if (ranges[i].counted[j])
                fprintf(out, "line %" PRIx64 " %" PRIu64 "\n", ranges[i].start + 2 * j, ranges[i].counted[j]);
    fclose(out);
}

static bool read_functions(const char *path)
{
    char name[256];
    uint64_t start, end;
    FILE *in = fopen(path, "r");
    if (!in)
        return false;
    while (fscanf(in, "%" SCNx64 " %" SCNx64 " %255s", &start, &end, name) == 3) {
        functions = realloc(functions, (function_count + 1) * sizeof(*functions));
        functions[function_count++] = (struct function){start, end, strdup(name)};
    }
    fclose(in);
    for (size_t i = 0; i < function_count; i++) {
        if (strcmp(functions[i].name, "trap_entry") == 0)
            trap_entry = &functions[i];
        if (strcmp(functions[i].name, "proc_entry") == 0)
            proc_entry = &functions[i];
        if (strcmp(functions[i].name, "context_switch") == 0)
            context_switch = &functions[i];
    }
    return trap_entry && proc_entry && context_switch;
}

static bool take_argument(const char *argument)
{
    const char *equals = strchr(argument, '=');
    if (!equals)
        return false;
    size_t n = (size_t)(equals - argument);
    const char *value = equals + 1;
    if (strncmp(argument, "functions", n) == 0)
        return read_functions(value);
    if (strncmp(argument, "out", n) == 0)
        return (out_path = strdup(value)) != NULL;
    if (strncmp(argument, "name", n) == 0)
        return (name_offset = strtoull(value, NULL, 0)) != 0;
    if (strncmp(argument, "begin", n) == 0)
        return (mark_begin = HINT(atoi(value))) != 0;
    if (strncmp(argument, "end", n) == 0)
        return (mark_end = HINT(atoi(value))) != 0;
    struct range *r = &ranges[range_count];
    if (range_count == LINES_MAX || sscanf(argument, "line=%" SCNx64 "-%" SCNx64, &r->start, &r->end) != 2 ||
        r->end <= r->start)
        return false;
    r->live = allocate((r->end - r->start) / 2, sizeof(*r->live));
    r->counted = allocate((r->end - r->start) / 2, sizeof(*r->counted));
    range_count++;
    return true;
}

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++)
        if (!take_argument(argv[i])) {
            fprintf(stderr, "profile: the argument %s is wrong\n", argv[i]);
            return 1;
        }
    if (!trap_entry || !out_path || !name_offset || !mark_begin || !mark_end) {
        fprintf(stderr, "profile: functions=, name=, out=, begin= and end= are needed\n");
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, write_out, NULL);
    return 0;
}
