# SPDX-License-Identifier: MIT
"""
catalogue.py SOURCE: docs/catalogue.md has every ending once, and the tests and scripts that it names are there and run; so do those of docs/found.md.
"""
import fnmatch
import pathlib
import re
import sys

import tap

SOURCE = pathlib.Path(sys.argv[1])
TABLE = SOURCE / "docs" / "catalogue.md"
SCRIPTS = {file.stem: file.read_text() for file in (SOURCE / "tests" / "peer" / "scripts").glob("*.script")}
CELLS = re.findall(r"^\| ([A-N]\d+) \| (.*?) \| (.*?) \| (.*) \|$", TABLE.read_text(), re.MULTILINE)
ROWS = {number: shown for number, _, _, shown in CELLS}
# How many endings each group of the catalogue has.
GROUPS = {"A": 30, "B": 19, "C": 20, "D": 19, "E": 34, "F": 25, "G": 16, "H": 19, "I": 10, "J": 12, "K": 12, "L": 12, "M": 13, "N": 8}
# How a function becomes a test that runs.
ENTRY = r"(?:cmocka_unit_test\w*|uv_unit_test|relay_test|SCENARIO)\(\s*{}\b"


def head(script, word):
    """What the head's line says behind its word."""
    return re.search(rf"^{word} (.*)$", SCRIPTS[script], re.MULTILINE)[1]


def named(number):
    """The names in the row, and the scripts that they are."""
    names = re.findall(r"`([A-Z]\d+-[^`]*)`", ROWS[number])
    return names, {script for name in names for script in fnmatch.filter(SCRIPTS, name)}


def tests_of(shown):
    """(file, name) of each test that is no script."""
    return re.findall(r"`(tests/[^`: ]*): (\w+)`", shown)


def runs(path, name):
    """Whether the file has a test of that name which is run: an entry in its table, or what pytest finds by itself."""
    file = SOURCE / path
    if not file.exists():
        return False
    text = file.read_text()
    if file.suffix == ".c":
        return bool(re.search(ENTRY.format(name), text) or f'{{"{name}", ' in text)
    entry = rf"^    {name},$" if path.startswith("tests/house/") else ""
    return bool(re.search(rf"^def {name}\(", text, re.MULTILINE) and re.search(entry, text, re.MULTILINE))


def every_ending_has_its_row_once_and_in_order():
    assert len(SCRIPTS) > 100, f"only {len(SCRIPTS)} scripts: the check is broken"
    wanted = [f"{group}{i}" for group, most in GROUPS.items() for i in range(1, most + 1)]
    found = [number for number, *_ in CELLS]
    assert len(wanted) == 249 and found == wanted, "missing or twice: " + (" ".join(
        number for number in dict.fromkeys(wanted + found) if found.count(number) != 1) or "none, but in another order")


def every_row_says_what_must_be_seen():
    silent = [number for number, scenario, seen, _ in CELLS if len(scenario) < 4 or len(seen) < 4]
    assert not silent, f"nothing is to be seen: {' '.join(silent)}"


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


def every_other_test_that_a_row_names_is_run():
    tests = [(number, *test) for number, shown in ROWS.items() for test in tests_of(shown)]
    assert len(tests) > 200, f"only {len(tests)} tests: the check is broken"
    gone = [f"{number}: {path}: {name}" for number, path, name in tests if not runs(path, name)]
    assert not gone, "no such tests, or they are not run:\n" + "\n".join(gone)
    paths = [path for shown in ROWS.values() for path in re.findall(r"`(tests/[^`:]*)`", shown)]
    gone = [path for path in paths if not (SOURCE / path).exists()]
    assert not gone, "no such files:\n" + "\n".join(gone)


def every_row_has_a_test_or_is_not_ours_for_a_reason():
    silent = [number for number, shown in ROWS.items()
              if not named(number)[0] and not tests_of(shown) and not re.search(r"^not ours: \w.{15,}", shown)]
    assert not silent, f"neither a test nor \"not ours: why\": {' '.join(silent)}"


def whatever_was_found_names_a_test_that_is_run():
    sections = (SOURCE / "docs" / "found.md").read_text().split("\n## ")
    found = "\n".join(section for section in sections if not section.startswith("What was run"))
    rows = re.findall(r"^\| (.*) \| .* \| (.*) \|$", found, re.MULTILINE)
    assert len(rows) > 20, f"only {len(rows)} rows: the check is broken"
    lost = [what for what, shown in rows if what not in ("what was wrong", "---") and
            ("`tests/" not in shown or not all(runs(path, name) for path, name in tests_of(shown)))]
    assert not lost, "no test that is run:\n" + "\n".join(lost)


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
    every_ending_has_its_row_once_and_in_order,
    every_row_says_what_must_be_seen,
    every_number_of_a_script_has_a_row_that_names_it,
    every_script_that_a_row_names_is_there_and_has_its_number,
    every_other_test_that_a_row_names_is_run,
    every_row_has_a_test_or_is_not_ours_for_a_reason,
    whatever_was_found_names_a_test_that_is_run,
    no_two_scripts_claim_the_same,
    no_two_scripts_play_the_same,
)
