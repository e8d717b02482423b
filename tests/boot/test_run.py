#!/usr/bin/env python3
"""scripts/run: exact output, exit status, options; EXTRA_SRC and EXTRA_FILES."""
import os
import subprocess
import sys
import time
from machine import PATIENCE, RUN, Folder, check, run, run_tests


def output_is_exact():
    for command, expected in (("echo hello", "hello\n"), ("echo -n x", "x"), ("true", ""),
                              ("echo 'a  b' \"c'd\" %41 \\\\", "a  b c'd %41 \\\n"), ("echo ü€", "ü€\n"),
                              ("seq 3 | sort -r", "3\n2\n1\n")):
        status, out, _ = run(command)
        check((status, out) == (0, expected), f"{command}: status {status}, expected {expected!r}, got {out!r}")


def every_byte_passes():
    """Also those that mark the two streams on the serial line."""
    with Folder() as folder:
        data = bytes(range(256)) * 16
        with open(folder.file("bytes"), "wb") as f:
            f.write(data)
        got = subprocess.run(with_build(RUN) + ["cat /bytes"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, timeout=120,
                             env=dict(os.environ, EXTRA_FILES=folder.file("bytes")))
        check(got.returncode == 0, got.stderr.decode()[-500:])
        check(got.stdout == data, f"{len(got.stdout)} of {len(data)} bytes came, or other ones")


def with_build(command):
    """EXTRA_SRC and EXTRA_FILES need make."""
    return [word for word in command if word != "--no-build"]


def much_output():
    status, out, _ = run("seq 200000")
    check(status == 0 and out == "".join(f"{i}\n" for i in range(1, 200001)), f"status {status}, {len(out)} bytes")


def exit_status():
    for commands, expected in ((["true"], 0), (["false"], 1), (["exit 42"], 42), (["sh -c 'exit 255'"], 255),
                               (["false", "true"], 0), (["true", "exit 3"], 3), (["nosuchcommand"], 127), ([""], 0)):
        status, _, err = run(*commands)
        check(status == expected, f"{commands}: expected {expected}, got {status}\n{err[-300:]}")


def commands_run_in_order():
    status, out, _ = run("echo 1; cd /tmp", "pwd >/tmp/x; echo 2", "cat /tmp/x")
    check((status, out) == (0, "1\n2\n/\n"), f"status {status}, got {out!r}")


def standard_input_is_empty():
    status, out, _ = run("cat; read x || echo end", "wc -c")
    check((status, out.split()) == (0, ["end", "0"]), f"status {status}, got {out!r}")


def standard_error_of_programs():
    """A program's errors are its output: the machine has one terminal."""
    _, out, err = run("cat nofile")
    check(out == "cat: nofile: No such file or directory\n", f"got {out!r}")
    check("nofile" not in err.replace("'cat nofile'", ""), "it was printed twice")


def timeout_is_124():
    status, out, err = run("echo before", "sleep 1000", timeout=3)
    check((status, out) == (124, "before\n"), f"status {status}, got {out!r}")
    check("time ran out" in err, "no message")


def reader_goes_away():
    script = " ".join(f"'{w}'" for w in RUN) + " yes 2>/dev/null | head -n 3"
    got = subprocess.run(["bash", "-c", script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=60)
    check(got.stdout == b"y\ny\ny\n", f"got {got.stdout!r}")


def bad_options():
    for arguments in (["--cpus", "0", "true"], ["--mem", "x", "true"], ["--disk", "/no/disk", "true"]):
        status = run(*arguments)[0]
        check(status == 2, f"{arguments}: status {status}, not 2")


PROGRAM = '''#include "kernel/types.h"
#include "kernel/stat.h"
#include "user/user.h"

int
main(int argc, char *argv[])
{
  printf("%s: %d arguments, %x\\n", argv[0], argc, 0xabc);
  exit(7);
}
'''


def extra_source_and_files():
    with Folder() as folder:
        with open(folder.file("extra.c"), "w") as f:
            f.write(PROGRAM)
        with open(folder.file("true.c"), "w") as f:  # takes the place of the program of that name
            f.write(PROGRAM)
        with open(folder.file("data.txt"), "w") as f:
            f.write("some data\n")
        environment = dict(os.environ, EXTRA_SRC="extra.c true.c", EXTRA_FILES=folder.file("data.txt"))
        got = subprocess.run(with_build(RUN) + ["cat /data.txt; extra 1 2; /bin/true"], cwd=folder.path, env=environment,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
        expected = b"some data\nextra: 3 arguments, ABC\n/bin/true: 1 arguments, ABC\n"
        check((got.returncode, got.stdout) == (7, expected),
              f"status {got.returncode}, got {got.stdout!r}\n{got.stderr.decode()[-500:]}")
        check(run("true")[0] == 0 and run("test -e /data.txt")[0] == 1, "the usual image has the extra files")
        with open(folder.file("extra.c"), "w") as f:
            f.write("int main(void) { return undeclared; }\n")
        got = subprocess.run(with_build(RUN) + ["extra"], cwd=folder.path, env=environment, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
        check(got.returncode == 2 and got.stdout == b"", f"status {got.returncode}, got {got.stdout!r}")
        check(b"undeclared" in got.stderr, "the compiler's message is not shown")


def icount_repeats():
    """Under --icount the time of day starts at a fixed point, and a program takes the same instructions each time."""
    counts = []
    for _ in range(2):
        status, out, err = run("--icount", "--cpus", "1", "date", "primitives | grep -e null -e fork-exit")
        check(status == 0, f"status {status}\n{err[-300:]}")
        date, null, fork = out.splitlines()
        check(date.endswith(" 2024"), f"the time of day is not the fixed one: {date}")
        counts.append([int(line.split()[2]) for line in (null, fork)])
    check(counts[0][0] == counts[1][0], f"a system call took {counts[0][0]}, then {counts[1][0]} instructions")
    check(abs(counts[0][1] - counts[1][1]) < counts[0][1] / 50, f"a fork took {counts[0][1]}, then {counts[1][1]}")


if os.path.basename(os.environ.get("LODE_BUILD", "build")) not in ("build", "llvm", "debug", "llvm-debug"):
    sys.exit("LODE_BUILD must be a folder that make makes")
run_tests([output_is_exact, every_byte_passes, much_output, exit_status, commands_run_in_order,
           standard_input_is_empty, standard_error_of_programs, timeout_is_124, reader_goes_away, bad_options,
           extra_source_and_files, icount_repeats])
