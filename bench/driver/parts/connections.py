# SPDX-License-Identifier: MIT
"""CPU time of a server for a connection: handshake and graceful end, in full and resumed."""
import roster
from processes import Unable
from rounds import run_case
from talks import load, present, servers

TITLE = "Connections: server CPU for a handshake and a graceful end"
SECONDS = 55
COUNT, PARALLEL = 400, 16
CASES = [{"tls": tls, "resume": resume} for tls in ("1.3", "1.2") for resume in ("no", "yes")]


def measure(place, seconds):
    names = roster.names(limits=False, again=True)
    for tls in ("1.3", "1.2"):
        with servers(place, names, tls=tls) as up:
            for case in (case for case in CASES if case["tls"] == tls):
                yield measure_case(place, up, names, case, seconds / len(CASES))


def measure_case(place, up, names, case, seconds):
    count = place.size(COUNT) * (2 if case["resume"] == "yes" else 1)

    def measure_peer(name):
        server = present(up[name])
        before = server.cpu()
        said = load(place, server.port, "connections", count=count, parallel=PARALLEL, **case)
        server.wait_open(0)
        used = server.cpu() - before
        if case["resume"] == "yes" and said["resumed"] < count - PARALLEL:
            raise Unable(f"{said['resumed']} of {count} connections were resumed", for_good=True)
        return {"server_us": used / count * 1e6}

    return run_case(names, measure_peer, seconds, *place.rounds(), **case)
