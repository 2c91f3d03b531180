# SPDX-License-Identifier: MIT
"""Moving many bytes between a peer's client and its server: what bulk and cores share."""
import figures
import roster
from processes import Unable
from rounds import Case, one_round
from talks import client, present

GB = 1e9
SMALL = {"up": 1, "down": 1, "write": 1024}


def directions(way, size):
    return {"up": 0, "down": size} if way == "one" else {"up": size // 2, "down": size // 2}


def one_run(place, servers, name, core, **more):
    """(CPU seconds of both processes, seconds) of one client's conversation with its peer's server."""
    if not roster.BY_NAME[name].serves:
        return client(place, name, 1, core, **more)
    server = present(servers[name])
    before = server.cpu()
    client_cpu, took = client(place, name, server.port, core, **more)
    return client_cpu + server.cpu() - before, took


def start_costs(names, small_run, rounds):
    """
    Starting a client, a handshake, and the end: medians of small_run(name), a dict. They are taken off. An Unable where it cannot even do that.
    """
    case = Case()
    for number in range(rounds + 1):
        for name, costs in one_round(names, number, small_run, case):
            case.add(name, costs)
        case.next_round()
    found = {name: {figure: figures.median(values[1:]) for figure, values in of_peer.items()} for name, of_peer in case.values.items()}
    return {name: found.get(name, Unable(case.failed.get(name, "it was not tried"), for_good=True)) for name in names}


def net(whole, start):
    """Without what the start costs."""
    if whole <= start:
        raise Unable("its start takes longer than all the bytes: nothing can be said")
    return whole - start


def small_run(place, servers, core, **suite):
    def run(name):
        cpu, took = one_run(place, servers, name, core, **SMALL, **suite)
        return {"cpu": cpu, "took": took}
    return run


def with_limit(case, figure, limit):
    """Adds the limit to a case: of each round limit(TCP alone, AEAD alone), where both were measured."""
    alone = [case["peers"].get(name, {}).get(figure) for name in ("plain", "aead")]
    if all(alone):
        case["peers"][roster.LIMIT.name] = {figure: [limit(tcp, aead) if tcp and aead else None for tcp, aead in zip(*alone)]}
    return case
