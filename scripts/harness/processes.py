"""Processes of the host, of which none outlives the script.

Each runs in a session of its own, so that ^C at the terminal reaches only the script, which then ends them with all
that they have started. Works with threads: end_all() makes the threads that wait for a process, or want to
start one, go on with Stopped."""
import os
import signal
import subprocess
import threading
import time

GRACE = 3  # seconds between the request to end and the end

running, stopping, lock = set(), False, threading.Lock()


class Stopped(BaseException):
    """The script is ending."""


def first_line(*command):
    """What a command that ends at once prints first: a version, as a rule."""
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout.partition("\n")[0]


def run(command, *, timeout=None, **options):
    """Runs a command as subprocess.call would, and returns its exit status (-N after signal N), or None if the
    time ran out. Nothing that it has started is left."""
    with lock:
        if stopping:
            raise Stopped
        process = subprocess.Popen(command, start_new_session=True, **options)
        running.add(process)
    try:
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            status = None
    finally:
        end(process)
        with lock:
            running.discard(process)
    if stopping:
        raise Stopped
    return status


def parents():
    """The parent of each process (on systems that have /proc)."""
    found = {}
    for name in os.listdir("/proc") if os.path.isdir("/proc/self") else []:
        try:
            with open(f"/proc/{name}/stat", "rb") as f:
                found[int(name)] = int(f.read().rpartition(b")")[2].split()[1])
        except (ValueError, OSError):
            pass
    return found


def descendants(pid):
    found, parent = {pid}, parents()
    grown = True
    while grown:
        more = {p for p in parent if parent[p] in found} - found
        found |= more
        grown = bool(more)
    return found - {pid}


def signal_group(process, number):
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def end(process):
    """Asks it to end, then makes it, with its group and with children that left the group."""
    if process.poll() is None:
        children = descendants(process.pid)
        signal_group(process, signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        for pid in children & set(parents()):
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass
    signal_group(process, signal.SIGKILL)
    process.wait()


def end_all():
    """Ends what runs. Nothing can be started afterwards."""
    global stopping
    with lock:
        stopping = True
        left = list(running)
    threads = [threading.Thread(target=end, args=[process]) for process in left]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
