# SPDX-License-Identifier: MIT
"""Nothing waits for ever: status 8 at the operation's deadline, and the report says what was left. And nobody is cut off
who still moves."""
import os
import socket
import threading
import time

import pytest

from lib_command import random_bytes
from lib_claims import BOTH_VERSIONS, black_hole, expect, fact, orderly, takes
from lib_claims import answer, dial, serve, tls  # noqa: F401  # fixtures
from lib_peer import PATIENCE, connect

SMALL_BUFFER = 16384
HUGE = 16 << 20  # more than both kernels take while nobody reads


def silent(peer):
    """Reads nothing, says nothing, to the end of the test."""
    peer.over.wait(PATIENCE)


# ---------------------------------------------------------------- connecting


def test_a_silent_address_is_given_up_at_the_connect_deadline(run):
    with black_hole() as port, takes(0.9, 4):
        result = run("connect", f"127.0.0.1:{port}", "--insecure", "--timeout-connect=1")
    expect(result, 8, sending=None, receiving=None, phase=None, first=None, bytes_taken=0, error_code="deadline")
    assert "connect" in result.err


def test_the_deadline_over_everything_holds_for_connecting_too(run):
    with black_hole() as port, takes(0.4, 3):
        expect(run("connect", f"127.0.0.1:{port}", "--insecure", "--timeout-total=0.5"), 8)


def test_a_listener_gives_up_when_nobody_comes(answer):
    with takes(0.4, 4):
        result = answer("--timeout-connect=0.5").wait()
    expect(result, 8, sending=None, receiving=None, peer=None)


# ---------------------------------------------------------------- shaking hands


def test_a_server_silent_in_the_handshake_is_given_up(serve, dial):
    peer = serve(silent, handshake=False)
    with takes(0.9, 4):
        result = dial(peer.port, "--timeout-handshake=1", input=b"never said").wait()
    expect(result, 8, sending="aborted", receiving="abandoned", phase="none", first="self", tls=None, bytes_taken=0,
           error_code="deadline")
    assert "handshake" in result.err


def test_a_client_silent_in_the_handshake_is_given_up(answer):
    listener = answer("--timeout-handshake=1", input=b"never said")
    with socket.create_connection(("127.0.0.1", listener.port), 10), takes(0.7, 4):
        result = listener.wait()
    expect(result, 8, sending="aborted", receiving="abandoned", phase="none", bytes_taken=0)


def test_a_handshake_in_tiny_pieces_does_not_move_its_deadline(answer):
    """One byte at a time is no progress worth waiting for."""
    listener = answer("--timeout-handshake=1")
    with socket.create_connection(("127.0.0.1", listener.port), 10) as client, takes(0.7, 4):
        client.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        end = time.monotonic() + 10
        while listener.process.poll() is None and time.monotonic() < end:
            try:
                client.sendall(b"x")
            except (BrokenPipeError, ConnectionResetError):
                break
            time.sleep(0.1)
        result = listener.wait()
    expect(result, 8, phase="handshaking")


# ---------------------------------------------------------------- talking and closing


@BOTH_VERSIONS
def test_a_peer_that_never_answers_our_end_is_given_up(serve, dial, version):
    heard = []

    def script(peer):
        heard.append(peer.read_to_end())
        peer.over.wait(PATIENCE)

    peer = serve(script, version)
    with takes(0.9, 5):
        result = dial(peer.port, "--timeout-close=1", input=b"request").wait()
    expect(result, 8, sending="closed", receiving="abandoned", bytes_taken=7, bytes_acknowledged=7, error_code="deadline")
    assert heard == [(b"request", "close_notify")]


@BOTH_VERSIONS
def test_until_self_is_bounded_by_the_close_deadline_too(serve, dial, version):
    def script(peer):
        peer.read_to_end()
        peer.over.wait(PATIENCE)

    peer = serve(script, version)
    with takes(0.9, 5):
        result = dial(peer.port, "--until=self", "--timeout-close=1", input=b"request").wait()
    expect(result, 8, sending="closed", receiving="abandoned", bytes_acknowledged=7)


@BOTH_VERSIONS
def test_a_client_that_never_answers_a_listeners_end_is_given_up(answer, tls, version):
    listener = answer("--timeout-close=1", input=b"all of it")
    peer = connect(listener.port, tls.client(version))
    with takes(0.7, 5):
        result = listener.wait()
    assert peer.read_to_end()[0] == b"all of it"
    peer.close()
    expect(result, 8, sending="closed", receiving="abandoned", bytes_acknowledged=9)


@BOTH_VERSIONS
def test_a_full_send_buffer_ends_at_the_close_deadline_once_our_input_has_ended(serve, dial, version):
    """Our input has ended, but the peer reads nothing and not all of it fits into the kernels."""
    peer = serve(silent, version, rcvbuf=SMALL_BUFFER)
    with takes(0.9, 8):
        result = dial(peer.port, "--until=self", "--timeout-close=1", "--timeout-total=20", input=random_bytes(HUGE // 8)).wait()
    expect(result, 8)
    assert fact(result, "bytes_acknowledged") < fact(result, "bytes_taken")


@BOTH_VERSIONS
def test_a_full_send_buffer_ends_at_the_idle_deadline(serve, dial, version):
    peer = serve(silent, version, rcvbuf=SMALL_BUFFER)
    with takes(0.9, 8):
        result = dial(peer.port, "--timeout-idle=1", input=random_bytes(HUGE)).wait()
    expect(result, 8, sending="aborted", receiving="abandoned", error_code="deadline")
    assert fact(result, "bytes_acknowledged") < fact(result, "bytes_taken") < HUGE
    assert fact(result, "bytes_sent") <= fact(result, "bytes_taken")


@BOTH_VERSIONS
def test_a_full_send_buffer_ends_at_the_total_deadline(serve, dial, version):
    peer = serve(silent, version, rcvbuf=SMALL_BUFFER)
    with takes(0.9, 4):
        result = dial(peer.port, "--timeout-total=1", input=random_bytes(HUGE)).wait()
    expect(result, 8, sending="aborted", receiving="abandoned")


@BOTH_VERSIONS
def test_silence_ends_at_the_idle_deadline(serve, dial, version):
    peer = serve(lambda peer: peer.read_to_end(), version)
    with takes(0.9, 4):
        result = dial(peer.port, "--timeout-idle=1", input=None).wait()
    expect(result, 8, sending="aborted", receiving="abandoned", first="self", bytes_taken=0)
    assert peer.result()[1] in ("reset", "truncated"), "an end at a deadline must not look clean to the peer"


@BOTH_VERSIONS
def test_a_byte_now_and_then_is_no_silence(serve, dial, version):
    def script(peer):
        for _ in range(8):
            peer.send(b".")
            time.sleep(0.25)
        return peer.goodbye()

    peer = serve(script, version)
    result = dial(peer.port, "--timeout-idle=1", "--until=peer", input=None).wait()
    assert result.out == b"........"
    orderly(result, first="peer")


@BOTH_VERSIONS
def test_the_total_deadline_is_not_moved_by_traffic(serve, dial, version):
    def script(peer):
        try:
            while True:
                peer.send(b".")
                time.sleep(0.05)
        except OSError:
            return

    peer = serve(script, version)
    with takes(0.9, 4):
        expect(dial(peer.port, "--timeout-total=1", input=None).wait(), 8)


# ---------------------------------------------------------------- not cut off


@BOTH_VERSIONS
@pytest.mark.parametrize("until", ["self", "both"])
def test_a_slow_reader_that_keeps_acknowledging_is_not_cut_off(serve, dial, version, until):
    """It takes three times --timeout-close to read what we had sent when our input ended."""
    data = random_bytes(1_500_000)

    def script(peer):
        got = bytearray()
        begin = time.monotonic()
        while len(got) < len(data):
            got += peer.read(min(50_000, len(data) - len(got)))
            time.sleep(max(0.0, begin + 3.0 * len(got) / len(data) - time.monotonic()))
        rest = peer.read_to_end()
        return bytes(got) == data, rest, peer.goodbye()

    peer = serve(script, version, rcvbuf=SMALL_BUFFER)
    with takes(2.5, 10):
        result = dial(peer.port, f"--until={until}", "--timeout-close=1", input=data).wait()
    assert peer.result() == (True, (b"", "close_notify"), "eof")
    orderly(result, bytes_acknowledged=len(data))


@BOTH_VERSIONS
def test_a_long_reply_is_not_cut_off_by_the_close_deadline(serve, dial, version):
    """Until=both: what still comes is progress."""
    def script(peer):
        peer.read_to_end()
        for _ in range(10):
            peer.send(b"more ")
            time.sleep(0.25)
        return peer.goodbye()

    peer = serve(script, version)
    result = dial(peer.port, "--timeout-close=1", input=b"request").wait()
    assert result.out == b"more " * 10
    orderly(result)


@BOTH_VERSIONS
def test_chatter_does_not_hold_up_a_goodbye(serve, dial, version):
    """until=self: nothing that the peer sends moves the close deadline."""
    def script(peer):
        peer.read_to_end()
        try:
            for _ in range(200):
                peer.send(b"chatter")
                time.sleep(0.05)
        except OSError:
            pass

    peer = serve(script, version)
    with takes(0.9, 5):
        result = dial(peer.port, "--until=self", "--timeout-close=1", input=b"request").wait()
    expect(result, 8, sending="closed", receiving="abandoned")


def late_reader(start_command, wait):
    """Runs start_command(stdout) with a pipe that nobody reads until wait() is over. (all that came out, the Result)."""
    reader, writer = os.pipe()
    try:
        command = start_command(writer)
        os.close(writer)
        wait()
        out = bytearray()
        while chunk := os.read(reader, 65536):
            out += chunk
        return bytes(out), command.wait()
    finally:
        os.close(reader)


def test_output_that_nobody_takes_stops_no_sending(serve, dial):
    """Standard output is full; our input still goes through. A blocking write to it would stall both."""
    up, down = random_bytes(2_000_000), random_bytes(400_000)
    heard = threading.Event()

    def script(peer):
        peer.send(down)
        got = peer.read(len(up))
        heard.set()
        return got == up, peer.goodbye()

    peer = serve(script, "1.3")
    out, result = late_reader(lambda stdout: dial(peer.port, input=up, stdout=stdout), lambda: heard.wait(PATIENCE))
    assert heard.is_set(), "our input was held up by our output"
    assert out == down
    assert peer.result() == (True, "eof")
    orderly(result, bytes_acknowledged=len(up), bytes_received=len(down))


def test_a_full_output_does_not_start_the_close_clock(serve, dial):
    """We do not read because our reader does not: that is no silence of the peer's."""
    reply = random_bytes(1_000_000)

    def script(peer):
        peer.read_to_end()
        peer.send(reply)
        return peer.goodbye()

    peer = serve(script, "1.3")
    out, result = late_reader(lambda stdout: dial(peer.port, "--timeout-close=1", input=b"request", stdout=stdout),
                              lambda: time.sleep(2.5))
    orderly(result)
    assert out == reply


def test_nothing_burns_the_processor_while_it_waits(serve, dial):
    """A descriptor that is polled for nothing still wakes for HUP: a second of waiting must cost next to nothing."""

    def script(peer):
        peer.send(b"x")
        peer.close_notify()
        peer.fin()
        return peer.read_to_end()

    peer = serve(script, "1.3")
    dialer = dial(peer.port, input=None)
    dialer.wait_out(1)
    time.sleep(0.2)
    before = processor_ticks(dialer.pid)
    time.sleep(1.0)
    used = (processor_ticks(dialer.pid) - before) / os.sysconf("SC_CLK_TCK")
    dialer.stdin.close()
    orderly(dialer.wait())
    assert used < 0.3, f"{used} s of processor time in one second of waiting"


def processor_ticks(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
