# SPDX-License-Identifier: MIT
"""GB a second with the client on one core and the server on another."""
import roster
from bytes_moved import GB, directions, net, one_run, small_run, start_costs, with_limit
from processes import MEASURED, OTHER, Unable
from rounds import run_case
from talks import SUITE, present, servers

TITLE = "Two cores: GB a second"
SECONDS = 35
BYTES = 256 * 2**20
SIZES = [16 * 1024, 256 * 1024]


def measure(place, seconds):
    if MEASURED == OTHER:
        raise Unable("this machine gives one core")
    names = roster.names()
    with servers(place, names) as up:
        start = start_costs(names, small_run(place, up, OTHER), place.rounds(3)[0])
        for write in SIZES:
            yield measure_case(place, up, start, names, write, seconds / len(SIZES))


def measure_case(place, up, start, names, write, seconds):
    def measure_peer(name):
        cost, size = present(start[name]), place.size(BYTES)
        cpu, took = one_run(place, up, name, OTHER, write=write, **directions("one", size))
        return {"gb_per_s": size / GB / net(took, cost["took"]), "cpu_s_per_gb": net(cpu, cost["cpu"]) / (size / GB)}

    found = run_case(names, measure_peer, seconds, *place.rounds(), **SUITE, way="one", write=write)
    return with_limit(found, "gb_per_s", side_by_side)


def side_by_side(tcp, aead):
    """GB/s where each side does its half of the cryptography, and then TCP; AEAD alone does both halves in turn."""
    return 1 / (1 / tcp + 1 / aead / 2)
