"""Grades every submission below a folder. What each job leaves in OUT is a record and a log page, so that a batch that was
interrupted goes on where it was, and so that jobs may run on other machines that see the same folders.

    OUT/batch.json       the lab's tests and the list of submissions, as last seen
    OUT/base/            the lab's tree, built once; each job starts from a copy
    OUT/records/ID.json  verdicts of a submission, with the hash of everything that they depend on
    OUT/logs/ID.html     what its student needs to know
    OUT/scores.csv, OUT/index.html
"""
import csv
import fcntl
import hashlib
import io
import json
import os
import re
import resource
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

from harness import building, page, processes, submission
from harness.lab import plain
from harness.problems import Problem
from harness.results import write_file as write

SUFFIXES = (".tar.gz", ".tgz", ".tar", ".tar.bz2", ".tar.xz", ".zip")
JOB_SECONDS = 2 * 3600     # wall-clock time, only against what nobody thought of
JOB_MEMORY = 8 << 30       # address space of each process of a job
HASHED_MAX = 256 << 20     # bytes of an archive that go into its hash


class Entry:
    def __init__(self, folder, name):
        self.file, self.path = name, os.path.join(folder, name)
        self.name = next((name[:-len(s)] for s in SUFFIXES if name.endswith(s) and name != s), name)
        # One file name for each, whatever characters the submission's has.
        raw = re.sub(rb"[^A-Za-z0-9._-]", lambda m: b"%%%02X" % m.group()[0], os.fsencode(name)).decode()
        self.id = raw if len(raw) <= 150 else raw[:100] + "-" + hashlib.sha256(raw.encode()).hexdigest()[:16]


def entries(folder, out):
    """The submissions below a folder, in order."""
    try:
        names = sorted(n for n in os.listdir(folder) if not n.startswith("."))
    except FileNotFoundError:
        raise Problem(f"{folder}: there is no such folder of submissions") from None
    except OSError as error:
        raise Problem(f"{folder}: {error.strerror}") from None
    inside = os.path.commonpath([os.path.realpath(folder), os.path.realpath(out)]) == os.path.realpath(folder)
    if inside:
        raise Problem(f"{out} lies in {folder}, where it would be taken for a submission; name another folder")
    if not names:
        raise Problem(f"{folder}: no submissions there; each folder or archive below it is one")
    found = [Entry(folder, n) for n in names]
    count = {}
    for entry in found:
        count[entry.name] = count.get(entry.name, 0) + 1
    for entry in found:
        if count[entry.name] > 1:
            entry.name = entry.file
        entry.name = submission.printable(entry.name)
    return found


# ---- Hashes ----

def digest(*parts):
    h = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode("utf-8", "surrogateescape")
        h.update(b"%d:" % len(data) + data)
    return h.hexdigest()


def hash_file(path, limit=HASHED_MAX):
    h, left = hashlib.sha256(), limit
    with open(path, "rb") as stream:
        while left > 0 and (data := stream.read(min(1 << 20, left))):
            h.update(data)
            left -= len(data)
    return h.hexdigest()


def hash_tree(folder, parts=None):
    """Of all files below a folder, or of some parts of it."""
    found = []
    for top in ([os.path.join(folder, p) for p in parts] if parts else [folder]):
        if os.path.isfile(top):
            found.append(top)
        for below, folders, files in os.walk(top):
            folders[:] = [f for f in folders if f != "__pycache__"]
            found += [os.path.join(below, f) for f in files]
    return digest(*[x for path in sorted(found) for x in (os.path.relpath(path, folder), hash_file(path))])


def version(command):
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout.split("\n")[0]
    except OSError:
        return ""


def base_key(lab, tree):
    """Of everything but the submission that a verdict depends on."""
    prefix = os.environ.get("TOOLPREFIX", "riscv64-unknown-elf-")
    return digest(hash_tree(tree, building.PARTS), hash_tree(lab.folder), version([prefix + "gcc", "--version"]),
                  version([os.environ.get("QEMU", "qemu-system-riscv64"), "--version"]))


def submission_key(path, lab):
    """Of what a submission holds that is looked at."""
    info = os.lstat(path)
    if not stat.S_ISDIR(info.st_mode):
        return digest("file", info.st_mode, info.st_size, hash_file(path) if stat.S_ISREG(info.st_mode) and os.access(path, os.R_OK) else "")
    parts = []
    for below, folders, files in os.walk(path):
        folders.sort()
        for name in sorted(files):
            file = os.path.join(below, name)
            relative = os.path.relpath(file, path)
            inner = relative.partition(os.sep)[2]  # the tree may be wrapped in one folder
            if submission.wanted(relative, lab) or submission.wanted(inner, lab) or name == "Makefile":
                info = os.lstat(file)
                readable = stat.S_ISREG(info.st_mode) and info.st_size <= submission.FILE_MAX and os.access(file, os.R_OK)
                parts += [relative, info.st_mode, info.st_size, hash_file(file) if readable else ""]
    return digest("folder", *parts)


# ---- Records ----

def record_path(out, ident):
    return os.path.join(out, "records", ident + ".json")


def read_record(out, ident):
    try:
        with open(record_path(out, ident), encoding="utf-8") as stream:
            record = json.load(stream)
        return record if isinstance(record, dict) and "key" in record and "tests" in record else None
    except (OSError, ValueError):
        return None


def keep(out, record, details):
    """A graded submission: its log page first, since the record says that all is done."""
    for folder in ("records", "logs"):
        os.makedirs(os.path.join(out, folder), exist_ok=True)
    write(os.path.join(out, "logs", record["id"] + ".html"), page.log(record, details))
    write(record_path(out, record["id"]), json.dumps(record, indent=1) + "\n")


def record_of(entry, key, lab, verdicts=(), problem="", notes=(), seconds=0):
    failures = [v.why.split("\n")[0][:300] for v in verdicts if not v.passed and v.test.run]
    if not problem and len(failures) > 1 and len(set(failures)) == 1:
        notes = [failures[0], *notes]  # one reason for it all, such as a tree that does not build
    tests = [{"name": v.test.name, "passed": v.passed, "points": v.points, "why": v.why.split("\n")[0][:300]} for v in verdicts]
    return {"id": entry.id, "name": entry.name, "file": submission.printable(entry.file), "key": key, "lab": lab.name, "title": lab.title,
            "score": plain(sum(t["points"] for t in tests)), "max": lab.points(), "problem": problem, "notes": list(notes), "tests": tests,
            "seconds": round(seconds, 1)}


# ---- The whole ----

class Batch:
    def __init__(self, lab, given, folder, out, tree):
        self.lab, self.tree, self.folder, self.out = lab, tree, os.path.abspath(folder), os.path.abspath(out)
        self.given = lab.folder if "/" in given else given
        self.entries = entries(self.folder, self.out)

    def open(self):
        """Makes OUT, and builds the tree that jobs start from."""
        os.makedirs(self.out, exist_ok=True)
        if not os.path.exists(os.path.join(self.out, "batch.json")) and os.listdir(self.out):
            raise Problem(f"{self.out} is not empty and not a batch's; name a new folder")
        tests = [{"name": t.name, "title": t.title, "points": t.points, "hidden": t.hidden} for t in self.lab.tests]
        write(os.path.join(self.out, "batch.json"), json.dumps(
            {"lab": self.lab.name, "title": self.lab.title, "max": self.lab.points(), "tests": tests,
             "submissions": [{"id": e.id, "name": e.name, "file": submission.printable(e.file)} for e in self.entries]}, indent=1) + "\n")
        self.key = base_key(self.lab, self.tree)

    def prepare(self, jobs):
        base, mark = os.path.join(self.out, "base"), os.path.join(self.out, "base", ".key")
        if prepared(self.out, self.key):
            return
        shutil.rmtree(base, ignore_errors=True)
        print("building the lab's tree", flush=True)
        building.copy_tree(self.tree, self.lab, base)
        building.prepare_tools(base, jobs)
        # It may be that the starting point does not build as it is: then there is less to start from.
        building.make(base, ["VARIANT=grade", "EXTRA_SRC=", "EXTRA_FILES=", "build/kernel.elf", "programs"], jobs)
        write(mark, self.key)

    def job(self, entry):
        """The command that grades one submission."""
        return [os.path.join(self.tree, "scripts", "grade"), self.given, "--submission", entry.path, "--out", self.out]

    def list_jobs(self, stream):
        for entry in self.entries:
            if any(c in entry.path for c in "\n\r\0"):
                print(f"scripts/grade: {entry.name}: has a line break in its name, which a list of jobs cannot carry; rename it", file=sys.stderr)
                continue
            print(" ".join(shlex.quote(word) for word in self.job(entry)), file=stream)

    def run(self, jobs):
        """Grades what is not graded yet, `jobs` at a time."""
        todo = []
        for entry in self.entries:
            record = read_record(self.out, entry.id)
            if not record or record["key"] != digest(self.key, submission_key(entry.path, self.lab)):
                todo.append(entry)
        done = len(self.entries) - len(todo)
        if done:
            print(f"{done} of {len(self.entries)} are graded already", flush=True)
        if not todo:
            return
        self.prepare(jobs)
        pool = ThreadPoolExecutor(jobs)
        futures = [pool.submit(self.grade, entry) for entry in todo]
        try:
            for number, future in enumerate(as_completed(futures), done + 1):
                print(f"[{number:{len(str(len(self.entries)))}}/{len(self.entries)}] {future.result()}", flush=True)
        except BaseException:
            processes.end_all()  # otherwise the pool would wait for what they do
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def grade(self, entry):
        """Runs one job, and says in a line what came of it."""
        start = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="lode-batch-", ignore_cleanup_errors=True) as work:
            with open(os.path.join(work, "log"), "wb+") as log:
                status = processes.run(self.job(entry) + ["--jobs", "1"], timeout=JOB_SECONDS, stdin=subprocess.DEVNULL, stdout=log,
                                       stderr=log, env=dict(os.environ, TMPDIR=work), preexec_fn=limit_job)
                log.seek(max(0, log.seek(0, io.SEEK_END) - 4000))
                said = log.read().decode("utf-8", "replace").strip().splitlines() or ["nothing"]
        if status != 0:
            # Not the submission's fault as far as anybody knows: it has no verdict, and the next run tries again.
            why = (f"took longer than {JOB_SECONDS} s" if status is None else
                   submission.printable(said[-1]).removeprefix("scripts/grade: "))
            keep(self.out, dict(record_of(entry, "", self.lab, problem=f"could not be graded: {why}"), missing=True), [])
        record = read_record(self.out, entry.id)
        if not record:
            raise Problem(f"{record_path(self.out, entry.id)}: the job has left no record")
        score = record["problem"] or f"{record['score']} of {record['max']} points"
        return f"{entry.name}: {score}  ({time.monotonic() - start:.0f} s)"


def prepared(out, key):
    """The base of a batch, if it is there and made of the same sources."""
    base = os.path.join(out, "base")
    try:
        with open(os.path.join(base, ".key"), encoding="utf-8") as stream:
            return base if stream.read() == key else None
    except OSError:
        return None


def limit_job():
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = JOB_MEMORY if hard == resource.RLIM_INFINITY else min(JOB_MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Locked:
    """One batch at a time works in an OUT. (Jobs of a list do not take this lock.)"""

    def __init__(self, out):
        os.makedirs(out, exist_ok=True)
        self.out = out

    def __enter__(self):
        self.folder = os.open(self.out, os.O_RDONLY)
        try:
            fcntl.flock(self.folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Problem(f"{self.out}: another batch is at work there; wait for it, or name another folder") from None

    def __exit__(self, *_):
        os.close(self.folder)


# ---- CSV and HTML ----

def collect(out):
    """Makes scores.csv and index.html of the records that are there; returns (graded, all)."""
    path = os.path.join(out, "batch.json")
    try:
        with open(path, encoding="utf-8") as stream:
            batch = json.load(stream)
        tests, listed = batch["tests"], batch["submissions"]
    except FileNotFoundError:
        raise Problem(f"{out}: no batch was begun there (batch.json is missing); scripts/grade --batch or --list-jobs begins one") from None
    except (OSError, ValueError, KeyError) as error:
        raise Problem(f"{path}: cannot be read ({error}); grade the batch anew into another folder") from None
    rows = []
    for item in listed:
        record = read_record(out, item["id"])
        rows.append(record or dict(item, score=0, max=batch["max"], problem="not graded yet", notes=[], tests=[], seconds=0, missing=True))
    write(os.path.join(out, "scores.csv"), table(tests, rows))
    write(os.path.join(out, "index.html"), page.index(batch, rows))
    return sum(1 for r in rows if not r.get("missing")), len(rows)


def harmless(text):
    """A cell that begins like a formula would be one in a spreadsheet."""
    return "'" + text if text[:1] in "=+-@\t\r" and text else text


def table(tests, rows):
    stream = io.StringIO()
    out = csv.writer(stream, lineterminator="\n")
    out.writerow(["submission", "file", "score", "max"] + [t["name"] for t in tests] + ["remark"])
    for row in rows:
        points = {t["name"]: t["points"] for t in row["tests"]}
        missing = row.get("missing")
        remark = "; ".join(p for p in [row["problem"]] + row["notes"] if p)
        out.writerow([harmless(row["name"]), harmless(row["file"]), "" if missing else row["score"], row["max"]]
                     + ["" if missing else points.get(t["name"], 0) for t in tests] + [harmless(remark)])
    return stream.getvalue()
