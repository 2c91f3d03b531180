# SPDX-License-Identifier: MIT
"""The report: every way out of the program writes it, it keeps to its schema, and it says what happened."""

import json
import os
import signal
import subprocess
import time

import jsonschema
import pytest

from lib_command import ROOT, free_port, reset

SCHEMA = json.loads((ROOT / "docs/report.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def check(result):
    """The report, which keeps to the schema and agrees with the exit status."""
    report = result.report
    assert report is not None, result
    VALIDATOR.validate(report)
    assert list(report) == SCHEMA["required"], "the keys have an order"
    assert report["exit"] == (result.exit if result.exit >= 0 else 128 - result.exit), result
    assert (report["error"] is None) == (report["exit"] == 0) or report["receiving"] == "truncated", result
    count = report["bytes"]
    assert count["sent"] <= count["taken"] and (count["acknowledged"] or 0) <= count["sent"]
    return report


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert list(SCHEMA["properties"]) == SCHEMA["required"]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_clean_end_is_told_by_both_sides(pair, version):
    client, server = pair(["--max", version], ["--alpn=a,b"], up=b"x" * 1000, down=b"y" * 70000)
    c, s = check(client), check(server)
    assert client.exit == server.exit == 0 and client.err == ""
    for report, role, sent, received in ((c, "connect", 1000, 70000), (s, "listen", 70000, 1000)):
        assert report["role"] == role and report["tls"] == f"TLSv{version}" and report["phase"] == "heard"
        assert (report["sending"], report["receiving"], report["error"]) == ("closed", "closed", None)
        assert report["bytes"] == {"taken": sent, "sent": sent, "acknowledged": sent, "received": received, "discarded": 0}
        assert report["resumed"] is False and report["cipher"] and report["alpn"] is None
        assert all(value is not None for value in report["seconds"].values())
    assert (c["verified"], s["verified"]) == ("pin", "no")
    assert c["first"] in ("self", "peer") and s["peer"].startswith("127.0.0.1:")


def test_the_protocol_agreed_on_is_told(pair):
    client, server = pair(["--alpn=c,b"], ["--alpn=a,b"])
    assert check(client)["alpn"] == check(server)["alpn"] == "b"


@pytest.mark.parametrize("how, status, receiving, os_error", [("cut", 3, "truncated", None), ("reset", 4, "reset", "ECONNRESET")])
def test_a_bad_end_is_told_with_what_came_before_it(listen, connect, how, status, receiving, os_error):
    server = listen(f"--end={how}", "--end-after=5", input=b"0123456789")
    client = connect(server, input=b"")
    report = check(client)
    assert client.exit == status and client.out == b"01234"
    assert (report["receiving"], report["os_error"], report["error"]["code"]) == (receiving, os_error, receiving)
    other = check(server.wait())
    assert other["exit"] == 1 and other["sending"] == "aborted" and other["error"]["code"] == "aborted"


def test_an_accepted_truncation_is_still_reported(listen, connect):
    server = listen("--end=cut", input=b"whole")
    client = connect(server, "--accept-truncation")
    report = check(client)
    assert client.exit == 0 and client.out == b"whole" and client.err == ""
    assert (report["receiving"], report["error"]["code"]) == ("truncated", "truncated")


def test_only_truncation_is_accepted(listen, connect):
    server = listen("--end=reset", input=b"")
    assert check(connect(server, "--accept-truncation"))["exit"] == 4


def test_a_refused_peer_is_told_by_both_sides(listen, connect):
    server = listen()
    client = connect(server.port, "--pin", "0" * 64)
    c, s = check(client), check(server.wait())
    assert (c["exit"], c["receiving"], c["error"]["code"]) == (6, "rejected", "refused")
    assert (s["exit"], s["receiving"], s["error"]["code"]) == (5, "alerted", "alerted")
    assert c["alert_sent"] == s["alert_received"] and c["alert_sent"]["level"] == 2
    assert c["tls"] is None and c["verified"] is None and c["seconds"]["handshake"] is None
    assert "--pin" in client.err


def test_what_is_not_tls_is_told(run, raw_peer):
    def speak_http(peer):
        peer.recv(4096)
        peer.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")

    result = run("connect", f"127.0.0.1:{raw_peer(speak_http)}", "--insecure")
    assert check(result)["error"]["code"] == "not_tls" and result.exit == 6


@pytest.mark.parametrize("rude, status", [(lambda peer: None, 3), (reset, 4)], ids=["fin", "reset"])
def test_an_end_in_the_handshake_is_told(run, raw_peer, rude, status):
    def serve(peer):
        peer.recv(65536)
        rude(peer)

    report = check(run("connect", f"127.0.0.1:{raw_peer(serve)}", "--insecure"))
    assert report["exit"] == status and report["phase"] == "none" and report["tls"] is None


def test_a_silent_handshake_is_told(run, raw_peer):
    report = check(run("connect", f"127.0.0.1:{raw_peer(lambda peer: peer.recv(1 << 16) and time.sleep(2))}", "--timeout-handshake=0.2"))
    assert (report["exit"], report["phase"], report["error"]["code"]) == (8, "none", "deadline")
    assert report["seconds"]["connect"] is not None and report["seconds"]["total"] >= 0.2


def test_nobody_there_is_told_with_nothing_that_never_was(run):
    report = check(run("connect", f"localhost:{free_port()}"))
    assert report["peer"].startswith("localhost:")
    for key in ("tls", "cipher", "alpn", "resumed", "verified", "phase", "sending", "receiving", "first", "after"):
        assert report[key] is None, key
    assert report["seconds"]["connect"] is None and report["bytes"]["acknowledged"] is None


def test_a_configuration_error_is_told(run):
    report = check(run("connect", "h:1", "--ca=/nonexistent"))
    assert (report["exit"], report["error"]["code"], report["os_error"], report["peer"]) == (78, "file", "ENOENT", "h:1")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_told_and_then_died_by(listen, start, number):
    server = listen(input=None)
    client = start("connect", server.address, "--pin", server.pin, "-v", input=None)
    client.wait_err("handshake done")
    client.signal(number)
    result = client.wait()
    report = check(result)
    assert result.exit == -number and (report["sending"], report["receiving"]) == ("aborted", "abandoned")
    assert report["first"] == "self" and report["error"]["code"] == "aborted"
    assert check(server.wait())["exit"] == 4, "the peer must not take it for an end"


def test_a_signal_before_there_is_a_connection_is_told(start):
    server = start("listen", "0")
    server.wait_err("listening on")
    server.signal(signal.SIGTERM)
    result = server.wait()
    assert result.exit == -signal.SIGTERM and check(result)["sending"] is None


def test_an_ignored_signal_stays_ignored(listen, connect):
    server = listen(preexec=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    server.signal(signal.SIGHUP)
    assert connect(server).exit == 0 and server.wait().exit == 0


def test_over_a_unix_socket_acknowledged_is_unknown(start, tmp_path):
    server = start("listen", "--unix", tmp_path / "s", input=b"down")
    pin = server.wait_err(r"--pin (\w+)").group(1)
    client = start("connect", "--unix", tmp_path / "s", "--pin", pin, input=b"up").wait()
    report = check(client)
    assert client.out == b"down" and report["peer"] == "unix" and report["bytes"]["acknowledged"] is None
    assert check(server.wait())["exit"] == 0


def test_the_report_goes_to_an_open_descriptor(adieu, listen):
    server = listen(input=b"")
    r, w = os.pipe()
    command = [adieu, "connect", server.address, "--pin", server.pin, f"--report=fd:{w}"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, pass_fds=[w], timeout=30, check=False)
    os.close(w)
    with os.fdopen(r) as text:
        report = json.loads(text.read())
    VALIDATOR.validate(report)
    assert done.returncode == report["exit"] == 0


def test_a_report_replaces_what_was_there(start, tmp_path):
    path = tmp_path / "report"
    path.write_text("x" * 5000)
    start("connect", f"127.0.0.1:{free_port()}", f"--report={path}", report=False).wait()
    VALIDATOR.validate(json.loads(path.read_text()))


def test_a_full_disk_under_the_report_is_told_and_never_0(listen, start):
    server = listen()
    client = start("connect", server.address, "--pin", server.pin, "--report=/dev/full", report=False).wait()
    assert client.exit == 1 and "report could not be written to /dev/full: No space left" in client.err
    assert server.wait().exit == 0


def test_a_full_disk_under_the_report_does_not_hide_a_worse_end(listen, start):
    server = listen("--end=cut")
    client = start("connect", server.address, "--pin", server.pin, "--report=/dev/full", report=False).wait()
    assert client.exit == 3 and "No space left" in client.err and "close_notify" in client.err


def test_text_that_is_not_utf8_does_not_break_the_report(run, tmp_path):
    path = os.fsencode(tmp_path) + b"/\xff\xfe"
    result = run("connect", "h:1", "--ca", os.fsdecode(path))
    assert check(result)["exit"] == 78
