# SPDX-License-Identifier: MIT
"""The fixtures are in lib_command.py, which the tests of other folders use too."""
import pytest

pytest.register_assert_rewrite("lib_command")

from lib_command import *  # noqa: E402, F401, F403
