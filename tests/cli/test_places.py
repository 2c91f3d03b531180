# SPDX-License-Identifier: MIT
"""Places that the command line names: descriptors, FIFOs, addresses. None is waited for without a bound, none is taken for another."""

import json
import os
import resource
import shutil
import signal
import socket
import subprocess

import pytest

from lib_command import BOUND, free_port
from lib_claims import expect, has_ipv6, orderly, takes, wait_for

USAGE, CONFIG = 64, 78


def shell(adieu, script, *args, **kw):
    """A shell opens and closes descriptors better than subprocess; $0 is adieu, $1... the args."""
    return subprocess.run(["sh", "-c", script, adieu, *map(str, args)], capture_output=True, timeout=BOUND, check=False, **kw)


@pytest.fixture
def fifo(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


# ---------------------------------------------------------------- the report


def test_the_report_on_standard_output_comes_behind_the_data(adieu, listen, tmp_path):
    server = listen(input=b"data\n")
    out = tmp_path / "out"
    done = shell(adieu, 'exec "$0" connect "$1" --pin "$2" --report=fd:1 </dev/null >"$3"', server.address, server.pin, out)
    assert done.returncode == 0, done
    data, line = out.read_bytes().split(b"\n", 1)
    assert data == b"data" and json.loads(line)["exit"] == 0


def test_the_report_on_standard_error_is_its_last_line(adieu, listen):
    server = listen("--end=cut")
    done = shell(adieu, 'exec "$0" connect "$1" --pin "$2" --report=fd:2 </dev/null', server.address, server.pin)
    lines = done.stderr.splitlines()
    assert done.returncode == 3 and len(lines) == 2 and json.loads(lines[1])["exit"] == 3, done


@pytest.mark.parametrize("number", [1, 2, 7])
def test_a_descriptor_that_is_not_open_holds_no_report(adieu, number):
    done = shell(adieu, f'exec "$0" connect 127.0.0.1:1 --report=fd:{number} {number}>&-')
    assert done.returncode == CONFIG, done
    if number != 2:
        assert f"fd:{number}".encode() in done.stderr and b"Bad file descriptor" in done.stderr


def test_a_report_to_a_fifo_without_a_reader_is_refused_at_once(run, fifo):
    with takes(0, 5):
        result = run("connect", "127.0.0.1:1", f"--report={fifo}", report=False)
    assert result.exit == CONFIG and str(fifo) in result.err, result


def test_a_key_log_that_is_a_fifo_without_a_reader_is_refused_at_once(run, fifo):
    with takes(0, 5):
        result = run("connect", "127.0.0.1:1", env={"SSLKEYLOGFILE": str(fifo)})
    expect(result, CONFIG)
    assert str(fifo) in result.err


def test_a_fifo_in_the_directory_of_authorities_is_not_waited_for(listen, run, pki, fifo):
    shutil.copy(pki.ca, fifo.parent / "ca.pem")
    listener = listen("--cert", pki.server.cert, "--key", pki.server.key, input=b"down")
    with takes(0, 5):
        result = run("connect", f"localhost:{listener.port}", "--ca", fifo.parent)
    orderly(result)
    assert result.out == b"down"


# ---------------------------------------------------------------- descriptors for passwords


def test_a_signal_ends_the_wait_for_a_password(start, pki):
    reader, writer = os.pipe()
    try:
        command = start("listen", "127.0.0.1:0", "--cert", pki.server.cert, "--key", pki.encrypted_key(pki.server, "sesame"),
                        "--key-password-file=fd:0", stdin=reader)
        wait_for(lambda: catches(command.pid, signal.SIGTERM), "SIGTERM is caught")
        command.signal(signal.SIGTERM)
        result = command.wait(10)
    finally:
        os.close(reader)
        os.close(writer)
    assert result.exit == -signal.SIGTERM and result.report["exit"] == 128 + signal.SIGTERM, result
    assert "stopped by a signal" in result.err and "cannot be read" not in result.err


def catches(pid, number):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        caught = next(line for line in status if line.startswith("SigCgt:"))
    return int(caught.split()[1], 16) >> (number - 1) & 1


@pytest.fixture
def locked(pki):
    """The options of an encrypted key."""
    return f"--cert '{pki.server.cert}' --key '{pki.encrypted_key(pki.server, 'sesame')}'"


@pytest.mark.parametrize("number", [3, 4, 5, 6, 7])
def test_a_password_from_a_descriptor_that_is_not_open_takes_none_of_ours(adieu, tmp_path, locked, number):
    path = tmp_path / "report.json"
    done = shell(adieu, f'exec "$0" connect 127.0.0.1:1 {locked} --key-password-file=fd:{number} --report="$1" 3<&- 4<&- 5<&- 6<&- 7<&-', path)
    assert done.returncode == CONFIG and b"Bad file descriptor" in done.stderr, done
    assert b"report" not in done.stderr
    report = json.loads(path.read_text())
    assert (report["exit"], report["os_error"]) == (CONFIG, "EBADF")


def test_one_descriptor_gives_the_password_and_takes_the_report(adieu, locked):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(b"sesame\n")
        ours.shutdown(socket.SHUT_WR)
        number = theirs.fileno()
        done = shell(adieu, f'exec "$0" connect 127.0.0.1:{free_port()} {locked} --key-password-file=fd:{number} --report=fd:{number}',
                     pass_fds=[number])
        theirs.close()
        ours.settimeout(10)
        text = ours.makefile().read()
    assert done.returncode == 7 and json.loads(text)["exit"] == 7, (done, text)


@pytest.mark.parametrize("option", ["--report", "--key-password-file"])
@pytest.mark.parametrize("value", ["fd:x", "fd:", "fd:-1"])
def test_what_is_no_number_of_a_descriptor_is_a_usage_error(run, option, value):
    result = run("connect", "127.0.0.1:1", f"{option}={value}", report=False)
    assert result.exit == USAGE and value in result.err and "--help" in result.err, result


# ---------------------------------------------------------------- addresses


@pytest.mark.parametrize("args", [["127.0.0.1:1", "--bind=garbage"], ["--unix", "/tmp/" + "x" * 120]], ids=["bind", "unix"])
def test_an_address_that_cannot_be_one_is_a_usage_error(run, args):
    result = run("connect", *args)
    assert result.exit == USAGE and result.report is None and "--help" in result.err, result


def test_a_path_that_exists_is_not_listened_on_and_the_line_says_what_to_do(run, tmp_path):
    path = tmp_path / "there"
    path.write_text("somebody's")
    result = run("listen", "--unix", path)
    assert result.exit == CONFIG and str(path) in result.err and "remove" in result.err, result
    assert path.read_text() == "somebody's"


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 loopback")
def test_an_address_with_a_scope_is_connected_to(listen, run):
    listener = listen(where="[::1]:0", input=b"down")
    scope = socket.if_nametoindex("lo")  # the C library takes the name of a scope for link-local addresses alone
    result = run("connect", f"[::1%{scope}]:{listener.port}", "--pin", listener.pin, input=b"up")
    orderly(result)
    assert (result.out, listener.wait().out) == (b"down", b"up")


# ---------------------------------------------------------------- shortage


def test_too_few_descriptors_are_status_1(adieu):
    done = shell(adieu, 'ulimit -n 4; exec "$0" connect 127.0.0.1:1 --insecure')
    assert done.returncode == 1 and done.stderr, done


def test_a_limit_of_file_size_is_a_failed_output_and_is_reported(listen, start, tmp_path):
    """Its signal, SIGXFSZ, would kill before anything is said."""
    listener = listen(input=bytes(300_000))
    with open(tmp_path / "out", "wb") as out:
        result = start("connect", listener.address, "--pin", listener.pin, stdout=out,
                       preexec=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))).wait()
    expect(result, 9, os_error="EFBIG")
    assert (tmp_path / "out").stat().st_size == 65536
