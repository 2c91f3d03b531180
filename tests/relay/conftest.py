# SPDX-License-Identifier: MIT
"""The command across 40 ms: two namespaces and a packet relay between them. What the command's tests have is used here too.

    across     across(loss=0) -> Relay, for this test alone; skips the test where there can be none
    meet       meet(relay, connect=[..], listen=[..], up=b"", down=b"") -> (connector, listener), two running Commands
"""
import os
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli")]
pytest.register_assert_rewrite("lib_command")

from lib_command import *  # noqa: E402, F401, F403
from lib_command import Authority, Command, all_killed  # noqa: E402
from lib_relay import Relay  # noqa: E402


@pytest.fixture(scope="session")
def relay_program(adieu):
    """Built beside the program, by the same build."""
    path = os.environ.get("ADIEU_RELAY") or str(pathlib.Path(adieu).resolve().parent / "tests" / "relay" / "relay")
    assert os.access(path, os.X_OK), f"{path} is missing: build the tests, or name it in the environment variable ADIEU_RELAY"
    return path


@pytest.fixture(scope="session")
def strangers(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("strangers"), "somebody's authority")


@pytest.fixture
def across(relay_program):
    opened = []

    def do(**how):
        opened.append(Relay(relay_program, **how))
        return opened[-1]

    yield do
    for relay in opened:
        relay.end()


@pytest.fixture
def beyond(tmp_path):
    """beyond(relay, side, *words) -> Command on that side; killed at the test's end."""
    with all_killed() as running:

        def do(relay, side, *words, **kw):
            running.append(Command(relay.inside(side, *words), tmp_path, **kw))
            return running[-1]

        yield do


@pytest.fixture
def meet(adieu, beyond, pki):
    def do(relay, connect=(), listen=(), up=b"", down=b""):
        listener = beyond(relay, "b", adieu, "listen", f"{relay.b}:0", "--cert", pki.server.cert, "--key", pki.server.key, *listen,
                          input=down)
        where = listener.wait_err(r"listening on (\S+)").group(1)
        return beyond(relay, "a", adieu, "connect", where, "--ca", pki.ca, "--name", "localhost", *connect, input=up), listener
    return do
