# SPDX-License-Identifier: MIT
"""--session: what one run was given the next one resumes; a session is used once, is nobody else's, and never costs a conversation."""
import os
import stat

import pytest

from lib_command import free_port
from lib_claims import BOTH_VERSIONS, dial, expect, orderly, serve, tls  # noqa: F401  # pylint: disable=unused-import
from lib_peer import PeerServer
from lib_plain import DIALOGUES, lead


def polite(peer):
    """The whole conversation, and whether it was resumed."""
    data, ended = peer.read_to_end()
    peer.send(b"reply")
    peer.goodbye()
    return data, ended, peer.tls.session_reused


@pytest.fixture
def meet(serve, dial, tls, tmp_path):
    """meet(script, context) -> (Result, what the script returned): one conversation, with the session in meet.file."""
    contexts = {}

    def do(*args, script=polite, version=None, context=None, input=b"hello"):
        context = context or contexts.setdefault(version, tls.server(version))
        server = serve(script, context=context)
        result = dial(server.port, "--session", do.file, *args, input=input).wait()
        return result, server
    do.file = tmp_path / "session"
    return do


def resumed(meeting):
    result, server = meeting
    orderly(result)
    assert result.out == b"reply"
    assert server.result()[2] == result.report["resumed"], "both sides agree"
    return result.report["resumed"]


@BOTH_VERSIONS
def test_the_next_run_resumes(meet, version):
    assert not resumed(meet(version=version))
    assert resumed(meet(version=version)) and resumed(meet(version=version))


@BOTH_VERSIONS
def test_the_file_is_its_owners_alone_whatever_the_umask(meet, version):
    before = os.umask(0)
    try:
        meet(version=version)
    finally:
        os.umask(before)
    assert stat.S_IMODE(meet.file.stat().st_mode) == 0o600
    assert [path.name for path in meet.file.parent.iterdir() if path.name.startswith("session")] == ["session"]


def test_a_session_of_tls_1_3_is_used_once(meet):
    meet(version="1.3")
    first = meet.file.read_bytes()
    assert resumed(meet(version="1.3"))
    assert meet.file.read_bytes() != first


def test_a_session_that_was_used_and_not_replaced_is_gone(meet, tls):
    context = tls.server("1.3")
    assert not resumed(meet(context=context))
    context.num_tickets = 0
    assert resumed(meet(context=context))
    assert not meet.file.exists()


def test_a_session_of_tls_1_2_stays_good(meet, tls):
    meet(version="1.2")
    assert resumed(meet(version="1.2")) and meet.file.exists() and resumed(meet(version="1.2"))


def test_a_server_that_gives_none_leaves_no_file(meet, tls):
    context = tls.server("1.3")
    context.num_tickets = 0
    assert not resumed(meet(context=context)) and not meet.file.exists()


def test_a_server_that_does_not_know_it_any_more_does_a_full_handshake(meet, tls):
    meet(context=tls.server("1.3"))
    result, server = meet(context=tls.server("1.3"))
    assert not resumed((result, server)) and result.err == ""


# ---------------------------------------------------------------- what the file may be


def useless(meeting, why):
    """A full handshake, an orderly end, and one line that says why."""
    result, _ = meeting
    assert not resumed(meeting)
    assert len(result.err.splitlines()) == 1 and f"adieu: --session {result.args[result.args.index('--session') + 1]}: {why}" in result.err, result
    assert "a full handshake is done instead" in result.err


def test_a_damaged_file_is_told_and_replaced(meet):
    meet()
    whole = meet.file.read_bytes()
    for at in [*range(0, 40, 3), len(whole) // 2, len(whole) - 1]:
        meet.file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:])
        useless(meet(), "it")
    assert resumed(meet())


@pytest.mark.parametrize("content, why", [(b"hello\n", "it holds no session"), (b"\0" * 5000, "it holds no session"), (b"x" * 300_000, "it is too large"),
                                          (b"adieu session 1 ", "it holds no session"), (b"adieu session 1 \n", "it is damaged")],
                         ids=["line", "zeros", "large", "title", "head"])
def test_a_file_of_something_else_is_told_and_replaced(meet, content, why):
    meet.file.write_bytes(content)
    useless(meet(), why)
    assert resumed(meet())


@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_a_file_that_was_cut_is_damaged(meet, keep):
    meet()
    whole = meet.file.read_bytes()
    meet.file.write_bytes(whole[:int(len(whole) * keep)])
    useless(meet(), "it is damaged")


def test_an_empty_file_is_the_first_time(meet):
    meet.file.write_bytes(b"")
    result, server = meet()
    assert not resumed((result, server)) and result.err == "" and resumed(meet())


def test_another_servers_session_is_not_shown_around(meet, serve, start, pki, tls):
    meet()
    server = serve(polite, context=tls.server())
    result = start("connect", f"127.0.0.1:{server.port}", "--ca", pki.ca, "--session", meet.file, input=b"hello").wait()
    useless((result, server), "its session is another server's")
    assert b" 127.0.0.1\n" in meet.file.read_bytes()[:60]


def test_a_session_made_in_other_trust_is_not_resumed(meet, serve, start, pki):
    """Who did not verify then has nothing to show now."""
    context = None
    def once(*trust):
        nonlocal context
        server = serve(polite, **({"context": context} if context else {}))
        context = server.context
        return start("connect", f"127.0.0.1:{server.port}", "--name=localhost", *trust, "--session", meet.file, input=b"hello").wait(), server
    assert not resumed(once("--insecure")) and resumed(once("--insecure"))
    useless(once("--ca", pki.ca), "its session was made while others were trusted than now")
    result, server = once("--ca", pki.ca)
    assert resumed((result, server)) and result.report["verified"] == "name"


def test_a_file_that_cannot_be_read_is_told(meet):
    meet()
    meet.file = meet.file / "below"
    result, server = meet()
    assert not resumed((result, server)) and f"--session {meet.file}: Not a directory; a full handshake is done instead" in result.err


@pytest.mark.parametrize("what", ["folder", "fifo", "null"])
def test_what_is_no_file_is_neither_read_nor_replaced(meet, what):
    if what == "folder":
        meet.file.mkdir()
    elif what == "fifo":
        os.mkfifo(meet.file)
    else:
        meet.file.symlink_to("/dev/null")
    before = meet.file.lstat()
    result, server = meet()
    assert not resumed((result, server))
    assert "it is no file" in result.err and "the new session cannot be kept" in result.err
    assert meet.file.lstat().st_ino == before.st_ino and os.stat("/dev/null").st_rdev != 0


def test_a_place_that_is_not_there_is_told_and_costs_nothing_else(meet, tmp_path):
    meet.file = tmp_path / "none" / "session"
    result, server = meet()
    assert not resumed((result, server)) and "the new session cannot be kept: No such file or directory" in result.err


# ---------------------------------------------------------------- after bad endings


def gives_up(peer):
    peer.send(b"some")
    peer.send_fatal_alert()
    peer.fin()
    peer.drain()


def corrupts(peer):
    peer.send_corrupted(b"some")
    peer.drain()


def cuts(peer):
    peer.read_to_end()
    peer.send(b"reply")
    peer.fin()


@pytest.mark.parametrize("script, status", [(gives_up, 5), (corrupts, 6)])
def test_a_connection_that_failed_leaves_no_session(meet, script, status):
    result, _ = meet(script=script, input=None)
    expect(result, status)
    assert not meet.file.exists()


@pytest.mark.parametrize("script, status", [(gives_up, 5), (corrupts, 6)])
def test_a_session_whose_connection_failed_is_not_used_again(meet, script, status):
    meet()
    expect(meet(script=script, input=None)[0], status, resumed=True)
    assert not meet.file.exists()
    assert not resumed(meet())


def test_a_cut_takes_nothing_from_a_session(meet):
    expect(meet(script=cuts)[0], 3)
    assert resumed(meet())


def test_who_was_not_reached_has_seen_no_session(meet, run, pki):
    meet()
    before = meet.file.read_bytes()
    assert run("connect", f"127.0.0.1:{free_port()}", "--name=localhost", "--ca", pki.ca, "--session", meet.file).exit == 7
    assert meet.file.read_bytes() == before and resumed(meet())


@BOTH_VERSIONS
def test_a_server_that_is_not_whom_we_trust_leaves_no_session(meet, version):
    expect(meet("--name=other.test", "--timeout-close=0.3", version=version)[0], 6)
    assert not meet.file.exists()


def test_a_session_goes_together_with_a_proxy_and_starttls(meet, start, pki, tls):
    context = tls.server()

    def script(peer):
        lead(peer.sock, DIALOGUES["pop3"])
        peer.handshake()
        return polite(peer)

    for expected in (False, True):
        with PeerServer(script, context, handshake=False) as server:
            result = start("connect", f"127.0.0.1:{server.port}", "--name=localhost", "--ca", pki.ca, "--session", meet.file,
                           "--starttls=pop3", input=b"x").wait()
            assert resumed((result, server)) is expected


def test_listen_has_no_session(run):
    result = run("listen", "0", "--session=x")
    assert result.exit == 64 and "an option of 'adieu connect'" in result.err
