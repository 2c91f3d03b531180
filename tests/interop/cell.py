# SPDX-License-Identifier: MIT
"""One cell of the matrix: a peer, its role, a version, a scenario; and what came of it."""
import contextlib
import dataclasses
import os
import pathlib
import threading
import time

import wire
from lib_command import BOUND, Command

SLOWNESS = max(1.0, BOUND / 60)
OUR_BOUND = 25 * SLOWNESS  # how long our command may take; its own deadlines are shorter
STALL = 1.2                # seconds that a stalled reader of ours stalls


class Cell:
    """theirs, ours: the Identity of each, or None. heard: set once the first bytes of the peer came out of our command."""

    def __init__(self, peer, role, version, scenario, identities, data, folder):
        self.peer, self.role, self.version, self.scenario, self.folder = peer, role, version, scenario, folder
        self.identities, self.data, self.data_bytes = identities, data, data.read_bytes()
        self.our_role = "server" if role == "client" else "client"
        self.theirs = self.identity(role, scenario.their_identity)
        self.ours = self.identity(self.our_role, scenario.our_identity)
        self.trusts = identities.ca
        self.port = None  # where we listen
        self.heard = threading.Event()

    def identity(self, side, kind):
        """A client usually has one only if somebody asks for it."""
        asked = side == "server" or self.scenario.we_ask or self.scenario.they_ask
        return self.identities.of(side, ("good" if asked else "none") if kind == "usual" else kind)

    def steps(self):
        return self.scenario.steps

    def their_count(self):
        """How many bytes the peer's script says, and ours."""
        return count_of(self.steps(), "send") + count_of(self.steps(), "reply")

    def our_count(self):
        return count_of(self.scenario.ours, "send")


def count_of(steps, word):
    return sum(int(step.partition(":")[2]) for step in steps if step.partition(":")[0] == word)


@dataclasses.dataclass
class Outcome:
    """What a cell showed: our Result, the peer's Running, the wire (an Observer or None)."""
    cell: Cell
    result: object
    running: object
    wire: object
    seconds: float

    @property
    def theirs_on_wire(self):
        return self.wire.server if self.cell.role == "server" else self.wire.client

    @property
    def ours_on_wire(self):
        return self.wire.client if self.cell.role == "server" else self.wire.server


def options(cell):
    ours = cell.ours
    identity = ["--cert", ours.cert, "--key", ours.key] if ours else []
    if cell.our_role == "client":
        trust = ["--ca", cell.identities.ca, "--name", "localhost"]
    else:
        trust = ["--client-ca", cell.identities.ca] if cell.scenario.we_ask else []
    return ["-v", "--min", cell.version, "--max", cell.version, "--timeout-close", f"{3 * SLOWNESS}", "--timeout-total", f"{20 * SLOWNESS}", *identity, *trust,
            *cell.scenario.adieu]


class Lazy:
    """Standard output that nobody reads for a while."""

    def __init__(self):
        self.read_end, self.write_end = os.pipe()
        self.data, self.thread = bytearray(), threading.Thread(target=self.pump, daemon=True)

    def pump(self):
        time.sleep(STALL)
        while data := os.read(self.read_end, 1 << 16):
            self.data += data

    def begin(self):
        os.close(self.write_end)
        self.thread.start()

    def end(self):
        self.thread.join(BOUND)
        os.close(self.read_end)


def our_script(cell, command):
    """Says our side of the scenario to the command; what it cannot say, the ending tells."""
    question, sent = cell.peer.question(cell), 0
    if question is not None and cell.role == "server":
        command.stdin.write(question)
        command.stdin.flush()
    for step in cell.scenario.ours:
        word, _, count = step.partition(":")
        if word == "send" and (question is None or cell.role == "client"):
            command.stdin.write(cell.peer.wrap(cell, sent, int(count)))
            command.stdin.flush()
            sent += int(count)
        elif word == "recv":
            command.wait_out(int(count), timeout=OUR_BOUND)
            cell.heard.set()
        elif word == "end":
            command.wait_err(r"receiving is (?!open)\w", timeout=OUR_BOUND)
        elif word == "eof":
            command.stdin.close()


def play_ours(cell, command):
    with contextlib.suppress(OSError, ValueError, AssertionError):
        our_script(cell, command)
    with contextlib.suppress(OSError):
        command.stdin.close()
    cell.heard.set()


def meet(cell, adieu, stdout, begun):
    """The server first, then the observer of its port, then the client. begun: what has to be ended, whatever happens."""
    def ours(*where):
        begun["command"] = Command([adieu, *where, *options(cell)], cell.folder, input=None, **stdout)
        return begun["command"]

    def theirs():
        begun["running"] = cell.peer.start(cell)
        return begun["running"]

    if cell.role == "server":
        begun["observer"] = wire.observe(theirs().port)
        begun["running"].begin()
        ours("connect", f"127.0.0.1:{begun['running'].port}")
    else:
        cell.port = int(ours("listen", "127.0.0.1:0").wait_err(r"listening on \S+:(\d+)").group(1))
        begun["observer"] = wire.observe(cell.port)
        theirs().begin()


def part(cell, begun, lazy, begin):
    """Plays our side, and waits for both; the Outcome."""
    command, running, observer = begun["command"], begun["running"], begun["observer"]
    thread = threading.Thread(target=play_ours, args=(cell, command), daemon=True)
    thread.start()
    result = command.wait(OUR_BOUND)
    seconds = time.monotonic() - begin
    thread.join(BOUND)
    running.finish()
    if lazy:
        lazy.end()
        result.out = bytes(lazy.data)
    if observer:
        observer.settle()
    return Outcome(cell, result, running, observer, seconds)


def run(cell, adieu):
    """One conversation. What goes wrong with the peer is in the outcome, not raised."""
    lazy = Lazy() if cell.scenario.lazy_reader else None
    begun, begin = {}, time.monotonic()
    try:
        meet(cell, adieu, {"stdout": lazy.write_end} if lazy else {}, begun)
        if lazy:
            lazy.begin()
        return part(cell, begun, lazy, begin)
    finally:
        for each in (begun.get("command"), begun.get("running")):
            if each:
                each.kill()
        if begun.get("observer"):
            begun["observer"].over.set()


def new_folder(base):
    path = pathlib.Path(base) / f"cell-{time.monotonic_ns()}"
    path.mkdir()
    return path
