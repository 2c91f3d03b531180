# SPDX-License-Identifier: MIT
from grammar import CDriver


class Gnutls(CDriver):
    name, package, source, pkg_config = "GnuTLS", "libgnutls28-dev", "with_gnutls.c", "gnutls"


PEERS = [Gnutls()]
