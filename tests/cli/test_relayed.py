# SPDX-License-Identifier: MIT
"""Two connections with something between them that hands on how each ended: `adieu listen --exec "adieu connect ..."`, a relay made of
two commands and two pipes. A clean end becomes a clean end, half by half; whatever is none becomes none."""
import shlex
import threading

import pytest

from lib_command import random_bytes
from lib_claims import BOTH_VERSIONS, expect, orderly, serve, tls  # noqa: F401  # fixtures
from lib_peer import PATIENCE, connect as dial_tls
from test_keep import corrupted, cut, cut_in_a_record, gave_up, reset

REQUEST, REPLY = random_bytes(300_000, 1), random_bytes(400_000, 2)


@pytest.fixture
def relay(listen, adieu, pki):
    """relay(port behind it) -> Command: the listener; the report is of the conversation in front."""
    def do(port):
        behind = [adieu, "connect", f"127.0.0.1:{port}", "--ca", pki.ca, "--name", "localhost", "--quiet"]
        return listen("--cert", pki.server.cert, "--key", pki.server.key, "--exec", shlex.join(behind))
    return do


@BOTH_VERSIONS
def test_a_clean_end_is_handed_on_and_the_other_half_goes_on(serve, relay, tls, version):
    """The server behind it says nothing before it has heard the request to its end."""
    def script(peer):
        heard = peer.read_to_end()
        peer.send(REPLY)
        peer.goodbye()
        return heard

    peer = serve(script, version)
    front = relay(peer.port)
    client = dial_tls(front.port, tls.client(version))
    client.send(REQUEST)
    client.close_notify()
    assert client.read_to_end() == (REPLY, "close_notify")
    client.close()
    assert peer.result() == (REQUEST, "close_notify")
    orderly(front.wait(), bytes_received=len(REQUEST), bytes_sent=len(REPLY))


@pytest.mark.parametrize("way", [cut, cut_in_a_record, reset, corrupted, gave_up], ids=lambda way: way.__name__)
def test_what_is_no_end_behind_is_none_in_front(serve, relay, tls, way):
    """The client has heard what came before, and then no end. (A cut leaves its own half to the client, which ends it.)"""
    heard, done = threading.Event(), threading.Event()

    def script(peer):
        assert peer.read(len(REQUEST)) == REQUEST
        peer.send(b"half of it")
        heard.wait(PATIENCE)  # what is still in its own send buffer, its reset would destroy
        way(peer)
        done.set()
        peer.over.wait(PATIENCE)

    front = relay(serve(script).port)
    client = dial_tls(front.port, tls.client())
    client.send(REQUEST)
    assert client.read(10) == b"half of it"
    heard.set()
    assert done.wait(PATIENCE)
    client.close_notify()
    data, ended = client.read_to_end()
    client.close()
    assert data == b"" and ended in ("reset", "truncated"), (data, ended)
    expect(front.wait(), 9, sending="aborted", error_code="local_io")


@pytest.mark.parametrize("way", [cut, reset, gave_up], ids=lambda way: way.__name__)
def test_what_is_no_end_in_front_is_none_behind(serve, relay, tls, way):
    """The server behind it takes no part of a request for the whole."""
    def script(peer):
        peer.send(b"go on")
        return peer.read_to_end()

    peer = serve(script)
    front = relay(peer.port)
    client = dial_tls(front.port, tls.client())
    assert client.read(5) == b"go on"
    client.send(b"half of it")
    way(client)
    data, ended = peer.result()
    assert b"half of it".startswith(data) and ended in ("reset", "truncated"), (data, ended)
    assert front.wait().exit in (3, 4, 5, 6)
