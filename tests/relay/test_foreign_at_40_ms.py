# SPDX-License-Identifier: MIT
"""Other people's servers across 40 ms. They refuse a client that is writing, and most close at once: a reset behind the alert.

The alert was on the wire before the reset: whoever learns of the reset first, by writing, must still find it.
"""
import pathlib
import sys

import pytest

from lib_command import random_bytes
from lib_claims import BOTH_VERSIONS, expect, need, wait_for
from lib_relay import rounds

PORT = 4433  # the namespace is ours alone

PYTHON = """
import socket, ssl, sys
cert, key, ca, address, port = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)
context.load_verify_locations(ca)
context.verify_mode = ssl.CERT_REQUIRED
listener = socket.create_server((address, int(port)), backlog=100)
while True:
    connection = listener.accept()[0]
    try:
        context.wrap_socket(connection, server_side=True).recv(1)
    except OSError:
        pass
    connection.close()
"""


def openssl(pki, _):
    return ["openssl", "s_server", "-accept", PORT, "-quiet", "-cert", pki.server.cert, "-key", pki.server.key,
            "-CAfile", pki.ca, "-Verify", 1, "-verify_return_error"]


def gnutls(pki, _):
    return ["gnutls-serv", "--port", PORT, "--quiet", "--x509certfile", pki.server.cert, "--x509keyfile", pki.server.key,
            "--x509cafile", pki.ca, "--require-client-cert", "--verify-client-cert"]


def python(pki, relay):
    return [sys.executable, "-c", PYTHON, pki.server.cert, pki.server.key, pki.ca, relay.b, PORT]


HASTY = (gnutls, python)  # s_server reads on for a while


def listens(pid):
    """Something in the namespace of that process does, at the port."""
    rows = [row for name in ("tcp", "tcp6") for row in pathlib.Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]]
    return any(row.split()[3] == "0A" and row.split()[1].endswith(f":{PORT:04X}") for row in rows)


@BOTH_VERSIONS
@pytest.mark.parametrize("size", [65536, 1_000_000])
@pytest.mark.parametrize("peer", [openssl, gnutls, python])
def test_the_alert_is_heard_whatever_the_server_does_behind_it(across, beyond, adieu, pki, peer, size, version):
    need({gnutls: "gnutls-serv", openssl: "openssl"}.get(peer, sys.executable))
    relay = across()
    server = beyond(relay, "b", *map(str, peer(pki, relay)), input=None, report=False)
    wait_for(lambda: listens(server.pid), f"{peer.__name__} listening")
    for _ in range(rounds(3, 100)):
        result = beyond(relay, "a", adieu, "connect", f"{relay.b}:{PORT}", "--ca", pki.ca, "--name", "localhost", "--max", version,
                        input=random_bytes(size)).wait()
        expect(result, 5, receiving="alerted")
        assert result.report["alert_received"]["level"] == 2
    if peer in HASTY and version == "1.3":  # in 1.2 the refused client has not begun to write
        assert relay.counts()["b"]["resets"] > 0, "it did not reset: this is another story"
