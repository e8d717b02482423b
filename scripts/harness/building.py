"""Builds a tree for a lab: its own copy of the lode tree, or the student's tree in place.

A build never takes a machine down: compilers get limits of processor time, memory and file size, make gets one of wall-clock
time, what they print is cut, and where the host allows namespaces they have no network and do not see the folders in
`hide` (solutions, hidden tests, other submissions), which a source could name in an #include or .incbin.
"""
import errno
import glob
import os
import re
import resource
import shlex
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field

from harness import processes
from harness.problems import Problem, describe
from harness.variant import variant

PARTS = ["Makefile", "kernel", "kernel.ld", "user", "mkfs", "scripts"]  # what a build needs of a tree
COMPILER_SECONDS = 60       # processor time of each process
BUILD_SECONDS = 900         # wall-clock time of make
MEMORY, FILE_SIZE = 2 << 30, 256 << 20
UNCOVERED = 117             # exit status: the folders in `hide` could not be covered
OUTPUT_KEPT = 1 << 20       # of what is printed (what is printed altogether is limited as any file)


@dataclass
class Build:
    tree: str
    failure: str = ""       # why nothing can run, with the compiler's words
    broken: dict = field(default_factory=dict)  # programs that do not build: name -> the compiler's words
    environment: dict = field(default_factory=dict)  # EXTRA_SRC, EXTRA_FILES for scripts/run


_prefix = None


def namespaces():
    """The command that runs another without network and apart from all other processes, as far as this host allows."""
    global _prefix
    if _prefix is None:
        command = ["unshare", "--map-root-user", "--net", "--ipc", "--mount", "--pid", "--fork", "--kill-child"]
        try:
            works = subprocess.run(command + ["sh", "-c", "mount -t tmpfs none /mnt"], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=10).returncode == 0
        except (OSError, subprocess.TimeoutExpired):
            works = False
        _prefix = command if works else []
    return _prefix


def confined(command, hide, needed):
    """`command`, apart from everything else on the host; folders in `hide` are covered, unless `needed` lies in them."""
    prefix = namespaces()
    if not prefix:
        return command
    hidden = [d for d in map(os.path.realpath, hide)
              if os.path.isdir(d) and os.path.commonpath([d, os.path.realpath(needed)]) != d]
    hidden = [d for d in hidden if not any(d != other and os.path.commonpath([d, other]) == other for other in hidden)]
    covers = "".join(f"mount -t tmpfs none {shlex.quote(d)} || exit {UNCOVERED}; " for d in sorted(set(hidden)))
    return prefix + ["sh", "-c", f'{covers}exec "$@"', "sh"] + command


def set_limits():
    for what, limit in ((resource.RLIMIT_CPU, COMPILER_SECONDS), (resource.RLIMIT_AS, MEMORY),
                        (resource.RLIMIT_FSIZE, FILE_SIZE), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(what)
        limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(what, (limit, limit))


def run_limited(command, cwd, environment):
    """(exit status, the beginning of what the command printed, why it was stopped or "")."""
    with tempfile.TemporaryFile() as out:
        try:
            status = processes.run(command, timeout=BUILD_SECONDS, cwd=cwd, env=environment, stdin=subprocess.DEVNULL,
                                   stdout=out, stderr=out, preexec_fn=set_limits)
        except FileNotFoundError:
            raise Problem(f"{command[0]} is not installed; scripts/setup installs what is missing") from None
        out.seek(0)
        text = out.read(OUTPUT_KEPT).decode("utf-8", "replace")
        if "No space left on device" in text:
            raise Problem(describe(OSError(errno.ENOSPC, "")))
    return status, text, f"it was stopped after {BUILD_SECONDS} s" if status is None else ""


def copy_tree(tree, lab, into, prepared=None):
    """A copy of the lab's tree as a handout starts from it; with what has been built in `prepared`, if given."""
    source = prepared or tree
    os.makedirs(into, exist_ok=True)
    parts = [os.path.join(source, p) for p in PARTS + (["build"] if prepared else []) if os.path.exists(os.path.join(source, p))]
    done = subprocess.run(["cp", "-a", "--reflink=auto", *parts, into], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise Problem(f"{into}: the tree could not be copied: {done.stderr.strip().splitlines()[-1:]}")
    start = os.path.join(lab.folder, "start")
    if not prepared and os.path.isdir(start):
        shutil.copytree(start, into, dirs_exist_ok=True)


def make(tree, arguments, jobs, hide=(), in_place=False):
    environment = {k: v for k, v in os.environ.items()
                   if k not in ("EXTRA_SRC", "EXTRA_FILES", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "LLVM", "DEBUG", "MAKEFILES")}
    if not in_place:
        environment = {k: environment[k] for k in ("PATH", "TMPDIR", "TOOLPREFIX", "HOSTCC") if k in environment}
    environment["LC_ALL"] = "C"
    command = ["make", "-s", "-k", "-O", f"-j{jobs}", "--no-print-directory"] + arguments
    status, text, stopped = run_limited(command if in_place else confined(command, hide, tree), tree, environment)
    if status == UNCOVERED:
        raise Problem(f"a folder cannot be hidden from the compiler: {text.strip().splitlines()[:1]}")
    return status, text, stopped


def prepare_tools(tree, jobs=1):
    """mkfs and fsck are programs of the host, so they are made of the lab's own sources, before anything of a submission lies in the tree."""
    status, text, stopped = make(tree, ["build/mkfs", "build/fsck"], jobs)
    if status != 0:
        raise Problem(f"the lab's own tree does not build: {stopped or first_errors(text, 3)}; make shows it all")


def forget_links(tree):
    """A deleted source is in no file's dependencies: what may have been linked with it is made anew."""
    for path in glob.glob(os.path.join(tree, "build", "programs", "*")) + [os.path.join(tree, "build", n) for n in ("kernel.elf", "libuser.a")]:
        if os.path.exists(path):
            os.unlink(path)


def build(tree, lab, jobs=1, hide=(), in_place=False, own_tools=False):
    """Builds the kernel, the programs and the image with the lab's programs and files. In place, the lab lies in the tree;
    otherwise it is copied there after all else is built."""
    result = Build(tree)
    old = [] if in_place or own_tools else ["-o", "build/mkfs", "-o", "build/fsck"]
    none = ["VARIANT=grade", "EXTRA_SRC=", "EXTRA_FILES="]
    status, text, stopped = make(tree, old + none + ["build/kernel.elf", "programs"], jobs, hide, in_place)
    targets = failed_targets(text) if status else []
    for target in targets:
        match = re.fullmatch(r"build/(?:programs/|user/(?:bin|tests)/)([A-Za-z0-9_-]+)(?:[./].*)?", target[0])
        if match:
            result.broken.setdefault(match.group(1), target[1])
    whole = [t for t in targets if not re.match(r"build/(programs|user/bin|user/tests)/", t[0])]
    if stopped or (status and (whole or not targets)) or {"init", "sh"} & set(result.broken):
        shown = whole or targets
        words = "\n".join(t[1] for t in shown) if shown else text
        result.failure = "\n".join(part for part in ("the tree does not build" + (f": {stopped}" if stopped else ""),
                                                     tidy(first_errors(words), tree)) if part)
        return result

    folder = lab.folder
    if not in_place:
        folder = os.path.join(tree, "labs", lab.name)
        for header in glob.glob(os.path.join(glob.escape(os.path.dirname(lab.folder)), "*.h")):  # what all labs' tests share
            copy_into(header, os.path.join(tree, "labs", os.path.basename(header)))
        for path in lab.all("programs") + lab.all("files") + ["tests"]:
            copy_into(os.path.join(lab.folder, path), os.path.join(folder, path))
    sources = [os.path.join(folder, p) for p in lab.all("programs")]
    files = [os.path.join(folder, p) for p in lab.all("files")]
    for attempt in range(2):
        name, extras = variant(sources, files), ["WITHOUT=" + " ".join(sorted(result.broken))]
        if sources or files:  # otherwise scripts/run takes the usual image
            extras += [f"VARIANT={name}", "EXTRA_SRC=" + " ".join(sources), "EXTRA_FILES=" + " ".join(files)]
        status, text, stopped = make(tree, old + extras + ["image"], jobs, hide, in_place)
        if status == 0 or attempt:
            break
        for target, words in failed_targets(text):
            match = re.fullmatch(rf"build/images/{name}/extra/([A-Za-z0-9_-]+)", target)
            if match:
                result.broken[match.group(1)] = words
        sources = [s for s in sources if os.path.splitext(os.path.basename(s))[0] not in result.broken]
    if status != 0:
        result.failure = "\n".join(("the disk image cannot be made" + (f": {stopped}" if stopped else ""), tidy(first_errors(text), tree)))
    result.broken = {n: tidy(first_errors(words, 12), tree) for n, words in result.broken.items()}
    result.environment = {"EXTRA_SRC": " ".join(sources), "EXTRA_FILES": " ".join(files)}
    return result


def copy_into(source, target):
    if os.path.isdir(source):
        shutil.copytree(source, target, dirs_exist_ok=True)
    elif os.path.exists(source):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy2(source, target)


def failed_targets(text):
    """(target, what was printed for it) of each command of make that failed. (make -O keeps what belongs together together.)"""
    found, block = [], []
    for line in text.splitlines():
        match = re.match(r"make(?:\[\d+\])?: \*\*\* \[(?:[^\]:]+:\d+: )?([^\]]+)\] (.*)", line)
        if match:
            ended = "" if match.group(2).startswith("Error") else f"the compiler was ended: {match.group(2)}"
            found.append((match.group(1), "\n".join(block + [ended] if ended else block)))
            block = []
        elif not re.match(r"make(?:\[\d+\])?: (Target .* not remade|\*\*\* Waiting)", line):
            block.append(line)
    return found


LIMITS = (("CPU time limit exceeded", f"the compiler used more than {COMPILER_SECONDS} s of processor time"),
          ("File size limit exceeded", f"a file that is built became larger than {FILE_SIZE >> 20} MB"),
          ("Killed", "the compiler was killed: it ran out of time or of memory"))


def first_errors(text, limit=24):
    """Of what compilers printed, the first errors with the lines that explain them."""
    lines, shown, follow = text.splitlines(), [], 0
    for line in lines:
        if re.search(r"\b(?:fatal )?error\b|undefined (?:reference|symbol)|multiple definition|\*\*\*|the compiler was ended|virtual memory exhausted|Error: ",
                     line, re.IGNORECASE):
            follow = 4
        elif re.match(r"\S+:\d+", line) or re.match(r"\S+: In function", line):
            follow = 0
        if follow:
            shown.append(line[:300])
            follow -= 1
        if len(shown) >= limit:
            shown.append("...")
            break
    shown = shown or [line[:300] for line in lines[-limit:]]
    for sign, words in LIMITS:
        if any(sign in line for line in lines):
            shown.append(words)
            break
    return "\n".join(shown)


def tidy(text, tree):
    return text.replace(os.path.join(tree, ""), "")
