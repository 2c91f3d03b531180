# SPDX-License-Identifier: MIT
"""Servers, clients and loads as bench/README.md describes them."""
import contextlib
import json
import time

import roster
from clocks import cpu_seconds
from processes import MEASURED, OTHER, Running, Unable, running

SUITE = {"tls": "1.3", "cipher": "aes128"}
START = 20  # seconds that a program has to begin in
CLIENT = 60


def words(**pairs):
    return [f"{name}={value}" for name, value in pairs.items()]


class Server(Running):
    """A peer as a server, on the measured core."""

    def __init__(self, place, name, environment=None, under=(), **more):
        command = roster.command(roster.BY_NAME[name], place)
        if isinstance(command, str):
            raise Unable(command, for_good=True)
        suite = {**SUITE, **more}
        super().__init__([*under, *command, "serve", *words(cert=place.cert, key=place.key, **suite)], MEASURED, environment)
        try:
            self.port = int(self.answer("port", START)[0])
        except BaseException:
            self.end()
            raise

    def answer(self, word, seconds):
        """The numbers behind `word` in its next line."""
        line = self.line(seconds)
        first, *numbers = line.split()
        if first != word:
            raise Unable(f"it said \"{line[:80]}\" where \"{word}\" was awaited")
        return [float(number) for number in numbers]

    def order(self, letter, word, seconds):
        self.tell(letter)
        return self.answer(word, seconds)

    def open(self):
        return int(self.order("n", "open", 30)[0])

    def wait_open(self, count, seconds=20):
        """Until it, too, says that so many connections are there."""
        by = time.monotonic() + seconds
        while (seen := self.open()) != count:
            if time.monotonic() > by:
                raise Unable(f"{count} connections should be open, and it says {seen}")
            time.sleep(0.02)

    def cpu(self):
        return cpu_seconds(self.pid)


@contextlib.contextmanager
def servers(place, names, **suite):
    """All of them, waiting; where one cannot be had, the Unable that says why stands in its place."""
    with contextlib.ExitStack() as stack:
        up = {}
        for name in (name for name in names if roster.BY_NAME[name].serves):
            try:
                up[name] = Server(place, name, **suite)
                stack.callback(up[name].end)
            except Unable as why:
                up[name] = why
        yield up


def present(thing):
    """A server or a figure, where there may be the reason for there being none. A server that has ended is told of as what it is:
    all that its clients know is that they are refused."""
    if isinstance(thing, Unable):
        raise Unable(str(thing), for_good=True)
    if isinstance(thing, Server) and thing.is_gone():
        raise Unable(f"the server ended with status {thing.ended(0)[0]}{thing.last_words()}", for_good=True)
    return thing


def client(place, name, port, core, **more):
    """One run of a peer as a client: CPU seconds, and how long it took."""
    command = roster.command(roster.BY_NAME[name], place)
    if isinstance(command, str):
        raise Unable(command, for_good=True)
    with running([*command, "client", *words(port=port, **{**SUITE, **more})], core, stdin=None, stdout=None) as program:
        return program.well_ended(CLIENT)


def load_command(place, port, work, **more):
    return [str(place.build / "bench" / "load" / "load"), *words(port=port, work=work, **more)]


def load(place, port, work, seconds=CLIENT, core=OTHER, under=(), **more):
    """One run of the load generator: what it says when it is done."""
    with running([*under, *load_command(place, port, work, **more)], core) as program:
        said = parsed(program.line(seconds))
        program.well_ended(5)
        return said


def parsed(line):
    try:
        return json.loads(line)
    except ValueError:
        raise Unable(f"the load said \"{line[:80]}\"") from None


class Hold(Running):
    """Connections that stay: they are there when this object is."""

    def __init__(self, place, port, count, seconds=120, **more):
        super().__init__(load_command(place, port, "hold", count=count, **more), OTHER)
        try:
            held = parsed(self.line(seconds)).get("held")
            if held != count:
                raise Unable(f"{held} of {count} connections were made")
        except BaseException:
            self.end()
            raise

    def last(self, seconds, silent):
        """What it says when all have ended. Silent ones learn of nothing, so that their end has to be ordered."""
        if silent:
            self.process.stdin.close()
        return parsed(self.line(seconds))


@contextlib.contextmanager
def hold(*args, **more):
    program = Hold(*args, **more)
    try:
        yield program
    finally:
        program.end()
