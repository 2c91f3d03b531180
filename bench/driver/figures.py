# SPDX-License-Identifier: MIT
"""Arithmetic over rounds. A round in which a peer failed is None, so that what has the same place belongs to the same round."""
import statistics


def known(values):
    return [value for value in values if value is not None]


def median(values):
    """None of nothing."""
    values = known(values)
    return statistics.median(values) if values else None


def quartiles(values):
    """The lower and the upper one; of fewer than three values the extremes."""
    values = sorted(known(values))
    if not values:
        return None
    if len(values) < 3:
        return values[0], values[-1]
    lower, _, upper = statistics.quantiles(values, n=4, method="inclusive")
    return lower, upper


def ratios(values, base):
    """Round by round, so that what slows the machine for a minute slows both and goes out. One value stands for every round."""
    if len(values) == 1 < len(base):
        values, base = values, [median(base)]
    elif len(base) == 1 < len(values):
        base = base * len(values)
    return [value / under if value is not None and under else None for value, under in zip(values, base)]


def ratio(values, base):
    return median(ratios(values, base))


def order(names, number):
    """A B C, then C B A, then A B C: what drifts in one direction meets all alike."""
    return list(names) if number % 2 == 0 else list(reversed(names))


def rounds_that_fit(seconds, one, least, most):
    """How many rounds of `one` second fit into `seconds`; never fewer than `least`, whatever they cost."""
    return max(least, min(most, int(seconds / one) if one > 0 else most))
