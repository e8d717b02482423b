"""Backtraces of the kernel: addresses as functions and lines, and the stacks of a machine that does not
answer, read through QEMU's monitor."""
import json
import os
import re
import shutil
import socket
import subprocess

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOLS = ("riscv64-unknown-elf-addr2line", "riscv64-linux-gnu-addr2line", "llvm-addr2line")
ADDRESSES_MAX = 2000   # looked up in one run: a kernel that prints backtraces without end must not cost hours
LOOKUP_TIMEOUT = 20    # seconds
MONITOR_TIMEOUT = 5    # seconds for an answer that takes far less than one
CLOCK_TIMEOUT = 60     # the same, where a busy host must not lose it
MTIME, MTIME_HZ = 0x200bff8, 10**7  # the clock of QEMU's machine virt
FRAMES_MAX = 32
STACK_SIZE = 16384     # an upper bound: frames further apart than that are no frames
KERNEL_HALF = 1 << 63  # addresses from here on are the kernel's


class Symbols:
    """Functions and lines of a kernel's addresses. Without the toolchain's addr2line there are none."""

    def __init__(self, elf):
        self.elf = elf
        self.known = {}  # address: lines
        names = [os.environ["TOOLPREFIX"] + "addr2line"] if os.environ.get("TOOLPREFIX") else []
        self.tool = next((t for t in names + list(TOOLS) if shutil.which(t)), None)

    def look_up(self, addresses):
        """Looks all of them up in one run of the tool."""
        new = sorted(set(addresses) - set(self.known))
        if not new or self.tool is None or len(self.known) + len(new) > ADDRESSES_MAX:
            return
        try:
            text = subprocess.run([self.tool, "-a", "-f", "-i", "-p", "-e", self.elf] + [hex(a) for a in new],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                  timeout=LOOKUP_TIMEOUT).stdout.decode("utf-8", "replace")
        except (OSError, subprocess.TimeoutExpired):
            self.tool = None
            return
        lines = []
        for line in text.splitlines():
            match = re.match(r"(0x[0-9a-f]+): (.*)", line)
            if match:
                lines = self.known.setdefault(int(match.group(1), 16), [])
            place = re.match(r"(?: \(inlined by\) )?(\S+) at (.*):(\d+)", match.group(2) if match else line)
            if place and place.group(1) != "??":
                path = os.path.relpath(place.group(2), TREE) if place.group(2).startswith(TREE) else place.group(2)
                lines.append(f"{place.group(1)}, {path}:{place.group(3)}")

    def text(self, address):
        """The lines to print below an address: what was inlined there comes first."""
        lines = self.known.get(address, [])
        return "".join(f"       {line}{' (inlined)' if line is not lines[-1] else ''}\n" for line in lines)


class Monitor:
    """QEMU's monitor (QMP), on a socket that QEMU inherits."""

    def __init__(self):
        self.socket, self.theirs = socket.socketpair()
        self.rest = b""
        self.connected = False

    def arguments(self):
        return ["-chardev", f"socket,id=monitor,fd={self.theirs.fileno()}", "-mon", "chardev=monitor,mode=control"]

    def close(self):
        self.socket.close()
        self.theirs.close()

    def receive(self, key):
        """The next message that has this key; others, events above all, are passed over."""
        while True:
            while b"\n" not in self.rest:
                data = self.socket.recv(65536)
                if not data:
                    raise OSError("QEMU's monitor is closed")
                self.rest += data
            line, self.rest = self.rest.split(b"\n", 1)
            message = json.loads(line)
            if key in message:
                return message[key]
            if "error" in message:
                raise OSError(message["error"].get("desc", "the monitor reports an error"))

    def do(self, command, **arguments):
        self.socket.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        return self.receive("return")

    def read(self, hart, command):
        return self.do("human-monitor-command", **{"command-line": command, "cpu-index": hart})

    def connect(self):
        if not self.connected:
            self.receive("QMP")
            self.do("qmp_capabilities")
            self.connected = True

    def stop_machine(self):
        self.socket.settimeout(MONITOR_TIMEOUT)
        self.connect()
        self.do("stop")

    def guest_seconds(self):
        """The guest's time since the machine's start. With -icount it may be that of up to 2 s before, the longest
        turn of a hart."""
        self.socket.settimeout(CLOCK_TIMEOUT)
        self.connect()
        text = self.read(0, f"xp /1gx {MTIME:#x}").split(":", 1)[-1]
        return int(text, 16) / MTIME_HZ

    def word_pair(self, hart, address):
        """Two 64-bit words of memory as the hart sees it; None where there is none."""
        values = re.findall(r"0x([0-9a-f]{16})", self.read(hart, f"x/2gx {address:#x}").split(":", 1)[-1])
        return [int(v, 16) for v in values] if len(values) == 2 else None

    def stack(self, hart):
        """pc, and the addresses that the frames on the hart's stack return to. A frame pointer points just above
        the return address and the caller's frame pointer (RISC-V psABI); in a function that calls none, just above
        the latter."""
        registers = self.read(hart, "info registers")
        pc, ra, frame = (int(re.search(rf"{name}\s+([0-9a-f]+)", registers).group(1), 16)
                         for name in (r"\bpc", r"\bx1/ra", r"\bx8/s0"))
        addresses, low = [], frame
        while (pc >= KERNEL_HALF and frame >= KERNEL_HALF and frame % 8 == 0 and low <= frame <= low + STACK_SIZE
               and len(addresses) < FRAMES_MAX):
            pair = self.word_pair(hart, frame - 16)
            if pair is None or pair[1] < KERNEL_HALF:
                break
            low = frame + 1
            if low <= pair[1] <= low + STACK_SIZE:
                addresses += [] if addresses else [ra]
                frame = pair[1]
            else:
                addresses.append(pair[1])
                frame = pair[0]
        return pc, addresses


def describe_harts(monitor, harts, symbols):
    """What each hart is doing, as text. Leaves the machine stopped."""
    try:
        monitor.stop_machine()
        stacks = [monitor.stack(hart) for hart in range(harts)]
    except (OSError, ValueError, AttributeError) as error:
        return f"QEMU does not tell what the harts are doing: {error}\n"
    # A return address may already belong to the next line, or function: the call is before it.
    symbols.look_up([pc for pc, _ in stacks if pc >= KERNEL_HALF] + [a - 1 for _, s in stacks for a in s])
    text = "what the harts were doing when time ran out:\n"
    for hart, (pc, addresses) in enumerate(stacks):
        where = "in the kernel" if pc >= KERNEL_HALF else "in the firmware" if 0x80000000 <= pc < 0x80200000 else \
            "in a program"
        text += f"hart {hart}, {where}\n  at {pc:#x}\n" + symbols.text(pc)
        text += "".join(f"  at {a:#x}\n" + symbols.text(a - 1) for a in addresses)
    return text
