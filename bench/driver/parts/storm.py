# SPDX-License-Identifier: MIT
"""A server ends 5,000 connections at once, gracefully: with clients that answer, that never do, and half of each."""
import contextlib

import roster
from processes import Unable
from rounds import run_often
from talks import Server, hold

TITLE = "Storm: 5,000 connections are ended at once"
SECONDS = 180
COUNT = 5000
DEADLINE_MS = 1000
# Handshakes take nearly all of the time; so the three that the bounds compare run often, the others once.
OFTEN = ["adieu_fd", "adieu_uv", "openssl"]


def mixes(place):
    """(percentage that is silent, rounds)"""
    often = place.rounds()[0]
    return [(0, often), (100, often), (50, 1)]


def measure(place, seconds):
    others = [name for name in roster.names(limits=False) if name not in OFTEN]
    with contextlib.suppress(Unable):  # that will be told where it counts
        storm(place, OFTEN[0], 0)  # warms up
    for silent, rounds in mixes(place):
        yield both(measure_case(place, OFTEN, silent, rounds), measure_case(place, others, silent, 1))


def measure_case(place, names, silent, rounds):
    return run_often(names, lambda name: storm(place, name, silent), rounds, silent=silent, connections=place.size(COUNT), deadline_ms=DEADLINE_MS)


def both(case, other):
    return {**case, "peers": {**case["peers"], **other["peers"]}, "failed": {**case.get("failed", {}), **other.get("failed", {})}}


def storm(place, name, silent):
    count = place.size(COUNT)
    server = Server(place, name, deadline=DEADLINE_MS)
    try:
        with hold(place, server.port, count, silent=silent) as held:
            server.wait_open(count)
            before = server.cpu()
            closed, took = server.order("c", "closed", 30)
            server.wait_open(0)  # a turn later: libevent and libuv free what has ended behind it, and that counts, too
            used = server.cpu() - before
            if closed != count:
                raise Unable(f"it ended {closed:.0f} of {count} connections")
            return {"server_us": used / count * 1e6, "all_ms": took, "orderly": held.last(30, silent)["ended"]}
    finally:
        server.end()
