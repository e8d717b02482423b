#!/usr/bin/env python3
"""Tests of scripts/test and scripts/harness, in a tree of their own where scripts/run is a fake machine. Prints TAP."""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(TREE, "scripts"), os.path.join(TREE, "tests", "boot")]
from harness.tap import parse  # noqa: E402
from machine import PATIENCE, Folder, check, run_tests  # noqa: E402

# Its "usertests" has the tests a to e; the environment's FAKE says what happens to c.
FAKE_RUN = r'''#!/usr/bin/env python3
import os, re, sys, time
fake, command = os.environ.get("FAKE", "pass"), sys.argv[-1].split()
seed = ([int(m[1]) for w in sys.argv if (m := re.search(r"seed=(\d+)", w))] or [0])[0]
harts = int(sys.argv[sys.argv.index("--cpus") + 1])
if command[0] == "sh":
    print("1..2\nok 1 - x\nok 2 - y")
    sys.exit(0)
names = [w for w in command[1:] if w in "abcde"] or list("abcde")
if "-l" in command:
    print("\n".join(names))
    sys.exit(0)
if fake == "boot":
    print("lode: panic soon\npanic: no memory\n  at 0x1 main kernel/boot/main.c:7", file=sys.stderr)
    sys.exit(125)
print(f"1..{len(names)}", flush=True)
failed = 0
for number, name in enumerate(names, 1):
    if name == "c" or fake == "all":
        if fake == "wait":
            open(os.environ["FAKE_PID"], "w").write(str(os.getpid()))
            time.sleep(1000)
        if fake in ("panic", "all"):
            print("panic: page 0x1 is free twice\n  at 0x2 page_free kernel/mm/page.c:9", file=sys.stderr)
            sys.exit(125)
        if fake == "hang":
            print("lode: the machine's time ran out\n  3 c sleeping", file=sys.stderr)
            sys.exit(124)
        if fake == "emulator":
            time.sleep(1000)
        if fake == "truncated":
            sys.exit(0)
        if fake == "stuck":
            print("scripts/run: time ran out after 9 s\nhart 0, in the kernel\n  at 0x3 spin_lock", file=sys.stderr)
            sys.exit(124)
        if fake == "bad":
            print(f"ok 9 - {name}\n1..7\nok")
            continue
        if fake == "fail" or fake == "seed" and seed == 3 and harts == 4:
            failed = 1
            print(f"# it was <1> & is \x1b2\nnot ok {number} - {name}\n# to repeat: usertests -s 1 {name}")
            continue
    print(f"ok {number} - {name}\n# {name}: {1000 + number} instructions", flush=True)
sys.exit(failed)
'''


class Tree(Folder):
    """A tree in which all is as in the real one, but for the machines and the programs of the host."""

    def __enter__(self):
        super().__enter__()
        for folder in "scripts", "build", "tests/host", "tests/boot", "user/tests/sh", "tmp":
            os.makedirs(self.file(folder))
        shutil.copy(os.path.join(TREE, "scripts", "test"), self.file("scripts"))
        shutil.copytree(os.path.join(TREE, "scripts", "harness"), self.file("scripts/harness"))
        self.write("scripts/run", FAKE_RUN)
        os.chmod(self.file("scripts/run"), 0o755)
        self.write("Makefile", "all host-tests:\n\t@mkdir -p build/debug\n")
        self.write("build/kernel.elf", "")
        self.write("user/tests/sh/x.sh", "")
        self.write("user/tests/sh/y.sh", "")
        self.write("build/fs.img", "")
        self.write("build/fsck", "#!/bin/sh\n")
        os.chmod(self.file("build/fsck"), 0o755)
        self.write("tests/host/test_good.py", "print('1..1\\nok 1 - good')\n")
        return self

    def write(self, name, text):
        with open(self.file(name), "w") as f:
            f.write(text)

    def command(self, *arguments, fake="pass", **environment):
        return {"args": [sys.executable, self.file("scripts/test"), *arguments], "stdin": subprocess.DEVNULL,
                "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True,
                "env": {**os.environ, "QEMU": "/bin/true", "FAKE": fake, "TMPDIR": self.file("tmp"), "PYTHONDONTWRITEBYTECODE": "1",
                        "FAKE_PID": self.file("pid"), **environment}}

    def test(self, *arguments, **fake):
        """scripts/test to its end; returns its exit status, output and messages."""
        done = subprocess.run(**self.command(*arguments, **fake), timeout=PATIENCE)
        check("Traceback" not in done.stderr, done.stderr)
        check(not os.listdir(self.file("tmp")), f"left behind: {os.listdir(self.file('tmp'))}")
        return done.returncode, done.stdout, done.stderr

    def results(self, *arguments, **fake):
        """The same with --json: exit status, output, and the tests' results by GROUP/TEST."""
        status, out, err = self.test("--json", self.file("out.json"), *arguments, **fake)
        check(err == "", err)
        with open(self.file("out.json")) as f:
            groups = json.load(f)["groups"]
        return status, out, {f"{g['name']}/{t['name']}": t for g in groups for t in g["tests"]}


def expect(got, expected):
    check(got == expected, f"expected {expected!r}, got {got!r}")


def statuses(tests):
    return {name.rpartition("/")[2]: test["status"] for name, test in tests.items()}


def everything_passes():
    with Tree() as tree:
        status, out, tests = tree.results()
        check(status == 0 and out.endswith("\n28 passed, 0 failed\n"), f"status {status}, {out[-300:]!r}")
        expect(tests["guest/usertests-2/b"]["instructions"], 1002)
        check("instructions" not in tests["guest/usertests-4-parallel/b"], "real time is given in instructions")
        check("guest/usertests-4-parallel/fsck" in tests, "the disk was not looked at")


def a_test_fails():
    with Tree() as tree:
        status, out, tests = tree.results("-k", "usertests-2", fake="fail")
        expect(status, 1)
        check("4 passed, 1 failed" in out and "it was <1>" in out, out)
        command = "scripts/run --cpus 2 --icount --ramdisk 'usertests -s 1 c'"
        expect(tests["guest/usertests-2/c"]["repeat"], command)
        check(f"to repeat: {command}\n" in out, out)


def a_panic_is_one_failure():
    with Tree() as tree:
        status, out, tests = tree.results("-k", "usertests-2", fake="panic")
        expect((status, statuses(tests)), (1, dict(a="passed", b="passed", c="failed", d="passed", e="passed")))
        for words in "the kernel panicked after 2 of 5 tests", "page 0x1 is free twice", "kernel/mm/page.c:9", "'usertests c'":
            check(words in out, f"{words!r} is not in\n{out}")


def a_hang_is_one_failure():
    with Tree() as tree:
        status, out, tests = tree.results("-k", "usertests-4$", fake="hang")
        expect((status, statuses(tests)), (1, dict(a="passed", b="passed", c="failed", d="passed", e="passed")))
        check("something hangs" in out and "3 c sleeping" in out and "--limit" in tests["guest/usertests-4/c"]["repeat"], out)


def a_stuck_emulator_is_ended():
    with Tree() as tree:
        # The fake machine does not keep to --timeout, so this takes what the harness grants for that.
        harness = tree.file("scripts/harness/machine.py")
        with open(harness) as f:
            text = f.read()
        tree.write("scripts/harness/machine.py", text.replace("AFTERWARDS = 120", "AFTERWARDS = 1"))
        status, out, tests = tree.results("-k", "usertests-1", "--watchdog", "4", fake="emulator")
        expect((status, tests["guest/usertests-1/c"]["status"]), (1, "failed"))
        check("the emulator did not end in 4 s, after 2 of 5 tests" in out, out)
        status, out, tests = tree.results("-k", "usertests-1", fake="stuck")
        expect((status, statuses(tests)), (1, dict(a="passed", b="passed", c="failed", d="passed", e="passed")))
        check("the emulator did not end" in out and "0x3 spin_lock" in out, out)


def every_test_panics():
    with Tree() as tree:
        status, out, tests = tree.results("-k", "usertests-1", fake="all")
        expect((status, set(statuses(tests).values())), (1, {"failed"}))
        expect(len(tests), 5)


def a_kernel_that_does_not_boot():
    with Tree() as tree:
        status, out, tests = tree.results("-k", "guest/", fake="boot")
        expect(status, 1)
        expect(tests["guest/usertests-2/start of the machine"]["status"], "failed")
        check("no memory" in out and "kernel/boot/main.c:7" in out, out)
        expect(tests["guest/sh-2/x"]["status"], "passed")  # the other groups run


def a_truncated_plan():
    with Tree() as tree:
        status, out, tests = tree.results("-k", "usertests-2", fake="truncated")
        expect((status, statuses(tests)), (1, dict(a="passed", b="passed", c="failed", d="passed", e="passed")))
        check("after 2 of 5 tests" in out, out)


def bad_tap():
    with Tree() as tree:
        status, out, _ = tree.results("-k", "usertests-2", fake="bad")
        expect(status, 1)
        check("line 6: test 9 comes where 3 should" in out and "a second plan" in out, out)


def programs_of_the_host_end_badly():
    programs = {"crash": "print('1..3\\nok 1 - first', flush=True); import os; os.kill(os.getpid(), 11)",
                "silent": "pass",
                "status": "print('1..1\\nok 1 - first'); import sys; sys.exit(3)",
                "binary": "import sys; sys.stdout.buffer.write(bytes(range(256)))",
                "skipped": "print('1..0 # SKIP no such tool')",
                "stuck": "print('1..2\\nok 1 - first', flush=True); import time; time.sleep(1000)"}
    with Tree() as tree:
        for name, text in programs.items():
            tree.write(f"tests/host/test_{name}.py", text + "\n")
        status, out, tests = tree.results("-k", "host/", "--watchdog", "5")
        expect(status, 1)
        for words in ("was ended by signal 11 after 1 of 3 tests", "ended with exit status 0 after 0 of ? tests",
                      "ended with exit status 3, though no test failed", "did not end in 5 s after 1 of 2 tests"):
            check(words in out, f"{words!r} is not in\n{out}")
        check("3 passed" not in out and "4 passed, 5 failed, 1 skipped" in out, out)


def the_rest_is_named():
    """Tests of a program that can list them."""
    program = "import sys, os\nprint('x y z'.replace(' ', chr(10))) if sys.argv[1:] else print('1..3\\nok 1 - x')\n"
    with Tree() as tree:
        tree.write("tests/boot/test_some.py", program)
        status, out, tests = tree.results("-k", "boot/")
        expect((status, statuses(tests)), (1, dict(x="passed", y="failed", z="skipped")))
        check("1 tests have not run: z" in out, out)


def junit_is_well_formed():
    with Tree() as tree:
        status, _, err = tree.test("--junit", tree.file("out.xml"), fake="fail")
        expect((status, err), (1, ""))
        root = ET.parse(tree.file("out.xml")).getroot()
        expect((root.tag, root.get("tests"), root.get("failures")), ("testsuites", "28", "4"))
        case = root.find("testsuite[@name='guest/usertests-2']/testcase[@name='c']")
        check("it was <1> & is" in case.find("failure").text and "to repeat: scripts/run" in case.find("failure").text,
              ET.tostring(case))


def json_has_its_members():
    with Tree() as tree:
        tree.results(fake="fail")
        with open(tree.file("out.json")) as f:
            whole = json.load(f)
        expect((set(whole), whole["passed"], whole["failed"]), ({"passed", "failed", "skipped", "seconds", "groups"}, 24, 4))
        for group in whole["groups"]:
            expect(set(group), {"name", "passed", "failed", "skipped", "seconds", "log", "repeat", "tests"})
            check(os.path.exists(tree.file(group["log"])), f"there is no {group['log']}")
            for test in group["tests"]:
                check(test["status"] in ("passed", "failed", "skipped") and isinstance(test["name"], str), test)


def tap_can_be_read_again():
    with Tree() as tree:
        status, out, err = tree.test("--tap", fake="fail")
        tap = parse(out.splitlines())
        expect((status, tap.complete(), len(tap.results)), (1, True, 28))
        expect([r.name for r in tap.results if r.status == "failed"], [f"guest/usertests-{n}: c" for n in ("4", "2", "1", "4-parallel")])
        check("24 passed, 4 failed" in err, err)


def nothing_makes_the_parser_fail():
    words = ["ok", "not ok", "1..3", "1..99999999999999999999", "#", " - ", "9", "\0", "\n", "# SKIP", "Bail out!", "# to repeat: ", "é",
             "# a: 5 instructions", "\r"]
    chance = random.Random(1)
    for _ in range(3000):
        text = "".join(chance.choice(words) for _ in range(chance.randrange(12)))
        parse(text.split("\n"))
        parse(text.encode().splitlines(), notes_follow=True)
        parse([bytes(chance.randrange(256) for _ in range(20))])


def seeds_that_fail_are_named():
    with Tree() as tree:
        status, out, tests = tree.results("--seeds", "2..4", fake="seed")
        expect(status, 1)
        check("\nseeds that failed: 3\n" in out, out)
        check("seed=3" in tests["seed 3 on 4 harts/c"]["repeat"] and "build/debug" in tests["seed 3 on 4 harts/c"]["repeat"], out)
        expect(tree.test("--seeds", "2")[0], 0)


def what_cannot_be_done_is_one_line():
    with Tree() as tree:
        for arguments, words, fake in (
                (["--nosuch"], "--nosuch", {}), (["-j", "0"], "-j", {}), (["--seeds", "5..1"], "5..1", {}),
                (["--quick", "--long"], "not allowed", {}), (["-k", "nosuch"], "no such group: nosuch", {}), (["-k", "("], "regular", {}),
                (["--json", "/nosuch/x"], "/nosuch/x", {}), (["--junit", "/proc/x"], "/proc/x", {}), (["--json", "/"], "folder", {}),
                (["--json", "/dev/full"], "no space left", {}), ([], "/nosuch/qemu is not installed", {"QEMU": "/nosuch/qemu"}),
                (["--build", "build/other", "--no-build"], "is not built", {})):
            status, _, err = tree.test(*arguments, **fake)
            check(status == 2 and err.count("\n") == 1 and words in err and err.startswith("scripts/test: "),
                  f"{arguments}: status {status}, {err!r}")


def a_broken_build_is_one_line():
    with Tree() as tree:
        tree.write("Makefile", "all host-tests:\n\t@exit 1\n")
        status, _, err = tree.test()
        check(status == 2 and "scripts/test: the build failed" in err, f"status {status}, {err!r}")


def ends_by(number):
    with Tree() as tree:
        process = subprocess.Popen(**tree.command("-k", "usertests-2", fake="wait"))
        deadline = time.monotonic() + PATIENCE
        while not (os.path.exists(tree.file("pid")) and os.path.getsize(tree.file("pid"))):
            check(time.monotonic() < deadline and process.poll() is None, "the fake machine does not start")
            time.sleep(0.05)
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
        expect(process.returncode, 128 + number)
        check("Traceback" not in err, err)
        with open(tree.file("pid")) as f:
            pid = int(f.read())
        check(not os.path.exists(f"/proc/{pid}"), "the machine still runs")
        expect(os.listdir(tree.file("tmp")), [])


def interrupted():
    ends_by(signal.SIGINT)


def terminated():
    ends_by(signal.SIGTERM)


def long_ends_by_interrupt():
    with Tree() as tree:
        for fake, code in ("fail", 1), ("pass", 0):
            process = subprocess.Popen(**tree.command("--long", "-k", "usertests-", fake=fake))
            lines = []
            while len(lines) < 5:  # it goes on and on
                lines.append(process.stdout.readline())
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=PATIENCE)
            check(process.returncode == code and "Traceback" not in err, f"status {process.returncode}: {err}")
            check("passed, " in out.splitlines()[-1], out)
            expect(os.listdir(tree.file("tmp")), [])


run_tests([everything_passes, a_test_fails, a_panic_is_one_failure, a_hang_is_one_failure, a_stuck_emulator_is_ended, every_test_panics,
           a_kernel_that_does_not_boot, a_truncated_plan, bad_tap, programs_of_the_host_end_badly, the_rest_is_named,
           junit_is_well_formed, json_has_its_members, tap_can_be_read_again, nothing_makes_the_parser_fail,
           seeds_that_fail_are_named, what_cannot_be_done_is_one_line, a_broken_build_is_one_line, interrupted, terminated,
           long_ends_by_interrupt])
