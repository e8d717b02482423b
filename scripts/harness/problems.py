"""How a script ends: what the user has to put right is one line and exit status 2, ^C leaves nothing behind.

A script calls main(its name, a function that returns the exit status)."""
import argparse
import errno
import os
import signal
import sys

from . import processes

CANNOT = 2


class Problem(Exception):
    """What the user has to put right. Its text, "FILE:LINE: what is wrong; what to do" (as far as there is a file), is all
    that is printed."""


class Parser(argparse.ArgumentParser):
    """Of a command line; what is wrong with it is a problem like others."""

    def __init__(self, name, description):
        super().__init__(prog=name, formatter_class=argparse.RawDescriptionHelpFormatter, description=description)

    def error(self, message):
        raise Problem(f"{message} (--help tells more)")


class Ended(BaseException):
    """A signal asked this script to end."""

    def __init__(self, number):
        super().__init__(number)
        self.number = number


def on_signal(number, _):
    # A second one must not interrupt the cleaning up that the first one starts.
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise Ended(number)


def describe(error):
    """An OSError in words."""
    if error.errno == errno.ENOSPC:
        return ("no space left on the host's disk" + (f" for {error.filename}" if error.filename else "") +
                "; make room, or set TMPDIR to a folder on another disk")
    where = f"{error.filename}: " if error.filename else ""
    return where + (error.strerror or str(error))


def main(name, function):
    """Runs the function and leaves with its status. No process that harness.processes started is left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup
            signal.signal(number, on_signal)
    try:
        try:
            status = function()
            sys.stdout.flush()
        finally:
            processes.end_all()
    except Problem as problem:
        status = fail(name, str(problem))
    except BrokenPipeError:  # nobody reads what we print
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        status = 128 + signal.SIGPIPE
    except OSError as error:
        status = fail(name, describe(error))
    except Ended as ended:
        if ended.number == signal.SIGINT:
            print(f"\n{name}: interrupted", file=sys.stderr)
        status = 128 + ended.number
    sys.exit(status)


def fail(name, text):
    print(f"{name}: {text}", file=sys.stderr)
    return CANNOT
