# SPDX-License-Identifier: MIT
"""How a peer describes itself, and the steps that make it speak.

A script is a list of steps, one word each; N counts bytes of the common data, from where the last step of its kind stopped:

    send:N   says N bytes                      half    ends its direction, and can still read
    recv:N   hears until N bytes are there     close   ends as its users end: close_notify, then the connection
    read     hears until our end               cut     ends the connection without close_notify
    reply:N  as send, after our end            reset   resets the connection
    stall:N  does nothing for N milliseconds

A peer is one file in peers/. What it cannot do it says in `cannot`: a step, a scenario, or either for one role, or for one version, with
the reason, which docs/interop.md prints. Programs that we write for a library (peers/drivers) take the script themselves and tell what befell them, one
line a fact (see Driver); finished programs are given theirs by a thread here, which plays their user (see Pipe, and Proxy).
"""
import contextlib
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

import cache
from lib_command import BOUND, wait_port

DRIVERS = pathlib.Path(__file__).resolve().parent / "peers" / "drivers"
PATIENCE = 8 * max(1.0, BOUND / 60)  # how long a peer may live after we have gone


def a_port():
    """A free one that no outgoing connection gets by chance, before the peer binds it."""
    while True:
        number = random.randrange(20000, 32000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", number))
            return number


class Peer:
    """name as people know it; package: Debian's name; roles, versions: what there is; expect: {(role, scenario): exit
    statuses} where a right peer's 0 is not to be had, and why in a comment."""

    name, package, program = "", "", "sh"
    roles, versions = ("server", "client"), ("1.2", "1.3")
    cannot, expect = {}, {}

    def wrap(self, cell, sent, count):
        """What our side says to it: the next count bytes of the common data."""
        return cell.data_bytes[sent:sent + count]

    def heard(self, cell):
        """What it may have heard from us, wholly or its beginning."""
        return cell.data_bytes[:cell.our_count()]

    def shows(self, cell, name, number):
        """The words by which its user learns of our alert; None: it does not name it."""
        return name

    def loses(self, cell):
        """Whether it is known to end in order before it has said all that its user gave it."""
        return False

    def hears_less(self, cell):
        """Whether what it got is not told wholly by its plain side."""
        return False

    def absent(self):
        """Why it cannot take part, or None."""
        return None if shutil.which(self.program) else f"{self.program} is not installed"

    def version(self):
        return debian_version(self.package)

    def why_not(self, role, version, scenario):
        """Why this cell of the matrix is empty, or None."""
        if role not in self.roles:
            return f"it is no {role}"
        if version not in self.versions:
            return f"it has no TLS {version}"
        words = [scenario.name, *(step.partition(":")[0] for step in scenario.steps), *scenario.needs]
        for word in words:
            for key in (word, (role, word), (version, word)):
                if key in self.cannot:
                    return self.cannot[key]
        return None

    def expected(self, role, version, scenario):
        for key in ((role, version, scenario.name), (role, scenario.name), (version, scenario.name), scenario.name):
            if key in self.expect:
                return self.expect[key]
        return scenario.exits

    def question(self, cell):
        """What our side says to it in place of the common data, or None."""
        return None

    def body(self, data):
        """Of what we received from it, the part that is the common data."""
        return data

    def start(self, cell):
        raise NotImplementedError


def debian_version(package):
    asked = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True, check=False)
    return asked.stdout.strip() or "unknown"


class Running:
    """A peer at work in one cell. facts: the lines that it told; got: what it received (None: nobody knows)."""

    def __init__(self, cell):
        self.cell, self.facts, self.got, self.port = cell, [], None, None
        self.process, self.hung = None, False

    def spawn(self, command, **kw):
        self.err_path = self.cell.folder / "peer.err"
        with open(self.err_path, "wb") as err:
            self.process = subprocess.Popen([str(word) for word in command], stderr=kw.pop("stderr", err),
                                            cwd=self.cell.folder, **kw)
        return self.process

    def wait(self):
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.hung = True
        self.kill()

    def begin(self):
        """Once it is watched; what a script of its own drives has begun already."""

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait(10)

    def err(self):
        return self.err_path.read_text(errors="replace") if self.err_path.exists() else ""

    def fact(self, word):
        """What follows the first fact that begins with word, or None."""
        return next((fact[len(word):].strip() for fact in self.facts if fact.split(" ")[0] == word), None)

    def said(self):
        """What its user is told, at most one line."""
        return next((text for text in (self.fact("failed"), self.fact("end")) if text), "")


class DriverRunning(Running):
    """A program of ours on somebody's library: driver ROLE PORT VERSION CA CERT KEY ASK DATA GOT STEP..., "-" where there is nothing;
    a server with ASK "ask" requires a client certificate. It prints "port N" first if it listens, then what happens:
    "sent N", "end closed" or "end" and why not, "failed" and why; GOT is where it leaves what it received."""

    def __init__(self, cell, command, **kw):
        super().__init__(cell)
        self.got_path = cell.folder / "peer.got"
        self.out_path = cell.folder / "peer.out"
        identity = cell.theirs
        with open(self.out_path, "wb") as out:
            self.spawn([*command, cell.role if cell.role == "client" else "server", cell.port or 0, cell.version, cell.trusts,
                        identity.cert if identity else "-", identity.key if identity else "-",
                        "ask" if cell.scenario.they_ask else "-", cell.data, self.got_path, *cell.steps()],
                       stdin=subprocess.DEVNULL, stdout=out, **kw)
        if cell.role == "server":
            self.port = int(self.await_line("port"))

    def read_facts(self):
        self.facts = self.out_path.read_text(errors="replace").splitlines()

    def await_line(self, word):
        deadline = time.monotonic() + BOUND
        while time.monotonic() < deadline and self.process.poll() is None:
            self.read_facts()
            if self.fact(word):
                return self.fact(word)
            time.sleep(0.01)
        raise AssertionError(f"the peer never said {word!r}: {self.out_path.read_text()} {self.err()}")

    def finish(self):
        self.wait()
        self.read_facts()
        if self.process.returncode < 0 and not self.hung:
            self.facts.append(f"failed it crashed: {signal.Signals(-self.process.returncode).name}")
        with contextlib.suppress(FileNotFoundError):
            self.got = self.got_path.read_bytes()


class Driver(Peer):
    """A library, through a program of ours that takes the whole script."""

    def command(self):
        raise NotImplementedError

    def start(self, cell):
        return DriverRunning(cell, self.command())


class CDriver(Driver):
    """driver.c with the file that speaks to the library. flags(): what the compiler needs, or None if the library is not there."""

    source = ""
    pkg_config = None

    def flags(self):
        asked = subprocess.run(["pkg-config", "--cflags", "--libs", self.pkg_config], capture_output=True, text=True, check=False)
        return asked.stdout.split() if asked.returncode == 0 else None

    def absent(self):
        if not shutil.which("gcc") or not shutil.which("pkg-config"):
            return "there is no compiler to build it with"
        return None if self.flags() is not None else f"{self.package} is not installed"

    def command(self):
        sources = [DRIVERS / "driver.c", DRIVERS / self.source]
        return [cache.built(f"driver-{self.source[5:-2]}", [*sources, DRIVERS / "driver.h"], "gcc", "-O1", "-D_POSIX_C_SOURCE=200809L",
                            *sources, "-o", "OUT", *self.flags())]


class Told(Running):
    """A finished program whose user is a thread here. Subclasses are the plain side: send, recv (b"" at the end), half, close, reset."""

    def begin(self):
        self.received = bytearray()
        self.thread = threading.Thread(target=self.play, daemon=True)
        self.thread.start()

    def play(self):
        sent = 0
        try:
            for step in self.cell.steps():
                word, _, count = step.partition(":")
                if word in ("send", "reply"):
                    self.send(self.cell.data_bytes[sent:sent + int(count)])
                    sent += int(count)
                elif word == "recv":
                    self.hear(int(count))
                elif word == "stall":
                    time.sleep(int(count) / 1000)
                else:
                    getattr(self, word)()
        except (OSError, ValueError) as error:
            self.facts.append(f"failed {error}")

    def hear(self, count):
        while len(self.received) < count:
            data = self.recv()
            if not data:
                return False
            self.received += data
        return True

    def read(self):
        self.hear(1 << 62)

    def cut(self):
        """A killed process: its kernel ends the connection, without close_notify. Only once we have what it said."""
        self.cell.heard.wait(BOUND)
        self.process.kill()

    def finish(self):
        self.thread.join(PATIENCE)
        self.wait()
        self.thread.join(5)
        self.got = bytes(self.received)
        self.tell()

    def tell(self):
        """What the program said in the end, into facts."""
        lines = [line.strip() for line in self.err().splitlines() if line.strip()]
        self.facts.append(f"end {self.ending(lines)}")

    def ending(self, lines):
        told = next((line for line in reversed(lines) if self.telling(line)), "")
        status = self.process.returncode
        if self.hung:
            return "stays until it is killed"
        return told or (f"status {status}" if status >= 0 else "")

    def telling(self, line):
        """Whether this line of standard error is about the ending."""
        return any(word in line.lower() for word in ("alert", "error", "eof", "reset", "truncat", "terminated"))


class PipeRunning(Told):
    """A program between standard input and TLS."""

    def __init__(self, cell, command, **kw):
        super().__init__(cell)
        self.spawn(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, **kw)

    def send(self, data):
        view = memoryview(data)
        while view:
            view = view[self.process.stdin.write(view):]

    def recv(self):
        return os.read(self.process.stdout.fileno(), 65536)

    def half(self):
        self.process.stdin.close()

    def close(self):
        self.half()
        self.read()

    def finish(self):
        super().finish()
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()


class ProxyRunning(Told):
    """A program between TCP and TLS: its user is at the TCP side. configure(listen_port, to_port) -> its command."""

    def __init__(self, cell, configure):
        super().__init__(cell)
        self.listener = self.plain = None
        mine = a_port()
        if cell.role == "server":
            self.listener = socket.create_server(("127.0.0.1", 0))
            self.listener.settimeout(BOUND)
            self.port = mine
            self.spawn(configure(mine, self.listener.getsockname()[1]), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        else:
            self.spawn(configure(mine, cell.port), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        wait_port(mine)
        self.entrance = mine

    def play(self):
        try:
            if self.listener:
                self.plain, _ = self.listener.accept()
            else:
                self.plain = socket.create_connection(("127.0.0.1", self.entrance), BOUND)
            self.plain.settimeout(PATIENCE)
        except OSError as error:
            self.facts.append(f"failed {error}")
            return
        super().play()

    def send(self, data):
        self.plain.sendall(data)

    def recv(self):
        return self.plain.recv(65536)

    def half(self):
        self.plain.shutdown(socket.SHUT_WR)

    def close(self):
        self.plain.close()

    def reset(self):
        """Behind the proxy: what it makes of that on the TLS side is what the cell shows."""
        self.cell.heard.wait(BOUND)
        self.plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.plain.close()

    def finish(self):
        """The proxy serves for ever: once we have gone, and its user has, it is ended."""
        if self.listener and not self.plain:
            self.listener.shutdown(socket.SHUT_RDWR)  # closing alone does not wake an accept()
        self.thread.join(PATIENCE)
        self.kept = self.thread.is_alive()
        if self.process.poll() is None:
            self.process.terminate()
        self.wait()
        for sock in (self.plain, self.listener):
            if sock:
                sock.close()
        self.got = bytes(self.received)
        self.tell()

    def read(self):
        super().read()
        self.facts.append("end EOF behind it")

    def tell(self):
        """What its user sees comes first, then what its log says of an alert or a certificate."""
        logged = [line.strip() for line in self.err().splitlines() if re.search("alert|certificate|handshake", line)]
        if self.kept:
            self.facts.append("failed its user is told nothing")
        if logged:
            self.facts.insert(0, f"failed {logged[-1]}")
