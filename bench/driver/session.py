# SPDX-License-Identifier: MIT
"""One session: some parts, one behind the other, so that what breaks in one costs none of the others a figure."""
import pathlib
import sys
import time

import machine
import page
import parts
from place import Place, make_certificate, temporary
from processes import Unable, end_all, fault


def say(text):
    print(text, file=sys.stderr, flush=True)


def measure_part(place, name, alone):
    part = parts.module(name)
    seconds = getattr(part, "SECONDS_ALONE", part.SECONDS) if alone else part.SECONDS
    say(f"{name}: {part.TITLE}; about {seconds:.0f} s")
    began = time.monotonic()
    found = {"cases": []}
    try:
        for case in part.measure(place, seconds):
            found["cases"].append(case)
    except Unable as why:
        found["failed"] = str(why)
    except Exception as error:  # pylint: disable=broad-except
        found["failed"] = str(fault(error))
    return {**found, "seconds": round(time.monotonic() - began)}


def measure(build, sources, names, alone, quick):
    """Written after each part, too: whoever breaks it off keeps those that are done."""
    with temporary() as folder:
        place = Place(build, sources, pathlib.Path(folder), quick)
        make_certificate(place)
        results = {"machine": machine.facts(place, sources.parent), "parts": {}}
        try:
            for name in names:
                results["parts"][name] = measure_part(place, name, alone)
                (build / "bench" / "last.json").write_text(page.as_text(results))
        finally:
            end_all()
    return results
