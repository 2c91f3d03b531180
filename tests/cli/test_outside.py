# SPDX-License-Identifier: MIT
"""What somebody outside of both programs does to a conversation: kills a side, destroys its socket, sits in between and cuts,
or sets the clock. None of it looks like an end."""
import pathlib
import select
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

from lib_command import random_bytes
from lib_claims import BOTH_VERSIONS, expect, fact, orderly, say, type_in, wait_for
from lib_claims import answer, dial, serve, tls  # noqa: F401  # fixtures
from lib_peer import PATIENCE

HELLO = b"what was said before it"


def tcp(port, mine, state):
    """How much is unread in each connection of this state whose own port (mine), or whose peer's, is this one."""
    rows = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    return [int(row[4].partition(":")[2], 16) for row in rows
            if row[3] == state and row[1 if mine else 2].endswith(f":{port:04X}")]


def greeted(answer, dial, version):
    """One who will be killed, and one who has heard it."""
    victim = answer("--max", version, input=None)
    dialer = dial(victim.port, "--max", version, input=None)
    type_in(victim, HELLO)
    dialer.wait_out(len(HELLO))
    return victim, dialer


ESTABLISHED, CLOSE_WAIT = "01", "08"


# ---------------------------------------------------------------- killed


@BOTH_VERSIONS
def test_a_peer_that_is_killed_with_nothing_unread_is_truncated(answer, dial, version):
    """Its kernel says FIN, and nothing else tells that it was no end."""
    victim, dialer = greeted(answer, dial, version)
    victim.signal(signal.SIGKILL)
    assert victim.wait().exit == -signal.SIGKILL
    # Its kernel's word is there before ours leaves, which is answered by a reset.
    wait_for(lambda: tcp(victim.port, False, CLOSE_WAIT), "the FIN")
    say(dialer, b"")
    result = dialer.wait()
    assert result.out == HELLO
    expect(result, 3, receiving="truncated", first="peer", error_code="truncated", bytes_received=len(HELLO))


@BOTH_VERSIONS
def test_a_peer_that_is_killed_with_something_unread_is_a_reset(answer, dial, version):
    """It is stopped first, so that what we say lies in its socket: its kernel then says reset."""
    victim, dialer = greeted(answer, dial, version)
    victim.signal(signal.SIGSTOP)
    type_in(dialer, b"never read")
    wait_for(lambda: any(tcp(victim.port, True, ESTABLISHED)), "something unread")
    victim.signal(signal.SIGKILL)
    result = dialer.wait()
    assert result.out == HELLO
    expect(result, 4, receiving="reset", first="peer", os_error="ECONNRESET", bytes_received=len(HELLO))


# ---------------------------------------------------------------- destroyed


def destroy(port):
    """Ends the socket of the side that is connected to a port, as root may; the other side's kernel is told by a reset."""
    if not shutil.which("ss"):
        pytest.skip("ss is not installed")
    subprocess.run(["ss", "-K", "dst", "127.0.0.1", "dport", "=", str(port)], capture_output=True, timeout=PATIENCE)


@BOTH_VERSIONS
def test_a_socket_that_the_system_destroys_failed_with_the_systems_word(serve, dial, version):
    told = threading.Event()

    def script(peer):
        peer.send(HELLO)
        told.wait(PATIENCE)

    peer = serve(script, version)
    dialer = dial(peer.port, input=None)
    dialer.wait_out(len(HELLO))
    destroy(peer.port)
    try:
        dialer.process.wait(5)
    except subprocess.TimeoutExpired:
        pytest.skip("sockets cannot be destroyed here")
    finally:
        told.set()
    expect(dialer.wait(), 4, receiving="reset", error_code="reset", os_error="ECONNABORTED", bytes_received=len(HELLO))


# ---------------------------------------------------------------- in between


class Middle:
    """Hands on bytes between a client and a port, until so many have come from the server; then it cuts or resets both."""

    def __init__(self, port, allowed, way):
        self.port_behind, self.allowed, self.way = port, allowed, way
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        client, _ = self.listener.accept()
        with client, self.listener, socket.create_connection(("127.0.0.1", self.port_behind)) as server:
            try:
                while self.hand_on(client, server):
                    pass
            except OSError:
                pass

    def hand_on(self, client, server):
        for one in select.select([client, server], [], [], PATIENCE)[0]:
            data = one.recv(65536 if one is client else min(65536, self.allowed))
            (server if one is client else client).sendall(data)
            self.allowed -= len(data) if one is server else 0
            if self.allowed <= 0:
                self.intervene(client, server)
            if not data or self.allowed <= 0:
                return False
        return True

    def intervene(self, *sides):
        for side in sides:
            if self.way == "reset":
                side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                side.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("way", ["fin", "reset"])
@BOTH_VERSIONS
def test_whoever_cuts_in_between_never_makes_an_end(answer, dial, version, way):
    """At a dozen places of what the server says: within records, and with all but its very last bytes gone."""
    said = random_bytes(40_000)
    whole = len(said) + 3 * 22 + 24 + 3000  # the records' overhead, the end, and the handshake
    for allowed in [*range(5_000, whole - 6_000, 4_000), len(said), len(said) + 500]:
        server = answer("--max", version, input=said)
        middle = Middle(server.port, allowed, way)
        dialer = dial(middle.port, "--max", version, input=b"")
        here, there = dialer.wait(), server.wait()
        assert said.startswith(here.out) and len(here.out) < len(said), f"cut at {allowed} of {whole}: {here}"
        assert fact(here, "receiving") in {"fin": ("truncated",), "reset": ("reset", "truncated")}[way], here
        assert here.exit in (3, 4) and there.exit in (0, 3, 4), (here, there)
        assert there.exit != 0 or fact(there, "receiving") == "closed", there


# ---------------------------------------------------------------- the clock


JUMPING = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>
static long hours; /* an hour later each time somebody asks, then a day earlier, and so on */
static long jump(void) { return ++hours % 2 ? hours * 3600 : -hours * 3600; }
int clock_gettime(clockid_t clock, struct timespec *now)
{
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int done = real(clock, now);
    if (clock == CLOCK_REALTIME)
        now->tv_sec += jump() % 86400;
    return done;
}
int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec exact;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}
"""


@pytest.fixture(scope="session")
def jumping(tmp_path_factory):
    """A library to preload, with which the time of day leaps by hours whenever it is asked for."""
    compiler = shutil.which("cc") or pytest.skip("no compiler")
    folder = tmp_path_factory.mktemp("clock")
    (folder / "jumping.c").write_text(JUMPING)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", folder / "jumping.so", folder / "jumping.c", "-ldl"], check=True, timeout=PATIENCE)
    return {"LD_PRELOAD": str(folder / "jumping.so")}


def test_a_clock_that_jumps_ends_no_conversation_and_moves_no_deadline(answer, dial, jumping, adieu):
    if b"__asan_init" in pathlib.Path(adieu).read_bytes():
        pytest.skip("the sanitizer wants to be preloaded first")
    bounds = ["--timeout-handshake=20", "--timeout-idle=20", "--timeout-total=20", "--timeout-close=20"]
    server = answer(*bounds, input=HELLO, env=jumping)
    result = dial(server.port, *bounds, input=HELLO, env=jumping).wait()
    assert result.out == HELLO
    orderly(result)
    orderly(server.wait())


def test_nor_does_it_keep_a_deadline_away(serve, dial, jumping, adieu):
    if b"__asan_init" in pathlib.Path(adieu).read_bytes():
        pytest.skip("the sanitizer wants to be preloaded first")
    peer = serve(lambda peer: peer.over.wait(PATIENCE))
    begun = time.monotonic()
    result = dial(peer.port, "--timeout-close=0.5", input=b"", env=jumping).wait()
    assert 0.5 <= time.monotonic() - begun < 10
    expect(result, 8, sending="closed", receiving="abandoned", error_code="deadline")
