# SPDX-License-Identifier: MIT
"""--end=alert refuses the handshake by a fatal alert: both sides name it, and the refusal is told to be the wish that it was."""
import socket
import ssl

import pytest

import lib_peer
from lib_claims import BOTH_VERSIONS, answer, dial, expect, serve, tls  # noqa: F401  # pylint: disable=unused-import
from lib_plain import DIALOGUES, lead, plain  # noqa: F401

AS_WANTED = "refused by a fatal alert, as --end=alert wants it"


def refused(result, alert):
    """Ours was the refusal: 6, the alert left, nothing was said, and one line tells that it was wanted."""
    expect(result, 6, sending="aborted", receiving="rejected", phase="handshaking", first="peer", alert_sent_name=alert, alert_sent_level=2,
           alert_received=None, bytes_taken=0, bytes_received=0)
    lines = [line for line in result.err.splitlines() if "listening" not in line and "throwaway" not in line]
    assert len(lines) == 1 and lines[0].endswith(AS_WANTED), result
    assert result.report["error"]["text"] == AS_WANTED and result.out == b""


def got(result, alert):
    expect(result, 5, receiving="alerted", alert_received_name=alert, alert_received_level=2, bytes_received=0)


@BOTH_VERSIONS
def test_listen_refuses_before_it_shows_anything(listen, connect, version):
    server = listen("--end=alert", input=b"down")
    client = connect(server, f"--max={version}", input=b"up")
    got(client, "unrecognized_name")
    refused(server.wait(), "unrecognized_name")


@BOTH_VERSIONS
def test_connect_refuses_what_it_has_seen(answer, dial, version):
    server = answer(f"--max={version}", input=b"down")
    refused(dial(server.port, "--end=alert", input=b"up").wait(), "bad_certificate")
    got(server.wait(), "bad_certificate")


@pytest.mark.parametrize("trust", ["--insecure", "--pin", "--name=localhost"])
def test_a_certificate_that_nobody_vouches_for_gets_the_alert_that_it_deserves(listen, run, trust):
    server = listen()
    refused(run("connect", server.address, trust, *([server.pin] if trust == "--pin" else []), "--end=alert"), "unknown_ca")
    got(server.wait(), "unknown_ca")


@BOTH_VERSIONS
def test_a_foreign_client_names_the_alert(answer, tls, version):
    server = answer("--end=alert")
    with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
        lib_peer.connect(server.port, tls.client(version))
    refused(server.wait(), "unrecognized_name")


def test_a_client_that_asks_for_no_name_is_refused_as_well(answer, tls):
    server = answer("--end=alert")
    context = tls.client()
    context.check_hostname = False
    peer = lib_peer.connect(server.port, context, handshake=False)
    peer.tls = context.wrap_bio(peer.incoming, peer.outgoing, server_side=False)
    with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
        peer.handshake()
    peer.close()
    refused(server.wait(), "unrecognized_name")


@BOTH_VERSIONS
def test_a_foreign_server_names_the_alert(plain, dial, version, tls):
    def script(peer):
        with pytest.raises(ssl.SSLError) as caught:
            peer.handshake()
            peer.tls.read(1)
            while peer.receive():
                peer.tls.read(1)
        return caught.value.reason
    server = plain(script, context=tls.server(version))
    refused(dial(server.port, "--end=alert").wait(), "bad_certificate")
    assert "BAD_CERTIFICATE" in server.result()


@pytest.mark.parametrize("words, code", [(b"GET / HTTP/1.0\r\n\r\n", "not_tls"), (bytes.fromhex("160301000401000000"), "violation")])
def test_a_peer_that_fails_first_is_told_as_ever(answer, raw_client, words, code):
    server = answer("--end=alert")
    raw_client(server.port, words)
    result = server.wait()
    assert result.exit == 6 and AS_WANTED not in result.err and result.report["error"]["code"] == code, result


@pytest.fixture
def raw_client():
    def do(port, words):
        with socket.create_connection(("127.0.0.1", port)) as sock:
            sock.sendall(words)
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(4096):
                pass
    return do


def test_it_comes_after_starttls(plain, dial, tls):
    def script(peer):
        lead(peer.sock, DIALOGUES["imap"])
        with pytest.raises(ssl.SSLError):
            peer.handshake()
            peer.read_to_end()
            raise ssl.SSLError(peer.ended)
    server = plain(script)
    refused(dial(server.port, "--starttls=imap", "--end=alert").wait(), "bad_certificate")
    server.result()


@pytest.mark.parametrize("other", ["--session=x", "--end-after=5", "--exec=cat"])
def test_what_has_no_meaning_then_is_a_usage_error(run, other):
    result = run("connect", "h:1", "--end=alert", other)
    assert result.exit == 64 and "--end=alert ends the handshake" in result.err
