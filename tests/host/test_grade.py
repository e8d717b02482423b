#!/usr/bin/env python3
"""Tests of what scripts/grade does without a machine: the format lab.ini, what is taken from submissions, how output is
judged, the pages and tables of a batch, and handouts. tests/boot/test_grade.py grades whole submissions."""
import csv
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(TREE, "scripts"))
from harness import batch, grading, handout, lab as labs, page, report, submission  # noqa: E402
from harness.machine import Ran  # noqa: E402
from harness.problems import Problem  # noqa: E402

FIXTURE = os.path.join(TREE, "tests", "grade", "freemem")
GRADE, HANDOUT = os.path.join(TREE, "scripts", "grade"), os.path.join(TREE, "scripts", "handout")
count = failures = 0


def ok(condition, text, detail=""):
    global count, failures
    count += 1
    failures += not condition
    for line in str(detail).splitlines()[:20] if not condition else []:
        print("#", line)
    print(f"{'ok' if condition else 'not ok'} {count} - {text}", flush=True)


def lab_of(text, folder, files=()):
    os.makedirs(os.path.join(folder, "tests"), exist_ok=True)
    for name in files:
        with open(os.path.join(folder, name), "w") as out:
            out.write("int main(void) { return 0; }\n")
    with open(os.path.join(folder, "lab.ini"), "wb") as out:
        out.write(text if isinstance(text, bytes) else text.encode())
    return labs.load(folder + "/", TREE)


def problem(function, *arguments):
    try:
        function(*arguments)
    except Problem as found:
        return str(found)
    return "no problem"


LAB = "[lab]\ntitle = A lab\n"
TEST = "[test one]\ntitle = First\npoints = 5\nrun = true\n"


def test_format(folder):
    lab = lab_of("""# comment
[lab]
title = A lab
  of two lines
programs = tests/a.c
[test one]
title = First
points = 2.5
run = a 1
      a 2 | cat
output =
    first
      indented # no comment

    last
status = any
harts = 4
memory = 1G
seconds = 5
repeat = 3
hidden = no
[test two]
title = Second
points = 10
file = answers.md
file-match = (?i)because
""", folder, ["tests/a.c"])
    one, two = lab.tests
    ok((lab.title, lab.programs, lab.points()) == ("A lab of two lines", ["tests/a.c"], 12.5), "the lab's own keys", vars(lab))
    ok(one.output == "first\n  indented # no comment\n\nlast", "an output keeps its blank lines and what is indented in it", repr(one.output))
    ok((one.run, one.status, one.harts, one.memory, one.seconds, one.repeat, one.hidden) ==
       (["a 1", "a 2 | cat"], None, 4, "1G", 5, 3, False), "a test's keys", one)
    ok((two.file, two.file_match, two.run) == ("answers.md", ["(?i)because"], []), "a test of a file runs nothing", two)

    wrong = [
        ("title = x\n", 1, "before the first section"), ("[lab\n", 1, "ends with ]"), (TEST, 1, "[lab] is missing"), (LAB, 1, "no [test NAME]"),
        (LAB + TEST + TEST, 7, "at line 3; two tests cannot have one name"), (LAB + "[test One]\n", 3, "NAME of a-z"), (LAB + "[tests]\n", 3, "no section [tests]"),
        (LAB + TEST + "point = 5\n", 7, "no key point"), (LAB + TEST + "points = 6\n", 7, "at line 5"), (LAB + "[test one]\npoints = 5\nrun = true\n", 3, "needs title"),
        (LAB + "[test one]\ntitle = x\nrun = true\n", 3, "needs points"), (LAB + "[test one]\ntitle = x\npoints = 5\n", 3, "needs run"),
        (LAB + TEST + "harts = 9\n", 7, "from 1 to 8"), (LAB + TEST + "harts = two\n", 7, "from 1 to 8"), (LAB + TEST + "memory = 128\n", 7, "16M to 2G"),
        (LAB + TEST + "seconds = 0\n", 7, "from 1 to 3600"), (LAB + TEST + "repeat = -1\n", 7, "from 1 to 100"), (LAB + TEST + "hidden = true\n", 7, "yes or no"),
        (LAB + TEST + "status = 256\n", 7, "0 to 255"), (LAB + TEST + "match = a\n  (b\n", 7, "not a regular expression: (b"), (LAB + TEST + "match =\n", 7, "no value"),
        (LAB + TEST + "file-match = x\n", 7, "together with file"), (LAB + TEST.replace("5", "five"), 5, "not a number of points"),
        (LAB + TEST + "programs = tests/none.c\n", 7, "no such file"), (LAB + TEST + "programs = ../../a.c\n", 7, "inside the folder"),
        (LAB + TEST + "files = /etc/passwd\n", 7, "inside the folder"), (LAB + "collect = kernel scripts\n" + TEST, 3, "never comes from a submission"),
        (LAB + "collect = user/tests\n" + TEST, 3, "never comes from a submission"), (LAB + TEST + "nonsense\n", 7, "neither a section"), ("  x\n", 1, "none above it"),
        (LAB.encode() + b"# \xff\n", 3, "not UTF-8"), (LAB + TEST + "run = x\n", 7, "is there already"), (LAB + TEST + f"file = ../x\n", 7, "inside the folder"),
        (LAB + TEST.replace("true", "x" * 1001), 6, "more than 1000"),
    ]
    for text, line, words in wrong:
        said = problem(lab_of, text, folder)
        ok(f"lab.ini:{line}: " in said and words in said and "\n" not in said, f"refused: {words}", said)
    said = problem(lab_of, LAB + "programs = tests/a.c\n" + TEST + "programs = tests/deep/a.c\n", folder, [])
    os.makedirs(os.path.join(folder, "tests", "deep"))
    said = problem(lab_of, LAB + "programs = tests/a.c\n" + TEST + "programs = tests/deep/a.c\n", folder, ["tests/deep/a.c"])
    ok("two programs would be /bin/a" in said, "refused: two programs of one name", said)


def test_bad_input(folder):
    for arguments, words in [(["nolab"], "there is no lab 'nolab'"), ([folder + "/empty"], "no lab.ini"), ([FIXTURE, "--test", "x"], "has no test 'x'; it has: boots"),
                             ([FIXTURE, "--submission", folder + "/none"], "no such submission"), ([FIXTURE, "--batch", folder + "/none", "--out", folder + "/o"], "no such folder"),
                             ([FIXTURE, "--batch", folder, "--out", folder + "/o"], "taken for a submission"), (["--collect", folder], "no batch was begun"),
                             ([FIXTURE, "--json", folder + "/none/x"], "none/x")]:
        os.makedirs(folder + "/empty", exist_ok=True)
        done = subprocess.run([GRADE] + arguments, capture_output=True, text=True, cwd=folder)
        lines = [line for line in done.stderr.splitlines() if not line.endswith(": building")]
        ok(done.returncode == 2 and len(lines) == 1 and words in lines[0], f"one line and status 2: {words}", done.stderr)
    done = subprocess.run([GRADE, FIXTURE], capture_output=True, text=True, env=dict(os.environ, QEMU="/no/qemu"))
    ok(done.returncode == 2 and "is not installed" in done.stderr and done.stderr.count("\n") == 1, "no QEMU is one line", done.stderr)


def tree_with(folder, files):
    for name, text in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as out:
            out.write(text)
    return folder


def test_submissions(folder):
    lab = labs.load(FIXTURE + "/", TREE)
    number = 0

    def take(path):
        nonlocal number
        number += 1
        return submission.take(path, lab, f"{folder}/taken{number}")

    files = {"Makefile": "", "kernel/a.c": "", "kernel/lib/b.c~": "", "user/bin/x.c": "", "user/bin/init.c": "", "user/tests/t.c": "", "labs/freemem/lab.ini": "",
             "scripts/run": "", "answers.md": "", "mkfs/mkfs.c": "", "user/bin/$(x).c": "", "kernel.ld": ""}
    plain = tree_with(folder + "/plain", files)
    taken = take(plain)
    ok(sorted(taken.files) == ["answers.md", "kernel/a.c", "user/bin/x.c"] and taken.whole, "what is collected, and no more", taken)
    ok(len(taken.notes) == 1 and "$(x)" in taken.notes[0], "a strange name is passed over, with a note", taken.notes)
    ok(take(os.path.dirname(tree_with(folder + "/wrap/alice", files))).files == taken.files, "a tree wrapped in a folder")
    with tarfile.open(folder + "/a.tar.gz", "w:gz") as archive:
        archive.add(plain, "./")
    ok(sorted(take(folder + "/a.tar.gz").files) == sorted(taken.files), "a tar of ./")
    with zipfile.ZipFile(folder + "/a.zip", "w") as archive:
        for name in files:
            archive.write(os.path.join(plain, name), "lode-main/" + name)
        archive.writestr("__MACOSX/._x", "")
    ok(sorted(take(folder + "/a.zip").files) == sorted(taken.files), "a zip with a folder, from a Macintosh")

    def entry(name, kind=tarfile.REGTYPE, data=b"", target=""):
        info = tarfile.TarInfo(name)
        info.type, info.size, info.linkname = kind, len(data), target
        return info, io.BytesIO(data)

    for what, members, words in [("..", [entry("kernel/../../x")], "leads out"), ("absolute", [entry("/x")], "leads out"),
                                 ("symlink", [entry("kernel/a.c", tarfile.SYMTYPE, target="/etc/passwd")], "is a link"),
                                 ("hard link", [entry("kernel/a.c", tarfile.LNKTYPE, target="/etc/passwd")], "is a link"),
                                 ("folder as link", [entry("kernel", tarfile.SYMTYPE, target="/tmp")], "is a link"),
                                 ("device", [entry("kernel/a.c", tarfile.CHRTYPE)], "device"),
                                 ("large", [entry("kernel/a.c", data=bytes(17 << 20))], "a file may have 16 MB"),
                                 ("both", [entry("kernel/a"), entry("kernel/a/b.c")], "both as a file and as a folder"),
                                 ("nothing", [entry("essay.txt")], "holds nothing")]:
        path = f"{folder}/{what.replace('..', 'dots').replace(' ', '-')}.tar"
        with tarfile.open(path, "w") as archive:
            for info, data in members:
                archive.addfile(info, data)
        said = problem(take, path)
        ok(words in said and "\n" not in said, f"an archive with {what} is refused", said)
    with open(folder + "/damaged.zip", "wb") as out:
        out.write(b"PK\3\4 and no more")
    ok("damaged" in problem(take, folder + "/damaged.zip"), "a damaged archive is refused")
    with open(folder + "/x.rar", "wb") as out:
        out.write(b"Rar!")
    ok("neither a folder nor an archive" in problem(take, folder + "/x.rar"), "an unknown archive is refused")
    os.symlink("/etc/passwd", plain + "/kernel/link.c")
    ok("is a symbolic link" in problem(take, plain), "a symbolic link in a folder is refused")
    os.unlink(plain + "/kernel/link.c")
    os.mkfifo(plain + "/kernel/pipe.c")
    ok("a device or a pipe" in problem(take, plain), "a pipe is refused, not read")
    os.unlink(plain + "/kernel/pipe.c")
    os.symlink("kernel", plain + "/kernel/.#proc.c")  # emacs's lock
    ok(take(plain).files, "what editors leave behind is passed over")

    base = tree_with(folder + "/base", {"kernel/a.c": "", "kernel/old.c": "", "user/bin/init.c": "mine", "user/tests/t.c": "mine", "user/lib/l.c": ""})
    before = os.stat(base + "/kernel/a.c").st_mtime_ns
    deleted = submission.overlay(take(plain), base, lab)
    ok(deleted and not os.path.exists(base + "/kernel/old.c") and not os.path.exists(base + "/user/lib/l.c"), "of a whole tree, what is missing was deleted")
    ok(open(base + "/user/bin/init.c").read() == "mine" and os.path.exists(base + "/user/tests/t.c"), "init and the tests stay the lab's")
    ok(os.stat(base + "/kernel/a.c").st_mtime_ns == before, "what is the same keeps its time")
    os.unlink(plain + "/Makefile")
    base = tree_with(folder + "/base2", {"kernel/old.c": ""})
    ok(not submission.overlay(take(plain), base, lab) and os.path.exists(base + "/kernel/old.c"), "without a Makefile, files are put over the tree")


def command(output, status=0, limit=False, text="x"):
    return {"command": text, "status": status, "output": output.encode(), "limit": limit, "instructions": 5, "seconds": 0.5}


def test_judging(_):
    def verdict(commands, **keys):
        return grading.judge(labs.Test("t", 1, points=5, **{"run": ["x"], **keys}), commands, Ran(messages="lode: up\npid 7 (x): killed\n"))

    ok(verdict([command("a \nb\n\n")], output="a\nb").passed, "blanks at ends do not count")
    bad = verdict([command("a\nc\n")], output="a\nb")
    ok(not bad.passed and bad.why == "the output differs in line 2" and "-b" in bad.sections[0][1] and "+c" in bad.sections[0][1], "a difference is shown", bad)
    ok(verdict([command("", 1)], status=1).passed and not verdict([command("", 1)]).passed and verdict([command("", 1)], status=None).passed, "exit status")
    ok("segmentation fault" in verdict([command("", 139)]).why and "killed" in verdict([command("", 139)]).sections[-1][1], "a signal comes with the kernel's words")
    ok(verdict([command("one\ntwo\n")], match=["^two$"]).passed and not verdict([command("twofold\n")], match=["^two$"]).passed, "match, line by line")
    ok("must not match" in verdict([command("error: 5\n")], reject=[r"error"]).why, "reject")
    ok("10 s of guest time" in verdict([command("", 124, True)]).why, "a limit is named")
    ok("repetition 2 of 3" in verdict([command("a"), command("b"), command("a")], output="a", repeat=3).why, "repetitions")
    ok(verdict([command("", 1), command("")], run=["x", "y"]).passed, "only the last command's status counts")
    long = verdict([command("\n".join(str(i) for i in range(5000)))], match=["no"])
    ok(len(report.as_text(report.details(long)).splitlines()) < 60 and "more lines" in long.sections[0][1], "long output is cut")
    ok("\x1b" not in report.as_text(report.details(verdict([command("\x1b[2J\x07")], match=["no"]))), "control characters do not reach the terminal")


def test_pages(folder):
    evil = '<script>alert(1)</script>"\'&'
    tests = [{"name": "one", "title": evil, "points": 5, "hidden": True}]
    items = [{"id": "a", "name": evil, "file": "=1+1"}, {"id": "b", "name": "b", "file": "b"}]
    os.makedirs(folder + "/records")
    with open(folder + "/batch.json", "w") as out:
        json.dump({"lab": "l", "title": evil, "max": 5, "tests": tests, "submissions": items}, out)
    record = {"id": "a", "name": evil, "file": "=1+1", "key": "k", "lab": "l", "title": evil, "score": 0, "max": 5, "problem": evil, "notes": [evil], "seconds": 1,
              "tests": [{"name": "one", "passed": False, "points": 0, "why": evil}]}
    with open(folder + "/records/a.json", "w") as out:
        json.dump(record, out)
    ok(batch.collect(folder) == (1, 2), "a batch that is half done makes its pages")
    pages = open(folder + "/index.html").read() + page.log(record, [(labs.Test("one", 1, evil, 5), False, 0, [("why", evil)])])
    ok("<script>alert" not in pages and 'logs/a.html#test-one' in pages, "everything is escaped, and linked")
    ok("http" not in pages.replace("http-equiv", ""), "no network")
    rows = list(csv.reader(open(folder + "/scores.csv")))
    ok(rows[1][1] == "'=1+1" and rows[2][2] == "" and "not graded yet" in rows[2][-1], "scores.csv", rows)


def test_handout(folder):
    done = subprocess.run([HANDOUT, FIXTURE, folder + "/out"], capture_output=True, text=True)
    ok(done.returncode == 0 and done.stderr == "", "a handout is made", done.stderr)

    def git(*arguments):
        return subprocess.run(["git", "-C", folder + "/out", *arguments], capture_output=True, text=True).stdout

    files = git("ls-files").split()
    ok(git("status", "--porcelain") == "" and git("rev-list", "--count", "HEAD").strip() == "1", "one commit, nothing beside it")
    ok({"TASK.md", "README.md", "Makefile", "scripts/grade", "answers.md", "labs/freemem/lab.ini", "labs/freemem/tests/memtest.c"} <= set(files), "it is whole", files)
    bad = [f for f in files if f.startswith(".ci") or "backtest" in f or "solution" in f or (f.count("/") > 1 and f.startswith("labs/") and not f.startswith("labs/freemem/"))]
    ok(not bad, "no solution, hidden test, other lab or CI", bad)
    ini = open(folder + "/out/labs/freemem/lab.ini").read()
    ok("returns" not in ini and "Nobody needs to know" not in ini and "[test answer]" in ini, "the hidden test is gone from lab.ini", ini)
    ok("](docs/hacking.md)" in open(folder + "/out/TASK.md").read(), "the task's links lead from the top")
    lab = lab_of(LAB + "programs = tests/secret.c tests/shown.c\n" + TEST.replace("true", "shown") +
                 "[test two]\ntitle = Second\npoints = 5\nrun = secret; shown\nhidden = yes\n"
                 "[test three]\ntitle = Third\npoints = 5\nfile = README.md\n", folder + "/lab", ["tests/secret.c", "tests/shown.c"])
    remarks = list(handout.remarks(lab, folder + "/out"))
    ok(len(remarks) == 2 and "tests/secret.c" in remarks[0] and "[test three]" in remarks[1], "what gives a hidden test or points away is named", remarks)
    for target, words in [(folder + "/out", "not empty"), (TREE + "/handed", "lies in this tree"), ("/proc/x", "")]:
        done = subprocess.run([HANDOUT, FIXTURE, target], capture_output=True, text=True)
        ok(done.returncode == 2 and done.stderr.count("\n") == 1 and words in done.stderr, f"refused: {words or target}", done.stderr)


def main():
    for test in (test_format, test_bad_input, test_submissions, test_judging, test_pages, test_handout):
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            test(folder)
            os.chdir(TREE)
    print(f"1..{count}")
    return 1 if failures else 0


sys.exit(main())
