# SPDX-License-Identifier: MIT
import subprocess

from lib_command import wait_port
from grammar import Peer, PipeRunning, a_port


class Ncat(Peer):
    name, package, program = "ncat --ssl", "ncat", "ncat"
    cannot = {"reset": "it has no way to reset", ("server", "verify"): "its server asks for no certificate",
              "reply": "it takes the other side's end for the end of everything, and leaves"}
    # It never says close_notify first, and as a client never at all.
    expect = {name: (3,) for name in ("they_end", "half_theirs", "push_theirs", "stall_ours")}
    expect |= {("client", name): (3,) for name in ("we_end", "push_unread", "push_ours", "stall_theirs")}

    def shows(self, cell, name, number):
        return None

    def version(self):
        return subprocess.run(["ncat", "--version"], capture_output=True, text=True, check=True).stderr.split()[2]

    def start(self, cell):
        identity = ["--ssl-cert", cell.theirs.cert, "--ssl-key", cell.theirs.key] if cell.theirs else []
        if cell.role == "client":
            return PipeRunning(cell, ["ncat", "-4", "--ssl", "--ssl-verify", "--ssl-trustfile", cell.trusts, *identity, "localhost",
                                      cell.port])
        port = a_port()
        running = PipeRunning(cell, ["ncat", "-l", "127.0.0.1", port, "--ssl", *identity])
        wait_port(port)
        running.port = port
        return running


PEERS = [Ncat()]
