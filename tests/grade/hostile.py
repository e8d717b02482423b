#!/usr/bin/env python3
"""Submissions of the lab beside this file, from good to hostile, with the points that each must get.

    hostile.py DIR [COUNT]     makes COUNT of them (one of each kind) below DIR, and prints NAME SCORE for each

The lab gives 55 points: boots 5, positive 10, falls 10, program 15, returns 10 (hidden), answer 5.
"""
import io
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
LAB = os.path.join(HERE, "freemem")
MARK = "/tmp/lode-grade-was-here"  # what hostile code of a submission would leave on the host


def add(tree, path, text, mode="a"):
    path = os.path.join(tree, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, mode) as out:
        out.write(text)


def change(tree, path, old, new):
    path = os.path.join(tree, path)
    with open(path) as source:
        text = source.read()
    assert old in text, (path, old)
    with open(path, "w") as out:
        out.write(text.replace(old, new, 1))


def untouched(into):
    for name in ("Makefile", "kernel.ld", "kernel", "user", "mkfs", "scripts"):
        path = os.path.join(TREE, name)
        shutil.copytree(path, os.path.join(into, name), ignore=shutil.ignore_patterns("__pycache__")) if os.path.isdir(path) \
            else (os.makedirs(into, exist_ok=True), shutil.copy2(path, into))


def solution(into):
    untouched(into)
    with open(os.path.join(LAB, "solution", "freemem.patch")) as patch:
        subprocess.run(["patch", "-s", "-p1", "-d", into], stdin=patch, check=True)
    shutil.copytree(os.path.join(LAB, "solution", "tree"), into, dirs_exist_ok=True)


HANDLER = "    (void)arg;\n    return (int64_t)(page_free_count() * PAGE_SIZE);"


def handler(code):
    return lambda tree: change(tree, "kernel/mm/sysmem.c", HANDLER, "    (void)arg;\n    " + code)


def program(code):
    return lambda tree: add(tree, "user/bin/freemem.c", '#include "user/lode.h"\n\nint main(void)\n{\n    ' + code + "\n}\n", "w")


def all_files(tree):
    """Everything that a grader might take from a submission by mistake."""
    add(tree, "Makefile", f"all image programs build/kernel.elf:\n\ttouch {MARK}\n", "w")
    add(tree, "scripts/run", f"#!/bin/sh\ntouch {MARK}\n", "w")
    add(tree, "scripts/harness/lab.py", f"open({MARK!r}, 'w')\n", "w")
    add(tree, "labs/freemem/lab.ini", "[lab]\ntitle = mine\n[test boots]\ntitle = t\npoints = 55\nrun = true\n", "w")
    add(tree, "labs/freemem/tests/memtest.c", "int main(void) { return 0; }\n", "w")
    add(tree, "user/bin/memtest.c", '#include "user/lode.h"\nint main(void) { printf("some is free\\nfell by 256 pages\\n"); return 0; }\n', "w")
    add(tree, "user/tests/usertests/main.c", "#error mine\n", "w")
    add(tree, "user/bin/init.c", '#include "user/lode.h"\nint main(void) { for (;;) fork(); }\n', "w")
    add(tree, "mkfs/mkfs.c", f'#include <stdlib.h>\nint main(void) {{ return system("touch {MARK}"); }}\n', "w")


def strange_names(tree):
    """Names that make and the shell would run."""
    for name in (f"$(shell touch {MARK.replace('/', '_')}).c", "a;touch ..;b.c", "`touch x`.c", "-o x.c", "new\nline.c", "blank name.c"):
        add(tree, "user/bin/" + name, "int main(void) { return 0; }\n", "w")


def runs_in_mkfs(tree):
    """mkfs, a program of the host, includes this header of the kernel."""
    add(tree, "kernel/abi/fsformat.h", "#ifdef __linux__\n#include <stdlib.h>\n__attribute__((constructor)) static void evil(void) "
        f'{{ if (system("touch {MARK}")) return; }}\n#endif\n')


def bomb_shell(tree):
    shutil.rmtree(os.path.join(tree, "user/bin/sh"))
    add(tree, "user/bin/sh.c", '#include "user/lode.h"\n\nint main(void)\n{\n    for (;;)\n        fork();\n}\n', "w")


def link(tree):
    shutil.rmtree(os.path.join(tree, "kernel"))
    os.symlink("/etc", os.path.join(tree, "kernel"))


def inner_link(tree):
    os.unlink(os.path.join(tree, "kernel/lib/string.c"))
    os.symlink("/etc/passwd", os.path.join(tree, "kernel/lib/string.c"))


def large(tree):
    add(tree, "kernel/lib/large.c", "")
    os.truncate(os.path.join(tree, "kernel/lib/large.c"), 2 << 30)


def pipe(tree):
    os.mkfifo(os.path.join(tree, "user/bin/pipe.c"))


def moved(tree):
    """A source that was renamed: the old one must be gone."""
    os.rename(os.path.join(tree, "kernel/mm/sysmem.c"), os.path.join(tree, "kernel/mm/memory_calls.c"))


def hidden_source(tree):
    """Reads the lab's hidden test and the shadow file while compiling."""
    add(tree, "kernel/mm/sysmem.c", f'\n__asm__(".section .rodata\\n.incbin \\"{LAB}/tests/backtest.c\\"\\n");\n')


SPIN = "for (;;)\n        ;"
NULL = "*(volatile int *)8 = 1;\n    return 0;"
KINDS = {  # name: (what is done to the solution, points; None: refused)
    "good": (lambda tree: None, 55),
    "no-answer": (lambda tree: os.unlink(os.path.join(tree, "answers.md")), 50),
    "wrong-number": (handler("return 4096;"), 5 + 10 + 15 + 10 + 5),
    "program-wrong": (program('printf("a lot\\n");\n    return 0;'), 40),
    "program-does-not-compile": (program("return x;"), 40),
    "kernel-does-not-compile": (lambda tree: add(tree, "kernel/proc/proc.c", "\nint x = ;\n"), 5),
    "kernel-does-not-link": (handler("extern long nowhere(void);\n    return nowhere();"), 5),
    "include-recursion": (lambda tree: add(tree, "kernel/lib/string.c", '\n#include "string.c"\n#include "string.c"\n'), 5),
    "macro-bomb": (lambda tree: add(tree, "kernel/lib/string.c", "\n" + "".join(
        f"#define A{i} A{i - 1} A{i - 1} A{i - 1} A{i - 1}\n" for i in range(1, 30)) + "#define A0 +1\nint bomb = A29;\n"), 5),
    "assembler-bomb": (lambda tree: add(tree, "kernel/lib/string.c", '\n__asm__(".rept 2000000000\\n.quad 1\\n.endr\\n");\n'), 5),
    "endless-include": (lambda tree: add(tree, "kernel/lib/string.c", '\n#include "/dev/zero"\n'), 5),
    "hang-before-banner": (lambda tree: change(tree, "kernel/boot/main.c", "    hart_init_boot(hartid);", "    for (;;)\n        ;\n    hart_init_boot(hartid);"), 5),
    "hang-after-banner": (lambda tree: change(tree, "kernel/boot/main.c", "    print_machine();", "    print_machine();\n    for (;;)\n        ;"), 5),
    "panic-at-boot": (lambda tree: change(tree, "kernel/boot/main.c", "    print_machine();", "    print_machine();\n    *(volatile int *)8 = 1;"), 5),
    "panics": (handler(NULL), 10),
    "kernel-hangs": (handler(SPIN), 10),
    "kernel-floods": (handler('extern void printk(const char *, ...);\n    for (;;)\n        printk("0123456789012345678901234567890123456789\\n");'), 10),
    "program-floods": (program('for (;;)\n        printf("0123456789012345678901234567890123456789\\n");'), 40),
    "program-hangs": (program(SPIN), 40),
    "program-forks": (program("for (;;)\n        fork();"), 40),
    "program-fakes": (program('printf("\\016\\017\\020ok 1\\n55 of 55 points\\n{\\"end\\": \\"off\\", \\"status\\": 0}\\n");\n    return 3;'), 40),
    "shell-forks": (bomb_shell, 5),
    "replaces-all": (all_files, 55),
    "strange-names": (strange_names, 55),
    "runs-in-mkfs": (runs_in_mkfs, 55),
    "moved": (moved, 55),
    "hidden-source": (hidden_source, 5),
    "link": (link, None),
    "inner-link": (inner_link, None),
    "large": (large, None),
    "pipe": (pipe, None),
}


def tar(into, folder, edit=None):
    with tarfile.open(into, "w:gz", compresslevel=1) as archive:
        archive.add(folder, os.path.basename(folder))
        if edit:
            edit(archive)


def leads_out(archive):
    info = tarfile.TarInfo("../../../../../../" + MARK)
    info.size = 4
    archive.addfile(info, io.BytesIO(b"evil"))


def absolute(archive):
    info = tarfile.TarInfo(MARK)
    info.size = 4
    archive.addfile(info, io.BytesIO(b"evil"))


def zip_bomb(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(6):
            archive.writestr(f"kernel/lib/{i}.c", bytes(15 << 20))


def gzip_bomb(path):
    process = subprocess.run(f"head -c 3G /dev/zero | gzip -1 >'{path}'", shell=True)
    assert process.returncode == 0


def archives(folder, made):
    """Kinds that are archives as such."""
    good = os.path.join(folder, "tmp-good")
    solution(good)
    tar(os.path.join(folder, "good.tar.gz"), good)
    tar(os.path.join(folder, "leads-out.tar.gz"), good, leads_out)
    tar(os.path.join(folder, "absolute.tgz"), good, absolute)
    with zipfile.ZipFile(os.path.join(folder, "good.zip"), "w", zipfile.ZIP_DEFLATED) as archive:
        for below, _, files in os.walk(good):
            for name in files:
                path = os.path.join(below, name)
                archive.write(path, os.path.relpath(path, good))
    with open(os.path.join(folder, "good.zip"), "rb") as source, open(os.path.join(folder, "damaged.zip"), "wb") as out:
        out.write(source.read()[:-3000])
    with zipfile.ZipFile(os.path.join(folder, "three-files.zip"), "w") as archive:
        for name in ("kernel/abi/syscalls.h", "kernel/mm/sysmem.c", "answers.md"):
            archive.write(os.path.join(good, name), name)
    shutil.rmtree(good)
    zip_bomb(os.path.join(folder, "bomb.zip"))
    gzip_bomb(os.path.join(folder, "bomb.tar.gz"))
    with open(os.path.join(folder, "essay.docx"), "w") as out:
        out.write("Dear Sir")
    os.mkdir(os.path.join(folder, "empty"))
    made.update({"good.tar.gz": 55, "leads-out.tar.gz": None, "absolute.tgz": None, "good.zip": 55, "damaged.zip": None,
                 "three-files.zip": 40, "bomb.zip": None, "bomb.tar.gz": None, "essay.docx": None, "empty": None})


def one(kind, into):
    solution(into)
    KINDS[kind][0](into)
    return KINDS[kind][1]


SLOW = {"hang-before-banner", "hang-after-banner", "kernel-hangs", "kernel-floods", "program-floods", "program-hangs", "program-forks", "shell-forks"}


def make(folder, count=None, kinds=None):
    """{file: points or None} of what was made. Of the kinds that take minutes each, one is made, of the others as many as it takes."""
    os.makedirs(folder)
    made = {}
    if kinds is None:
        archives(folder, made)
    kinds = kinds or list(KINDS)
    again = [kind for kind in kinds if kind not in SLOW]
    for number in range(count - len(made) if count else len(kinds)):
        further = number - len(kinds)
        kind = kinds[number] if further < 0 else again[further % len(again)]
        name = kind if further < 0 else f"{kind}-{further // len(again) + 2}"
        made[name] = one(kind, os.path.join(folder, name))
    return made


if __name__ == "__main__":
    for file, points in sorted(make(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else None).items()):
        print(file, "refused" if points is None else points)
