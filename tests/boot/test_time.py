#!/usr/bin/env python3
"""What booting takes, and that an idle machine costs nothing. In instructions and in time of the host's processors, which
do not grow when the host has other things to do."""
import os
import re
import time
from machine import PROMPT, Machine, check, run, run_tests

BOOT_LIMIT = 60_000_000  # instructions up to the first program, on one hart
IDLE_LIMIT = 0.03        # of a host core
ATTEMPTS = 5


def boot_is_short():
    status, out, err = run("--icount", "--ramdisk", "--cpus", "1", "cat /proc/lode")
    check(status == 0, f"status {status}\n{err[-300:]}")
    instructions = int(re.search(r"^instructions (\d+)$", out, re.MULTILINE).group(1))
    print(f"# {instructions} instructions")
    check(instructions < BOOT_LIMIT, f"the first program came after {instructions} instructions, not {BOOT_LIMIT}")


def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def idle_machine():
    with Machine("--cpus", "4") as m:
        pid = m.qemu_pid()
        best = None
        for _ in range(ATTEMPTS):
            used, start = cpu_seconds(pid), time.monotonic()
            time.sleep(3)
            share = (cpu_seconds(pid) - used) / (time.monotonic() - start)
            best = share if best is None else min(best, share)
            if best < IDLE_LIMIT:
                break
        print(f"# {best * 100:.1f} % of a core")
        check(best < IDLE_LIMIT, f"an idle machine takes {best * 100:.1f} % of a core")
        check(m.command("echo awake") == "awake\n", "it does not wake up any more")
        m.send("\r")
        m.expect(PROMPT)


run_tests([boot_is_short, idle_machine])
