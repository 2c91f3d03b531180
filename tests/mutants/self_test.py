# SPDX-License-Identifier: MIT
"""self_test.py TOY TEST MUTANT COMPILER...: the tool finds what it is there to find, on a toy."""
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "house")]

import tap

try:
    import clang.cindex

    clang.cindex.Index.create()
except (ImportError, clang.cindex.LibclangError) as missing:
    print(f"1..0 # SKIP no libclang for Python: {missing}")
    sys.exit(0)

import mutate
import rows
import run


def asked(folder):
    """The toy's mutants, the numbers of those that live, and how the others died."""
    toy, test, mutant, *compiler = sys.argv[1:]
    text, mutants = mutate.mutated(pathlib.Path(toy), ["-std=c11"], "toy.c", 1)
    (folder / "toy.c").write_text(text)
    program = folder / "toy"
    subprocess.run([*compiler, "-w", "-std=c11", "-D_POSIX_C_SOURCE=200809L", f"-I{HERE}", folder / "toy.c", test, mutant, "-o", program],
                   check=True)
    runner = run.Runner([run.Test("toy", [str(program)])], len(mutants), 2, folder)
    left, counts = runner.all_asked(mutants)
    return mutants, left, counts


def the_one_mutant_that_no_test_finds_is_found():
    with tempfile.TemporaryDirectory() as folder:
        mutants, left, counts = asked(pathlib.Path(folder))
    names = [mutant.name for mutant in left]
    assert names == ["toy.c smaller: `return a < b ? a : b;`: `a < b` -> `a <= b`"], f"alive: {names}"
    assert counts["timeout"] >= 1, "sum_up_to() with last++ has no end"
    assert len(mutants) > 10, f"only {len(mutants)} mutants"


def a_row_may_say_something_else():
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "ending.c"
        source.with_name("ending.def").write_text('SENDING(OPEN, "open")\nSENDING(CLOSED, "closed, (truly)")\nACTION(NONE)\n'
                                                  'ACTION(DROP)\nSENDING_ROW(OPEN, ABORT, OPEN, NONE, "a reason")\n')
        text = 'static const int t[2] = {\n#define X\n#include "ending.def"\n};\n'
        text, copies, mutants = rows.rewritten(source, text, "src", "ending.c", 5)
    assert [(mutant.number, mutant.old, mutant.new) for mutant in mutants] == [(5, "OPEN", "CLOSED"), (6, "NONE", "DROP")], mutants
    assert "SENDING_ROW(OPEN, ABORT, ROW_5, ROW_6, \"a reason\")" in copies["ending_ending.def"]
    assert "#define ACTION_ROW_6 (mutant_is(6) ? ACTION_DROP : ACTION_NONE)" in copies["ending_ending.def"]
    assert '#include "ending_ending.def"' in text and "constructor" in text


def judged(listed, first, last, file="toy.c", quick=False):
    """listed: {kind: name}; the names that were left by the tests, and by all."""
    real_say, real_listed = run.say, run.listed
    try:
        run.say = lambda text: None
        run.listed = lambda kind: {listed[kind]: "why"} if kind in listed else {}
        return run.judged(first, last, {file}, quick)
    finally:
        run.say, run.listed = real_say, real_listed


ALIVE = mutate.Mutant("toy.c", "smaller", "line", "old", "new")


def what_is_not_explained_is_not_right_and_neither_is_what_is_explained_too_much():
    because = {"because": ALIVE.name}
    assert not judged({}, [ALIVE], [ALIVE])
    assert judged(because, [ALIVE], [ALIVE])
    assert not judged(because, [], [])
    assert judged(because, [], [], file="another.c"), "it is only about the files that were asked about"


def what_only_the_sanitizers_find_must_be_found_by_them():
    sanitized = {"sanitized": ALIVE.name}
    assert judged(sanitized, [ALIVE], [])
    assert judged(sanitized, [ALIVE], [ALIVE], quick=True), "they are not asked then"
    assert not judged(sanitized, [ALIVE], [ALIVE])
    assert not judged(sanitized, [], [])


tap.run(
    the_one_mutant_that_no_test_finds_is_found,
    a_row_may_say_something_else,
    what_is_not_explained_is_not_right_and_neither_is_what_is_explained_too_much,
    what_only_the_sanitizers_find_must_be_found_by_them,
)
