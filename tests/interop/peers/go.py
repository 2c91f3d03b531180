# SPDX-License-Identifier: MIT
import os

import cache
from grammar import DRIVERS, Driver


class Go(Driver):
    name, package, program = "Go crypto/tls", "golang-go", "go"

    def command(self):
        source = DRIVERS / "driver.go"
        os.environ.setdefault("GOCACHE", str(cache.folder() / "go-cache"))
        return [cache.built("driver-go", [source], "go", "build", "-o", "OUT", source)]


PEERS = [Go()]
