#!/usr/bin/env python3
"""scripts/profile: counts are exact, the same each time, and add up; wrong usage is one line and status 2."""
import os
import re
import subprocess
import xml.etree.ElementTree
from machine import BUILD, PATIENCE, TREE, Folder, Skipped, check, run_tests

PROFILE = [os.path.join(TREE, "scripts", "profile"), "--build", BUILD]

# 1 + 2 * 1000 instructions, and 1000 system calls.
PROGRAM = """
#include "user/lode.h"
int main(void)
{
    PROFILE_MARK(PROFILE_BEGIN);
    __asm__ volatile("li t0, 1000\\n 1: addi t0, t0, -1\\n bnez t0, 1b" ::: "t0");
    PROFILE_MARK(PROFILE_END);
    for (int i = 0; i < 1000; i++)
        umask(0);
    return 3;
}
"""


def profile(*arguments, source=None):
    """(status, standard output, standard error). Only a program of one's own needs make."""
    environment = dict(os.environ, EXTRA_SRC=source) if source else None
    version = subprocess.run([os.environ.get("QEMU", "qemu-system-riscv64"), "--version"], stdout=subprocess.PIPE).stdout.decode()
    if int(re.search(r"version (\d+)", version).group(1)) > 8:
        raise Skipped("this QEMU has another interface for plugins")
    result = subprocess.run(PROFILE + ([] if source else ["--no-build"]) + list(arguments), stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE, env=environment)
    return result.returncode, result.stdout.decode(), result.stderr.decode("utf-8", "replace")


def number(text):
    return int(text.replace(",", ""))


def table(out):
    """The functions: name to (self, total, calls)."""
    rows = re.findall(r"^ *([\d,]+) +[\d.]+ +([\d,]+) +[\d.]+ +([\d,]+)  (.+)$", out.split("  function\n")[1], re.MULTILINE)
    return {name: tuple(number(n) for n in numbers) for *numbers, name in rows}


def own_program(test):
    """Runs the test with the program's source, which is always at the same place: an image is made only once."""
    folder = os.path.join(TREE, "build", "test")
    os.makedirs(folder, exist_ok=True)
    source = os.path.join(folder, "profiled.c")
    with open(source, "w") as f:
        f.write(PROGRAM)
    test(source)


def counts_are_exact():
    def test(source):
        status, out, err = profile("--marked", "profiled", source=source)
        check(status == 3, f"status {status}, not the program's 3\n{err[-500:]}")
        # And one of the marks themselves.
        check(table(out).get("[user] profiled", (0,))[0] == 2002, f"not 2002 instructions in user mode:\n{out}")
        status, out, err = profile("--top", "1000", "profiled", source=source)
        calls = {name: row[2] for name, row in table(out).items()}
        check(calls.get("sys_umask") == 1000, f"sys_umask was not called 1000 times:\n{out[:3000]}")
        check(calls.get("trap_syscall", 0) >= 1000, f"fewer traps than system calls:\n{out[:3000]}")
        status, out, err = profile("--line", "sys_umask", "--per", "1000", "profiled", source=source)
        check(re.search(r"^ +[1-9][\d.]* +[\d.]+ +\d+  .*umask", out, re.MULTILINE), f"no lines:\n{out}\n{err[-300:]}")
    own_program(test)


def twice_the_same():
    with Folder() as folder:
        for cpus in ("1", "3"):
            files = [folder.file(name) for name in ("a", "b")]
            (first, *_), (second, *_) = outputs = [profile("--cpus", cpus, "--top", "1000", "--folded", f, "seq 300 | wc -l; sleep 1")
                                                   for f in files]
            check(first == second == 0, f"status {first}, {second}\n{outputs[0][2][-500:]}")
            check(outputs[0][1] == outputs[1][1], f"two runs on {cpus} harts differ")
            check(open(files[0]).read() == open(files[1]).read(), f"the stacks of two runs on {cpus} harts differ")


def it_adds_up():
    with Folder() as folder:
        folded, svg = folder.file("folded"), folder.file("svg")
        status, out, err = profile("--top", "1000", "--folded", folded, "--svg", svg, "echo '<a&b>' >/tmp/x; cat /tmp/x")
        check(status == 0, f"status {status}\n{err[-500:]}")
        check("<a&b>" in err and "<a&b>" not in out, "what the command prints belongs to standard error")
        whole = number(re.match(r"([\d,]+) instructions\n", out).group(1))
        rows = table(out)
        check(sum(own for own, _, _ in rows.values()) == whole, "what functions took themselves does not add up")
        check(all(own <= total <= whole for own, total, _ in rows.values()), "a total is less than its part, or more than all")
        stacks = [line.rsplit(" ", 1) for line in open(folded).read().splitlines()]
        check(sum(int(count) for _, count in stacks) == whole, "the stacks do not add up")
        for stack in ("sh;trap_entry;trap_syscall;sys_openat;", "cat;trap_entry;trap_syscall;sys_read;", "cat;trap_entry;trap_user;"):
            check(any(s.startswith(stack) for s, _ in stacks), f"no stack begins with {stack}")
        check(any(s == "cat;[user]" for s, _ in stacks), "cat was not in user mode")
        # Every stack of a process begins with a trap, or with its beginning.
        bad = [s for s, _ in stacks if not re.match(r"[^;]+;(\[user\]$|trap_entry|proc_entry|\[firmware\]$)", s)
               and not s.startswith(("idle;", "journal;"))]
        check(not bad, f"stacks without a beginning: {bad[:5]}")
        titles = [t.text for t in xml.etree.ElementTree.parse(svg).iter("{http://www.w3.org/2000/svg}title")]
        check(any(t.startswith(f"all: {whole:,} instructions (100.00 %)") for t in titles), f"titles: {titles[:3]}")


def bad_options():
    for arguments, word in (([], "COMMAND"), (["--cpus", "0", "true"], "--cpus"), (["--per", "x", "true"], "--per"),
                            (["--line", "no_such_function", "true"], "no_such_function"), (["--nonsense", "true"], "--nonsense"),
                            (["--svg", "/no/folder/x", "true"], "/no/folder/x"), (["--mem", "x", "true"], "size"),
                            (["--sort", "name", "true"], "--sort")):
        status, out, err = profile(*arguments)
        check(status == 2, f"{arguments}: status {status}, not 2")
        check(word in err and err.count("\n") == 1 and not out, f"{arguments}: {err}")
    status, _, err = profile("--marked", "true")
    check(status == 2 and "marks" in err.splitlines()[-1], f"without marks: status {status}, {err[-300:]}")


run_tests([counts_are_exact, twice_the_same, it_adds_up, bad_options])
