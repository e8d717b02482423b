#!/usr/bin/env python3
"""Has spin check the models of this folder: as they are they must be right, and with each BREAK_... wrong. Prints TAP.

    run.py [--long] [NAME ...]    --list names them; the long ones have larger bounds

docs/models.md says what they cover. A model that is wrong where it should not be: the command printed with it shows the
steps that lead there. Exit status: 0 all is as it has to be, 1 if not, 2 if they could not be run.
"""
import argparse
import fnmatch
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
MEMORY = 3000  # MB for one search
DEPTH = 200000
SECONDS = {False: 600, True: 7200}  # for one search; many times what it takes

# Model, title, definitions; definitions with --long; the faults that have to be found, each perhaps with others.
MODELS = [
    ("sleep", "events: sleep, wakeup_one and wakeup", "WORK=1 PREEMPTIONS=0", "WORK=1 PREEMPTIONS=2",
     ["UNLOCKS_FIRST", "SLEEPS_WITHOUT_LOOKING", "READY_BEFORE_SWITCHED"]),
    ("sleep", "signals, a deadline and wakeup", "WORK=2 PREEMPTIONS=0", "WORK=2 PREEMPTIONS=2",
     ["NO_FENCE_IN_WAIT_END", "ASLEEP_WITH_INTERRUPTS_ON"]),
    ("sleep", "a mutex", "WORK=3 PREEMPTIONS=0", "WORK=3 PREEMPTIONS=1", ["MUTEX_SETS_BIT_BLINDLY", "MUTEX_WAKES_FIRST"]),
    ("sleep", "wfi and IPIs, one idle hart", "WORK=4", "WORK=4",
     ["WFI_WITH_INTERRUPTS_ON", "BIT_AFTER_LOOK", "IPI_FIRST", "NO_FENCE"]),
    ("sleep", "wfi and IPIs, two idle harts", "WORK=6", "WORK=6", ["WAKE_TRIES_ONCE", "NOT_PASSED_ON"]),
    ("sleep", "giving way", "WORK=5", "WORK=5", ["YIELD_QUEUES_ITSELF"]),
    ("journal", "commit and recovery, two cuts", "TRANSACTIONS=3 OPERATIONS=1 CUTS=2", "TRANSACTIONS=3 OPERATIONS=2 CUTS=2",
     ["NO_FLUSH_OF_BODIES", "NO_FLUSH_OF_HEADER", "INSTALLED_BEFORE_HEADER", "INSTALLED_LATE", "ORDERED_LATE", "ONE_SLOT",
      "REPLAYS_THE_OLDER", "OVERWRITES_IN_PLACE", "SEQUENCE_SKIPS", "REPLAY_ERASES_SLOT"]),
    ("journal", "several operations in a transaction", "TRANSACTIONS=2 OPERATIONS=2 CUTS=1",
     "TRANSACTIONS=3 OPERATIONS=3 CUTS=1", ["FREED_AT_ONCE"]),
]


def cases(long):
    for model, title, short_bounds, long_bounds, faults in MODELS:
        bounds = (long_bounds if long else short_bounds).split()
        yield model, f"{model}: {title}", bounds, None
        for fault in faults:
            yield model, f"{model}: {title}: found: {fault.lower().replace('_', ' ')}", bounds, fault


def run(command, folder, seconds=600):
    return subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds)


def search(case, long):
    """Whether it is as it has to be, and lines that say more."""
    model, _, bounds, fault = case
    source = os.path.join(HERE, model + ".pml")
    defines = [f"-D{b}" for b in bounds] + ([f"-DBREAK_{fault}"] if fault else [])
    with tempfile.TemporaryDirectory(prefix="lode-model-") as folder:
        made = run(["spin"] + defines + ["-a", source], folder)
        if made.returncode or "rror" in made.stdout or not os.path.exists(os.path.join(folder, "pan.c")):
            return False, ["spin does not accept the model:"] + made.stdout.splitlines()[:5]
        # Without --long compiling takes longer than searching.
        made = run(["gcc", "-O2" if long else "-O0", "-w", "-DSAFETY", "-DNOREDUCE", f"-DMEMLIM={MEMORY}", "-o", "pan", "pan.c"], folder, SECONDS[long])
        if made.returncode:
            return False, ["the checker does not compile:"] + made.stdout.splitlines()[:5]
        try:
            out = run(["./pan", f"-m{DEPTH}"], folder, SECONDS[long]).stdout
        except subprocess.TimeoutExpired:
            return False, [f"the search was not over after {SECONDS[long]} seconds"]
    errors, states = re.search(r"errors: (\d+)", out), re.search(r"(\d[\d.e+]*) states, stored", out)
    if not errors or "Search not completed" in out and errors.group(1) == "0" or "max search depth too small" in out:
        return False, ["the search was not complete:"] + [line for line in out.splitlines() if "Depth=" not in line][:5]
    notes = [f"{states.group(1)} states"] if states else []
    wrong = re.findall(r"pan:1: (.*)", out)
    if fault:
        if not wrong:
            notes.append("this fault is not found: the model does not look where it matters")
        return bool(wrong), notes + wrong
    if wrong:
        notes += wrong + [f"to see how: cd /tmp && spin {' '.join(defines)} -run -DNOREDUCE -m{DEPTH} {source}; "
                          f"spin {' '.join(defines)} -p -g -k {model}.pml.trail {source}"]
    return not wrong, notes


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    parser.add_argument("--long", action="store_true", help="larger bounds: half an hour, and up to 3 GB of memory for each search")
    parser.add_argument("--list", action="store_true", help="name the models and faults")
    parser.add_argument("-j", type=int, default=2, metavar="N", help="searches at a time (2)")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only those whose title has this, as *journal*")
    options = parser.parse_args()
    wanted = [c for c in cases(options.long) if not options.names or any(fnmatch.fnmatch(c[1], n) for n in options.names)]
    if options.list:
        print("\n".join(c[1] for c in wanted))
        return 0
    if not wanted:
        print(f"run.py: no model's title is like {' '.join(options.names)}; --list names them", file=sys.stderr)
        return 2
    for tool in "spin", "gcc":
        if not shutil.which(tool):
            print(f"run.py: {tool} is not installed; scripts/setup installs what is missing", file=sys.stderr)
            return 2
    failed = 0
    with ThreadPoolExecutor(max(1, options.j)) as pool:
        for number, (case, (good, notes)) in enumerate(zip(wanted, pool.map(lambda c: search(c, options.long), wanted)), 1):
            print(f"{'ok' if good else 'not ok'} {number} - {case[1]}")
            for note in notes:
                print(f"#   {note}")
            sys.stdout.flush()
            failed += not good
    print(f"1..{len(wanted)}")
    print(f"{len(wanted) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
