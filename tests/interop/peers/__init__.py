# SPDX-License-Identifier: MIT
"""One module a peer; each holds its descriptions in PEERS."""
import importlib
import pathlib

NAMES = sorted(file.stem for file in pathlib.Path(__file__).parent.glob("*.py") if file.stem != "__init__")
ALL = [peer for name in NAMES for peer in importlib.import_module(f"peers.{name}").PEERS]
