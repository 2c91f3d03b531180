# SPDX-License-Identifier: MIT
"""When the command leaves (--until), what it forgives (--accept-truncation), and how it ends badly on purpose (--end), as
a peer in Python and our own other end see it."""
import signal
import time

import pytest

from lib_command import random_bytes
from lib_claims import BOTH_VERSIONS, expect, fact, orderly, say, takes, type_in
from lib_claims import answer, dial, serve, tls  # noqa: F401  # fixtures
from lib_peer import connect

HELLO = b"hello"
DATA = random_bytes(100_000)

pytestmark = BOTH_VERSIONS


# ---------------------------------------------------------------- --until


def test_until_both_waits_for_both(serve, dial, version):
    """The peer has ended; without our end nothing is over."""
    peer = serve(lambda peer: (peer.send(HELLO), peer.close_notify(), peer.read_to_end(), peer.goodbye())[2], version)
    dialer = dial(peer.port, input=None)
    dialer.wait_out(5)
    time.sleep(0.5)
    assert dialer.process.poll() is None
    say(dialer, DATA)
    orderly(dialer.wait(), first="peer")
    assert peer.result() == (DATA, "close_notify")


def test_until_peer_leaves_with_the_peer_and_ends_ours(serve, dial, version):
    def script(peer):
        got = peer.read(len(DATA))
        peer.send(HELLO)
        peer.close_notify()
        return got, peer.read_to_end(), peer.drain()

    peer = serve(script, version)
    dialer = dial(peer.port, "--until=peer", input=None)
    type_in(dialer, DATA)
    result = dialer.wait()  # its input is still open
    assert peer.result() == (DATA, (b"", "close_notify"), "eof")
    assert result.out == HELLO
    orderly(result, first="peer", bytes_acknowledged=len(DATA))


def test_until_self_leaves_though_the_peer_goes_on(serve, dial, version):
    def script(peer):
        peer.send(HELLO)
        got = peer.read_to_end()
        peer.goodbye()
        return got

    peer = serve(script, version)
    dialer = dial(peer.port, "--until=self", input=None)
    dialer.wait_out(5)
    say(dialer, DATA)
    result = dialer.wait()
    assert peer.result() == (DATA, "close_notify")
    assert result.out == HELLO
    orderly(result, first="self", bytes_acknowledged=len(DATA))


def test_until_self_with_a_peer_that_leaves_without_a_word_is_truncation(serve, dial, version):
    """All of ours arrived, and the report says so; that the peer's direction was cut is true all the same."""
    def script(peer):
        got = peer.read_to_end()
        peer.fin()
        return got

    peer = serve(script, version)
    result = dial(peer.port, "--until=self", input=DATA).wait()
    assert peer.result() == (DATA, "close_notify")
    expect(result, 3, sending="closed", receiving="truncated", bytes_acknowledged=len(DATA))


@pytest.mark.parametrize("until", ["both", "peer", "self"])
def test_a_peer_that_is_gone_ends_every_mode(serve, dial, version, until):
    peer = serve(lambda peer: (peer.send(HELLO), time.sleep(0.2), peer.reset()), version)
    with takes(0, 10):
        result = dial(peer.port, f"--until={until}", input=None).wait()
    expect(result, 4, receiving="reset", sending="failed")
    assert result.out == HELLO


# ---------------------------------------------------------------- --accept-truncation


@pytest.mark.parametrize("until", ["both", "peer", "self"])
def test_an_accepted_truncation_is_status_0_and_still_reported(serve, dial, version, until):
    def script(peer):
        peer.send(HELLO)
        peer.fin()
        return peer.read_to_end()

    peer = serve(script, version)
    dialer = dial(peer.port, "--accept-truncation", f"--until={until}", input=None)
    dialer.wait_out(5)
    say(dialer, DATA if until != "peer" else b"")
    result = dialer.wait()
    assert result.out == HELLO
    expect(result, 0, sending="closed", receiving="truncated", error_code="truncated", exit=0)


def test_only_truncation_is_forgiven(serve, dial, version):
    peer = serve(lambda peer: (peer.send(HELLO), time.sleep(0.2), peer.reset()), version)
    expect(dial(peer.port, "--accept-truncation", input=None).wait(), 4)
    peer = serve(lambda peer: (peer.send(HELLO), peer.send_corrupted(HELLO), peer.drain()), version)
    expect(dial(peer.port, "--accept-truncation", input=None).wait(), 6)


def test_a_handshake_cut_short_is_not_forgiven(serve, dial, version):
    """Nothing was exchanged: there is nothing that the peer's data could have been."""
    peer = serve(lambda peer: (peer.sock.recv(5), peer.fin(), peer.drain()), version, handshake=False)
    expect(dial(peer.port, "--accept-truncation", input=HELLO).wait(), 3, receiving="truncated")


# ---------------------------------------------------------------- --end, seen by Python


def hears(peer):
    return peer.read_to_end()


def test_connect_ends_with_a_cut(serve, dial, version):
    def script(peer):
        heard = peer.read_to_end()
        peer.send(HELLO)
        peer.close_notify()
        peer.close()
        return heard

    peer = serve(script, version)
    result = dial(peer.port, "--end=cut", input=DATA).wait()
    assert peer.result() == (DATA, "truncated")
    assert result.out == HELLO, "reading goes on"
    assert result.exit == 1, result


def test_connect_ends_with_a_reset_behind_all_of_the_input(serve, dial, version):
    peer = serve(hears, version)
    result = dial(peer.port, "--end=reset", input=DATA).wait()
    assert peer.result() == (DATA, "reset")
    expect(result, 1, sending="aborted", receiving="abandoned")


@pytest.mark.parametrize("end,seen", [("cut", "truncated"), ("reset", "reset")])
@pytest.mark.parametrize("after", [0, 1, 20_000])
def test_a_bad_end_comes_after_exactly_so_many_bytes(serve, dial, version, end, seen, after):
    def script(peer):
        heard = peer.read_to_end()
        peer.fin() if seen == "truncated" else None
        return heard

    peer = serve(script, version)
    dial(peer.port, f"--end={end}", f"--end-after={after}", input=DATA).wait()
    assert peer.result() == (DATA[:after], seen)


def test_a_clean_end_comes_early_too(serve, dial, version):
    peer = serve(lambda peer: (peer.read_to_end(), peer.goodbye())[0], version)
    result = dial(peer.port, "--end-after=1000", input=DATA).wait()
    assert peer.result() == (DATA[:1000], "close_notify")
    orderly(result, bytes_taken=1000)


@pytest.mark.parametrize("end,seen", [("clean", "close_notify"), ("cut", "truncated"), ("reset", "reset")])
def test_listen_ends_as_told(answer, tls, version, end, seen):
    listener = answer(f"--end={end}", input=DATA)
    peer = connect(listener.port, tls.client(version))
    assert peer.read_to_end() == (DATA, seen)
    if seen != "reset":
        peer.goodbye()
    peer.close()
    assert listener.wait().exit == (0 if end == "clean" else 1)


def test_listen_stalls_neither_reading_nor_ending(answer, tls, version):
    listener = answer("--end=stall", "--end-after=5", input=HELLO + b"never said")
    peer = connect(listener.port, tls.client(version))
    assert peer.read(5) == HELLO
    peer.sock.settimeout(1.0)
    with pytest.raises(TimeoutError):
        while True:
            peer.sock.sendall(peer.seal(bytes(65536)))  # until nothing more fits, since nobody reads
    assert listener.process.poll() is None
    assert listener.out == b"" or len(listener.out) < 32 << 20
    listener.signal(signal.SIGTERM)
    expect(listener.wait(), -signal.SIGTERM, sending="aborted", receiving="abandoned")
    peer.close()


def test_listen_is_mute_reads_on_and_never_ends(answer, tls, version):
    listener = answer("--end=mute", input=HELLO)
    peer = connect(listener.port, tls.client(version))
    assert peer.read(5) == HELLO
    peer.send(DATA)
    peer.close_notify()
    listener.wait_out(len(DATA))
    peer.sock.settimeout(1.0)
    with pytest.raises(TimeoutError):
        peer.read_to_end()
    assert listener.process.poll() is None
    listener.signal(signal.SIGTERM)
    expect(listener.wait(), -signal.SIGTERM, sending="aborted", receiving="closed")
    peer.close()


@pytest.mark.parametrize("end", ["stall", "mute"])
def test_an_end_that_never_comes_leaves_at_the_total_deadline(serve, dial, version, end):
    peer = serve(hears, version)
    with takes(0.9, 5):
        result = dial(peer.port, f"--end={end}", "--timeout-total=1", input=HELLO).wait()
    data, seen = peer.result()
    assert data == HELLO and seen != "close_notify"
    expect(result, 8, sending="aborted", receiving="abandoned")


# ---------------------------------------------------------------- --end, seen by our own other end


def judged_by_connect(dial, listener, *args):
    return dial(listener.port, *args, input=b"request").wait()


@pytest.mark.parametrize("end,status,receiving", [("clean", 0, "closed"), ("cut", 3, "truncated"), ("reset", 4, "reset")])
def test_connect_tells_how_listen_ended(answer, dial, version, end, status, receiving):
    listener = answer("--max", version, f"--end={end}", input=DATA)
    result = judged_by_connect(dial, listener)
    assert result.out == DATA
    expect(result, status, receiving=receiving, bytes_received=len(DATA))
    assert listener.wait().out == (b"request" if end != "reset" else listener.out)


@pytest.mark.parametrize("end,option", [("stall", "--timeout-idle=1"), ("mute", "--timeout-close=1")])
def test_connect_gives_up_a_listen_that_never_ends(answer, dial, version, end, option):
    listener = answer("--max", version, f"--end={end}", "--timeout-total=20", input=DATA)
    result = judged_by_connect(dial, listener, option)
    assert result.out == DATA
    expect(result, 8, receiving="abandoned", error_code="deadline")


@pytest.mark.parametrize("end,status,receiving", [("clean", 0, "closed"), ("cut", 3, "truncated"), ("reset", 4, "reset")])
def test_listen_tells_how_connect_ended(answer, dial, version, end, status, receiving):
    listener = answer("--max", version, input=None if end == "reset" else HELLO)
    dialer = dial(listener.port, f"--end={end}", input=DATA)
    result = listener.wait()
    dialer.wait()
    assert result.out == DATA
    expect(result, status, receiving=receiving, bytes_received=len(DATA))
    assert fact(result, "peer")
