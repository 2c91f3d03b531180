# SPDX-License-Identifier: MIT
"""scenarios.py SOURCE [--print]: every scenario of parity has a test, and the table in tests/scenarios/README.md tells which.

--print writes the table, to be put between the README's marks."""
import pathlib
import re
import sys

import tap

SOURCE = pathlib.Path(sys.argv[1])
FOLDER = SOURCE / "tests" / "scenarios"
README = FOLDER / "README.md"
FILES = sorted(FOLDER.glob("test_*.c"))
HEADERS = "".join(file.read_text() for file in sorted(FOLDER.glob("*.h")))
LAST = 80
# The sets of places that scene.h names, and those that a file names for itself.
WORDS = {"ON_12": "TLS 1.2", "ON_13": "TLS 1.3", "AS_CLIENT": "client", "AS_SERVER": "server", "IN_MEMORY": "memory",
         "OVER_TCP": "tcp", "OVER_UNIX": "unix", "OVER_UV": "libuv"}
SETS = {"OVER_SOCKETS": ["OVER_TCP", "OVER_UNIX", "OVER_UV"]}
ROW = re.compile(r"SCENARIO\(\s*((s\d+)_\w+),\s*([^)]*?)\s*\),?")
BEGIN, END = "<!-- printed -->\n", "<!-- end -->\n"


def without(mask, text):
    """The places that a mask takes away from EVERYWHERE, in the order of WORDS; text: where it may be named."""
    named = {name: body for name, body in re.findall(r"(\w+) = (EVERYWHERE[^,;}]*?)\s*[,}]", text)}
    gone = set()
    for word in re.findall(r"\w+", mask):
        if word in named:
            gone.update(without(named[word], text))
        elif word != "EVERYWHERE":
            gone.update(SETS.get(word, [word]))
    unknown = gone - WORDS.keys()
    assert not unknown, f"what is {unknown}?"
    return [word for word in WORDS if word in gone]


def rows():
    """(number, test, file, places that are left out), by number."""
    found = []
    for file in FILES:
        text = file.read_text() + HEADERS
        found += [(int(number[1:]), name, file, without(mask, text)) for name, number, mask in ROW.findall(text)]
    return sorted(found, key=lambda row: row[0])


def table():
    lines = ["| | test | in | not |", "| --- | --- | --- | --- |"]
    for number, name, file, gone in rows():
        claim = name.partition("_")[2]
        lines.append(f"| S{number} | `{claim}` | `{file.name}` | {', '.join(WORDS[word] for word in gone)} |")
    return "\n".join(lines) + "\n"


def every_scenario_has_a_test():
    assert len(FILES) > 5, f"only {len(FILES)} files of tests: the check is broken"
    numbers = {row[0] for row in rows()}
    missing = [f"S{i}" for i in range(1, LAST + 1) if i not in numbers]
    assert not missing, f"without a test: {' '.join(missing)}"
    assert not numbers - set(range(1, LAST + 1)), "there is no such scenario"


def every_test_is_in_a_table():
    played = {row[1] for row in rows()}
    lost = [f"{file.name}: {name}" for file in FILES
            for name in re.findall(r"^static void (s\d+_\w+)\(struct scene", file.read_text(), re.MULTILINE)
            if name not in played]
    assert not lost, "never played:\n" + "\n".join(lost)


def whatever_is_left_out_has_its_reason_beside_it():
    silent = []
    for file in FILES:
        reason = False
        for line in re.sub(r"(SCENARIO\(\w+),\s*\n\s*", r"\1, ", file.read_text()).splitlines():
            if re.match(r"\s*/\*", line):
                reason = True
            elif "SCENARIO(" in line and re.search(r",\s*EVERYWHERE\s*\)", line):
                reason = False
            elif "SCENARIO(" in line and not reason and "/*" not in line:
                silent.append(f"{file.name}: {line.strip()}")
    assert not silent, "left out without a reason:\n" + "\n".join(silent)


def the_table_of_the_readme_is_as_it_would_be_printed():
    text = README.read_text()
    printed = text.partition(BEGIN)[2].partition(END)[0]
    assert printed.strip() == table().strip(), f"print it anew: {sys.argv[0]} {SOURCE} --print"


def every_path_that_the_readme_names_is_there():
    gone = [path for path in re.findall(r"`(tests/[^`*]*)`", README.read_text()) if not (SOURCE / path).exists()]
    assert not gone, "no such files:\n" + "\n".join(gone)


if "--print" in sys.argv:
    text = README.read_text()
    README.write_text(text.partition(BEGIN)[0] + BEGIN + "\n" + table() + "\n" + END + text.partition(END)[2])
    sys.exit()
tap.run(
    every_scenario_has_a_test,
    every_test_is_in_a_table,
    whatever_is_left_out_has_its_reason_beside_it,
    the_table_of_the_readme_is_as_it_would_be_printed,
    every_path_that_the_readme_names_is_there,
)
