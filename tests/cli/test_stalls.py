# SPDX-License-Identifier: MIT
"""Nobody stands still for ever: a peer that does not read, a standard error that takes nothing; and who moves is not cut off."""

import os
import signal
import socket
import subprocess
import time

import pytest

from lib_command import BOUND, free_port, random_bytes, wait_port
from lib_claims import BOTH_VERSIONS, expect, fact, orderly, takes
from lib_claims import answer, dial, serve, tls  # noqa: F401  # fixtures
from lib_peer import PATIENCE, connect

SMALL_BUFFER = 16384
HUGE = 16 << 20  # more than both kernels take while nobody reads


def silent(peer):
    """Reads nothing, says nothing, to the end of the test."""
    peer.over.wait(PATIENCE)


# ---------------------------------------------------------------- both full


@BOTH_VERSIONS
def test_until_self_reads_on_for_a_peer_that_writes_before_it_reads(serve, start, pki, tmp_path, version):
    """Over a Unix socket, whose small buffer leaves part of our input with us when it is over."""
    much, ours, path = bytes(30 << 20), random_bytes(300_000), str(tmp_path / "socket")

    def script(peer):
        peer.send(much)
        return peer.read_to_end(), peer.goodbye()

    peer = serve(script, version, path=path)
    result = start("connect", "--unix", path, "--ca", pki.ca, "--name", "localhost", "--until=self", "--timeout-close=3",
                   input=ours).wait()
    expect(result, 0, sending="closed", bytes_taken=len(ours), bytes_sent=len(ours))
    assert peer.result() == ((ours, "close_notify"), "eof")
    assert fact(result, "bytes_discarded") > 0
    assert fact(result, "bytes_received") + fact(result, "bytes_discarded") == len(much)
    assert len(result.out) == fact(result, "bytes_received")


@BOTH_VERSIONS
def test_a_peer_that_never_reads_is_given_up_though_input_is_left(serve, dial, version):
    peer = serve(silent, version, rcvbuf=SMALL_BUFFER)
    with takes(0.9, 8):
        result = dial(peer.port, "--timeout-close=1", input=random_bytes(HUGE)).wait()
    expect(result, 8, sending="aborted", receiving="abandoned", error_code="deadline")
    assert fact(result, "bytes_taken") < HUGE


def test_a_client_that_never_reads_is_given_up_though_input_is_left(answer, tls):
    listener = answer("--timeout-close=1", input=random_bytes(HUGE))
    peer = connect(listener.port, tls.client("1.3"), rcvbuf=SMALL_BUFFER)
    with takes(0.7, 8):
        result = listener.wait()
    peer.close()
    expect(result, 8, sending="aborted", error_code="deadline")


def test_a_slow_reader_that_keeps_reading_is_not_cut_off_while_input_is_left(serve, dial):
    """It takes about three times --timeout-close, while most of our input still waits."""
    data = random_bytes(1_500_000)

    def script(peer):
        got, begin = bytearray(), time.monotonic()
        while len(got) < len(data):
            piece = peer.read(min(50_000, len(data) - len(got)))
            if not piece:
                return f"cut off after {len(got)} bytes"
            got += piece
            time.sleep(max(0.0, begin + 3.0 * len(got) / len(data) - time.monotonic()))
        return bytes(got) == data, peer.read_to_end(), peer.goodbye()

    peer = serve(script, "1.3", rcvbuf=SMALL_BUFFER)
    command = dial(peer.port, "--timeout-close=1", input=[data[:1_000_000], data[1_000_000:]])
    with takes(2.0, 12):
        result = command.wait()
    assert peer.result() == (True, (b"", "close_notify"), "eof")
    orderly(result, bytes_acknowledged=len(data))


def test_a_conversation_in_which_nobody_speaks_is_not_cut_off_by_the_close_deadline(serve, dial):
    def script(peer):
        assert peer.read(1) == b"?"
        time.sleep(2.0)
        peer.send(b"!")
        return peer.goodbye()

    peer = serve(script, "1.3")
    command = dial(peer.port, "--timeout-close=0.5", "--until=peer", input=None)
    command.stdin.write(b"?")
    command.stdin.flush()
    with takes(1.5, 8):
        result = command.wait()
    assert result.out == b"!" and result.exit == 0, result


# ---------------------------------------------------------------- standard error


@pytest.fixture
def blocked():
    """A pipe that takes nothing more, and is not read."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(writer, bytes(4096))
    os.set_blocking(writer, True)
    yield writer
    os.close(reader)
    os.close(writer)


def run_blocked(adieu, blocked, *args, **kw):
    return subprocess.Popen([adieu, *map(str, args)], stderr=blocked, stdout=subprocess.PIPE, stdin=subprocess.PIPE, **kw)


def ended(process, seconds, data=None):
    try:
        return process.communicate(data, seconds)[0]
    finally:
        process.kill()


def test_a_blocked_standard_error_stops_no_transfer(adieu, serve, pki, blocked):
    data = random_bytes(500_000)

    def script(peer):
        peer.send(data)
        return peer.read_to_end(), peer.goodbye()

    peer = serve(script, "1.3")
    process = run_blocked(adieu, blocked, "connect", f"127.0.0.1:{peer.port}", "--ca", pki.ca, "--name", "localhost", "-v")
    assert ended(process, 20, b"up") == data
    assert process.returncode == 0 and peer.result() == ((b"up", "close_notify"), "eof")


def test_a_blocked_standard_error_stops_no_deadline(adieu, blocked):
    with takes(0, 8):
        process = run_blocked(adieu, blocked, "connect", f"127.0.0.1:{free_port()}", "--timeout-total=1", "-v")
        ended(process, 20)
    assert process.returncode == 7
    with takes(0.5, 8):
        process = run_blocked(adieu, blocked, "listen", "127.0.0.1:0", "--timeout-total=1")
        ended(process, 20)
    assert process.returncode == 8


def test_a_blocked_standard_error_is_waited_for_once_and_not_with_each_connection(adieu, blocked, pki, tls):
    port = free_port()
    process = run_blocked(adieu, blocked, "listen", f"127.0.0.1:{port}", "--keep", "--exec=cat", "--cert", pki.server.cert, "--key", pki.server.key)
    try:
        wait_port(port)
        peer = connect(port, tls.client())
        with takes(0, 4):
            for _ in range(8):
                with socket.create_connection(("127.0.0.1", port)) as stranger:
                    stranger.sendall(b"not TLS, which is worth a line\r\n")
                peer.send(b"x")
                assert peer.read(1) == b"x"
        peer.close()
    finally:
        process.kill()
        process.communicate()


def test_a_blocked_standard_error_stops_no_signal(adieu, blocked):
    process = run_blocked(adieu, blocked, "listen", "127.0.0.1:0")
    time.sleep(0.5)  # until it would be blocked; nothing shows it
    process.send_signal(signal.SIGTERM)
    with takes(0, 8):
        ended(process, 20)
    assert process.returncode == -signal.SIGTERM


# ---------------------------------------------------------------- the last line


def test_an_error_tells_no_count_of_sent_bytes_that_is_not_the_last(serve, dial):
    """More leaves after the error was found; the report alone knows how much in the end."""
    def script(peer):
        peer.send_cut(b"said")
        return peer.read_to_end()

    peer = serve(script, "1.3", rcvbuf=SMALL_BUFFER)
    result = dial(peer.port, "--timeout-close=2", input=random_bytes(2_000_000)).wait()
    assert result.exit == 3, result
    for text in result.err, result.report["error"]["text"]:
        assert " sent" not in text, text


@pytest.mark.parametrize("args", [["-v"], ["-v", "-v"]], ids=["-v", "-vv"])
def test_what_never_was_a_connection_has_no_events_after_its_error(run, args):
    result = run("connect", f"localhost:{free_port()}", *args)
    expect(result, 7, seconds_close=None, seconds_connect=None, sending=None)
    assert "refused" in result.err.splitlines()[-1], result


def test_without_a_connection_there_was_no_close(start):
    server = start("listen", "127.0.0.1:0")
    server.wait_err("listening on")
    server.signal(signal.SIGTERM)
    result = server.wait(BOUND)
    assert result.report["seconds"] | {"total": 0} == {"connect": None, "handshake": None, "total": 0, "close": None}, result
