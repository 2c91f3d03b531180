# SPDX-License-Identifier: MIT
"""Different endings, different answers; and what had reached this kernel before an ending is delivered before it."""
import fcntl
import os
import signal
import socket
import ssl
import struct
import termios
import time

import pytest

from lib_command import random_bytes
from lib_claims import BOTH_VERSIONS, expect, fact, orderly, say, wait_for, type_in
from lib_claims import answer, dial, program, serve, tls  # noqa: F401  # fixtures
from lib_peer import PATIENCE, connect

BEFORE = random_bytes(50_000)

pytestmark = BOTH_VERSIONS


def clean(peer):
    peer.close_notify()
    peer.fin()


def eof_at_a_record_boundary(peer):
    peer.fin()


def eof_inside_a_record(peer):
    peer.send_cut(b"never whole")


def eof_inside_the_close_notify(peer):
    peer.sock.sendall(peer.seal_close_notify()[:-1])
    peer.fin()


def reset(peer):
    time.sleep(0.1)  # what is still in its own send buffer would be destroyed by its reset, before any of ours could take it
    peer.reset()


def fatal_alert(peer):
    peer.send_fatal_alert()
    peer.fin()


def bad_record(peer):
    peer.send_corrupted(b"tampered with")


def plaintext_close_notify(peer):
    """What somebody between could inject: it must not pass for an end."""
    peer.sock.sendall(b"\x15\x03\x03\x00\x02\x01\x00")


ENDINGS = {
    clean: dict(status=0, sending="closed", receiving="closed", error=None, alert_received=None, alert_sent=None),
    eof_at_a_record_boundary: dict(status=3, receiving="truncated", error_code="truncated", alert_sent=None),
    eof_inside_a_record: dict(status=3, receiving="truncated", error_code="truncated", alert_sent=None),
    eof_inside_the_close_notify: dict(status=3, receiving="truncated", error_code="truncated", alert_sent=None),
    reset: dict(status=4, receiving="reset", error_code="reset", os_error="ECONNRESET"),
    fatal_alert: dict(status=5, receiving="alerted", error_code="alerted",
                      alert_received={"level": 2, "number": 20, "name": "bad_record_mac"}, alert_sent=None),
    bad_record: dict(status=6, receiving="rejected", error_code="violation", alert_received=None,
                     alert_sent={"level": 2, "number": 20, "name": "bad_record_mac"}),
    plaintext_close_notify: dict(status=6, receiving="rejected", error_code="violation", alert_received=None),
}
EACH_ENDING = pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.__name__)


def judge(result, ending, **more):
    facts = {**ENDINGS[ending], **more}
    return expect(result, facts.pop("status"), **facts)


@EACH_ENDING
def test_an_ending_while_we_are_silent(serve, dial, version, ending):
    """Our input stays open: only the peer ends something."""
    def script(peer):
        peer.send(BEFORE)
        ending(peer)
        return peer.drain() if ending is not reset else None

    peer = serve(script, version)
    dialer = dial(peer.port, input=None)
    dialer.wait_out(len(BEFORE))
    if ending in (clean, eof_at_a_record_boundary, eof_inside_a_record, eof_inside_the_close_notify):
        time.sleep(0.2)  # the end is there before ours is
        say(dialer, b"")
    result = dialer.wait()
    assert result.out == BEFORE
    judge(result, ending, bytes_received=len(BEFORE), phase="heard", tls="TLSv" + version, first="peer")


@EACH_ENDING
def test_an_ending_after_our_half_close(serve, dial, version, ending):
    def script(peer):
        heard = None
        if ending is fatal_alert:
            time.sleep(0.3)  # our end lies in its kernel: an engine that has read it says no alert any more
        else:
            heard = peer.read_to_end()
        peer.send(BEFORE)
        ending(peer)
        return heard

    peer = serve(script, version)
    dialer = dial(peer.port, input=None)
    assert peer.ready.wait(PATIENCE)
    say(dialer, b"request")
    result = dialer.wait()
    assert peer.result() == (None if ending is fatal_alert else (b"request", "close_notify"))
    assert result.out == BEFORE
    facts = dict(bytes_received=len(BEFORE), bytes_taken=7, first="self", sending="closed")
    if ending in (bad_record, plaintext_close_notify):
        facts["alert_sent"] = None  # the engine has no word after close_notify
    judge(result, ending, **facts)


@EACH_ENDING
def test_an_ending_of_a_client_while_the_listener_is_silent(answer, tls, version, ending):
    listener = answer(input=None)
    peer = connect(listener.port, tls.client(version))
    peer.send(BEFORE)
    if ending is reset:
        listener.wait_out(len(BEFORE))
    ending(peer)
    listener.wait_out(len(BEFORE))
    if ending in (clean, eof_at_a_record_boundary, eof_inside_a_record, eof_inside_the_close_notify):
        time.sleep(0.2)
        say(listener, b"")
    if ending is not reset:
        peer.drain()
        peer.close()
    result = listener.wait()
    assert result.out == BEFORE
    judge(result, ending, bytes_received=len(BEFORE), first="peer", tls="TLSv" + version)


@pytest.mark.parametrize("ending", [eof_at_a_record_boundary, eof_inside_a_record])
def test_a_truncation_ends_the_wait_by_itself(serve, dial, version, ending):
    """until=peer: our input never ends, the peer's end is enough; ours is whole all the same."""
    def script(peer):
        peer.send(BEFORE)
        ending(peer)
        return peer.read_to_end()

    peer = serve(script, version)
    dialer = dial(peer.port, "--until=peer", input=None)
    result = dialer.wait()
    assert result.out == BEFORE
    judge(result, ending, sending="closed", first="peer")
    assert peer.result() == (b"", "close_notify")


def test_everything_before_a_reset_is_delivered_though_we_read_late(serve, dial, version):
    """One megabyte lies in our kernel, then the RST comes, then we are let go on."""
    data = random_bytes(1 << 20)

    def script(peer):
        peer.read(1)
        os.kill(dialer.pid, signal.SIGSTOP)
        peer.sock.settimeout(1.0)
        sent = bytearray()
        try:
            while len(sent) < len(data):  # as much as goes into the two kernels while nobody reads
                piece = data[len(sent):len(sent) + 16384]
                peer.sock.sendall(peer.seal(piece))
                sent += piece
        except TimeoutError:
            pass
        time.sleep(0.3)
        arrived = unread_at_the_other_side(peer.sock)
        peer.reset()
        time.sleep(0.2)
        os.kill(dialer.pid, signal.SIGCONT)
        return arrived

    peer = serve(script, version)
    dialer = dial(peer.port, input=None)
    type_in(dialer, b"!")
    result = dialer.wait()
    arrived = peer.result()
    expect(result, 4, receiving="reset", os_error="ECONNRESET")
    whole_records = (arrived // (16384 + 29) - 1) * 16384
    assert len(result.out) >= whole_records, f"{arrived} sealed bytes had arrived, {len(result.out)} were delivered"
    assert data.startswith(result.out)


def unread_at_the_other_side(sock):
    """Bytes that the other side's TCP acknowledged: its kernel has them."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    acknowledged = struct.unpack_from("Q", info, 120)[0]  # tcpi_bytes_acked
    return acknowledged - 6000  # the handshake, generously


def test_a_fatal_alert_explains_a_failed_send(serve, dial, version):
    """We push while the peer gives up: the alert is the explanation, not our EPIPE."""
    def script(peer):
        peer.read(100_000)
        peer.send_fatal_alert()
        peer.fin()
        time.sleep(0.1)
        return peer.drain()

    peer = serve(script, version)
    result = dial(peer.port, input=random_bytes(8 << 20)).wait()
    expect(result, 5, sending="failed", receiving="alerted", alert_received={"level": 2, "number": 20, "name": "bad_record_mac"},
           error_code="alerted")


def test_the_peer_sees_our_alert_about_its_bad_record(serve, dial, version):
    def script(peer):
        peer.send(BEFORE)
        peer.send_corrupted(b"tampered with")
        return peer.read_to_end(), peer.drain()

    peer = serve(script, version)
    dialer = dial(peer.port, input=None)
    result = dialer.wait()
    assert peer.result() == ((b"", "SSLV3_ALERT_BAD_RECORD_MAC"), "eof")
    assert result.out == BEFORE
    judge(result, bad_record, sending="aborted")


def test_the_peer_sees_our_alert_behind_what_we_had_sent(serve, dial, version):
    """What was sealed leaves, the alert last."""
    def script(peer):
        got = peer.read(1 << 20)
        peer.send_corrupted(b"tampered with")
        return got, peer.read_to_end()

    peer = serve(script, version)
    dialer = dial(peer.port, input=None)
    type_in(dialer, random_bytes(1 << 20))
    result = dialer.wait()
    got, (rest, ended) = peer.result()
    assert (got, rest, ended) == (random_bytes(1 << 20), b"", "SSLV3_ALERT_BAD_RECORD_MAC")
    judge(result, bad_record, sending="aborted", bytes_taken=1 << 20)


def test_close_notify_in_the_handshake_is_no_end(serve, dial, version):
    def script(peer):
        peer.sock.recv(5)
        peer.sock.sendall(b"\x15\x03\x03\x00\x02\x01\x00")
        peer.fin()
        return peer.drain()

    peer = serve(script, version, handshake=False)
    result = dial(peer.port, "--max", version, input=b"request").wait()
    expect(result, 5, receiving="alerted", error_code="closed_early", bytes_taken=0, phase="handshaking")


def test_an_end_in_the_handshake_is_truncation(serve, dial, version):
    peer = serve(lambda peer: (peer.sock.recv(5), peer.fin(), peer.drain()), version, handshake=False)
    result = dial(peer.port, "--max", version, input=b"request").wait()
    expect(result, 3, receiving="truncated", error_code="truncated", phase="none", tls=None, bytes_taken=0)


def test_a_reset_in_the_handshake_is_a_reset(serve, dial, version):
    def script(peer):
        peer.sock.recv(5)
        peer.reset()

    peer = serve(script, version, handshake=False)
    result = dial(peer.port, "--max", version, input=b"request").wait()
    expect(result, 4, receiving="reset", sending="failed", os_error="ECONNRESET", phase="none", bytes_taken=0)


def test_what_is_no_tls_is_told(serve, dial, version):
    def script(peer):
        peer.sock.recv(5)
        peer.sock.sendall(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")
        return peer.drain()

    peer = serve(script, version, handshake=False)
    result = dial(peer.port, "--max", version, input=b"request").wait()
    expect(result, 6, receiving="rejected", error_code="not_tls")


def test_plain_http_to_a_listener_is_told(answer, version):
    listener = answer("--max", version, input=b"")
    with socket.create_connection(("127.0.0.1", listener.port), 10) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        while client.recv(4096):
            pass  # our alert
    result = listener.wait()
    expect(result, 6, receiving="rejected", error_code="not_tls")


def test_a_refused_certificate_is_rejected_and_the_peer_hears_unknown_ca(serve, start, pki, version):
    def script(peer):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            peer.handshake()
            peer.read_to_end()
            raise ConnectionError
        return peer.ended, peer.drain()

    peer = serve(script, version, handshake=False)
    result = start("connect", f"127.0.0.1:{peer.port}", "--name", "localhost", input=b"secret").wait()
    expect(result, 6, sending="aborted", receiving="rejected", error_code="refused", alert_sent_name="unknown_ca",
           alert_sent_number=48, bytes_taken=0)
    assert peer.result() == ("TLSV1_ALERT_UNKNOWN_CA", "eof")
    assert b"secret" not in result.out


def test_an_alert_in_the_handshake_is_an_alert(answer, tls, version):
    """The client refuses the listener's certificate, which it does not know."""
    listener = answer("--max", version, input=b"secret")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    peer = connect(listener.port, context, handshake=False)
    with pytest.raises(ssl.SSLCertVerificationError):
        peer.handshake()
    peer.fin()
    result = listener.wait()
    peer.close()
    expect(result, 5, receiving="alerted", alert_received={"level": 2, "number": 48, "name": "unknown_ca"}, error_code="alerted")


def test_a_client_certificate_that_is_missed_is_an_alert(serve, dial, tls, pki, version):
    """TLS 1.3 refuses after the client's handshake is done: the alert comes at the first read."""
    def script(peer):
        with pytest.raises(ssl.SSLError):
            peer.handshake()
        peer.fin()
        return peer.drain()

    peer = serve(script, context=tls.server(version, client_ca=pki.ca), handshake=False)
    result = dial(peer.port, input=None).wait()
    if version == "1.3":
        expect(result, 5, receiving="alerted", phase="established",
               alert_received={"level": 2, "number": 116, "name": "certificate_required"}, error_code="alerted")
    else:
        expect(result, 5, receiving="alerted", phase="handshaking", alert_received_name="handshake_failure", alert_received_number=40)
    peer.result()


def test_the_alert_explains_it_though_we_push_meanwhile(serve, dial, tls, pki, version):
    def script(peer):
        with pytest.raises(ssl.SSLError):
            peer.handshake()
        peer.fin()
        time.sleep(0.1)
        return peer.drain()

    peer = serve(script, context=tls.server(version, client_ca=pki.ca), handshake=False)
    result = dial(peer.port, input=random_bytes(1 << 20)).wait()
    expect(result, 5, receiving="alerted", alert_received_number=116 if version == "1.3" else 40)


def test_the_last_line_says_what_happened_to_people(serve, dial, version):
    def script(peer):
        peer.send(BEFORE)
        peer.fin()
        return peer.drain()

    peer = serve(script, version)
    result = dial(peer.port, "--until=peer", input=b"").wait()
    expect(result, 3)
    words = result.err.lower()
    assert "close_notify" in words and "50000" in words.replace(",", "") and f"127.0.0.1:{peer.port}" in words, words
    assert fact(result, "error_text")


def test_after_says_what_the_transport_did_at_the_end(serve, dial, version):
    def ends_with_fin(peer):
        peer.read_to_end()
        return peer.goodbye()

    result = dial(serve(ends_with_fin, version).port, input=b"x").wait()
    orderly(result, after="eof")


def test_a_reset_after_both_ends_with_everything_acknowledged_is_no_loss(serve, dial, version):
    def script(peer):
        peer.read_to_end()
        peer.close_notify()
        wait_for(lambda: all_of_ours_is_acknowledged(peer.sock), "the acknowledgement")
        peer.reset()

    result = dial(serve(script, version).port, input=b"x").wait()
    expect(result, 0, sending="closed", receiving="closed", error=None, bytes_acknowledged=1)
    assert fact(result, "after") in ("reset", "eof", None)


def all_of_ours_is_acknowledged(sock):
    return struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)))[0] == 0
