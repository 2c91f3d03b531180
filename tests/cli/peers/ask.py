# SPDX-License-Identifier: MIT
"""An ordinary ssl.SSLSocket client: ask.py PORT CA 1.2|1.3. Standard input goes out; what comes is printed to
the other side's end, which is then its own (an SSLSocket cannot half-close)."""
import os
import select
import socket
import ssl
import sys

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def talk(peer):
    """One thread, since an SSL object is one thread's: both ways at once in two of them lost a request in 6 of 40 runs."""
    asking = True
    while True:
        ready = [peer] if peer.pending() else select.select([peer, 0] if asking else [peer], [], [], 30)[0]
        if 0 in ready:
            data = os.read(0, 65536)
            asking = bool(data)
            peer.sendall(data)
        if peer in ready:
            data = peer.recv(65536)
            if not data:
                return
            sys.stdout.buffer.write(data)


def main(port, ca, version):
    context = ssl.create_default_context(cafile=ca)
    context.minimum_version = context.maximum_version = VERSIONS[version]
    connection = socket.create_connection(("127.0.0.1", int(port)), 30)
    with context.wrap_socket(connection, server_hostname="localhost", suppress_ragged_eofs=False) as peer:
        talk(peer)
        sys.stdout.buffer.flush()
        peer.unwrap().close()


main(*sys.argv[1:])
