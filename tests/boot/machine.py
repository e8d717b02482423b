"""Machines for the boot tests: QEMU with a terminal of its own, or run to its end; and results as TAP.

A test is a function that raises Failed. test_*.py gives its functions to run_tests, which prints TAP. A verdict must not
depend on how much else the host has to do: tests wait for what has to come (expect) and never for a time to pass, and if they
compare times, then of the guest or of processors."""
import codecs
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import traceback

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TREE, os.environ.get("LODE_BUILD", "build"))
PATIENCE = 300  # seconds for what takes far less than one: the host may be busy
RUN = [os.path.join(TREE, "scripts", "run"), "--no-build", "--build", BUILD]


class Failed(Exception):
    pass


class Skipped(Exception):
    pass


def check(condition, message):
    if not condition:
        raise Failed(message)


def run(*arguments, timeout=PATIENCE):
    """scripts/run to its end: (status, standard output, standard error)."""
    result = subprocess.run(RUN + ["--timeout", str(timeout)] + list(arguments), stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout + 30)
    return result.returncode, result.stdout.decode("utf-8", "replace"), result.stderr.decode("utf-8", "replace")


def kernel_lines(stderr):
    """What the kernel said, without the firmware."""
    return [line for line in stderr.splitlines() if line.startswith(("lode:", "panic:"))]


class Machine:
    """An interactive machine. Use it with "with"."""

    def __init__(self, *arguments, columns=80, boot=True):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            mode = termios.tcgetattr(0)
            mode[1] &= ~termios.ONLCR  # the guest's console has sent "\r\n" already
            termios.tcsetattr(0, termios.TCSANOW, mode)
            os.execv(RUN[0], RUN + list(arguments))
        self.output = ""   # everything so far
        self.position = 0  # where expect goes on
        self.status = None
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        if boot:
            self.expect(PROMPT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def read(self, seconds):
        """Waits for output, and takes it. False when there was none."""
        if not select.select([self.terminal], [], [], max(0, seconds))[0]:
            return False
        try:
            data = os.read(self.terminal, 65536)
        except OSError:  # the other side is closed
            data = b""
        self.output += self.decoder.decode(data)
        return bool(data)

    def expect(self, pattern, timeout=PATIENCE):
        """Waits until the pattern comes; returns what came before it."""
        deadline = time.monotonic() + timeout
        while True:
            match = re.compile(pattern).search(self.output, self.position)
            if match:
                before = self.output[self.position:match.start()]
                self.position = match.end()
                return before.replace("\r\n", "\n")
            if not self.read(deadline - time.monotonic()):
                raise Failed(f"{pattern!r} did not come; got {self.output[self.position:][-300:]!r}")

    def send(self, text):
        os.write(self.terminal, text.encode())

    def command(self, line):
        """Types a command; returns what it printed, without the echo."""
        self.send(line + "\r")
        self.expect("\n")
        return self.expect(PROMPT)

    def wait_until_reading(self, program=""):
        """Until the program just started has the terminal as it wants it: ^P answers, in cooked mode only. With its name,
        until it is listed by that: until then it is the shell's copy."""
        deadline = time.monotonic() + PATIENCE
        while True:
            self.send("\x10")
            try:
                self.expect("PID.*NAME", timeout=1)
                self.expect(rf"\b{program}\r?\n", timeout=1)
                break
            except Failed:
                check(time.monotonic() < deadline, "^P does not answer, so the terminal is not in cooked mode")
        # Input is taken in order: after this echo there are no more answers.
        self.send("~~~")
        self.expect("~~~")
        for _ in range(3):
            self.send("\x7f")
            self.expect("\b")

    def qemu_pid(self):
        children = open(f"/proc/{self.pid}/task/{self.pid}/children").read().split()
        for child in children:
            if "qemu" in open(f"/proc/{child}/comm").read():
                return int(child)
        raise Failed("there is no QEMU")

    def wait(self, timeout=PATIENCE):
        """Until the machine has switched itself off: its exit status."""
        deadline = time.monotonic() + timeout
        while self.status is None:
            self.read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > deadline:
                raise Failed(f"the machine does not end; last output {self.output[-300:]!r}")
        return self.status

    def close(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGTERM)
            self.wait()
        os.close(self.terminal)


# The shell's prompt, drawn with nothing behind it.
PROMPT = r"\r\$ \x1b\[J\r\x1b\[2C"


class Folder:
    """A temporary folder, and disk images in it."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="lode-test-")
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path)

    def file(self, name):
        return os.path.join(self.path, name)

    def disk(self):
        """A copy of the built image."""
        copy = self.file("disk.img")
        subprocess.run(["cp", "--sparse=always", os.path.join(BUILD, "fs.img"), copy], check=True)
        return copy


def fsck(image):
    """Fails where the file system is not clean. (It must have been unmounted, or its journal is replayed.)"""
    result = subprocess.run([os.path.join(TREE, "build", "fsck"), "-n", image], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, timeout=60)
    check(result.returncode == 0, f"fsck: status {result.returncode}: {result.stdout.decode()[-600:]}")


def run_tests(tests):
    """Each test prints a line with its function's name. Behind the program's name: the tests to run, or --list."""
    wanted = sys.argv[1:]
    if wanted == ["--list"]:
        print("\n".join(t.__name__ for t in tests))
        sys.exit(0)
    unknown = set(wanted) - {t.__name__ for t in tests}
    if unknown:
        print(f"{sys.argv[0]}: there is no test {' '.join(sorted(unknown))}; --list names them", file=sys.stderr)
        sys.exit(2)
    tests = [t for t in tests if not wanted or t.__name__ in wanted]
    # As an exception, so that folders and machines are cleared away.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    print(f"1..{len(tests)}", flush=True)
    failures = 0
    for number, test in enumerate(tests, 1):
        name, start = test.__name__, time.monotonic()
        try:
            test()
            print(f"ok {number} - {name}", flush=True)
        except Skipped as reason:
            print(f"ok {number} - {name} # SKIP {reason}", flush=True)
        except (Failed, OSError, ValueError, subprocess.SubprocessError) as error:
            failures += 1
            for line in str(error).splitlines() or [type(error).__name__]:
                print(f"# {line}")
            if not isinstance(error, Failed):
                print("".join(f"# {line}\n" for line in traceback.format_exc().splitlines()), end="")
            print(f"not ok {number} - {name}", flush=True)
        print(f"# {name}: {time.monotonic() - start:.3f} seconds", flush=True)
    sys.exit(1 if failures else 0)
