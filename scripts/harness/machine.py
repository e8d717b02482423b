"""Machines that run commands: scripts/run as a function."""
import json
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field

from . import processes
from .problems import Problem

WATCHDOG = 1800     # seconds of the host, against an emulator that is stuck; what runs in the guest has limits in guest time
AFTERWARDS = 120    # more for scripts/run, after its watchdog, to print where the harts were
BUSY = 20           # scripts/run does not count what QEMU waits for a busy processor: so much slower it may be


@dataclass
class Ran:
    """What a machine did. The commands are those that ended, in order; more were asked for if `end` is not "off"."""
    commands: list = field(default_factory=list)  # command, status, seconds, instructions, limit; output (bytes)
    end: str = "qemu"    # off, panic, limit, hang, timeout, output, qemu (could not be started, or was ended)
    status: int = 2      # of scripts/run
    output: bytes = b""  # all of the commands'
    messages: str = ""   # of firmware, kernel and scripts/run

    def unfinished(self):
        """What the command printed that did not end."""
        return self.output[self.commands[-1]["end"] if self.commands else 0:]


def check_qemu():
    """A Problem in one line, before anything is started."""
    qemu = os.environ.get("QEMU", "qemu-system-riscv64")
    if not shutil.which(qemu):
        raise Problem(f"{qemu} is not installed; scripts/setup installs what is missing")


def run_command(*, tree, build, harts=1, memory="128M", icount=True, ramdisk=True, disk=None, limit=None,
                command_limit=None, timeout=None, command_timeout=None, silence=None, max_output=None, append=""):
    """The command line of such a machine, without commands."""
    command = [os.path.join(tree, "scripts", "run"), "--no-build", "--build", build, "--cpus", str(harts), "--mem", memory]
    for option, value in (("--icount", icount), ("--ramdisk", ramdisk)):
        if value:
            command.append(option)
    for option, value in (("--disk", disk), ("--limit", limit), ("--command-limit", command_limit), ("--timeout", timeout),
                          ("--command-timeout", command_timeout), ("--silence", silence), ("--max-output", max_output)):
        if value is not None:
            command += [option, f"{value:g}" if isinstance(value, float) else str(value)]
    if append:
        command.append(f"--append={append}")  # it may begin with "-"
    return command


def run_machine(commands, *, tree, build, timeout=None, env=None, out=None, err=None, report=True, **machine):
    """Boots, runs the commands, and returns what came of it: a Ran. `env` adds to the environment; the machine's output and
    messages are kept in the files `out` and `err` if those are given. Without `report` it is the same machine to the
    instruction as that of `scripts/run` with these options, but of the commands only the output is known. The other
    arguments are those of run_command."""
    timeout = timeout or WATCHDOG
    line = run_command(tree=tree, build=build, timeout=timeout, **machine)
    with tempfile.TemporaryDirectory(prefix="lode-machine-") as folder:
        report_file = os.path.join(folder, "report")
        out, err = out or os.path.join(folder, "out"), err or os.path.join(folder, "err")
        if report:
            line += ["--report", report_file]
        with open(out, "wb") as out_file, open(err, "wb") as err_file:
            status = processes.run(line + ["--"] + list(commands), timeout=BUSY * timeout + AFTERWARDS,
                                   stdin=subprocess.DEVNULL, stdout=out_file, stderr=err_file,
                                   env={**os.environ, "TMPDIR": folder, **(env or {})})
        with open(out, "rb") as out_file, open(err, "rb") as err_file:
            ran = Ran(output=out_file.read(), messages=err_file.read().decode("utf-8", "replace"))
        if report:
            read_report(ran, report_file)
        elif status is not None:
            guess_end(ran, status)
    if status is None:
        ran.end, ran.status = "timeout", 124
    elif ran.end == "qemu":
        ran.status = status
        said = said_by_run(ran)
        if said and "no space left" in said[-1].lower():
            raise Problem(said[-1].removeprefix("scripts/run: "))
    return ran


def said_by_run(ran):
    return [line for line in ran.messages.splitlines() if line.startswith("scripts/run: ")]


def guess_end(ran, status):
    """How it ended, from the exit status and from what scripts/run said of it."""
    said = said_by_run(ran)
    ends = {"timeout": r"scripts/run: time ran out after \d", "hang": "scripts/run: the machine hangs: "}
    if status == 124:
        ran.end = next((end for end, words in ends.items() if any(re.match(words, line) for line in said)), "limit")
    elif status == 2 and said or status < 0:
        ran.end = "qemu"
    else:
        ran.end = {123: "output", 125: "panic"}.get(status, "off")
    ran.status = status


def read_report(ran, path):
    """A line that is cut short, because the disk is full or scripts/run was ended, ends it."""
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            for line in f:
                entry = json.loads(line)
                if "command" in entry:
                    entry["output"] = ran.output[entry["begin"]:entry["end"]]
                    ran.commands.append(entry)
                else:
                    ran.end, ran.status = entry["end"], entry["status"]
    except (OSError, ValueError, KeyError, TypeError):
        pass
