# SPDX-License-Identifier: MIT
"""SIGINT and SIGTERM break off, in every phase: the report is written, the peer sees no goodbye, and the signal kills."""
import contextlib
import os
import signal
import time

import pytest

from lib_command import SIGNALS
from lib_claims import black_hole, expect, fact, orderly, say, takes
from lib_claims import answer, dial, serve, tls  # noqa: F401  # fixtures

HELLO = b"hello"


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_breaks_off_writes_the_report_and_kills(serve, dial, number):
    peer = serve(lambda peer: (peer.send(HELLO), peer.read_to_end())[1])
    dialer = dial(peer.port, input=None)
    dialer.wait_out(5)
    dialer.signal(number)
    result = dialer.wait()
    expect(result, -number, sending="aborted", receiving="abandoned", first="self", error_code="aborted", bytes_received=5)
    assert fact(result, "exit") == 128 + number
    assert peer.result()[1] in ("reset", "truncated"), "breaking off is no goodbye"


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_while_listening_writes_the_report(answer, number):
    listener = answer(input=None)
    listener.signal(number)
    result = listener.wait()
    expect(result, -number, sending=None, receiving=None, phase=None)


def test_a_signal_while_connecting_writes_the_report(start):
    with black_hole() as port:
        dialer = start("connect", f"127.0.0.1:{port}", "--insecure", input=None)
        time.sleep(0.5)
        dialer.signal(signal.SIGTERM)
        expect(dialer.wait(), -signal.SIGTERM, sending=None, receiving=None)


def test_a_signal_in_the_handshake_writes_the_report(serve, dial):
    peer = serve(lambda peer: (peer.sock.recv(5), peer.drain()), handshake=False)
    dialer = dial(peer.port, input=None)
    time.sleep(0.5)
    dialer.signal(signal.SIGINT)
    expect(dialer.wait(), -signal.SIGINT, sending="aborted", receiving="abandoned", phase="none")


def test_a_signal_while_output_is_stuck_is_heard(serve, dial):
    def script(peer):
        with contextlib.suppress(OSError):
            while True:
                peer.send(bytes(65536))

    reader, writer = os.pipe()
    try:
        peer = serve(script)
        dialer = dial(peer.port, input=None, stdout=writer)
        time.sleep(0.5)
        with takes(0, 3):
            dialer.signal(signal.SIGTERM)
            expect(dialer.wait(), -signal.SIGTERM)
    finally:
        os.close(reader)
        os.close(writer)


def test_a_signal_in_the_goodbye_writes_the_report(serve, dial):
    def script(peer):
        got = peer.read_to_end()
        peer.sock.recv(1)
        return got

    peer = serve(script)
    dialer = dial(peer.port, input=HELLO)
    time.sleep(0.7)
    dialer.signal(signal.SIGTERM)
    expect(dialer.wait(), -signal.SIGTERM, sending="closed", receiving="abandoned", bytes_acknowledged=5)


def test_an_ignored_interrupt_stays_ignored(serve, dial):
    """As `nohup` and shells without job control start their background commands."""
    peer = serve(lambda peer: (peer.send(HELLO), peer.read_to_end(), peer.goodbye()))
    dialer = dial(peer.port, input=None, preexec=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    dialer.wait_out(5)
    dialer.signal(signal.SIGINT)
    time.sleep(0.3)
    say(dialer, b"")
    orderly(dialer.wait())
