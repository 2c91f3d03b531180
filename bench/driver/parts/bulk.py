# SPDX-License-Identifier: MIT
"""CPU time of both sides for a GB, client and server on one core."""
import itertools

import roster
from bytes_moved import GB, directions, net, one_run, small_run, start_costs, with_limit
from processes import MEASURED
from rounds import run_case
from talks import present, servers

TITLE = "Bulk: CPU time for a GB"
SECONDS = 130
BYTES = 128 * 2**20

KB = 1024
SIZES = [1 * KB, 4 * KB, 16 * KB, 64 * KB, 256 * KB, 1024 * KB]
# Not the product of all: sizes and directions with the suite that most have, versions and ciphers at one size.
CASES = ([{"tls": "1.3", "cipher": "aes128", "way": "one", "write": size} for size in SIZES]
         + [{"tls": "1.3", "cipher": "aes128", "way": "both", "write": size} for size in (1 * KB, 16 * KB, 256 * KB)]
         + [{"tls": "1.3", "cipher": "aes256", "way": "one", "write": 16 * KB},
            {"tls": "1.3", "cipher": "chacha", "way": "one", "write": 16 * KB},
            {"tls": "1.2", "cipher": "aes128", "way": "one", "write": 16 * KB},
            {"tls": "1.2", "cipher": "aes128", "way": "both", "write": 16 * KB}])
MAIN = {"tls": "1.3", "cipher": "aes128", "way": "one", "write": 16 * KB}


def suite_of(case):
    return {"tls": case["tls"], "cipher": case["cipher"]}


def is_main(case):
    return all(case.get(name) == value for name, value in MAIN.items())


def measure(place, seconds):
    each = seconds / len(CASES)
    names = roster.names(again=True)
    for suite, cases in itertools.groupby(CASES, suite_of):
        with servers(place, names, **suite) as up:
            start = start_costs(names, small_run(place, up, MEASURED, **suite), place.rounds(3)[0])
            for case in cases:
                yield measure_case(place, up, start, case, each)


def measure_case(place, up, start, case, seconds):
    def measure_peer(name):
        cost, size = present(start[name])["cpu"], place.size(BYTES)
        cpu, _ = one_run(place, up, name, MEASURED, write=case["write"], **directions(case["way"], size), **suite_of(case))
        return {"cpu_s_per_gb": net(cpu, cost) / (size / GB)}

    least, most = place.rounds(7 if is_main(case) else 5)
    found = run_case(roster.names(again=is_main(case)), measure_peer, seconds, least, most, **case)
    return with_limit(found, "cpu_s_per_gb", lambda tcp, aead: tcp + aead)
