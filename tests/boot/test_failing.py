#!/usr/bin/env python3
"""A disk with errors: the machine says so and goes on, and when the disk is well again, nothing is wrong.

QEMU's blkdebug makes requests fail: those that touch a sector, or the n-th write. It is put in by a program that stands for QEMU
and adds it to the command line."""
import os
import re
import shutil
import stat
import struct
from machine import BUILD, Folder, check, fsck, kernel_lines, run, run_tests

BLOCK, SECTOR = 4096, 512
READ_ONLY = "the file system is read-only from now on"

STAND_IN = """#!/bin/sh
for word do
    case $word in
    if=none,*,file=*) word=$(printf %s "$word" | sed 's|,file=|,file=blkdebug:{rules}:|') ;;
    esac
    set -- "$@" "$word"
    shift
done
exec {qemu} "$@"
"""


class FailingDisk(Folder):
    """A folder with a disk; `run` boots from it, with these errors."""

    def __enter__(self):
        super().__enter__()
        self.path_of_disk = self.disk()
        return self

    def run(self, *commands, rules="", arguments=()):
        """Status, output, and what the kernel has said about the file system and programs."""
        with open(self.file("rules"), "w") as f:
            f.write(rules)
        qemu = os.environ.get("QEMU", "qemu-system-riscv64")
        with open(self.file("qemu"), "w") as f:
            f.write(STAND_IN.format(rules=self.file("rules"), qemu=qemu))
        os.chmod(self.file("qemu"), stat.S_IRWXU)
        before = os.environ.copy()
        os.environ["QEMU"] = self.file("qemu")
        try:
            status, out, err = run("--cpus", "1", "--disk", self.path_of_disk, *arguments, *commands)
        finally:
            os.environ.clear()
            os.environ.update(before)
        said = [line for line in kernel_lines(err) + err.splitlines()
                if line.startswith(("lode fs:", "panic:")) or "killed" in line]
        check(status not in (124, 125) and "panic" not in err, f"status {status}\n{err[-1500:]}")
        return status, out, list(dict.fromkeys(said))

    def blocks_with(self, data):
        """Numbers of the blocks that begin so."""
        with open(self.path_of_disk, "rb") as f:
            image = f.read()
        return [at for at in range(len(image) // BLOCK) if image.startswith(data, at * BLOCK)]

    def super(self):
        """Where its regions begin."""
        names = "ninodes journal_start journal_slot inode_map _ block_map _ inodes _ data".split()
        with open(self.path_of_disk, "rb") as f:
            f.seek(20)
            return dict(zip(names, struct.unpack("<10I", f.read(40))))

    def sequence(self, block):
        """Of a transaction, from its header."""
        with open(self.path_of_disk, "rb") as f:
            f.seek(block * BLOCK + 8)
            return struct.unpack("<Q", f.read(8))[0]

    def is_well(self, *commands):
        """Boots without errors; fsck must find nothing before and after."""
        fsck(self.path_of_disk)
        status, out, said = self.run(*(commands or ("true",)))
        check(not said, f"the disk is well again, but the kernel says {said}")
        fsck(self.path_of_disk)
        return out


def error(iotype, sector=None, once=False):
    text = f'[inject-error]\nevent = "none"\niotype = "{iotype}"\nerrno = "5"\n'
    text += f'sector = "{sector}"\n' if sector is not None else ""
    return text + (f'once = "on"\n' if once else "")


def nth_write(n):
    text = "".join(f'[set-state]\nstate = "{k}"\nevent = "pwritev"\nnew_state = "{k + 1}"\n' for k in range(1, n))
    return text + f'[inject-error]\nstate = "{n}"\nevent = "pwritev"\nerrno = "5"\nonce = "on"\n'


def reading_a_file():
    """-EIO for what reads the block that is bad, and for nothing else."""
    with FailingDisk() as disk:
        disk.run("seq 100000 200000 >/numbers; echo well >/other")
        blocks = disk.blocks_with(b"100000\n100001\n")
        check(len(blocks) == 1, f"{len(blocks)} blocks begin as the file does")
        rules = error("read", blocks[0] * 8)
        _, out, said = disk.run("cat /numbers; echo $?", "cat /other", rules=rules)
        check(out == "cat: /numbers: Input/output error\n1\nwell\n", f"got {out[-300:]!r}")
        check(not [line for line in said if "read-only" in line], f"the kernel said {said}")
        check(disk.is_well("head -n 1 /numbers") == "100000\n", "the file is another when the disk is well again")


def program_pages():
    """A program whose first page cannot be read is not started; one that meets such a page later is ended by SIGBUS."""
    with open(os.path.join(BUILD, "root", "bin", "usertests"), "rb") as f:
        program = f.read()
    with FailingDisk() as disk:
        first = disk.blocks_with(program[:BLOCK])
        check(len(first) == 1, f"the program begins at {len(first)} blocks")
        # Without --disk's copy, the whole program is one run of blocks.
        _, out, said = disk.run("usertests -l; echo $?; echo on", rules=error("read", first[0] * 8))
        check(out.endswith("on\n") and "Input/output error" in out, f"exec: got {out[-300:]!r}")
        pages = [p for p in range(1, len(program) // BLOCK) if any(program[p * BLOCK:p * BLOCK + BLOCK])]
        struck = 0
        for page in pages[::16]:
            blocks = disk.blocks_with(program[page * BLOCK:page * BLOCK + BLOCK])
            _, out, said = disk.run("usertests -l >/dev/null; echo $?; echo on", rules=error("read", blocks[0] * 8))
            check(out.endswith("on\n"), f"page {page}: got {out[-300:]!r}")
            killed = [line for line in said if "that the disk could not deliver" in line]
            check(len(killed) == (out == f"{128 + 7}\non\n"), f"page {page}: got {out[-300:]!r}, and the kernel said {said}")
            struck += len(killed)
        check(struck > 0, "no page was missed")
        disk.is_well("usertests -l >/dev/null")


def mounting():
    """Whatever cannot be read then: one line says so, and the machine ends; or it was not needed."""
    with FailingDisk() as disk:
        disk.run("echo x >/x")  # so that there is a journal
        s = disk.super()
        newest = max((s["journal_start"] + slot * s["journal_slot"] for slot in (0, 1)), key=disk.sequence)
        for name, block in (("super block", 0), ("journal", s["journal_start"]), ("journal's bodies", newest + 1),
                            ("map of inodes", s["inode_map"]), ("map of blocks", s["block_map"]),
                            ("inode table", s["inodes"]), ("root directory", s["data"])):
            status, out, said = disk.run("echo up", rules=error("read", block * 8))
            if block == s["data"]:  # it is mounted, but /bin/init cannot be found
                check(status == 1 and out == "", f"{name}: status {status}, {out!r}, {said}")
                continue
            check(status == 1 and out == "" and len(said) == 1 and re.fullmatch("lode fs: cannot mount: .*: disk error", said[0]),
                  f"{name}: status {status}, output {out!r}, the kernel said {said}")
        # Replaying the journal writes.
        status, out, said = disk.run("echo up", rules=error("write"))
        check(status == 1 and said == ["lode fs: cannot mount: replaying the journal: disk error"], f"replaying: {status}, {said}")
        disk.is_well()


WORK = "mkdir /d; echo a >/d/a; sync; echo b >/d/b; mv /d/a /d/c; sync; rm /d/b; sync; echo end; dmesg | grep -q read-only && echo failed; " \
       "touch /late; cat /d/c"


def after_failed_write(disk, rules, what, may_be_late=False):
    """Whether it struck. If so, the kernel says one line, nothing can be changed, and the next boot is right. Late is: while the
    machine is switched off, or shortly before."""
    status, out, said = disk.run(WORK, rules=rules)
    struck = any(READ_ONLY in line for line in said)
    if struck:
        check(said == [f"lode fs: writing the journal failed: {READ_ONLY}"], f"{what}: the kernel said {said}")
        check("end\n" in out, f"{what}: got {out[-500:]!r}")
        after = out[out.index("end\n"):]
        if not may_be_late or "failed\n" in after:
            check("Read-only file system" in after, f"{what}: a file can still be made: {after!r}")
    else:
        check(out == "end\na\n", f"{what}: no error, but got {out[-500:]!r}")
    names = disk.is_well("test -d /d && ls /d; true").split()
    legal = [], ["a"], ["a", "b"], ["b", "c"], ["c"]  # what the syncs have said to be there; the journal's thread may be faster
    check(names in legal, f"{what}: after it there are {names}")
    return struck


def each_write():
    with FailingDisk() as disk:
        shutil.copy(disk.path_of_disk, disk.file("fresh"))
        n = 1
        while after_failed_write(disk, nth_write(n), f"write {n} fails", may_be_late=n > 6):
            shutil.copy(disk.file("fresh"), disk.path_of_disk)
            n += 1 if n < 6 else 5
        check(n > 6, f"only {n - 1} writes have failed")


def each_flush():
    with FailingDisk() as disk:
        check(after_failed_write(disk, error("flush", once=True), "the first flush fails"), "no flush was asked for")


def a_bad_journal():
    """Sectors of the journal that cannot be written, ever."""
    with FailingDisk() as disk:
        s = disk.super()
        shutil.copy(disk.path_of_disk, disk.file("fresh"))
        for slot in 0, 1:
            for block in 0, 1:
                shutil.copy(disk.file("fresh"), disk.path_of_disk)
                at = s["journal_start"] + slot * s["journal_slot"] + block
                check(after_failed_write(disk, error("write", at * 8), f"block {block} of slot {slot}"),
                      f"block {block} of slot {slot} was not written")


run_tests([reading_a_file, program_pages, mounting, each_write, each_flush, a_bad_journal])
