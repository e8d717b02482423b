"""Runs a lab's tests on a tree that has been built, and judges them.

Tests that want the same harts and memory share a machine, in the order of lab.ini. A machine that dies in a test - panic,
hang, flood - costs that test its points; the rest get a fresh one. A test is blamed for a limit or a hang of the machine
only if it had the machine to itself, so what an earlier test used up or spoiled never counts against a later one.

However many tests hang, each is tried: what would not be run could have passed. What bounds the cost is that a machine
that hangs is known by the guest's clock, some seconds after the limit of the command (scripts/run, --command-limit), so
that a hang costs about as much as a program that loops until its limit.
"""
import difflib
import os
import re
import shlex
from dataclasses import dataclass, field

from harness.lab import plain
from harness.machine import run_machine
from harness.problems import Problem

BOOT_SECONDS = 30          # guest time, generously
HOST_SECONDS = 30          # of the host for one of the guest: three times what a slow host takes for 10^9 instructions
GRACE = 10                 # guest seconds after a command's limit, until scripts/run ends the machine
OUTPUT_MAX = 4 << 20       # bytes of one machine
ARGUMENTS_MAX = 14000      # characters of boot arguments (scripts/run takes 16382)
FIRST = "true"             # a command before the first test: has the machine come up at all?
NOT_LOADED = "QEMU could not start the machine"  # scripts/run's words, for a kernel that cannot be loaded, too
SHOWN_LINES, SHOWN_WIDTH = 30, 200


@dataclass
class Verdict:
    test: object
    passed: bool = False
    why: str = ""                  # one line or a few
    sections: list = field(default_factory=list)  # (title, text): expected, difference, messages ...
    instructions: int = None
    seconds: float = None
    output: str = ""               # what came
    ran: bool = False              # a machine ran it

    @property
    def points(self):
        return self.test.points if self.passed else 0

    def status(self):
        return "passed" if self.passed else "failed"


def failed(test, why, *sections):
    return Verdict(test, False, why, [s for s in sections if s[1]])


def grade(lab, tests, build, handed_in, progress=lambda text: None):
    """The verdicts on `tests`, in their order. `handed_in`: the folder with the submission's files."""
    verdicts, groups = {}, {}
    for test in tests:
        problem = look_at_file(test, handed_in)
        if problem:
            verdicts[test.name] = problem
        elif not test.run:
            verdicts[test.name] = Verdict(test, True)
        elif build.failure:
            first, _, rest = build.failure.partition("\n")
            verdicts[test.name] = failed(test, first, ("the compiler", rest))
        elif needs := missing_program(lab, test, build):
            verdicts[test.name] = failed(test, f"the program {needs} does not build", ("the compiler", build.broken[needs]))
        else:
            groups.setdefault((test.harts, test.memory, test.seconds), []).append(test)
    for (harts, memory, _), group in groups.items():
        progress(f"running {len(group)} test{'s' * (len(group) > 1)} on {harts} hart{'s' * (harts > 1)}")
        for verdict in run_group(group, harts, memory, build, progress):
            verdict.ran = True
            verdicts[verdict.test.name] = verdict
    return [verdicts[t.name] for t in tests]


def look_at_file(test, handed_in):
    """The verdict on a test whose `file` is not as it should be, otherwise None."""
    if not test.file:
        return None
    try:
        with open(os.path.join(handed_in, test.file), "rb") as stream:
            text = stream.read(1 << 20).decode("utf-8", "replace")
    except OSError:
        return failed(test, f"the file {test.file} is missing")
    if not text.strip():
        return failed(test, f"the file {test.file} is empty")
    for pattern in test.file_match:
        if not re.search(pattern, text, re.MULTILINE):
            return failed(test, f"the file {test.file} has nothing that matches {pattern}")
    return None


def missing_program(lab, test, build):
    """A program that the test runs and that does not build."""
    own = [os.path.splitext(os.path.basename(p))[0] for p in test.programs]
    words = set(re.findall(r"[A-Za-z0-9_-]+", "\n".join(test.run)))
    return next((n for n in build.broken if n in own or n in words), None)


def run_group(group, harts, memory, build, progress):
    queue, fresh_for = list(group), None
    while queue:
        chunk, size = [], 0
        for test in queue:
            size += sum(3 * len(c.encode()) + 1 for c in test.run) * test.repeat
            if chunk and size > ARGUMENTS_MAX:
                break
            chunk.append(test)
        if fresh_for:
            chunk = chunk[:1]  # it gets a machine of its own
        machine = boot(chunk, harts, memory, build)
        if not machine.commands:
            for test in queue:
                yield failed(test, "the machine does not come up: " + ending(machine), ("messages", last_messages(machine)))
            return
        at = 1
        for place, test in enumerate(chunk):
            commands = machine.commands[at:at + len(test.run) * test.repeat]
            at += len(test.run) * test.repeat
            if len(commands) == len(test.run) * test.repeat:
                yield judge(test, commands, machine)
                continue
            progress(f"{test.name}: {ending(machine)}; a fresh machine for the rest")
            if place > 0 and machine.end in ("limit", "hang", "timeout", "output"):
                fresh_for = test
                queue = queue[queue.index(test):]
            else:
                fresh_for = None
                queue = queue[queue.index(test) + 1:]
                yield died(test, commands, machine)
            break
        else:
            queue, fresh_for = queue[len(chunk):], None


def boot(chunk, harts, memory, build):
    seconds = chunk[0].seconds  # the same for all
    total = sum(t.seconds * len(t.run) * t.repeat for t in chunk)
    machine = run_machine([FIRST] + [c for t in chunk for c in t.run * t.repeat], tree=build.tree, build="build", harts=harts,
                       memory=memory, limit=BOOT_SECONDS + total, command_limit=seconds,
                       timeout=HOST_SECONDS * (BOOT_SECONDS + total), command_timeout=HOST_SECONDS * (GRACE + seconds), max_output=OUTPUT_MAX, env=build.environment)
    if machine.end == "qemu" and NOT_LOADED not in machine.messages:
        # Not the submission's fault as far as anybody knows, so no verdict.
        last = machine.messages.strip().splitlines()[-1:] or [f"scripts/run ended with status {machine.status}"]
        raise Problem(f"no machine could be run: {last[0].removeprefix('scripts/run: ')[:SHOWN_WIDTH]}")
    return machine


ENDINGS = {
    "panic": "the kernel panicked",
    "limit": "the machine did not end within its guest time",
    "hang": "the kernel hangs: no command begins or ends any more",
    "timeout": "the kernel hangs: the machine had to be stopped",
    "output": f"it printed without end: more than {OUTPUT_MAX >> 20} MB",
    "off": "the machine powered off too early",
}


def ending(machine):
    if machine.end == "qemu":
        last = machine.messages.strip().splitlines()[-1:] or ["no message"]
        return f"QEMU ended: {last[0][:SHOWN_WIDTH]}"
    words = ENDINGS.get(machine.end, f"it ended with {machine.end}")
    panic = re.search(r"^panic: .*", machine.messages, re.MULTILINE)
    return words + (f" ({panic.group()[7:][:SHOWN_WIDTH]})" if machine.end == "panic" and panic else "")


def died(test, commands, machine):
    """The verdict on a test in which the machine ended."""
    came = "".join(text_of(c) for c in commands) + clean(machine.unfinished()[:1 << 16].decode("utf-8", "replace"))
    at = commands and f"after {len(commands)} of {len(test.run) * test.repeat} commands" or ""
    return failed(test, ending(machine) + (f", {at}" if at else ""), ("came", cut(came)), ("messages", last_messages(machine)))


def last_messages(machine, limit=24):
    """The end of what the kernel said: from the panic on, if there is one; otherwise the last lines."""
    lines = [clean(line)[:SHOWN_WIDTH] for line in machine.messages.splitlines()]
    lines = lines[next((i for i, line in enumerate(lines) if line.startswith("lode:")), 0):]  # not the firmware's
    start = next((i for i, line in enumerate(lines) if line.startswith("panic:")), max(0, len(lines) - limit))
    return "\n".join(lines[start:start + limit])


def text_of(command):
    return clean(command["output"].decode("utf-8", "replace"))


def clean(text):
    """Without control characters, which would do things to the terminal that shows them."""
    return "".join(c if c in "\n\t" or c.isprintable() else f"\\x{ord(c):02x}" for c in text.replace("\r\n", "\n"))


def judge(test, commands, machine):
    """The verdict on a test whose commands have all ended. With repetitions, on the first that fails."""
    verdict, count = None, len(test.run)
    for number in range(test.repeat):
        verdict = judge_once(test, commands[number * count:(number + 1) * count], machine)
        if not verdict.passed:
            if test.repeat > 1:
                verdict.why = f"repetition {number + 1} of {test.repeat}: {verdict.why}"
            break
    verdict.instructions = sum(c.get("instructions") or 0 for c in commands)
    verdict.seconds = sum(c.get("seconds") or 0 for c in commands)
    return verdict


def judge_once(test, commands, machine):
    came = "".join(text_of(c) for c in commands)
    reasons, sections = [], []
    for command in commands:
        if command.get("limit"):
            reasons.append(f"{command['command']} ran longer than {plain(test.seconds)} s of guest time and was killed")
    status = commands[-1]["status"]
    if not reasons and test.status is not None and status != test.status:
        reasons.append(f"the exit status is {status_text(status)}, not {test.status}")
        if status > 128:
            sections.append(("messages", kernel_messages(machine)))
    shown = False
    if test.output is not None:
        want, got = trimmed(test.output), trimmed(came)
        if want != got:
            line = next((i for i, (a, b) in enumerate(zip(want, got)) if a != b), min(len(want), len(got)))
            reasons.append("nothing was printed" if not got else f"the output differs in line {line + 1}")
            sections.insert(0, ("difference", difference(want, got)))
            shown = True
    missing = [p for p in test.match if not re.search(p, came, re.MULTILINE)]
    for pattern in missing:
        reasons.append(f"no output matches {pattern}")
    for pattern in test.reject:
        if match := re.search(pattern, came, re.MULTILINE):
            reasons.append(f"the output must not match {pattern}, but has: {match.group()[:80]}")
    if reasons and not shown:
        sections.insert(0, ("came", cut(came) or "(nothing)"))
    return Verdict(test, not reasons, "; ".join(reasons), sections, output=cut(came))


def status_text(status):
    names = {4: "illegal instruction", 6: "abort", 7: "bus error", 8: "arithmetic", 9: "kill", 11: "segmentation fault", 15: "terminate"}
    if status > 128:
        return f"{status} (ended by signal {status - 128}{', ' + names[status - 128] if status - 128 in names else ''})"
    return f"{status} (no such command)" if status == 127 else str(status)


def kernel_messages(machine):
    """What the kernel said about processes that it ended, without the log of the boot."""
    lines = [clean(line)[:SHOWN_WIDTH] for line in machine.messages.splitlines()]
    begin = max((i for i, line in enumerate(lines) if line.startswith("lode:")), default=-1)
    return "\n".join(lines[begin + 1:][-12:])


def trimmed(text):
    lines = [line.rstrip() for line in text.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def cut(text):
    """The first and last lines of a long text, none too wide."""
    lines = [line if len(line) <= SHOWN_WIDTH else line[:SHOWN_WIDTH] + f"... ({len(line)} characters)" for line in text.rstrip("\n").split("\n")]
    if len(lines) > SHOWN_LINES:
        half = SHOWN_LINES // 2
        lines[half:-half] = [f"... {len(lines) - 2 * half} more lines ..."]
    return "\n".join(lines)


def difference(want, got):
    """Both outputs as one: lines that are missing with -, lines that should not be there with +, three equal ones around."""
    want, got = want[:2000], got[:2000]  # difflib's time grows with the square
    lines = [line for line in difflib.unified_diff(want, got, lineterm="", n=3) if not line.startswith(("---", "+++"))]
    return cut("\n".join("..." if line.startswith("@@") else line for line in lines if not line.startswith("@@ -1"))) if lines else ""


def expectation(test):
    """What must hold, as lines to show."""
    parts = []
    if test.run and test.status is not None:
        parts.append(f"exit status {test.status}")
    if test.output is not None:
        parts.append("exactly this output:\n" + cut(test.output) if test.output else "no output")
    parts += [f"output that matches {p}" for p in test.match] + [f"no output that matches {p}" for p in test.reject]
    if test.file:
        parts.append(f"the file {test.file}" + "".join(f", with something that matches {p}" for p in test.file_match))
    if test.repeat > 1:
        parts.append(f"{test.repeat} times in a row")
    return "\n".join(parts)


def by_hand(lab, test, tree, broken=()):
    """The command that runs the test's machine without judging it, in the tree that holds the lab. `broken`: programs
    that do not build."""
    words = []
    for name, kind in (("EXTRA_SRC", "programs"), ("EXTRA_FILES", "files")):
        paths = [os.path.relpath(os.path.join(lab.folder, p), tree) for p in getattr(lab, kind) + getattr(test, kind)
                 if os.path.splitext(os.path.basename(p))[0] not in broken]
        if paths:
            words.append(f"{name}={shlex.quote(' '.join(dict.fromkeys(paths)))}")
    words += ["scripts/run", "--icount", "--ramdisk", "--cpus", str(test.harts), "--mem", test.memory]
    return " ".join(words + [shlex.quote(c) for c in test.run])
