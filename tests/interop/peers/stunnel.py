# SPDX-License-Identifier: MIT
import re
import subprocess

from grammar import Peer, ProxyRunning


class Stunnel(Peer):
    name, package, program = "stunnel", "stunnel4", "stunnel4"
    # A reset behind it becomes an orderly end on the wire: nobody could tell.
    expect = {"reset_theirs": (0, 3, 4)}

    def loses(self, cell):
        """Seen in one run of many: our end, while 4 MB pass through it, makes it say close_notify before all has passed."""
        return cell.scenario.name == "push_unread"

    def version(self):
        said = subprocess.run(["stunnel4", "-version"], capture_output=True, text=True, check=True)
        return re.search(r"stunnel (\S+) on", said.stdout + said.stderr)[1]

    def start(self, cell):
        def configure(port, to_port):
            lines = ["foreground = yes", "pid =", "debug = 5", "[service]", f"accept = 127.0.0.1:{port}", f"connect = 127.0.0.1:{to_port}",
                     f"sslVersion = TLSv{cell.version}", f"CAfile = {cell.trusts}", f"client = {'yes' if cell.role == 'client' else 'no'}"]
            if cell.theirs:
                lines += [f"cert = {cell.theirs.cert}", f"key = {cell.theirs.key}"]
            if cell.role == "client":
                lines += ["verifyChain = yes", "checkHost = localhost"]
            elif cell.scenario.they_ask:
                lines += ["verifyChain = yes", "requireCert = yes"]
            path = cell.folder / "stunnel.conf"
            path.write_text("\n".join(lines) + "\n")
            return ["stunnel4", path]
        return ProxyRunning(cell, configure)


PEERS = [Stunnel()]
