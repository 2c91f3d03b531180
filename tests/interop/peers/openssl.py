# SPDX-License-Identifier: MIT
import subprocess

from lib_command import wait_port
from grammar import Peer, PipeRunning, a_port

FIRST = "s_server has no way to end first, short of being killed"
LEAVES = "it takes the other side's end for the end of everything, and leaves"


class Openssl(Peer):
    """s_client and s_server, as pipes."""

    name, package, program = "openssl s_client, s_server", "openssl", "openssl"
    cannot = {("server", "they_end"): FIRST, ("server", "push_theirs"): FIRST, ("server", "push_unread"): FIRST, ("server", "stall_ours"): FIRST,
              "half": "the end of its input is the end of everything", "reply": LEAVES, "reset": "it has no way to reset"}

    def version(self):
        return subprocess.run(["openssl", "version"], capture_output=True, text=True, check=True).stdout.split()[1]

    def start(self, cell):
        common = ["-quiet", f"-tls{cell.version.replace('.', '_')}", "-verify_return_error", "-CAfile", cell.trusts]
        if cell.theirs:
            common += ["-cert", cell.theirs.cert, "-key", cell.theirs.key]
        if cell.role == "client":
            return PipeRunning(cell, ["openssl", "s_client", "-connect", f"127.0.0.1:{cell.port}", "-verify_quiet", "-verify_hostname",
                                      "localhost", *common, "-no_ign_eof"])
        ask = ["-Verify", "1"] if cell.scenario.they_ask else []
        port = a_port()
        running = PipeRunning(cell, ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-naccept", "1", *ask, *common])
        wait_port(port)
        running.port = port
        return running


PEERS = [Openssl()]
