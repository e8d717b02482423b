"""Groups of tests: programs of the host, and machines whose programs print TAP. Each runs once, and whatever it does it
ends with a results.Group that says which test failed and why.

A machine whose kernel panics or hangs has one failure, that of the test that ran; the tests that had not run yet run
in a fresh machine. A program of the host that ends early has one failure, too, and its other tests are named as
far as it can name them (--list)."""
import glob
import os
import re
import shlex
import subprocess
import tempfile
import time

from . import processes
from .machine import run_command, run_machine
from .results import Group, Result
from .tap import parse

TAIL = 30            # lines shown of a log
MACHINES = 12        # fresh machines at most: a kernel that no test survives has been seen by then
EMULATORS = 2        # of those whose emulator got stuck, which costs the host's time
LIST_TIMEOUT = 120   # seconds of the host, for what prints names


class Where:
    """What all groups of a run have in common."""

    def __init__(self, tree, build, watchdog, logs="test"):
        self.tree, self.build, self.watchdog = tree, build, watchdog
        self.logs = os.path.join(build, logs)
        os.makedirs(self.logs, exist_ok=True)

    def with_logs(self, folder):
        return Where(self.tree, self.build, self.watchdog, os.path.join("test", folder))

    def log(self, name, kind):
        return os.path.join(self.logs, f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', name)}.{kind}")


class Base:
    def __init__(self, where, name):
        self.where, self.name = where, name
        self.log = where.log(name, "out")
        self.group = Group(name, log=self.log)
        self.before = 0  # tests that earlier machines of this group have done

    def progress(self):
        """How many tests are done."""
        try:
            with open(self.log, "rb") as f:
                return self.before + len(re.findall(rb"^(?:not )?ok\b", f.read(), re.MULTILINE))
        except OSError:
            return self.before

    def run(self):
        start = time.monotonic()
        self.run_tests()
        self.group.seconds = time.monotonic() - start
        return self.group

    def add(self, *results):
        self.group.results += results

    def not_run(self, names, why):
        self.add(*(Result(name, "skipped", f"not run: {why}", repeat=self.repeat(name)) for name in names))

    def repeat(self, name):
        """The command that runs this test alone, or this group."""
        raise NotImplementedError

    def remove_logs(self):
        for path in glob.glob(glob.escape(os.path.splitext(self.group.log)[0]) + ".*"):
            os.unlink(path)


def tail(path, first=None):
    """The end of a log: from the last line that `first` finds on, if there is one."""
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            lines = [line.rstrip() for line in f]
    except OSError:
        return []
    starts = [i for i, line in enumerate(lines) if first and re.match(first, line)]
    return [line for line in lines[starts[0]:][:2 * TAIL] if line] if starts else [line for line in lines if line][-TAIL:]


# ---- programs of the host ----

class HostGroup(Base):
    """`selects`: the program runs only the tests that are named behind it, and --list names them."""

    def __init__(self, where, name, command, selects=False, notes_follow=False):
        super().__init__(where, name)
        self.command, self.selects, self.notes_follow = command, selects, notes_follow
        self.group.repeat = self.repeat("")

    def environment(self):
        return {"LODE_BUILD": self.where.build} if self.where.build != "build" else {}

    def repeat(self, name):
        words = [os.path.basename(self.command[0]) if os.path.isabs(self.command[0]) else self.command[0]]
        words += self.command[1:] + ([name] if self.selects and name else [])
        return " ".join([f"{n}={shlex.quote(v)}" for n, v in self.environment().items()] + [shlex.quote(w) for w in words])

    def run_tests(self):
        err = self.where.log(self.name, "err")
        # What the tests keep in temporary files goes with this folder, however they end.
        with tempfile.TemporaryDirectory(prefix="lode-test-") as folder:
            environment = {**os.environ, **self.environment(), "TMPDIR": folder}
            with open(self.log, "wb") as out_file, open(err, "wb") as err_file:
                status = processes.run(self.command, timeout=self.where.watchdog, cwd=self.where.tree, env=environment,
                                       stdin=subprocess.DEVNULL, stdout=out_file, stderr=err_file)
            with open(self.log, "rb") as f:
                tap = parse(f, self.notes_follow)
            names = self.names(environment) if self.selects and not tap.complete() else []
        for result in tap.results:
            result.repeat = self.repeat(result.name)
        self.add(*tap.results)
        if tap.plan == 0 and not tap.results:
            self.add(Result("all", "skipped", tap.why_skipped or "the program has no tests here", repeat=self.repeat("")))
            return
        how = (f"did not end in {self.where.watchdog:.0f} s" if status is None else
               f"was ended by signal {-status}" if status < 0 else f"ended with exit status {status}")
        done = f"after {len(tap.results)} of {tap.plan if tap.plan is not None else '?'} tests"
        left = names[len(tap.results):]
        if status is None or not tap.complete():
            what = "; ".join([f"the program {how} {done}"] + tap.problems)
        elif status != 0 and not self.group.count("failed"):
            what = f"the program {how}, though no test failed"
        else:
            return
        name = left[0] if left else "end of the program"
        self.add(Result(name, "failed", "\n".join([what] + tap.rest[-TAIL:] + tail(err)), repeat=self.repeat(name if left else "")))
        self.not_run(left[1:], "the program had ended")

    def names(self, environment):
        try:
            listed = subprocess.run(self.command + ["--list"], cwd=self.where.tree, env=environment, stdin=subprocess.DEVNULL,
                                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=LIST_TIMEOUT)
        except (OSError, subprocess.TimeoutExpired):
            return []
        return listed.stdout.decode("utf-8", "replace").split() if listed.returncode == 0 else []


# ---- programs of the guest ----

class GuestGroup(Base):
    """A program of the guest in a machine: run_command's arguments, but for tree and build.

    `program(names)` is the command that runs these tests, or all if there are none; `listing(names)` the one that
    prints their names in the order in which they run, or a list of all. `fsck`: look at the disk afterwards. `exact`: a failure that
    depends on the very instruction; a machine that breaks is no more than that, and a test that fails alone, too, has to
    do so before it is said to repeat it."""

    def __init__(self, where, name, machine, program, listing, fsck=False, exact=False):
        super().__init__(where, name)
        self.machine = {"icount": True, "ramdisk": True, **machine}
        self.program, self.listing, self.fsck, self.exact = program, listing, fsck, exact
        self.build = where.build
        self.group.repeat = self.repeat("")

    def repeat(self, name, **more):
        """Without the limit, where it makes no difference."""
        machine = {**self.machine, **({} if self.exact else {"limit": None}), **more}
        return self.repeat_command(self.program([name] if name else []), machine)

    def repeat_command(self, command, machine):
        line = run_command(tree="", build=self.build, **machine)
        line.remove("--no-build")
        if self.build == "build":
            del line[1:3]
        if "128M" in line:
            at = line.index("128M")
            del line[at - 1:at + 1]
        return " ".join(shlex.quote(word) for word in line + [command])

    def run_tests(self):
        wanted, machines, stuck, dirty = [], 0, 0, []
        while True:
            machines += 1
            ran, tap = self.boot(self.program(wanted), machines, dirty)
            stuck += ran.end == "timeout"
            self.adopt(tap)
            what = self.what_is_wrong(ran, tap)
            if not what:
                break
            names = self.names(wanted) if tap.plan is not None and not tap.complete() else []
            left = names[len(tap.results):]
            name = (left[0] if left else "start of the machine" if tap.plan is None else
                    "end of the machine" if tap.complete() else f"test {len(tap.results) + 1}")
            more = {"limit": self.machine.get("limit")} if ran.end in ("limit", "timeout") else {}
            self.add(Result(name, "failed", self.explain(what, ran, tap, machines),
                            repeat=self.repeat(name if left else "", **more)))
            wanted = wanted if tap.plan is None else left[1:]
            if not wanted:
                break
            if tap.plan is None or self.exact or machines == MACHINES or stuck == EMULATORS:
                self.not_run(wanted, "the machine had ended" if machines == 1 else f"{machines} machines had ended before")
                break
            self.before = len(self.group.results)
        if self.exact:
            self.confirm()
        if self.fsck:
            self.add(Result("fsck", "failed" if dirty else "passed", "\n".join(dirty), repeat=self.repeat_with_fsck()))

    def boot(self, command, machines, dirty):
        suffix = f".{machines}" if machines > 1 else ""
        self.log = self.where.log(self.name + suffix, "out")
        with tempfile.TemporaryDirectory(prefix="lode-test-") as folder:
            machine = dict(self.machine)
            if self.fsck:
                machine["disk"] = os.path.join(folder, "disk.img")
                self.host(["cp", "--sparse=always", os.path.join(self.build, "fs.img"), machine["disk"]])
            ran = run_machine([command], tree=self.where.tree, build=self.build, out=self.log, report=False,
                              err=self.where.log(self.name + suffix, "err"), timeout=self.where.watchdog, **machine)
            if self.fsck:
                status, said = self.host([os.path.join("build", "fsck"), "-n", machine["disk"]])
                if status != 0:
                    dirty += [f"fsck of the disk ended with exit status {status}"] + said.splitlines()[-TAIL:]
        return ran, parse(ran.output.splitlines())

    def host(self, command):
        with tempfile.TemporaryFile() as out:
            status = processes.run(command, timeout=self.where.watchdog, cwd=self.where.tree, stdin=subprocess.DEVNULL,
                                   stdout=out, stderr=out)
            out.seek(0)
            said = out.read().decode("utf-8", "replace")
        if command[0] == "cp" and status != 0:
            raise OSError(28 if "No space" in said else 5, said.strip() or "cp failed")
        return status, said

    def adopt(self, tap):
        """The results of a machine, with the command that repeats each outside of it."""
        for result in tap.results:
            if result.repeat and not self.exact:
                result.repeat = self.repeat_command(result.repeat, {**self.machine, "limit": None})
            else:
                result.repeat = self.repeat(result.name)
            if not self.machine["icount"]:
                result.instructions = None  # says more about the host than about the test
            elif result.seconds is None and result.instructions is not None:
                result.seconds = result.instructions / 1e9
        self.add(*tap.results)

    def what_is_wrong(self, ran, tap):
        """In words; "" if the program ran to its end. (Tests that fail are another matter.)"""
        done = f"after {len(tap.results)} of {tap.plan if tap.plan is not None else '?'} tests"
        if ran.end == "panic":
            return f"the kernel panicked {done}"
        if ran.end == "limit":
            return f"the machine's time ran out ({self.machine.get('limit')} s of the guest's) {done}: something hangs"
        if ran.end == "timeout":
            return f"the emulator did not end in {self.where.watchdog:.0f} s, {done}: the kernel or QEMU is stuck"
        if ran.end != "off":
            return f"the machine could not be started, or QEMU was ended, {done}"
        if not tap.complete():
            return "; ".join([f"the program ended with exit status {ran.status} {done}"] + tap.problems)
        if ran.status != 0 and not any(r.status == "failed" for r in tap.results):
            return f"exit status {ran.status}, though no test failed"
        return ""

    def explain(self, what, ran, tap, machines):
        err = self.where.log(self.name + (f".{machines}" if machines > 1 else ""), "err")
        lines = [what]
        if tap.rest:
            lines += ["The last lines of the output:"] + ["  " + line for line in tap.rest[-TAIL:]]
        log = tail(err, first=r"panic:|lode: the machine's time|lode: .*time ran out|scripts/run: time ran out")
        return "\n".join(lines + [f"The end of {err}:"] + ["  " + line for line in log])

    def names(self, wanted):
        listing = self.listing(wanted)
        if not isinstance(listing, str):
            return wanted or listing
        machine = {**self.machine, "disk": None, "limit": None, "append": ""}
        ran = run_machine([listing], tree=self.where.tree, build=self.build, report=False, timeout=LIST_TIMEOUT, **machine)
        # usertests lists them as TOPIC:NAME.
        return [name.rpartition(":")[2] for name in ran.output.decode("utf-8", "replace").split()] if ran.status == 0 else []

    def confirm(self):
        """A test that fails alone is quicker to repeat than all of them; one that does not needs the others."""
        for result in self.group.results:
            if result.status == "failed":
                ran = run_machine([self.program([result.name])], tree=self.where.tree, build=self.build, report=False,
                                  timeout=self.where.watchdog, **self.machine)
                alone = [r for r in parse(ran.output.splitlines()).results if r.status == "failed"]
                fails = alone or ran.end in ("panic", "limit", "timeout")
                result.repeat = self.repeat(result.name if fails else "")

    def repeat_with_fsck(self):
        image, copy = os.path.join(self.build, "fs.img"), "/tmp/disk.img"
        run = self.repeat_command(self.program([]), {**self.machine, "limit": None, "disk": copy})
        return f"cp {image} {copy}; {run}; build/fsck -n {copy}"

