# SPDX-License-Identifier: MIT
import os
import shutil
import subprocess

from grammar import CDriver, DriverRunning


def run(*command):
    subprocess.run([str(word) for word in command], check=True, capture_output=True, timeout=60)


def database(cell):
    """NSS knows no PEM: a database with the authority and, as "us", the peer's certificate."""
    folder = cell.folder / "nss"
    folder.mkdir()
    run("certutil", "-N", "-d", f"sql:{folder}", "--empty-password")
    run("certutil", "-A", "-d", f"sql:{folder}", "-n", "authority", "-t", "CT,,", "-i", cell.trusts)
    if cell.theirs:
        bundle = cell.folder / "us.p12"
        run("openssl", "pkcs12", "-export", "-in", cell.theirs.cert, "-inkey", cell.theirs.key, "-name", "us", "-passout", "pass:",
            "-out", bundle)
        run("pk12util", "-i", bundle, "-d", f"sql:{folder}", "-W", "", "-K", "")
    return f"sql:{folder}"


class Nss(CDriver):
    name, package, source, pkg_config = "NSS", "libnss3-dev", "with_nss.c", "nss"

    def absent(self):
        return super().absent() or (None if shutil.which("pk12util") else "libnss3-tools is not installed")

    def start(self, cell):
        return DriverRunning(cell, self.command(), env={**os.environ, "NSS_DB": database(cell)})


PEERS = [Nss()]
