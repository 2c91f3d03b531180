# SPDX-License-Identifier: MIT
"""
rude.py ADDRESS CERT KEY CA VERSION STORY SIZE: a TLS server for one connection that ends with a reset.
    end     reads to the end, says SIZE bytes and close_notify, resets
    interrupt  says SIZE bytes and close_notify, and resets, whatever comes
    refuse  asks for a certificate of CA, refuses what it gets, and resets right behind the alert
Prints "listening on ADDRESS:PORT".
"""
import contextlib
import fcntl
import socket
import ssl
import struct
import sys
import time

SIOCOUTQNSD = 0x894B
BOUND = 30


def context(cert, key, ca, version, story):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(cert, key)
    made.minimum_version = made.maximum_version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[version]
    if story == "refuse":
        made.load_verify_locations(ca)
        made.verify_mode = ssl.CERT_REQUIRED
    return made


class Server:
    """An SSLObject over memory, since SSLSocket's unwrap() waits for the other's close_notify."""

    def __init__(self, connection, made):
        self.connection = connection
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = made.wrap_bio(self.incoming, self.outgoing, server_side=True)

    def flush(self):
        self.connection.sendall(self.outgoing.read())

    def drive(self, function, *args):
        while True:
            try:
                return function(*args)
            except ssl.SSLWantReadError:
                self.flush()
                self.incoming.write(self.connection.recv(65536))
            finally:
                self.flush()

    def read_to_end(self):
        with contextlib.suppress(ssl.SSLZeroReturnError):
            while self.drive(self.tls.read, 65536):
                pass

    def goodbye(self):
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        self.flush()


def reset(connection):
    """As soon as all that was said is on the wire: a reset would take it away."""
    end = time.monotonic() + 2
    while struct.unpack("i", fcntl.ioctl(connection, SIOCOUTQNSD, b"\0" * 4))[0] and time.monotonic() < end:
        time.sleep(0.001)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def serve(connection, made, story, size):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server = Server(connection, made)
    with contextlib.suppress(ssl.SSLError):
        server.drive(server.tls.do_handshake)
        if story == "end":
            server.read_to_end()
        server.drive(server.tls.write, b"x" * size)
        server.goodbye()
    reset(connection)


def main():
    address, cert, key, ca, version, story, size = sys.argv[1:]
    made = context(cert, key, ca, version, story)
    with socket.create_server((address, 0)) as listener:
        listener.settimeout(BOUND)
        print(f"listening on {address}:{listener.getsockname()[1]}", file=sys.stderr, flush=True)
        connection = listener.accept()[0]
    connection.settimeout(BOUND)
    serve(connection, made, story, int(size))


main()
