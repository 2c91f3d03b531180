# SPDX-License-Identifier: MIT
import pathlib

from grammar import CDriver


class Mbedtls(CDriver):
    name, package, source = "mbedTLS", "libmbedtls-dev", "with_mbedtls.c"
    versions = ("1.2",)

    def shows(self, cell, name, number):
        return f"our peer: {number}"

    def flags(self):  # version 2.28 has no pkg-config file
        return ["-lmbedtls", "-lmbedx509", "-lmbedcrypto"] if pathlib.Path("/usr/include/mbedtls/ssl.h").exists() else None


PEERS = [Mbedtls()]
