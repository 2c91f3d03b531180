# SPDX-License-Identifier: MIT
"""--exec: each connection has its own process. No cut is an end for the process, and no failure of the process is an end for the peer."""
import ctypes
import hashlib
import os
import resource
import signal
import subprocess
import threading

import pytest

from lib_command import random_bytes
from lib_claims import BOTH_VERSIONS, SLOWNESS, expect, listening_ports, orderly, program, serve, takes, tls, wait_for  # noqa: F401  pylint: disable=unused-import
from lib_keep import gone, line_of, lines_of, serve_many  # noqa: F401  pylint: disable=unused-import
from lib_peer import connect as dial_tls
from test_keep import all_of, cut, cut_in_a_record, corrupted, gave_up, reset
from test_loop import rests


@pytest.fixture
def execute(listen, pki):
    """execute(command, ...) -> Command: `adieu listen --exec`, for one connection."""
    def do(command, *args, **kw):
        return listen("--cert", pki.server.cert, "--key", pki.server.key, "--exec", command, *args, **kw)
    return do


def talk(server, tls, data=b"", version=None):
    """What a peer that says data, and its end, gets: (bytes, how it ended)."""
    peer = dial_tls(server.port, tls.client(version))
    peer.send(data)
    peer.close_notify()
    answer = peer.read_to_end()
    peer.close()
    return answer


def go(fifo):
    """Lets a command go on that reads a line from this FIFO. Without a command nothing blocks here."""
    def try_it():
        try:
            return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return None
    descriptor = wait_for(lambda: try_it() or 0, "the command's reading")
    os.write(descriptor, b"go\n")
    os.close(descriptor)


# ---------------------------------------------------------------- ends that are ends


@BOTH_VERSIONS
def test_what_the_peer_says_is_its_input_and_its_output_is_said_to_the_peer(execute, tls, version):
    server, data = execute("cat"), random_bytes(3_000_000)
    peer = dial_tls(server.port, tls.client(version))
    for at in range(0, len(data), 50_000):
        peer.send(data[at:at + 50_000])
        assert peer.read(len(data[at:at + 50_000])) == data[at:at + 50_000]
    peer.close_notify()
    assert peer.read_to_end() == (b"", "close_notify")
    peer.fin()
    result = orderly(server.wait(), bytes_received=len(data), bytes_sent=len(data), command={"status": 0, "signal": None})
    assert result.out == b""


def test_connect_has_a_process_too(execute, start, pki, tmp_path):
    server = execute("read line; echo $line taken")
    client = start("connect", f"localhost:{server.port}", "--ca", pki.ca, "--exec", f"echo request; read answer; echo $answer > {tmp_path}/answer").wait()
    orderly(client, command={"status": 0, "signal": None})
    orderly(server.wait())
    assert (tmp_path / "answer").read_bytes() == b"request taken\n"


def test_the_openssl_command_talks_to_a_process(execute, program, pki):
    server = execute("read line; echo got $line")
    client = program("openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-CAfile", pki.ca, "-quiet", stdin=subprocess.PIPE)
    client.stdin.write(b"from openssl\n")
    client.stdin.flush()
    result = server.wait()
    assert client.wait(20) == 0 and client.out_path.read_bytes() == b"got from openssl\n"
    expect(result, result.exit, sending="closed", command={"status": 0, "signal": None})


def test_the_peers_end_is_the_inputs_end_and_not_before(execute, tls, tmp_path):
    server = execute(f"cat > {tmp_path}/in; touch {tmp_path}/ended; echo reply")
    peer = dial_tls(server.port, tls.client())
    peer.send(b"some")
    wait_for(lambda: (tmp_path / "in").exists() and (tmp_path / "in").read_bytes() == b"some", "the input")
    assert not (tmp_path / "ended").exists()
    peer.close_notify()
    assert peer.read_to_end() == (b"reply\n", "close_notify") and (tmp_path / "ended").exists()
    peer.fin()
    orderly(server.wait())


def test_the_end_of_its_output_is_passed_on_only_when_it_has_exited(execute, tls, tmp_path):
    os.mkfifo(tmp_path / "wait")
    server = execute(f"echo all; exec >&-; read line < {tmp_path}/wait")
    peer = dial_tls(server.port, tls.client())
    assert peer.read(4) == b"all\n"
    peer.sock.settimeout(0.5)
    with pytest.raises(TimeoutError):
        peer.receive()
    peer.sock.settimeout(20)
    rests(server)
    go(tmp_path / "wait")
    assert peer.read_to_end() == (b"", "close_notify")
    peer.goodbye()
    orderly(server.wait())


def test_its_own_version_cipher_and_peer_are_told(execute, tls, monkeypatch):
    monkeypatch.setenv("ADIEU_ALPN", "inherited")
    server = execute("env")
    peer = dial_tls(server.port, tls.client("1.3"))
    variables = dict(line.split("=", 1) for line in peer.read_to_end()[0].decode().splitlines() if "=" in line)
    ours = {name: value for name, value in variables.items() if name.startswith("ADIEU_") and not name.startswith("ADIEU_TEST")}
    assert ours == {"ADIEU_PEER": "127.0.0.1:%d" % peer.sock.getsockname()[1], "ADIEU_VERSION": "TLSv1.3",
                    "ADIEU_CIPHER": peer.tls.cipher()[0], "ADIEU_SERVER_NAME": "localhost", "ADIEU_VERIFIED": "no"}
    peer.goodbye()
    server.wait()


def test_what_it_says_to_standard_error_is_there(execute, tls):
    server = execute("echo a warning >&2")
    assert talk(server, tls) == (b"", "close_notify")
    assert server.wait().err.splitlines()[-1] == "a warning"


def test_it_inherits_no_descriptor_and_no_ignored_signal(adieu, tls, pki, tmp_path):
    (tmp_path / "password").write_text("secret")
    shown = "ls /proc/self/fd; grep -E 'Sig(Blk|Ign)' /proc/self/status"
    command = [adieu, "listen", "127.0.0.1:0", "--cert", pki.server.cert, "--key", pki.encrypted_key(pki.server, "secret"),
               "--key-password-file=fd:7", "--report=fd:8", "--exec", shown]
    shell = ["sh", "-c", 'cd "$1"; shift; exec "$@" 7< password 8> report', "sh", tmp_path, *command]
    with subprocess.Popen(shell, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**os.environ, "SSLKEYLOGFILE": "keys"}) as server:
        try:
            server.port = wait_for(lambda: listening_ports(server.pid), "listening")[0]
            out, ended = talk(server, tls)
            assert server.wait(20 * SLOWNESS) == 0
        finally:
            server.kill()
    lines = out.decode().split("\n")
    assert ended == "close_notify" and lines[:4] == ["0", "1", "2", "3"], lines  # 3 is ls's own
    assert lines[4].split() == ["SigBlk:", "0" * 16] and lines[5].split()[0] == "SigIgn:"
    assert int(lines[5].split()[1], 16) & (1 << signal.SIGPIPE - 1 | 1 << signal.SIGCHLD - 1 | 1 << signal.SIGXFSZ - 1) == 0


# ---------------------------------------------------------------- failures are no ends


@BOTH_VERSIONS
@pytest.mark.parametrize("command, status, number, says", [
    ("exit 3", 3, None, "the command exited with 3"),
    ("false", 1, None, "the command exited with 1"),
    ("kill -9 $$", 137, "SIGKILL", "the command was ended by SIGKILL"),
    ("kill -PIPE $$; echo survived", 141, "SIGPIPE", "the command was ended by SIGPIPE"),
    ("exec /nonexistent/program", 127, None, "the command exited with 127 (not found)"),
    ("exec /etc/passwd", 126, None, "the command exited with 126 (found, but it could not be run)"),
])
def test_a_failed_command_is_a_reset_for_the_peer_and_9(execute, tls, version, command, status, number, says):
    server = execute(f"printf half; {command}")
    peer = dial_tls(server.port, tls.client(version))
    data, ended = peer.read_to_end()
    assert data == b"half" and ended in ("reset", "truncated")
    result = expect(server.wait(), 9, command={"status": status, "signal": number}, error_code="local_io", sending="aborted")
    assert f": {says}\n" in result.err


def test_what_a_failing_command_said_arrives_before_the_reset(execute, tls):
    server = execute("head -c 500000 /dev/zero; exit 1")
    peer = dial_tls(server.port, tls.client())
    assert peer.read_to_end() == (bytes(500_000), "reset")
    expect(server.wait(), 9, bytes_sent=500_000)


def test_a_failure_after_the_peers_end_is_9(execute, tls):
    server = execute("cat > /dev/null; exit 4")
    assert talk(server, tls, b"all of it")[1] in ("reset", "truncated")
    expect(server.wait(), 9, receiving="closed", sending="aborted", first="peer", command={"status": 4, "signal": None})


def test_what_its_child_still_says_is_waited_for(execute, tls):
    server = execute("(sleep 0.5; echo late) & echo early")
    assert talk(server, tls) == (b"early\nlate\n", "close_notify")
    orderly(server.wait())


def test_a_silent_child_that_keeps_the_output_is_not_waited_for_for_ever(execute, tls, tmp_path):
    server = execute(f"sleep 1000 & echo $! > {tmp_path}/pid; echo early")
    peer = dial_tls(server.port, tls.client())
    with takes(4.5, 10):
        assert peer.read_to_end() == (b"early\n", "reset")
    result = expect(server.wait(), 9, command={"status": 0, "signal": None})
    assert "something that it started keeps its output open" in result.err
    assert gone(int((tmp_path / "pid").read_text()))


# ---------------------------------------------------------------- cuts are no ends


STORE = "trap '' TERM; cat > {0}/in && touch {0}/ended"  # it would take any end for the end, and cannot be asked to go


@pytest.mark.parametrize("way, status, receiving", [(cut, 3, "truncated"), (cut_in_a_record, 3, "truncated"), (reset, 4, "reset"),
                                                    (gave_up, 5, "alerted"), (corrupted, 6, "rejected")])
def test_a_cut_is_no_end_for_the_command_even_if_it_will_not_go(execute, tls, tmp_path, way, status, receiving):
    server = execute(STORE.format(tmp_path))
    peer = dial_tls(server.port, tls.client())
    peer.send(b"part")
    wait_for(lambda: (tmp_path / "in").exists() and (tmp_path / "in").read_bytes() == b"part", "the input")
    way(peer)
    expect(server.wait(), status, receiving=receiving, command={"status": 137, "signal": "SIGKILL"})
    assert not (tmp_path / "ended").exists()


def test_a_command_that_is_cut_off_is_asked_to_go_first(execute, tls, tmp_path):
    server = execute(f"trap 'touch {tmp_path}/asked; exit 0' TERM; touch {tmp_path}/ready; while :; do sleep 0.1; done")
    peer = dial_tls(server.port, tls.client())
    wait_for((tmp_path / "ready").exists, "the command")
    with takes(0, 1.5):
        cut(peer)
        result = server.wait()
    expect(result, 3, command={"status": 0, "signal": None})
    assert (tmp_path / "asked").exists()


def test_an_accepted_truncation_is_an_end_for_the_command(execute, tls, tmp_path):
    server = execute(f"cat > {tmp_path}/in && touch {tmp_path}/ended", "--accept-truncation")
    peer = dial_tls(server.port, tls.client())
    peer.send(b"whole")
    cut(peer)
    assert peer.read_to_end() == (b"", "close_notify")
    expect(server.wait(), 0, receiving="truncated")
    assert (tmp_path / "in").read_bytes() == b"whole" and (tmp_path / "ended").exists()


def test_a_truncation_inside_a_record_is_never_an_end_for_the_command(execute, tls, tmp_path):
    server = execute(STORE.format(tmp_path), "--accept-truncation")
    peer = dial_tls(server.port, tls.client())
    wait_for((tmp_path / "in").exists, "the command")
    cut_in_a_record(peer)
    expect(server.wait(), 3, receiving="truncated", command={"status": 137, "signal": "SIGKILL"})
    assert not (tmp_path / "ended").exists()


def test_a_command_that_has_heard_all_may_finish_though_nobody_waits_for_its_reply(execute, tls, tmp_path):
    os.mkfifo(tmp_path / "wait")
    os.mkfifo(tmp_path / "store")
    server = execute(f"cat > {tmp_path}/in; read line < {tmp_path}/wait; echo reply; read line < {tmp_path}/store; touch {tmp_path}/stored", "-v")
    peer = dial_tls(server.port, tls.client())
    peer.send(b"to be stored")
    peer.close_notify()
    server.wait_err("receiving is closed")
    peer.reset()
    go(tmp_path / "wait")
    server.wait_err("sending is failed")
    rests(server)
    go(tmp_path / "store")
    result = server.wait()
    assert (tmp_path / "in").read_bytes() == b"to be stored"
    assert (tmp_path / "stored").exists() and result.report["command"] == {"status": 0, "signal": None}
    expect(result, result.exit, receiving="closed")


def test_without_a_handshake_there_is_no_process(execute, tls, serve, start, tmp_path):
    server = execute(f"touch {tmp_path}/started")
    dial_tls(server.port, tls.client(), handshake=False).fin()
    result = server.wait()
    assert result.exit != 0 and result.report["command"] is None and not (tmp_path / "started").exists()
    refused = serve(lambda peer: peer.read_to_end())
    client = start("connect", f"localhost:{refused.port}", "--pin", "0" * 64, "--exec", f"touch {tmp_path}/started", "--timeout-close=0.3").wait()
    expect(client, 6, command=None)
    assert not (tmp_path / "started").exists()


# ---------------------------------------------------------------- input that is not wanted


def test_a_command_that_reads_nothing_holds_the_peer_up_and_loses_nothing(execute, tls, tmp_path):
    os.mkfifo(tmp_path / "wait")
    data = random_bytes(20_000_000)
    server = execute(f"read line < {tmp_path}/wait; sha256sum")
    peer = dial_tls(server.port, tls.client())
    sending = threading.Thread(target=lambda: (peer.send(data), peer.close_notify()), daemon=True)
    sending.start()
    sending.join(1)
    assert sending.is_alive(), "20 MB went somewhere"
    rests(server)
    go(tmp_path / "wait")
    sending.join(60)
    assert peer.read_to_end() == (hashlib.sha256(data).hexdigest().encode() + b"  -\n", "close_notify")
    peer.fin()
    orderly(server.wait())


def test_what_comes_for_a_command_that_has_closed_its_input_is_thrown_away(execute, tls):
    server = execute("exec <&-; sleep 0.5; echo done")
    assert talk(server, tls, random_bytes(5_000_000)) == (b"done\n", "close_notify")
    orderly(server.wait())


def test_a_command_that_exits_early_ends_the_conversation_in_order(execute, tls):
    server = execute("head -c 4")
    peer = dial_tls(server.port, tls.client())
    peer.send(b"1234 and more that nobody hears")
    assert peer.read_to_end() == (b"1234", "close_notify")
    peer.send(b"and still more")
    peer.goodbye()
    orderly(server.wait())


# ---------------------------------------------------------------- many, and none left behind


def test_many_have_a_process_each(serve_many, tls):
    server = serve_many("--exec", "read line; echo $line; case $line in bad*) exit 7;; esac; cat")
    peers = [(dial_tls(server.port, tls.client()), b"bad" if i % 3 == 0 else b"good") for i in range(20)]

    def one(peer, word):
        # At once: whoever is bad may be reset before a second send.
        peer.sock.sendall(peer.seal(word + b"\nrest") + peer.seal_close_notify())
        assert peer.read_to_end() == ((b"good\nrest", "close_notify") if word == b"good" else (b"bad\n", "reset"))

    all_of([lambda p=peer, w=word: one(p, w) for peer, word in peers])
    for peer, word in peers:
        report = line_of(server.report_lines, peer)
        assert (report["exit"], report["command"]["status"]) == ((0, 0) if word == b"good" else (9, 7)), report
    with open(f"/proc/{server.pid}/task/{server.pid}/children", encoding="ascii") as children:
        assert children.read() == ""  # no zombie either


def started(tmp_path, count):
    pids = wait_for(lambda: len(list(tmp_path.glob("pid-*"))) == count and [int(p.name[4:]) for p in tmp_path.glob("pid-*")], "the commands")
    return pids


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_leaves_no_process_behind(serve_many, tls, tmp_path, number):
    server = serve_many("--exec", f"touch {tmp_path}/pid-$$; (touch {tmp_path}/pid-$(exec sh -c 'echo $PPID'); sleep 1000); cat")
    peers = [dial_tls(server.port, tls.client()) for _ in range(3)]
    pids = started(tmp_path, 6)
    server.signal(number)
    with takes(0, 5):
        assert server.wait().exit == -number
    assert all(gone(pid) for pid in pids)
    assert {line["command"]["signal"] for line in lines_of(server.report_lines)} == {"SIGTERM"}
    assert {peer.read_to_end()[1] for peer in peers} == {"reset"}


def test_a_killed_adieu_leaves_no_process_behind(execute, tls, tmp_path):
    server = execute(f"touch {tmp_path}/pid-$$; exec sleep 1000")
    peer = dial_tls(server.port, tls.client())
    pids = started(tmp_path, 1)
    server.signal(signal.SIGKILL)
    assert server.wait().exit == -signal.SIGKILL and gone(pids[0])
    assert peer.read_to_end()[1] in ("reset", "truncated")


def test_a_deadline_ends_the_process(execute, tls, tmp_path):
    server = execute(f"touch {tmp_path}/pid-$$; exec sleep 1000", "--timeout-total=0.5")
    peer = dial_tls(server.port, tls.client())
    pids = started(tmp_path, 1)
    assert peer.read_to_end()[1] == "reset"
    expect(server.wait(), 8, command={"status": 143, "signal": "SIGTERM"})
    assert gone(pids[0])


def test_a_waiting_process_rests(execute, tls):
    server = execute("cat")
    peer = dial_tls(server.port, tls.client())
    peer.send(b"x")
    assert peer.read(1) == b"x"
    rests(server)
    peer.close()


def test_what_a_command_leaves_behind_is_buried_where_orphans_become_ours(serve_many, tls):
    become_subreaper = lambda: ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # noqa: E731  as process 1 of a container is
    server = serve_many("--exec", "sleep 0.1 > /dev/null & echo $!", preexec=become_subreaper)
    said, end = talk(server, tls)
    assert end == "close_notify" and gone(int(said))


def test_sigchld_ignored_by_the_parent_does_not_hide_the_status(execute, tls):
    server = execute("exit 5", preexec=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    assert talk(server, tls)[1] in ("reset", "truncated")
    expect(server.wait(), 9, command={"status": 5, "signal": None})


def test_without_descriptors_for_its_pipes_a_connection_is_9(serve_many, tls):
    server = serve_many("--exec=cat", preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (10, 10)))
    peers = [dial_tls(server.port, tls.client(), handshake=False) for _ in range(2)]
    peers[0].handshake()
    assert peers[0].read_to_end()[1] == "reset"
    report = line_of(server.report_lines, peers[0])
    assert (report["exit"], report["os_error"], report["command"]) == (9, "EMFILE", None), report


@pytest.mark.parametrize("args, says", [
    (["--exec=cat", "--until=peer"], "--until=peer does not go with --exec"),
    (["--exec=cat", "--end-after=5"], "--end-after does not go with --exec"),
    (["--exec="], "--exec needs a value: COMMAND"),
])
def test_what_does_not_go_with_it_is_said(run, args, says):
    result = run("connect", "h:1", *args)
    assert result.exit == 64 and says in result.err, result


def test_bad_ends_on_purpose_come_when_it_has_exited(execute, tls):
    server = execute("printf 0123456789", "--end=cut", "--end-after=5")
    peer = dial_tls(server.port, tls.client())
    assert peer.read_to_end() == (b"01234", "truncated")
    peer.goodbye()
    assert server.wait().exit == 1
