# SPDX-License-Identifier: MIT
"""test_peers.py NAME=PROGRAM...: each peer of the bench as bench/README.md has it, with itself and with the others."""
import contextlib
import pathlib
import select
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time

import tap

PEERS = dict(word.split("=", 1) for word in sys.argv[1:])
TLS = {name: path for name, path in PEERS.items() if name not in ("plain", "aead")}
SERVERS = {name: path for name, path in PEERS.items() if name != "aead"}
FOLDER = tempfile.TemporaryDirectory()
CERT, KEY = (str(pathlib.Path(FOLDER.name) / name) for name in ("cert.pem", "key.pem"))
WAIT = 20  # seconds for what should take milliseconds
EXCHANGE, ECHO = 1, 2


def make_identity():
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                    "-subj", "/CN=localhost", "-keyout", KEY, "-out", CERT], check=True, capture_output=True)


# ------------------------------------------------ the peers


class Cannot(Exception):
    """It says that it is not able to."""


class Server:
    def __init__(self, name, *words):
        self.name = name
        self.process = subprocess.Popen([SERVERS[name], "serve", f"cert={CERT}", f"key={KEY}", *words],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
        first, *rest = self.line()
        if first != "port":
            why = self.leave()
            raise Cannot(why) if self.process.returncode == 77 else AssertionError(f"{name} said no port: {why}")
        self.port = int(rest[0])

    def line(self):
        assert select.select([self.process.stdout], [], [], WAIT)[0], f"{self.name} says nothing"
        return self.process.stdout.readline().decode().split() or [""]

    def answer(self, word):
        """What stands behind word in the next line."""
        first, *rest = self.line()
        assert first == word, f"{self.name} said {first} where {word} was awaited"
        return rest

    def order(self, letter, word):
        self.process.stdin.write(letter)
        return self.answer(word)

    def wait_open(self, count):
        by = time.monotonic() + WAIT
        while (seen := int(self.order(b"n", "open")[0])) != count:
            assert time.monotonic() < by, f"{self.name} has {seen} open, not {count}"
            time.sleep(0.005)

    def leave(self):
        """Its input ends, and it goes by itself. What it had to say about it."""
        try:
            return self.process.communicate(timeout=WAIT)[1].decode()
        finally:
            self.process.kill()

    def end(self):
        why = self.leave()
        assert self.process.returncode == 0, f"{self.name} ended with {self.process.returncode}: {why}"


@contextlib.contextmanager
def serving(name, *words):
    server = Server(name, *words)
    try:
        yield server
    finally:
        server.end()


def client(name, port, *words):
    return subprocess.run([PEERS[name], "client", f"port={port}", *words], capture_output=True, timeout=WAIT).returncode


def pair(server, name, *words):
    status = client(name, server.port, *words)
    assert status == 0, f"{name} at {server.name}, {' '.join(words)}: {status}"


# ------------------------------------------------ a client of our own


UNVERIFIED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
UNVERIFIED.check_hostname = False
UNVERIFIED.verify_mode = ssl.CERT_NONE
UNVERIFIED.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF  # or a cut would look like an end


def connect(server):
    stream = socket.create_connection(("127.0.0.1", server.port), timeout=WAIT)
    return stream if server.name == "plain" else UNVERIFIED.wrap_socket(stream, suppress_ragged_eofs=False)


@contextlib.contextmanager
def connected(server, count):
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(contextlib.closing(connect(server))) for _ in range(count)]
        server.wait_open(count)
        yield streams


def request(kind, *, write=16384, up=0, down=0):
    return struct.pack(">IIQQ", kind, write, up, down)


def receive(stream, count):
    got = bytearray()
    while len(got) < count and (piece := stream.recv(count - len(got))):
        got += piece
    return bytes(got)


# ------------------------------------------------ the claims


def every_client_gets_all_from_every_server():
    for tls in ("tls=1.3", "tls=1.2"):
        for name in TLS:
            with serving(name, tls) as server:
                for other in TLS:
                    pair(server, other, tls, "up=100000", "down=300000", "requests=3")


def each_direction_alone_and_nothing_at_all():
    for name in SERVERS:
        with serving(name) as server:
            for words in (["up=1000000"], ["down=1000000"], [], ["up=1", "down=1", "requests=200"]):
                pair(server, name, *words)


def writes_of_any_size():
    for name in SERVERS:
        with serving(name) as server:
            for write in (1, 100, 16385, 1048576):
                size = min(200 * write, 3000000)
                pair(server, name, f"write={write}", f"up={size}", f"down={size}")


def each_cipher_in_both_versions():
    for tls in ("tls=1.3", "tls=1.2"):
        for cipher in ("cipher=aes128", "cipher=aes256", "cipher=chacha"):
            for name in TLS:
                with contextlib.suppress(Cannot), serving(name, tls, cipher) as server:
                    pair(server, name, tls, cipher, "down=40000")
                    pair(server, "openssl", tls, cipher, "up=40000")
                    other = "cipher=aes256" if cipher == "cipher=aes128" else "cipher=aes128"
                    assert client("openssl", server.port, tls, other) == 1, f"{name} takes {other} beside {cipher}"


def an_echo_comes_back_whole_and_in_order():
    said = bytes(i * 31 >> 3 & 255 for i in range(100000)) * 5
    for name in SERVERS:
        with serving(name) as server, connected(server, 1) as (stream,):
            stream.sendall(request(ECHO) + said[:1000])
            assert receive(stream, 1000) == said[:1000], name
            for at in range(1000, len(said), 37000):
                stream.sendall(said[at:at + 37000])
                assert receive(stream, len(said[at:at + 37000])) == said[at:at + 37000], name


def who_listens_late_gets_the_echo_all_the_same():
    piece = bytes(i * 31 >> 3 & 255 for i in range(65536))
    for name in SERVERS:
        with serving(name) as server, connected(server, 1) as (stream,):
            stream.sendall(request(ECHO))
            stream.settimeout(0.1)
            said, left = 0, memoryview(piece)
            with contextlib.suppress(TimeoutError):  # now nothing fits between us any more
                while True:
                    n = stream.send(left)
                    said += n
                    left = left[n:] or memoryview(piece)
            stream.settimeout(WAIT)
            whole = piece * (said // len(piece) + 1)
            assert receive(stream, said) == whole[:said], name


def requests_may_come_split_and_joined():
    one = request(EXCHANGE, up=10, down=20)
    for name in SERVERS:
        with serving(name) as server, connected(server, 1) as (stream,):
            for piece in (one[:7], one[7:] + bytes(4), bytes(6) + one + bytes(10) + one[:23], one[23:] + bytes(10)):
                stream.sendall(piece)
            assert len(receive(stream, 60)) == 60, name


def a_broadcast_reaches_everybody():
    for name in SERVERS:
        with serving(name) as server, connected(server, 20) as streams:
            streams[0].sendall(request(EXCHANGE, down=5000))
            assert len(receive(streams[0], 5000)) == 5000
            assert server.order(b"b", "broadcast")[0] == "20", name
            for stream in streams:
                assert len(receive(stream, 1024)) == 1024, name
            server.wait_open(20)


def told_to_close_it_says_goodbye_to_everybody():
    for name in SERVERS:
        with serving(name, "deadline=15000") as server, connected(server, 20) as streams:
            server.process.stdin.write(b"c")
            for stream in streams:
                assert stream.recv(1) == b"", f"{name} did not end"
                stream.close()
            count, took = server.answer("closed")
            assert count == "20" and float(took) < 14000, f"{name}: closed {count} {took}"
            assert server.order(b"n", "open") == ["0"], name


def silent_peers_are_let_go_at_the_deadline():
    for name in SERVERS:
        with serving(name, "deadline=100") as server, connected(server, 5):
            count, took = server.order(b"c", "closed")
            assert count == "5" and 95 <= float(took) < 5000, f"{name}: closed {count} {took}"


def who_asked_for_much_and_does_not_listen_is_let_go_too():
    for name in SERVERS:
        with serving(name, "deadline=100") as server, connected(server, 1) as (stream,):
            stream.sendall(request(EXCHANGE, write=65536, down=1 << 30))
            assert stream.recv(1)
            pair(server, name, "up=1000", "down=1000")  # and meanwhile nobody waits for it
            count, took = server.order(b"c", "closed")
            assert count == "1" and float(took) < 3000, f"{name}: closed {count} {took}"


def a_client_that_does_not_get_all_says_so():
    for name in PEERS:
        if name == "aead":
            continue
        with serving(name) as server:
            asking = subprocess.Popen([PEERS[name], "client", f"port={server.port}", f"down={1 << 40}"],
                                      stderr=subprocess.DEVNULL)
            try:
                server.wait_open(1)
                server.order(b"c", "closed")
                assert asking.wait(WAIT) not in (0, 77), name
            finally:
                asking.kill()


def orders_without_anybody_are_done_at_once():
    for name in SERVERS:
        with serving(name) as server:
            assert server.order(b"n", "open") == ["0"]
            assert server.order(b"x b\n", "broadcast")[0] == "0", name
            assert server.order(b"c", "closed")[0] == "0", name


def what_cannot_be_done_ends_with_77():
    alone = subprocess.run([PEERS["aead"], "serve", f"cert={CERT}", f"key={KEY}"], capture_output=True, timeout=WAIT)
    assert alone.returncode == 77 and alone.stderr.count(b"\n") == 1
    assert client("aead", 1, "up=100000", "down=100000", "write=1000", "cipher=chacha") == 0


make_identity()
tap.run(every_client_gets_all_from_every_server, each_direction_alone_and_nothing_at_all, writes_of_any_size,
        each_cipher_in_both_versions, an_echo_comes_back_whole_and_in_order, who_listens_late_gets_the_echo_all_the_same,
        requests_may_come_split_and_joined, a_broadcast_reaches_everybody, told_to_close_it_says_goodbye_to_everybody,
        silent_peers_are_let_go_at_the_deadline, who_asked_for_much_and_does_not_listen_is_let_go_too,
        a_client_that_does_not_get_all_says_so, orders_without_anybody_are_done_at_once, what_cannot_be_done_ends_with_77)
