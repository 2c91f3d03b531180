# SPDX-License-Identifier: MIT
from grammar import CDriver


class Wolfssl(CDriver):
    name, package, source, pkg_config = "wolfSSL", "libwolfssl-dev", "with_wolfssl.c", "wolfssl"

    def shows(self, cell, name, number):
        return f"alert {number}"


PEERS = [Wolfssl()]
