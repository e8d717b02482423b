#!/usr/bin/env python3
"""What the kernel promises about itself, seen from outside: its page tables in the machine's memory, its instructions in the ELF
file, the canary of its stacks."""
import array
import json
import os
import re
import shutil
import socket
import stat
import struct
import subprocess
from machine import BUILD, PATIENCE, Folder, Machine, check, run_tests

PAGE = 4096
RAM, RAM_SIZE = 0x80000000, 64 << 20
OFFSET = 0xffffffc000000000  # of the kernel's direct map
STACKS, STACK_SIZE = 0xffffffe000000000, 8192  # a guard of that size below each stack
USER_TOP = 0x3fffffe000
V, R, W, X, U, G = (1 << i for i in range(6))
SUM_MXR = 3 << 18  # of sstatus: the kernel may use user pages; it may read what is only executable
KERNEL = os.path.join(BUILD, "kernel.elf")


# ---- the ELF file ----

def symbols():
    """{name: address}, from the symbol table."""
    with open(KERNEL, "rb") as f:
        elf = f.read()
    start, = struct.unpack_from("<Q", elf, 40)
    entry_size, count = struct.unpack_from("<HH", elf, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", elf, start + i * entry_size) for i in range(count)]
    found = {}
    for kind, offset, size, link in ((s[1], s[4], s[5], s[6]) for s in sections):
        if kind != 2:  # SHT_SYMTAB
            continue
        strings = sections[link][4]
        for at in range(offset, offset + size, 24):
            name, _, _, _, value, _ = struct.unpack_from("<IBBHQQ", elf, at)
            found[elf[strings + name:elf.index(b"\0", strings + name)].decode()] = value
    return found


def disassembly():
    """[(address, mnemonic, [operands], function)]"""
    names = [os.environ.get("TOOLPREFIX", "riscv64-unknown-elf-") + "objdump", "llvm-objdump"]
    tool = next((name for name in names if shutil.which(name)), None)
    check(tool, f"none of {' '.join(names)} is installed")
    text = subprocess.run([tool, "-d", "--no-show-raw-insn", KERNEL], stdout=subprocess.PIPE, check=True, timeout=120).stdout.decode()
    function, found = "", []
    for line in text.splitlines():
        label = re.match(r"[0-9a-f]+ <(.*)>:", line)
        if label:
            function = label.group(1)
        code = re.match(r"\s*([0-9a-f]+):\s+(\S+)\s*([^#<]*)", line)
        if code:
            operands = [o.strip() for o in code.group(3).split(",") if o.strip()]
            found.append((int(code.group(1), 16), code.group(2), operands, function))
    return found


# Where a value for sstatus may be loaded from: what hardware has saved there at a trap (TF_STATUS), and SIE as it was
# (irq_state.was_on, in struct proc).
SAVED = ("248(sp)", "120(")
STORES = ("sd", "sw", "sh", "sb", "c.sd", "c.sw", "c.sdsp", "fence", "csrw", "csrs", "csrc")


def value_of(code, at, register):
    """Which bits may be set in the register before instruction `at`? None: not known."""
    for i in range(at - 1, max(at - 200, -1), -1):
        _, name, operands, function = code[i]
        if function != code[at][3] and function != "trap_entry":
            return None
        if name in STORES or name.startswith(("b", "amo")) or not operands or operands[0] != register:
            continue
        last = operands[-1]
        if name in ("ld", "c.ldsp") and register[0] == "s" and last.endswith("(sp)"):
            continue  # where a function ends it restores its caller's
        if name in ("li", "c.li"):
            return int(last, 0) & (1 << 64) - 1
        if name in ("lui", "c.lui"):
            return int(last, 0) << 12
        if name in ("andi", "and", "c.andi") and re.fullmatch(r"0x[0-9a-f]+|\d+", last):
            return int(last, 0)
        if name in ("and", "c.and"):
            return value_of(code, i, last)
        if name in ("ld", "c.ld", "c.ldsp") and last.startswith(SAVED):
            return 0
        if name in ("mv", "c.mv"):
            return value_of(code, i, last)
        return None
    return None


def sum_is_never_set():
    """Every instruction that sets bits of sstatus sets known ones."""
    code, seen = disassembly(), 0
    for at, (address, name, operands, function) in enumerate(code):
        if not name.startswith("csr") or not operands or "sstatus" not in operands and "0x100" not in operands:
            continue
        seen += 1
        source = operands[-1]
        if name in ("csrr", "csrc", "csrrc", "csrrci", "csrci") or source.isdecimal():
            continue  # takes bits away, or gives one of the lowest five
        bits = value_of(code, at, source)
        check(bits is not None, f"{function}, at {address:#x}: {name} {', '.join(operands)}: it is not seen which bits of sstatus that sets")
        check(not bits & SUM_MXR, f"{function}, at {address:#x}: sets SUM or MXR in sstatus: the kernel would reach user pages by their addresses")
    check(seen > 10, f"only {seen} instructions with sstatus were found")


# ---- the machine ----

class Watched(Machine):
    """With a monitor, on a socket."""

    def __init__(self, folder, *arguments):
        path, wrapper = folder.file("monitor"), folder.file("qemu")
        real = os.environ.get("QEMU", "qemu-system-riscv64")
        with open(wrapper, "w", encoding="utf-8") as f:
            f.write(f"#!/bin/sh\nexec {real} \"$@\" -qmp unix:{path},server=on,wait=off\n")
        os.chmod(wrapper, os.stat(wrapper).st_mode | stat.S_IXUSR)
        before = os.environ.copy()
        os.environ["QEMU"] = wrapper
        try:
            super().__init__("--mem", "64M", *arguments)
        finally:
            os.environ.clear()
            os.environ.update(before)
        self.monitor = socket.socket(socket.AF_UNIX)
        self.monitor.settimeout(PATIENCE)
        self.monitor.connect(path)
        self.stream = self.monitor.makefile("rw")
        self.ask("qmp_capabilities")

    def ask(self, command, **arguments):
        json.dump({"execute": command, "arguments": arguments}, self.stream)
        self.stream.write("\n")
        self.stream.flush()
        for line in self.stream:
            answer = json.loads(line)
            check("error" not in answer, f"{command}: {line}")
            if "return" in answer:
                return answer["return"]
        raise OSError("QEMU's monitor is closed")

    def register(self, hart, name):
        text = self.ask("human-monitor-command", **{"command-line": "info registers", "cpu-index": hart})
        return int(re.search(rf"\b{name}\s+([0-9a-f]+)", text).group(1), 16)

    def memory(self, folder):
        """All RAM, as 64-bit words."""
        name = folder.file("memory")
        self.ask("pmemsave", val=RAM, size=RAM_SIZE, filename=name)
        words = array.array("Q")
        with open(name, "rb") as f:
            words.fromfile(f, RAM_SIZE // 8)
        return words


class Tables:
    """The page tables in a machine's memory."""

    def __init__(self, words):
        self.words = words
        self.tables = set()  # pages that hold them

    def page(self, pa):
        at = (pa - RAM) // 8
        check(0 <= at <= len(self.words) - 512, f"a page table at {pa:#x}, where no memory is")
        return self.words[at:at + 512]

    def leaves(self, pa, first, end, va=0, level=2):
        """(virtual address, size, entry) of all that entries first .. end - 1 of the table lead to."""
        self.tables.add(pa)
        for i, entry in enumerate(self.page(pa)[first:end], first):
            if not entry & V:
                continue  # without V the rest is the kernel's own
            here = va + (i << 12 + 9 * level)
            if entry & (R | W | X):
                yield here, 1 << 12 + 9 * level, entry
            else:
                check(level > 0, f"address {here:#x}: an entry of the lowest table leads to another")
                yield from self.leaves(entry >> 10 << 12, 0, 512, here, level - 1)

    def roots(self, kernel):
        """The pages whose upper half is the kernel's: each is a program's root."""
        upper = self.page(kernel)[256:]
        return [RAM + at * 8 for at in range(0, len(self.words), 512)
                if self.words[at + 256] == upper[0] and self.words[at + 256:at + 512] == upper and RAM + at * 8 != kernel]


def letters(entry):
    return "".join(letter if entry & bit else "-" for letter, bit in zip("RWXU", (R, W, X, U)))


def overlaps(start, size, low, high):
    return start < high and low < start + size


def firmware_only(output):
    """The ranges of memory that OpenSBI keeps for itself, as it says when it starts."""
    found = re.findall(r"Domain0 Region\d+\s*: 0x([0-9a-f]+)-0x([0-9a-f]+) (?:.*S/U: )?\(\)", output)
    ranges = [(int(low, 16), int(high, 16) + 1) for low, high in found]
    check(any(overlaps(RAM, PAGE, *r) for r in ranges), "the firmware does not say which memory it keeps for itself")
    return ranges


def check_kernel(leaves, s, firmware):
    """The upper half: addresses, sizes, entries."""
    stacks = set()
    for va, size, entry in leaves:
        va |= -1 << 38 & (1 << 64) - 1
        pa, what = entry >> 10 << 12, f"kernel address {va:#x}, {letters(entry)}"
        check(not entry & U, f"{what}: programs can reach it")
        check(not (entry & W and entry & X), f"{what}: it can be written and executed")
        if va >= STACKS:
            check(va & STACK_SIZE, f"{what}: it is in the guard below a kernel stack")
            check(entry & W and not entry & X, f"{what}: a stack")
            stacks.add(va & ~(2 * STACK_SIZE - 1))
            continue
        check(va == pa + OFFSET, f"{what} is mapped to {pa:#x}: not the direct map")
        inside = s["kernel_start"] <= va and va + size <= s["text_end"]
        check(bool(entry & X) == inside, f"{what}: {'the kernel is not executable there' if inside else 'executable, but not the kernel text'}")
        check(not entry & W or not overlaps(va, size, s["kernel_start"], s["rodata_end"]), f"{what}: text or constants can be written")
        check(not any(overlaps(pa, size, *r) for r in firmware), f"{what}: memory of the firmware")
        guard = s["boot_stack_guard"]
        check(not overlaps(va, size, guard, guard + STACK_SIZE), f"{what}: it is in the guard below the boot hart's stack")
    check(len(stacks) >= 4, f"only {len(stacks)} kernel stacks were found")


def check_programs(tables, roots, s):
    image = range(s["kernel_start"] - OFFSET, s["kernel_end"] - OFFSET)
    users = [(root, leaf) for root in roots for leaf in tables.leaves(root, 0, 256)]
    for root, (va, size, entry) in users:
        pa, what = entry >> 10 << 12, f"program at root {root:#x}, address {va:#x}, {letters(entry)}, page {entry >> 10 << 12:#x}"
        check(entry & U, f"{what}: the kernel could use it by the program's address")
        check(not entry & G, f"{what}: it would stay when another program runs")
        check(not (entry & W and entry & X), f"{what}: it can be written and executed")
        check(size == PAGE and 0x1000 <= va < USER_TOP, f"{what}: not where programs are")
        check(pa not in image, f"{what}: a page of the kernel's image")
        check(pa not in tables.tables, f"{what}: a page table")
    writable = {leaf[2] >> 10 for _, leaf in users if leaf[2] & W}
    executable = {leaf[2] >> 10 for _, leaf in users if leaf[2] & X}
    check(not writable & executable, f"pages {sorted(writable & executable)} can be executed by one program and written by another")
    check(len(executable) > 4 and len(writable) > 10, f"only {len(executable)} pages of programs' text and {len(writable)} of data were found")


def page_tables_keep_apart():
    """W^X, guard pages, and nothing of the kernel's within reach of programs: all page tables of a machine in which programs run."""
    s = symbols()
    with Folder() as folder, Watched(folder, "--cpus", "2") as m:
        for _ in range(3):
            m.command("sleep 1000 &")
        m.command("cat /dev/zero >/dev/null &")
        m.ask("stop")
        tables = Tables(m.memory(folder))
        kernel = s["kernel_root"] - OFFSET
        roots = tables.roots(kernel)
        check(len(roots) >= 5, f"only {len(roots)} programs' page tables were found")
        for hart in range(2):
            root = (m.register(hart, "satp") & (1 << 44) - 1) << 12
            check(root in roots + [kernel], f"hart {hart} uses a page table at {root:#x}, which is not one of the kernel's")
        check_kernel(list(tables.leaves(kernel, 256, 512)), s, firmware_only(m.output))
        check(not any(tables.page(kernel)[:256]), "the kernel's page table has a lower half")
        check_programs(tables, roots, s)


def sum_is_off_while_it_runs():
    with Folder() as folder, Watched(folder, "--cpus", "2") as m:
        m.command("cat /dev/zero >/dev/null &")
        m.command("while true; do echo x | cat >/dev/null; done &")
        for _ in range(50):
            for hart in range(2):
                status = m.register(hart, "mstatus")
                check(not status & SUM_MXR, f"hart {hart}: mstatus is {status:#x}: SUM or MXR is set")


def canary_is_drawn_at_boot():
    s, drawn = symbols(), set()
    for _ in range(2):
        with Folder() as folder, Watched(folder, "--cpus", "1") as m:
            m.ask("stop")
            drawn.add(m.memory(folder)[(s["__stack_chk_guard"] - OFFSET - RAM) // 8])
    check(len(drawn) == 2, f"the canary was {min(drawn):#x} in both of two boots: it can be guessed")
    for canary in drawn:
        check(canary & 0xff == 0 and canary >> 8, f"the canary {canary:#x} does not end in a zero byte, for strings to stop at")


run_tests([sum_is_never_set, page_tables_keep_apart, sum_is_off_while_it_runs, canary_is_drawn_at_boot])
