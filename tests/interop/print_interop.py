# SPDX-License-Identifier: MIT
"""print_interop.py FOLDER: docs/interop.md from what a run of the matrix left in FOLDER (see test_interop.py)."""
import collections
import json
import pathlib
import re
import sys

import conftest  # noqa: F401  # beside this file: it finds the modules of tests/cli, which peers need
import peers
from scenarios import SCENARIOS

INTRO = """\
# Interop: what others do at each ending, and what we say of it

Printed by `./dev interop` from a run of `tests/interop`; do not edit. Every peer speaks over loopback with the command `adieu`, as
server and as client, in TLS 1.2 and 1.3.

Held in every cell, whatever the peer does: 0 only if its close_notify was on the wire and all bytes arrived; every byte that we count
as received is the peer's; an alert that was on the wire is named, although EPIPE or ECONNRESET came first; it ends in bounded time.
The wire is watched beside the two programs. An alert there is close_notify or a failure: once keys are in use only the two ends can tell
which, and what we say tells it.

What a program drops behind its own authentic end no TLS can tell. nginx lets the handshake succeed and refuses a certificate by a page
(400), which ends in order; nginx stream refuses one with close_notify, after taking data. Where a proxy (HAProxy, nginx stream, stunnel) is
reset by what is behind it, it may say close_notify in front; stunnel may say it before all has passed through. nginx answers our
close_notify by FIN alone: where we end first, that is 3. GnuTLS as a client shows no certificate that the server's list of authorities does not
name: there "refuse theirs" is "miss theirs" again.

`./dev test` runs about half of the cells, once each, with the peers that are there; `./dev interop` runs all.
"""

LEGEND = """
The tables show our exit status: 0 delivered, 3 truncated, 4 reset or lost, 5 the peer's alert, 6 refused by us, 8 a deadline, 1 we
ended badly on purpose. Two of them: timing decides, mostly whether the peer closes its socket with something unread, which
resets the connection and destroys what it had sent. "—": the peer cannot do this; why stands with the peer.
"""

NOISE = [(r"\d{4}[/.]\d\d[/.]\d\d \d\d:\d\d:\d\d ", ""), (r"\[[A-Z][a-z]{2} [^\]]*\] ", ""), (r"\[\d+\]", ""), (r"\d+#\d+: (\*\d+ )?", ""),
         (r"\b[0-9A-F]{12,16}:", ""), (r":\.\./\S+", ""), (r"\(?/\S*/\S+\)?", "…"), (r"LOG\d\[\S+\]: ", ""), (r"127\.0\.0\.1:\d+", "127.0.0.1"),
         (r"\(?_ssl\.c:\d+\)?", ""), (r"\[pid \d+:tid \d+\] ", ""), (r"port \d+", "port"), (r"NCAT DEBUG: ", ""), (r"(client: )?127\.0\.0\.1 \[\S+ x/1: ", ""), (r"pid \d+", "pid"), (r"\*\d+ ", ""), (r"\.\.… ", "")]


def plain(text):
    """Without dates, process numbers, addresses and paths."""
    for pattern, instead in NOISE:
        text = re.sub(pattern, instead, text)
    text = " ".join(text.replace("|", "/").split())
    return text if len(text) <= 110 else text[:107] + "…"


def load(folder):
    cells = collections.defaultdict(list)
    for file in sorted(pathlib.Path(folder).glob("*.jsonl")):
        for line in file.read_text().splitlines():
            run = json.loads(line)
            cells[run["peer"], run["role"], run["version"], run["scenario"]].append(run)
    return cells


def each(runs, key):
    """The different values in several runs, in order of their number."""
    return [value for value, _ in collections.Counter(run[key] for run in runs).most_common()]


def entry(peer, role, version, scenario, runs):
    if peer.why_not(role, version, scenario):
        return "—"
    return " or ".join(str(status) for status in sorted(each(runs, "exit"))) if runs else "?"


def facts(runs):
    """One line: our view, the peer's wire, what its user is told."""
    joint = " or ".join(dict.fromkeys(f"{run['sending']} / {run['receiving']}" + (f", {run['alert']}" if run["alert"] else "") for run in runs))
    wires = " or ".join(wire for wire in each(runs, "wire") if wire is not None)
    said = " or ".join(dict.fromkeys(plain(text) for text in each(runs, "said") if text))
    return f"{joint}; wire: {wires or 'not watched'}" + (f"; told: {said}" if said else "")


def notes(peer, cells):
    """For each scenario what happened, cells with the same facts together."""
    for scenario in SCENARIOS:
        alike = collections.OrderedDict()
        for role in ("server", "client"):
            for version in ("1.2", "1.3"):
                runs = cells.get((peer.name, role, version, scenario.name))
                if runs:
                    alike.setdefault(facts(runs), []).append(f"{role} {version}")
        for text, where in alike.items():
            yield f"| {short(scenario)} | {'all' if len(alike) == 1 else ', '.join(where)} | {text} |"


def reasons(peer):
    found = collections.OrderedDict()
    for scenario in SCENARIOS:
        for role in peer.roles:
            for version in peer.versions:
                why = role in scenario.roles and peer.why_not(role, version, scenario)
                if why:
                    words = found.setdefault(why, [])
                    where = f"{short(scenario)} ({role})"
                    if where not in words:
                        words.append(where)
    return [f"- {why}: {'; '.join(where)}" for why, where in found.items()]


def short(scenario):
    return scenario.name.replace("_", " ")


def table(title, role, version, cells, present):
    yield f"\n## {title}\n"
    endings = [scenario for scenario in SCENARIOS if role in scenario.roles]
    yield "| peer | " + " | ".join(short(scenario) for scenario in endings) + " |"
    yield "| --- |" + " --- |" * len(endings)
    for peer in present:
        if role in peer.roles and version in peer.versions:
            row = (entry(peer, role, version, scenario, cells.get((peer.name, role, version, scenario.name))) for scenario in endings)
            yield f"| {peer.name} | " + " | ".join(row) + " |"


def page(cells):
    present = sorted((peer for peer in peers.ALL if any(key[0] == peer.name for key in cells)), key=lambda peer: peer.name.lower())
    yield INTRO
    yield "| peer | version |\n| --- | --- |"
    yield from (f"| {peer.name} | {peer.version()} |" for peer in present)
    yield "\n| ending | what happens |\n| --- | --- |"
    yield from (f"| {short(scenario)} | {scenario.title} |" for scenario in SCENARIOS)
    yield LEGEND.rstrip()
    for role in ("server", "client"):
        for version in ("1.2", "1.3"):
            yield from table(f"The peer is the {role}, TLS {version}: our exit status", role, version, cells, present)
    yield "\n## Each peer\n"
    yield "Sending / receiving are ours; wire is how the peer's direction ended; told is what its user sees, if anything."
    for peer in present:
        yield f"\n### {peer.name}\n\n| ending | as | what happened |\n| --- | --- | --- |"
        yield from notes(peer, cells)
        why = reasons(peer)
        if why:
            yield "\nIt cannot:\n"
            yield from why


if __name__ == "__main__":
    print("\n".join(page(load(sys.argv[1]))))
