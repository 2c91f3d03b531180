# SPDX-License-Identifier: MIT
import shutil
import subprocess

import cache
from lib_command import openssl
from grammar import DRIVERS, Driver, DriverRunning

PASSWORD = "adieu!"


class Java(Driver):
    name, package, program = "Java JSSE", "openjdk-17-jdk-headless", "java"

    def absent(self):
        return super().absent() or (None if shutil.which("javac") else "javac is not installed")

    def command(self):
        source = DRIVERS / "Driver.java"
        classes = cache.built("driver-java", [source], "javac", "-d", "OUT", source)
        return ["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", classes, "Driver"]

    def version(self):
        return subprocess.run(["java", "-version"], capture_output=True, text=True, check=True).stderr.split('"')[1]

    def start(self, cell):
        """JSSE reads no PEM."""
        roots, bundle = cell.folder / "ca.p12", cell.folder / "us.p12"
        subprocess.run(["keytool", "-importcert", "-noprompt", "-alias", "ca", "-file", cell.trusts, "-keystore", roots, "-storetype",
                        "PKCS12", "-storepass", PASSWORD], check=True, capture_output=True, timeout=60)
        cell.trusts = roots
        if cell.theirs:
            openssl("pkcs12", "-export", "-in", cell.theirs.cert, "-inkey", cell.theirs.key, "-name", "us", "-out", bundle, "-passout",
                    f"pass:{PASSWORD}")
            cell.theirs = type(cell.theirs)(bundle, "-")
        return DriverRunning(cell, self.command())


PEERS = [Java()]
