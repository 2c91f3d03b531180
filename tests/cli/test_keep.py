# SPDX-License-Identifier: MIT
"""listen --keep: many connections at the same time, each with its own ending, line and times."""
import contextlib
import os
import re
import resource
import signal
import socket
import subprocess
import threading
import time

import pytest

from lib_command import random_bytes
from lib_claims import SLOWNESS, sockets_of, takes, tls, wait_for  # noqa: F401  pylint: disable=unused-import
from lib_keep import line_of, lines_of, serve_many  # noqa: F401  pylint: disable=unused-import
from lib_peer import connect as dial_tls
from test_loop import Blocked, rests


def all_of(functions):
    """Runs them in a thread each; what one raises is raised."""
    errors = []

    def do(function):
        try:
            function()
        except Exception as error:  # pylint: disable=broad-except
            errors.append(error)

    threads = [threading.Thread(target=do, args=(function,), daemon=True) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60 * SLOWNESS)
        assert not thread.is_alive()
    if errors:
        raise errors[0]


# ---------------------------------------------------------------- each its own ending


def clean(peer):
    peer.goodbye()


def cut(peer):
    peer.fin()


def cut_in_a_record(peer):
    peer.send_cut(b"never whole")


def corrupted(peer):
    peer.send_corrupted(b"never right")
    peer.fin()


def gave_up(peer):
    peer.send_fatal_alert()


def reset(peer):
    peer.reset()


WAYS = {  # how the peer ends: exit, receiving
    clean: (0, "closed"), cut: (3, "truncated"), cut_in_a_record: (3, "truncated"), corrupted: (6, "rejected"),
    gave_up: (5, "alerted"), reset: (4, "reset"),
}


def test_fifty_at_once_that_end_in_all_ways_get_each_its_own_line(serve_many, tls):
    server = serve_many()
    peers = [(dial_tls(server.port, tls.client()), way) for _ in range(8) for way in WAYS]
    strangers = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(2)]
    names = {peer: peer.sock.getsockname()[1] for peer, _ in peers}
    strangers[0].sendall(b"GET / HTTP/1.0\r\n\r\n")
    for stranger in strangers:
        stranger.shutdown(socket.SHUT_WR)
    for peer, _ in peers:
        peer.send(b"%d\n" % names[peer])
    server.wait_out(sum(len(str(port)) + 1 for port in names.values()))
    all_of([lambda peer=peer, way=way: way(peer) for peer, way in peers])
    reports = wait_for(lambda: len(lines_of(server.report_lines)) == 50 and lines_of(server.report_lines), "50 lines", 30)
    assert sorted(server.out.split()) == sorted(b"%d" % port for port in names.values())
    by_port = {int(report["peer"].rpartition(":")[2]): report for report in reports}
    for peer, way in peers:
        report = by_port[names[peer]]
        assert (report["exit"], report["receiving"]) == WAYS[way], (way, report)
        assert report["bytes"]["received"] == len(str(names[peer])) + 1 and report["command"] is None
        said = re.findall(rf"^adieu: 127\.0\.0\.1:{names[peer]}: .*", server.err, re.M)
        assert len(said) == (way is not clean), said
    first, second = (by_port[s.getsockname()[1]] for s in strangers)
    assert (first["exit"], first["error"]["code"]) == (6, "not_tls")
    assert (second["exit"], second["phase"]) == (3, "none")
    server.signal(signal.SIGTERM)
    assert server.wait().exit == -signal.SIGTERM and len(lines_of(server.report_lines)) == 50


def test_whoever_says_nothing_blocks_nobody(serve_many, tls):
    server = serve_many()
    silent = socket.create_connection(("127.0.0.1", server.port))
    halfway = socket.create_connection(("127.0.0.1", server.port))
    halfway.sendall(b"\x16\x03\x01")
    idle = dial_tls(server.port, tls.client())
    for _ in range(3):
        peer = dial_tls(server.port, tls.client())
        peer.goodbye()
        assert peer.ended == "close_notify"
    rests(server)
    for one in (silent, halfway, idle.sock):
        one.close()


def test_idle_connections_wake_the_server_together(serve_many, tls):
    server, peers = serve_many(), []
    for _ in range(60):
        peers.append(dial_tls(server.port, tls.client()))
        time.sleep(0.01)  # the pace: each has come at a moment of its own
    rests(server, at_most=20)
    for peer in peers:
        peer.reset()


# ---------------------------------------------------------------- how many


def test_one_more_than_allowed_waits_until_one_has_ended(serve_many, tls):
    server = serve_many("--max-connections=2")
    server.wait_err("at most 2 connections at once")
    first, second = (dial_tls(server.port, tls.client()) for _ in range(2))
    third = socket.create_connection(("127.0.0.1", server.port))
    third.settimeout(0.5)
    peer = dial_tls(server.port, tls.client(), handshake=False)
    handshake = threading.Thread(target=peer.handshake, daemon=True)
    handshake.start()
    handshake.join(0.5)
    assert handshake.is_alive(), "the fourth was served, though two were allowed"
    rests(server)
    first.goodbye()
    second.goodbye()
    handshake.join(20 * SLOWNESS)
    assert not handshake.is_alive() and peer.ended is None
    peer.goodbye()
    third.close()
    assert line_of(server.report_lines, first)["exit"] == 0


def limit_files(count):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


@pytest.mark.parametrize("files, args, most", [(64, [], 48), (64, ["--exec=cat"], 16), (4096, [], 1000)])
def test_how_many_at_once_is_said_and_fits_the_limit_on_open_files(serve_many, files, args, most):
    server = serve_many(*args, preexec=limit_files(files))
    server.wait_err(f"at most {most} connections at once")


@pytest.mark.parametrize("args", [[], ["--exec=cat"]])
def test_without_descriptors_nobody_is_taken_and_nothing_spins_until_one_ends(serve_many, tls, args):
    server = serve_many("--max-connections=1000", *args, preexec=limit_files(20))
    peers = [dial_tls(server.port, tls.client(), handshake=False) for _ in range(24)]
    server.wait_err(r"Too many open files; no more connections are taken until one ends\n")
    if not args:
        rests(server)

    def serve(peer):
        with contextlib.suppress(ConnectionError):  # with --exec: there was no pipe any more
            peer.handshake()
            peer.goodbye()

    all_of([lambda peer=peer: serve(peer) for peer in peers])
    reports = wait_for(lambda: len(lines_of(server.report_lines)) == 24 and lines_of(server.report_lines), "24 lines", 30)
    assert {report["exit"] for report in reports} <= ({0, 9} if args else {0}), reports
    assert server.err.count("no more connections are taken") == 1
    last = dial_tls(server.port, tls.client())
    last.goodbye()
    assert line_of(server.report_lines, last)["exit"] == 0


def idle_memory(server):
    with open(f"/proc/{server.pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmRSS:\s+(\d+) kB", status.read()).group(1))


def test_an_idle_connection_holds_little_memory(adieu, serve_many, tls, tmp_path):
    with open(adieu, "rb") as program:
        if SLOWNESS > 1 or b"__asan" in program.read():
            pytest.skip("a sanitizer's or valgrind's memory says nothing")
    file = tmp_path / "input"
    file.write_bytes(random_bytes(100_000))
    context = tls.client()
    with open(file, "rb") as stdin:
        server = serve_many("--end=mute", stdin=stdin)

    def one():
        peer = dial_tls(server.port, context)
        peer.send(b"x" * 20_000)
        assert peer.read(100_000) == file.read_bytes()
        return peer

    some = [one() for _ in range(20)]
    server.wait_out(20 * 20_000)
    before = idle_memory(server)
    more = [one() for _ in range(100)]
    server.wait_out(120 * 20_000)
    each = (idle_memory(server) - before) / 100
    assert each < 40, f"{each} KiB a connection"
    rests(server)
    for peer in some + more:
        peer.close()


# ---------------------------------------------------------------- standard input and output


def test_every_peer_gets_all_of_a_file_and_then_the_end(serve_many, tls, tmp_path):
    data = random_bytes(1_000_000)
    file = tmp_path / "input"
    file.write_bytes(data)
    with open(file, "rb") as stdin:
        server = serve_many(stdin=stdin)
    peers = [dial_tls(server.port, tls.client()) for _ in range(6)]

    def read(peer):
        assert peer.read_to_end() == (data, "close_notify")
        peer.goodbye()

    all_of([lambda peer=peer: read(peer) for peer in peers])
    assert all(line_of(server.report_lines, peer)["exit"] == 0 for peer in peers)


def test_a_file_is_given_from_where_it_stood(serve_many, tls, tmp_path):
    file = tmp_path / "input"
    file.write_bytes(b"head\nbody")
    with open(file, "rb", buffering=0) as stdin:
        stdin.read(5)
        server = serve_many(stdin=stdin)
    for _ in range(2):
        peer = dial_tls(server.port, tls.client())
        assert peer.read_to_end() == (b"body", "close_notify")
        peer.goodbye()


@pytest.mark.parametrize("stdin", ["pipe", "closed"])
def test_an_input_that_cannot_be_given_to_each_is_refused_at_once(run, stdin):
    given = {"stdin": subprocess.PIPE} if stdin == "pipe" else {"stdin": subprocess.DEVNULL, "preexec": lambda: os.close(0)}
    result = run("listen", "0", "--keep", **given)
    assert result.exit == 78 and result.report["error"]["code"] == "argument", result
    assert re.fullmatch(r"adieu: --keep: standard input must be a file.*'< /dev/null'.*--exec\n", result.err), result


def test_pieces_of_several_peers_stay_whole_and_one_end_is_not_the_outputs(serve_many, tls):
    out = Blocked()
    server = serve_many(stdout=out.given)
    out.close_given()
    peers = [dial_tls(server.port, tls.client()) for _ in range(4)]

    def talk(peer, letter):
        for _ in range(40):
            peer.send(letter * 10_000)
        peer.goodbye()

    talking = threading.Thread(target=all_of, args=([lambda p=p, c=c: talk(p, c) for p, c in zip(peers, (b"a", b"b", b"c", b"d"))],))
    talking.start()
    rests(server)  # all of them have something for an output that takes nothing
    data = out.read(4 * 400_000)
    talking.join(60)
    runs = [len(run.group()) for run in re.finditer(rb"(.)\1*", data)]
    assert sum(runs) == 1_600_000 and all(length % 10_000 == 0 for length in runs), "a piece was broken"
    assert len(runs) > 4, "they never alternated"
    late = dial_tls(server.port, tls.client())
    late.send(b"still open")
    assert out.read(10) == b"still open"
    late.goodbye()


def test_a_piece_that_was_begun_is_finished_before_another_comes(serve_many, tls):
    out = Blocked()
    server = serve_many(stdout=out.given)
    out.close_given()
    later, first = (dial_tls(server.port, tls.client()) for _ in range(2))
    for _ in range(20):
        first.send(b"1" * 10_000)  # more than a pipe holds
    rests(server)
    later.send(b"2" * 10_000)
    rests(server, seconds=0.2)
    data = out.read(210_000)
    runs = [len(run.group()) for run in re.finditer(rb"(.)\1*", data)]
    assert data.count(b"2") == 10_000 and all(length % 10_000 == 0 for length in runs), runs
    for peer in (first, later):
        peer.goodbye()


def refused(port):
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) != 0


def test_a_failed_standard_output_ends_the_server_with_9(serve_many, tls):
    out = Blocked()
    server = serve_many("--end=mute", stdout=out.given)
    out.close_given()
    os.close(out.end)
    other = dial_tls(server.port, tls.client())
    peer = dial_tls(server.port, tls.client())
    peer.send(b"lost")
    assert peer.read_to_end() == (b"", "reset")
    wait_for(lambda: refused(server.port), "a refusal")
    other.send(b"lost, too")
    assert other.read_to_end() == (b"", "reset") and server.wait().exit == 9
    assert [report["exit"] for report in lines_of(server.report_lines)] == [9, 9] and "standard output failed: Broken pipe" in server.err


# ---------------------------------------------------------------- times and signals


def test_nobody_for_too_long_is_8(serve_many):
    with takes(0.3, 5):
        server = serve_many("--timeout-connect=0.3")
        assert server.wait().exit == 8
    assert [report["peer"] for report in lines_of(server.report_lines)] == [None]


@pytest.mark.parametrize("ways, status", [([clean], 0), ([clean, cut, reset], 3)])
def test_when_nobody_comes_any_more_the_first_bad_ending_is_the_status(serve_many, tls, ways, status):
    server = serve_many("--timeout-connect=0.5")
    for way in ways:
        peer = dial_tls(server.port, tls.client())
        way(peer)
        wait_for(lambda: len(lines_of(server.report_lines)) == ways.index(way) + 1, "the line")  # pylint: disable=cell-var-from-loop
    assert server.wait().exit == status and len(lines_of(server.report_lines)) == len(ways)


def test_while_somebody_is_connected_nobody_is_waited_for_too_long(serve_many, tls):
    server = serve_many("--timeout-connect=0.3")
    peer = dial_tls(server.port, tls.client())
    threading.Event().wait(0.8)
    dial_tls(server.port, tls.client()).goodbye()
    peer.goodbye()
    assert peer.ended == "close_notify" and server.wait().exit == 0


def test_times_are_each_connections_own(serve_many, tls):
    server = serve_many("--timeout-total=1", "--timeout-handshake=0.3", "--end=mute")
    threading.Event().wait(0.6)
    silent = socket.create_connection(("127.0.0.1", server.port))
    peer = dial_tls(server.port, tls.client())
    with takes(0.5, 6):
        assert peer.read_to_end() == (b"", "reset")
    early, late = line_of(server.report_lines, silent), line_of(server.report_lines, peer)
    assert early["exit"] == late["exit"] == 8 and early["phase"] == "none"
    assert "--timeout-handshake" in early["error"]["text"] and "--timeout-total" in late["error"]["text"]
    assert early["seconds"]["connect"] == 0 and 0.3 <= early["seconds"]["total"] and 1 <= late["seconds"]["total"] < 6
    dial_tls(server.port, tls.client()).close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_breaks_all_off_and_tells_of_each(serve_many, tls, number):
    server = serve_many("--end=mute")
    peers = [dial_tls(server.port, tls.client()) for _ in range(3)]
    handshaking = socket.create_connection(("127.0.0.1", server.port))
    wait_for(lambda: len(sockets_of(server.pid)) == 1 + 4, "four connections")
    server.signal(number)
    assert server.wait().exit == -number
    reports = lines_of(server.report_lines)
    assert len(reports) == 4 and {report["exit"] for report in reports} == {128 + number}
    assert {report["sending"] for report in reports} == {"aborted"}
    assert [peer.read_to_end()[1] for peer in peers] == ["reset"] * 3
    handshaking.close()


def test_a_signal_while_nobody_has_come_is_one_line(serve_many):
    server = serve_many()
    server.signal(signal.SIGTERM)
    assert server.wait().exit == -signal.SIGTERM
    assert [(report["peer"], report["exit"]) for report in lines_of(server.report_lines)] == [(None, 143)]


def test_verbose_says_of_whom_it_speaks(serve_many, tls):
    server = serve_many("--verbose")
    peers = [dial_tls(server.port, tls.client()) for _ in range(2)]
    for peer in peers:
        name = r"127\.0\.0\.1:%d" % peer.sock.getsockname()[1]
        peer.goodbye()
        for event in ("handshake done: TLSv1.3", "receiving is closed", "ended: "):
            server.wait_err(rf"\nadieu: {name}: {event}")


def test_a_unix_socket_serves_many_and_is_removed(start, tmp_path):
    path, report = tmp_path / "socket", tmp_path / "lines"
    server = start("listen", "--keep", "--unix", path, f"--report={report}", stdin=subprocess.DEVNULL, report=False)
    pin = server.wait_err(r"--pin ([0-9a-f]{64})").group(1)
    for _ in range(2):
        assert start("connect", "--unix", path, "--pin", pin, input=b"x").wait().exit == 0
    assert path.is_socket()
    server.signal(signal.SIGINT)
    assert server.wait().exit == -signal.SIGINT and not path.exists()
    assert [(line["peer"], line["exit"]) for line in lines_of(report)] == [("unix", 0)] * 2


def test_a_report_that_cannot_be_written_any_more_is_said_once_and_serving_goes_on(serve_many, tls, start, pki):
    del serve_many
    server = start("listen", "127.0.0.1:0", "--keep", "--cert", pki.server.cert, "--key", pki.server.key, "--report=/dev/full",
                   "--timeout-connect=1", stdin=subprocess.DEVNULL, report=False)
    port = int(server.wait_err(r"listening on \S+:(\d+)").group(1))
    for _ in range(2):
        dial_tls(port, tls.client()).goodbye()
    assert server.wait().exit == 1 and server.err.count("the report could not be written to /dev/full") == 1


@pytest.mark.parametrize("args, says", [
    (["listen", "0", "--max-connections=2"], "--max-connections needs --keep"),
    (["listen", "0", "--keep", "--max-connections=0"], "a number from 1 to"),
    (["connect", "h:1", "--keep"], "an option of 'adieu listen'"),
])
def test_what_does_not_fit_is_said(run, args, says):
    result = run(*args)
    assert result.exit == 64 and says in result.err, result
