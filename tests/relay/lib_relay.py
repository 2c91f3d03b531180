# SPDX-License-Identifier: MIT
"""A relay of its own for a test, and how often to try."""
import json
import os
import pathlib
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
SOAK = bool(os.environ.get("ADIEU_SOAK"))


def rounds(ordinary, soak):
    """How often: ADIEU_SOAK in the environment asks for the long form."""
    return soak if SOAK else ordinary


class Relay:
    """A relay of its own (main.c): side a connects, side b listens. It ends with its standard input."""

    def __init__(self, program, loss=0, delay=20, seed=os.environ.get("ADIEU_SOAK") or 1):
        trace = os.environ.get("ADIEU_RELAY_TRACE")  # every packet is written there
        words = [program, "run", "--delay", delay, "--loss", loss, "--seed", seed] + (["--trace", trace] if trace else [])
        self.program = program
        self.process = subprocess.Popen([str(word) for word in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        word, _, rest = self.process.stdout.readline().strip().partition(" ")
        if word == "cannot":
            self.end()
            pytest.skip(f"no relay here: {rest}")
        assert word == "ready", f"the relay said {word} {rest}"
        self.pid, self.a, self.b = rest.split()

    def inside(self, side, *command):
        """The words that run the command on that side; it keeps its process id."""
        return [self.program, "in", self.pid, side, *command]

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def hole(self, how):
        assert self.tell(f"hole {how}") == "ok"

    def counts(self):
        return json.loads(self.tell("counts"))

    def end(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        self.process.stdout.close()
