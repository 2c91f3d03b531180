# SPDX-License-Identifier: MIT
from grammar import CDriver


class Wolfssl(CDriver):
    name, package, source, pkg_config = "wolfSSL", "libwolfssl-dev", "with_wolfssl.c", "wolfssl"


PEERS = [Wolfssl()]
