# SPDX-License-Identifier: MIT
from grammar import CDriver


class Gnutls(CDriver):
    name, package, source, pkg_config = "GnuTLS", "libgnutls28-dev", "with_gnutls.c", "gnutls"

    def shows(self, cell, name, number):
        return {"unknown_ca": "CA is unknown", "handshake_failure": "Handshake failed"}.get(name, name.replace("_", " is "))


PEERS = [Gnutls()]
