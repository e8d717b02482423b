#!/usr/bin/env python3
"""scripts/run: exact output, exit status, options; EXTRA_SRC and EXTRA_FILES."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from machine import PATIENCE, RUN, TREE, Folder, Skipped, check, run, run_tests


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
    """One line that says what is wrong, and status 2."""
    with Folder() as folder:
        for arguments, word in ((["--cpus", "0", "true"], "--cpus"), (["--mem", "x", "true"], "size"),
                                (["--disk", "/no/disk", "true"], "/no/disk"), (["--disk", folder.path, "true"], "read"),
                                (["--disk", "none", "--ramdisk", "true"], "--ramdisk"), (["--limit", "0", "true"], "--limit"),
                                (["--command-limit", "1.5", "true"], "--command-limit"), (["--silence", "0", "true"], "--silence"), (["--report", "x"], "commands"),
                                (["--max-output", "5"], "commands"), (["--max-output", "-5", "true"], "--max-output"),
                                (["--report", "/no/folder/x", "true"], "/no/folder/x"), (["--nonsense"], "--nonsense"),
                                (["--ramdisk", "--mem", "1M", "true"], "memory"), (["--mem", "1M", "true"], "QEMU")):
            status, _, err = run(*arguments)
            check(status == 2, f"{arguments}: status {status}, not 2")
            check(word in err and err.count("\n") == 1 and "Traceback" not in err, f"{arguments}: {err}")
        status, _, err = run("--build", folder.path, "true")
        check(status == 2 and err.count("\n") == 1 and "fs.img" in err, f"without an image: {status}, {err}")


def no_qemu():
    for qemu, word in (("/no/qemu", "not installed"), ("/etc/passwd", "Permission denied"), ("/bin/false", "could not start")):
        os.environ["QEMU"] = qemu
        try:
            status, _, err = run("true")
        finally:
            del os.environ["QEMU"]
        check(status == 2 and err.count("\n") == 1 and word in err, f"{qemu}: {status}, {err}")


def full_disk_of_the_host():
    """When the image is copied, and when the machine writes to the copy."""
    with Folder() as folder:
        mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "none", folder.path]
        if subprocess.run(mount, stderr=subprocess.DEVNULL).returncode != 0:
            raise Skipped("only root can make a full file system")
        try:
            os.environ["TMPDIR"] = folder.path
            status, _, err = run("true")
            check(status == 2 and err.count("\n") == 1 and "No space left" in err, f"copying: {status}, {err}")
            subprocess.run(mount[:3] + ["-o", "remount,size=4m", folder.path], check=True)
            status, out, err = run("seq 900000 >/x; sync; echo written")
            check(status == 2 and "no space left on the host's disk" in err, f"writing: {status}, {out}, {err[-500:]}")
            status, out, err = run("--ramdisk", "echo hello")
            check((status, out) == (0, "hello\n"), f"with --ramdisk: {status}, {err[-500:]}")
        finally:
            del os.environ["TMPDIR"]
            subprocess.run(["umount", folder.path], check=True)


def full_standard_output():
    with open("/dev/full", "wb") as full:
        got = subprocess.run(RUN + ["echo hello"], stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, timeout=60)
    check(got.returncode == 2 and b"No space left" in got.stderr.splitlines()[-1], f"{got.returncode}, {got.stderr[-300:]}")


def processes_with(word):
    """Those that have it on their command line."""
    found = []
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                if word.encode() in f.read():
                    found.append(int(pid))
        except OSError:
            pass
    return found


def signals_leave_nothing():
    """No QEMU and no file, whenever they come; also when scripts/run is killed."""
    with Folder() as folder:
        for number, delay in ((signal.SIGINT, 0.05), (signal.SIGTERM, 0.1), (signal.SIGHUP, 0.2), (signal.SIGINT, 0.4),
                              (signal.SIGTERM, 1), (signal.SIGHUP, 1.5), (signal.SIGINT, 5), (signal.SIGTERM, 5), (signal.SIGKILL, 3)):
            word = f"word={os.getpid()}-{number}-{delay}"
            process = subprocess.Popen(RUN + ["--append", word, "sleep 1000"], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=dict(os.environ, TMPDIR=folder.path),
                                       start_new_session=True)
            time.sleep(delay)
            process.send_signal(number)
            err = process.communicate(timeout=PATIENCE)[1].decode("utf-8", "replace")
            if "OpenSBI" in err:  # before, it may have been Python that was interrupted
                check(process.returncode in (128 + number, -number), f"signal {number} after {delay} s: status {process.returncode}")
                check("Traceback" not in err, f"signal {number} after {delay} s: {err[-500:]}")
            deadline = time.monotonic() + 5
            while processes_with(word) and time.monotonic() < deadline:
                time.sleep(0.05)
            check(not processes_with(word), f"signal {number} after {delay} s: something still runs")
            check(not os.listdir(folder.path), f"signal {number} after {delay} s: {os.listdir(folder.path)} is left")


def report(*arguments, **options):
    """scripts/run --report: (status, standard output, standard error, the report's entries)."""
    with Folder() as folder:
        status, out, err = run("--report", folder.file("report"), *arguments, **options)
        with open(folder.file("report"), encoding="utf-8") as f:
            return status, out, err, [json.loads(line) for line in f]


def report_of_each_command():
    commands = ["echo hello", "exit 3", "printf 'no newline'", "cat /proc/cmdline | wc -l"]
    status, out, err, entries = report(*commands)
    check(status == 0 and out == "hello\nno newline1\n", f"status {status}, got {out!r}")
    check([e.get("command") for e in entries[:-1]] == commands, f"{entries}")
    check([out[e["begin"]:e["end"]] for e in entries[:-1]] == ["hello\n", "", "no newline", "1\n"], f"{entries}")
    check([e["status"] for e in entries[:-1]] == [0, 3, 0, 0], f"{entries}")
    check(not any(e["limit"] for e in entries[:-1]) and all(e["instructions"] > 0 for e in entries[:-1]), f"{entries}")
    check(entries[-1] == {"end": "off", "status": 0}, f"{entries[-1]}")


def report_of_a_command_that_does_not_end():
    status, out, _, entries = report("true", "echo x; poweroff; sleep 9", "echo never")
    check((status, out) == (0, "x\n"), f"status {status}, got {out!r}")
    check(entries[-1] == {"end": "off", "status": 0, "running": "echo x; poweroff; sleep 9", "begin": 0}, f"{entries}")


def nothing_is_left_of_a_command():
    """Also where it starts processes as fast as it can."""
    bomb = "f() { f & f & }; f; echo started"
    status, out, err, entries = report("--icount", "--ramdisk", "--cpus", "1", "--command-limit", "20", "while true; do true; done &",
                                       "sleep 1000 &", bomb, "ps | grep -c -v -e init -e journal -e PID", timeout=120)
    check(status == 0 and len(entries) == 5, f"status {status}, {entries}, {err[-500:]}")
    # What is left is the shell, ps, and grep.
    check(out[entries[3]["begin"]:].strip() in ("2", "3"), f"got {out!r}")


def command_limit():
    status, out, err, entries = report("--icount", "--ramdisk", "--cpus", "1", "--command-limit", "5", "echo a; sleep 1000; echo b",
                                       "sleep 4; echo c", "sleep 1000")
    check(status == 124 and out == "a\nc\n", f"status {status}, got {out!r}")
    check([(e["status"], e["limit"]) for e in entries[:-1]] == [(124, True), (0, False), (124, True)], f"{entries}")
    check(all(4 <= e["seconds"] < 5.1 for e in entries[:-1]), f"{entries}")
    check(err.count("time ran out for 'echo a; sleep 1000; echo b'") == 1, err[-300:])
    status, out, _ = run("--command-limit", "1", "sleep 1000", "echo c")
    check((status, out) == (0, "c\n"), f"without a report: status {status}, got {out!r}")


def watchdog():
    """Process 1 that does not run any more ends the machine; one that waits shorter each time does not."""
    for cpus in ("1", "4"):
        status, out, err, entries = report("--icount", "--ramdisk", "--cpus", cpus, "--append=watchdog=3", "sleep 2", "sleep 2; echo b", "sleep 4")
        check((status, out) == (124, "b\n"), f"status {status}, got {out!r}\n{err[-500:]}")
        check(entries[-1]["end"] == "hang" and entries[-1]["running"] == "sleep 4" and len(entries) == 3, f"{entries}")
        check("hang: process 1 has not run for 3 s" in err and "proc_wait, kernel/proc/proc.c:" in err, err[-500:])


HANGS = {  # kernels that take no interrupt; the first is long, since a loop of few instructions costs QEMU more for each
    "no command has begun after 10 s of guest time": ".rept 4000\nnop\n.endr\nj _start\n",
    "no timer is set that could wake one": "csrw sie, zero\nagain: wfi\nj again\n",
}


def hang_without_interrupts():
    with Folder() as folder:
        shutil.copy(os.path.join(TREE, "build", "fs.img"), folder.file("fs.img"))
        for words, code in HANGS.items():
            with open(folder.file("kernel.S"), "w") as source:
                source.write(".global _start\n_start:\n" + code)
            subprocess.run([os.environ.get("TOOLPREFIX", "riscv64-unknown-elf-") + "gcc", "-nostdlib", "-march=rv64gc_zicsr", "-mabi=lp64d", "-Wl,-N",
                            "-Ttext=0x80200000", folder.file("kernel.S"), "-o", folder.file("kernel.elf")], check=True, capture_output=True)
            status, _, err, entries = report("--no-build", "--build", folder.file("."), "--icount", "--ramdisk", "--cpus", "1", "--command-limit", "2", "true")
            check((status, entries) == (124, [{"end": "hang", "status": 124}]), f"status {status}, {entries}\n{err[-500:]}")
            check("the machine hangs: " in err and words in err, err[-500:])


def silence():
    """A machine that prints nothing for long is stopped, by the guest's time or by the host's; one that prints now and then is not."""
    for options, words in ((["--icount", "--ramdisk", "--silence", "1.5"], "for 1.5 s of guest time"), (["--silence", "6"], "for 6 s")):
        status, out, err, entries = report("--cpus", "2", *options, "echo a; sleep 1; echo b; sleep 1; echo c; while true; do sleep 1; done")
        check((status, out) == (124, "a\nb\nc\n"), f"{options}: status {status}, got {out!r}\n{err[-500:]}")
        check(entries[-1]["end"] == "hang" and "running" in entries[-1], f"{entries}")
        check(f"the machine hangs: no command has printed anything {words}\n" in err, err[-500:])
        for word in ("hart 0, in the kernel\n  at 0x", "hart 1, in the kernel\n  at 0x"):
            check(word in err, f"no {word!r} in\n{err[-2000:]}")


def command_timeout():
    status, out, err, entries = report("--cpus", "1", "--command-timeout", "8", "echo a", "sleep 1000")
    check((status, out) == (124, "a\n") and entries[-1]["end"] == "timeout" and "in which no command" in err, f"status {status}, {entries}\n{err[-500:]}")


def limit_tells_what_waits():
    """Every process that sleeps, with its stack: functions and lines."""
    for cpus in ("1", "4"):
        status, out, err, entries = report("--cpus", cpus, "--ramdisk", "--limit", "4", "echo a; sleep 1000 | cat")
        check((status, out) == (124, "a\n"), f"status {status}, got {out!r}\n{err[-500:]}")
        check(entries[-1]["end"] == "limit" and entries[-1]["running"] == "echo a; sleep 1000 | cat", f"{entries}")
        text = err[err.index("limit: the machine's time is over, after 4 s"):]
        for word in ("hart 0", "sleep\n  waits for 0x", "sched_sleep_ns, kernel/proc/sched.c:", "cat\n  waits for 0x",
                     "pipe_read, kernel/fs/pipe.c:", "proc_wait, kernel/proc/proc.c:"):
            check(word in text, f"{cpus} harts: no {word!r} in\n{text[:3000]}")
        for hart in range(int(cpus)):
            check(f"\nhart {hart}, pid" in text or f"\nhart {hart} does not answer" in text, f"no hart {hart} in\n{text[:3000]}")


def timeout_shows_the_harts():
    status, _, err = run("--cpus", "2", "sleep 1000", timeout=12)
    check(status == 124 and "time ran out after 12 s" in err, f"status {status}")
    text = err[err.index("what the harts were doing"):]
    for word in ("hart 0, in the kernel\n  at 0x", "hart 1, in the kernel\n  at 0x", "sched_idle, kernel/proc/sched.c:"):
        check(word in text, f"no {word!r} in\n{text}")


def output_is_limited():
    status, out, err, entries = report("--max-output", "20000", "yes", timeout=60)
    check(status == 123 and entries[-1]["end"] == "output", f"status {status}, {entries}")
    check(0 < len(out) <= 20000 and out.startswith("y\ny\n"), f"{len(out)} bytes")
    check("more than 20000 bytes" in err, err[-300:])


def programs_cannot_fake_the_end():
    """What programs print, even in the form of the kernel's and of init's lines, does not change the verdict."""
    fake = "printf '\\017\\017panic: no\\nlimit: no\\n\\036x end 1 1 1 ended\\n'; exit 5"
    status, out, _, entries = report(fake, "cp /bin/sleep '/tmp/panic: x'; '/tmp/panic: x' 0; true")
    check(status == 0 and out.startswith("\x0f\x0fpanic: no\nlimit: no\n\x1ex end"), f"status {status}, got {out!r}")
    check([e["status"] for e in entries] == [5, 0, 0] and entries[-1]["end"] == "off", f"{entries}")


def slow_reader():
    """All output comes, however late it is read."""
    process = subprocess.Popen(RUN + ["seq 20000"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    time.sleep(4)
    out = process.communicate(timeout=PATIENCE)[0]
    check(process.returncode == 0 and out == b"".join(b"%d\n" % i for i in range(1, 20001)), f"{len(out)} bytes came")


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
    """Under --icount the time of day starts at a fixed point. With --ramdisk every run is the same."""
    commands = ["date", "bench null-syscall fork-exit-wait", "seq 500 | sort | md5 2>/dev/null", "sleep 3",
                "usertests fork_copies_memory", "usertests no_kernel_addresses"]
    first = report("--icount", "--ramdisk", "--cpus", "1", *commands, timeout=120)
    check(first[0] == 0 and first[1].split("\n")[0].endswith(" 2024"), f"{first}")
    check(report("--icount", "--ramdisk", "--cpus", "1", *commands, timeout=120) == first, f"it was different: {first[3]}")
    check(run("--icount", "date")[1].strip().endswith(" 2024"), "the time of day is not the fixed one")


def ramdisk():
    """As much memory is free as with a disk of the other kind, what is written is read again, and the image stays."""
    free = []
    for options in ([], ["--ramdisk"], ["--ramdisk", "--mem", "32M"], ["--ramdisk", "--mem", "2G"]):
        status, out, err = run(*options, "echo x >/x; sync; cat /x", "test -e /y || echo none; free | head -n 2 | tail -n 1")
        check(status == 0 and out.startswith("x\nnone\n"), f"{options}: status {status}, got {out!r}\n{err[-300:]}")
        free.append(int(re.search(r"(\d+) KB of memory free", err).group(1)))
    check(abs(free[0] - free[1]) <= 64, f"{free[0]} and {free[1]} KB are free")
    check(free[2] < 32 << 10, f"{free[2]} KB of 32 MB are free")
    check(run("--ramdisk", "test -e /x")[0] == 1, "the image has changed")


if os.path.basename(os.environ.get("LODE_BUILD", "build")) not in ("build", "llvm", "debug", "llvm-debug"):
    sys.exit("LODE_BUILD must be a folder that make makes")
run_tests([output_is_exact, every_byte_passes, much_output, exit_status, commands_run_in_order,
           standard_input_is_empty, standard_error_of_programs, timeout_is_124, reader_goes_away, slow_reader, bad_options,
           no_qemu, full_disk_of_the_host, full_standard_output, signals_leave_nothing, report_of_each_command,
           report_of_a_command_that_does_not_end, nothing_is_left_of_a_command, command_limit, watchdog,
           hang_without_interrupts, silence, command_timeout, limit_tells_what_waits, timeout_shows_the_harts, output_is_limited,
           programs_cannot_fake_the_end, extra_source_and_files, icount_repeats,
           ramdisk])
