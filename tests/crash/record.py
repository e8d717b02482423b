"""Runs a workload in a machine, whose disk logs every write and flush (QEMU's blklogwrites): the other half of what
crash checks, with the real drivers, system calls and clock.

The machine's only program (guest/guest.c) does an operation when it is told to, and answers. So of each entry of the log it is
known which calls had begun, and which had returned. The result is three files, which `crash --recording` reads:
PREFIX.img (the disk before), PREFIX.log, PREFIX.calls."""
import os
import re
import select
import shutil
import subprocess
import tempfile
import time

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MKFS = os.path.join(TREE, "build", "mkfs")
PATIENCE = 300        # seconds for what takes far less than one: the host may be busy
MAX_LOG = 256 << 20   # bytes of a log; a guest that writes more has gone wild
PROGRAM = 60          # more blocks than a workload asks for: for the program, and mkfs's own ideas


class Failed(Exception):
    pass


def make_image(build, path, blocks, inodes):
    """A disk with the one program, and room for the workload."""
    with tempfile.TemporaryDirectory(prefix="lode-crash-") as folder:
        os.mkdir(os.path.join(folder, "bin"))
        shutil.copy(os.path.join(build, "crash", "guest"), os.path.join(folder, "bin", "init"))
        size = f"{4 * (blocks + PROGRAM)}K"
        subprocess.run([MKFS, "-s", size, "-i", str(inodes + 4), "-d", folder, path], check=True, stdout=subprocess.DEVNULL)


class Machine:
    """A machine with that image; with a log if one is named. Use it with "with"."""

    def __init__(self, build, image, log=None):
        disk = f"driver=file,filename={image},node-name=f0"
        command = [os.environ.get("QEMU", "qemu-system-riscv64"), "-machine", "virt", "-bios", "default",
                   "-kernel", os.path.join(build, "kernel.elf"), "-m", "64M", "-smp", "1", "-nic", "none", "-nographic", "-no-reboot",
                   "-blockdev", disk, "-blockdev", "driver=raw,file=f0,node-name=d0"]
        drive = "d0"
        if log:
            open(log, "wb").close()
            command += ["-blockdev", f"driver=file,filename={log},node-name=l0", "-blockdev",
                        "driver=blklogwrites,node-name=bl0,file=d0,log=l0,log-sector-size=512,log-super-update-interval=1"]
            drive = "bl0"
        command += ["-global", "virtio-mmio.force-legacy=false", "-device", f"virtio-blk-device,drive={drive}"]
        command = ["bash", "-c", 'ulimit -f "$0"; exec "$@"', str(MAX_LOG // 1024), *command]
        self.log, self.output = log, b""
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def expect(self, pattern):
        """Waits for an answer; returns the match."""
        deadline = time.monotonic() + PATIENCE
        while True:
            match = re.search(pattern, self.output)
            if match:
                self.output = self.output[match.end():]
                return match
            ready = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))[0]
            data = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not data:
                tail = self.output[-600:].decode("utf-8", "replace").strip()
                raise Failed(f"the machine {'has ended' if ready else 'does not answer'}; it said last: {tail}")
            self.output += data

    def send(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def call(self, number, text):
        """The two results of an operation."""
        self.send(f"{number} {text}")
        match = self.expect(rb"=%d (-?\d+) (-?\d+)=" % number)
        return int(match[1]), int(match[2])

    def tree(self):
        """What is below /w, in the lines of tree.h."""
        self.send("tree")
        said = self.expect(rb"(?s)(.*)=tree=")[1].decode("utf-8", "replace")
        entries = re.findall(r"=T (\d+) (\d+) (\d+) (\d+) (\d+) (\d+) (\d+) (-?\d+) (\d+) (.*)=", said)
        lines, seen = [], {}
        for entry in sorted(entries, key=lambda e: e[-1].split("/") if e[-1] else []):
            ino, mode, links, uid, gid, _, size, seconds, content = (int(n) for n in entry[:-1])
            path, kind = entry[-1], mode & 0o170000
            if ino in seen:
                lines.append(f"{path:<12} is {seen[ino]}")
                continue
            seen[ino] = path
            word = {0o040000: "directory", 0o120000: "link", 0o010000: "fifo", 0o100000: "file"}.get(kind, "other")
            line = f"{path or '/':<12} {word} {mode & 0o7777:04o} links {links} owner {uid}:{gid}"
            if path and seconds < 10**9:
                line += f" time {seconds * 10**9}"
            if kind != 0o040000:
                line += f" size {size} content {content:016x}"
            lines.append(line)
        return lines

    def entries(self):
        """How many the log has."""
        with open(self.log, "rb") as f:
            f.seek(16)
            return int.from_bytes(f.read(8), "little")


def record(build, workload, prefix):
    """Writes the three files. `workload`: a Workload."""
    make_image(build, prefix + ".img", workload.blocks, workload.inodes)
    shutil.copy(prefix + ".img", prefix + ".disk")
    with Machine(build, prefix + ".disk", prefix + ".log") as machine, open(prefix + ".calls", "w", encoding="ascii") as calls:
        def start():
            if machine.call(0, "sync") != (0, 0):
                raise Failed(f"{workload.name}: sync fails before the workload")
            print(f"start {machine.entries()}", file=calls)

        machine.expect(rb"=ready=")
        started = False
        for index, line, phase, text in workload.operations:
            if phase == "run" and not started:
                start()
                started = True
            print(f"begin {index} {machine.entries()}", file=calls)
            first, second = machine.call(line, text)
            print(f"return {index} {machine.entries()} {first} {second}", file=calls)
        if not started:
            start()
    os.remove(prefix + ".disk")


class Workload:
    """What `crash --ops` says of one."""

    def __init__(self, name, text):
        head, *lines = text.splitlines()
        self.name = name
        self.blocks, self.inodes, self.threads = (int(n) for n in re.findall(r"\d+", head))
        self.operations = []
        for line in lines:
            index, number, phase, operation = line.split(" ", 3)
            self.operations.append((int(index), int(number), phase, operation))
