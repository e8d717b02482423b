#!/usr/bin/env python3
"""Tests of scripts/bench-linux, in a tree of its own where lode, Linux, its compiler and QEMU are fakes. Prints TAP."""
import fcntl
import json
import os
import shutil
import subprocess
import sys
import types

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(TREE, "scripts"), os.path.join(TREE, "tests", "boot")]
from machine import PATIENCE, Folder, check, run_tests  # noqa: E402

SCRIPT = types.ModuleType("bench_linux")
with open(os.path.join(TREE, "scripts", "bench-linux"), encoding="utf-8") as source:
    SCRIPT.__file__ = source.name
    exec(compile(source.read(), source.name, "exec"), vars(SCRIPT))  # it has no suffix, so it cannot be imported
VERSION = "fake gcc 1.0"
SOURCES = ["user/tests/bench/a.c", "user/tests/bench/b.c", "user/tests/bench_large.c"]

# lode's fake machine; each run's times are less than those of the one before.
FAKE_RUN = r'''#!/usr/bin/env python3
import os, sys
runs = os.environ["COUNT"]
open(runs, "a").write("x")
open(runs + ".words", "w").write(sys.argv[-1] + "\n")
time = 1000 - os.path.getsize(runs)
print(f"BENCH null 100 {time}\nBENCH only-lode 7 {time}")
'''
FAKES = {
    "riscv64-linux-gnu-gcc": f'#!/bin/sh\ncase "$1" in --version) echo {VERSION};; -print-file-name=*) echo /libc.a;; '
                             '*) echo "$@" >>"$COUNT.gcc";; esac\n',
    "mkfs.ext4": '#!/bin/sh\nfor disk; do last=$image; image=$disk; done\n: >"$last"\n',
    "qemu": '#!/bin/sh\n[ "$1" = --version ] && { echo fake QEMU 1; exit; }\necho "$@" >"$COUNT.linux"\ncase "$LINUX" in panic) echo no init; exit 1;; '
            'silent) echo hello;; row) echo BENCH other 1 1; echo bench: null: pipe: no files;; *) printf "BENCH null 250 3000\\r\\nBENCH only-linux 9 9\\r\\n";; esac\n',
}


class Tree(Folder):
    """A tree with a Linux that has been built, in linux/."""

    def __enter__(self):
        super().__enter__()
        for folder in "scripts", "user/tests/bench", "linux", "bin":
            os.makedirs(self.file(folder))
        shutil.copy(os.path.join(TREE, "scripts", "bench-linux"), self.file("scripts"))
        shutil.copytree(os.path.join(TREE, "scripts", "harness"), self.file("scripts/harness"))
        self.write("scripts/run", FAKE_RUN)
        for name in SOURCES:
            self.write(name, "")
        for name, text in FAKES.items():
            self.write(f"bin/{name}", text)
        self.write("linux/Image", "")
        self.write("linux/built.json", json.dumps({"linux": "6.1.1-1", "compiler": VERSION, "config": SCRIPT.CONFIG}))
        return self

    def write(self, name, text):
        with open(self.file(name), "w") as f:
            f.write(text)
        os.chmod(self.file(name), 0o755)

    def bench(self, *arguments, **environment):
        """Exit status, output, messages."""
        if os.path.exists(self.file("count")):
            os.remove(self.file("count"))
        done = subprocess.run([sys.executable, self.file("scripts/bench-linux"), "--dir", self.file("linux"), *arguments],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=PATIENCE,
                              env={**os.environ, "PATH": f"{self.file('bin')}:{os.environ['PATH']}", "QEMU": self.file("bin/qemu"),
                                   "COUNT": self.file("count"), "PYTHONDONTWRITEBYTECODE": "1", **environment})
        check("Traceback" not in done.stderr, done.stderr)
        return done.returncode, done.stdout, done.stderr

    def refused(self, words, *arguments, lines=1, **environment):
        """It must fail, and its last message say why."""
        status, out, err = self.bench(*arguments, **environment)
        said = err[err.rfind("scripts/bench-linux: "):]
        check(status == 2 and out == "" and words in said and said.count("\n") == lines, f"{arguments}: status {status}, {err!r}")


def lines_of(out):
    return [line.split() for line in out.splitlines()[1:]]


def both_are_shown():
    with Tree() as tree:
        status, out, err = tree.bench("--runs", "0")
        check(status == 0 and "Linux 6.1.1-1" in out and "fake QEMU 1" in out, f"status {status}, {out!r}, {err!r}")
        wanted = [["null", "100", "250", "2.50", "-", "-", "-"], ["only-lode", "7", "-", "-", "-", "-", "-"],
                  ["only-linux", "-", "9", "-", "-", "-", "-"]]
        check(lines_of(out)[2:] == wanted, out)
        check(not os.path.exists(tree.file("docs")), "figures are saved that nobody asked for")
        with open(tree.file("count.gcc")) as f:
            init, large = (line.split() for line in f)
        check(init[-2:] == [tree.file(name) for name in SOURCES[:2]] and init[-3].endswith("/sbin/init"), init)
        check(large[-1] == tree.file(SOURCES[2]) and large[-2].endswith("/sbin/bench_large"), large)


def the_least_time_counts():
    with Tree() as tree:
        _, out, _ = tree.bench("--runs", "2")
        check(lines_of(out)[2] == ["null", "100", "250", "2.50", "997", "3,000", "3.01"], out)
        _, out, _ = tree.bench("--runs", "0")
        check(lines_of(out)[2] == ["null", "100", "250", "2.50", "-", "-", "-"], out)


def figures_are_saved():
    with Tree() as tree:
        status, _, err = tree.bench("--save")
        check(status == 0, err)
        with open(tree.file("docs/figures/linux.json")) as f:
            figures = json.load(f)
        check(figures["rows"] == {"null": {"instructions": 250, "ns": 3000}, "only-linux": {"instructions": 9, "ns": 9}}, figures)
        check(figures["versions"] == {"linux": "6.1.1-1", "compiler": VERSION, "qemu": "fake QEMU 1"}, figures)


def rows_can_be_chosen():
    with Tree() as tree:
        status, out, err = tree.bench("nul*", "only*")
        check(status == 0, f"{out!r}, {err!r}")
        with open(tree.file("count.words")) as f:
            check(f.read().startswith("bench 'nul*' 'only*'\n"), "lode's command has not the patterns")
        with open(tree.file("count.linux")) as f:
            check("threads-max=16000 -- nul* only*" in f.read(), "Linux's command line has not the patterns")


def what_is_missing_is_named():
    with Tree() as tree:
        nothing = tree.file("linux")
        words = "needs riscv64-linux-gnu-gcc, glibc for riscv64"
        tree.refused(words, PATH=nothing)
        tree.refused("apt-get install gcc-riscv64-linux-gnu libc6-dev-riscv64-cross", PATH=nothing)
        tree.refused("--setup needs apt-get", "--setup", PATH=nothing)
        tree.refused("qemu is not installed", QEMU="/nosuch/qemu")
        # What only building Linux needs is not asked for when it is built.
        os.remove(tree.file("linux/Image"))
        tree.refused("flex bison bc", PATH=nothing)


def bad_usage_is_one_line():
    with Tree() as tree:
        for arguments, words in ((["--nosuch"], "--nosuch"), (["--save", "x"], "--save"), (["a b"], "a b"), (["'x'"], "row's name"), (["--runs", "-1"], "--runs"), (["--runs", "many"], "0 to 100"),
                                 (["--timeout", "0"], "--timeout"), (["-j", "0"], "-j"), (["--dir", "/proc/x"], "/proc/x")):
            tree.refused(words, *arguments)


def failures_are_told():
    with Tree() as tree:
        tree.refused("failed with status 1; its output ends with\n  no init", lines=2, LINUX="panic")
        tree.refused("no BENCH line in Linux; the output ends with\n  hello", lines=2, LINUX="silent")
        status, out, err = tree.bench("--save", LINUX="row")
        check(status == 1 and "in Linux, bench: null: pipe: no files\n" in err and lines_of(out)[2][0] == "null", f"{status}, {err!r}")
        check(not os.path.exists(tree.file("docs")), "figures with a failed row are saved")
        tree.write("scripts/run", "#!/bin/sh\necho broken >&2\nexit 2\n")
        tree.refused("bench failed in lode with status 2; the messages end with\n  broken", lines=2)


def one_at_a_time():
    with Tree() as tree, open(tree.file("linux/.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        tree.refused("another scripts/bench-linux is working there")


run_tests([both_are_shown, the_least_time_counts, figures_are_saved, rows_can_be_chosen, what_is_missing_is_named,
           bad_usage_is_one_line, failures_are_told, one_at_a_time])
