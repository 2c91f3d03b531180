# SPDX-License-Identifier: MIT
"""Bad input: one clear line that says what to do, the documented status, nothing half-done. And --help, --version, the man page."""

import os
import re
import shutil
import signal
import socket
import subprocess

import pytest

from lib_command import ROOT, free_port

USAGE, CONFIG, UNREACHED, LOCAL_IO = 64, 78, 7, 9


def one_line(result, pattern):
    """Standard error is one line, and says that."""
    lines = result.err.splitlines()
    assert len(lines) == 1 and re.search(pattern, lines[0]), result
    assert result.out == b""


def usage(result, pattern):
    """A usage error: its line, and where to find help; no report."""
    lines = result.err.splitlines()
    assert result.exit == USAGE and len(lines) == 2, result
    assert re.search(pattern, lines[0]), result
    assert re.fullmatch(r"Try 'adieu( connect| listen)? --help'\.", lines[1]), result
    assert result.out == b"" and result.report is None


@pytest.mark.parametrize("args, says", [
    (["connect", "h:1", "--frobnicate"], r"no option --frobnicate$"),
    (["connect", "h:1", "--timeout-conect=3"], r"is --timeout-connect meant\?"),
    (["connect", "h:1", "--insecur"], r"is --insecure meant\?"),
    (["connect", "h:1", "--key-pass=x"], r"is --key-password-file meant\?"),
    (["connect", "h:1", "-x"], r"no option -x"),
    (["connect", "h:1", "--client-ca=x"], r"an option of 'adieu listen'"),
    (["listen", "0", "--insecure"], r"an option of 'adieu connect'"),
    (["connect"], r"HOST:PORT is missing"),
    (["listen"], r"\[HOST:\]PORT is missing"),
    (["connect", "h:1", "i:2"], r"one address is enough: 'i:2'"),
    (["connect", "h:1", "--unix=/x", "--insecure"], r"cannot both be meant"),
    (["connect", "--unix=/x"], r"--name, --pin or --insecure"),
    (["connect", "--unix=/x", "--insecure", "--bind=127.0.0.1"], r"--unix has no address"),
    (["listen", "--unix=/nowhere/x", "-6"], r"--unix has no address"),
    (["connect", "--unix=/x", "--ca=/x", "--pin=" + "0" * 64], r"--name, --pin or --insecure"),
    (["connect", "h:1", "--quiet=1"], r"--quiet takes no value"),
    (["connect", "h:1", "--ca="], r"--ca needs a value: FILE\|DIR"),
    (["connect", "h:1", "--key=x"], r"--key needs --cert"),
    (["connect", "h:1", "--key-password-file=x"], r"needs --cert"),
    (["connect", "h:1", "--min=1.3", "--max=1.2"], r"--min is higher than --max"),
    (["listen", "0", "--cert=x", "--name=y"], r"throwaway"),
])
def test_what_does_not_fit_is_a_usage_error_that_says_so(run, args, says):
    usage(run(*args), says)


def test_a_value_that_is_missing_at_the_end_is_a_usage_error(run):
    usage(run("connect", "h:1", "--ca", report=False), r"--ca needs a value")


@pytest.mark.parametrize("option, value, says", [
    ("--timeout-total", "-1", "number of seconds"), ("--timeout-total", "1e3", "number of seconds"),
    ("--timeout-total", "1.", "number of seconds"), ("--timeout-total", ".", "number of seconds"),
    ("--timeout-close", "9999999999", "number of seconds"), ("--end-after", "1k", "number of bytes"),
    ("--until", "never", r"both\|peer\|self"), ("--end", "badly", r"clean\|cut"), ("--min", "1.1", r"1\.2\|1\.3"),
    ("--pin", "abc", "SHA-256"), ("--pin", "0" * 63, "SHA-256"), ("--pin", "0" * 65, "SHA-256"), ("--pin", "g" * 64, "SHA-256"),
    ("--pin", "sha256//AAAA", "SHA-256"), ("--pin", "sha256//" + "A" * 42 + "B=", "SHA-256"), ("--alpn", "a,,b", "without gaps"),
    ("--alpn", ",", "without gaps"), ("--alpn", ",".join(map(str, range(65))), "at most 64"),
])
def test_a_value_that_cannot_be_is_a_usage_error(run, option, value, says):
    usage(run("connect", "h:1", option, value), rf"{option} cannot be '{re.escape(value)}': .*{says}")


@pytest.mark.parametrize("address, says", [
    ("localhost", "port is missing"), ("443", "port is missing"), ("", "port is missing"), ("[::1]", "port is missing"),
    ("::1:443", r"brackets: \[::1\]:443"), ("[::1:443", "bracket is not closed"), ("[::1]443", "colon"), (":443", "host is empty"),
    ("localhost:", "number from 1"), ("localhost:0", "number from 1"), ("localhost:65536", "number from 1"),
    ("localhost:-1", "number from 1"), ("localhost:4 3", "number from 1"), ("localhost:nosuchservice", "name of a service"),
    ("a" * 300 + ":1", "too long"),
])
def test_an_address_that_is_none_is_a_usage_error(run, address, says):
    usage(run("connect", address), f"is no address: .*{says}")


@pytest.mark.parametrize("address, says", [("localhost:", "number from 0"), (":0", r"write '\*:PORT'"), ("65536", "number from 0")])
def test_an_address_that_is_none_is_a_usage_error_to_listen(run, address, says):
    usage(run("listen", address), f"is no address: .*{says}")


def test_a_command_is_needed_and_must_be_one(run):
    usage(run(report=False), "command is missing")
    usage(run("conect", report=False), "no command 'conect'")


@pytest.mark.parametrize("args", [["localhost:{port}", "--insecure", "-q"], ["-q", "localhost:{port}", "--insecure"],
                                  ["-q", "--insecure", "--", "localhost:{port}"], ["--timeout-connect", "5", "-4q", "localhost:{port}"]])
def test_options_may_stand_before_and_after_the_address(run, args):
    port = free_port()
    result = run("connect", *[a.format(port=port) for a in args], report=False)
    assert result.exit == UNREACHED and result.err == ""


def test_after_two_dashes_nothing_is_an_option(run):
    usage(run("connect", "--", "--insecure", report=False), "'--insecure' is no address")


VALUES = {"FILE|DIR": "/nonexistent", "FILE": "/nonexistent", "NAME": "n", "SHA256": "0" * 64, "FILE|fd:N": "/nonexistent", "A,B": "a",
          "ADDRESS": "127.0.0.1", "PATH": "/nonexistent", "SECONDS": "1", "BYTES": "1", "URL": "http://h:1", "N": "1", "COMMAND": "true"}


def test_every_row_of_the_option_table_has_a_place(run):
    for command, name, argument in all_options():
        option = f"--{name}={VALUES.get(argument, argument.split('|')[0])}" if argument else f"--{name}"
        result = run(command, option, "no address", "no second one", report=False)
        assert result.exit == (0 if name in ("help", "version") else USAGE), result
        assert name in ("help", "version") or "no second one" in result.err, f"--{name} stopped the parser: {result}"


# ---------------------------------------------------------------- what cannot be reached


def test_a_refused_connection_is_7_and_says_who_refused(run):
    port = free_port()
    result = run("connect", f"127.0.0.1:{port}")
    assert result.exit == UNREACHED
    one_line(result, rf"127\.0\.0\.1:{port}: Connection refused; does anybody listen there\?")
    assert result.report["os_error"] == "ECONNREFUSED" and result.report["error"]["code"] == "connect"


def test_a_name_that_cannot_be_resolved_is_7(run):
    result = run("connect", "no-such-name.invalid:443")
    assert result.exit == UNREACHED
    one_line(result, r"no-such-name\.invalid: .*is the name right\?")
    assert result.report["error"]["code"] == "resolve"


def test_a_unix_socket_that_is_not_there_is_7(run, tmp_path):
    result = run("connect", "--unix", tmp_path / "none", "--insecure")
    assert result.exit == UNREACHED
    one_line(result, "No such file or directory; does anybody listen there")


def test_a_connection_that_nobody_answers_is_8_at_its_deadline(run):
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(3)]  # until the kernel answers no more
        for s in waiting:
            s.setblocking(False)
            s.connect_ex(full.getsockname())
        result = run("connect", "127.0.0.1:%d" % full.getsockname()[1], "--timeout-connect=0.3")
        for s in waiting:
            s.close()
    assert result.exit == 8 and 0.3 <= result.report["seconds"]["total"] < 5
    one_line(result, r"127\.0\.0\.1:\d+: no connection within 0\.3 s \(--timeout-connect\)")
    assert result.report["sending"] is None and result.report["error"]["code"] == "deadline"


def test_listening_for_nobody_ends_at_its_deadline(run):
    result = run("listen", "0", "--timeout-connect=0.2")
    assert result.exit == 8 and "nobody connected within 0.2 s (--timeout-connect)" in result.err
    assert result.report["peer"] is None and result.report["phase"] is None


# ---------------------------------------------------------------- configuration


def configuration(result, pattern, code=None):
    assert result.exit == CONFIG, result
    one_line(result, pattern)
    if result.report:
        assert result.report["exit"] == CONFIG and result.report["sending"] is None
        assert code is None or result.report["error"]["code"] == code, result


def test_a_file_that_is_missing_is_named_with_its_option(run):
    configuration(run("connect", "h:1", "--ca=/nonexistent"), r"--ca: .*/nonexistent: No such file", "file")
    configuration(run("connect", "h:1", "--cert=/nonexistent"), r"--cert.*/nonexistent: No such file", "file")
    configuration(run("listen", "0", "--client-ca=/nonexistent"), r"--client-ca: .*/nonexistent: No such file", "file")


def test_a_key_that_does_not_match_is_a_configuration_error(run, pki):
    other = pki.issue("other")
    result = run("listen", "0", "--cert", pki.server.cert, "--key", other.key)
    configuration(result, "private key does not belong to the certificate", "key_mismatch")


def test_a_certificate_file_without_the_key_says_that_the_key_is_missed(run, pki):
    configuration(run("listen", "0", "--cert", pki.server.cert), "without --key it holds the key", "pem")


def test_an_encrypted_key_needs_its_password(run, pki, tmp_path):
    key = pki.encrypted_key(pki.server, "secret")
    wrong = tmp_path / "wrong"
    wrong.write_text("guess\n")
    args = ["listen", "0", "--cert", pki.server.cert, "--key", key]
    configuration(run(*args), "password is missing or wrong", "key_password")
    configuration(run(*args, "--key-password-file", wrong), "password is missing or wrong", "key_password")


@pytest.mark.parametrize("password", ["secret\n", "secret"])
def test_one_newline_at_the_end_is_not_part_of_a_password(listen, pki, tmp_path, password):
    key = pki.encrypted_key(pki.server, "secret")
    file = tmp_path / "password"
    file.write_text(password)
    listen("--cert", pki.server.cert, "--key", key, "--key-password-file", file)


def test_a_second_newline_is_part_of_a_password(run, pki, tmp_path):
    key = pki.encrypted_key(pki.server, "secret")
    file = tmp_path / "password"
    file.write_text("secret\n\n")
    result = run("listen", "0", "--cert", pki.server.cert, "--key", key, "--key-password-file", file)
    configuration(result, "password is missing or wrong", "key_password")


def test_a_password_may_come_from_a_descriptor(adieu, pki):
    key = pki.encrypted_key(pki.server, "secret")
    r, w = os.pipe()
    os.write(w, b"secret\n")
    os.close(w)
    command = [adieu, "listen", "0", "--cert", pki.server.cert, "--key", key, f"--key-password-file=fd:{r}", "--timeout-connect=0.01"]
    assert subprocess.run(command, pass_fds=[r], capture_output=True, timeout=30, check=False).returncode == 8
    os.close(r)


@pytest.mark.parametrize("content, says", [(b"x" * 2000, "at most"), (b"se\0cret", "NUL")])
def test_a_password_that_cannot_be_one_is_refused(run, pki, tmp_path, content, says):
    file = tmp_path / "password"
    file.write_bytes(content)
    configuration(run("connect", "h:1", "--cert", pki.server.cert, "--key", pki.server.key, "--key-password-file", file), says)


def test_an_empty_authority_is_a_configuration_error(run, tmp_path):
    file, folder = tmp_path / "empty.pem", tmp_path / "folder"
    file.write_text("")
    folder.mkdir()
    configuration(run("connect", "h:1", "--ca", file), "--ca: no certificate", "empty_trust")
    configuration(run("connect", "h:1", "--ca", folder), "--ca: no certificate", "empty_trust")


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_an_unreadable_directory_is_a_configuration_error(run, tmp_path):
    folder = tmp_path / "closed"
    folder.mkdir(mode=0)
    configuration(run("connect", "h:1", "--ca", folder), "--ca: .*Permission denied", "file")


def test_a_name_that_cannot_be_one_is_found_before_anybody_is_called(run, raw_peer):
    called = []
    port = raw_peer(called.append)
    configuration(run("connect", f"127.0.0.1:{port}", "--name", "no name!"), "server name cannot be one", "bad_name")
    assert not called


def test_a_report_that_cannot_be_opened_is_found_before_anybody_is_called(run, raw_peer, tmp_path):
    called = []
    port = raw_peer(called.append)
    for report, says in ((f"{tmp_path}/none/r", "No such file"), (tmp_path, "Is a directory"), ("fd:77", "Bad file descriptor")):
        result = run("connect", f"127.0.0.1:{port}", f"--report={report}", report=False)
        configuration(result, f"--report .* cannot be written: {says}")
    assert not called


def test_a_key_log_that_cannot_be_written_is_a_configuration_error(run):
    configuration(run("connect", "h:1", env={"SSLKEYLOGFILE": "/nonexistent/log"}), "SSLKEYLOGFILE .*No such file", "file")


def test_an_address_in_use_is_a_configuration_error(run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        configuration(run("listen", "127.0.0.1:%d" % taken.getsockname()[1]), "in use")


def test_a_unix_path_that_exists_is_left_alone(run, tmp_path):
    path = tmp_path / "precious"
    path.write_text("data")
    configuration(run("listen", "--unix", path), "in use")
    assert path.read_text() == "data"


# ---------------------------------------------------------------- listening


def test_without_a_host_this_machine_alone_is_listened_on(listen):
    assert listen(where="0").address.startswith("127.0.0.1:")
    assert listen("-6", where="0").address.startswith("[::1]:")


def test_with_a_star_every_address_is_listened_on(listen):
    command = listen(where="*:0")
    assert re.match(r"(0\.0\.0\.0|\[::\]):\d+$", command.address)
    assert re.search(r"adieu connect (127\.0\.0\.1|\[::1\]):\d+ --pin", command.err)


def test_the_line_that_listen_prints_can_be_pasted(adieu, start, tmp_path):
    path = tmp_path / "it's a $(socket)"
    server = start("listen", "--unix", path, input=b"pasted")
    line = server.wait_err(r"(adieu connect .*)\n").group(1)
    shell = subprocess.run(["sh", "-c", line.replace("adieu", adieu, 1)], stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=True)
    assert shell.stdout == b"pasted"
    assert server.wait().exit == 0 and not path.exists()


def test_a_unix_socket_is_removed_also_by_a_signal(start, tmp_path):
    path = tmp_path / "socket"
    server = start("listen", "--unix", path)
    server.wait_err("listening on")
    assert path.is_socket()
    server.signal(signal.SIGTERM)
    assert server.wait().exit == -signal.SIGTERM and not path.exists()


def test_quiet_says_nothing_but_usage_errors(run):
    assert run("connect", f"127.0.0.1:{free_port()}", "--quiet").err == ""
    assert run("connect", "h:1", "--quiet", "--ca=/nonexistent").err == ""
    usage(run("connect", "h:1", "--quiet", "--frobnicate"), "no option")


def test_pins_are_taken_in_every_usual_form(listen, connect):
    import base64
    for form in (str, str.upper, lambda p: ":".join(p[i:i + 2] for i in range(0, 64, 2)),
                 lambda p: "sha256//" + base64.b64encode(bytes.fromhex(p)).decode()):
        server = listen()
        assert connect(server.port, "--pin", form(server.pin)).exit == 0
        assert server.wait().exit == 0


# ---------------------------------------------------------------- help


def option_table():
    """The names in options.def, with the commands that have them."""
    rows = re.findall(r'^OPTION\("([a-z0-9-]+)", (?:0|\'.\'), (?:NULL|"[^"]*"), (\w+)', (ROOT / "cli/options.def").read_text(), re.M)
    assert len(rows) > 25
    return rows


def all_options():
    rows = re.findall(r'^OPTION\("([a-z0-9-]+)", (?:0|\'.\'), (?:NULL|"([^"]*)"), (\w+)', (ROOT / "cli/options.def").read_text(), re.M)
    for name, argument, commands in rows:
        for command in ("connect", "listen"):
            if commands in ("BOTH", f"COMMAND_{command.upper()}"):
                yield command, name, argument


@pytest.mark.parametrize("command, constant", [("connect", "COMMAND_CONNECT"), ("listen", "COMMAND_LISTEN")])
def test_help_names_every_option_of_the_command_and_no_other(run, command, constant):
    result = run(command, "--help", report=False)
    assert result.exit == 0 and result.err == ""
    shown = re.findall(r"^ +(?:-\w, )?--([a-z0-9-]+)", result.out.decode(), re.M)
    assert shown == [name for name, commands in option_table() if commands in ("BOTH", constant)]
    assert max(map(len, result.out.decode().splitlines())) <= 120


def test_help_and_version_come_from_every_form(run):
    for args in (["--help"], ["-h"], ["help"]):
        assert b"adieu connect HOST:PORT" in run(*args, report=False).out
    assert run("connect", "-h", report=False).out.startswith(b"usage: adieu connect ")
    assert re.fullmatch(rb"adieu \d+\.\d+\.\d+\n", run("--version", report=False).out)
    assert run("-V", report=False).out == run("listen", "--version", report=False).out


def test_help_names_every_exit_status_of_the_table(run):
    rows = re.findall(r'^EXIT\(\w+, (\d+),', (ROOT / "src/core/ending.def").read_text(), re.M)
    out = run("--help", report=False).out.decode()
    assert re.findall(r"^ +(\d+)  \w", out, re.M) == rows


def test_help_into_a_full_disk_is_9(run):
    with open("/dev/full", "wb") as full:
        assert run("--help", stdout=full, report=False).exit == LOCAL_IO


@pytest.mark.skipif(not shutil.which("scdoc"), reason="scdoc is not installed")
def test_the_man_page_is_made_from_the_same_table(tmp_path):
    generator = tmp_path / "manual"
    subprocess.run(["cc", "-std=c11", "-I", ROOT / "include", ROOT / "cli/manual.c", "-o", generator], check=True, timeout=60)
    with open(ROOT / "docs/adieu.1.scd.in", "rb") as template:
        source = subprocess.run([generator], stdin=template, capture_output=True, check=True, timeout=10).stdout
    page = subprocess.run(["scdoc"], input=source, capture_output=True, check=True, timeout=10).stdout.decode()
    for name, _ in option_table():
        assert f"--{name}" in page.replace("\\-", "-"), name
    assert not re.search(rb"@[A-Z]+@", source)
