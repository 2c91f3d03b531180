# SPDX-License-Identifier: MIT
"""
A run: servers and clients of each kind for as long as asked; each connection's ending is held against its story, each process is measured. Every
half a minute all of them rest, so that what is still held then is held for ever.
"""
import csv
import dataclasses
import pathlib
import select
import statistics
import subprocess
import time

import foreign
import programs
import truth

KINDS = ("fd", "polled", "uv")
SAMPLE_S, QUIET_S, SETTLE_S = 5.0, 40.0, 0.4
SAMPLE_FIELDS = ("t", "program", "quiet", "live", "heap", "rss", "pss", "fds", "threads", "handles", "cpu")
LATENCY_FIELDS = ("t", "what", "count", "p50_us", "p99_us")


@dataclasses.dataclass
class Wanted:
    """What to run."""
    build: pathlib.Path
    folder: pathlib.Path  # for what is written
    seconds: float
    rate: float  # of each client, connections a second
    seed: int = 0
    count: int = 0  # of each client; 0: until the time is over
    strangers: bool = True
    cycle: float = 30.0  # seconds from one quiet point to the next


class Session:
    def __init__(self, wanted):
        self.wanted = wanted
        self.soak = str(wanted.build / "tests" / "soak" / "soak")
        self.truth = truth.Truth(truth.stories_of(self.soak))
        self.servers, self.clients, self.listeners = [], [], []
        self.samples, self.latencies = [], []
        self.foreign = None
        self.foreign_endings = {}
        self.began = time.monotonic()

    @property
    def ours(self):
        return self.servers + self.clients

    def now(self):
        return time.monotonic() - self.began

    # ------------------------------------------------ beginning and end

    def start(self):
        folder = str(self.wanted.folder)
        subprocess.run([str(self.wanted.build / "tests" / "soak" / "soak-identities"), folder], check=True, timeout=60)
        for kind in KINDS:
            self.servers.append(programs.Program(f"server {kind}", [self.soak, "server", kind, folder]))
        ports = [self.port_of(server) for server in self.servers]
        for number, kind in enumerate(KINDS):
            seed = self.wanted.seed + number * 1_000_000_000
            self.clients.append(programs.Program(f"client {kind}", [
                self.soak, "client", kind, folder, str(seed), str(self.wanted.count), str(self.wanted.rate), *map(str, ports)]))
        if self.wanted.strangers:
            self.start_strangers(dict(zip(KINDS, ports)))

    def port_of(self, server):
        by = time.monotonic() + 30
        while time.monotonic() < by:
            server.check()
            for line in server.lines():
                return int(line.split()[1])
            time.sleep(0.01)
        raise programs.Broken(f"{server.name} named no port")

    def start_strangers(self, ports):
        self.foreign = foreign.Foreign(str(self.wanted.build / "adieu"), self.wanted.folder, ports)
        for name, command, is_ours in self.foreign.commands():
            program = programs.Program(name, command, speaks=False)
            program.is_ours = is_ours
            self.listeners.append(program)
            self.foreign.listening(name, program)
        self.foreign.thread.start()

    def end(self):
        """All that were started, whatever happened."""
        if self.foreign:
            self.foreign.stop()
        return {program.name: program.end() for program in self.clients + self.servers + self.listeners}

    # ------------------------------------------------ listening to them

    def hear(self, program, line):
        if line.startswith("stand "):
            program.stand = {key: int(value) for key, value in (word.split("=") for word in line.split()[1:])}
            return
        if not line.startswith("end "):
            raise programs.Broken(f"{program.name} says: {line}")
        told = self.truth.told(line, self.servers.index(program) if program in self.servers else None, self.now())
        if told.story < 0:
            self.foreign_endings[told.ending] = self.foreign_endings.get(told.ending, 0) + 1
            if told.trouble != "-":
                raise truth.Lie(f"{program.name}, with a foreign client: it is {told.trouble} [{told}]")

    def pump(self, seconds, until=lambda: False):
        """Hears what all say, for so long or until something holds."""
        by = time.monotonic() + seconds
        while not until() and (left := by - time.monotonic()) > 0:
            ready, _, _ = select.select([program.process.stdout for program in self.ours], [], [], min(left, 1.0))
            for program in self.ours:
                if program.process.stdout in ready:
                    for line in program.lines():
                        self.hear(program, line)
                    program.check()
        if self.foreign and self.foreign.trouble:
            raise truth.Lie(self.foreign.trouble)
        self.truth.orphans(self.now())

    def ask(self):
        for program in self.ours:
            program.stand = None
            program.tell("s")
        self.pump(20, lambda: all(program.stand for program in self.ours))
        for program in self.ours:
            if not program.stand:
                raise programs.Broken(f"{program.name} did not answer within 20 s{program.last_words()}")

    # ------------------------------------------------ measuring

    def sample(self, quiet):
        self.ask()
        t = round(self.now(), 2)
        for program in self.ours + [listener for listener in self.listeners if listener.is_ours]:
            stand = program.stand or {"live": None, "heap": None, "handles": None}
            stood = {key: stand[key] for key in ("live", "heap", "handles")}
            row = {"t": t, "program": program.name, "quiet": int(quiet), **stood, **program.measured()}
            self.samples.append(row)
            self.samples_csv.writerow(row)
        self.latency(t)
        self.flush()

    def latency(self, t):
        straight = [(client, story) for client, _ in self.truth.pairs if not (story := self.truth.stories[client.story]).meddled]
        self.truth.pairs = []
        prompt = [client for client, story in straight if not any(set("pS") & set(steps) for steps in story.steps)]
        series = {
            "handshake": [client.shake_us for client in prompt if client.shake_us and not client.resumed],
            "resumed handshake": [client.shake_us for client in prompt if client.shake_us and client.resumed],
            "echo": [client.echo_us for client in prompt if client.echo_us],
            "close": [client.close_us for client in prompt if client.close_us and client.ending == "closed/closed"],
        }
        for what, values in series.items():
            if values:
                values.sort()
                row = {"t": t, "what": what, "count": len(values), "p50_us": int(statistics.median(values)),
                       "p99_us": values[min(len(values) - 1, int(0.99 * len(values)))]}
                self.latencies.append(row)
                self.latency_csv.writerow(row)

    def open_files(self):
        self.files = [open(self.wanted.folder / name, "w", newline="", encoding="utf-8") for name in ("samples.csv", "latency.csv")]
        self.samples_csv, self.latency_csv = csv.DictWriter(self.files[0], SAMPLE_FIELDS), csv.DictWriter(self.files[1], LATENCY_FIELDS)
        self.samples_csv.writeheader()
        self.latency_csv.writeheader()

    def flush(self):
        for file in self.files:
            file.flush()

    # ------------------------------------------------ the run

    def rest(self):
        """A quiet point: nobody begins anything, and all that lives comes to its end."""
        for client in self.clients:
            client.tell("p")
        if self.foreign and not self.foreign.rest():
            raise programs.Broken("a foreign conversation does not end")
        by = time.monotonic() + QUIET_S
        while True:
            self.ask()
            if all(program.stand["live"] == 0 for program in self.ours):
                break
            if time.monotonic() > by:
                crowded = ", ".join(f"{program.name} has {program.stand['live']} connections" for program in self.ours if program.stand["live"])
                raise programs.Broken(f"not quiet within {QUIET_S:g} s: {crowded}")
            self.pump(0.1)
        self.pump(SETTLE_S)
        self.sample(quiet=True)

    def begin(self):
        for client in self.clients:
            client.tell("g")

    def go_on(self):
        self.begin()
        if self.foreign:
            self.foreign.go_on()

    def run(self):
        """Until the time is over, or somebody lies."""
        self.open_files()
        self.start()
        self.begin()
        end = self.now() + self.wanted.seconds
        while self.now() < end:
            cycle_end = min(end, self.now() + self.wanted.cycle)
            while self.now() < cycle_end:
                self.pump(min(SAMPLE_S, cycle_end - self.now()))
                self.sample(quiet=False)
            self.rest()
            if self.now() < end:
                self.go_on()

    def all_said(self):
        """Clients with a count of their own pause when they have reached it."""
        return all(client.stand["paused"] and client.stand["live"] == 0 for client in self.clients)

    def quiet_figures(self):
        """{name: (descriptors, threads)} now that nobody lives."""
        self.pump(SETTLE_S)
        self.ask()
        return {program.name: (program.measured()["fds"], program.measured()["threads"]) for program in self.ours}

    def run_round(self):
        """Until clients with a count have had their connections."""
        by = time.monotonic() + self.wanted.seconds
        self.begin()
        self.ask()
        while not self.all_said() or any(server.stand["live"] for server in self.servers):
            if time.monotonic() > by:
                raise programs.Broken("not done in time")
            self.pump(0.1)
            self.ask()
