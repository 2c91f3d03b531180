# SPDX-License-Identifier: MIT
import subprocess

from lib_command import wait_port
from grammar import Peer, PipeRunning, a_port


class Socat(Peer):
    """Between standard input and output; -t says how long it waits for the second end after the first."""

    name, package, program = "socat", "socat", "socat"
    cannot = {"reset": "it has no way to reset", "reply": "on pipes it shows our end only by leaving"}

    def shows(self, cell, name, number):
        """A TLS 1.3 client learns of it after its handshake: when it writes, by name; when it reads, as if it were an end."""
        return None if (cell.role, cell.version) == ("client", "1.3") else name

    def version(self):
        said = subprocess.run(["socat", "-V"], capture_output=True, text=True, check=True).stdout
        return said.splitlines()[1].split()[2]

    def start(self, cell):
        verify = cell.role == "client" or cell.scenario.they_ask
        common = [f"openssl-min-proto-version=TLS{cell.version}", f"openssl-max-proto-version=TLS{cell.version}", f"cafile={cell.trusts}",
                  f"verify={int(verify)}"]
        if cell.theirs:
            common += [f"cert={cell.theirs.cert}", f"key={cell.theirs.key}"]
        if cell.role == "client":
            return PipeRunning(cell, ["socat", "-t", "1", "-", ",".join([f"OPENSSL:127.0.0.1:{cell.port}", "commonname=localhost", *common])])
        port = a_port()
        running = PipeRunning(cell, ["socat", "-t", "1", ",".join([f"OPENSSL-LISTEN:{port}", "bind=127.0.0.1", *common]), "-"])
        wait_port(port)
        running.port = port
        return running


PEERS = [Socat()]
