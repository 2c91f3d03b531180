# SPDX-License-Identifier: MIT
"""Does what a server does for one connection cost more where many others are idle?"""
import resource

from clocks import resident_bytes
from parts.idle import FEW, steady
from processes import Unable
from rounds import run_often
from talks import Server, hold, load

TITLE = "Scale: one loop with many idle connections"
SECONDS, SECONDS_ALONE = 45, 600
NAMES = ["adieu_fd", "adieu_uv", "openssl"]
COUNTS = [1000, 10000, 50000, 200000]
ROOM = 200  # descriptors for everything else
PINGS = 2000
SECOND = 0.00045  # seconds that a connection takes to be made and ended, about


def measure(place, seconds):
    if most() < COUNTS[0]:
        raise Unable(f"the system gives a process no more than {most() + ROOM:,} descriptors")
    for count in counts(place, seconds):
        yield run_often(NAMES, lambda name: measure_peer(place, name, count), 1, connections=count)
    for count, why in left_out(place, seconds):
        yield {"connections": count, "rounds": 0, "peers": {}, "failed": dict.fromkeys(NAMES, why)}


def most():
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1] - ROOM


def wanted(place):
    """Where descriptors end before 50,000, as many as there can be come instead."""
    fit = [count for count in COUNTS if count <= most()]
    return fit + ([most() // 500 * 500] if len(fit) < len(COUNTS) and most() > 1.5 * fit[-1] else [])


def counts(place, seconds):
    chosen = [place.size(count) for count in wanted(place)]
    while len(chosen) > 2 and sum(chosen) * len(NAMES) * SECOND > seconds:
        chosen.pop()
    return chosen


def left_out(place, seconds):
    chosen = counts(place, seconds)
    for count in COUNTS:
        if count > most():
            yield count, f"the system gives a process no more than {most() + ROOM:,} descriptors"
        elif place.size(count) not in chosen:
            yield count, "it does not fit into the ten minutes; ./dev bench scale does it"


def measure_peer(place, name, count):
    server = Server(place, name)
    try:
        with hold(place, server.port, FEW) as few:
            server.wait_open(FEW)
            memory, before = steady(lambda: resident_bytes(server.pid)), server.cpu()
            with hold(place, server.port, count - FEW, seconds=60 + count // 200) as many:
                server.wait_open(count)
                made = (server.cpu() - before) / (count - FEW)
                memory = (steady(lambda: resident_bytes(server.pid)) - memory) / (count - FEW)
                return {"made_us": made * 1e6, "rss_bytes": memory, **with_all(place, server, count, (few, many))}
    finally:
        server.end()


def with_all(place, server, count, holds):
    """What is done while all of them are there; the last thing ends them."""
    pinged, _ = cpu_of(server, lambda: load(place, server.port, "ping", count=PINGS))
    server.wait_open(count)
    sent, (told, sent_ms) = cpu_of(server, lambda: server.order("b", "broadcast", 60))
    ended, (gone, ended_ms) = cpu_of(server, lambda: ended_wholly(server))
    for held in holds:
        held.last(60, silent=0)
    if told != count or gone != count:
        raise Unable(f"of {count} connections it wrote to {told:.0f} and ended {gone:.0f}")
    return {"ping_us": pinged / PINGS * 1e6, "broadcast_us": sent / count * 1e6, "broadcast_ms": sent_ms,
            "closed_us": ended / count * 1e6, "closed_ms": ended_ms}


def ended_wholly(server):
    """A turn later than it says so: some free what has ended behind it."""
    told = server.order("c", "closed", 60)
    server.wait_open(0)
    return told


def cpu_of(server, act):
    before = server.cpu()
    given = act()
    return server.cpu() - before, given
