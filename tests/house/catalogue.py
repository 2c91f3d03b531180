# SPDX-License-Identifier: MIT
"""catalogue.py SOURCE: the peer's table of scenarios, and the heads of its scripts, say the same."""
import fnmatch
import pathlib
import re
import sys

import tap

SOURCE = pathlib.Path(sys.argv[1])
TABLE = SOURCE / "tests" / "peer" / "CATALOGUE.md"
SCRIPTS = {file.stem: file.read_text() for file in (SOURCE / "tests" / "peer" / "scripts").glob("*.script")}
ROWS = dict(re.findall(r"^\| ([A-N]\d+) \| .* \| (.*) \|$", TABLE.read_text(), re.MULTILINE))
# How many scenarios each group of the catalogue has, of those that the table has whole.
GROUPS = {"A": 30, "B": 19, "C": 20, "D": 19, "E": 34, "F": 25, "G": 16}


def head(script, word):
    """What the head's line says behind its word."""
    return re.search(rf"^{word} (.*)$", SCRIPTS[script], re.MULTILINE)[1]


def named(number):
    """The names in the row, and the scripts that they are."""
    names = re.findall(r"`([A-Z]\d+-[^`]*)`", ROWS[number])
    return names, {script for name in names for script in fnmatch.filter(SCRIPTS, name)}


def every_scenario_of_the_groups_has_a_row():
    assert len(SCRIPTS) > 100, f"only {len(SCRIPTS)} scripts: the check is broken"
    missing = [f"{group}{i}" for group, most in GROUPS.items() for i in range(1, most + 1) if f"{group}{i}" not in ROWS]
    assert not missing, f"not in {TABLE.name}: {' '.join(missing)}"


def every_number_of_a_script_has_a_row_that_names_it():
    wrong = [f"{script}: {number}" for script in sorted(SCRIPTS) for number in head(script, "scenario").split()
             if number not in ROWS or script not in named(number)[1]]
    assert not wrong, f"not named in {TABLE.name}:\n" + "\n".join(wrong)


def every_script_that_a_row_names_is_there_and_has_its_number():
    gone = [f"{number}: {name}" for number in ROWS for name in named(number)[0] if not fnmatch.filter(SCRIPTS, name)]
    assert not gone, "no such scripts:\n" + "\n".join(gone)
    other = [f"{number}: {script}" for number in ROWS for script in sorted(named(number)[1])
             if number not in head(script, "scenario").split()]
    assert not other, "scripts of other scenarios:\n" + "\n".join(other)


def every_other_test_that_a_row_names_is_there():
    paths = [path for shown in ROWS.values() for path in re.findall(r"`(tests/[^`]*)`", shown)]
    gone = [path for path in paths if not (SOURCE / path).exists()]
    assert paths and not gone, "no such tests:\n" + "\n".join(gone)


def a_row_without_a_test_says_why():
    silent = [number for number, shown in ROWS.items()
              if "`" not in shown and not shown.startswith("a wire cannot show it: ")]
    assert not silent, f"neither a test nor a reason: {' '.join(silent)}"


def no_two_scripts_claim_the_same():
    claims = {}
    for script in sorted(SCRIPTS):
        claims.setdefault(head(script, "claim"), []).append(script)
    twice = [" and ".join(scripts) for scripts in claims.values() if len(scripts) > 1]
    assert not twice, "the same claim:\n" + "\n".join(twice)


def no_two_scripts_play_the_same():
    plays = {}
    for script, text in sorted(SCRIPTS.items()):
        lines = [line for line in text.splitlines() if not re.match(r"#|scenario |claim |$", line)]
        plays.setdefault("\n".join(lines), []).append(script)
    twice = [" and ".join(scripts) for scripts in plays.values() if len(scripts) > 1]
    assert not twice, "the same play:\n" + "\n".join(twice)


tap.run(
    every_scenario_of_the_groups_has_a_row,
    every_number_of_a_script_has_a_row_that_names_it,
    every_script_that_a_row_names_is_there_and_has_its_number,
    every_other_test_that_a_row_names_is_there,
    a_row_without_a_test_says_why,
    no_two_scripts_claim_the_same,
    no_two_scripts_play_the_same,
)
