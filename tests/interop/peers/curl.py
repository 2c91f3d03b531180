# SPDX-License-Identifier: MIT
import subprocess

from grammar import Peer, PipeRunning

HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
ASKS = "it asks one thing and takes the answer"


class CurlRunning(PipeRunning):
    def send(self, data):
        """It has said its request already."""

    def close(self):
        self.read()


class Curl(Peer):
    """A GET; what we say is a page that our end ends."""

    name, package, program = "curl", "curl", "curl"
    roles = ("client",)
    cannot = {name: ASKS for name in ("they_end", "we_end", "half_ours", "half_theirs", "push_theirs", "push_unread", "cut_theirs",
                                      "reset_theirs", "stall_ours")}

    def version(self):
        words = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True).stdout.split()
        return f"{words[1]} with {words[4]}"

    def wrap(self, cell, sent, count):
        return (b"" if sent else HEAD) + super().wrap(cell, sent, count)

    def body(self, data):
        return b"" if b"GET / HTTP/1.1\r\n".startswith(data[:16]) else data

    def start(self, cell):
        identity = ["--cert", cell.theirs.cert, "--key", cell.theirs.key] if cell.theirs else []
        return CurlRunning(cell, ["curl", "-sS", "-4", "--noproxy", "*", "--cacert", cell.trusts, f"--tlsv{cell.version}", "--tls-max",
                                  cell.version, *identity, f"https://localhost:{cell.port}/"])


PEERS = [Curl()]
