# SPDX-License-Identifier: MIT
"""
test_soak.py SOURCE BUILD: the soak, a few seconds of it: each story once with a client of each kind, in each version and each role, and nothing
is left. ADIEU_SOAK_SEED is the first seed.
"""
import os
import pathlib
import sys
import tempfile

import tap

SOURCE, BUILD = map(pathlib.Path, sys.argv[1:])
sys.path.insert(0, str(SOURCE / "tests" / "soak" / "driver"))

import programs  # noqa: E402
import report  # noqa: E402
import session  # noqa: E402
import truth  # noqa: E402

# The first seed names what server each story meets; the time of day has no say in it.
SEED = int(os.environ.get("ADIEU_SOAK_SEED", "1"))
RATE = 150
FACTS = {}


def soak(folder):
    """One round of all stories; what was seen is kept for the tests behind this one."""
    stories = truth.stories_of(str(BUILD / "tests" / "soak" / "soak"))
    run = session.Session(session.Wanted(BUILD, folder, 60, RATE, SEED, len(stories) * 4, strangers=False))
    try:
        run.open_files()
        run.start()
        FACTS["before"] = run.quiet_figures()
        run.run_round()
        FACTS["after"] = run.quiet_figures()
    finally:
        FACTS["statuses"] = run.end()
        FACTS["joint"] = run.truth.joint
        FACTS["seen"] = {(run.truth.stories[story].name, side, swapped) for story, side, swapped, _ in run.truth.seen}
        FACTS["stories"] = stories


def every_connection_ends_as_its_story_says():
    with tempfile.TemporaryDirectory() as folder:
        try:
            soak(pathlib.Path(folder))
        except (truth.Lie, programs.Broken) as trouble:
            raise AssertionError(str(trouble)) from None


def was_whole():
    if "after" not in FACTS:
        raise tap.Skip("the run was stopped")


def all_sixteen_endings_are_among_them():
    was_whole()
    missing = [ending for ending in report.REACHABLE if not FACTS["joint"].get(ending)]
    assert not missing, f"never seen: {', '.join(missing)}"


def every_story_was_told_by_both_sides():
    was_whole()
    both = [story.name for story in FACTS["stories"] if not story.limits & truth.VANISHES]
    missing = [f"{name}, {side}" for name in both for side in ("client", "server") if not any((name, side, swapped) in FACTS["seen"] for swapped in (0, 1))]
    assert not missing, "; ".join(missing)


def nothing_is_left_when_nobody_lives():
    was_whole()
    for name, figures in FACTS["after"].items():
        if "TSAN_OPTIONS" in os.environ:  # it has a thread of its own
            figures = (figures[0], FACTS["before"][name][1])
        assert figures == FACTS["before"][name], f"{name} has (descriptors, threads) {figures}, and had {FACTS['before'][name]}"


def every_program_ends_well():
    wrong = {name: status for name, status in FACTS["statuses"].items() if status != 0}
    assert not wrong, f"statuses: {wrong}"


tap.run(
    every_connection_ends_as_its_story_says,
    all_sixteen_endings_are_among_them,
    every_story_was_told_by_both_sides,
    nothing_is_left_when_nobody_lives,
    every_program_ends_well,
)
