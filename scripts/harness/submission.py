"""What a student handed in: a folder or an archive, of which only the wanted files are taken.

Nothing here trusts a submission. A file is taken if lab.ini's `collect` (or a test's `file`) names it, if it is a plain
file of a bearable size, and if its name is harmless to make and to a shell; the rest is passed over, links and paths that lead
out are refused. No program of a submission runs on the host: the Makefile, the scripts, the tests and init (which
speaks scripts/run's protocol) are the lab's.
"""
import gzip
import bz2
import lzma
import os
import re
import shutil
import stat
import tarfile
import zipfile
import zlib
from dataclasses import dataclass, field

from harness.problems import Problem

FILE_MAX, TOTAL_MAX, FILES_MAX = 16 << 20, 64 << 20, 5000
STREAM_MAX, MEMBERS_MAX = 1 << 30, 100000  # of an archive, also what is passed over in it

# In make's variables and in the shell's commands, these characters stand for themselves.
HARMLESS = re.compile(r"[A-Za-z0-9_.+][A-Za-z0-9_.+-]*")
LEFT_BEHIND = re.compile(r"\._.*|\.DS_Store|.*~|.*\.(o|d|orig|rej|swp|elf|img)|__pycache__|__MACOSX|\.git|#.*#|\.#.*")


class Refused(Problem):
    """The submission's own fault, so that a batch goes on without it."""


@dataclass
class Taken:
    folder: str               # where the files are now
    files: list = field(default_factory=list)  # paths in it
    whole: bool = False       # a whole tree was handed in: what is missing in it was deleted
    notes: list = field(default_factory=list)  # what was passed over, in words


def wanted(path, lab):
    """Whether a path of a submission is taken."""
    if any(path == t.file for t in lab.tests):
        return True
    if path.startswith("user/tests/"):
        return False
    if re.match(r"user/bin/init(\.|/|$)", path) and path not in lab.collect:
        return False
    return any(path == c or path.startswith(c + "/") for c in lab.collect)


def may_hold(folder, lab):
    """Whether a wanted path may lie below a folder of a submission."""
    return any(p == folder or p.startswith(folder + "/") or folder.startswith(p + "/")
               for p in lab.collect + [t.file for t in lab.tests if t.file])


def size_text(size):
    for unit, factor in (("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size} bytes"


class Taker:
    """Copies wanted files into a folder and counts them against the limits."""

    def __init__(self, shown, lab, into):
        self.shown, self.lab, self.total = shown, lab, 0
        self.taken = Taken(into)

    def refuse(self, path, why):
        raise Refused(f"{self.shown}: {printable(path)}: {why}")

    def consider(self, path, kind, size, opened):
        """`kind`: "file", "folder" or, in words, what else it is. `opened()` yields a stream."""
        parts = path.split("/")
        if not wanted(path, self.lab) or any(LEFT_BEHIND.fullmatch(p) for p in parts):
            return
        if kind == "folder":
            return
        if kind != "file":
            self.refuse(path, f"is {kind}; hand in plain files only")
        if not all(HARMLESS.fullmatch(p) for p in parts):
            self.taken.notes.append(f"{printable(path)} was passed over: use letters, digits and . _ + - in names")
            return
        if size > FILE_MAX:
            self.refuse(path, f"has {size_text(size)}; a file may have {size_text(FILE_MAX)}")
        if len(self.taken.files) >= FILES_MAX:
            self.refuse(path, f"more than {FILES_MAX} files; hand in the sources only")
        target = os.path.join(self.taken.folder, path)
        try:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with opened() as source, open(target, "wb") as out:
                left = FILE_MAX
                while data := source.read(min(1 << 16, left + 1)):
                    left -= len(data)
                    self.total += len(data)
                    if left < 0 or self.total > TOTAL_MAX:
                        self.refuse(path, f"is too large; a file may have {size_text(FILE_MAX)}, all together {size_text(TOTAL_MAX)}")
                    out.write(data)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            self.refuse(path, "is in the submission both as a file and as a folder")
        except PermissionError:
            self.refuse(path, "cannot be read (permission denied)")
        if path not in self.taken.files:
            self.taken.files.append(path)


def printable(text):
    """Names come from outside: control characters and broken encodings must not reach a terminal."""
    return "".join(c if c.isprintable() and not "\ud800" <= c <= "\udfff" else "?" for c in text)


def take(path, lab, into):
    """Takes what is wanted of the submission `path` into the folder `into`."""
    shown = printable(path)
    taker = Taker(shown, lab, into)
    os.makedirs(into, exist_ok=True)
    if os.path.isdir(path):
        take_folder(path, taker)
    elif not os.path.exists(path):
        raise Refused(f"{shown}: there is no such submission")
    elif not os.path.isfile(path):
        raise Refused(f"{shown}: neither a folder nor an archive")
    elif not os.access(path, os.R_OK):
        raise Refused(f"{shown}: cannot be read (permission denied)")
    else:
        take_archive(path, taker)
    if not taker.taken.files:
        raise Refused(f"{shown}: holds nothing of what the lab collects ({' '.join(lab.collect)}); hand in the tree, or files with their paths in it")
    return taker.taken


def top(names, lab):
    """The prefix of a submission that is wrapped in one folder: its name and "/", otherwise "". `names`: all paths in it."""
    firsts = {n.split("/")[0] for n in names if n} - {"__MACOSX", ".DS_Store"}
    if len(firsts) == 1:
        first = firsts.pop()
        if not may_hold(first, lab) and any(n.startswith(first + "/") for n in names):
            return first + "/"
    return ""


def take_folder(path, taker):
    try:
        names = [n + ("/" if stat.S_ISDIR(os.lstat(os.path.join(path, n)).st_mode) else "") for n in os.listdir(path)]
        path = os.path.join(path, top([n if n[-1] != "/" else n + "x" for n in names], taker.lab))
        taker.taken.whole = os.path.isfile(os.path.join(path, "Makefile"))
        walk(path, "", taker)
    except PermissionError as error:
        raise Refused(f"{taker.shown}: {printable(os.path.relpath(error.filename, path))} cannot be read (permission denied)") from None


def walk(base, below, taker):
    for entry in sorted(os.scandir(os.path.join(base, below)), key=lambda e: e.name):
        path = os.path.join(below, entry.name)
        if not may_hold(path, taker.lab) or LEFT_BEHIND.fullmatch(entry.name):
            continue
        info = entry.stat(follow_symlinks=False)
        if stat.S_ISDIR(info.st_mode):
            if len(path.split("/")) > 20:
                taker.refuse(path, "folders are nested too deeply")
            walk(base, path, taker)
        elif stat.S_ISREG(info.st_mode):
            taker.consider(path, "file", info.st_size, lambda: open(entry.path, "rb"))
        elif any(c.startswith(path + "/") for c in taker.lab.collect):
            taker.refuse(path, "is not a folder but should hold files; hand in plain files and folders only")
        else:
            taker.consider(path, "a symbolic link" if stat.S_ISLNK(info.st_mode) else "a device or a pipe", 0, None)


class Limited:
    """A decompressed stream that ends with a Problem where an archive would fill memory or disk."""

    def __init__(self, stream, shown):
        self.stream, self.shown, self.left = stream, shown, STREAM_MAX

    def read(self, size=-1):
        data = self.stream.read(min(size, 1 << 20) if size >= 0 else 1 << 20)
        self.left -= len(data)
        if self.left < 0:
            raise Refused(f"{self.shown}: unpacks to more than {size_text(STREAM_MAX)}; hand in the sources only (make clean)")
        return data


def take_archive(path, taker):
    try:
        with open(path, "rb") as raw:
            magic = raw.read(512)
        if magic.startswith(b"PK"):
            take_zip(path, taker)
            return
        compressed = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
        opener = next((o for m, o in compressed.items() if magic.startswith(m)), open)
        if opener is open and magic[257:262] != b"ustar":
            raise Refused(f"{taker.shown}: neither a folder nor an archive (.tar, .tar.gz, .tgz, .zip)")

        def members():
            with opener(path, "rb") as stream:
                with tarfile.open(fileobj=Limited(stream, taker.shown), mode="r|") as archive:
                    for count, member in enumerate(archive):
                        if count >= MEMBERS_MAX:
                            raise Refused(f"{taker.shown}: more than {MEMBERS_MAX} files; hand in the sources only")
                        yield archive, member
        prefix = survey([m.name for _, m in members()], taker)
        for archive, member in members():
            kind = ("file" if member.isreg() else "folder" if member.isdir() else
                    "a link" if member.issym() or member.islnk() else "a device or a pipe")
            taker.consider(strip(member.name, prefix), kind, member.size, lambda: archive.extractfile(member))
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, NotImplementedError,
            RuntimeError, UnicodeError) as error:
        raise Refused(f"{taker.shown}: the archive is damaged or of an unknown kind ({printable(str(error))[:80]})") from None
    except OSError as error:
        if error.errno is not None and not isinstance(error, gzip.BadGzipFile):
            raise
        raise Refused(f"{taker.shown}: the archive is damaged ({printable(str(error))[:80]})") from None


def take_zip(path, taker):
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        if len(infos) > MEMBERS_MAX:
            raise Refused(f"{taker.shown}: more than {MEMBERS_MAX} files; hand in the sources only")
        prefix = survey([i.filename for i in infos], taker)
        for info in infos:
            mode = info.external_attr >> 16
            kind = ("folder" if info.is_dir() else "a link" if stat.S_ISLNK(mode) else
                    "file" if stat.S_ISREG(mode) or stat.S_IFMT(mode) == 0 else "a device or a pipe")
            taker.consider(strip(info.filename, prefix), kind, info.file_size, lambda: archive.open(info))


def survey(names, taker):
    """Refuses an archive with paths that lead out of it; the prefix that all others share."""
    for name in names:
        if name.startswith("/") or ".." in name.split("/"):
            taker.refuse(name, "is a path that leads out of the archive; pack it anew from inside the tree")
    names = [strip(n, "") for n in names]
    prefix = top(names, taker.lab)
    taker.taken.whole = prefix + "Makefile" in names
    return prefix


def strip(name, prefix):
    name = os.path.normpath(name) if name else name
    name = "" if name == "." else name
    return name[len(prefix):] if name.startswith(prefix) else name


def overlay(taken, tree, lab):
    """Puts what was taken over a copy of the lab's tree. Files that are the same keep their times, so that
    make builds only what depends on the others. Returns whether anything was deleted."""
    for path in taken.files:
        if not any(path == c or path.startswith(c + "/") for c in lab.collect):
            continue  # wanted by a test's `file` alone
        source, target = os.path.join(taken.folder, path), os.path.join(tree, path)
        if same(source, target):
            continue
        if os.path.isdir(target):
            shutil.rmtree(target)
        parent = os.path.dirname(target)
        try:
            os.makedirs(parent, exist_ok=True)
        except (FileExistsError, NotADirectoryError):  # a folder where the lab's tree has a file
            raise Refused(f"{path}: {os.path.relpath(parent, tree)} is a file in the lab's tree, not a folder") from None
        shutil.copyfile(source, target)
    deleted = False
    handed_in = set(taken.files)
    if taken.whole:
        for name in lab.collect:
            if not any(f == name or f.startswith(name + "/") for f in handed_in):
                continue
            for folder, _, files in os.walk(os.path.join(tree, name)):
                for file in files:
                    path = os.path.relpath(os.path.join(folder, file), tree)
                    if wanted(path, lab) and path not in handed_in:
                        os.unlink(os.path.join(tree, path))
                        deleted = True
    return deleted


def same(a, b):
    try:
        if os.path.getsize(a) != os.path.getsize(b):
            return False
        with open(a, "rb") as x, open(b, "rb") as y:
            return x.read() == y.read()
    except OSError:
        return False
