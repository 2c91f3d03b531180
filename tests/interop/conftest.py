# SPDX-License-Identifier: MIT
"""Interop: other people's TLS at every ending. What the command's tests have (tests/cli/lib_command.py) is used here too."""
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli")]
pytest.register_assert_rewrite("lib_command")

from lib_command import *  # noqa: E402, F401, F403
from lib_command import Authority  # noqa: E402
import cache  # noqa: E402


@pytest.fixture(scope="session")
def identities(pki, tmp_path_factory):
    """Ours and theirs: the good ones of an authority that both trust, and strangers that nobody vouches for."""
    return cache.Identities(pki, Authority(tmp_path_factory.mktemp("strangers"), "an authority that nobody trusts"))


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """The bytes that every sender sends, from their beginning: lines of digits, which no peer takes for a command."""
    path = tmp_path_factory.mktemp("data") / "data"
    path.write_bytes(cache.lines(8 << 20))
    return path
