# SPDX-License-Identifier: MIT
"""examples.py ADIEU FOLDER: the examples, as they were built, do what they say."""
import concurrent.futures
import contextlib
import os
import pathlib
import resource
import socket
import ssl
import subprocess
import sys
import tempfile
import threading

import tap
from peer import BOUND, listener, run

ADIEU, EXAMPLES = (pathlib.Path(arg).resolve() for arg in sys.argv[1:3])
# More than a pipe or a socket holds at once would need a reader beside it: see tests/cli for that.
REQUEST, REPLY = b"a request\n" * 3000, b"a reply\n" * 3000


@contextlib.contextmanager
def localhost():
    """--cert and --key for `adieu listen`, and the root to trust."""
    with tempfile.TemporaryDirectory() as folder:
        cert, key = f"{folder}/cert.pem", f"{folder}/key.pem"
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-out", cert, "-keyout", key)
        yield ["--cert", cert, "--key", key], cert


def the_client_sends_its_request_and_hears_the_whole_reply():
    with localhost() as (identity, root), listener(ADIEU, REPLY, *identity) as server:
        done = run(EXAMPLES / "client", "127.0.0.1", server.port, input=REQUEST, env={**os.environ, "SSL_CERT_FILE": root})
        assert done.stdout == REPLY, f"{len(done.stdout)} bytes of {len(REPLY)}: {done.stderr}"
        assert server.took() == REQUEST and server.status() == 0


def an_adopted_context_makes_verified_streams():
    with localhost() as (identity, root), listener(ADIEU, b"", *identity) as server:
        done = run(EXAMPLES / "adopt", "127.0.0.1", server.port, root)
        assert b"TLS_" in done.stdout, done.stdout
        assert server.status() == 0


def two_streams_joined_in_memory_say_goodbye():
    done = run(EXAMPLES / "memory_pair")
    assert b"How do you do?\nWell. Goodbye.\n" in done.stdout and done.stdout.count(b"(exit status 0)") == 2, done.stdout


@contextlib.contextmanager
def introduced(name, *words):
    """An example that is a server, with its port and its pin."""
    server = subprocess.Popen([built(name), *words], stdout=subprocess.PIPE)
    watchdog = threading.Timer(BOUND, server.kill)
    watchdog.start()
    try:
        port, pin = (server.stdout.readline().decode().split()[1] for _ in range(2))
        yield server, port, pin
    finally:
        watchdog.cancel()
        server.kill()
        server.communicate()


def built(name):
    """The examples on libuv are built where it is."""
    if name.startswith(("uv_", "port_")) and not (EXAMPLES / name).exists():
        raise tap.Skip("not built: no libuv")
    return EXAMPLES / name


def echoes_many_at_once_and_leaves(name, where):
    said = [bytes([number]) * 500_000 for number in range(5)]
    with introduced(name, where, str(len(said))) as (server, port, pin):
        with concurrent.futures.ThreadPoolExecutor(len(said)) as pool:
            heard = pool.map(lambda text: run(ADIEU, "connect", f"127.0.0.1:{port}", "--pin", pin, input=text).stdout, said)
            assert list(heard) == said
        assert server.wait(BOUND) == 0


def an_epoll_server_echoes_many_at_once_and_leaves():
    echoes_many_at_once_and_leaves("epoll_echo", "127.0.0.1:0")


def an_epoll_server_on_the_core_alone_echoes_many_at_once_and_leaves():
    echoes_many_at_once_and_leaves("epoll_core", "0")


def a_libuv_server_echoes_many_at_once_and_leaves():
    echoes_many_at_once_and_leaves("uv_echo_server", "0")


def the_libuv_client_gets_back_what_it_says():
    with introduced("uv_echo_server", "0", "2") as (server, port, pin):
        for size in ("3000000", "0"):
            done = run(built("uv_echo_client"), "127.0.0.1", port, pin, size)
            assert done.stdout.decode() == f"{size} of {size} bytes came back\n", done.stdout
        assert server.wait(BOUND) == 0


def a_libuv_client_asks_half_closes_and_hears_the_whole_reply():
    """The server says nothing before it has heard the request to its end."""
    with listener(ADIEU, b"", "--exec", "sed s/request/reply/; head -c 1000000 /dev/zero") as server:
        pin = server.said(rb"--pin (\w{64})$")
        done = run(built("uv_half_close"), "127.0.0.1", server.port, pin, "a request")
        assert done.stdout == b"a reply" + bytes(1_000_000), f"{len(done.stdout)} bytes: {done.stdout[:20]} {done.stderr}"
        assert server.status() == 0


def a_libuv_client_says_that_a_reply_was_cut():
    program = built("uv_half_close")
    with listener(ADIEU, REPLY, "--end=cut", "--end-after=1000") as server:
        pin = server.said(rb"--pin (\w{64})$")
        done = subprocess.run([program, "127.0.0.1", server.port, pin, "a request"], capture_output=True, timeout=BOUND)
        assert done.returncode == 3 and done.stdout == REPLY[:1000], (done.returncode, len(done.stdout), done.stderr)


def a_drained_server_tells_how_its_thousand_connections_ended():
    """900 answer its goodbye, 50 stop without a word, 50 say nothing at all."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 1200:
        raise tap.Skip(f"only {hard} descriptors are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1200), hard))
    with introduced("uv_drain", "0") as (server, port, _), contextlib.ExitStack() as stack:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        peers = [stack.enter_context(context.wrap_socket(socket.create_connection(("127.0.0.1", int(port)), BOUND)))
                 for _ in range(1000)]
        server.terminate()
        for peer in peers[100:]:
            stack.enter_context(peer.unwrap())
        for peer in peers[:50]:
            peer.shutdown(socket.SHUT_WR)  # FIN without close_notify
        told = set(server.stdout.read().decode().splitlines())
        assert told == {"sending closed, receiving closed: 900", "sending closed, receiving truncated: 50",
                        "sending closed, receiving abandoned: 50"}, told
        assert server.wait(BOUND) == 0


def tls_goes_up_and_down_and_up_again_on_one_socket():
    lines = run(EXAMPLES / "starttls").stdout.decode().splitlines()
    for side, heard in {"server": ["plaintext: STARTTLS", "TLS: one secret", "plaintext: STARTTLS", "TLS: another secret"],
                        "client": ["TLS: an answer", "plaintext: that was the first time", "TLS: another answer",
                                   "plaintext: goodbye"]}.items():
        assert [line for line in lines if line.startswith(side)] == [f"{side} hears in {text}" for text in heard], lines


def tls_runs_over_a_pair_of_pipes():
    done = run(EXAMPLES / "pipes", "How do you do?")
    assert done.stdout == b"HOW DO YOU DO?\n" and done.stderr.count(b"receiving closed (14 bytes)") == 2, done


def tls_runs_in_tls():
    lines = run(EXAMPLES / "tls_in_tls").stdout.decode().splitlines()
    assert lines[:2] == ["Through the tunnel.", "And back."], lines
    assert len(lines) == 4 and all(line.endswith("(exit status 0)") for line in lines[2:]), lines


def the_shutdown_of_the_dotnet_proposal_does_what_its_author_wrote():
    lines = run(built("port_shutdown_async")).stdout.decode().splitlines()
    assert lines[:4] == ["server has shut down: 0", "client reads EOF", "client has shut down: 0", "server reads EOF"], lines
    assert sorted(lines[4:]) == [f"{side}: sending closed (0 of 0 bytes sent), receiving closed (0 bytes)"
                                 for side in ("client", "server")], lines


def the_closes_of_the_asio_question_do_what_its_author_wanted():
    for way, heard in {"cancel": "A: closed, and B's end has come, too",
                       "farewell": "A: close_notify has left, and A forgets the handle"}.items():
        lines = run(built("port_asio_close"), way).stdout.decode().splitlines()
        assert heard in lines and "B: closed, and nothing is missing" in lines, lines


tap.run(
    the_client_sends_its_request_and_hears_the_whole_reply,
    an_adopted_context_makes_verified_streams,
    two_streams_joined_in_memory_say_goodbye,
    an_epoll_server_echoes_many_at_once_and_leaves,
    an_epoll_server_on_the_core_alone_echoes_many_at_once_and_leaves,
    a_libuv_server_echoes_many_at_once_and_leaves,
    the_libuv_client_gets_back_what_it_says,
    a_libuv_client_asks_half_closes_and_hears_the_whole_reply,
    a_libuv_client_says_that_a_reply_was_cut,
    a_drained_server_tells_how_its_thousand_connections_ended,
    tls_goes_up_and_down_and_up_again_on_one_socket,
    tls_runs_over_a_pair_of_pipes,
    tls_runs_in_tls,
    the_shutdown_of_the_dotnet_proposal_does_what_its_author_wrote,
    the_closes_of_the_asio_question_do_what_its_author_wanted,
)
