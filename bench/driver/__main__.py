# SPDX-License-Identifier: MIT
"""
bench/driver BUILD [--quick] [PART...]   measures; all parts together write docs/bench.*, some print their tables
bench/driver --print                     writes docs/bench.md and the plots anew from docs/bench.json and bench/driver/page.md
"""
import json
import pathlib
import signal
import sys
import time

import machine
import page
import parts
import plots
import tables
from place import Place, make_certificate, temporary
from processes import Unable, end_all

BENCH = pathlib.Path(__file__).resolve().parent.parent
DOCS = BENCH.parent / "docs"
PROSE = BENCH / "driver" / "page.md"


def say(text):
    print(text, file=sys.stderr, flush=True)


def measure_part(place, name, alone):
    part = parts.module(name)
    seconds = getattr(part, "SECONDS_ALONE", part.SECONDS) if alone else part.SECONDS
    say(f"{name}: {part.TITLE}; about {seconds:.0f} s")
    began = time.monotonic()
    try:
        found = {"cases": part.measure(place, seconds)}
    except Unable as why:
        found = {"cases": [], "failed": str(why)}
    return {**found, "seconds": round(time.monotonic() - began)}


def measure(build, names, alone, quick):
    with temporary() as folder:
        place = Place(pathlib.Path(build).resolve(), BENCH, pathlib.Path(folder), quick)
        make_certificate(place)
        try:
            return {"machine": machine.facts(place, BENCH.parent), "parts": {name: measure_part(place, name, alone) for name in names}}
        finally:
            end_all()


def write(results):
    (DOCS / "bench.json").write_text(page.as_text(results))
    print_anew()


def print_anew():
    results = json.loads((DOCS / "bench.json").read_text())
    (DOCS / "bench.md").write_text(page.page(PROSE.read_text(), results))
    plots.draw_all(results, DOCS / "bench")
    say("docs/bench.md and the plots are written anew")


def plan(names):
    for name in names:
        say(f"{parts.module(name).SECONDS:5} s  {name:12} {parts.module(name).TITLE}")
    say(f"{sum(parts.module(name).SECONDS for name in names):5} s  in all")


def main(words):
    if words == ["--print"]:
        return print_anew()
    quick = "--quick" in words
    build, *names = [word for word in words if word != "--quick"] or [""]
    unknown = set(names) - set(parts.NAMES)
    if not build or unknown:
        sys.exit(f"usage:{__doc__}parts: {' '.join(parts.NAMES)}")
    if not names:
        plan(parts.NAMES)
    results = measure(build, names or parts.NAMES, bool(names), quick)
    (pathlib.Path(build) / "bench" / "last.json").write_text(page.as_text(results))
    for name in results["parts"]:
        print(f"\n{name}: {parts.module(name).TITLE}\n\n{tables.unfolded(tables.of_part(results, name))}")
    if not names and not quick:
        write(results)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
try:
    main(sys.argv[1:])
except KeyboardInterrupt:
    sys.exit(130)
