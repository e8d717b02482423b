#!/usr/bin/env python3
"""Programs get back the registers they had. A program that relies on nothing else looks, in place of init: where the kernel mixes up
registers, the shell and usertests may not get as far as saying so."""
import os
import shutil
import subprocess
from machine import BUILD, TREE, Folder, check, run, run_tests


def registers_are_kept():
    with Folder() as folder:
        os.makedirs(folder.file("root/bin"))
        shutil.copy(os.path.join(BUILD, "root", "bin", "registers"), folder.file("root/bin/init"))
        subprocess.run([os.path.join(TREE, "build", "mkfs"), "-s", "8M", "-d", folder.file("root"), folder.file("disk.img")], check=True,
                       stdout=subprocess.DEVNULL)
        status, out, err = run("--disk", folder.file("disk.img"), "--cpus", "1", "true", timeout=60)
        check(status == 0 and out == "all registers are kept\n", out.strip() or f"status {status}\n{err[-500:]}")


run_tests([registers_are_kept])
