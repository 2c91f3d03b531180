# SPDX-License-Identifier: MIT
import subprocess
import sys

from grammar import DRIVERS, Driver

WAITS = "SSLSocket.unwrap() waits for the other side's close_notify, and no data may come before it"


class Python(Driver):
    """The ssl module as it is used: an SSLSocket, and unwrap() before close()."""

    name, package, program = "Python ssl", "python3", "python3"
    cannot = {"half": WAITS}

    def command(self):
        return ["/usr/bin/python3" if sys.executable.startswith("/usr/bin") else sys.executable, DRIVERS / "driver.py"]

    def version(self):
        return subprocess.run([self.command()[0], "-c", "import sys, ssl; print(sys.version.split()[0], 'with', ssl.OPENSSL_VERSION)"],
                              capture_output=True, text=True, check=True).stdout.strip()


PEERS = [Python()]
