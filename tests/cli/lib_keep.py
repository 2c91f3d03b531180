# SPDX-License-Identifier: MIT
"""What the claims about many connections and their processes share. Import the fixtures by name."""
import json
import subprocess
import time

import jsonschema
import pytest

from lib_command import ROOT
from lib_claims import SLOWNESS, wait_for

VALIDATOR = jsonschema.Draft202012Validator(json.loads((ROOT / "docs/report.schema.json").read_text()))


def lines_of(path):
    """The whole lines of a report, each held against the schema."""
    text = path.read_text() if path.exists() else ""
    lines = [json.loads(line) for line in text.split("\n")[:-1]]
    for line in lines:
        VALIDATOR.validate(line)
    return lines


def line_of(path, peer):
    """The report's line about one peer (a socket, or a TLSPeer), once it is there."""
    sock = getattr(peer, "sock", peer)
    name = "%s:%d" % sock.getsockname()[:2]
    return wait_for(lambda: [line for line in lines_of(path) if line["peer"] == name], f"a line about {name}", 20)[0]


@pytest.fixture
def serve_many(listen, pki, tmp_path):
    """serve_many(...) -> Command: `adieu listen --keep`, with .report_lines (a path) for line_of() and lines_of()."""
    def do(*args, stdin=subprocess.DEVNULL, **kw):
        path = tmp_path / f"lines-{time.monotonic_ns()}"
        command = listen("--keep", "--cert", pki.server.cert, "--key", pki.server.key, f"--report={path}", *args, stdin=stdin,
                         report=False, **kw)
        command.report_lines = path
        return command
    return do


def gone(pid):
    """Whether there is no such process, not even a zombie, within a while."""
    def ask():
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
                return stat.read().rpartition(")")[2].split()[0] == "X"
        except (FileNotFoundError, ProcessLookupError):
            return True
    return wait_for(ask, f"the end of process {pid}", 10 * SLOWNESS)
