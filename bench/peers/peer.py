#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The peer on Python's asyncio: a BufferedProtocol on its TLS, which is the fastest that it has.

What it cannot do: end the write side of the socket (a TLS transport has no write_eof), and say when the kernel has all.
What comes behind its own end makes its end an error. A broadcast counts as done when TLS has handed it on.
"""

import asyncio
import logging
import os
import resource
import ssl
import struct
import sys
import time

REQUEST = struct.Struct(">IIQQ")
EXCHANGE, ECHO = 1, 2
BROADCAST = 1024
MOST = 1 << 20
TURN = 1 << 18
SUITES = {
    "1.2": {
        "aes128": "ECDHE-ECDSA-AES128-GCM-SHA256",
        "aes256": "ECDHE-ECDSA-AES256-GCM-SHA384",
        "chacha": "ECDHE-ECDSA-CHACHA20-POLY1305",
    },
    "1.3": {
        "aes128": "TLS_AES_128_GCM_SHA256",
        "aes256": "TLS_AES_256_GCM_SHA384",
        "chacha": "TLS_CHACHA20_POLY1305_SHA256",
    },
}

# What everybody sends, and where everybody reads to: one connection at a time has bytes there.
content = memoryview(bytes(MOST))
incoming = memoryview(bytearray(MOST))


def fail(why, status=1):
    print(why, file=sys.stderr)
    sys.exit(status)


# ---------------------------------------------------------------- words and TLS


def read_arguments(words):
    given = {"cert": "", "key": "", "tls": "1.3", "cipher": "aes128", "deadline": 1000, "port": 0, "write": 16384}
    given |= {"up": 0, "down": 0, "requests": 1}
    for word in words:
        name, _, value = word.partition("=")
        if name not in given:
            fail(f"what is {word}? See bench/README.md", 64)
        given[name] = int(value) if isinstance(given[name], int) else value
    if given["cipher"] not in SUITES.get(given["tls"], ()):
        fail("what is this version or suite? See bench/README.md", 64)
    return given


def choose_suite(suite):
    """Python has no call that chooses among the suites of TLS 1.3. OpenSSL's configuration does, which is read at the
    start of the process."""
    if os.environ.get("PEER_SUITE") == suite:
        return
    text = f"openssl_conf=a\n[a]\nssl_conf=b\n[b]\nsystem_default=c\n[c]\nCiphersuites={suite}\n"
    file = os.memfd_create("openssl.cnf", 0)
    os.write(file, text.encode())
    os.environ |= {"PEER_SUITE": suite, "OPENSSL_CONF": f"/proc/self/fd/{file}"}
    os.execv(sys.executable, [sys.executable, *sys.argv])


def make_context(side, given):
    suite = SUITES[given["tls"]][given["cipher"]]
    if given["tls"] == "1.3":
        choose_suite(suite)
    context = ssl.SSLContext(side)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = context.maximum_version = ssl.TLSVersion["TLSv" + given["tls"].replace(".", "_")]
    if given["tls"] == "1.2":
        context.set_ciphers(suite)
    elif [each["name"] for each in context.get_ciphers() if each["protocol"] == "TLSv1.3"] != [suite]:
        fail("this OpenSSL does not take the suite from its configuration", 77)
    return context


# ---------------------------------------------------------------- what both sides do


class Peer(asyncio.BufferedProtocol):
    """Sends `to_say` bytes in pieces of `write`, as fast as the transport's buffer drains. writelines() with four of them
    is a tenth cheaper, and with sixty small ones twice as cheap; but a call has `write` bytes here, for everybody."""

    def __init__(self):
        self.to_say = self.to_hear = 0
        self.write = 16384
        self.paused = False

    def connection_made(self, transport):
        self.transport = transport

    def get_buffer(self, sizehint):
        # sizehint is all that can be there. With less asyncio puts the rest off to another turn of the loop; that costs
        # time, and if it sees the end of the socket before, it drops the rest and says no close_notify.
        return incoming[: max(self.write, sizehint)]

    def pause_writing(self):
        self.paused = True

    def resume_writing(self):
        self.paused = False
        self.say()

    def say(self):
        left = TURN
        while self.to_say and not self.paused and not self.transport.is_closing():
            if left <= 0:  # a transport that is lost never pauses, and says so in the next turn only
                asyncio.get_running_loop().call_soon(self.say)
                return
            size = min(self.write, self.to_say)
            self.to_say -= size
            left -= size
            self.transport.write(content[:size])

    def connection_lost(self, error):
        self.to_say = 0


# ---------------------------------------------------------------- server


class Connection(Peer):
    def __init__(self, server):
        super().__init__()
        self.server = server
        self.request = bytearray()
        self.echo = False
        self.when_drained = []
        self.when_gone = None

    def connection_made(self, transport):
        super().connection_made(transport)
        self.server.open.add(self)

    def buffer_updated(self, size):
        at = 0
        while at < size and not self.echo:
            some = min(self.to_hear, size - at)
            self.to_hear -= some
            at += some
            missing = REQUEST.size - len(self.request)
            self.request += incoming[at : min(at + missing, size)]
            at = min(at + missing, size)
            if len(self.request) == REQUEST.size:
                self.begin()
        if at < size:
            self.transport.write(bytes(incoming[at:size]))

    def begin(self):
        kind, write, self.to_hear, more = REQUEST.unpack(self.request)
        self.request.clear()
        self.echo = kind == ECHO
        if write:
            self.write = min(write, MOST)
        self.to_say += more
        self.say()

    def pause_writing(self):
        super().pause_writing()
        if self.echo:
            self.transport.pause_reading()

    def resume_writing(self):
        super().resume_writing()
        if self.echo:
            self.transport.resume_reading()
        self.drained()

    def drained(self):
        waiting, self.when_drained = self.when_drained, []
        for done in waiting:
            done()

    def broadcast(self, done):
        self.when_drained.append(done)
        self.transport.write(content[:BROADCAST])
        if not self.paused:
            self.drained()

    def end(self, done):
        self.when_gone = done
        self.transport.close()

    def connection_lost(self, error):
        super().connection_lost(error)
        self.server.open.discard(self)
        self.drained()
        if self.when_gone:
            self.when_gone()


class Server:
    def __init__(self):
        self.open = set()

    def obey(self, order):
        if order == "n":
            say(f"open {len(self.open)}")
        elif order == "b":
            self.tell("broadcast", Connection.broadcast)
        elif order == "c":
            self.tell("closed", Connection.end)

    def tell(self, word, what):
        """Lets each connection do something, and says when all of it is done."""
        since, everybody = time.monotonic(), list(self.open)
        left = len(everybody)

        def done():
            nonlocal left
            left -= 1
            if left <= 0:
                say(f"{word} {len(everybody)} {(time.monotonic() - since) * 1000:.1f}")

        if not everybody:
            done()
        for each in everybody:
            what(each, done)

    def take_orders(self):
        orders = os.read(0, 64)
        if not orders:
            os._exit(0)
        for order in orders.decode():
            self.obey(order)


def say(line):
    print(line, flush=True)


async def serve(given):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    context = make_context(ssl.PROTOCOL_TLS_SERVER, given)
    context.load_cert_chain(given["cert"], given["key"])
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: None)  # a peer that goes is no news
    logging.disable()
    server = Server()
    listener = await loop.create_server(
        lambda: Connection(server),
        "127.0.0.1",
        0,
        ssl=context,
        backlog=4096,
        ssl_shutdown_timeout=given["deadline"] / 1000,
    )
    loop.add_reader(0, server.take_orders)
    say(f"port {listener.sockets[0].getsockname()[1]}")
    await listener.serve_forever()


# ---------------------------------------------------------------- client


class Client(Peer):
    def __init__(self, given, gone):
        super().__init__()
        self.given = given
        self.gone = gone
        self.write = min(given["write"], MOST)
        self.requests = given["requests"]
        self.is_asking = False

    def connection_made(self, transport):
        super().connection_made(transport)
        self.ask()

    def ask(self):
        if not self.requests:
            self.transport.close()
            return
        self.requests -= 1
        self.is_asking = True
        self.to_say, self.to_hear = self.given["up"], self.given["down"]
        self.transport.write(REQUEST.pack(EXCHANGE, self.write, self.to_say, self.to_hear))
        self.say()

    def say(self):
        super().say()
        self.ask_again_if_done()

    def buffer_updated(self, size):
        self.to_hear -= min(size, self.to_hear)
        self.ask_again_if_done()

    def ask_again_if_done(self):
        if self.is_asking and not self.to_say and not self.to_hear:
            self.is_asking = False
            asyncio.get_running_loop().call_soon(self.ask)

    def connection_lost(self, error):
        super().connection_lost(error)
        self.gone.set_result(error or self.is_asking or self.requests)


async def client(given):
    context = make_context(ssl.PROTOCOL_TLS_CLIENT, given)
    loop = asyncio.get_running_loop()
    gone = loop.create_future()
    make = lambda: Client(given, gone)
    await loop.create_connection(make, "127.0.0.1", given["port"], ssl=context, server_hostname="")
    if problem := await gone:
        fail(problem if isinstance(problem, Exception) else "the server has ended too early")


def main():
    if len(sys.argv) < 2 or sys.argv[1] not in ("serve", "client"):
        fail("serve or client? See bench/README.md", 64)
    given = read_arguments(sys.argv[2:])
    asyncio.run(serve(given) if sys.argv[1] == "serve" else client(given))


main()
