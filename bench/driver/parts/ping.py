# SPDX-License-Identifier: MIT
"""One byte there and back: how long, what the server's CPU does for it, and in how many instructions."""
import re

import roster
from processes import MEASURED, Unable
from rounds import run_case, run_often
from talks import Server, load, present, servers

TITLE = "Ping: one byte there and back"
SECONDS = 25
COUNT = 4000
COUNTED = (100, 600)


def measure(place, seconds):
    names = roster.names(limits=False)
    with servers(place, names) as up:
        yield run_case(names, lambda name: latency(place, present(up[name])), seconds * 0.4, *place.rounds(), figure="time")
    native = roster.names(native=True, limits=False)
    yield run_often(native, lambda name: {"instructions": instructions(place, name)}, 1, figure="instructions")


def latency(place, server):
    count = place.size(COUNT)
    before = server.cpu()
    said = load(place, server.port, "ping", count=count)
    return {"p50_us": said["ping_us"]["median"], "p99_us": said["ping_us"]["p99"], "server_us": (server.cpu() - before) / count * 1e6}


def instructions(place, name):
    """Of the server, in user space: those of a run with many pings without those of a run with few, divided."""
    few, many = (executed(place, name, count) for count in COUNTED)
    return (many - few) / (COUNTED[1] - COUNTED[0])


# The same core, and the load only when nothing else is to be done there: the server then always finds that the next byte has not come yet, and
# does the same for each of them. Beside it, on the other core, the load would sometimes be quicker.
PATIENT = ["chrt", "--idle", "0"]


def executed(place, name, count):
    out = place.folder / "callgrind.out"
    under = ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={out}"]
    out.unlink(missing_ok=True)
    server = Server(place, name, under=under)
    try:
        load(place, server.port, "ping", count=count, core=MEASURED, under=PATIENT)
        server.wait_open(0)
        server.process.stdin.close()
        server.ended(30)
    finally:
        server.end()
    totals = re.search(r"^(?:totals|summary): (\d+)", out.read_text() if out.exists() else "", re.MULTILINE)
    if not totals:
        raise Unable("callgrind left no count", for_good=True)
    return int(totals[1])
