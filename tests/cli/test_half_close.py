# SPDX-License-Identifier: MIT
"""Request, end of input, reply: our end is only ours, and the whole reply still arrives; and the other way round.

Which peers can half-close was found by experiment (1.2 and 1.3 alike, versions of Debian 12):
  server  Python over memory, Node (allowHalfOpen), socat (-t says how long it waits): read our end, reply afterwards.
          openssl s_server, gnutls-serv and ncat --ssl take our end for the end of everything and leave; what they had
          said before still arrives (test_peers.py).
  client  Python over memory, Node, gnutls-cli, socat: end their input, read on (gnutls-cli for 2 s only).
          openssl s_client leaves at its end of input or, with -ign_eof, never says that its input has ended; ncat --ssl
          never says it either.
"""
import time

import pytest

from lib_command import random_bytes
from lib_claims import BOTH_VERSIONS, PEERS, listening_port, need, orderly, say, type_in
from lib_claims import answer, dial, program, serve, tls  # noqa: F401  # fixtures
from lib_peer import connect

REQUEST = b"GET everything\r\n\xff\x00\r\n"
MEGABYTE = 1 << 20
SIZES = pytest.mark.parametrize("size", [1, MEGABYTE])


def replies_afterwards(reply, delay=0.0):
    """A server's script: hears us out, then (later) replies and ends."""
    def script(peer):
        request, ended = peer.read_to_end()
        time.sleep(delay)
        peer.send(reply)
        return request, ended, peer.goodbye()
    return script


def ask(serve, dial, version, reply, delay=0.0):
    peer = serve(replies_afterwards(reply, delay), version)
    result = dial(peer.port, input=REQUEST).wait()
    assert peer.result() == (REQUEST, "close_notify", "eof")
    assert result.out == reply
    orderly(result, first="self", bytes_received=len(reply), bytes_taken=len(REQUEST), bytes_discarded=0)


@SIZES
@BOTH_VERSIONS
def test_the_whole_reply_arrives_after_our_end(serve, dial, version, size):
    ask(serve, dial, version, random_bytes(size))


@BOTH_VERSIONS
def test_a_reply_two_seconds_late_arrives_whole(serve, dial, version):
    ask(serve, dial, version, random_bytes(MEGABYTE), delay=2.0)


@BOTH_VERSIONS
def test_an_empty_reply_is_an_end_as_good_as_any(serve, dial, version):
    ask(serve, dial, version, b"")


@pytest.mark.large
def test_a_reply_of_64_megabytes_arrives_whole(serve, dial):
    ask(serve, dial, "1.3", random_bytes(64 << 20))


def listener_replies(answer, tls, version, reply, delay=0.0):
    """The client ends first; what listen's standard input says (later) still reaches it."""
    listener = answer(input=None)
    peer = connect(listener.port, tls.client(version))
    peer.send(REQUEST)
    peer.close_notify()
    listener.wait_out(len(REQUEST))
    time.sleep(delay)
    say(listener, reply)
    got, ended = peer.read_to_end()
    assert (got, ended) == (reply, "close_notify")
    assert peer.goodbye() == "eof"
    peer.close()
    result = listener.wait()
    assert result.out == REQUEST
    orderly(result, first="peer", bytes_acknowledged=len(reply))


@SIZES
@BOTH_VERSIONS
def test_a_listener_replies_after_the_clients_end(answer, tls, version, size):
    listener_replies(answer, tls, version, random_bytes(size))


@BOTH_VERSIONS
def test_a_listener_replies_two_seconds_after_the_clients_end(answer, tls, version):
    listener_replies(answer, tls, version, random_bytes(MEGABYTE), delay=2.0)


@pytest.mark.large
def test_a_listener_replies_with_64_megabytes(answer, tls):
    listener_replies(answer, tls, "1.3", random_bytes(64 << 20))


@BOTH_VERSIONS
def test_what_we_send_two_seconds_after_the_peers_end_arrives(serve, dial, version):
    def script(peer):
        peer.send(b"all I have to say")
        peer.close_notify()
        got, ended = peer.read_to_end()
        peer.fin()
        return got, ended, peer.drain()

    peer = serve(script, version)
    dialer = dial(peer.port, input=None)
    dialer.wait_out(17)
    type_in(dialer, REQUEST)
    time.sleep(2.0)
    late = random_bytes(MEGABYTE)
    say(dialer, late)
    result = dialer.wait()
    assert peer.result() == (REQUEST + late, "close_notify", "eof")
    assert result.out == b"all I have to say"
    orderly(result, first="peer", bytes_acknowledged=len(REQUEST + late))


@BOTH_VERSIONS
def test_a_peer_that_ends_first_with_a_fin_too_still_hears_us(serve, dial, version):
    """close_notify and FIN end its direction only: RFC 9846 6.1 and TCP agree."""
    def script(peer):
        peer.send(b"bye")
        peer.close_notify()
        peer.fin()
        return peer.read_to_end()

    peer = serve(script, version)
    dialer = dial(peer.port, input=None)
    dialer.wait_out(3)
    time.sleep(0.5)
    say(dialer, random_bytes(MEGABYTE))
    result = dialer.wait()
    assert peer.result() == (random_bytes(MEGABYTE), "close_notify")
    orderly(result, first="peer")


@BOTH_VERSIONS
def test_our_own_ends_reply_to_each_other(answer, dial, version):
    listener = answer("--max", version, input=None)
    dialer = dial(listener.port, "--max", version, input=REQUEST)
    listener.wait_out(len(REQUEST))
    time.sleep(0.3)
    reply = random_bytes(MEGABYTE)
    say(listener, reply)
    here, there = dialer.wait(), listener.wait()
    assert here.out == reply and there.out == REQUEST
    orderly(here, first="self")
    orderly(there, first="peer")


# ---------------------------------------------------------------- other people's programs


@pytest.fixture
def files(tmp_path):
    (tmp_path / "request").write_bytes(REQUEST)
    (tmp_path / "reply").write_bytes(random_bytes(MEGABYTE))
    return tmp_path


def node_server(program, pki, version, files, delay):
    server = program("node", PEERS / "half_open.js", "server", pki.server.cert, pki.server.key, version, files / "reply", delay)
    return listening_port(server)


def socat_server(program, pki, version, files, delay):
    tls_options = f"cert={pki.server.cert},key={pki.server.key},verify=0,openssl-max-proto-version=TLS{version}"
    server = program("socat", "-t", "20", f"OPENSSL-LISTEN:0,bind=127.0.0.1,{tls_options}",
                     f"SYSTEM:cat > {files}/heard; sleep {delay}; cat {files}/reply")
    return listening_port(server)


@pytest.mark.parametrize("delay", [0.1, 2])
@pytest.mark.parametrize("server", [node_server, socat_server])
@BOTH_VERSIONS
def test_servers_that_can_half_close_reply_whole(program, dial, pki, files, version, server, delay):
    port = server(program, pki, version, files, delay)
    result = dial(port, input=REQUEST).wait()
    assert result.out == random_bytes(MEGABYTE)
    orderly(result, first="self", tls="TLSv" + version)


def node_client(pki, version, files, port):
    return ["node", PEERS / "half_open.js", "client", port, pki.ca, version, files / "request"]


def gnutls_client(pki, version, files, port):
    priority = "NORMAL:-VERS-ALL:+VERS-TLS" + version
    return ["gnutls-cli", "--logfile=/dev/null", "--x509cafile", pki.ca, "--priority", priority, "-p", port, "127.0.0.1"]


def socat_client(pki, version, files, port):
    options = f"cafile={pki.ca},commonname=localhost,openssl-max-proto-version=TLS{version}"
    return ["socat", "-t", "20", "-", f"OPENSSL:127.0.0.1:{port},{options}"]


@pytest.mark.parametrize("delay", [0.1, 2])
@pytest.mark.parametrize("client", [node_client, gnutls_client, socat_client])
@BOTH_VERSIONS
def test_clients_that_can_half_close_get_the_whole_reply(program, answer, pki, files, version, client, delay):
    listener = answer(input=None)
    command = client(pki, version, files, listener.port)
    need(command[0])
    with open(files / "request", "rb") as request:
        peer = program(*command, stdin=request)
    listener.wait_out(len(REQUEST))
    time.sleep(min(delay, 1) if client is gnutls_client else delay)
    say(listener, random_bytes(MEGABYTE))
    assert peer.wait(30) == 0
    assert peer.out_path.read_bytes() == random_bytes(MEGABYTE)
    result = listener.wait()
    assert result.out == REQUEST
    orderly(result, tls="TLSv" + version, first="peer", bytes_acknowledged=MEGABYTE)
