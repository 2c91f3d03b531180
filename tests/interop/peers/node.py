# SPDX-License-Identifier: MIT
import subprocess

from grammar import DRIVERS, Driver


class Node(Driver):
    name, package, program = "Node.js", "nodejs", "node"

    def command(self):
        return ["node", DRIVERS / "driver.js"]

    def version(self):
        asked = "process.version + ' with OpenSSL ' + process.versions.openssl"
        return subprocess.run(["node", "-p", asked], capture_output=True, text=True, check=True).stdout.strip()


PEERS = [Node()]
