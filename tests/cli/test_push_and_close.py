# SPDX-License-Identifier: MIT
"""The claim that gave adieu its name: write, end, leave, and nothing is lost.

The peer waits, then reads slowly through a small buffer; with TLS 1.3 its session tickets lie unread at our side when we
want to go. Closing there and then would reset the connection and destroy what the peer has not read yet.
"""
import hashlib
import subprocess
import time

import pytest

from lib_command import random_bytes
from lib_claims import BOTH_VERSIONS, fact, listening_port, orderly
from lib_claims import answer, dial, program, serve, tls  # noqa: F401  # fixtures
from lib_peer import connect

SIX_MILLION = 6_000_000
SMALL_BUFFER = 65536
UNTIL = pytest.mark.parametrize("until", ["self", "both"])


def digest(data):
    return hashlib.sha256(data).hexdigest()


def read_all(sock):
    """Reads an ssl.SSLSocket to its end. A truncation is an exception, so to return at all is the authentic end."""
    time.sleep(0.3)
    summary, count = hashlib.sha256(), 0
    while data := sock.recv(65536):
        summary.update(data)
        count += len(data)
    with sock.unwrap():
        return count, summary.hexdigest()


def slow_reader(context):
    """A script of an ordinary ssl.SSLSocket server."""
    def script(peer):
        with context.wrap_socket(peer.sock, server_side=True, suppress_ragged_eofs=False) as sock:
            return read_all(sock)
    return script


def push(serve, dial, context, data, *args, times=1):
    for _ in range(times):
        with_peer = serve(slow_reader(context), context=context, rcvbuf=SMALL_BUFFER, handshake=False)
        result = dial(with_peer.port, *args, input=data).wait()
        orderly(result, bytes_taken=len(data), bytes_sent=len(data), bytes_acknowledged=len(data), first="self")
        assert with_peer.result() == (len(data), digest(data))


@UNTIL
@BOTH_VERSIONS
def test_all_of_six_million_bytes_arrive_at_a_slow_reader(serve, dial, tls, version, until):
    context = tls.server(version)
    assert context.num_tickets == 2
    push(serve, dial, context, random_bytes(SIX_MILLION), f"--until={until}")


@pytest.mark.large
def test_all_of_six_million_bytes_arrive_twenty_times_of_twenty(serve, dial, tls):
    push(serve, dial, tls.server("1.3"), random_bytes(SIX_MILLION), "--until=self", times=20)


@pytest.mark.large
def test_all_of_sixty_four_million_bytes_arrive(serve, dial, tls):
    push(serve, dial, tls.server("1.3"), random_bytes(64 << 20), "--until=self")


@pytest.mark.parametrize("size", [0, 1, 16384, 16385, 400_000])
def test_small_pushes_arrive_whole(serve, dial, tls, size):
    push(serve, dial, tls.server("1.3"), random_bytes(size), "--until=self")


def test_four_hundred_kilobytes_arrive_though_many_tickets_lie_unread(serve, dial, tls):
    """The tickets need not be read for the push, only for the goodbye."""
    context = tls.server("1.3")
    context.num_tickets = 8
    push(serve, dial, context, random_bytes(400_000), "--until=self", times=5)


def listener_pushes(answer, tls, data, version, until):
    listener = answer(f"--until={until}", input=data)
    context = tls.client(version)
    peer = connect(listener.port, context, rcvbuf=SMALL_BUFFER)
    time.sleep(0.3)
    got, ended = peer.read_to_end()
    assert ended == "close_notify"
    assert len(got) == len(data) and digest(got) == digest(data)
    assert peer.goodbye() == "eof"
    peer.close()
    orderly(listener.wait(), bytes_taken=len(data), bytes_sent=len(data), bytes_acknowledged=len(data), first="self")


@UNTIL
@BOTH_VERSIONS
def test_all_of_six_million_bytes_of_a_listener_arrive_at_a_slow_reader(answer, tls, version, until):
    listener_pushes(answer, tls, random_bytes(SIX_MILLION), version, until)


@pytest.mark.large
def test_all_of_sixty_four_million_bytes_of_a_listener_arrive(answer, tls):
    listener_pushes(answer, tls, random_bytes(64 << 20), "1.3", "self")


@BOTH_VERSIONS
def test_all_of_six_million_bytes_arrive_at_openssl_s_server(program, dial, pki, version):
    data = random_bytes(SIX_MILLION)
    server = program("openssl", "s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-quiet", "-tls" + version.replace(".", "_"),
                     "-cert", pki.server.cert, "-key", pki.server.key, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    pusher = dial(listening_port(server), "--until=self", input=data)
    time.sleep(0.3)  # the reader's sloth, which is the story
    assert digest(server.stdout.read()) == digest(data)
    orderly(pusher.wait(), bytes_acknowledged=len(data))


@BOTH_VERSIONS
def test_our_own_two_ends_lose_nothing(answer, dial, version):
    """Up and down at once, six million bytes each way."""
    up, down = random_bytes(SIX_MILLION, seed=2), random_bytes(SIX_MILLION, seed=3)
    listener = answer("--max", version, input=down)
    connector = dial(listener.port, "--max", version, input=up)
    here, there = connector.wait(), listener.wait()
    orderly(here, bytes_taken=len(up), bytes_received=len(down), bytes_acknowledged=len(up))
    orderly(there, bytes_taken=len(down), bytes_received=len(up), bytes_acknowledged=len(down))
    assert digest(here.out) == digest(down) and digest(there.out) == digest(up)


def test_what_the_peer_still_says_after_our_goodbye_is_counted_not_delivered(serve, dial):
    """--until=self: nothing more is delivered once our input has ended and is sent; the goodbye is whole all the same."""
    data, chatter = random_bytes(100_000), random_bytes(300_000, seed=4)

    def script(peer):
        got, ended = peer.read_to_end()
        peer.send(chatter)
        peer.goodbye()
        return got, ended

    peer = serve(script, "1.3")
    result = dial(peer.port, "--until=self", input=data).wait()
    assert peer.result() == (data, "close_notify")
    orderly(result, bytes_acknowledged=len(data))
    assert fact(result, "bytes_received") + fact(result, "bytes_discarded") == len(chatter)
    assert len(result.out) == fact(result, "bytes_received")


@UNTIL
@BOTH_VERSIONS
def test_a_slow_reader_that_talks_meanwhile_gets_all(serve, dial, version, until):
    """What it says lies unread where somebody has left without a goodbye; the reset would take what it has not read yet."""
    data = random_bytes(1_000_000)

    def script(peer):
        got = bytearray()
        while len(got) < len(data) and peer.ended is None:
            got += peer.read(min(20_000, len(data) - len(got)))
            peer.send(b"yes, go on")
            time.sleep(0.01)
        rest = peer.read_to_end()
        peer.goodbye()
        return bytes(got) == data, rest

    peer = serve(script, version, rcvbuf=16384)
    result = dial(peer.port, f"--until={until}", input=data).wait()
    assert peer.result() == (True, (b"", "close_notify"))
    orderly(result, bytes_acknowledged=len(data))
    assert fact(result, "bytes_received") + fact(result, "bytes_discarded") == 50 * len(b"yes, go on")
