# SPDX-License-Identifier: MIT
"""A TLS peer in Python that ends in any way wanted.

ssl.SSLSocket cannot half-close (its unwrap() waits for the other's close_notify) and hides where a record ends, so this
one drives an SSLObject over memory and moves the bytes itself.
"""
import contextlib
import socket
import ssl
import struct
import threading

from lib_command import BOUND

PATIENCE = BOUND  # for one socket call of a peer: a bound, never a measure

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class Contexts:
    """The peers' ssl contexts, under the tests' authority. version None: whatever both sides can."""

    def __init__(self, pki):
        self.pki = pki

    def server(self, version=None, identity=None, client_ca=None, alpn=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        identity = identity or self.pki.server
        context.load_cert_chain(identity.cert, identity.key)
        if client_ca:
            context.load_verify_locations(client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        return limited(context, version, alpn)

    def client(self, version=None, identity=None, ca=True, alpn=None):
        """ca False: trusts everybody (for throwaway identities)."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if ca:
            context.load_verify_locations(self.pki.ca)
        else:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if identity:
            context.load_cert_chain(identity.cert, identity.key)
        return limited(context, version, alpn)


def limited(context, version, alpn):
    if version:
        context.minimum_version = context.maximum_version = VERSIONS[version]
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


class TLSPeer:
    """ended says how the other side ended: None while it has not, "close_notify", "truncated", "reset", or the name that
    OpenSSL gives an alert or a fault ("TLSV1_ALERT_UNKNOWN_CA")."""

    def __init__(self, sock, context, server):
        sock.settimeout(PATIENCE)
        self.sock, self.plain, self.ended, self.at_eof = sock, bytearray(), None, "truncated"
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=server,
                                    server_hostname=None if server else "localhost")

    def handshake(self):
        while True:
            try:
                self.tls.do_handshake()
                self.flush()
                return self
            except ssl.SSLWantReadError:
                self.flush()
                if not self.receive():
                    raise ConnectionError(f"the handshake met its end: {self.ended}") from None
            except ssl.SSLError as error:
                self.ended = error.reason
                self.flush()
                raise

    def flush(self):
        """Sends what the engine wants to say. A reset that shows here leaves nothing but b"" for the next recv()."""
        try:
            self.sock.sendall(self.outgoing.read())
        except ConnectionResetError:
            self.at_eof = "reset"
        except BrokenPipeError:
            pass

    def receive(self):
        """Takes what one recv() gives; False: the transport has ended."""
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            self.ended = self.ended or "reset"
            return False
        if not data:
            self.ended = self.ended or self.at_eof
            return False
        self.incoming.write(data)
        return True

    def unseal(self):
        """Moves every plaintext byte that can be had to self.plain, so that none lies unread in the engine: a
        shutdown would destroy it (OpenSSL: application data after close notify)."""
        try:
            while self.ended is None:
                data = self.tls.read(65536)
                if not data:
                    self.ended = "close_notify"
                self.plain += data
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.ended = "close_notify"
        except ssl.SSLError as error:
            self.ended = error.reason
        self.flush()

    def read(self, count):
        """Exactly count bytes, or fewer if the other side ends."""
        self.unseal()  # what came together with the end of the handshake
        while len(self.plain) < count and self.more():
            pass
        data, self.plain = bytes(self.plain[:count]), self.plain[count:]
        return data

    def more(self):
        if self.ended is None:
            self.receive()
            self.unseal_before_end()
        return self.ended is None

    def unseal_before_end(self):
        """What came before an ending of the transport is read before it."""
        ended, self.ended = self.ended, None
        self.unseal()
        self.ended = self.ended or ended

    def read_to_end(self):
        """(all that is left, how it ended)."""
        self.unseal()
        while self.more():
            pass
        data, self.plain = bytes(self.plain), bytearray()
        return data, self.ended

    def seal(self, data):
        """The records of data, not sent."""
        self.tls.write(data)
        return self.outgoing.read()

    def send(self, data):
        view = memoryview(data)
        for at in range(0, len(view), 65536):
            self.sock.sendall(self.seal(view[at:at + 65536]))

    def seal_close_notify(self):
        """Our close_notify, not sent. Reading goes on."""
        self.unseal()
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        return self.outgoing.read()

    def close_notify(self):
        self.sock.sendall(self.seal_close_notify())

    def fin(self):
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        self.sock.close()

    def goodbye(self):
        """The whole goodbye, as a good peer does it: close_notify, FIN, reading on to the transport's end."""
        self.close_notify()
        self.fin()
        return self.drain()

    def drain(self):
        """Takes what comes until the transport ends, the TLS end having been seen or not; "eof" or "reset"."""
        try:
            while True:
                data = self.sock.recv(65536)
                if not data:
                    return "eof"
                if self.ended is None:
                    self.incoming.write(data)
                    self.unseal()
        except ConnectionResetError:
            return "reset"

    def send_cut(self, data, keep=-7):
        """A record that ends too early, and a FIN."""
        self.sock.sendall(self.seal(data)[:keep])
        self.fin()

    def send_corrupted(self, data):
        """A record whose last byte, of the authentication tag, is wrong."""
        record = bytearray(self.seal(data))
        record[-1] ^= 1
        self.sock.sendall(record)

    def send_fatal_alert(self):
        """Makes our own engine believe that it got a bad record: it seals a real bad_record_mac (20). There may be half a
        record already, hence the many zeros. Once it has seen a close_notify the engine cannot be fooled any more."""
        self.unseal()
        assert self.ended is None
        self.incoming.write(b"\x17\x03\x03\x00\x40" + bytes(20_000))
        with contextlib.suppress(ssl.SSLError):
            self.tls.read(1)
        self.sock.sendall(self.outgoing.read())


class PeerServer:
    """Listens, takes one connection, runs script(peer) in a thread; result() is what the script returned. A script that
    is over has nothing more to say: its FIN goes out then. One that wants to stay silent waits for peer.over, the end of
    the test. ready: the handshake is done on this side."""

    def __init__(self, script, context, rcvbuf=None, handshake=True, host="127.0.0.1", path=None):
        self.script, self.context, self.wants_handshake = script, context, handshake
        self.value = self.error = self.connection = self.address = None
        self.ready, self.over = threading.Event(), threading.Event()
        family = socket.AF_UNIX if path else socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.socket(family)
        if rcvbuf:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.listener.bind(path or (host, 0))
        self.listener.listen(4)
        self.listener.settimeout(PATIENCE)
        self.port = None if path else self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # closing alone does not wake an accept()
        self.listener.close()
        if self.connection:
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
        self.thread.join(PATIENCE)
        if self.connection:
            self.connection.close()

    def run(self):
        try:
            self.connection, self.address = self.listener.accept()
            peer = TLSPeer(self.connection, self.context, server=True)
            peer.over = self.over
            if self.wants_handshake:
                peer.handshake()
            self.ready.set()
            self.value = self.script(peer)
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_WR)
        except Exception as error:  # pylint: disable=broad-except  # told by result()
            self.error = error

    def result(self, seconds=PATIENCE):
        self.thread.join(seconds)
        assert not self.thread.is_alive(), "the peer still waits"
        if self.error:
            raise self.error
        return self.value


def connect(port, context, rcvbuf=None, host="127.0.0.1", path=None, handshake=True):
    """A client peer, its handshake done."""
    sock = socket.socket(socket.AF_UNIX if path else socket.AF_INET6 if ":" in host else socket.AF_INET)
    if rcvbuf:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    sock.settimeout(PATIENCE)
    sock.connect(path or (host, port))
    peer = TLSPeer(sock, context, server=False)
    return peer.handshake() if handshake else peer
