#!/usr/bin/env python3
"""The console as a person meets it: echo, editing keys, ^C, ^D, ^P, history, completion."""
import time

from machine import Machine, PROMPT, check, run_tests

LEFT, RIGHT, UP, DOWN, HOME, END = "\x1b[D", "\x1b[C", "\x1b[A", "\x1b[B", "\x1b[H", "\x1b[F"


def control(letter):
    return chr(ord(letter) & 0x1f)


def says(machine, typed, expected):
    """What is typed, and Return, makes the shell print exactly this."""
    got = machine.command(typed)
    check(got == expected, f"{typed!r}: expected {expected!r}, got {got!r}")


def commands_and_status():
    with Machine() as m:
        says(m, "echo hello, world", "hello, world\n")
        says(m, "false", "")
        says(m, "echo $?", "1\n")
        says(m, "", "")
        says(m, "cat nofile", "cat: nofile: No such file or directory\n")


def editing_a_line():
    with Machine() as m:
        says(m, "echo onx\x7fe tw\x08\x08 two", "one two\n")
        says(m, "echo this goes" + control("U") + "echo that stays", "that stays\n")
        says(m, "echo good bad" + control("W") + "better", "good better\n")
        says(m, "echo bc" + LEFT + LEFT + "a" + RIGHT + RIGHT + "d", "abcd\n")
        says(m, "cho x" + HOME + "e" + END + "y", "xy\n")


def history():
    with Machine() as m:
        says(m, "echo first", "first\n")
        says(m, "echo second", "second\n")
        says(m, UP + UP, "first\n")
        says(m, UP + UP + DOWN + "x", "firstx\n")


def completion():
    with Machine() as m:
        m.command("mkdir /tmp/c; echo text >/tmp/c/longname; echo >/tmp/c/other")
        says(m, "cat /tmp/c/lo\t", "text\n")
        says(m, "upti\t >/dev/null; echo done", "done\n")
        m.send("ls /tmp/c/\t\t")
        m.expect("longname +other")


def cooked_editing():
    """The line discipline's own editing, for programs that just read."""
    with Machine() as m:
        m.send("cat\r")
        m.expect("\n")
        m.wait_until_reading()
        m.send("abx\x7fc\r")
        m.expect("\r\nabc\r\n")
        m.send("gone" + control("U") + "kept\r")
        m.expect("\r\nkept\r\n")
        m.send("one two" + control("W") + "three\r")
        m.expect("\r\none three\r\n")
        m.send(control("D"))
        m.expect(PROMPT)
        says(m, "echo $?", "0\n")


def interrupt_foreground():
    """^C ends the foreground program, all of a pipeline, and not the shell; a busy one, too."""
    with Machine() as m:
        for program in "sleep 1000", "cat | cat", "yes >/dev/null", "while sleep 1; do true; done":
            m.send(program + "\r")
            m.expect("\n")
            m.wait_until_reading()
            m.send(control("C"))
            m.expect(PROMPT)
            says(m, "echo $?", "130\n")


def interrupt_at_any_time():
    """^C ends a pipeline also while the shell is about to start it."""
    with Machine() as m:
        for i in range(40):
            m.send("cat | cat\r")
            m.expect("\n")
            time.sleep(i % 8 * 0.0003)
            m.send(control("C"))
            m.expect(PROMPT, timeout=60)
        says(m, "echo $?", "130\n")


def interrupt_loop_of_the_shell():
    """A loop that runs no program but the shell itself."""
    with Machine() as m:
        m.send("echo begun; while true; do true; done\r")
        m.expect("\nbegun\r\n")
        m.send(control("C"))
        m.expect(PROMPT)


def interrupt_at_prompt():
    with Machine() as m:
        m.send("echo not this" + control("C"))
        m.expect(PROMPT)
        says(m, "echo this", "this\n")


def process_list():
    with Machine() as m:
        m.send("sleep 1000\r")
        m.expect("\n")
        m.wait_until_reading("sleep")
        m.send(control("P"))
        m.expect("PID")
        for name in "init", "sh", "sleep":
            m.expect(rf"\b{name}\r?\n")
        m.send(control("C"))
        m.expect(PROMPT)


def end_of_input_ends_the_shell():
    """And init starts another one."""
    with Machine() as m:
        m.command("x=1")
        m.send(control("D"))
        m.expect(PROMPT)
        says(m, "echo [$x]", "[]\n")


def long_output_is_whole():
    with Machine() as m:
        expected = "".join(f"{i}\n" for i in range(1, 5001))
        check(m.command("seq 5000") == expected, "seq 5000 lost or changed something")


def type_ahead():
    with Machine() as m:
        m.send("sleep 1\recho typed early\r")
        m.expect("\r\ntyped early\r\n")


def poweroff_status():
    with Machine() as m:
        m.send("poweroff\r")
        check(m.wait() == 0, "poweroff did not end QEMU with status 0")


run_tests([commands_and_status, editing_a_line, history, completion, cooked_editing, interrupt_foreground,
           interrupt_at_any_time, interrupt_loop_of_the_shell, interrupt_at_prompt, process_list,
           end_of_input_ends_the_shell, long_output_is_whole, type_ahead, poweroff_status])
