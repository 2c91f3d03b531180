# SPDX-License-Identifier: MIT
"""parity.py SOURCE: docs/parity.md answers every row, docs/ordering.md every pair, and the tests that both name are there."""
import itertools
import pathlib
import re
import sys

import tap

SOURCE = pathlib.Path(sys.argv[1])
PARITY, ORDERING = ((SOURCE / "docs" / name).read_text() for name in ("parity.md", "ordering.md"))
ROWS = [f"D{number}" for number in range(1, 33)] + [f"A{number}" for number in range(1, 25)]
# What is asked of SslStream.ShutdownAsync, in the order of the questions.
SHUTDOWN = ["what it does", "when it is complete", "reads after it", "writes after it", "a second call", "before and during the handshake",
            "after a failed handshake", "after the handle was freed", "with a write in flight", "with a read pending",
            "if close_notify cannot be sent", "after a fatal error", "the peer's close_notify came first",
            "an answer to the peer's close_notify", "OpenSSL's error queue", "what it means"]


def tests_there_are():
    """C tests and house checks are functions; cells and scenes are strings in a table; pytest has its own prefix."""
    text = "".join(file.read_text() for kind in ("*.c", "*.h", "*.py") for file in (SOURCE / "tests").rglob(kind)
                   if file != pathlib.Path(__file__).resolve())
    return set(re.findall(r"^(?:static )?(?:void|int|def) (?:test_)?(\w+)\(", text, re.MULTILINE)) | set(re.findall(r'"(\w+)"', text))


THERE = tests_there_are()


def tables(text):
    """Each table as a list of rows of cells; its head is the first row."""
    for is_row, lines in itertools.groupby(text.splitlines(), lambda line: line.startswith("|")):
        if is_row:
            rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
            yield [row for row in rows if not set("".join(row)) <= set("-: ")]


def named(text):
    """Names in code that can only be tests': several words, and nothing of ours or libuv's."""
    return [name for name in re.findall(r"`([a-z]\w*)`", text)
            if name.count("_") >= 2 and not name.startswith(("adieu_", "uv_", "test_"))]


def none_of(wrong, what):
    assert not wrong, f"{what}:\n" + "\n".join(wrong)


def answers():
    """(row's name, answer) of every table that has an answer."""
    found = [(row[0], row[-1]) for table in tables(PARITY) for row in table[1:] if table[0][-1] == "ours"]
    assert found, "docs/parity.md has no table with a column \"ours\": the check is broken"
    return found


def every_row_is_there_once_and_in_order():
    rows = [row for row, _ in answers()]
    assert rows == ROWS[:32] + SHUTDOWN + ROWS[32:], "missing: " + ", ".join(
        row for row in ROWS + SHUTDOWN if rows.count(row) != 1) or "another order"


def every_row_is_ours_with_a_test_or_has_a_reason():
    none_of([row for row, answer in answers() if not named(answer) and not re.search(r"\*not ours:\* \w.{15,}", answer)],
            "neither a test nor \"*not ours:* why\"")


def the_tests_that_are_named_are_there():
    for page, text in (("parity.md", PARITY), ("ordering.md", ORDERING)):
        names = set(named(text))
        assert names, f"docs/{page} names no test: the check is broken"
        none_of(sorted(names - THERE), f"docs/{page} names tests that are not there")


def cells():
    """The test of each cell of the ordering tables."""
    for table in tables(ORDERING):
        for row in table[1:]:
            for second, outcome in zip(table[0][1:], row[1:]):
                yield f"{row[0]}_then_{second}_is_{outcome}"


def every_pair_of_pending_operations_has_its_test():
    names = list(cells())
    assert len(names) > 80, f"only {len(names)} cells: the check is broken"
    none_of([name for name in names if name not in THERE], "no such tests")


def every_test_of_a_pair_is_on_the_page():
    tests = (SOURCE / "tests" / "uv" / "test_ordering.c").read_text()
    none_of(sorted(set(re.findall(r"\b\w+_then_\w+_is_\w+\b", tests)) - set(cells())), "not on the page")


tap.run(
    every_row_is_there_once_and_in_order,
    every_row_is_ours_with_a_test_or_has_a_reason,
    the_tests_that_are_named_are_there,
    every_pair_of_pending_operations_has_its_test,
    every_test_of_a_pair_is_on_the_page,
)
