"""The numbers of scripts/profile: which functions the kernel has, and what the plugin (profile/) has counted."""
import re
import struct
import subprocess

USER, FIRMWARE = "[user]", "[firmware]"  # as profile/calls.c calls them


class Functions:
    """The kernel's functions, from the symbols of its ELF file: [start, end, name], sorted."""

    def __init__(self, elf):
        with open(elf, "rb") as f:
            data = f.read()
        # ELF-64 object file format: section headers, symbol table.
        table, = struct.unpack_from("<Q", data, 40)
        size, count = struct.unpack_from("<HH", data, 58)
        sections = [struct.unpack_from("<IIQQQQIIQQ", data, table + i * size) for i in range(count)]
        symbols, = (s for s in sections if s[1] == 2)  # SHT_SYMTAB
        names = sections[symbols[6]][4]
        starts, limits = {}, {}
        for at in range(symbols[4], symbols[4] + symbols[5], 24):
            name, info, _, section, value, _ = struct.unpack_from("<IBBHQQ", data, at)
            name = data[names + name:data.index(b"\0", names + name)].decode("utf-8", "replace")
            kind, binding = info & 15, info >> 4
            # Functions of C, and what assembly declares .globl: its other labels are places inside functions.
            if 0 < section < count and sections[section][2] & 4 and (kind == 2 or kind == 0 and binding == 1):
                starts.setdefault(value, name)
                limits[value] = sections[section][3] + sections[section][5]
        order = sorted(starts)
        self.list = [(start, min(end, limits[start]), starts[start]) for start, end in zip(order, order[1:] + [limits[order[-1]]])]

    def write(self, path):
        with open(path, "w") as out:
            out.writelines(f"{start:x} {end:x} {name}\n" for start, end, name in self.list)

    def ranges(self, name):
        """Where a function is; the compiler may have made several of it, NAME.part.0 for example."""
        return [(start, end) for start, end, n in self.list if n == name or n.startswith(name + ".")]


def name_offset(elf):
    """Where in struct proc a process's name is."""
    try:
        text = subprocess.run(["gdb-multiarch", "-batch", "-nx", "-ex", "output/d (long)&((struct proc *)0)->name", elf],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60).stdout
    except FileNotFoundError as error:
        raise OSError(error.errno, "is not installed; scripts/setup installs what is missing", "gdb-multiarch") from None
    if not re.fullmatch(rb"\d+", text):
        raise OSError(0, "has no debugging information about struct proc", elf)
    return int(text)


class Node:
    def __init__(self, name, parent, own, calls):
        self.name, self.parent, self.own, self.calls = name, parent, own, calls
        self.total = own
        self.children = []

    def path(self):
        """From the process on: the root has no name."""
        return self.parent.path() + [self.name] if self.parent else []


class Profile:
    def __init__(self, path):
        self.nodes, self.lines = [], {}  # lines: address: count
        with open(path, encoding="utf-8", errors="replace") as f:
            for line in f:
                kind, *words = line.rstrip("\n").split(" ", 4)
                if kind == "node":
                    parent = self.nodes[int(words[0])] if int(words[0]) >= 0 else None
                    self.nodes.append(Node(words[3], parent, int(words[1]), int(words[2])))
                elif kind == "line":
                    self.lines[int(words[0], 16)] = int(words[1])
        for node in reversed(self.nodes):  # children come after their parents
            if node.parent:
                node.parent.total += node.total
        for node in self.nodes:
            if node.parent and node.total:
                node.parent.children.append(node)
        self.root = self.nodes[0]
        self.total = self.root.total

    def processes(self):
        """(name, in user mode, in the kernel, in the firmware), the largest first."""
        def firmware(node):
            return node.total if node.name == FIRMWARE else sum(firmware(c) for c in node.children)
        rows = []
        for process in self.root.children:
            user, inside = sum(c.total for c in process.children if c.name == USER), firmware(process)
            rows.append((process.name, user, process.total - user - inside, inside))
        return sorted(rows, key=lambda row: (-sum(row[1:]), row[0]))

    def functions(self, order):
        """(name, self, total, calls). What calls itself is counted once in `total`."""
        own, total, calls = {}, {}, {}

        def visit(node, name, above):
            own[name] = own.get(name, 0) + node.own
            calls[name] = calls.get(name, 0) + node.calls
            if name not in above:
                total[name] = total.get(name, 0) + node.total
            for child in node.children:
                visit(child, child.name, above | {name})

        for process in self.root.children:
            for child in process.children:
                visit(child, f"{USER} {process.name}" if child.name == USER else child.name, frozenset())
        column = {"self": own, "total": total, "calls": calls}[order]
        return [(n, own[n], total[n], calls[n]) for n in sorted(own, key=lambda n: (-column[n], -own[n], n))]


def write_folded(path, profile):
    """One stack a line, its functions separated by ";", and the instructions in the last of them."""
    with open(path, "w", encoding="utf-8") as out:
        for node in profile.nodes:
            if node.own:
                out.write(";".join(name.replace(";", ":") for name in node.path()) + f" {node.own}\n")
