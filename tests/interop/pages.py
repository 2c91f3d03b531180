# SPDX-License-Identifier: MIT
"""Servers of pages: what they say is a page with the common data, what they hear is a request with a body that they ignore."""
import os
import pathlib
import re
import shutil
import signal
import tempfile
import threading

from lib_command import BOUND, wait_port
from grammar import Peer, Running, a_port

NO_USER = "nobody sits behind a server of pages"


class PageRunning(Running):
    """A server in a process group of its own, so that its workers are killed with it."""

    def __init__(self, cell):
        super().__init__(cell)
        cell.www = pathlib.Path(tempfile.mkdtemp())  # where a server that drops root's rights can read it
        cell.www.chmod(0o755)
        (cell.www / "page").write_bytes(cell.data_bytes[:max(cell.their_count(), 100_000 if self.slow() else 0)])
        self.port = a_port()
        with open(cell.folder / "server.out", "wb") as out:
            self.spawn(cell.peer.command(cell, self.port, self.slow()), stdout=out, start_new_session=True)
        wait_port(self.port)

    def slow(self):
        return "cut" in self.cell.steps()

    def begin(self):
        if self.slow():
            threading.Thread(target=self.cut, daemon=True).start()

    def cut(self):
        self.cell.heard.wait(BOUND)
        self.kill()

    def kill(self):
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)
        if self.process:
            shutil.rmtree(self.cell.www, ignore_errors=True)

    def finish(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.wait()
        told = [line for line in self.err().splitlines() if re.search("alert|certificate|handshake|SSL_|SSL Library", line)]
        self.facts += [f"end {told[-1].strip()}"] if told else []


class PageServer(Peer):
    roles = ("server",)
    cannot = {"half": NO_USER, "reset": NO_USER, "stall_theirs": NO_USER, "push_ours": NO_USER, "push_unread": "as it reads the request first, it is the same as a half-close of ours"}

    def question(self, cell):
        """Kept alive if we are the ones to end it."""
        keep, count = cell.scenario.name == "we_end", cell.our_count()
        head = f"GET /page HTTP/1.1\r\nHost: localhost\r\nConnection: {'keep-alive' if keep else 'close'}\r\nContent-Length: {count}\r\n\r\n"
        return head.encode() + cell.data_bytes[:count]

    def body(self, data):
        head, _, body = data.partition(b"\r\n\r\n")
        return body if head.startswith(b"HTTP/1.1 200 ") else b""

    def start(self, cell):
        return PageRunning(cell)
