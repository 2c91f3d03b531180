# SPDX-License-Identifier: MIT
import os

import cache
from grammar import DRIVERS, Driver


class Go(Driver):
    name, package, program = "Go crypto/tls", "golang-go", "go"

    def shows(self, cell, name, number):
        return {"unknown_ca": "unknown certificate authority"}.get(name, name)

    def command(self):
        source = DRIVERS / "driver.go"
        os.environ.setdefault("GOCACHE", str(cache.folder() / "go-cache"))
        return [cache.built("driver-go", [source], "go", "build", "-o", "OUT", source)]


PEERS = [Go()]
