#!/usr/bin/env python3
"""Tests of scripts/bench, in a tree of its own with a fake machine. Prints TAP."""
import json
import os
import re
import shutil
import subprocess
import sys

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TREE, "tests", "boot"))
from machine import PATIENCE, Folder, check, run_tests  # noqa: E402

# Without --icount, times get less from run to run: 900, 800 ... With FAIL=1, a row fails.
FAKE_RUN = r'''#!/usr/bin/env python3
import os, sys
command, icount = sys.argv[-1], "--icount" in sys.argv
harts = sys.argv[sys.argv.index("--cpus") + 1]
runs = os.environ["COUNT"]
open(runs, "a").write("" if icount else "x")
assert os.path.exists(sys.argv[sys.argv.index("--disk") + 1])
time = 1000 - 100 * os.path.getsize(runs)
if "-l" in command:
    print("null-syscall  getpid\nfsync-1KB  write 1 KB; waits for the disk\nstat  stat of a file")
if command.startswith("bench grow"):
    print("BENCH grow/switch/10-processes 400 1\nBENCH grow/switch/5000-processes 500 1 1.25")
elif command.startswith("bench scale"):
    print(f"BENCH scale/page-fault/{command.split()[2]} {1000 + 10 * int(harts)} {1000 // int(harts)}")
else:
    print(f"BENCH null-syscall 100 {time}\nBENCH fsync-1KB 7000 {time}\nBENCH stat 1234 {time}")
    if os.environ.get("FAIL"):
        print("bench: stat: open: no such file")
        sys.exit(1)
'''
LINUX = {"date": "2020-01-02", "versions": {"linux": "7.0"}, "command": "by hand",
         "rows": {"null-syscall": {"instructions": 200, "ns": 1000}, "fsync-1KB": {"instructions": 5, "ns": 350},
                  "stat": {"instructions": 617, "ns": None}}}
XV6 = {"date": "2020-01-03", "command": "by hand", "rows": {"null-syscall": {"instructions": 2000, "ns": None}}}
MARKS = "".join(f"<!-- scripts/bench: {part} -->\nold\n<!-- end -->\nand {part}\n" for part in ("rows", "growth", "scaling", "conditions"))


class Tree(Folder):
    def __enter__(self):
        super().__enter__()
        for folder in "scripts", "docs/figures", "build/stage":
            os.makedirs(self.file(folder))
        shutil.copy(os.path.join(TREE, "scripts", "bench"), self.file("scripts"))
        shutil.copytree(os.path.join(TREE, "scripts", "harness"), self.file("scripts/harness"))
        self.write("scripts/run", FAKE_RUN)
        self.write("build/mkfs", '#!/bin/sh\nfor disk; do :; done\n: >"$disk"\n')
        self.write("docs/performance.md", MARKS)
        self.write("docs/figures/linux.json", json.dumps(LINUX))
        self.write("docs/figures/xv6.json", json.dumps(XV6))
        return self

    def write(self, name, text):
        with open(self.file(name), "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(self.file(name), 0o755)

    def read(self, name):
        with open(self.file(name), encoding="utf-8") as f:
            return f.read()

    def bench(self, *words, **environment):
        if os.path.exists(self.file("count")):
            os.remove(self.file("count"))
        ran = subprocess.run([self.file("scripts/bench"), "--no-build", *words], capture_output=True, text=True, timeout=PATIENCE,
                             env={**os.environ, "COUNT": self.file("count"), "QEMU": "true", **environment})
        return ran.returncode, ran.stdout, ran.stderr


def documents_are_written():
    with Tree() as tree:
        status, out, err = tree.bench()
        check(status == 0, f"status {status}: {err}")
        page = tree.read("docs/performance.md")
        # Times are the least of three. What waits for the disk has no instructions. Where lode takes more it shows.
        for line in ("| `null-syscall`: getpid | 100 | 200 | 2.0 | 2,000 | 20 | 700 | 1,000 | 1.4 |",
                     "| `fsync-1KB`: write 1 KB; waits for the disk | – | – | – | – | – | 700 | 350 | **0.5** |",
                     "| `stat`: stat of a file | 1,234 | 617 | **0.5** | – | – | 700 | – | – |", "`stat` (0.5), `null-syscall` (2.0)",
                     "| `switch` | 400 | 500 (1.25) |", "| `page-fault` | 1,010 | 1,020 | 1,040 | 1,080 | 1.07 | 0.50 |",
                     "2020-01-02, 7.0."):
            check(line in page, f"\"{line}\" is not in\n{page}")
        check("old" not in page and all(f"and {part}\n" in page for part in ("rows", "growth", "scaling", "conditions")), page)
        check(json.loads(tree.read("docs/figures/lode.json"))["rows"]["null-syscall"]["ns"] == 700, "the figures are not kept")
        for chart in "docs/bench.svg", "docs/scaling.svg":
            check(re.fullmatch(r"<svg .*</svg>\n", tree.read(chart), re.DOTALL), f"{chart}: {tree.read(chart)[:100]}")


def redraw_gives_the_same():
    with Tree() as tree:
        tree.bench("--runs", "1")
        names = "docs/performance.md", "docs/bench.svg", "docs/scaling.svg"
        before = [tree.read(name) for name in names]
        tree.write("docs/bench.svg", "")
        check(tree.bench("--redraw")[0] == 0 and [tree.read(name) for name in names] == before, "--redraw gives something else")


def nothing_is_written():
    for words, environment, expected in ((["--no-write"], {}, 0), (["stat"], {}, 0), ([], {"FAIL": "1"}, 1)):
        with Tree() as tree:
            status, out, err = tree.bench("--runs", "1", *words, **environment)
            check(status == expected and "1,234" in out, f"{words}: {status}, {out!r}, {err!r}")
            check(("bench: stat: open: no such file" in err) == bool(environment), err)
            check(tree.read("docs/performance.md") == MARKS and not os.path.exists(tree.file("docs/figures/lode.json")), "it has written")


def refusals_are_one_line():
    with Tree() as tree:
        tree.write("docs/performance.md", "no marks\n")
        tree.write("docs/figures/lode.json", json.dumps({"rows": {}, "grow": {"a": {"b": 1}}, "scale": {"a": {"1": 1, "time": None}}, "versions": dict.fromkeys(
            ("lode", "compiler", "qemu")), "date": "", "command": ""}))
        for words, what in ((["a;b"], "cannot be part of a row's name"), (["--redraw", "stat"], "neither rows"), (["--runs", "0"], "at least 1"),
                            ([], "is missing; put it where"), (["--redraw"], "is missing; put it where")):
            status, _, err = tree.bench(*words)
            check(status == 2 and err.count("\n") == 1 and what in err, f"{words}: {status}, {err!r}")
        os.remove(tree.file("docs/figures/xv6.json"))
        status, _, err = tree.bench("stat")
        check(status == 2 and err.count("\n") == 1 and "docs/figures/xv6.json" in err, f"{status}, {err!r}")


run_tests([documents_are_written, redraw_gives_the_same, nothing_is_written, refusals_are_one_line])
