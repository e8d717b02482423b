"""What a graded submission is written as: text for a terminal, results.json for Gradescope, Results for JUnit."""
import json
from shlex import quote

from harness.grading import by_hand, expectation
from harness.lab import plain
from harness.results import Group, Result, write_file, write_junit  # noqa: F401: the third form
from harness.submission import printable

LABEL = 13  # columns of the words at the left


def score(verdicts):
    return plain(sum(v.points for v in verdicts)), plain(sum(v.test.points for v in verdicts))


def details(verdict, repeat="", hand=""):
    """What a student needs to know about a failed test, as (title, text)."""
    test = verdict.test
    parts = [("why", verdict.why)]
    if test.run:
        parts.append(("run", "\n".join(test.run)))
    parts.append(("expected", expectation(test)))
    parts += verdict.sections
    if repeat:
        parts.append(("to repeat", repeat))
    if hand:
        parts.append(("by hand", hand))
    return [(title, text) for title, text in parts if text]


def as_text(parts, indent="      "):
    lines = []
    for title, text in parts:
        for number, line in enumerate(text.split("\n")):
            lines.append(f"{indent}{title if number == 0 else '':{LABEL}}{line}".rstrip())
    return "\n".join(lines)


class Commands:
    """How to repeat what was graded."""

    def __init__(self, lab, given, submission, tree, broken=()):
        self.lab, self.tree, self.broken = lab, tree, broken
        self.given = quote(printable(given))
        self.submission = f" --submission {quote(printable(submission))}" if submission else ""

    def repeat(self, test):
        return f"scripts/grade {self.given}{self.submission} --test {test.name}"

    def hand(self, verdict):
        return by_hand(self.lab, verdict.test, self.tree, self.broken) if verdict.ran and not self.submission else ""


def line(verdict):
    test = verdict.test
    hidden = " (hidden)" if test.hidden else ""
    return f"{'ok  ' if verdict.passed else 'FAIL'} {plain(verdict.points):>4} of {plain(test.points):>3}  {test.name:16} {test.title}{hidden}"


def everything(verdicts, commands):
    """All tests for a terminal. What several tests have in common, such as a compiler's errors, is told once."""
    lines, told = [], {}
    for verdict in verdicts:
        lines.append(line(verdict))
        if verdict.passed:
            continue
        parts = []
        for title, text in details(verdict, commands.repeat(verdict.test), commands.hand(verdict)):
            first = told.setdefault(text, verdict.test.name)
            parts.append((title, text if first == verdict.test.name or text.count("\n") < 3 else f"(the same as for {first})"))
        lines.append(as_text(parts) + "\n")
    return "\n".join(lines)


def gradescope(lab, verdicts, commands, notes, seconds):
    """The object that Gradescope reads from results/results.json."""
    tests = []
    for number, verdict in enumerate(verdicts, 1):
        test = verdict.test
        parts = details(verdict, commands.repeat(test), "") if not verdict.passed else []
        tests.append({
            "name": f"{test.name}: {test.title}", "name_format": "text", "number": str(number),
            "score": plain(verdict.points), "max_score": test.points, "status": verdict.status(),
            "output": as_text(parts, "") or "passed", "output_format": "text",
            "visibility": "hidden" if test.hidden else "visible", "tags": [lab.name],
            "extra_data": {"instructions": verdict.instructions, "seconds": verdict.seconds}})
    reached, most = score(verdicts)
    return {"score": reached, "execution_time": round(seconds), "output": "\n".join(notes + [f"{reached} of {most} points"]),
            "output_format": "text", "test_output_format": "text", "visibility": "visible", "stdout_visibility": "hidden",
            "extra_data": {"lab": lab.name, "max_score": most}, "tests": tests}


def write_json(path, lab, verdicts, commands, notes, seconds):
    write_file(path, json.dumps(gradescope(lab, verdicts, commands, notes, seconds), indent=1) + "\n")


def results(lab, verdicts, commands, seconds):
    """The verdicts as the harness's results, for JUnit."""
    found = [Result(name=v.test.name, status=v.status(), message="\n".join([v.why, as_text(details(v)[1:], "")]) if not v.passed else "",
                    instructions=v.instructions, seconds=v.seconds, repeat=commands.repeat(v.test), points=plain(v.points),
                    max_points=v.test.points, output=v.output) for v in verdicts]
    return [Group(name=lab.name, results=found, seconds=seconds, log="", repeat="")]
