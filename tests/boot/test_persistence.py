#!/usr/bin/env python3
"""What was written is there after the next boot, and the file system is whole."""
import os
import signal
import subprocess
from machine import PROMPT, TREE, Folder, Machine, check, fsck, run, run_tests


def files_survive_power_off():
    with Folder() as folder:
        disk = folder.disk()
        status, _, err = run("--disk", disk, "mkdir /d; seq 20000 >/d/numbers; ln -s numbers /d/link; echo x >/x", "rm /x")
        check(status == 0, f"status {status}\n{err[-500:]}")
        fsck(disk)
        status, out, _ = run("--disk", disk, "wc -l </d/link; ls /d; test -e /x || echo gone")
        check(out.split() == ["20000", "link", "numbers", "gone"], f"got {out!r}")
        fsck(disk)


def synced_files_survive_a_power_cut():
    with Folder() as folder:
        disk = folder.disk()
        with Machine("--disk", disk) as m:
            m.command("seq 10000 >/synced; sync")
            m.send("while true; do cp -r /bin /copy; rm -r /copy; done\r")
            m.expect("\n")
            m.read(1)
            os.kill(m.qemu_pid(), signal.SIGKILL)
            m.wait()
        status, out, _ = run("--disk", disk, "wc -l </synced")
        check((status, out.strip()) == (0, "10000"), f"status {status}, got {out!r}")
        fsck(disk)


def throw_away_disk():
    """Without --disk, nothing is kept."""
    run("echo x >/left")
    status, _, _ = run("test -e /left")
    check(status == 1, "a file came from one throw-away disk to the next")


def reboot_keeps_files():
    with Folder() as folder:
        disk = folder.disk()
        with Machine("--disk", disk) as m:
            m.command("echo kept >/kept")
            m.send("reboot\r")
            m.expect(PROMPT)
            check(m.command("cat /kept") == "kept\n", "the file is gone after reboot")
            m.send("poweroff\r")
            m.wait()
        fsck(disk)


def fsck_sees_damage():
    """The other tests rely on it."""
    with Folder() as folder:
        disk = folder.disk()
        with open(disk, "r+b") as f:
            f.seek(0)
            f.write(bytes(4096))
        result = subprocess.run([os.path.join(TREE, "build", "fsck"), "-n", disk], stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, timeout=60)
        check(result.returncode != 0, "fsck calls an image without a super block clean")


run_tests([files_survive_power_off, synced_files_survive_a_power_cut, throw_away_disk, reboot_keeps_files,
           fsck_sees_damage])
