# SPDX-License-Identifier: MIT
"""An ordinary ssl.SSLSocket client: ask.py PORT CA 1.2|1.3. Standard input goes out, in a thread; what comes is printed to
the other side's end, which is then its own (an SSLSocket cannot half-close)."""
import os
import socket
import ssl
import sys
import threading

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def copy_input(peer):
    while data := os.read(0, 65536):
        peer.sendall(data)


def main(port, ca, version):
    context = ssl.create_default_context(cafile=ca)
    context.minimum_version = context.maximum_version = VERSIONS[version]
    connection = socket.create_connection(("127.0.0.1", int(port)), 30)
    with context.wrap_socket(connection, server_hostname="localhost", suppress_ragged_eofs=False) as peer:
        threading.Thread(target=copy_input, args=(peer,), daemon=True).start()
        while data := peer.recv(65536):
            sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        peer.unwrap().close()


main(*sys.argv[1:])
