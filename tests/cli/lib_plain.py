# SPDX-License-Identifier: MIT
"""Servers that speak in plain text before TLS, from a script: the dialogues of --starttls and of proxies.

A dialogue is a list of what the server hears (bytes, exactly) and says (Say), in turn.
"""
import re
import socket
import time

import pytest

from lib_peer import PeerServer


class Say(bytes):
    """What the server says."""


EHLO = b"EHLO [127.0.0.1]\r\n"
LDAP_REQUEST = bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037"
LDAP_ANSWER = bytes.fromhex("300c02010178070a010004000400")
XMPP_OPEN = (b"<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client' "
             b"xmlns:stream='http://etherx.jabber.org/streams'>")
XMPP_NAMESPACE = b"xmlns='urn:ietf:params:xml:ns:xmpp-tls'"
SSL_REQUEST = bytes.fromhex("0000000804d2162f")

DIALOGUES = {
    "smtp": [Say(b"220-mail.test ESMTP\r\n220 at your service\r\n"), EHLO,
             Say(b"250-mail.test greets you\r\n250-SIZE 1000\r\n250-STARTTLS\r\n250 HELP\r\n"),
             b"STARTTLS\r\n", Say(b"220 2.0.0 go ahead\r\n")],
    "imap": [Say(b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n"), b"adieu1 STARTTLS\r\n",
             Say(b"* CAPABILITY IMAP4rev1\r\nadieu1 OK begin TLS now\r\n")],
    "pop3": [Say(b"+OK pop.test ready <1@pop.test>\r\n"), b"STLS\r\n", Say(b"+OK begin\r\n")],
    "ftp": [Say(b"220-Welcome\r\n  any text, and even\r\n230 a number\r\n220 ready\r\n"), b"AUTH TLS\r\n", Say(b"234 go\r\n")],
    "ldap": [LDAP_REQUEST, Say(LDAP_ANSWER)],
    "xmpp": [XMPP_OPEN,
             Say(b"<?xml version='1.0'?><stream:stream from='localhost' id='a>b' version='1.0' xmlns='jabber:client' "
                 b"xmlns:stream='http://etherx.jabber.org/streams'><stream:features><starttls " + XMPP_NAMESPACE
                 + b"><required/></starttls></stream:features>"),
             b"<starttls " + XMPP_NAMESPACE + b"/>", Say(b"<proceed " + XMPP_NAMESPACE + b"/>")],
    "postgres": [SSL_REQUEST, Say(b"S")],
}
PROTOCOLS = pytest.mark.parametrize("protocol", DIALOGUES)


def said_in(dialogue):
    return [part for part in dialogue if isinstance(part, Say)]


def up_to_reply(dialogue, index, reply):
    """The dialogue with the server's index-th reply replaced, and nothing behind it."""
    at = [i for i, part in enumerate(dialogue) if isinstance(part, Say)][index]
    return dialogue[:at] + [Say(reply)]


def hear(sock, wanted):
    heard = b""
    while len(heard) < len(wanted) and wanted.startswith(heard):
        data = sock.recv(len(wanted) - len(heard))
        if not data:
            break
        heard += data
    assert heard == wanted, f"heard {heard!r}, expected {wanted!r}"


def say(sock, words, slowly=False):
    if sock.family != socket.AF_UNIX:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not slowly:
        sock.sendall(words)
        return
    for i in range(len(words)):
        sock.sendall(words[i:i + 1])
        time.sleep(0.0005)  # the pace, so that the bytes arrive one by one


def lead(sock, dialogue, slowly=False):
    for part in dialogue:
        if isinstance(part, Say):
            say(sock, part, slowly)
        else:
            hear(sock, part)


def then_echo(dialogue, slowly=False):
    """A script for PeerServer (handshake=False): the dialogue, then TLS, in which the whole input is said back in capitals."""
    def script(peer):
        lead(peer.sock, dialogue, slowly)
        peer.handshake()
        data, ended = peer.read_to_end()
        peer.send(data.upper())
        peer.goodbye()
        return data, ended
    return script


def then_stay(dialogue, *more):
    """... and then nothing more is said; what the other side does is waited for."""
    def script(peer):
        lead(peer.sock, dialogue)
        for words in more:
            peer.sock.sendall(words)
        while peer.sock.recv(4096):
            pass
    return script


def then_leave(dialogue, reset=False):
    def script(peer):
        lead(peer.sock, dialogue)
        if reset:
            peer.reset()
    return script


@pytest.fixture
def plain(tls):
    """plain(script) -> a PeerServer that listens, and leaves the handshake to the script."""
    servers = []

    def do(script, context=None, **kw):
        server = PeerServer(script, context or tls.server(), handshake=False, **kw)
        servers.append(server.__enter__())
        return server

    yield do
    for server in servers:
        server.__exit__(None, None, None)


def one_line(result):
    """The one line on standard error."""
    lines = result.err.splitlines()
    assert len(lines) == 1 and result.out == b"", result
    return lines[0]


def unreached(result, pattern):
    """7, one line that says why, and no byte of the dialogue on standard output."""
    assert result.exit == 7, result
    assert re.search(pattern, one_line(result)), result
    assert result.report["exit"] == 7 and result.report["error"]["code"] == "connect" and result.report["phase"] is None
    return result
