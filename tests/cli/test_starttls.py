# SPDX-License-Identifier: MIT
"""--starttls: TLS begins exactly behind the server's agreement, and whatever else the server says is an error that shows it."""
import random
import re
import time

import pytest

from lib_command import free_port
from lib_claims import dial, expect, orderly, takes, tls  # noqa: F401  # pylint: disable=unused-import
from lib_plain import (DIALOGUES, EHLO, LDAP_REQUEST, PROTOCOLS, XMPP_NAMESPACE, Say, one_line, plain,  # noqa: F401
                       said_in, then_echo, then_leave, then_stay, unreached, up_to_reply)


@pytest.fixture
def ask(dial, plain):
    """ask(protocol, script, ...) -> (Result, PeerServer)"""
    def do(protocol, script, *args, **kw):
        server = plain(script)
        result = dial(server.port, f"--starttls={protocol}", *args, input=b"hello", **kw).wait()
        return result, server
    return do


@PROTOCOLS
def test_the_conversation_follows_the_dialogue_on_the_same_connection(ask, protocol):
    result, server = ask(protocol, then_echo(DIALOGUES[protocol]))
    orderly(result, verified="name", bytes_taken=5, bytes_acknowledged=5, bytes_received=5)
    assert result.out == b"HELLO" and result.err == ""
    assert server.result() == (b"hello", "close_notify")
    assert result.report["peer"] == f"127.0.0.1:{server.port}"


@PROTOCOLS
def test_replies_may_come_byte_by_byte(ask, protocol):
    result, server = ask(protocol, then_echo(DIALOGUES[protocol], slowly=True))
    orderly(result)
    assert result.out == b"HELLO" and server.result()[0] == b"hello"


@PROTOCOLS
@pytest.mark.parametrize("surplus", [b"\n", b"250 you are safe\r\n", bytes.fromhex("160303007a020000760303")], ids=["byte", "line", "tls"])
def test_bytes_behind_the_agreement_are_refused(ask, protocol, surplus):
    dialogue = list(DIALOGUES[protocol])
    dialogue[-1] = Say(dialogue[-1] + surplus)
    result, _ = ask(protocol, then_stay(dialogue))
    unreached(result, rf"127\.0\.0\.1:\d+, --starttls={protocol}: {len(surplus)} bytes came unprotected behind its go-ahead")


@pytest.mark.parametrize("late", [b"250 you are safe\r\n", b"\x15\x03\x03\x00\x02\x01\x00"], ids=["line", "close_notify"])
def test_bytes_that_come_later_are_never_taken_for_protected_ones(ask, late):
    def script(peer):
        for part in DIALOGUES["smtp"]:
            if isinstance(part, Say):
                peer.sock.sendall(part)
            else:
                peer.sock.recv(len(part))
        assert peer.sock.recv(1) == b"\x16"  # the hello: TLS has begun
        peer.sock.sendall(late)
        peer.drain()
    result, _ = ask("smtp", script)
    assert result.exit in (5, 6) and result.out == b"" and result.report["sending"] != "closed", result


# ---------------------------------------------------------------- refusals


def ldap_answer(code, diagnostic=b"", message=1):
    body = bytes([0x0a, 1, code]) + b"\x04\x00\x04" + bytes([len(diagnostic)]) + diagnostic
    inner = bytes([2, 1, message, 0x78, len(body)]) + body
    return bytes([0x30, len(inner)]) + inner


REFUSALS = [
    ("smtp", 0, b"554 5.7.1 go away\r\n", r'it does not want us: "554 5\.7\.1 go away"'),
    ("smtp", 0, b"SSH-2.0-OpenSSH_9.2\r\n", r'no reply of this protocol: "SSH-2\.0-OpenSSH_9\.2"'),
    ("smtp", 0, b"220-a\r\n221 b\r\n", r'no reply of this protocol: "221 b"'),
    ("smtp", 1, b"502 5.5.1 what?\r\n", r'it refused EHLO: "502 5\.5\.1 what\?"'),
    ("smtp", 1, b"250-mail.test\r\n250-XSTARTTLS\r\n250-STARTTLSX\r\n250 SIZE\r\n", r"does not offer STARTTLS"),
    ("smtp", 2, b"454 4.7.0 TLS not available\r\n", r'it refused STARTTLS: "454 4\.7\.0 TLS not available"'),
    ("smtp", 2, b"250 OK\r\n", r'it refused STARTTLS: "250 OK"'),
    ("imap", 0, b"* BYE too many\r\n", r'it does not want us: "\* BYE too many"'),
    ("imap", 0, b"* PREAUTH welcome back\r\n", r'logged in without TLS.*: "\* PREAUTH welcome back"'),
    ("imap", 0, b"* OKAY\r\n", r"it does not want us"),
    ("imap", 1, b"* OK wait\r\nadieu1 NO not now\r\n", r'it refused STARTTLS: "adieu1 NO not now"'),
    ("imap", 1, b"adieu1 BAD what\r\n", r'it refused STARTTLS: "adieu1 BAD what"'),
    ("imap", 1, b"* BYE\r\n", r'it refused STARTTLS: "\* BYE"'),
    ("imap", 1, b"other1 OK\r\n", r'it refused STARTTLS: "other1 OK"'),
    ("pop3", 0, b"-ERR busy\r\n", r'it does not want us: "-ERR busy"'),
    ("pop3", 1, b"-ERR unknown command\r\n", r'it refused STLS: "-ERR unknown command"'),
    ("pop3", 1, b"+OKAY\r\n", r"it refused STLS"),
    ("ftp", 0, b"421 too many users\r\n", r'it does not want us: "421 too many users"'),
    ("ftp", 0, b"hello\r\n", r'no reply of this protocol: "hello"'),
    ("ftp", 1, b"502 not implemented\r\n", r'it refused AUTH TLS: "502 not implemented"'),
    ("ftp", 1, b"334 more\r\n", r"it refused AUTH TLS"),
    ("ldap", 0, ldap_answer(2, b"unsupported extended operation"), r'refused StartTLS: LDAP result 2 \(protocolError.*\), "unsupported extended operation"'),
    ("ldap", 0, ldap_answer(1), r"refused StartTLS: LDAP result 1$"),
    ("ldap", 0, ldap_answer(52, b"bye", message=0), r'disconnects us: LDAP result 52 \(unavailable\), "bye"'),
    ("ldap", 0, ldap_answer(0, message=0), r"disconnects us: LDAP result 0"),
    ("ldap", 0, ldap_answer(0, message=2), r"no answer to the LDAP operation"),
    ("ldap", 0, b"\x30\x80", r"no answer to the LDAP operation"),
    ("ldap", 0, b"HT", r"no answer to the LDAP operation"),
    ("ldap", 0, b"\x30\x84\x7f\xff\xff\xff", r"its answer to StartTLS has an impossible length"),
    ("ldap", 0, b"\x30\x00", r"its answer to StartTLS has an impossible length"),
    ("ldap", 0, b"\x30\x05\x02\x01\x01\x78\x7f", r"no answer to the LDAP operation"),
    ("ldap", 0, bytes.fromhex("300d 020101 7808 0a0102 0400 047f 78"), r"no answer to the LDAP operation"),
    ("ldap", 0, bytes.fromhex("3007 020101 0a0100 00"), r"no answer to the LDAP operation"),
    ("xmpp", 0, b"<stream:stream><stream:error><host-unknown xmlns='urn:x'/></stream:error>", r"ended the XMPP stream: <host-unknown"),
    ("xmpp", 0, b"<stream:stream><stream:features><bind/></stream:features>", r"does not offer starttls"),
    ("xmpp", 0, b"<stream:stream><stream:features/>", r"does not offer starttls"),
    ("xmpp", 0, b"<stream:stream></stream:stream>", r"ended the XMPP stream: </stream:stream>"),
    ("xmpp", 0, b"HTTP/1.1 400 Bad > Request", r"no XMPP"),
    ("xmpp", 1, b"<failure " + XMPP_NAMESPACE + b"/>", r"it refused starttls: <failure xmlns="),
    ("xmpp", 1, b"<proceed xmlns='urn:other'/>", r"it refused starttls: <proceed xmlns='urn:other'"),
    ("postgres", 0, b"N", r"does not do TLS: its answer to SSLRequest is N"),
    ("postgres", 0, b"E", r"neither S nor N, but byte 69"),
]


@pytest.mark.parametrize("protocol, reply, words, says", REFUSALS, ids=[f"{r[0]}-{i}" for i, r in enumerate(REFUSALS)])
def test_a_refusal_is_7_and_shows_what_the_server_said(ask, protocol, reply, words, says):
    result, _ = ask(protocol, then_stay(up_to_reply(DIALOGUES[protocol], reply, words)))
    unreached(result, rf"127\.0\.0\.1:\d+, --starttls={protocol}: .*{says}")
    assert re.search(says, result.report["error"]["text"])


def test_what_the_server_said_does_not_steer_the_terminal(ask):
    result, _ = ask("smtp", then_stay([Say(b"554 \x1b[2J\x07\xff" + b"x" * 300 + b"\r\n")]))
    unreached(result, r'it does not want us: "554 \?\[2J\?\?x+"$')
    assert len(one_line(result)) < 250


@pytest.mark.parametrize("protocol, dialogue", [
    ("ldap", [LDAP_REQUEST, Say(bytes.fromhex("30820014 020101 78820007 0a0100 0400 0400 a3840000 0000"))]),
    ("ldap", [LDAP_REQUEST, Say(bytes.fromhex("3024 020101 781f 0a0100 0400 0400 8a16") + b"1.3.6.1.4.1.1466.20037")]),
    ("xmpp", DIALOGUES["xmpp"][:-1] + [Say(b"<proceed " + XMPP_NAMESPACE + b"></proceed>")]),
    ("ftp", [Say(b"120 in 3 minutes\r\n"), Say(b"220 now\r\n"), b"AUTH TLS\r\n", Say(b"234-so\r\n234 be it\r\n")]),
    ("smtp", [Say(b"220 x\n"), EHLO, Say(b"250-x\n250 starttls\n"), b"STARTTLS\r\n", Say(b"220\n")]),
    ("imap", [Say(b"* ok hi\r\n"), b"adieu1 STARTTLS\r\n", Say(b"* 5 EXISTS\r\nADIEU1 ok\r\n")]),
], ids=["ldap-long-lengths", "ldap-name", "xmpp-two-tags", "ftp-120", "smtp-bare", "imap-case"])
def test_other_forms_of_agreement(ask, protocol, dialogue):
    result, _ = ask(protocol, then_echo(dialogue))
    orderly(result)
    assert result.out == b"HELLO"


# ---------------------------------------------------------------- cut, reset, silent, endless


def places_to_cut(dialogue):
    """(index of the reply, bytes of it that come): about its ends and its middle."""
    for index, reply in enumerate(said_in(dialogue)):
        for count in sorted({0, 1, len(reply) // 2, len(reply) - 1}):
            if count < len(reply):
                yield index, count


@PROTOCOLS
def test_a_dialogue_that_is_cut_was_never_a_connection(ask, protocol):
    for index, count in places_to_cut(DIALOGUES[protocol]):
        reply = said_in(DIALOGUES[protocol])[index]
        result, _ = ask(protocol, then_leave(up_to_reply(DIALOGUES[protocol], index, reply[:count])))
        unreached(result, r"it closed the connection while we waited for its .* \(\d+ bytes of it had come\)")


@PROTOCOLS
def test_a_cut_behind_the_agreement_is_the_handshakes(ask, protocol):
    result, _ = ask(protocol, then_leave(DIALOGUES[protocol]))
    expect(result, 3, phase="none", receiving="truncated")


def test_a_reset_in_the_dialogue_is_told_with_its_errno(ask):
    result, _ = ask("smtp", then_leave(up_to_reply(DIALOGUES["smtp"], 1, b"250-mail"), reset=True))
    unreached(result, r"failed while we waited for its answer to EHLO: Connection reset by peer")
    assert result.report["os_error"] == "ECONNRESET"


@PROTOCOLS
def test_a_silent_server_is_8_at_the_connects_deadline(ask, protocol):
    last = said_in(DIALOGUES[protocol])[-1]
    dialogue = list(DIALOGUES[protocol])
    dialogue[-1] = Say(last[:-1])
    with takes(0.3, 5):
        result, _ = ask(protocol, then_stay(dialogue), "--timeout-connect=0.3")
    expect(result, 8, phase=None, error_code="deadline")
    assert re.search(rf"--starttls={protocol}: its answer to \w+( \w+)? did not come within 0\.3 s \(--timeout-connect\)", one_line(result)), result


def test_the_deadline_is_one_for_the_whole_dialogue(ask):
    def script(peer):
        for letter in b"220-" + b"x" * 200:
            peer.sock.sendall(bytes([letter]))
            time.sleep(0.05)
    with takes(0.4, 5):
        result, _ = ask("smtp", script, "--timeout-connect=0.4")
    expect(result, 8, error_code="deadline")


@pytest.mark.parametrize("protocol, begin, more", [
    ("smtp", b"", b"x" * 1000), ("smtp", b"", b"220-again\r\n" * 100),
    ("ftp", b"220-a\r\n", b"b\r\n" * 1000),
    ("imap", b"* OK\r\n", b"* more\r\n" * 100), ("xmpp", b"", b"<a b='" + b">" * 1000),
], ids=["line", "lines", "text", "untagged", "tag"])
def test_a_server_that_never_stops_talking_is_stopped(ask, protocol, begin, more):
    def script(peer):
        peer.sock.sendall(begin)
        for _ in range(1000):
            peer.sock.sendall(more)
    result, _ = ask(protocol, script)
    unreached(result, r"it says too much: \d+ bytes")


@PROTOCOLS
def test_noise_is_refused_and_nothing_worse(ask, protocol):
    noise = random.Random(protocol)
    for _ in range(6):
        reply = random.Random(noise.random()).randbytes(noise.randrange(1, 200)) + b"\r\n>" * 3
        result, _ = ask(protocol, then_leave([Say(reply)]))
        assert result.exit in (3, 6, 7), result
        assert result.out == b"" and len(result.err.splitlines()) == 1


# ---------------------------------------------------------------- around it


def test_the_name_to_verify_is_asked_for_in_xmpp(ask, start, plain, pki):
    dialogue = [part.replace(b"to='localhost'", b"to='chat.test'") if not isinstance(part, Say) else part for part in DIALOGUES["xmpp"]]
    server = plain(then_echo(dialogue))
    result = start("connect", f"127.0.0.1:{server.port}", "--insecure", "--name=chat.test", "--starttls=xmpp", input=b"x").wait()
    orderly(result)


def test_an_ipv6_address_is_named_in_ehlo(start, plain, pki):
    dialogue = [part if isinstance(part, Say) else part.replace(b"[127.0.0.1]", b"[IPv6:::1]") for part in DIALOGUES["smtp"]]
    try:
        server = plain(then_echo(dialogue), host="::1")
    except OSError:
        pytest.skip("there is no IPv6")
    orderly(start("connect", f"[::1]:{server.port}", "--ca", pki.ca, "--starttls=smtp", input=b"x").wait())


def test_a_unix_socket_can_be_asked_too(start, plain, pki, tmp_path):
    dialogue = [part if isinstance(part, Say) else part.replace(b"[127.0.0.1]", b"localhost") for part in DIALOGUES["smtp"]]
    plain(then_echo(dialogue), path=str(tmp_path / "s"))
    result = start("connect", "--unix", tmp_path / "s", "--ca", pki.ca, "--name=localhost", "--starttls=smtp", input=b"x").wait()
    orderly(result)


def test_verbose_tells_the_steps(ask):
    result, _ = ask("pop3", then_echo(DIALOGUES["pop3"]), "-v")
    assert result.err.index("begins TLS, as --starttls=pop3 asks") < result.err.index("connected to 127.0.0.1")


def test_a_server_that_speaks_tls_at_once_is_no_smtp_server(dial, serve_tls_first):
    result = dial(serve_tls_first, "--starttls=smtp", "--timeout-connect=0.3").wait()
    expect(result, 8, error_code="deadline")


@pytest.fixture
def serve_tls_first(plain):
    return plain(then_stay([])).port


def test_nobody_there_is_told_as_ever(run):
    port = free_port()
    result = run("connect", f"127.0.0.1:{port}", "--insecure", "--starttls=smtp")
    assert result.exit == 7 and "Connection refused; does anybody listen there?" in result.err


def test_an_unknown_protocol_is_a_usage_error(run):
    result = run("connect", "h:1", "--starttls=gopher")
    assert result.exit == 64 and "smtp|imap|pop3|ftp|ldap|xmpp|postgres" in result.err


def test_xmpp_behind_a_unix_socket_needs_a_name(run):
    result = run("connect", "--unix=/x", "--insecure", "--starttls=xmpp")
    assert result.exit == 64 and "--name" in result.err
