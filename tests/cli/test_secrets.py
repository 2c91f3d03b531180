# SPDX-License-Identifier: MIT
"""Keys, passwords and key logs: nobody is asked, and what is secret stays with whom it is given to."""
import contextlib
import fcntl
import os
import pty
import termios

import pytest

from lib_claims import expect, orderly, takes
from lib_claims import answer, dial, serve, tls  # noqa: F401  # fixtures

HELLO = b"hello"


def greets(peer):
    peer.send(HELLO)
    return peer.goodbye()


def controlled_by(slave):
    """Makes the terminal the controlling one, where OpenSSL would ask."""
    def prepare():
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    return prepare


def test_an_encrypted_key_without_a_password_is_status_78_and_nobody_is_asked(start, pki):
    master, slave = pty.openpty()
    locked = pki.encrypted_key(pki.server, "sesame")
    with takes(0, 5):
        result = start("listen", "127.0.0.1:0", "--cert", pki.server.cert, "--key", locked, stdin=slave,
                       preexec=controlled_by(slave)).wait()
    os.close(slave)
    os.set_blocking(master, False)
    asked = b""
    with contextlib.suppress(OSError):
        asked = os.read(master, 4096)
    os.close(master)
    assert asked == b""
    expect(result, 78, sending=None, error_code="key_password")
    assert "--key-password-file" in result.err


def test_a_wrong_password_is_status_78(start, pki, tmp_path):
    (tmp_path / "password").write_text("abracadabra\n")
    result = start("listen", "127.0.0.1:0", "--cert", pki.server.cert, "--key", pki.encrypted_key(pki.server, "sesame"),
                   f"--key-password-file={tmp_path}/password").wait()
    expect(result, 78, error_code="key_password")


@pytest.mark.parametrize("newline", ["", "\n"])
def test_the_right_password_opens_the_key(listen, dial, pki, tmp_path, newline):
    (tmp_path / "password").write_text("sesame" + newline)
    listener = listen("--cert", pki.server.cert, "--key", pki.encrypted_key(pki.server, "sesame"),
                      f"--key-password-file={tmp_path}/password", input=HELLO)
    result = dial(listener.port, input=b"").wait()
    assert result.out == HELLO
    orderly(result)
    orderly(listener.wait())


def test_a_password_comes_from_a_descriptor_too(listen, dial, pki):
    reader, writer = os.pipe()
    os.write(writer, b"sesame\n")
    os.close(writer)
    os.set_inheritable(reader, True)
    try:
        listener = listen("--cert", pki.server.cert, "--key", pki.encrypted_key(pki.server, "sesame"),
                          "--key-password-file=fd:0", stdin=reader)
        orderly(dial(listener.port, input=HELLO).wait())
        assert listener.wait().out == HELLO
    finally:
        os.close(reader)


@pytest.mark.parametrize("version,label", [("1.3", "CLIENT_TRAFFIC_SECRET_0 "), ("1.2", "CLIENT_RANDOM ")])
def test_sslkeylogfile_gets_the_keys_of_both_sides(answer, dial, tmp_path, version, label):
    ours, theirs = tmp_path / "connect.keys", tmp_path / "listen.keys"
    listener = answer("--max", version, env={"SSLKEYLOGFILE": str(theirs)})
    dialer = dial(listener.port, "--max", version, input=HELLO, env={"SSLKEYLOGFILE": str(ours)})
    orderly(dialer.wait())
    orderly(listener.wait())
    lines = [line for line in ours.read_text().splitlines() if line.startswith(label)]
    assert len(lines) == 1 and lines[0] in theirs.read_text()
    assert ours.stat().st_mode & 0o077 == 0, "who can read it can read the traffic"


def test_a_key_log_that_exists_is_continued(serve, dial, tmp_path):
    log = tmp_path / "keys"
    log.write_text("# before\n")
    peer = serve(greets)
    orderly(dial(peer.port, input=b"", env={"SSLKEYLOGFILE": str(log)}).wait())
    assert log.read_text().startswith("# before\n") and "SECRET" in log.read_text()
