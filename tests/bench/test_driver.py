# SPDX-License-Identifier: MIT
"""test_driver.py SOURCE: the arithmetic of bench/driver, how it takes turns, and what it prints."""
import contextlib
import copy
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest.mock

import tap

SOURCE = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(SOURCE / "bench" / "driver"))

import cases  # noqa: E402
import clocks  # noqa: E402
import figures  # noqa: E402
import page  # noqa: E402
import parts  # noqa: E402
import plots  # noqa: E402
import processes  # noqa: E402
import rounds  # noqa: E402
import session  # noqa: E402
import tables  # noqa: E402
import targets  # noqa: E402
from bytes_moved import start_costs, with_limit  # noqa: E402


def equal(seen, awaited):
    assert seen == awaited, f"{seen!r} is not {awaited!r}"


def quietly(act, *args, **more):
    with contextlib.redirect_stderr(io.StringIO()):
        return act(*args, **more)


# ------------------------------------------------ arithmetic


def a_median_is_of_the_rounds_that_were():
    equal(figures.median([3.0, None, 1.0, 2.0]), 2.0)
    equal(figures.median([None]), None)
    equal(figures.quartiles([1.0, 2.0, 3.0, 4.0, 5.0]), (2.0, 4.0))
    equal(figures.quartiles([2.0, None, 1.0]), (1.0, 2.0))


def a_ratio_is_formed_within_a_round_so_that_drift_goes_out():
    base = [1.0, 2.0, 4.0, 8.0, 16.0]
    equal(figures.ratio([value * 0.9 for value in base], base), 0.9)
    equal(figures.ratio([16.0, 8.0, 4.0, 2.0, 1.0], base), 1.0)


def a_round_in_which_one_of_both_failed_has_no_ratio():
    equal(figures.ratios([2.0, None, 6.0], [1.0, 1.0, None]), [2.0, None, None])


def one_run_is_compared_with_the_median_of_many():
    equal(figures.ratio([6.0], [1.0, 2.0, 3.0]), 3.0)
    equal(figures.ratio([1.0, 2.0, 3.0], [2.0]), 1.0)


def the_limit_is_computed_in_each_round():
    case = {"peers": {"plain": {"figure": [1.0, 2.0, None]}, "aead": {"figure": [3.0, 5.0, 1.0]}}}
    equal(with_limit(case, "figure", lambda tcp, aead: tcp + aead)["peers"]["limit"]["figure"], [4.0, 7.0, None])


def five_rounds_are_made_whatever_they_cost_and_no_more_than_fit():
    equal(figures.rounds_that_fit(1, 60, 5, 11), 5)
    equal(figures.rounds_that_fit(80, 10, 5, 11), 8)
    equal(figures.rounds_that_fit(8000, 10, 5, 11), 11)


# ------------------------------------------------ turns


class Script:
    """Says in which order it was asked; fails as it is told to."""

    def __init__(self, fails=None):
        self.asked, self.fails = [], fails or {}

    def __call__(self, name):
        self.asked.append(name)
        if name in self.fails and self.asked.count(name) in self.fails[name]:
            raise processes.Unable("told to")
        return {"figure": float(len(self.asked))}


def peers_take_turns_there_and_back():
    script = Script()
    quietly(rounds.run_case, ["a", "b", "c"], script, 0, 3, 3, name="turns")
    equal("".join(script.asked), "cba" "abc" "cba" "abc")


def the_first_round_warms_up_and_is_not_counted():
    case = quietly(rounds.run_case, ["a", "b"], Script(), 0, 2, 2, name="warm-up")
    equal(case, {"name": "warm-up", "rounds": 2, "peers": {"a": {"figure": [3.0, 6.0]}, "b": {"figure": [4.0, 5.0]}}})


def who_cannot_is_named_with_the_reason_and_asked_once():
    asked = []

    def measure(name):
        asked.append(name)
        if name == "b":
            raise processes.Unable("not with this library", for_good=True)
        return {"figure": 1.0}
    case = quietly(rounds.run_case, ["a", "b"], measure, 0, 3, 3)
    equal(asked.count("b"), 1)
    equal(case["failed"], {"b": "not with this library"})


def who_fails_once_keeps_its_other_rounds_in_their_places():
    case = quietly(rounds.run_case, ["a", "b"], Script({"b": (3,)}), 0, 3, 3)
    equal([value is None for value in case["peers"]["b"]["figure"]], [False, True, False])
    equal([value is None for value in case["peers"]["a"]["figure"]], [False, False, False])
    equal(case["failed"], {"b": "told to"})


def who_fails_twice_is_asked_no_more():
    script = Script({"b": (2, 3)})
    quietly(rounds.run_case, ["a", "b"], script, 0, 5, 5)
    equal(script.asked.count("b"), 3)


def a_fault_of_the_driver_is_one_peers_reason_and_the_others_go_on():
    def measure(name):
        if name == "b":
            raise KeyError("nobody had thought of it")
        return {"figure": 1.0}
    case = quietly(rounds.run_case, ["a", "b", "c"], measure, 0, 2, 2)
    equal((sorted(case["peers"]), list(case["failed"])), (["a", "c"], ["b"]))
    assert "a fault of the driver: KeyError" in case["failed"]["b"], case["failed"]
    assert processes.FAULTS, "its exit status would not tell"
    processes.FAULTS.clear()


class BrokenPart:
    """Breaks behind its first case."""
    TITLE, SECONDS = "broken", 1

    @staticmethod
    def measure(place, seconds):
        yield {"number": 1}
        raise OSError(f"{place}, {seconds}")


def a_part_that_breaks_says_so_and_keeps_what_it_had():
    whole, parts.module = parts.module, lambda name: BrokenPart
    try:
        found = quietly(session.measure_part, "nowhere", "broken", alone=True)
    finally:
        parts.module = whole
        processes.FAULTS.clear()
    equal((found["cases"], found["failed"]), ([{"number": 1}], "a fault of the driver: OSError: nowhere, 1"))


def what_a_start_costs_is_a_median_behind_the_warm_up():
    costs = iter([9.0, 1.0, 3.0, 2.0])
    equal(start_costs(["a"], lambda name: {"cpu": next(costs)}, 3), {"a": {"cpu": 2.0}})


# ------------------------------------------------ processes


def a_program_that_says_nothing_is_given_up_in_time_and_ended():
    with processes.running(["sleep", "60"], processes.MEASURED) as program:
        pid = program.pid
        try:
            program.line(0.1)
            raise AssertionError("it was waited for")
        except processes.Unable as why:
            assert "no answer" in str(why), why
    assert not os.path.exists(f"/proc/{pid}"), "it is still there"
    equal(processes.RUNNING, set())


def a_program_that_cannot_is_known_by_its_status_and_its_words():
    with processes.running(["sh", "-c", "echo /some/where/peer: not this one >&2; exit 77"], processes.MEASURED) as program:
        try:
            program.well_ended(20)
            raise AssertionError("it was believed")
        except processes.Unable as why:
            equal((str(why), why.for_good), ("it ended with status 77: peer: not this one", True))


def a_program_runs_on_its_core_from_the_start():
    with processes.running(["grep", "Cpus_allowed_list", "/proc/self/status"], processes.MEASURED) as program:
        equal(program.line(20).split()[-1], str(processes.MEASURED))
    equal(sorted(os.sched_getaffinity(0)), processes.CORES)


def the_clock_of_a_process_is_what_the_kernel_accounts_for_it():
    """Its children's time is theirs."""
    program = subprocess.Popen([sys.executable, "-c", "import os, time\nwhile time.process_time() < .2: pass\nos.read(0, 1)"], stdin=subprocess.PIPE)
    by = time.monotonic() + 20
    while clocks.cpu_seconds(program.pid) < 0.2 and time.monotonic() < by:
        time.sleep(0.01)
    seen = clocks.cpu_seconds(program.pid)
    program.stdin.close()
    _, _, usage = os.wait4(program.pid, 0)
    program.returncode = 0
    assert 0.2 <= seen <= clocks.rusage_seconds(usage) + 0.01, (seen, usage)


# ------------------------------------------------ the command line


def driver(*words, **more):
    return subprocess.run([sys.executable, str(SOURCE / "bench" / "driver"), *words], capture_output=True, text=True, timeout=30, **more)


def nothing_is_measured_where_a_word_is_wrong():
    """Every peer would fail, and after that the page would be written without a figure."""
    for words in (["--halp"], ["/nowhere"], ["/nowhere", "--quick", "ping"]):
        done = driver(*words)
        equal((done.returncode, done.stdout), (64, ""))
        assert f"there is no bench in \"{words[0]}\"" in done.stderr, done.stderr
    equal(driver("--help").returncode, 0)


def plots_of_other_figures_do_not_stay_where_no_new_ones_can_be_drawn():
    with tempfile.TemporaryDirectory() as folder, unittest.mock.patch.dict(os.environ, PATH=folder):
        stale = pathlib.Path(folder) / "runs.svg"
        stale.write_text("of another day")
        try:
            plots.draw_all(small(), pathlib.Path(folder))
            raise AssertionError("it was drawn by nothing")
        except plots.NoPlots as why:
            assert "gnuplot cannot be started" in str(why), why
        assert not stale.exists()


# ------------------------------------------------ the page


def bulk_case(**peers):
    return {"tls": "1.3", "cipher": "aes128", "way": "one", "write": 16384, "rounds": 3,
            "peers": {name: {"cpu_s_per_gb": values} for name, values in peers.items()}}


def small():
    """The least that a page can be printed from."""
    return copy.deepcopy({
        "machine": {"date": "a day", "commit": "c", "quick": False, "processor": "p", "cores": 2, "memory": "1 GiB", "virtual": True, "system": "s",
                    "kernel": "k", "flags": "-O2", "load_before": 0.1, "versions": {"compiler": "cc", "OpenSSL": "3"}},
        "parts": {"bulk": {"seconds": 1, "cases": [bulk_case(
            openssl=[1.0, 2.0, 1.0], openssl_again=[1.0, 2.0, 1.02], adieu_fd=[0.8, 1.6, 0.84], adieu_uv=[1.05, 2.1, 1.05], asio=[0.9, 1.8, 0.9],
            libevent=[1.0, 2.0, 1.0])]}}})


def line_of(text, *words):
    found = [line for line in text.splitlines() if all(word in line for word in words)]
    assert found, f"no line has {words} in:\n{text}"
    return " ".join(found[0].split())


def a_target_is_told_with_its_bounds_its_spread_and_whether_it_holds():
    assert targets.table(small()).startswith("Of 22 figures with a bound 1 reach their aim or more, "), targets.table(small())
    line = line_of(targets.table(small()), "bulk", "OpenSSL")
    equal(line, "| bulk, CPU for a GB against OpenSSL, naive | 1.00 | 0.90 | **0.80** (0.80 to 0.82) aim reached; in all 1 cases 0.80 to 0.80 "
                "| **1.05** (1.05 to 1.05) missed by 5.0 %; in all 1 cases 1.05 to 1.05 |")
    assert "**1.17** (1.17 to 1.17) missed by 29.6 %" in line_of(targets.table(small()), "bulk", "Asio")


def a_target_between_must_and_aim_holds_and_one_without_figures_is_not_measured():
    results = small()
    results["parts"]["bulk"]["cases"][0]["peers"]["adieu_fd"]["cpu_s_per_gb"] = [0.95, 1.9, 0.95]
    assert "**0.95** (0.95 to 0.95) holds" in line_of(targets.table(results), "bulk", "OpenSSL"), targets.table(results)
    assert line_of(targets.table(results), "storm, all silent").count("not measured") == 2


def a_peer_that_does_better_is_named_and_a_limit_is_not():
    results = small()
    results["parts"]["bulk"]["cases"][0]["peers"].update(gnutls={"cpu_s_per_gb": [0.5] * 3}, plain={"cpu_s_per_gb": [0.1] * 3})
    line = line_of(page.beaten(results), "bulk")
    assert "GnuTLS 0.500" in line and "TCP" not in line and line.endswith("0.840 |"), line


def who_was_not_measured_is_told_with_the_reason():
    results = small()
    results["parts"]["bulk"]["cases"][0]["failed"] = {"gnutls": "it has gone fishing"}
    assert "- bulk: GnuTLS: it has gone fishing" in page.missing(results)
    assert "- storm: it was not run" in page.missing(results)
    assert "| GnuTLS" in page.page("@bulk\n", results)


def the_prose_has_its_figures_and_the_real_one_can_be_printed():
    equal(page.page("{bulk adieu_fd} s\n", small()), "0.840 s\n")
    text = page.page((SOURCE / "bench" / "driver" / "page.md").read_text(), small())
    assert "@" not in text and "{" not in text, [line for line in text.splitlines() if "@" in line or "{" in line]


def what_is_printed_comes_from_the_json_alone():
    text = page.as_text(small())
    assert '"openssl": {\n' in text and '"cpu_s_per_gb": [1.0, 2.0, 1.0]' in text, text
    prose = (SOURCE / "bench" / "driver" / "page.md").read_text()
    equal(page.page(prose, json.loads(text)), page.page(prose, small()))


def every_part_is_on_the_page():
    prose = (SOURCE / "bench" / "driver" / "page.md").read_text()
    for name in [*parts.NAMES, "targets", "beaten", "missing", "machine"]:
        assert f"\n@{name}\n" in prose, name
        assert name in page.BLOCKS, name
    for name in parts.NAMES:
        assert parts.module(name).TITLE and parts.module(name).SECONDS > 0 and name in tables.OF_PART, name


def all_parts_fit_into_ten_minutes():
    assert sum(parts.module(name).SECONDS for name in parts.NAMES) <= 600


def docs_bench_md_is_what_docs_bench_json_prints():
    docs = SOURCE / "docs"
    if not (docs / "bench.json").exists():
        raise tap.Skip("nothing was measured yet")
    printed = page.page((SOURCE / "bench" / "driver" / "page.md").read_text(), json.loads((docs / "bench.json").read_text()))
    assert printed == (docs / "bench.md").read_text(), "docs/bench.md is stale: run bench/driver --print"


tap.run(
    a_median_is_of_the_rounds_that_were,
    a_ratio_is_formed_within_a_round_so_that_drift_goes_out,
    a_round_in_which_one_of_both_failed_has_no_ratio,
    one_run_is_compared_with_the_median_of_many,
    the_limit_is_computed_in_each_round,
    five_rounds_are_made_whatever_they_cost_and_no_more_than_fit,
    peers_take_turns_there_and_back,
    the_first_round_warms_up_and_is_not_counted,
    who_cannot_is_named_with_the_reason_and_asked_once,
    who_fails_once_keeps_its_other_rounds_in_their_places,
    who_fails_twice_is_asked_no_more,
    a_fault_of_the_driver_is_one_peers_reason_and_the_others_go_on,
    a_part_that_breaks_says_so_and_keeps_what_it_had,
    what_a_start_costs_is_a_median_behind_the_warm_up,
    a_program_that_says_nothing_is_given_up_in_time_and_ended,
    a_program_that_cannot_is_known_by_its_status_and_its_words,
    a_program_runs_on_its_core_from_the_start,
    the_clock_of_a_process_is_what_the_kernel_accounts_for_it,
    nothing_is_measured_where_a_word_is_wrong,
    plots_of_other_figures_do_not_stay_where_no_new_ones_can_be_drawn,
    a_target_is_told_with_its_bounds_its_spread_and_whether_it_holds,
    a_target_between_must_and_aim_holds_and_one_without_figures_is_not_measured,
    a_peer_that_does_better_is_named_and_a_limit_is_not,
    who_was_not_measured_is_told_with_the_reason,
    the_prose_has_its_figures_and_the_real_one_can_be_printed,
    what_is_printed_comes_from_the_json_alone,
    every_part_is_on_the_page,
    all_parts_fit_into_ten_minutes,
    docs_bench_md_is_what_docs_bench_json_prints,
)
