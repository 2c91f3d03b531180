# SPDX-License-Identifier: MIT
"""examples.py ADIEU FOLDER: the examples, as they were built, do what they say."""
import concurrent.futures
import contextlib
import os
import pathlib
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


def an_epoll_server_echoes_many_at_once_and_leaves():
    said = [bytes([number]) * 500_000 for number in range(5)]
    server = subprocess.Popen([EXAMPLES / "epoll_echo", "127.0.0.1:0", str(len(said))], stdout=subprocess.PIPE)
    watchdog = threading.Timer(BOUND, server.kill)
    watchdog.start()
    try:
        port, pin = (server.stdout.readline().decode().split()[1] for _ in range(2))
        with concurrent.futures.ThreadPoolExecutor(len(said)) as pool:
            heard = pool.map(lambda text: run(ADIEU, "connect", f"127.0.0.1:{port}", "--pin", pin, input=text).stdout, said)
            assert list(heard) == said
        assert server.wait(BOUND) == 0
    finally:
        watchdog.cancel()
        server.kill()
        server.communicate()


tap.run(
    the_client_sends_its_request_and_hears_the_whole_reply,
    an_adopted_context_makes_verified_streams,
    two_streams_joined_in_memory_say_goodbye,
    an_epoll_server_echoes_many_at_once_and_leaves,
)
