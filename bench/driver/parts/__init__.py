# SPDX-License-Identifier: MIT
"""
The parts of the bench. Each module has TITLE; SECONDS, what it may take of the ten minutes; and measure(place, seconds), which yields
cases as rounds.py makes them: what is done when something breaks is kept. A new part is a module here, its name below, and its tables in tables.py.
"""
import importlib

NAMES = ["bulk", "cores", "connections", "idle", "ping", "storm", "pipe", "scale"]


def module(name):
    return importlib.import_module(f"parts.{name}")
