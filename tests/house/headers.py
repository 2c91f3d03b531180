# SPDX-License-Identifier: MIT
"""headers.py HEADER...: each public header compiles by itself, in C and in C++."""
import pathlib
import shutil
import subprocess
import sys

import tap

HEADERS = [pathlib.Path(arg) for arg in sys.argv[1:]]
WARNINGS = ["-Werror", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wundef"]


def compiles(compiler, language, standard, *more):
    if not shutil.which(compiler):
        raise tap.Skip(f"{compiler} is not installed")
    for header in HEADERS:
        # Twice, so that a forgotten guard shows too.
        program = f'#include "{header.name}"\n#include "{header.name}"\nint main(void);\nint main(void) {{ return 0; }}\n'
        run = subprocess.run([compiler, "-x", language, f"-std={standard}", "-fsyntax-only", *WARNINGS, *more,
                              "-I", str(header.parent), "-"], input=program, capture_output=True, text=True)
        assert run.returncode == 0, f"{header.name} with {compiler} as {standard}:\n{run.stderr}"


def each_header_compiles_alone_as_c11_with_gcc():
    compiles("gcc", "c", "c11", "-D_POSIX_C_SOURCE=200809L", "-Wstrict-prototypes", "-Wshadow")


def each_header_compiles_alone_as_c11_with_clang():
    compiles("clang", "c", "c11", "-D_POSIX_C_SOURCE=200809L", "-Wstrict-prototypes", "-Wshadow")


def each_header_compiles_alone_as_cpp11_with_clang():
    compiles("clang++", "c++", "c++11")


def each_header_compiles_alone_as_cpp20_with_gcc():
    compiles("g++", "c++", "c++20")


tap.run(
    each_header_compiles_alone_as_c11_with_gcc,
    each_header_compiles_alone_as_c11_with_clang,
    each_header_compiles_alone_as_cpp11_with_clang,
    each_header_compiles_alone_as_cpp20_with_gcc,
)
