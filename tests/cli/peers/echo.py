# SPDX-License-Identifier: MIT
"""An ordinary ssl.SSLSocket server that gives everything back: echo.py CERT KEY 1.2|1.3. One connection."""
import socket
import ssl
import sys

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def main(cert, key, version):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.minimum_version = context.maximum_version = VERSIONS[version]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection, _ = listener.accept()
    with context.wrap_socket(connection, server_side=True, suppress_ragged_eofs=False) as peer:
        while data := peer.recv(65536):
            peer.sendall(data)
        peer.unwrap().close()


main(*sys.argv[1:])
