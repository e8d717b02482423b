#!/usr/bin/env python3
"""gdb with scripts/gdbinit: stops in a program's main, steps over a trap into the kernel and back."""
import re
import shutil
import subprocess
import threading
from machine import PATIENCE, Failed, Machine, Skipped, check, run_tests

GDB = shutil.which("gdb-multiarch")

# A table of what gdb is told, and what it must answer to that.
SESSION = [
    ("break trap_init_hart", "Breakpoint"),
    ("continue", r"trap_init_hart \(\)"),
    ("delete", ""),
    ("user echo", "echo: stops at its main"),
    ("continue", r"main \(argc=2, argv=0x[0-9a-f]+"),
    ("print argv[1]", '"traced"'),
    ("print (unsigned long)$pc >> 63", "= 0"),
    ("trap-step", "trap_entry"),
    ("print (unsigned long)$pc >> 63", "= 1"),
    ("procs", r"\d+ +\d+ PROC_RUNNING +\d echo"),
    ("trap-step", "back in user mode"),
    ("print (unsigned long)$pc >> 63", "= 0"),
]


def breaks_and_steps():
    if not GDB:
        raise Skipped("gdb-multiarch is not installed")
    with Machine("--gdb", "--cpus", "2", boot=False) as m:
        m.expect("-x ")
        m.expect(r"\n")
        script = re.search(r"-x (\S+)", m.output).group(1)
        gdb = Gdb(script)
        try:
            for command, answer in SESSION:
                if command == "continue" and "main \\(" in answer:
                    gdb.write(command)
                    m.expect(r"\$ ")
                    m.send("/bin/echo traced\r")
                else:
                    gdb.write(command)
                got = gdb.answer()
                check(re.search(answer, got), f"{command}: expected {answer!r}, got {got!r}")
        finally:
            gdb.end()


class Gdb:
    MARK = "--lode-mark--"

    def __init__(self, script):
        self.process = subprocess.Popen([GDB, "-nx", "-q", "-x", script], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.write("")
        self.answer()

    def write(self, command):
        self.process.stdin.write(f"{command}\necho {self.MARK}\\n\n")
        self.process.stdin.flush()

    def answer(self):
        """All that is printed up to the mark behind the command."""
        watchdog = threading.Timer(PATIENCE, self.process.kill)
        watchdog.start()
        text = ""
        try:
            for line in self.process.stdout:
                if self.MARK in line:
                    return text
                text += line
        finally:
            watchdog.cancel()
        raise Failed(f"gdb ended, or did not answer: {text[-300:]!r}")

    def end(self):
        self.process.kill()
        self.process.wait()


run_tests([breaks_and_steps])
