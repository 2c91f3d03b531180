#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Mutation testing: which wrong lines would the fast tests not see? See README.md.

usage: run.py [-j JOBS] [--scratch FOLDER] [--list | --quick] [FILE...]
"""
import argparse
import collections
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib

import mutate
import rows

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
CORE = sorted(str(path.relative_to(SOURCE)) for path in SOURCE.glob("src/core/*.c"))
# What makes verdicts, alerts and reasons of what OpenSSL says, as far as all its survivors are explained: see README.md.
ENGINE = [f"src/engine/{name}.c" for name in ("bio", "call", "refusal")]
INCLUDES = ["-Iinclude", "-Isrc/core", "-Isrc/engine"]
# A test that takes longer is asked one by one.
LONG = 0.06


@dataclasses.dataclass
class Test:
    name: str
    command: list
    which: str = None  # the one of its tests that is run; None: all
    seconds: float = 0
    passes_by: set = dataclasses.field(default_factory=set)
    reads_rows: set = dataclasses.field(default_factory=set)


# ------------------------------------------------ the tree with all mutants

def write(path, content):
    """Only if it is another, so that ninja has little to do."""
    if not path.exists() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def copy_source(tree):
    builds = {folder.parent for folder in SOURCE.rglob("meson-private")} | {SOURCE / ".git"}
    for path in SOURCE.rglob("*"):
        if path.is_file() and not builds & set(path.parents) and tree not in path.parents and "__pycache__" not in path.parts:
            relative = path.relative_to(SOURCE)
            if not (relative.parts[:1] == ("src",) and path.suffix in (".c", ".build")) and path.name != "meson.build" or \
                    relative.parts[:1] == ("tests",) and path.parent != SOURCE / "tests":
                write(tree / relative, path.read_bytes())
                shutil.copymode(path, tree / relative)


def narrow(tree):
    """Only the libraries and these tests are described: the rest need not even be in shape."""
    top = (SOURCE / "meson.build").read_text()
    top = re.sub(r"^(adieu_exe = executable\((?:.*\n)*?.*install: true\)|subdir\('(?!src|tests)\w+'\))\n", "", top, flags=re.M)
    write(tree / "meson.build", top.encode())
    tests = (SOURCE / "tests/meson.build").read_text()
    write(tree / "tests/meson.build", re.sub(r"^subdir\('(?!core|engine|sim)\w+'\)\n", "", tests, flags=re.M).encode())


def write_mutants(tree, files):
    """All sources, these with their mutants."""
    mutants = []
    arguments = [argument if not argument.startswith("-I") else f"-I{SOURCE / argument[2:]}" for argument in INCLUDES]
    for path in SOURCE.glob("src/**/*.c"):
        shown = str(path.relative_to(SOURCE))
        text = path.read_text()
        if shown in files:
            text, found = mutate.mutated(path, [*arguments, "-D_POSIX_C_SOURCE=200809L", "-std=c11"], shown, len(mutants) + 1)
            mutants += found
            text, copies, found = rows.rewritten(path, text, str(path.parent.relative_to(SOURCE)), shown, len(mutants) + 1)
            mutants += found
            for name, copy in copies.items():
                write(tree / path.parent.relative_to(SOURCE) / name, copy.encode())
        write(tree / shown, text.encode())
    build = (SOURCE / "src/meson.build").read_text().replace("core_sources = files(", "core_sources = files('core/mutant.c',")
    build = build.replace("include_directories('core'", "include_directories('../tests/mutants', 'core'")
    write(tree / "src/meson.build", build.encode())
    write(tree / "src/core/mutant.c", (HERE / "mutant.c").read_bytes())
    return mutants


def say(text):
    print(text, flush=True)


def must(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, **more)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}:\n{done.stdout[-6000:]}{done.stderr[-2000:]}")
    return done.stdout


def built(tree, folder, stage, jobs):
    """The tests that the stage wants, built."""
    if not (folder / "build.ninja").exists():
        must("meson", "setup", folder, tree, "-Dbuildtype=debug", "-Dc_args=-O1 -w", "-Dtests=enabled", "-Duv=disabled",
             "-Ddocs=disabled", *stage.options)
    must("ninja", "-C", folder, "build.ninja")
    tests = [test for test in json.loads(must("meson", "introspect", "--tests", folder)) if stage.wanted(test)]
    must("ninja", "-C", folder, f"-j{jobs}", *(str(pathlib.Path(test["cmd"][0]).relative_to(folder)) for test in tests))
    return [Test(test["name"], (test["cmd"][:1] if stage.arguments else test["cmd"]) + stage.arguments, reads_rows=reads_rows(test["name"])) for test in tests]


def reads_rows(name):
    """Of which kind."""
    folder, _, stem = name.partition("-")
    path = SOURCE / "tests" / folder / f"test_{stem}.c"
    return set(re.findall(r"^#define ([A-Z_]+)\(.*(?:\\\n.*)*\n#include \"\w+\.def", path.read_text(), re.M)) if path.exists() else set()


# ------------------------------------------------ running

def run(command, test=None, bound_ms=60000, **environment):
    """None: it passed; else how it ended."""
    variables = {**os.environ, "ASAN_OPTIONS": "symbolize=0", "MUTANT_MS": str(bound_ms), **environment}
    if test:
        variables["MUTANT_TEST"] = test
    try:
        done = subprocess.run(command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
    except subprocess.TimeoutExpired:
        return "timeout"
    if done.returncode == -signal.SIGXCPU:
        return "timeout"
    return None if done.returncode == 0 else "killed"


class Runner:
    def __init__(self, tests, count, jobs, scratch):
        self.jobs, self.count, self.scratch = jobs, count, scratch
        self.last_killer = {}
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            self.tests = sorted((test for found in pool.map(self.looked_at, tests) for test in found),
                                key=lambda test: test.seconds)

    def timed(self, test, which=None):
        seen = self.scratch / f"seen.{test.name}.{which or ''}"
        seen.write_bytes(bytes(self.count + 1))
        start = time.monotonic()
        how = run(test.command, which, MUTANT_SEEN=str(seen))
        if how:
            raise SystemExit(f"{test.name} {which or ''}: {how} without a mutant")
        passes_by = {number for number, byte in enumerate(seen.read_bytes()) if byte}
        seen.unlink()
        return Test(test.name, test.command, which, time.monotonic() - start, passes_by, test.reads_rows)

    def looked_at(self, test):
        """What it passes by; one that is long in its parts."""
        whole = self.timed(test)
        if whole.seconds < LONG:
            return [whole]
        listed = must(*test.command, env={**os.environ, "CMOCKA_MESSAGE_OUTPUT": "TAP"})
        return [self.timed(test, name) for name in re.findall(r"^ok \d+ - (?:.*: )?(\w+)$", listed, re.M)] or [whole]

    def asked(self, mutant):
        """How it died, or None."""
        row = mutant.line.partition("(")[0] if mutant.function == "row" else None
        tests = [test for test in self.tests if mutant.number in test.passes_by and row not in test.reads_rows]
        place = (mutant.file, mutant.function)
        tests.sort(key=lambda test: test is not self.last_killer.get(place))
        for test in tests:
            how = run(test.command, test.which, int(300 + 10000 * test.seconds), MUTANT=str(mutant.number))
            if how:
                self.last_killer[place] = test
                return how
        return None

    def all_asked(self, mutants):
        left, counts = [], collections.Counter()
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            for mutant, how in zip(mutants, pool.map(self.asked, mutants)):
                counts[how] += 1
                if not how:
                    left.append(mutant)
                    write_names(self.scratch, left)  # to be looked at while it runs
        return left, counts


def write_names(scratch, left):
    (scratch / "survivors.txt").write_text("".join(f"{mutant.name}\n" for mutant in left))


# ------------------------------------------------ the answer

def listed(kind):
    """{a survivor's name: why}: because, it may live; sanitized, only the second round finds it"""
    with open(HERE / "survivors.toml", "rb") as file:
        return {name: reason["why"] for reason in tomllib.load(file).get(kind, []) for name in reason["mutants"]}


@dataclasses.dataclass
class Stage:
    """Each gets what the one before left over."""
    name: str
    wanted: callable
    folder: str = "plain"
    options: list = dataclasses.field(default_factory=list)
    arguments: list = dataclasses.field(default_factory=list)
    tells: bool = False  # which it was that finds them


def stages(files):
    core_only = all("/core/" in file for file in files)

    def fast(test):
        return test["name"].startswith("core-") or test["name"] == "engine-stories" or \
            not core_only and test["name"].startswith("engine-") and "adieu:c" in test["suite"]

    def simulated(test):
        return test["name"] == ("sim-scripted" if core_only else "sim-openssl")

    return [Stage("the tests", fast),
            Stage("the tests, under the sanitizers", fast, "sanitized", ["-Db_sanitize=address,undefined"]),
            Stage("the simulation", simulated, arguments=["--count", "50000" if core_only else "2000"], tells=True)]


def judged(left_by_tests, left, files, quick):
    """Prints what is wrong; whether nothing is. The second is what the later rounds found neither."""
    reasons, sanitized = listed("because"), listed("sanitized")
    first, last = {mutant.name for mutant in left_by_tests}, {mutant.name for mutant in left}
    unexplained = sorted(last - set(reasons) - (set(sanitized) if quick else set()))
    stale = sorted(name for name in set(reasons) | set(sanitized) if name not in first and name.split(" ")[0] in files)
    for name in unexplained:
        say(f"not found by any test, and not explained: {name}")
    for name in stale:
        say(f"explained in survivors.toml, but found by a test, or no more there: {name}")
    for name in sorted(set(reasons) & (first - last)):
        say(f"explained, and found by a later round; no failure, but look at it: {name}")
    per_file = collections.Counter(name.split(" ")[0] for name in unexplained)
    say(f"{len(last) - len(unexplained)} survivors explained, {len(unexplained)} not; {len(stale)} explanations too many")
    for file, count in sorted(per_file.items()):
        say(f"  {file}: {count}")
    return not unexplained and not stale


def asked_about(files, options, scratch):
    tree = scratch / ("list" if options.list else "tree")  # who only looks disturbs nobody who runs
    copy_source(tree)
    narrow(tree)
    mutants = write_mutants(tree, files)
    if options.list:
        say("\n".join(mutant.name for mutant in mutants))
        return True
    shown = {mutant.file for mutant in mutants}
    left, first, started = mutants, None, time.monotonic()
    for stage in stages(files)[:1 if options.quick else None]:
        if not left:
            break
        tests = built(tree, scratch / stage.folder, stage, options.jobs)
        before = left
        left, counts = Runner(tests, len(mutants), options.jobs, scratch).all_asked(before)
        first = left if first is None else first
        say(f"{stage.name}: of {len(before)} mutants {counts['killed']} found, {counts['timeout']} by a timeout, {len(left)} left; "
            f"{time.monotonic() - started:.0f} s so far")
        if stage.tells:
            say("".join(f"found by {stage.name} only: {mutant.name}\n" for mutant in before if mutant not in left).rstrip())
        write_names(scratch, left)
    return judged(first or [], left, shown, options.quick)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--scratch", type=pathlib.Path, default=SOURCE / "build.d" / "mutants")
    parser.add_argument("--list", action="store_true", help="only print the mutants")
    parser.add_argument("--quick", action="store_true", help="without the sanitizers, which find a few more")
    parser.add_argument("file", nargs="*")
    options = parser.parse_args()
    files = [str(pathlib.Path(file)) for file in options.file] or CORE + ENGINE
    for file in files:
        if not re.fullmatch(r"src/(core|engine)/\w+\.c", file) or not (SOURCE / file).exists():
            parser.error(f"{file}: it must be a C file of src/core or src/engine")
    groups = [[file for file in files if ("/core/" in file) == core] for core in (True, False)]  # each has tests of its own
    results = [asked_about(group, options, options.scratch.resolve()) for group in groups if group]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
