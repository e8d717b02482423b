#!/usr/bin/env python3
"""Machines of all sizes boot; machines that lack something say so in one line and fail."""
import os
import subprocess
from machine import BUILD, TREE, Folder, check, kernel_lines, run, run_tests

SECTOR = 512


def one_to_eight_harts():
    for harts in range(1, 9):
        status, out, err = run("--cpus", str(harts), "echo ok")
        check((status, out) == (0, "ok\n"), f"{harts} harts: status {status}, output {out!r}\n{err[-500:]}")
        plural = "harts" if harts > 1 else "hart"
        check(f" {harts} {plural}," in err, f"the kernel does not say that it found {harts} {plural}")


def little_and_much_memory():
    for size in "16M", "32M", "2G":
        status, out, err = run("--mem", size, "echo ok; ls / | cat >/dev/null")
        check((status, out) == (0, "ok\n"), f"{size}: status {status}, output {out!r}\n{err[-500:]}")


def boot_log_is_short():
    lines = kernel_lines(run("true")[2])
    check(3 <= len(lines) <= 12, f"{len(lines)} lines:\n" + "\n".join(lines))


def refuses(what, *arguments):
    """The machine must end by itself, with a failing status, and say why in one last line."""
    status, out, err = run(*arguments, "echo never")
    lines = [line for line in kernel_lines(err) if "cannot" in line or "panic" in line]
    check(status not in (0, 124, 125), f"{what}: status {status}")
    check(out == "", f"{what}: it printed {out!r}")
    check(len(lines) == 1 and not lines[0].startswith("panic"), f"{what}: the kernel said {lines}")


def no_disk():
    refuses("no disk", "--disk", "none")


def damaged_disk():
    with Folder() as folder:
        disk = folder.file("empty.img")
        with open(disk, "wb") as f:
            f.truncate(1 << 20)
        refuses("an empty disk", "--disk", disk)
        with open(disk, "wb") as f:
            f.truncate(SECTOR)
        refuses("a disk of one sector", "--disk", disk)
        disk = folder.disk()
        with open(disk, "r+b") as f:
            f.truncate(1 << 20)
        refuses("a disk cut short", "--disk", disk)
        for offset, what in (0, "first byte"), (40, "byte 40"):
            disk = folder.disk()
            with open(disk, "r+b") as f:
                for copy in super_blocks(f):
                    f.seek(copy + offset)
                    byte = f.read(1)
                    f.seek(copy + offset)
                    f.write(bytes([byte[0] ^ 0x41]))
            refuses(f"a super block with another {what}", "--disk", disk)


def super_blocks(image):
    """Where the super block and its copies are: blocks that begin as it does."""
    image.seek(0)
    magic = image.read(8)
    found, block = [], 0
    size = os.fstat(image.fileno()).st_size
    while block < size:
        try:
            block = os.lseek(image.fileno(), block, os.SEEK_DATA) // 4096 * 4096
        except OSError:
            break
        image.seek(block)
        if image.read(8) == magic:
            found.append(block)
        block += 4096
    return found


def no_init():
    with Folder() as folder:
        os.makedirs(folder.file("tree/bin"))
        disk = folder.file("disk.img")
        subprocess.run([os.path.join(TREE, "build", "mkfs"), "-d", folder.file("tree"), disk], check=True, timeout=60)
        refuses("no /bin/init", "--disk", disk)
        with open(folder.file("tree/bin/init"), "wb") as f:
            f.write(b"\x7fELF, or so it seems")
        os.chmod(folder.file("tree/bin/init"), 0o755)
        subprocess.run([os.path.join(TREE, "build", "mkfs"), "-d", folder.file("tree"), disk], check=True, timeout=60)
        refuses("an /bin/init that is no program", "--disk", disk)


def too_little_memory():
    status, out, err = run("--mem", "4M", "echo never")
    check(status not in (0, 124, 125) and out == "", f"4 MB: status {status}, output {out!r}")
    check("memory" in err, f"4 MB: nothing was said about memory: {err[-300:]}")


check(os.path.exists(os.path.join(BUILD, "kernel.elf")), "the kernel is not built")
run_tests([one_to_eight_harts, little_and_much_memory, boot_log_is_short, no_disk, damaged_disk, no_init,
           too_little_memory])
