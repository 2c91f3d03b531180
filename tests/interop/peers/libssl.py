# SPDX-License-Identifier: MIT
from grammar import CDriver


class Libssl(CDriver):
    name, package, source, pkg_config = "OpenSSL libssl", "libssl-dev", "with_openssl.c", "openssl"


PEERS = [Libssl()]
