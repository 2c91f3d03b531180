# SPDX-License-Identifier: MIT
import subprocess

from lib_command import wait_port
from grammar import Peer, PipeRunning, a_port

ECHO = "gnutls-serv only echoes lines"


class EchoRunning(PipeRunning):
    """gnutls-serv has no user: what it hears it says."""

    def play(self):
        for step in self.cell.steps():
            if step == "cut":
                self.cut()

    def finish(self):
        self.process.terminate()
        super().finish()
        self.got = None


class GnutlsTools(Peer):
    name, package, program = "gnutls-cli, gnutls-serv", "gnutls-bin", "gnutls-cli"
    cannot = {("server", name): ECHO for name in ("they_end", "push_theirs", "push_unread", "stall_ours", "stall_theirs", "push_ours", "half")}
    cannot |= {"reset": "it has no way to reset", "reply": "it takes our end for the end of everything"}
    # gnutls-cli does not answer our end with its own.
    expect = {("client", name): (3,) for name in ("we_end", "push_ours", "stall_theirs")} | {("client", "push_unread"): (0, 3)}

    def shows(self, cell, name, number):
        return None

    def version(self):
        said = subprocess.run(["gnutls-cli", "--version"], capture_output=True, text=True, check=True).stdout
        return said.splitlines()[0].split()[-1]

    def start(self, cell):
        common = ["--priority", f"NORMAL:-VERS-ALL:+VERS-TLS{cell.version}", "--x509cafile", cell.trusts]
        if cell.theirs:
            common += ["--x509certfile", cell.theirs.cert, "--x509keyfile", cell.theirs.key]
        if cell.role == "client":
            return PipeRunning(cell, ["gnutls-cli", "--logfile=/dev/null", "-p", cell.port, "--sni-hostname", "localhost",
                                      "--verify-hostname", "localhost", *common, "127.0.0.1"])
        port = a_port()
        ask = ["--require-client-cert", "--verify-client-cert"] if cell.scenario.they_ask else ["--disable-client-cert"]
        running = EchoRunning(cell, ["gnutls-serv", "--echo", "-q", "-p", port, *ask, *common])
        wait_port(port)
        running.port = port
        return running


PEERS = [GnutlsTools()]
