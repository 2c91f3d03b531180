# SPDX-License-Identifier: MIT
"""One case: everybody does the same thing, in turn and again, A B C … C B A."""
import sys
import time

import figures
from processes import Unable, fault

GIVE_UP = 2  # failures, after which a peer is not asked again


class Case:
    """What came of it: for each peer and figure one value a round, and why there is none."""

    def __init__(self, **what):
        self.what = what
        self.values, self.failed, self.failures, self.given_up = {}, {}, {}, set()
        self.count = 0

    def add(self, name, measured):
        for figure, value in measured.items():
            self.values.setdefault(name, {}).setdefault(figure, [None] * self.count).append(value)

    def fail(self, name, why):
        self.failed[name] = str(why)
        self.failures[name] = self.failures.get(name, 0) + 1
        if why.for_good or self.failures[name] >= GIVE_UP:
            self.given_up.add(name)

    def next_round(self):
        """Who has no value in this round has None."""
        self.count += 1
        for of_peer in self.values.values():
            for values in of_peer.values():
                values.extend([None] * (self.count - len(values)))

    def as_json(self):
        return {**self.what, "rounds": self.count, "peers": self.values, **({"failed": self.failed} if self.failed else {})}


def one_round(names, number, measure, case):
    """(name, what was measured) of each that did it."""
    for name in figures.order(names, number):
        if name in case.given_up:
            continue
        try:
            yield name, measure(name)
        except Unable as why:
            case.fail(name, why)
        except Exception as error:  # pylint: disable=broad-except
            case.fail(name, fault(error))


def counted_round(names, number, measure, case):
    for name, measured in one_round(names, number, measure, case):
        case.add(name, measured)
    case.next_round()


def run_case(names, measure, seconds, least, most, **what):
    """measure(name) gives {figure: value}. The first round warms up and is not counted; then as many as fit into the time."""
    case = Case(**what)
    began = time.monotonic()
    for _ in one_round(names, 1, measure, case):
        pass
    took = time.monotonic() - began
    return run_rounds(names, measure, figures.rounds_that_fit(seconds - took, took, least, most), case, began)


def run_often(names, measure, count, **what):
    """Without a warm-up: where each run starts a program of its own, and a run takes long or its figure is exact."""
    return run_rounds(names, measure, count, Case(**what), time.monotonic())


def run_rounds(names, measure, count, case, began):
    for number in range(count):
        counted_round(names, number, measure, case)
    tell(case, time.monotonic() - began)
    return case.as_json()


def tell(case, took):
    what = ", ".join(f"{name} {value}" for name, value in case.what.items())
    print(f"  {what}: {case.count} round{'s' if case.count > 1 else ''}, {took:.0f} s", file=sys.stderr, flush=True)
