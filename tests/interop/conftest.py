# SPDX-License-Identifier: MIT
"""Interop: other people's TLS at every ending. What the command's tests have (tests/cli/conftest.py) is used here too."""
import importlib.util
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
CLI = HERE.parent / "cli"

# Both folders have a module named conftest, and pytest knows one at a time: this one then holds all names of the other, before
# lib_claims.py and lib_peer.py ask for them.
spec = importlib.util.spec_from_file_location("cli_conftest", CLI / "conftest.py")
cli_conftest = importlib.util.module_from_spec(spec)
spec.loader.exec_module(cli_conftest)
globals().update({name: value for name, value in vars(cli_conftest).items() if not name.startswith("__")})
sys.path[:0] = [path for path in (str(HERE), str(CLI)) if path not in sys.path]

import pytest  # noqa: E402

import cache  # noqa: E402


@pytest.fixture(scope="session")
def identities(pki, tmp_path_factory):
    """Ours and theirs: the good ones of an authority that both trust, and strangers that nobody vouches for."""
    return cache.Identities(pki, cli_conftest.Authority(tmp_path_factory.mktemp("strangers"), "an authority that nobody trusts"))


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """The bytes that every sender sends, from their beginning: lines of digits, which no peer takes for a command."""
    path = tmp_path_factory.mktemp("data") / "data"
    path.write_bytes(cache.lines(8 << 20))
    return path
