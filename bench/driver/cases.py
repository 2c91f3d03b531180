# SPDX-License-Identifier: MIT
"""Finding figures in the results (the JSON)."""
import figures
import roster


def of_part(results, part):
    return results["parts"].get(part, {}).get("cases", [])


def find(results, part, **what):
    """The first case that is so; None if there is none."""
    for case in of_part(results, part):
        if all(case.get(name) == value for name, value in what.items()):
            return case
    return None


def figures_of(case):
    return {figure for of_peer in case["peers"].values() for figure in of_peer}


def having(results, part, figure, **what):
    """The first case with this figure; None if there is none."""
    found = [case for case in of_part(results, part) if figure in figures_of(case)]
    return next((case for case in found if all(case.get(name) == value for name, value in what.items())), None)


def values(case, peer, figure):
    """One a round; empty if it was not measured."""
    return case["peers"].get(peer, {}).get(figure, []) if case else []


def median(case, peer, figure):
    return figures.median(values(case, peer, figure))


def ratios(case, peer, base, figure):
    own, under = values(case, peer, figure), values(case, base, figure)
    return figures.known(figures.ratios(own, under)) if own and under else []


def ratio(case, peer, base, figure):
    return figures.median(ratios(case, peer, base, figure))


def peers(case):
    """Who has figures or a reason for having none, in the order of the roster."""
    there = set(case["peers"]) | set(case.get("failed", {}))
    return [name for name in [*roster.BY_NAME, *roster.PIPES] if name in there]


def runs(case, peer, figure):
    return len(figures.known(values(case, peer, figure)))
