# SPDX-License-Identifier: MIT
import pathlib
import subprocess

from grammar import Peer, ProxyRunning


class Haproxy(Peer):
    """In TCP mode, TLS on one side."""

    name, package, program = "HAProxy", "haproxy", "haproxy"
    expect = {"reset_theirs": (0, 3, 4)}

    def shows(self, cell, name, number):
        return None

    def absent(self):
        return None if pathlib.Path("/usr/sbin/haproxy").exists() else "haproxy is not installed"

    def version(self):
        return subprocess.run(["/usr/sbin/haproxy", "-v"], capture_output=True, text=True, check=True).stdout.split()[2]

    def start(self, cell):
        def configure(port, to_port):
            identity = ""
            if cell.theirs:
                both = cell.folder / "us.pem"
                both.write_text(pathlib.Path(cell.theirs.cert).read_text() + pathlib.Path(cell.theirs.key).read_text())
                identity = f" crt {both}"
            limits = f" ssl-min-ver TLSv{cell.version} ssl-max-ver TLSv{cell.version}"
            if cell.role == "server":
                ask = f" verify required ca-file {cell.trusts}" if cell.scenario.they_ask else ""
                tls, plain = f" ssl{identity}{limits}{ask}", ""
            else:
                tls, plain = "", f" ssl{identity}{limits} verify required ca-file {cell.trusts} sni str(localhost) verifyhost localhost"
            path = cell.folder / "haproxy.cfg"
            path.write_text(
                "global\n  log stderr format raw local0\ndefaults\n  mode tcp\n  log global\n  option tcplog\n"
                "  retries 0\n  timeout connect 5s\n  timeout client 20s\n  timeout server 20s\n"
                f"listen x\n  bind 127.0.0.1:{port}{tls}\n  server y 127.0.0.1:{to_port}{plain}\n")
            return ["/usr/sbin/haproxy", "-db", "-f", path]
        return ProxyRunning(cell, configure)


PEERS = [Haproxy()]
