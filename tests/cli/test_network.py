# SPDX-License-Identifier: MIT
"""How the two commands find each other: addresses, families, Unix sockets."""
import os
import socket

import pytest

from lib_command import free_port
from lib_claims import expect, fact, has_ipv6, orderly, wait_for
from lib_claims import answer, dial, serve, tls  # noqa: F401  # fixtures
from lib_peer import connect

NEED_IPV6 = pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on the loopback")
HELLO = b"hello"


def greets(peer):
    peer.send(HELLO)
    peer.goodbye()


@NEED_IPV6
def test_an_ipv6_address_in_brackets(serve, start, pki):
    peer = serve(greets, host="::1")
    result = start("connect", f"[::1]:{peer.port}", "--ca", pki.ca).wait()
    assert result.out == HELLO
    orderly(result, peer=f"[::1]:{peer.port}", verified="name")


@NEED_IPV6
def test_option_4_and_6_choose_the_family(serve, start, pki):
    peer = serve(greets, host="::1")
    expect(start("connect", "-4", f"localhost:{peer.port}", "--ca", pki.ca, input=b"").wait(), 7, sending=None)
    result = start("connect", "-6", f"[::1]:{peer.port}", "--ca", pki.ca, "--name", "localhost", input=b"").wait()
    orderly(result)
    assert peer.address[0] == "::1"


def test_a_name_with_several_addresses_is_tried_in_turn(serve, start, pki):
    """localhost may be ::1 first, where nobody listens."""
    peer = serve(greets)
    orderly(start("connect", f"localhost:{peer.port}", "--ca", pki.ca).wait(), verified="name")


@NEED_IPV6
def test_listen_on_ipv6(start, listen, pki):
    listener = listen("--cert", pki.server.cert, "--key", pki.server.key, where="[::1]:0", input=HELLO)
    result = start("connect", f"[::1]:{listener.port}", "--ca", pki.ca).wait()
    assert result.out == HELLO
    orderly(result)
    assert fact(orderly(listener.wait()), "peer").startswith("[::1]:")


@pytest.mark.parametrize("option", ["-4", pytest.param("-6", marks=NEED_IPV6)])
def test_listen_on_a_bare_port_of_one_family(start, listen, pki, option):
    listener = listen(option, "--cert", pki.server.cert, "--key", pki.server.key, where="0", input=HELLO)
    host = "127.0.0.1" if option == "-4" else "[::1]"
    orderly(start("connect", f"{host}:{listener.port}", "--ca", pki.ca).wait())
    orderly(listener.wait())


def test_connect_comes_from_the_address_of_bind(serve, dial):
    peer = serve(greets)
    orderly(dial(peer.port, "--bind", "127.0.0.2").wait())
    assert peer.address[0] == "127.0.0.2"


def test_an_address_to_bind_that_is_not_ours_is_told(serve, dial):
    peer = serve(greets)
    result = dial(peer.port, "--bind", "203.0.113.7").wait()
    expect(result, 7, sending=None)
    assert "203.0.113.7" in result.err


def test_a_unix_socket_carries_the_same_conversation(start, listen, pki, tmp_path):
    path = tmp_path / "socket"
    listener = start("listen", "--unix", path, "--cert", pki.server.cert, "--key", pki.server.key, input=HELLO)
    wait_for(path.exists, "the socket")
    result = start("connect", "--unix", path, "--ca", pki.ca, "--name", "localhost", input=b"request").wait()
    there = listener.wait()
    assert result.out == HELLO and there.out == b"request"
    orderly(result, peer="unix", bytes_acknowledged=None)
    orderly(there, bytes_acknowledged=None)
    assert not path.exists(), "listen removes what it made"


def test_a_unix_socket_by_pin(start, pki, tmp_path):
    path = tmp_path / "socket"
    listener = start("listen", "--unix", path, input=HELLO)
    pin = listener.wait_err(r"--pin ([0-9a-f]{64})").group(1)
    wait_for(path.exists, "the socket")
    result = start("connect", "--unix", path, "--pin", pin).wait()
    orderly(result, verified="pin")
    orderly(listener.wait())


def test_a_unix_peer_in_python_with_a_cut_is_truncation(serve, start, pki, tmp_path):
    path = str(tmp_path / "socket")
    peer = serve(lambda peer: (peer.send(HELLO), peer.fin(), peer.drain()), path=path)
    result = start("connect", "--unix", path, "--ca", pki.ca, "--name", "localhost").wait()
    assert result.out == HELLO
    expect(result, 3, receiving="truncated")
    peer.result()


def test_a_unix_path_that_is_in_use_is_told_and_left_alone(start, tmp_path):
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        result = start("listen", "--unix", path).wait()
        assert result.exit > 0 and str(path) in result.err, result
        assert path.exists()


def test_a_listener_with_a_relative_unix_path_removes_only_its_own(start, listen, tmp_path):
    """Nothing of the same name elsewhere is touched."""
    before = os.getcwd()
    try:
        os.chdir(tmp_path)
        listener = start("listen", "--unix", "socket", input=HELLO)
        pin = listener.wait_err(r"--pin ([0-9a-f]{64})").group(1)
        wait_for((tmp_path / "socket").exists, "the socket")
        orderly(start("connect", "--unix", "socket", "--pin", pin).wait())
        listener.wait()
        assert not (tmp_path / "socket").exists()
    finally:
        os.chdir(before)


def test_a_refused_connection_is_status_7(dial):
    result = dial(free_port(), input=HELLO).wait()
    expect(result, 7, sending=None, receiving=None, phase=None, error_code="connect", os_error="ECONNREFUSED")


def test_a_port_that_is_taken_is_told(start, tls):
    with socket.create_server(("127.0.0.1", 0)) as other:
        result = start("listen", f"127.0.0.1:{other.getsockname()[1]}").wait()
    assert result.exit > 0 and "in use" in result.err, result


def test_listen_takes_one_connection_and_refuses_the_next(answer, tls):
    listener = answer(input=None)
    peer = connect(listener.port, tls.client())
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", listener.port), 5)
    listener.stdin.close()
    peer.read_to_end()
    peer.goodbye()
    peer.close()
    orderly(listener.wait())
