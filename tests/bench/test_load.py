# SPDX-License-Identifier: MIT
"""test_load.py LOAD PEER: the load generator, at a server of the bench's and at servers that behave badly."""
import contextlib
import json
import pathlib
import select
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading

import tap

LOAD, PEER = sys.argv[1:]
FOLDER = tempfile.TemporaryDirectory()
CERT, KEY = (str(pathlib.Path(FOLDER.name) / name) for name in ("cert.pem", "key.pem"))
WAIT = 20  # seconds for what should take milliseconds


def make_identity():
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                    "-subj", "/CN=localhost", "-keyout", KEY, "-out", CERT], check=True, capture_output=True)


# ------------------------------------------------ programs


def line(program):
    assert select.select([program.stdout], [], [], WAIT)[0], "nothing was said"
    return program.stdout.readline().decode()


@contextlib.contextmanager
def program(*words):
    running = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    try:
        yield running
        running.stdin.close()
        assert running.wait(WAIT) == 0
    finally:
        running.kill()
        running.wait()


@contextlib.contextmanager
def serving(*words):
    """The port, and what gives orders."""
    with program(PEER, "serve", f"cert={CERT}", f"key={KEY}", *words) as server:
        def order(letter):
            server.stdin.write(letter)
            return line(server).split()[:2]
        yield int(line(server).split()[1]), order


def load(port, **words):
    """Its last line and its exit status, and what it said on standard error."""
    done = subprocess.run([LOAD, f"port={port}", *(f"{name}={value}" for name, value in words.items())],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=WAIT)
    said = done.stdout.splitlines()
    return json.loads(said[-1]) if said else None, done.returncode, done.stderr


@contextlib.contextmanager
def held(port, **words):
    """What it said when all were open, and a function that awaits what it says at last."""
    with program(LOAD, f"port={port}", "work=hold", *(f"{name}={value}" for name, value in words.items())) as holding:
        def last(*, of_itself):
            if not of_itself:
                holding.stdin.close()
            return json.loads(line(holding))
        yield json.loads(line(holding)), last


# ------------------------------------------------ servers that end badly


def end_bare(stream):
    stream.recv(1)
    stream.close()


def end_and_reset(stream):
    stream.recv(1)
    with stream.unwrap() as bare:
        assert socket.socket.recv(bare, 1) == b""
        bare.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@contextlib.contextmanager
def behaving(end):
    """A TLS server that does this with each connection once it has shaken hands."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERT, KEY)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve():
            with contextlib.suppress(OSError):
                while True:
                    stream, _ = listener.accept()
                    stream.settimeout(WAIT)
                    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # or a reset overtakes close_notify
                    end(context.wrap_socket(stream, server_side=True, suppress_ragged_eofs=False))
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(WAIT)


def unused_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


# ------------------------------------------------ the claims


def connections_are_made_and_ended_as_often_as_asked():
    for tls in ("1.3", "1.2"):
        for cipher in ("aes128", "aes256", "chacha"):
            with serving(f"tls={tls}", f"cipher={cipher}") as (port, order):
                said, status, told = load(port, work="connections", count=30, parallel=4, tls=tls, cipher=cipher)
                assert (said["count"], said["failures"], said["resumed"], status, told) == (30, 0, 0, 0, ""), (said, told)
                assert 0 < said["handshake_us"]["median"] <= said["handshake_us"]["p99"], said
                assert 0 < said["close_us"]["median"] <= said["close_us"]["p99"], said
                assert order(b"n") == ["open", "0"]


def all_but_the_first_of_each_lane_resume():
    for tls in ("1.3", "1.2"):
        with serving(f"tls={tls}") as (port, _):
            said, status, _ = load(port, work="connections", count=30, parallel=4, resume="yes", tls=tls)
            assert (said["failures"], said["resumed"], status) == (0, 26, 0), said


def a_byte_goes_there_and_back_as_often_as_asked():
    with serving() as (port, _):
        said, status, _ = load(port, work="ping", count=20)
        assert (said["count"], said["failures"], status) == (20, 0, 0), said
        assert 0 < said["ping_us"]["median"] <= said["ping_us"]["p99"], said


def who_is_held_hears_the_server_and_ends_with_it():
    with serving() as (port, order), held(port, count=20) as (first, last):
        assert (first["held"], first["failures"]) == (20, 0), first
        assert order(b"n") == ["open", "20"]
        assert order(b"b") == ["broadcast", "20"]
        assert order(b"c") == ["closed", "20"]
        said = last(of_itself=True)
        assert (said["ended"], said["failed"], said["silent"], said["bytes"]) == (20, 0, 0, 20 * 1024), said


def so_many_percent_are_silent():
    with serving("deadline=100") as (port, order), held(port, count=20, silent=25) as (_, last):
        assert order(b"c") == ["closed", "20"]
        said = last(of_itself=False)
        assert (said["ended"], said["failed"], said["silent"]) == (15, 0, 5), said


def the_end_of_input_ends_what_is_held():
    with serving() as (port, _), held(port, count=3) as (_, last):
        said = last(of_itself=False)
        assert (said["held"], said["ended"]) == (3, 0), said


def what_fails_alike_is_told_once_beyond_one_address_too():
    said, status, told = load(unused_port(), work="connections", count=20100)
    assert (said["count"], said["failures"], status) == (20100, 20100, 1), said
    assert told == "load: 20100 failed in connecting: Connection refused (the first was connection 1)\n"


def an_end_that_is_not_authentic_is_a_failure():
    with behaving(end_bare) as port:
        said, status, told = load(port, work="connections", count=3, parallel=1)
        assert (said["failures"], status, told.count("\n")) == (3, 1, 1), (said, told)
        assert told.startswith("load: 3 failed in the goodbye: "), told


def a_reset_behind_close_notify_is_a_failure():
    with behaving(end_and_reset) as port:
        _, status, told = load(port, work="connections", count=1)
        assert status == 1 and told.startswith("load: 1 failed in the end of the transport: Connection reset by peer "), told


def a_server_that_says_nothing_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as mute:
        for words in ({"work": "connections", "count": 2}, {"work": "ping", "count": 1}, {"work": "hold", "count": 2}):
            said, status, told = load(mute.getsockname()[1], patience=100, **words)
            assert status == 1 and "in the handshake: nothing came while patience lasted" in told, (said, told)


def what_cannot_be_held_is_77():
    said, status, told = load(1, work="hold", count=100000000)
    assert (said, status, told.count("\n")) == (None, 77, 1), told


def a_word_that_nobody_knows_is_64():
    for word in ({"count": "1x"}, {"colour": "blue"}, {"silent": 101}, {"tls": "1.1"}, {"cipher": "rot13"}):
        assert load(1, **{"work": "ping", "count": 1, **word})[:2] == (None, 64), word


make_identity()
tap.run(connections_are_made_and_ended_as_often_as_asked, all_but_the_first_of_each_lane_resume,
        a_byte_goes_there_and_back_as_often_as_asked, who_is_held_hears_the_server_and_ends_with_it, so_many_percent_are_silent,
        the_end_of_input_ends_what_is_held, what_fails_alike_is_told_once_beyond_one_address_too,
        an_end_that_is_not_authentic_is_a_failure, a_reset_behind_close_notify_is_a_failure, a_server_that_says_nothing_is_given_up,
        what_cannot_be_held_is_77, a_word_that_nobody_knows_is_64)
