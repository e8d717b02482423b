"""A lab, as labs/NAME/lab.ini describes it (docs/grading.md has the format's reference).

The parser is strict: whatever it does not know is an error with file and line, since a misspelt key that is silently
ignored would give points that nobody meant to give. It knows the line of everything, so it is not configparser.
"""
import glob
import os
import re
import textwrap
from dataclasses import dataclass, field

from harness.problems import Problem

COLLECT = ["kernel", "user", "kernel.ld"]  # what is taken from a submission unless lab.ini says otherwise
COMMAND_MAX = 1000  # characters of one command; all of a machine's travel together in its boot arguments
SECONDS = 10        # guest time for each command unless lab.ini says otherwise


@dataclass
class Test:
    name: str
    line: int
    title: str = ""
    points: float = 0
    run: list = field(default_factory=list)
    output: str = None    # what must have been printed, exactly
    match: list = field(default_factory=list)
    reject: list = field(default_factory=list)
    status: int = 0       # of the last command; None: any
    file: str = None      # of the submission
    file_match: list = field(default_factory=list)
    harts: int = 1
    memory: str = "128M"
    seconds: float = SECONDS
    repeat: int = 1
    hidden: bool = False
    programs: list = field(default_factory=list)  # paths relative to the lab's folder, as `files`
    files: list = field(default_factory=list)


@dataclass
class Lab:
    name: str
    folder: str           # absolute
    title: str = ""
    programs: list = field(default_factory=list)
    files: list = field(default_factory=list)
    collect: list = field(default_factory=lambda: list(COLLECT))
    tests: list = field(default_factory=list)
    literal: list = field(default_factory=list)   # paths that [lab] names without wildcards
    sections: list = field(default_factory=list)  # (first line, line behind the last, Test or None): for handouts

    @property
    def ini(self):
        return os.path.join(self.folder, "lab.ini")

    def points(self):
        return plain(sum(t.points for t in self.tests))

    def all(self, kind):
        """Every program or file ("programs", "files") of the lab, once, in order."""
        paths = getattr(self, kind) + [p for t in self.tests for p in getattr(t, kind)]
        return list(dict.fromkeys(paths))

    def hidden_only(self):
        """Programs and files that only hidden tests name. A wildcard of [lab] does not make them everybody's."""
        shown = {p for t in self.tests if not t.hidden for p in t.programs + t.files}
        hidden = {p for t in self.tests if t.hidden for p in t.programs + t.files}
        return hidden - shown - set(self.literal)


def plain(number):
    """10 for 10.0, 2.5 for 2.5."""
    return int(number) if number == int(number) else round(number, 2)


def known_labs(tree):
    """Which labs there are, as part of a message."""
    there = sorted(os.path.basename(os.path.dirname(p)) for p in glob.glob(os.path.join(tree, "labs", "*", "lab.ini")))
    return f"there are: {', '.join(there)}" if there else "labs/ has none yet"


def find(name, tree):
    """The folder of a lab: of its name below labs/, or of a path."""
    if "/" in name.rstrip("/") or name in (".", ".."):
        folder = os.path.abspath(name)
    else:
        name = name.rstrip("/")
        folder = os.path.join(tree, "labs", name)
    if not os.path.isdir(folder):
        raise Problem(f"there is no lab {name!r}; {known_labs(tree)}")
    return folder


def load(name, tree):
    folder = find(name, tree)
    lab = Lab(name=os.path.basename(folder), folder=folder)
    Parser(lab).parse()
    return lab


class Parser:
    """Reads lab.ini into a Lab: lines to sections, sections to keys, keys to values."""

    def __init__(self, lab):
        self.lab = lab
        self.shown = os.path.relpath(lab.ini)
        if self.shown.startswith(".."):
            self.shown = lab.ini

    def fail(self, line, text):
        raise Problem(f"{self.shown}:{line}: {text}")

    def read(self):
        try:
            with open(self.lab.ini, "rb") as stream:
                raw = stream.read()
        except FileNotFoundError:
            raise Problem(f"{self.shown}: the lab has no lab.ini, which lists its tests; docs/grading.md tells how to write one") from None
        except OSError as error:
            raise Problem(f"{self.shown}: {error.strerror}") from None
        lines = []
        for number, line in enumerate(raw.split(b"\n"), 1):
            try:
                lines.append(line.decode("utf-8").rstrip("\r"))
            except UnicodeDecodeError:
                self.fail(number, "this line is not UTF-8; save the file in that encoding")
        return lines

    def parse(self):
        lines = self.read()
        sections = []  # [header, line of the header, {key: [line, value's lines]}]
        keys = key = None
        for number, line in enumerate(lines, 1):
            if line.startswith("#"):
                continue
            if not line.strip():
                if key:
                    key[1].append("")  # stays if more of the value follows
                continue
            if line[0] in " \t":
                if not key:
                    self.fail(number, "a line that begins with blanks continues a value, and there is none above it")
                key[1].append(line.rstrip())
                continue
            if line.startswith("["):
                header = line.rstrip()
                if not header.endswith("]"):
                    self.fail(number, "a section's line ends with ]")
                header = " ".join(header[1:-1].split())
                for other, where, _ in sections:
                    if other == header:
                        self.fail(number, f"[{header}] is there already, at line {where}; "
                                  + ("two tests cannot have one name" if header.startswith("test ") else "join the two"))
                keys, key = {}, None
                sections.append((header, number, keys))
                continue
            name, equals, value = line.partition("=")
            name = name.strip()
            if not equals:
                self.fail(number, f"neither a section, nor KEY = VALUE, nor a continued value (which begins with blanks): {line.strip()[:60]}")
            if keys is None:
                self.fail(number, f"{name} stands before the first section; begin with [lab]")
            if name in keys:
                self.fail(number, f"{name} is there already, at line {keys[name][0]}; further lines of a value begin with blanks")
            key = [number, [value.strip()]]
            keys[name] = key
        self.sections(sections, lines)

    def sections(self, sections, lines):
        lab = self.lab
        if not any(header == "lab" for header, _, _ in sections):
            self.fail(1, "the section [lab] is missing")
        for header, number, keys in sections:
            if header == "lab":
                self.fill(lab, number, keys, LAB_KEYS, "[lab]", ["title"])
                continue
            match = re.fullmatch(r"test ([a-z0-9-]+)", header)
            if not match:
                self.fail(number, f"there is no section [{header}]; there are [lab] and [test NAME], NAME of a-z, 0-9 and -")
            test = Test(match.group(1), number)
            self.fill(test, number, keys, TEST_KEYS, f"[{header}]", ["title", "points"])
            self.check(test, keys)
            lab.tests.append(test)
        if not lab.tests:
            self.fail(1, "there is no [test NAME]")
        by_name = {}
        for path in lab.all("programs"):
            name = os.path.splitext(os.path.basename(path))[0]
            if name in by_name:
                self.fail(1, f"two programs would be /bin/{name}: {by_name[name]} and {path}; rename one")
            by_name[name] = path
        # A section's lines begin with the comments right above it.
        starts = []
        for _, number, _ in sections:
            start = number - 1
            while start > 0 and lines[start - 1].startswith("#"):
                start -= 1
            starts.append(start)
        tests = iter(lab.tests)
        lab.sections = [(start, end, None if section[0] == "lab" else next(tests))
                        for section, start, end in zip(sections, starts, starts[1:] + [len(lines)])]

    def fill(self, thing, number, keys, known, where, needed):
        for name, (line, value) in keys.items():
            if name not in known:
                self.fail(line, f"{where} has no key {name}; it has: {', '.join(known)}")
            # Of continued lines, what all have in common at the left is layout.
            continued = textwrap.dedent("\n".join(value[1:])).rstrip()
            text = "\n".join(part for part in (value[0], continued) if part)
            if not text.strip() and name != "output":
                self.fail(line, f"{name} has no value")
            self.in_lab = thing is self.lab
            setattr(thing, name.replace("-", "_"), known[name](self, line, text))
        for name in needed:
            if name not in keys:
                self.fail(number, f"{where} needs {name} = ...")

    def check(self, test, keys):
        if not test.run and not test.file:
            self.fail(test.line, f"[test {test.name}] needs run = COMMAND or file = PATH, otherwise it tests nothing")
        needs = {"file-match": "file", "output": "run", "match": "run", "reject": "run", "status": "run"}
        for name, other in needs.items():
            if name in keys and other not in keys:
                self.fail(keys[name][0], f"{name} means something only together with {other} = ...")

    # Values. Each takes the line where the key stands and the text.

    def text(self, line, text):
        return " ".join(text.split())

    def output(self, line, text):
        return text

    def commands(self, line, text):
        commands = [part.strip() for part in text.split("\n") if part.strip()]
        for command in commands:
            if len(command.encode()) > COMMAND_MAX:
                self.fail(line, f"a command of more than {COMMAND_MAX} characters; put it into a script, and name that in files = ...")
        return commands

    def patterns(self, line, text):
        patterns = [part.strip() for part in text.split("\n") if part.strip()]
        for pattern in patterns:
            try:
                re.compile(pattern, re.MULTILINE)
            except re.error as error:
                self.fail(line, f"not a regular expression: {pattern} ({error})")
        return patterns

    def number(self, line, text):
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value <= 100000 or not re.fullmatch(r"\d+(\.\d+)?", text):
            self.fail(line, f"not a number of points: {text}")
        return plain(value)

    def memory(self, line, text):
        match = re.fullmatch(r"(\d{1,6})([MG])", text)
        size = int(match.group(1)) * (1024 if match.group(2) == "G" else 1) if match else 0
        if not 16 <= size <= 2048:
            self.fail(line, f"memory is 16M to 2G, such as 128M, not {text}")
        return text

    def exit_status(self, line, text):
        return None if text == "any" else between(0, 255, "status (or any)")(self, line, text)

    def yes_or_no(self, line, text):
        if text not in ("yes", "no"):
            self.fail(line, f"yes or no, not {text}")
        return text == "yes"

    def inside(self, line, text, allowed=r"[A-Za-z0-9._+*?\[\]/-]+"):
        if not re.fullmatch(allowed, text) or text.startswith(("/", "-")) or ".." in text.split("/"):
            self.fail(line, f"{text}: a path inside the folder, of letters, digits and . _ + - /")
        return os.path.normpath(text)

    def submitted(self, line, text):
        return self.inside(line, text, r"[A-Za-z0-9._+/-]+")

    def collected(self, line, text):
        paths = [self.submitted(line, word) for word in text.split()]
        for path in paths:
            first = path.split("/")[0]
            if first in (".", "labs", "scripts", "Makefile", "build", ".git") or path == "user/tests":
                self.fail(line, f"{path} never comes from a submission: a grader that students can change grades nothing")
        return paths

    def found(self, line, text):
        """Paths with wildcards, relative to the lab's folder."""
        paths = []
        for word in text.split():
            self.inside(line, word)
            there = sorted(glob.glob(os.path.join(glob.escape(self.lab.folder), word)))
            if not there:
                self.fail(line, f"{word}: there is no such file in {os.path.dirname(self.shown) or '.'}")
            names = [os.path.relpath(p, self.lab.folder) for p in there]
            if self.in_lab and names == [word]:
                self.lab.literal.append(word)
            paths += names
        return paths

    def sources(self, line, text):
        paths = self.found(line, text)
        for path in paths:
            if not re.fullmatch(r"[A-Za-z0-9_-]+\.c", os.path.basename(path)):
                self.fail(line, f"{path}: a program is one file NAME.c, NAME of letters, digits, _ and -")
        return paths


def between(low, high, what):
    def convert(parser, line, text):
        if not re.fullmatch(r"\d{1,9}", text) or not low <= int(text) <= high:
            parser.fail(line, f"{what} is a number from {low} to {high}, not {text}")
        return int(text)
    return convert


LAB_KEYS = {"title": Parser.text, "programs": Parser.sources, "files": Parser.found, "collect": Parser.collected}
TEST_KEYS = {
    "title": Parser.text, "points": Parser.number, "run": Parser.commands, "output": Parser.output,
    "match": Parser.patterns, "reject": Parser.patterns, "status": Parser.exit_status, "file": Parser.submitted,
    "file-match": Parser.patterns, "harts": between(1, 8, "harts"), "memory": Parser.memory,
    "seconds": between(1, 3600, "seconds"), "repeat": between(1, 100, "repeat"),
    "hidden": Parser.yes_or_no, "programs": Parser.sources, "files": Parser.found,
}
