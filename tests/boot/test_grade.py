#!/usr/bin/env python3
"""Tests of scripts/grade with machines: submissions of tests/grade/freemem in a batch, that is interrupted and goes on.

usage: test_grade.py [KIND ...]     (TAP on standard output; without kinds, some; "all": tests/grade/hostile.py's, which takes long)
"""
import csv
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(TREE, "tests", "grade"))
import hostile  # noqa: E402

GRADE = os.path.join(TREE, "scripts", "grade")
SOME = ["good", "kernel-does-not-compile", "panics", "program-floods", "program-does-not-compile", "replaces-all", "strange-names", "link"]
count = failures = 0


def ok(condition, text, detail=""):
    global count, failures
    count += 1
    failures += not condition
    for line in str(detail).splitlines()[-20:] if not condition else []:
        print("#", line)
    print(f"{'ok' if condition else 'not ok'} {count} - {text}", flush=True)


def run(*arguments):
    return subprocess.run([GRADE, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL)


def processes():
    """Those of this test: what they run names its folder, or a temporary folder below it."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as stream:
                command = stream.read().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if folder in command and int(name) != os.getpid():
            found.append(command)
    return found


def main():
    kinds = sys.argv[1:] or SOME
    made = hostile.make(folder + "/in", None, None if kinds == ["all"] else kinds)
    if os.path.lexists(hostile.MARK):
        os.unlink(hostile.MARK)
    out, tmp = folder + "/out", folder + "/tmp"
    os.mkdir(tmp)
    os.environ["TMPDIR"] = tmp
    batch = [GRADE, hostile.LAB, "--batch", folder + "/in", "--out", out, "--jobs", "2"]

    first = subprocess.Popen(batch, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline and first.poll() is None and not (os.path.isdir(out + "/records") and os.listdir(out + "/records")):
        time.sleep(0.1)
    first.send_signal(signal.SIGINT)
    said = first.communicate()[1]
    ok(first.returncode == 130, "^C ends a batch", said)
    ok(not processes() and not os.listdir(tmp), "and leaves no process and no temporary file", "\n".join(processes() + os.listdir(tmp)))
    before = {name: os.stat(f"{out}/records/{name}").st_mtime_ns for name in os.listdir(out + "/records")}

    done = subprocess.run(batch, capture_output=True, text=True)
    ok(done.returncode == 0, "the next run grades the rest", done.stderr)
    ok(all(os.stat(f"{out}/records/{name}").st_mtime_ns == when for name, when in before.items()), "and only the rest")
    ok(not processes() and not os.listdir(tmp), "nothing is left", "\n".join(processes() + os.listdir(tmp)))
    ok(not os.path.lexists(hostile.MARK), "no submission has run anything on the host")
    rows = {row["file"]: row for row in csv.DictReader(open(out + "/scores.csv"))}
    for name, points in sorted(made.items()):
        row = rows.get(name, {})
        right = row.get("score") == str(points or 0) and (points is not None or (row["remark"] and row["boots"] == "0"))
        ok(right, f"{name}: {'refused, with a reason' if points is None else f'{points} points'}", row)
    ok(set(rows) == set(made), "the table has all, and no others", set(rows) ^ set(made))
    page = open(out + "/index.html").read()
    ok(all(f"logs/{name}.html" in page and os.path.exists(f"{out}/logs/{name}.html") for name in made), "the page links all logs")

    listed = subprocess.run(batch + ["--list-jobs"], capture_output=True, text=True).stdout.splitlines()
    ok(len(listed) == len(made) and all(len(shlex.split(line)) >= 6 for line in listed), "a job for each submission", listed)
    if "link" in made:
        os.unlink(out + "/records/link.json")
        line = next(line for line in listed if "/in/link" in line)
        ok(subprocess.run(["sh", "-c", line], capture_output=True).returncode == 0 and os.path.exists(out + "/records/link.json"), "a job runs alone")
    ok(run("--collect", out).returncode == 0, "--collect")

    done = run(hostile.LAB, "--submission", folder + "/in/panics", "--test", "positive", "--test", "answer", "--json", folder + "/r.json", "--junit", folder + "/j.xml")
    result = json.load(open(folder + "/r.json"))
    ok(done.returncode == 1 and "5 of 15 points" in done.stdout, "one submission, two tests", done.stdout + done.stderr)
    ok("panic: " in done.stdout and "trap" in done.stdout, "a panic comes with its backtrace", done.stdout)
    ok((result["score"], [t["status"] for t in result["tests"]], result["tests"][0]["max_score"]) == (5, ["failed", "passed"], 10), "results.json", result)
    print(f"1..{count}")
    return 1 if failures else 0


with tempfile.TemporaryDirectory(prefix="lode-test-grade-") as folder:
    status = main()
sys.exit(status)
