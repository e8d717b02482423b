"""Makes the tree that the students of a lab get: this tree without what is not for them, as a git repository with one commit."""
import os
import re
import shutil
import subprocess

from harness.grading import look_at_file
from harness.lab import load
from harness.problems import Problem

LEFT_OUT = (".ci", ".git", "build")


def sources(tree):
    """The tree's files: of a git repository, what git knows or would take; otherwise all but what is built."""
    listed = subprocess.run(["git", "-C", tree, "ls-files", "-z", "-co", "--exclude-standard"], capture_output=True) if \
        os.path.exists(os.path.join(tree, ".git")) else None
    if listed and listed.returncode == 0:
        names = [os.fsdecode(n) for n in listed.stdout.split(b"\0") if n]
        return [n for n in names if os.path.lexists(os.path.join(tree, n))]
    found = []
    for folder, folders, files in os.walk(tree):
        folders[:] = [f for f in folders if f not in ("__pycache__", ".git") and os.path.join(folder, f) != os.path.join(tree, "build")]
        found += [os.path.relpath(os.path.join(folder, f), tree) for f in files]
    return found


def copy(source, target):
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copy2(source, target, follow_symlinks=False)


def shown_ini(lab):
    """lab.ini without the hidden tests and the comments right above them."""
    with open(lab.ini, encoding="utf-8") as stream:
        lines = stream.read().split("\n")
    kept = lines[:lab.sections[0][0]]
    for start, end, test in lab.sections:
        if not (test and test.hidden):
            kept += lines[start:end]
    return "\n".join(kept).rstrip("\n") + "\n"


def task(lab, text):
    """The lab's README for the top of the tree: its links lead from there, and the commands are named."""
    def moved(match):
        target = match.group(2)
        if re.match(r"[a-z]+:|#|/", target):
            return match.group()
        return f"{match.group(1)}({os.path.normpath(os.path.join('labs', lab.name, target))})"
    text = re.sub(r"(\[[^\]\n]*\])\(([^)\s]+)\)", moved, text).rstrip("\n")
    return (f"{text}\n\n## Commands\n\n    scripts/setup                 # installs what is missing\n    make qemu                     # builds, and boots to a shell\n"
            f"    make grade LAB={lab.name:<15}# runs this lab's tests on this tree\n\ndocs/README.md tells what to read about the system itself.\n")


def git(folder, *arguments):
    command = ["git", "-c", "user.name=lode", "-c", "user.email=lode@localhost", "-c", "init.defaultBranch=main",
               "-c", "commit.gpgsign=false", "-c", "core.hooksPath=/dev/null", "-C", folder, *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        raise Problem("git is not installed; a handout is a git repository") from None
    if done.returncode != 0:
        raise Problem(f"git {arguments[0]} failed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")


def make(name, folder, tree):
    lab = load(name, tree)
    if os.path.lexists(folder) and (not os.path.isdir(folder) or os.listdir(folder)):
        raise Problem(f"{folder} is there and not empty; name a new folder")
    if os.path.commonpath([os.path.realpath(tree), os.path.realpath(folder)]) == os.path.realpath(tree) and \
            not os.path.realpath(folder).startswith(os.path.join(os.path.realpath(tree), "build", "")):
        raise Problem(f"{folder} lies in this tree; name a folder outside it")
    fresh = not os.path.exists(folder)
    try:
        os.makedirs(folder, exist_ok=True)
        fill(lab, folder, tree)
    except BaseException as error:
        if fresh:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            for entry in os.listdir(folder):
                path = os.path.join(folder, entry)
                shutil.rmtree(path, ignore_errors=True) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)
        if isinstance(error, PermissionError):
            raise Problem(f"{error.filename}: {error.strerror}") from None
        raise
    return lab


def remarks(lab, folder):
    """What the lab's author may not have meant, now that the handout is there: a line for each."""
    def run_by(tests):
        return set(re.findall(r"[A-Za-z0-9_-]+", "\n".join(c for t in tests for c in t.run)))
    shown, hidden = run_by(t for t in lab.tests if not t.hidden), run_by(t for t in lab.tests if t.hidden)
    left_out = lab.hidden_only()
    for path in lab.programs:
        name = os.path.splitext(os.path.basename(path))[0]
        if path not in left_out and name in hidden - shown:
            yield (f"{path} is in the handout since [lab] names it, but only hidden tests run it; "
                   "to keep it from students, name it in the programs of those tests instead")
    for test in lab.tests:
        if test.file and not test.run and not look_at_file(test, folder):
            yield (f"[test {test.name}] gives its points to the untouched handout: {test.file} is as the test wants it; "
                   "add a file-match that only an answer matches")


def fill(lab, folder, tree):
    own = os.path.relpath(lab.folder, tree) + "/"
    for name in sources(tree):
        shared = os.path.dirname(name) == "labs" and name.endswith(".h")  # by the tests of all labs
        if shared or name.split("/")[0] not in LEFT_OUT + ("labs",) and not name.startswith(own):
            copy(os.path.join(tree, name), os.path.join(folder, name))
    start = os.path.join(lab.folder, "start")
    if os.path.isdir(start):
        shutil.copytree(start, folder, dirs_exist_ok=True)
    into, hidden = os.path.join(folder, "labs", lab.name), lab.hidden_only()
    for below, folders, files in os.walk(lab.folder):
        folders[:] = [f for f in folders if f != "__pycache__" and not (below == lab.folder and f in ("solution", "start"))]
        for file in files:
            path = os.path.relpath(os.path.join(below, file), lab.folder)
            if path not in hidden:
                copy(os.path.join(lab.folder, path), os.path.join(into, path))
    with open(os.path.join(into, "lab.ini"), "w", encoding="utf-8") as out:
        out.write(shown_ini(lab))
    try:
        shown = load(into + "/", folder)
    except Problem as problem:
        raise Problem(f"without the hidden tests the lab is not whole: {problem}") from None
    readme = os.path.join(lab.folder, "README.md")
    if not os.path.isfile(readme):
        raise Problem(f"{readme}: the lab has no README.md, which tells students what to do")
    with open(readme, encoding="utf-8") as stream:
        text = task(shown, stream.read())
    with open(os.path.join(folder, "TASK.md"), "w", encoding="utf-8") as out:
        out.write(text)
    top = os.path.join(folder, "README.md")
    with open(top, encoding="utf-8") as stream:
        text = stream.read()
    with open(top, "w", encoding="utf-8") as out:
        out.write(f"**This tree is for the lab \"{shown.title}\": the task is in [TASK.md](TASK.md).**\n\n{text}")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", f"{shown.title}: the starting point")
