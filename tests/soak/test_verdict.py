# SPDX-License-Identifier: MIT
"""test_verdict.py SOURCE: what the soak's driver makes of figures and of endings that were made up."""
import pathlib
import random
import sys

import tap

sys.path.insert(0, str(pathlib.Path(sys.argv[1]) / "tests" / "soak" / "driver"))

import truth  # noqa: E402
import verdict  # noqa: E402

HOUR, CYCLE, WARM_UP = 3600, 30, 600
CONNECTIONS = 15  # a second, as of one client of an hour's run


def samples(heap=lambda t: 900_000, fds=lambda t: 7, seconds=HOUR, rss=lambda t: 9_000_000):
    """A run's, with what happens under load, which is nobody's business."""
    made = []
    for t in range(CYCLE, seconds + 1, CYCLE):
        for quiet in (0, 1):
            more = 0 if quiet else 10 + t // 30 % 7
            made.append({"t": float(t + quiet), "program": "server fd", "quiet": quiet, "heap": int(heap(t)) + more * 40_000, "rss": int(rss(t)),
                         "fds": fds(t) + more, "threads": 1 + more, "handles": 0})
    return made


def wrong(of):
    return [finding.figure for finding in verdict.judge(of, WARM_UP * of[-1]["t"] / HOUR) if not finding.flat]


def noise(most, seed=1):
    chance = random.Random(seed)
    return lambda t: 900_000 + chance.randint(-most, most)


def equal(seen, awaited):
    assert seen == awaited, f"{seen!r} is not {awaited!r}"


def what_does_not_grow_is_flat():
    equal(wrong(samples()), [])


def noise_is_flat():
    for seed in range(20):
        equal(wrong(samples(heap=noise(40_000, seed))), [])


def a_few_outliers_are_flat():
    equal(wrong(samples(heap=lambda t: 900_000 + (3_000_000 if t % 600 == 0 else 0))), [])


def caches_that_fill_while_it_warms_up_are_flat():
    equal(wrong(samples(heap=lambda t: 900_000 + 6_000_000 * min(t, WARM_UP) / WARM_UP)), [])


def what_fills_up_late_and_comes_to_rest_is_flat():
    equal(wrong(samples(heap=lambda t: 900_000 + 300_000 * min(t, 1800) / 1800)), [])


def blocks_that_a_pool_keeps_are_flat():
    equal(wrong(samples(heap=lambda t: 800_000 + 20_528 * ((t > 900) + (t > 2000) + (t > 2500)))), [])


def a_leak_of_100_bytes_a_connection_is_found():
    equal(wrong(samples(heap=lambda t: 900_000 + 100 * CONNECTIONS * t)), ["heap"])


def a_leak_of_100_bytes_in_a_connection_of_twenty_is_found_in_noise():
    """One story in many leaks: behind noise that is as large as what an hour of it makes."""
    grown = noise(40_000)
    equal(wrong(samples(heap=lambda t: grown(t) + 100 * CONNECTIONS * t / 20)), ["heap"])


def a_leak_of_two_bytes_a_connection_is_found():
    equal(wrong(samples(heap=lambda t: 900_000 + 2 * CONNECTIONS * t)), ["heap"])


def a_leak_in_a_run_of_three_minutes_is_found():
    equal(wrong(samples(heap=lambda t: 900_000 + 100 * 3 * 40 * t, seconds=240)), ["heap"])


def one_descriptor_that_is_left_is_found():
    equal(wrong(samples(fds=lambda t: 7 if t < 3000 else 8)), ["fds"])


def a_descriptor_leak_is_found():
    equal(wrong(samples(fds=lambda t: 7 + t // 100)), ["fds"])


def resident_memory_that_grows_without_end_is_found():
    equal(wrong(samples(rss=lambda t: 9_000_000 + 3_000 * t)), ["resident"])


def too_few_points_are_not_called_flat():
    assert not verdict.is_flat(verdict.judge(samples(seconds=90), 15))
    assert not verdict.is_flat([])


def a_drift_of_latencies_is_told():
    assert 1.9 < verdict.drift([(t, 100 if t < 50 else 200) for t in range(100)]) < 2.1
    equal(verdict.drift([(1, 2)]), None)


# ------------------------------------------------ endings

STORIES = [truth.Story("plain", 0, False, (frozenset(["closed/closed"]), frozenset(["closed/closed"])), ("h c", "h c")),
           truth.Story("refused", 0, False, (frozenset(["failed/alerted"]), frozenset(["aborted/rejected"])), ("h c", "h c")),
           truth.Story("vanished", truth.VANISHES, False, (frozenset(["open/open"]), frozenset(["failed/reset"])), ("f", "h c"))]


def line(side, story=0, ending="closed/closed", taken=10, heard=10, alerts=(-1, -1), trouble="-", acknowledged=None):
    acknowledged = taken if acknowledged is None else acknowledged
    return (f"end {side} 0 {story} 0 1 4711 42 {ending} heard self nothing none none {alerts[0]} {alerts[1]} {taken} {taken} {acknowledged} {heard} 0 "
            f"0 0 100 0 100 {trouble}")


def told(*texts):
    held = truth.Truth(STORIES)
    for text in texts:
        held.told(text, 0 if " server " in text else None, now=0.0)
    held.orphans(1000.0)
    return held


def is_a_lie(*texts, words):
    try:
        told(*texts)
    except truth.Lie as lie:
        assert words in str(lie) and "seed 42" in str(lie), str(lie)
        return
    raise AssertionError("nobody noticed")


def two_sides_that_agree_are_true():
    equal(told(line("client"), line("server")).checked, 1)


def an_ending_that_the_story_does_not_allow_is_a_lie():
    is_a_lie(line("client", ending="closed/truncated"), line("server"), words="which is none of closed/closed")


def an_end_without_all_that_was_said_is_a_lie():
    is_a_lie(line("client", heard=9), line("server"), words="heard an end behind 9 bytes")


def more_than_was_said_is_a_lie():
    is_a_lie(line("client", heard=11), line("server"), words="11 bytes heard of 10 said")


def more_acknowledged_than_sent_is_a_lie():
    is_a_lie(line("client", acknowledged=11), line("server"), words="11 bytes acknowledged of 10 sent")


def a_lost_alert_is_a_lie():
    is_a_lie(line("client", 1, "failed/alerted", alerts=(-1, 48)), line("server", 1, "aborted/rejected"), words="heard alert 48, and -1 was sent")
    is_a_lie(line("client", 1, "failed/truncated"), line("server", 1, "aborted/rejected", alerts=(48, -1)), words="it ended failed/truncated")


def a_side_that_is_stuck_is_a_lie():
    is_a_lie(line("client", trouble="stuck_in_s"), line("server"), words="it is stuck_in_s")


def a_side_that_says_nothing_is_a_lie():
    is_a_lie(line("client"), words="the other side of it said nothing")
    equal(told(line("client", 2, "open/open")).unpaired, 1)


tap.run(
    what_does_not_grow_is_flat,
    noise_is_flat,
    a_few_outliers_are_flat,
    caches_that_fill_while_it_warms_up_are_flat,
    what_fills_up_late_and_comes_to_rest_is_flat,
    blocks_that_a_pool_keeps_are_flat,
    a_leak_of_100_bytes_a_connection_is_found,
    a_leak_of_100_bytes_in_a_connection_of_twenty_is_found_in_noise,
    a_leak_of_two_bytes_a_connection_is_found,
    a_leak_in_a_run_of_three_minutes_is_found,
    one_descriptor_that_is_left_is_found,
    a_descriptor_leak_is_found,
    resident_memory_that_grows_without_end_is_found,
    too_few_points_are_not_called_flat,
    a_drift_of_latencies_is_told,
    two_sides_that_agree_are_true,
    an_ending_that_the_story_does_not_allow_is_a_lie,
    an_end_without_all_that_was_said_is_a_lie,
    more_than_was_said_is_a_lie,
    more_acknowledged_than_sent_is_a_lie,
    a_lost_alert_is_a_lie,
    a_side_that_is_stuck_is_a_lie,
    a_side_that_says_nothing_is_a_lie,
)
