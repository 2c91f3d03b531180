# SPDX-License-Identifier: MIT
"""Every peer, in both roles and both versions, at every ending: see grammar.py, scenarios.py, and honesty.py for what is claimed.

ADIEU_INTEROP_RUNS=N    runs a cell whose timing decides N times (./dev interop does)
ADIEU_INTEROP_FOLDER=D  leaves one JSON line a run there, from which print_interop.py makes docs/interop.md
"""
import json
import os
import pathlib

import pytest

import cell as cells
import honesty
import peers
from scenarios import BY_NAME, SCENARIOS

RUNS = int(os.environ.get("ADIEU_INTEROP_RUNS", "1"))
FOLDER = os.environ.get("ADIEU_INTEROP_FOLDER")


def matrix():
    """(peer, role, version, scenario) of every cell that the peer can fill; a peer that is absent is one skipped test."""
    for peer in peers.ALL:
        why = peer.absent()
        if why:
            yield pytest.param(peer, None, None, None, id=peer.name, marks=pytest.mark.skip(reason=f"{peer.name}: {why}"))
            continue
        for role in ("server", "client"):
            for version in ("1.2", "1.3"):
                for scenario in SCENARIOS:
                    if role in scenario.roles and not peer.why_not(role, version, scenario) and chosen(role, version, scenario):
                        yield pytest.param(peer, role, version, scenario.name, id=f"{peer.name}-{role}-{version}-{scenario.name}")


def chosen(role, version, scenario):
    """./dev test runs half of the cells: each scenario in each version, the peer in one of its roles. ./dev interop runs all."""
    index = SCENARIOS.index(scenario) + (role == "client") + (version == "1.3")
    return FOLDER or RUNS > 1 or len(scenario.roles) == 1 or index % 2 == 0


@pytest.mark.parametrize("peer,role,version,name", matrix())
def test_we_are_honest_with(peer, role, version, name, adieu, identities, data, tmp_path):
    scenario = BY_NAME[name]
    for _ in range(RUNS if scenario.repeat else 1):
        cell = cells.Cell(peer, role, version, scenario, identities, data, cells.new_folder(tmp_path))
        outcome = cells.run(cell, adieu)
        keep(peer, role, version, name, outcome)
        wrong = honesty.complaint(outcome)
        if wrong:
            pytest.fail(f"{wrong}\n{honesty.told(outcome)}", pytrace=False)


def keep(peer, role, version, name, outcome):
    if FOLDER:
        line = {"peer": peer.name, "role": role, "version": version, "scenario": name, **honesty.record(outcome)}
        with open(pathlib.Path(FOLDER) / f"{os.getpid()}.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
