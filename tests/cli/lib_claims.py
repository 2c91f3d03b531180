# SPDX-License-Identifier: MIT
"""What the claims share beyond lib_command.py: saying what is expected of a result, the fixtures that join the program
to the peers of lib_peer.py, and what /proc tells about sockets. Import the fixtures by name."""
import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import time

import pytest

from lib_command import BOUND
from lib_peer import Contexts, PeerServer

ROOT = pathlib.Path(__file__).resolve().parents[2]
PEERS = pathlib.Path(__file__).resolve().parent / "peers"
# Sanitizers and valgrind are slow: raise it with the bound, and what is measured may take longer.
SLOWNESS = max(1.0, BOUND / 60)
BOTH_VERSIONS = pytest.mark.parametrize("version", ["1.2", "1.3"])


def expect(result, status, **facts):
    """The exit status, and fields of the report: bytes_taken means report["bytes"]["taken"], alert_sent_name means
    report["alert_sent"]["name"]. Returns the result."""
    assert result.exit == status, f"expected status {status}: {result}"
    if status >= 0 and result.report is not None:
        assert result.report["exit"] == status, f"the report disagrees with the status: {result}"
    for name, wanted in facts.items():
        got = fact(result, name)
        assert got == wanted, f"expected {name} {wanted!r}, got {got!r}: {result}"
    return result


def fact(result, name):
    report = result.report
    assert report is not None, f"there is no report: {result}"
    part, _, field = name.rpartition("_")
    if part in ("bytes", "alert_received", "alert_sent", "error", "seconds"):
        return report[part][field] if report[part] else None
    return report[name]


def orderly(result, **facts):
    """Both directions closed, nothing missing."""
    return expect(result, 0, sending="closed", receiving="closed", error=None, os_error=None, **facts)


@contextlib.contextmanager
def takes(at_least, at_most):
    """The time that the block takes: what is measured, with generous bounds."""
    begin = time.monotonic()
    yield
    seconds = time.monotonic() - begin
    assert at_least <= seconds <= at_most * SLOWNESS, f"took {seconds:.2f} s, expected {at_least} to {at_most}"


def wait_for(condition, what, seconds=10):
    """Asks condition() until it answers something true, which is returned."""
    deadline = time.monotonic() + seconds * SLOWNESS
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"{what} did not come true within {seconds * SLOWNESS} s"
        time.sleep(0.01)
    return answer


def type_in(command, data):
    """Part of a command's standard input (started with input=None), at once; more may follow."""
    command.stdin.write(data)
    command.stdin.flush()


def say(command, data):
    """The rest of a command's standard input (started with input=None), and its end; it does not wait."""
    command._thread(command._feed, data)  # pylint: disable=protected-access


def need(program):
    """The test is skipped, by the peer's name, where that peer is absent."""
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")


# ---------------------------------------------------------------- fixtures


@pytest.fixture(scope="session")
def tls(pki):
    return Contexts(pki)


@pytest.fixture
def serve(tls):
    """serve(script, version="1.3", rcvbuf=..., context=...) -> a PeerServer that already listens."""
    with contextlib.ExitStack() as stack:
        def do(script, version=None, context=None, **kw):
            return stack.enter_context(PeerServer(script, context or tls.server(version), **kw))
        yield do


@pytest.fixture
def dial(start, pki):
    """dial(port, ...) -> Command: `adieu connect` to a peer of ours, trusting the tests' authority."""
    def do(port, *args, **kw):
        return start("connect", f"127.0.0.1:{port}", "--ca", pki.ca, "--name", "localhost", *args, **kw)
    return do


@pytest.fixture
def answer(listen, pki):
    """answer(...) -> Command with .port: `adieu listen` with the tests' server certificate."""
    def do(*args, **kw):
        return listen("--cert", pki.server.cert, "--key", pki.server.key, *args, **kw)
    return do


@pytest.fixture
def program(tmp_path):
    """program(*command, stdin=...) -> Popen of somebody else's program, ended with the test. Its output is in .out_path."""
    running = []

    def do(*command, stdin=subprocess.DEVNULL, **kw):
        need(command[0])
        out_path = tmp_path / f"peer-{len(running)}.out"
        err_path = tmp_path / f"peer-{len(running)}.err"
        with open(out_path, "wb") as out, open(err_path, "wb") as err:
            process = subprocess.Popen([str(part) for part in command], stdin=stdin, stdout=kw.pop("stdout", out),
                                       stderr=kw.pop("stderr", err), **kw)
        process.out_path, process.err_path = out_path, err_path
        running.append(process)
        return process

    yield do
    for process in running:
        if process.poll() is None:
            process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()
        process.wait(10)


# ---------------------------------------------------------------- sockets


def sockets_of(pid):
    """The inodes of the sockets that a process holds."""
    inodes = set()
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                target = os.readlink(f"/proc/{pid}/fd/{name}")
                if target.startswith("socket:["):
                    inodes.add(target[8:-1])
    return inodes


def listening_ports(pid):
    mine, ports = sockets_of(pid), []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(FileNotFoundError):
            rows = pathlib.Path(table).read_text(encoding="ascii").splitlines()[1:]
            ports += [int(f[1].rpartition(":")[2], 16) for f in map(str.split, rows) if f[3] == "0A" and f[9] in mine]
    return ports


def listening_port(process):
    """The port on which a process listens, whatever it prints. Nobody has to connect in order to know."""
    def ask():
        assert process.poll() is None, f"{process.args} ended with {process.returncode} instead of listening"
        return listening_ports(process.pid)
    return wait_for(ask, "listening")[0]


def has_ipv6():
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as sock:
        sock.bind(("::1", 0))
        return True
    return False


@contextlib.contextmanager
def black_hole():
    """A port whose accept queue is full: the kernel drops every further SYN."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(16):
            filler = stack.enter_context(socket.socket())
            filler.settimeout(0.3)
            try:
                filler.connect(listener.getsockname())
            except TimeoutError:
                yield listener.getsockname()[1]
                return
        pytest.skip("the accept queue cannot be filled here")
