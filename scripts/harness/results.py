"""What tests and groups of tests gave, and the files that tell it: TAP, JUnit XML, JSON."""
import json
import os
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from typing import Optional

from .problems import Problem, describe

STATUSES = ("passed", "failed", "skipped")


@dataclass
class Result:
    name: str
    status: str                          # one of STATUSES
    message: str = ""                    # why; several lines
    instructions: Optional[int] = None   # of the guest
    seconds: Optional[float] = None
    repeat: str = ""                     # the command that repeats exactly this test
    points: Optional[float] = None
    max_points: Optional[float] = None
    output: str = ""


@dataclass
class Group:
    name: str
    results: list = field(default_factory=list)
    seconds: float = 0.0
    log: str = ""                        # path
    repeat: str = ""

    def count(self, status):
        return sum(result.status == status for result in self.results)


def count(groups, status):
    return sum(group.count(status) for group in groups)


# ---- files ----

def special(path):
    """/dev/stdout, a pipe: nothing that another file can take the place of."""
    return path.startswith("/dev/") or (os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path))


def temporary(path):
    return f"{os.path.realpath(path)}.new-{os.getpid()}"


def write_file(path, text):
    """A whole file or, where that fails, the old one: written beside it, then renamed."""
    if special(path):
        with open(path, "a", encoding="utf-8") as f:
            f.write(text)
        return
    beside = temporary(path)
    try:
        with open(beside, "w", encoding="utf-8") as f:
            f.write(text)
        os.replace(beside, os.path.realpath(path))
    except OSError as error:
        error.filename = path
        raise Problem(describe(error)) from error
    finally:
        if os.path.exists(beside):
            os.unlink(beside)


def check_writable(path):
    """A Problem now rather than after the tests have run."""
    if os.path.isdir(path):
        raise Problem(f"{path}: is a folder; name a file")
    if special(path):
        return
    beside = temporary(path)
    try:
        with open(beside, "w"):
            pass
        os.unlink(beside)
    except OSError as error:
        error.filename = path
        raise Problem(f"{describe(error)}; name a file that can be written") from error


# ---- TAP ----

def write_tap(stream, groups):
    """All groups as one, the names as GROUP: TEST. What belongs to a test stands before its line, as in all of lode's TAP;
    the instructions and the command that repeats it, after it."""
    number = 0
    print(f"1..{sum(len(group.results) for group in groups)}", file=stream)
    for group in groups:
        for result in group.results:
            number += 1
            name = one_line(f"{group.name}: {result.name}")
            reason = f" # SKIP {one_line(result.message)}" if result.status == "skipped" else ""
            if result.status == "failed":
                for line in (result.message or "failed").splitlines():
                    print(f"# {line}", file=stream)
            print(f"{'not ' if result.status == 'failed' else ''}ok {number} - {name}{reason}", file=stream)
            if result.instructions is not None:
                print(f"# {name}: {result.instructions} instructions", file=stream)
            if result.status == "failed" and result.repeat:
                print(f"# to repeat: {one_line(result.repeat)}", file=stream)
    stream.flush()


def one_line(text):
    return " ".join(text.split()).replace("#", "\\#")


# ---- JUnit ----

def printable(text):
    """Without the characters that XML cannot carry."""
    return re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)


def write_junit(path, groups):
    root = ET.Element("testsuites", {**junit_counts(groups), "time": f"{sum(group.seconds for group in groups):.3f}"})
    for group in groups:
        suite = ET.SubElement(root, "testsuite", {"name": printable(group.name), **junit_counts([group]),
                                                  "time": f"{group.seconds:.3f}"})
        for result in group.results:
            case = ET.SubElement(suite, "testcase", {"classname": printable(group.name), "name": printable(result.name)})
            if result.seconds is not None:
                case.set("time", f"{result.seconds:.3f}")
            numbers = {"instructions": result.instructions, "points": result.points, "max_points": result.max_points}
            if any(value is not None for value in numbers.values()):
                properties = ET.SubElement(case, "properties")
                for name, value in numbers.items():
                    if value is not None:
                        ET.SubElement(properties, "property", {"name": name, "value": f"{value:.12g}"})
            if result.status == "failed":
                text = result.message or "failed"
                if result.repeat:
                    text += f"\nto repeat: {result.repeat}"
                failure = ET.SubElement(case, "failure", {"message": printable(text.splitlines()[0])})
                failure.text = printable(text)
            elif result.status == "skipped":
                ET.SubElement(case, "skipped", {"message": printable(result.message)})
            if result.output:
                ET.SubElement(case, "system-out").text = printable(result.output)
    ET.indent(root)
    write_file(path, '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n")


def junit_counts(groups):
    return {"tests": str(sum(len(group.results) for group in groups)), "failures": str(count(groups, "failed")),
            "errors": "0", "skipped": str(count(groups, "skipped"))}


# ---- JSON ----

def without_none(**members):
    return {name: value for name, value in members.items() if value is not None}


def write_json(path, groups):
    """docs/testing.md describes it."""
    whole = {**{status: count(groups, status) for status in STATUSES},
             "seconds": round(sum(group.seconds for group in groups), 3),
             "groups": [json_group(group) for group in groups]}
    write_file(path, json.dumps(whole, indent=1) + "\n")


def json_group(group):
    return {"name": group.name, **{status: group.count(status) for status in STATUSES},
            "seconds": round(group.seconds, 3), "log": group.log, "repeat": group.repeat,
            "tests": [json_result(result) for result in group.results]}


def json_result(r):
    return without_none(name=r.name, status=r.status, message=r.message, instructions=r.instructions,
                        seconds=None if r.seconds is None else round(r.seconds, 6), repeat=r.repeat, points=r.points,
                        max_points=r.max_points, output=r.output or None)
