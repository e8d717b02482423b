#!/usr/bin/env python3
"""Tests of the documents: what they name is there. Prints TAP."""
import glob
import os
import re
import sys

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# To be written by the reader, and names as #include has them. (A NAME in a path is a placeholder.)
EXAMPLES = {"user/bin/harts.c", "tests/hartcheck.c", "kernel/proc/sysharts.c", "user/bin/hi.c", "user/bin/freemem.c", "user/lode.h", "user/user.h", "kernel/types.h",
            "kernel/param.h"}


def read(path):
    with open(os.path.join(TREE, path), encoding="utf-8") as f:
        return f.read()


def documents():
    names = glob.glob("**/*.md", root_dir=TREE, recursive=True)
    # A lab's links are right in labs/, which is not where the one of the grader's tests lies.
    return sorted(n for n in names if not n.startswith(("build", "tests/grade/")))


def tests_of_usertests():
    known = set()
    for path in glob.glob(os.path.join(TREE, "user/tests/usertests/*.c")):
        known.update(re.findall(r"(?:TEST|SLOW)\w*\((\w+)", read(path)))
    return known


def mutants_name_tests():
    """Each test that has to catch a fault exists."""
    known, problems = tests_of_usertests(), []
    for path in sorted(glob.glob(os.path.join(TREE, "tests/mutants/*.mutant"))):
        for number, line in enumerate(read(path).splitlines(), 1):
            words = re.match(r"run\s*=\s*usertests\s+(.*)", line)
            problems += [f"{os.path.relpath(path, TREE)}:{number} names {word}, which is no test"
                         for word in (words.group(1).split() if words else []) if re.fullmatch(r"\w+", word) and word not in known]
    return problems


def pitfalls_name_tests():
    """Each test that docs/pitfalls.md names exists, in the guest or in tests/boot."""
    known = tests_of_usertests()
    for path in glob.glob(os.path.join(TREE, "tests/boot/test_*.py")):
        known.update(re.findall(r"^def (\w+)", read(path), re.MULTILINE))
    named = re.findall(r"`(\w+)`", "".join(line for line in read("docs/pitfalls.md").splitlines(True)
                                            if line.startswith("| ")))
    return [f"docs/pitfalls.md names {name}, which is no test" for name in named
            if name not in known and name not in ("read", "sbrk", "pipe")]


def links_lead_somewhere():
    """Relative links, and paths in the tree that are named as such."""
    problems = []
    for document in documents():
        text = re.sub(r"^ {4}.*$", "", read(document), flags=re.MULTILINE)  # without examples of documents
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
            if "://" not in target and not os.path.exists(os.path.join(TREE, os.path.dirname(document), target)):
                problems.append(f"{document}: a link to {target}, which is not there")
    return problems


def paths_exist():
    problems = []
    for document in documents():
        for path in re.findall(r"\b(?:kernel|user|tests|mkfs|scripts|docs)/[\w./-]*\w\.(?:c|h|S|py|md|ld|sh)\b", read(document)):
            there = os.path.exists(os.path.join(TREE, path)) or os.path.exists(os.path.join(TREE, os.path.dirname(document), path))
            if not there and "NAME" not in path and not document.startswith("labs/") and path not in EXAMPLES:
                problems.append(f"{document}: names {path}, which is not there")
    return problems


def main():
    tests = [pitfalls_name_tests, mutants_name_tests, links_lead_somewhere, paths_exist]
    failed = 0
    print(f"1..{len(tests)}")
    for number, test in enumerate(tests, 1):
        problems = test()
        for problem in problems:
            print(f"# {problem}")
        print(f"{'not ' if problems else ''}ok {number} - {test.__name__}")
        failed += bool(problems)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
