"""TAP (testanything.org) as lode's tests print it.

    1..3                                    the plan, before all tests or after them
    # what belongs to the next test         also lines without "#": what it printed
                                            (to the test before it, where parse is told that notes follow)
    not ok 1 - NAME
    # NAME: 1234 instructions               of the test before it, as are
    # NAME: 1.5 seconds
    # to repeat: COMMAND
    # all that ran: COMMAND
    ok 2 - NAME # SKIP why
    Bail out! why
"""
import re
from dataclasses import dataclass, field
from typing import Optional

from .results import Result

MESSAGE_MAX = 200  # lines kept of what a test printed: the last ones


@dataclass
class Tap:
    results: list = field(default_factory=list)
    plan: Optional[int] = None          # None: there was none
    why_skipped: str = ""               # behind "1..0"
    rest: list = field(default_factory=list)      # lines after the last test
    problems: list = field(default_factory=list)  # what is wrong with the TAP, in words

    def complete(self):
        return self.plan is not None and len(self.results) == self.plan and not self.problems


def parse(lines, notes_follow=False):
    """Reads lines of text (or of bytes); nothing in them makes it fail."""
    tap = Tap()
    for number, line in enumerate(lines, 1):
        if isinstance(line, bytes):
            line = line.decode("utf-8", "replace")
        take(tap, number, line.rstrip(), notes_follow)
    return tap


def take(tap, number, line, notes_follow):
    if plan := re.fullmatch(r"1\.\.(\d{1,9})\s*(?:#\s*(?:skip\S*\s*)?(.*))?", line, re.IGNORECASE):
        if tap.plan is not None:
            tap.problems.append(f"line {number}: a second plan, {line}")
        tap.plan, tap.why_skipped = int(plan[1]), plan[2] or ""
    elif test := re.fullmatch(r"(not )?ok\b(?:\s+(\d+))?(?:\s+-)?\s*(.*?)(?:\s+(?<!\\)#\s*(skip|todo)\S*\s*(.*))?", line,
                              re.IGNORECASE):
        take_test(tap, number, *test.groups())
    elif bail := re.fullmatch(r"Bail out!\s*(.*)", line):
        tap.problems.append("the tests gave up" + (f": {bail[1]}" if bail[1] else ""))
    elif line and not (tap.results and take_note(tap.results[-1], line)):
        line = re.sub(r"^# ?", "", line)
        if notes_follow and tap.results and tap.results[-1].status == "failed":
            tap.results[-1].message = "\n".join(tap.results[-1].message.splitlines()[-MESSAGE_MAX:] + [line])
        else:
            tap.rest.append(line)


def take_test(tap, number, failed, given, name, directive, reason):
    if given and int(given) != len(tap.results) + 1:
        tap.problems.append(f"line {number}: test {given} comes where {len(tap.results) + 1} should")
    name = name.replace("\\#", "#") or f"test {len(tap.results) + 1}"
    skipped = bool(directive)  # a test that is yet to be made to pass says nothing, either
    status = "skipped" if skipped else "failed" if failed else "passed"
    said = tap.rest[-MESSAGE_MAX:]
    tap.rest.clear()
    tap.results.append(Result(name, status, message=reason or "" if skipped else "\n".join(said)))


def take_note(result, line):
    """A comment about the test before it?"""
    if note := re.fullmatch(r"# to repeat: (.*)", line):
        result.repeat = note[1]
    elif line.startswith("# all that ran: "):
        pass  # the group's command tells it
    elif note := re.fullmatch(r"# (.*): (\d+) instructions", line):
        if note[1] != result.name:
            return False
        result.instructions = int(note[2])
    elif note := re.fullmatch(r"# (.*): (\d+(?:\.\d+)?) seconds", line):
        if note[1] != result.name:
            return False
        result.seconds = float(note[2])
    else:
        return False
    return True
