# SPDX-License-Identifier: MIT
"""--proxy: the way to the target leads through CONNECT or SOCKS 5; the target stays the one that is verified, and errors say who failed."""
import base64
import contextlib
import pathlib
import re
import signal
import socket
import ssl

import pytest

from lib_command import free_port
from lib_claims import black_hole, dial, expect, listening_port, orderly, program, takes, tls  # noqa: F401  # pylint: disable=unused-import
from lib_plain import DIALOGUES, Say, one_line, plain, then_echo, then_leave, then_stay, unreached  # noqa: F401

HOST, PORT = "target.invalid", 4433  # nobody but a proxy could know it
CONNECT = f"CONNECT {HOST}:{PORT} HTTP/1.1\r\nHost: {HOST}:{PORT}\r\n".encode()
BASIC = b"Proxy-Authorization: Basic " + base64.b64encode(b"me:pass:w@rd") + b"\r\n"
ESTABLISHED = Say(b"HTTP/1.1 200 Connection established\r\nProxy-Agent: test\r\n\r\n")
HELLO, HELLO_USER = b"\x05\x01\x00", b"\x05\x02\x00\x02"
ASK = b"\x05\x01\x00\x03" + bytes([len(HOST)]) + HOST.encode() + PORT.to_bytes(2, "big")
BOUND = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x04\xd2"
USER = b"\x01\x02me" + bytes([len(b"pass:w@rd")]) + b"pass:w@rd"
SECRET = "me:pass%3aw%40rd@"

WAYS = {
    "http": [CONNECT + b"\r\n", ESTABLISHED],
    "http-user": [CONNECT + BASIC + b"\r\n", ESTABLISHED],
    "socks5": [HELLO, Say(b"\x05\x00"), ASK, Say(BOUND)],
    "socks5-user": [HELLO_USER, Say(b"\x05\x02"), USER, Say(b"\x01\x00"), ASK, Say(BOUND)],
}
ALL_WAYS = pytest.mark.parametrize("way", WAYS)


@pytest.fixture
def target(pki):
    return pki.issue(HOST)


@pytest.fixture
def through(start, plain, tls, pki, target):
    """through(way, script, ...) -> (Result, PeerServer): by a proxy that plays the script, which goes on as the target."""
    def do(way, script, *args, host=f"{HOST}:{PORT}", **kw):
        server = plain(script, context=tls.server(identity=target))
        kind, _, user = way.partition("-")
        proxy = f"{kind}://{SECRET if user else ''}127.0.0.1:{server.port}"
        result = start("connect", host, "--ca", pki.ca, "--proxy", proxy, *args, input=b"hello", **kw).wait()
        assert "w@rd" not in result.err + str(result.report) and "w%40rd" not in result.err + str(result.report)
        return result, server
    return do


@ALL_WAYS
@pytest.mark.parametrize("slowly", [False, True], ids=["at-once", "byte-by-byte"])
def test_the_target_is_verified_and_named_behind_the_proxy(through, way, slowly):
    result, server = through(way, then_echo(WAYS[way], slowly))
    orderly(result, verified="name", peer=f"{HOST}:{PORT}", bytes_acknowledged=5)
    assert result.out == b"HELLO" and result.err == "" and server.result() == (b"hello", "close_notify")


@ALL_WAYS
def test_the_proxys_certificate_is_not_the_targets(through, way, plain, tls, start, pki):
    def script(peer):
        with contextlib.suppress(ssl.SSLError):
            then_echo(WAYS[way])(peer)  # shows localhost's
    server = plain(script)
    kind, _, user = way.partition("-")
    result = start("connect", f"{HOST}:{PORT}", "--ca", pki.ca, f"--proxy={kind}://{SECRET if user else ''}localhost:{server.port}").wait()
    expect(result, 6)
    assert f"{HOST}:{PORT}: " in result.err and "not for target.invalid" in result.err


@ALL_WAYS
def test_bytes_behind_the_proxys_answer_are_refused(through, way):
    dialogue = list(WAYS[way])
    dialogue[-1] = Say(dialogue[-1] + b"\x16\x03\x03")
    result, server = through(way, then_stay(dialogue))
    unreached(result, rf"proxy 127\.0\.0\.1:{server.port}: 3 bytes came unprotected behind its go-ahead")


@ALL_WAYS
@pytest.mark.parametrize("protocol", ["smtp", "postgres", "xmpp"])
@pytest.mark.parametrize("together", [False, True], ids=["apart", "together"])
def test_starttls_goes_through_the_proxy(through, way, protocol, together):
    """The server's greeting may come in one piece with the proxy's answer."""
    inner = [part if isinstance(part, Say) else part.replace(b"'localhost'", f"'{HOST}'".encode()) for part in DIALOGUES[protocol]]
    dialogue = WAYS[way] + inner
    if together and isinstance(inner[0], Say):
        dialogue = WAYS[way][:-1] + [Say(WAYS[way][-1] + inner[0])] + inner[1:]
    result, _ = through(way, then_echo(dialogue), f"--starttls={protocol}")
    orderly(result, verified="name")
    assert result.out == b"HELLO"


def test_a_refusal_behind_the_proxy_is_the_targets(through):
    result, _ = through("http", then_stay(WAYS["http"] + [Say(b"554 no\r\n")]), "--starttls=smtp")
    unreached(result, rf'^adieu: {HOST}:{PORT}, --starttls=smtp: it does not want us: "554 no"$')


# ---------------------------------------------------------------- how the target is named to the proxy


@pytest.mark.parametrize("kind, host, first", [
    ("http", "[2001:db8::1]:443", b"CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n\r\n"),
    ("http", "192.0.2.1:https", b"CONNECT 192.0.2.1:443 HTTP/1.1\r\nHost: 192.0.2.1:443\r\n\r\n"),
])
def test_the_target_of_an_http_proxy(through, kind, host, first):
    result, server = through(kind, then_leave([first, Say(b"HTTP/1.0 403 Forbidden\r\n\r\n")]), host=host)
    server.result()
    unreached(result, r"it did not connect us: HTTP 403 Forbidden")


@pytest.mark.parametrize("host, address", [
    ("192.0.2.1:443", b"\x01" + socket.inet_aton("192.0.2.1")),
    ("[2001:db8::1]:443", b"\x04" + socket.inet_pton(socket.AF_INET6, "2001:db8::1")),
    ("a." * 120 + "test:https", b"\x03" + bytes([244]) + b"a." * 120 + b"test"),
])
def test_the_target_of_a_socks5_proxy(start, plain, host, address):
    server = plain(then_leave([HELLO, Say(b"\x05\x00"), b"\x05\x01\x00" + address + (443).to_bytes(2, "big"), Say(b"\x05\x02\x00\x01")]))
    result = start("connect", host, "--insecure", f"--proxy=socks5://127.0.0.1:{server.port}").wait()
    server.result()
    unreached(result, r"its rules do not allow it \(SOCKS5 reply 2\)")


@pytest.mark.parametrize("answer", [
    b"\x05\x00\x00\x03\x04test\x00\x50", b"\x05\x00\x00\x03\x00\x00\x50", b"\x05\x00\x00\x04" + bytes(18), b"\x05\x00\x00\x03\xff" + bytes(257)])
def test_from_wherever_a_socks5_proxy_connects(through, answer):
    result, _ = through("socks5", then_echo(WAYS["socks5"][:-1] + [Say(answer)]))
    orderly(result)


# ---------------------------------------------------------------- who failed, and why


HTTP_REFUSALS = [
    ("http", b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nnay", r"it did not connect us: HTTP 502 Bad Gateway$"),
    ("http", b"HTTP/1.1 503\r\n\r\n", r"it did not connect us: HTTP 503 $"),
    ("http", b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", r"wants a user and a password: --proxy http://USER:PASSWORD@HOST:PORT \(HTTP 407\)"),
    ("http-user", b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", r"does not accept this user and password \(HTTP 407\)"),
    ("http", b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", r"HTTP 302 Found"),
    ("http", b"SSH-2.0-OpenSSH\r\n", r'no answer of an HTTP proxy: "SSH-2\.0-OpenSSH"'),
    ("http", b"HTTP/2 200 OK\r\n\r\n", r'no answer of an HTTP proxy: "HTTP/2 200 OK"'),
    ("http", b"HTTP/1.1 2000 OK\r\n\r\n", r"no answer of an HTTP proxy"),
    ("http", b"\x05\x00\n", r"no answer of an HTTP proxy"),
    ("http", b"HTTP/1.1 2OK \r\n\r\n", r"no answer of an HTTP proxy"),
]


@pytest.mark.parametrize("way, answer, says", HTTP_REFUSALS, ids=range(len(HTTP_REFUSALS)))
def test_what_an_http_proxy_refuses_is_told_with_its_status(through, way, answer, says):
    result, server = through(way, then_stay([WAYS[way][0], Say(answer)]))
    unreached(result, rf"adieu: proxy 127\.0\.0\.1:{server.port}: .*{says}")


SOCKS_REFUSALS = [
    ("socks5", [HELLO, Say(b"\x05\xff")], r"wants to know who we are: --proxy socks5://USER:PASSWORD@HOST:PORT"),
    ("socks5-user", [HELLO_USER, Say(b"\x05\xff")], r"takes neither a user with a password nor nobody"),
    ("socks5", [HELLO, Say(b"\x05\x02")], r"chose a way to say who we are \(2\) that was not offered"),
    ("socks5-user", [HELLO_USER, Say(b"\x05\x01")], r"chose a way to say who we are \(1\) that was not offered"),
    ("socks5", [HELLO, Say(b"\x04\x00")], r"no answer of a SOCKS5 proxy: it begins with byte 4"),
    ("socks5", [HELLO, Say(b"HTTP/1.1 400")], r"no answer of a SOCKS5 proxy: it begins with byte 72"),
    ("socks5-user", [HELLO_USER, Say(b"\x05\x02"), USER, Say(b"\x01\x01")], r"does not accept this user and password"),
    ("socks5-user", [HELLO_USER, Say(b"\x05\x02"), USER, Say(b"\x05\x00")], r"no answer of a SOCKS5 proxy"),
    ("socks5", [HELLO, Say(b"\x05\x00"), ASK, Say(b"\x05\x01")], r"it failed in general \(SOCKS5 reply 1\)"),
    ("socks5", [HELLO, Say(b"\x05\x00"), ASK, Say(b"\x05\x04\x00\x01" + bytes(6))], r"cannot be reached, or has no address \(SOCKS5 reply 4\)"),
    ("socks5", [HELLO, Say(b"\x05\x00"), ASK, Say(b"\x05\x05\x00\x01" + bytes(6))], r"the target refused the connection \(SOCKS5 reply 5\)"),
    ("socks5", [HELLO, Say(b"\x05\x00"), ASK, Say(b"\x05\x63\x00\x01")], r"RFC 1928 does not know \(SOCKS5 reply 99\)"),
    ("socks5", [HELLO, Say(b"\x05\x00"), ASK, Say(b"\x05\x00\x00\x02\x00")], r"address of the unknown kind 2"),
]


@pytest.mark.parametrize("way, dialogue, says", SOCKS_REFUSALS, ids=range(len(SOCKS_REFUSALS)))
def test_what_a_socks5_proxy_refuses_is_told_in_words(through, way, dialogue, says):
    result, server = through(way, then_stay(dialogue))
    unreached(result, rf"adieu: proxy 127\.0\.0\.1:{server.port}: .*{says}")


@ALL_WAYS
def test_a_proxy_that_leaves_is_told(through, way):
    for keep in range(1, 4):
        dialogue = list(WAYS[way])
        dialogue[-1] = Say(dialogue[-1][:keep])
        result, server = through(way, then_leave(dialogue))
        unreached(result, rf"proxy 127\.0\.0\.1:{server.port}: it closed the connection while we waited for the proxy's answer \(\d+ bytes")


def test_a_proxy_that_resets_is_told(through):
    result, _ = through("http", then_leave([WAYS["http"][0], Say(b"HTTP/1.1")], reset=True))
    unreached(result, r"proxy .*: the connection failed while we waited for the proxy's answer: Connection reset by peer")
    assert result.report["os_error"] == "ECONNRESET"


@ALL_WAYS
def test_a_silent_proxy_is_8_at_the_connects_deadline(through, way):
    with takes(0.3, 5):
        result, server = through(way, then_stay(WAYS[way][:-1]), "--timeout-connect=0.3")
    expect(result, 8, error_code="deadline", phase=None)
    assert f"proxy 127.0.0.1:{server.port}: the proxy's answer did not come within 0.3 s (--timeout-connect)" in one_line(result)


def test_a_proxy_that_does_not_take_the_connection_is_8_and_named_so(run):
    with black_hole() as port:
        result = run("connect", f"{HOST}:{PORT}", "--insecure", f"--proxy=socks5://127.0.0.1:{port}", "--timeout-connect=0.3")
    expect(result, 8, error_code="deadline", phase=None)
    assert f"{HOST}:{PORT}: no connection to the proxy within 0.3 s (--timeout-connect)" in one_line(result)


def test_a_header_without_end_is_refused(through):
    def script(peer):
        peer.sock.recv(4096)
        peer.sock.sendall(b"HTTP/1.1 200 OK\r\n")
        for _ in range(10000):
            peer.sock.sendall(b"X-More: and more\r\n" * 10)
    result, _ = through("http", script)
    unreached(result, r"it says too much: \d+ bytes without the end of the proxy's answer")


def test_a_proxy_that_is_not_there_is_named_as_the_proxy(run):
    port = free_port()
    result = run("connect", f"{HOST}:{PORT}", "--insecure", f"--proxy=http://me:secret@127.0.0.1:{port}")
    unreached(result, rf"the proxy cannot be reached: .*127\.0\.0\.1:{port}: Connection refused; does anybody listen there\?")
    assert "secret" not in result.err and result.report["os_error"] == "ECONNREFUSED"
    assert result.report["peer"] == f"{HOST}:{PORT}"


def test_a_proxy_whose_name_is_unknown_is_named_as_the_proxy(run):
    result = run("connect", "127.0.0.1:1", "--insecure", "--proxy=socks5://no-such-proxy.invalid:1080")
    assert result.exit == 7 and re.search(r"the proxy cannot be reached: .*no-such-proxy\.invalid", one_line(result)), result


# ---------------------------------------------------------------- usage


@pytest.mark.parametrize("value, says", [
    ("proxy:3128", r"http://HOST:PORT or socks5://HOST:PORT is needed"),
    ("https://proxy:3128", r"http://HOST:PORT or socks5://HOST:PORT is needed"),
    ("socks5h://proxy:1080", r"is needed"),
    ("HTTP//proxy:1", r"is needed"),
    ("http://proxy", r"the port is missing"),
    ("http://proxy:0", r"the port must be"),
    ("http://:3128", r"the host is empty"),
    ("http://::1:3128", r"brackets"),
    ("http://proxy:3128/path", r"the port must be"),
    ("http://hush@proxy:3128", r"USER:PASSWORD"),
    ("http://hush%:p@proxy:3128", r"%XX"),
    ("http://hush%4:p@proxy:3128", r"%XX"),
    ("http://hush%00:p@proxy:3128", r"%XX"),
    ("http://u:hush%zz@proxy:3128", r"%XX"),
    ("http://u:" + "hush" * 64 + "@proxy:3128", r"at most 255 bytes"),
    ("http://hu%3ash:p@proxy:3128", r"colon"),
    ("socks5://hush:@proxy:1080", r"no empty user or password"),
    ("socks5://:hush@proxy:1080", r"no empty user or password"),
    ("http://u:hush@proxy", r"the port is missing"),
    ("http://" + "h" * 300 + ":1", r"too long"),
])
def test_a_proxy_that_cannot_be_is_a_usage_error_that_shows_no_secret(run, value, says):
    result = run("connect", "h:1", "--proxy", value)
    assert result.exit == 64 and re.search(rf"--proxy is no proxy: .*{says}", result.err), result
    assert "hush" not in result.err


@pytest.mark.parametrize("args, says", [
    (["--unix=/x", "--insecure"], r"--proxy leads to HOST:PORT"),
    (["a b:1"], r"no proxy can be asked for such a host"),
    (["a\r\nX: y:1"], r"IPv6 address in brackets|no proxy can be asked"),
    (["a\nb:1"], r"no proxy can be asked"),
    (["ä:1"], r"no proxy can be asked"),
    (["a/b:1"], r"no proxy can be asked"),
])
def test_what_does_not_go_with_a_proxy_is_a_usage_error(run, args, says):
    result = run("connect", *args, "--proxy=http://proxy:3128")
    assert result.exit == 64 and re.search(says, result.err), result


def test_listen_has_no_proxy(run):
    result = run("listen", "0", "--proxy=http://proxy:3128")
    assert result.exit == 64 and "an option of 'adieu connect'" in result.err


# ---------------------------------------------------------------- around it


def test_a_lone_slash_may_end_the_proxys_address(through, plain, tls, target, start, pki):
    server = plain(then_echo(WAYS["http"]), context=tls.server(identity=target))
    orderly(start("connect", f"{HOST}:{PORT}", "--ca", pki.ca, "--proxy", f"http://127.0.0.1:{server.port}/", input=b"x").wait())


def test_an_at_in_a_password_may_stay_as_it_is(start, plain, tls, target, pki):
    server = plain(then_echo(WAYS["http-user"]), context=tls.server(identity=target))
    orderly(start("connect", f"{HOST}:{PORT}", "--ca", pki.ca, "--proxy", f"http://me:pass:w@rd@127.0.0.1:{server.port}", input=b"x").wait())


def test_the_environment_names_no_proxy(run, listen):
    server = listen()
    nowhere = f"http://127.0.0.1:{free_port()}"
    result = run("connect", server.address, "--pin", server.pin, env={name: nowhere for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")})
    orderly(result)


def test_the_password_does_not_stay_in_the_list_of_processes(start, plain):
    server = plain(then_stay([WAYS["http-user"][0]]))
    command = start("connect", f"{HOST}:{PORT}", "--insecure", "-v", f"--proxy=http://{SECRET}127.0.0.1:{server.port}", report=False)
    command.wait_err("connected to the proxy")
    shown = pathlib.Path(f"/proc/{command.pid}/cmdline").read_bytes()
    assert b"--proxy=" in shown and b"w%40rd" not in shown and b"w@rd" not in shown


def test_verbose_tells_the_steps_and_no_secret(through):
    result, server = through("http-user", then_echo(WAYS["http-user"]), "-v")
    steps = [f"connected to the proxy 127.0.0.1:{server.port}", f"the proxy connects us to {HOST}:{PORT}", f"connected to {HOST}:{PORT}", "handshake done"]
    places = [result.err.index(step) for step in steps]
    assert places == sorted(places)


def test_a_signal_in_the_dialogue_ends_it(start, plain):
    server = plain(then_stay([WAYS["http"][0]]))
    command = start("connect", f"{HOST}:{PORT}", "--insecure", "-v", f"--proxy=http://127.0.0.1:{server.port}")
    command.wait_err("connected to the proxy")
    command.signal(signal.SIGTERM)
    result = command.wait()
    assert result.exit == -signal.SIGTERM and result.report["exit"] == 128 + signal.SIGTERM


# ---------------------------------------------------------------- real ones


@pytest.mark.parametrize("user", ["", "me:secret"], ids=["nobody", "user"])
def test_ncat_as_http_proxy(program, listen, run, user):
    server = listen(input=b"down")
    proxy = program("ncat", "-l", "127.0.0.1", "0", "--proxy-type", "http", *(["--proxy-auth", user] if user else []))
    port = listening_port(proxy)
    result = run("connect", server.address, "--pin", server.pin, "--proxy", f"http://{user + '@' if user else ''}127.0.0.1:{port}", input=b"up" * 50000)
    assert result.out == b"down" and result.exit == 0, result
    assert server.wait().out == b"up" * 50000


def test_ncat_refuses_a_wrong_password(program, run):
    port = listening_port(program("ncat", "-l", "127.0.0.1", "0", "--proxy-type", "http", "--proxy-auth", "me:secret"))
    result = run("connect", "127.0.0.1:1", "--insecure", "--proxy", f"http://me:wrong@127.0.0.1:{port}")
    unreached(result, r"does not accept this user and password \(HTTP 407\)")
