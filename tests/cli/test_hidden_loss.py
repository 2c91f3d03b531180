# SPDX-License-Identifier: MIT
"""The hidden loss shows: a peer's close_notify says that it has sent all, not that it has read all of ours.

The peer stops reading, answers close_notify and closes with our bytes unread. TLS looks perfect on both sides; only what
the peer's TCP acknowledged tells the truth.
"""
import time

import pytest

from lib_command import random_bytes
from lib_claims import BOTH_VERSIONS, expect, fact
from lib_claims import answer, dial, serve, tls  # noqa: F401  # fixtures
from lib_peer import connect

SMALL_BUFFER = 16384
UNTIL = pytest.mark.parametrize("until", ["self", "both"])

pytestmark = BOTH_VERSIONS


def says_goodbye_unread(head=1000, wait=0.3):
    """Reads a little, then says close_notify and closes: its kernel answers what is unread with a reset."""
    def script(peer):
        peer.read(head)
        time.sleep(wait)  # meanwhile we fill both kernels and, if it all fits, end
        peer.close_notify()
        peer.close()
    return script


def judge(result, size):
    """Never 0; and the numbers say why."""
    expect(result, 4, bytes_taken=fact(result, "bytes_taken"))
    assert fact(result, "receiving") in ("closed", "reset"), result
    acknowledged, taken = fact(result, "bytes_acknowledged"), fact(result, "bytes_taken")
    assert acknowledged is not None and acknowledged < taken <= size, result


@UNTIL
@pytest.mark.parametrize("size", [500_000, 1_000_000, 6_000_000])
def test_a_goodbye_with_our_bytes_unread_is_never_status_0(serve, dial, version, until, size):
    peer = serve(says_goodbye_unread(), version, rcvbuf=SMALL_BUFFER)
    result = dial(peer.port, f"--until={until}", input=random_bytes(size)).wait()
    peer.result()
    judge(result, size)


def test_our_kernel_had_taken_all_and_still_it_shows(serve, dial, version):
    """sending is closed: the transport took every byte. That alone would look like success."""
    size = 300_000  # more than the peer's buffer, less than what our kernel takes

    def script(peer):
        time.sleep(1.0)
        peer.close_notify()
        peer.close()

    peer = serve(script, version, rcvbuf=SMALL_BUFFER)
    result = dial(peer.port, "--until=self", input=random_bytes(size)).wait()
    peer.result()
    judge(result, size)
    expect(result, 4, bytes_taken=size)


def test_a_listener_sees_the_hidden_loss_too(answer, tls, version):
    listener = answer(input=random_bytes(1_000_000))
    peer = connect(listener.port, tls.client(version), rcvbuf=SMALL_BUFFER)
    says_goodbye_unread()(peer)
    judge(listener.wait(), 1_000_000)


def test_the_loss_is_said_in_words(serve, dial, version):
    peer = serve(says_goodbye_unread(), version, rcvbuf=SMALL_BUFFER)
    result = dial(peer.port, "--until=self", input=random_bytes(1_000_000)).wait()
    judge(result, 1_000_000)
    assert "acknowledged" in result.err, result.err


def test_bytes_that_the_peers_kernel_acknowledged_are_no_alarm(serve, dial, version):
    """The same goodbye, but all of ours lay acknowledged in the peer's kernel: whether its program read it, TCP cannot know."""
    def script(peer):
        peer.read(1)
        time.sleep(0.3)
        peer.close_notify()
        peer.close()

    peer = serve(script, version)
    result = dial(peer.port, "--until=self", input=random_bytes(3000)).wait()
    peer.result()
    expect(result, 0, sending="closed", receiving="closed", error=None, bytes_acknowledged=3000)
