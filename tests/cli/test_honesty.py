# SPDX-License-Identifier: MIT
"""Nothing lies: closed or full outputs, input of every kind, descriptors that others share."""
import contextlib
import fcntl
import os
import pty
import socket
import termios
import time

import pytest

from lib_command import random_bytes
from lib_claims import expect, fact, orderly, type_in
from lib_claims import answer, dial, serve, tls  # noqa: F401  # fixtures
from lib_peer import connect

HELLO = b"hello"
EVERY_BYTE = bytes(range(256)) * 40
COMMANDS_OF_OTHERS = b"Q\nR\nr\nB\nk\nK\nP\nS\nC\nc\n~.\n\x1d\nquit\n\x04\x03\x1a\x00\r\n"


def greets(peer):
    peer.send(HELLO)
    return peer.goodbye()


def echo(peer):
    """Gives all back, once it has heard all."""
    data, ended = peer.read_to_end()
    peer.send(data)
    peer.goodbye()
    return data, ended


# ---------------------------------------------------------------- output that cannot be written


def test_a_closed_standard_output_is_status_9(serve, dial):
    def script(peer):
        peer.send(HELLO)
        return peer.read_to_end()

    peer = serve(script)
    result = dial(peer.port, input=None, preexec=lambda: os.close(1)).wait()
    expect(result, 9, error_code="local_io")
    data, ended = peer.result()
    assert data == b"", "our output went into the connection"
    assert ended in ("reset", "truncated"), "what we could not deliver must not look well received"


def test_a_standard_output_whose_reader_has_gone_is_status_9(serve, dial):
    """And not a death by SIGPIPE, which has its default here."""
    reader, writer = os.pipe()
    os.close(reader)
    peer = serve(greets)
    try:
        result = dial(peer.port, input=None, stdout=writer).wait()
    finally:
        os.close(writer)
    expect(result, 9, error_code="local_io", os_error="EPIPE")


def test_a_reader_that_goes_in_the_middle_is_status_9(serve, dial):
    def script(peer):
        with contextlib.suppress(OSError):
            while True:
                peer.send(random_bytes(65536))

    reader, writer = os.pipe()
    peer = serve(script)
    dialer = dial(peer.port, input=None, stdout=writer)
    os.close(writer)
    os.read(reader, 100)
    os.close(reader)
    expect(dialer.wait(), 9, os_error="EPIPE")


def test_a_full_disk_under_standard_output_is_status_9(serve, dial):
    peer = serve(greets)
    with open("/dev/full", "wb") as full:
        result = dial(peer.port, input=None, stdout=full).wait()
    expect(result, 9, error_code="local_io", os_error="ENOSPC")
    assert "standard output" in result.err


def test_a_full_disk_under_the_report_is_said_and_not_status_0(serve, dial):
    peer = serve(greets)
    result = dial(peer.port, "--report=/dev/full", input=b"", report=False).wait()
    assert result.exit == 1, result
    assert "/dev/full" in result.err and "report" in result.err


def test_a_report_that_cannot_be_made_is_said_and_not_status_0(serve, dial, tmp_path):
    peer = serve(greets)
    result = dial(peer.port, f"--report={tmp_path}/no/such/folder", input=b"", report=False).wait()
    assert result.exit not in (0, None) and "no/such/folder" in result.err


def test_a_closed_report_descriptor_is_not_status_0(serve, dial):
    peer = serve(greets)
    result = dial(peer.port, "--report=fd:47", input=b"", report=False).wait()
    assert result.exit > 0 and "fd:47" in result.err, result


def test_a_closed_standard_error_puts_no_word_anywhere_else(serve, dial):
    """The words for descriptor 2 must not reach the socket that may have got its number."""
    peer = serve(echo)
    result = dial(peer.port, "-v", input=EVERY_BYTE, preexec=lambda: os.close(2)).wait()
    assert peer.result() == (EVERY_BYTE, "close_notify")
    assert result.out == EVERY_BYTE
    orderly(result)


def test_a_closed_standard_input_puts_nothing_into_the_connection(serve, dial):
    peer = serve(greets)
    result = dial(peer.port, preexec=lambda: os.close(0), input=None, stdin=None).wait()
    assert result.exit in (0, 9), result
    assert result.exit == 9 or result.out == HELLO
    assert fact(result, "bytes_taken") == 0


def test_an_input_that_cannot_be_read_is_status_9(serve, dial, tmp_path):
    """A directory opens, and reads EISDIR."""
    peer = serve(lambda peer: peer.read_to_end())
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        result = dial(peer.port, stdin=folder).wait()
    finally:
        os.close(folder)
    expect(result, 9, error_code="local_io", os_error="EISDIR")
    assert peer.result()[1] in ("reset", "truncated"), "half an input must not look like all of it"


def test_a_clients_end_reaches_a_listener_whose_output_is_gone(answer, tls):
    """listen fails as connect does: status 9, and the client does not see a clean end."""
    reader, writer = os.pipe()
    os.close(reader)
    listener = answer(input=None, stdout=writer)
    os.close(writer)
    peer = connect(listener.port, tls.client())
    peer.send(HELLO)
    _, ended = peer.read_to_end()
    peer.close()
    expect(listener.wait(), 9, os_error="EPIPE")
    assert ended in ("reset", "truncated")


# ---------------------------------------------------------------- input of every kind


@pytest.mark.parametrize("data", [EVERY_BYTE, COMMANDS_OF_OTHERS], ids=["every-byte", "commands-of-others"])
@pytest.mark.parametrize("way", ["file", "pipe", "socket"])
def test_no_byte_of_input_is_a_command(serve, dial, tmp_path, data, way):
    peer = serve(echo)
    if way == "file":
        (tmp_path / "input").write_bytes(data)
        with open(tmp_path / "input", "rb") as given:
            result = dial(peer.port, stdin=given).wait()
    elif way == "pipe":
        result = dial(peer.port, input=data).wait()
    else:
        here, there = socket.socketpair()
        with here, there:
            dialer = dial(peer.port, stdin=there)
            here.sendall(data)
            here.shutdown(socket.SHUT_WR)
            result = dialer.wait()
    assert peer.result() == (data, "close_notify")
    assert result.out == data
    orderly(result)


def test_dev_null_as_input_is_an_end_at_once(serve, dial):
    peer = serve(greets)
    with open("/dev/null", "rb") as null:
        result = dial(peer.port, stdin=null).wait()
    assert result.out == HELLO
    orderly(result, bytes_taken=0)


def test_a_terminal_as_input_ends_with_control_d(serve, dial):
    peer = serve(echo)
    master, slave = pty.openpty()
    try:
        dialer = dial(peer.port, stdin=slave)
        os.write(master, b"typed\n")
        time.sleep(0.3)
        os.write(master, b"\x04")
        result = dialer.wait()
    finally:
        os.close(master)
        os.close(slave)
    assert peer.result() == (b"typed\n", "close_notify")
    assert result.out == b"typed\n"
    orderly(result)


def test_input_that_drips_goes_out_at_once(serve, dial):
    """An interactive conversation: nothing waits for a full buffer."""
    def script(peer):
        for _ in range(5):
            peer.send(peer.read(4).upper())
        return peer.read_to_end(), peer.goodbye()

    peer = serve(script)
    dialer = dial(peer.port, input=None)
    for turn in range(5):
        type_in(dialer, b"ping")
        dialer.wait_out(4 * (turn + 1), timeout=10)
    dialer.stdin.close()
    result = dialer.wait()
    assert result.out == b"PING" * 5
    orderly(result)


def test_descriptors_0_1_2_are_never_made_non_blocking(serve, dial):
    """They are shared with whoever started us, whose shell or pipeline would break."""
    def script(peer):
        peer.send(HELLO)
        return peer.read_to_end(), peer.goodbye()

    peer = serve(script)
    in_reader, in_writer = os.pipe()
    out_reader, out_writer = os.pipe()
    ends = (in_reader, in_writer, out_reader, out_writer)

    def blocking():
        return all(not fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK for fd in ends)

    try:
        dialer = dial(peer.port, stdin=in_reader, stdout=out_writer)
        assert os.read(out_reader, 5) == HELLO
        assert blocking(), "while it runs"
        os.write(in_writer, b"x")
        assert blocking()
        os.close(in_reader)
        ends = (in_writer, out_reader, out_writer)
        os.close(in_writer)
        ends = (out_reader, out_writer)
        orderly(dialer.wait())
        assert blocking(), "after it has run"
    finally:
        for fd in ends:
            os.close(fd)


def test_a_terminals_flags_are_as_before(serve, dial):
    peer = serve(greets)
    master, slave = pty.openpty()
    before = (fcntl.fcntl(slave, fcntl.F_GETFL), termios.tcgetattr(slave))
    dialer = dial(peer.port, "--until=peer", stdin=slave, stdout=slave)
    result = dialer.wait()
    after = (fcntl.fcntl(slave, fcntl.F_GETFL), termios.tcgetattr(slave))
    os.close(master)
    os.close(slave)
    orderly(result)
    assert before == after


# ---------------------------------------------------------------- what is said


def test_no_colour_and_no_progress_where_there_is_no_terminal(serve, dial):
    result = dial(serve(greets).port, "-v", input=b"").wait()
    orderly(result)
    assert "\x1b" not in result.err and "\r" not in result.err


def test_quiet_says_nothing(serve, dial):
    result = dial(serve(greets).port, "-q", input=b"").wait()
    orderly(result)
    assert result.err == ""
