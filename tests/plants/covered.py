# SPDX-License-Identifier: MIT
"""
covered.py TREE FOLDER CC...: compiles the core of a tree so that what runs is counted, runs one of its tests, and prints the table of coverage. It
always complains, since one test does not run everything: what remains is listed, and that is what is to be looked at.
"""
import pathlib
import subprocess
import sys

TREE, FOLDER, CC = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3:]


def main():
    tests = TREE / "tests" / "core"
    sources = [*sorted((TREE / "src" / "core").glob("*.c")), *(tests / f"{name}.c" for name in ("fake_engine", "scripted", "test_queue"))]
    where = [f"-I{TREE / place}" for place in ("include", "src", "src/core", "tests/core")]
    subprocess.run([*CC, "-w", "--coverage", "-std=c11", "-D_POSIX_C_SOURCE=200809L", *where, *sources, "-lcmocka", "-o", "counted"],
                   cwd=FOLDER, check=True)
    subprocess.run([FOLDER / "counted"], cwd=FOLDER, check=True, capture_output=True)
    sys.exit(subprocess.run([sys.executable, TREE / "tests" / "house" / "coverage.py", FOLDER], check=False).returncode)


main()
