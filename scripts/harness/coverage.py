"""What code of the kernel has run: the bits that a build with COVERAGE=1 has kept, as functions, files and lines."""
import os
import re
import subprocess
from dataclasses import dataclass, field

HOOK = "__sanitizer_cov_trace_pc"


@dataclass
class Function:
    name: str
    file: str = "?"
    places: list = field(default_factory=list)  # addresses that its calls of the hook return to


def tool(name):
    return os.environ.get("TOOLPREFIX", "riscv64-unknown-elf-") + name


def lines_of(command, stdin=None):
    done = subprocess.run(command, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return done.stdout.decode("utf-8", "replace").splitlines()


def functions_of(elf):
    """The functions of a kernel, with the places that can be reached."""
    found, after = [], False
    for line in lines_of([tool("objdump"), "-d", "--no-show-raw-insn", elf]):
        start = re.match(r"([0-9a-f]+) <([^>]+)>:", line)
        place = re.match(r"\s*([0-9a-f]+):\t(.*)", line)
        if start:
            found.append(Function(start[2]))
            after = False
        elif place:
            if after:
                found[-1].places.append(int(place[1], 16))
            after = f"<{HOOK}>" in place[2] and not place[2].startswith(("auipc", "j\t"))
    return [f for f in found if f.places]


def sources_of(elf, addresses, tree):
    """FILE:LINE of each address."""
    text = "\n".join(hex(a - 1) for a in addresses) + "\n"  # within the call, not behind it
    lines = lines_of([tool("addr2line"), "-e", elf], text.encode())
    return [os.path.relpath(line.split(" ")[0], tree) if line.startswith(tree) else line for line in lines]


def parse_bits(base, rows):
    """The addresses whose bit is set."""
    bits = bytes.fromhex("".join(rows))
    return {base + 2 * (8 * i + k) for i, byte in enumerate(bits) if byte for k in range(8) if byte >> k & 1}


def percent(part, whole):
    return f"{part:5} of {whole:5}  {100 * part / whole:5.1f} %" if whole else "none"


def report(elf, reached, tree):
    """(one line, the whole text): how much of the kernel was reached, by files, and the functions that never were."""
    functions = functions_of(elf)
    places = [p for f in functions for p in f.places]
    source = dict(zip(places, sources_of(elf, places, tree)))
    for f in functions:
        f.file = source[f.places[0]].rpartition(":")[0]
    lines, hit_lines = set(source.values()), {source[p] for p in places if p in reached}
    entered = [f for f in functions if reached.intersection(f.places)]
    hits = sum(p in reached for p in places)
    text = ["places (basic blocks)  " + percent(hits, len(places)), "lines                  " + percent(len(hit_lines), len(lines)),
            "functions              " + percent(len(entered), len(functions)), ""]
    for name in sorted({f.file for f in functions}):
        of_file = [p for f in functions if f.file == name for p in f.places]
        text.append(f"{name:28} {percent(sum(p in reached for p in of_file), len(of_file))}")
    text += ["", "Functions that were never reached:"]
    text += [f"  {f.name}, {f.file}" for f in sorted(functions, key=lambda f: (f.file, f.name)) if f not in entered]
    short = (f"{100 * hits / len(places):.1f} % of the kernel's basic blocks, {100 * len(hit_lines) / len(lines):.1f} % of its lines, "
             f"{100 * len(entered) / len(functions):.1f} % of its functions reached")
    return short, "\n".join(text) + "\n"
