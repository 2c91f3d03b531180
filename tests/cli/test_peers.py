# SPDX-License-Identifier: MIT
"""Other people's programs: data both ways and an orderly end, TLS 1.2 and 1.3, as connect and as listen.

Each server gives everything back; each client sends its standard input and prints what it gets. test_half_close.py says
which of them can go on after one side has ended; here the data goes first, then an end.
"""
import contextlib
import os
import subprocess
import sys
import threading

import pytest

from lib_command import free_port, random_bytes, wait_port
from lib_claims import BOTH_VERSIONS, PEERS, expect, listening_port, orderly, say, type_in
from lib_claims import answer, dial, program, serve, tls  # noqa: F401  # fixtures

DATA = random_bytes(200_000)
REQUEST = DATA[:50_000]
LINE = b"a line of text, for gnutls-serv echoes no other: " + b"0123456789" * 50 + b"\n"

pytestmark = BOTH_VERSIONS


def underscored(version):
    return version.replace(".", "_")


def loop_back(process):
    """Feeds a program's standard output to its standard input, which makes an echo of openssl s_server."""
    def pump():
        with contextlib.suppress(OSError, ValueError):
            while data := os.read(process.stdout.fileno(), 65536):
                type_in(process, data)
    threading.Thread(target=pump, daemon=True).start()


# ---------------------------------------------------------------- servers: (port, what to send)


def openssl_server(program, pki, version):
    server = program("openssl", "s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-quiet", "-tls" + underscored(version),
                     "-cert", pki.server.cert, "-key", pki.server.key, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    loop_back(server)
    return listening_port(server), DATA


def gnutls_server(program, pki, version):
    port = free_port()
    program("gnutls-serv", "--echo", "-p", port, "--priority", "NORMAL:-VERS-ALL:+VERS-TLS" + version,
            "--x509certfile", pki.server.cert, "--x509keyfile", pki.server.key)
    wait_port(port)
    return port, LINE


def socat_server(program, pki, version):
    options = f"cert={pki.server.cert},key={pki.server.key},verify=0,openssl-max-proto-version=TLS{version}"
    return listening_port(program("socat", f"OPENSSL-LISTEN:0,bind=127.0.0.1,{options}", "EXEC:cat")), DATA


def ncat_server(program, pki, version):
    port = free_port()
    server = program("ncat", "-l", "127.0.0.1", port, "--ssl", "--ssl-cert", pki.server.cert, "--ssl-key", pki.server.key,
                     "-e", "/bin/cat")
    return listening_port(server), REQUEST  # with 200,000 bytes and TLS 1.3 ncat forgets some until more comes


def node_server(program, pki, version):
    return listening_port(program("node", PEERS / "echo.js", pki.server.cert, pki.server.key, version)), DATA


def python_server(program, pki, version):
    return listening_port(program(sys.executable, PEERS / "echo.py", pki.server.cert, pki.server.key, version)), DATA


SERVERS = [openssl_server, gnutls_server, socat_server, ncat_server, node_server, python_server]


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_gives_all_back_and_ends_in_order(program, dial, pki, version, server):
    port, data = server(program, pki, version)
    dialer = dial(port, "--max", version, input=None)
    type_in(dialer, data)
    dialer.wait_out(len(data), timeout=30)
    say(dialer, b"")
    result = dialer.wait(30)
    assert result.out == data
    orderly(result, tls="TLSv" + version, verified="name", first="self", bytes_taken=len(data), bytes_received=len(data))


# ---------------------------------------------------------------- clients: their command line


def openssl_client(pki, version, port):
    return ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-quiet", "-verify_quiet", "-verify_return_error", "-CAfile",
            pki.ca, "-tls" + underscored(version)]


def gnutls_client(pki, version, port):
    return ["gnutls-cli", "--logfile=/dev/null", "--x509cafile", pki.ca, "--priority", "NORMAL:-VERS-ALL:+VERS-TLS" + version,
            "-p", port, "127.0.0.1"]


def socat_client(pki, version, port):
    return ["socat", "-t", "20", "-", f"OPENSSL:127.0.0.1:{port},cafile={pki.ca},openssl-max-proto-version=TLS{version}"]


def ncat_client(pki, version, port):
    return ["ncat", "-4", "localhost", port, "--ssl", "--ssl-verify", "--ssl-trustfile", pki.ca]


def node_client(pki, version, port):
    return ["node", PEERS / "half_open.js", "client", port, pki.ca, version, "/dev/stdin"]


def python_client(pki, version, port):
    return [sys.executable, PEERS / "ask.py", port, pki.ca, version]


CLIENTS = [openssl_client, gnutls_client, socat_client, ncat_client, node_client, python_client]


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_and_a_listener_exchange_all(program, answer, pki, version, client):
    """The client says all, then the listener says all and ends. For openssl s_client and an SSLSocket an end of input would
    be the end of everything, so theirs is held back; gnutls-cli and ncat would end in disorder without theirs. ncat never
    says close_notify as a client: what listen then reports is the truth."""
    listener = answer("--max", version, input=None)
    reader, writer = os.pipe()
    peer = program(*client(pki, version, listener.port), stdin=reader)
    os.close(reader)
    os.write(writer, REQUEST)
    held = client in (openssl_client, python_client)
    if not held:
        os.close(writer)
    try:
        listener.wait_out(len(REQUEST), timeout=30)
        say(listener, DATA)
        result = listener.wait(30)
        assert peer.wait(20) == 0, peer.err_path.read_text()
    finally:
        if held:
            os.close(writer)
    assert result.out == REQUEST
    assert peer.out_path.read_bytes() == DATA
    if client is ncat_client:
        expect(result, 3, receiving="truncated", sending="closed", bytes_acknowledged=len(DATA))
    else:
        orderly(result, tls="TLSv" + version, bytes_acknowledged=len(DATA))


# ---------------------------------------------------------------- HTTP, played from standard input

PAGE = random_bytes(300_000)
BOUNDED = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(PAGE) + PAGE
UNBOUNDED = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + PAGE


def curl(program, pki, version, port):
    return program("curl", "-sS", "-4", "--noproxy", "*", "--cacert", pki.ca, "--tlsv" + version, "--tls-max", version,
                   f"https://localhost:{port}/")


def test_curl_gets_a_page_that_ends_with_our_end(program, answer, pki, version):
    listener = answer(input=UNBOUNDED)
    peer = curl(program, pki, version, listener.port)
    assert peer.wait(30) == 0, peer.err_path.read_text()
    assert peer.out_path.read_bytes() == PAGE
    result = listener.wait()
    assert result.out.startswith(b"GET / HTTP/1.1\r\n")
    orderly(result, tls="TLSv" + version)


def test_curl_gets_a_page_that_knows_its_length(program, answer, pki, version):
    """curl leaves as soon as it has the page, perhaps before our end: whatever that looks like, all was acknowledged."""
    listener = answer(input=BOUNDED)
    peer = curl(program, pki, version, listener.port)
    assert peer.wait(30) == 0, peer.err_path.read_text()
    assert peer.out_path.read_bytes() == PAGE
    result = listener.wait()
    assert result.exit in (0, 4), result
    expect(result, result.exit, receiving="closed", bytes_acknowledged=len(BOUNDED))


def test_a_page_that_a_listener_cuts_is_told_by_connect(program, answer, dial, version):
    """curl 7.88 takes what ends with a cut for the whole page, status 0. connect does not."""
    listener = answer("--max", version, "--end=cut", input=UNBOUNDED)
    result = dial(listener.port, input=b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n").wait()
    assert result.out == UNBOUNDED
    expect(result, 3, receiving="truncated", bytes_received=len(UNBOUNDED))
    assert listener.wait().exit == 1
