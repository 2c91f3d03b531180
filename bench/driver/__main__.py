# SPDX-License-Identifier: MIT
"""
bench/driver BUILD [--quick] [PART...]   measures; all parts together write docs/bench.*, some print their tables
bench/driver --print                     writes docs/bench.md and the plots anew from docs/bench.json and bench/driver/page.md
"""
import json
import pathlib
import shutil
import signal
import sys

import page
import parts
import plots
import tables
from processes import FAULTS, Unable
from session import measure, say

BENCH = pathlib.Path(__file__).resolve().parent.parent
DOCS = BENCH.parent / "docs"
PROSE = BENCH / "driver" / "page.md"
USAGE = f"usage:{__doc__}parts: {' '.join(parts.NAMES)}"


def write(results):
    (DOCS / "bench.json").write_text(page.as_text(results))
    print_anew()


def print_anew():
    if not (DOCS / "bench.json").exists():
        sys.exit("bench/driver: there is no docs/bench.json yet; ./dev bench measures it")
    results = json.loads((DOCS / "bench.json").read_text())
    (DOCS / "bench.md").write_text(page.page(PROSE.read_text(), results))
    try:
        plots.draw_all(results, DOCS / "bench")
    except plots.NoPlots as why:
        sys.exit(f"docs/bench.md is written anew, but {why}: it has no plots, until bench/driver --print draws them")
    say("docs/bench.md and the plots are written anew")


def refuse(why):
    """Before anything is measured, and in the words of the command line."""
    print(f"bench/driver: {why}\n{USAGE}", file=sys.stderr)
    sys.exit(64)


def built(folder):
    """The build folder. Without the load all peers would fail one by one, and the page would be written without a figure."""
    build = pathlib.Path(folder).resolve()
    if not (build / "bench" / "load" / "load").exists():
        refuse(f"there is no bench in \"{folder}\": is it a build folder, with -Dbench=enabled, and built?")
    return build


def plan(names):
    for name in names:
        say(f"{parts.module(name).SECONDS:5} s  {name:12} {parts.module(name).TITLE}")
    say(f"{sum(parts.module(name).SECONDS for name in names):5} s  in all")


def main(words):
    if words == ["--print"]:
        return print_anew()
    if words in ([], ["--help"], ["-h"]):
        return print(USAGE)
    quick = "--quick" in words
    build, *names = [word for word in words if word != "--quick"] or [""]
    build = built(build)
    unknown = [word for word in names if word not in parts.NAMES]
    if unknown:
        refuse(f"there is no part {unknown[0]}")
    if not names:
        plan(parts.NAMES)
        if not quick and not shutil.which("gnuplot"):
            say("gnuplot is not installed: there will be a page, and no plots")
    results = measure(build, BENCH, names or parts.NAMES, bool(names), quick)
    for name in results["parts"]:
        print(f"\n{name}: {parts.module(name).TITLE}\n\n{tables.unfolded(tables.of_part(results, name))}")
    if not names and not quick:
        write(results)
    if FAULTS:
        sys.exit(f"bench/driver: {len(FAULTS)} faults of its own, told above")


for number in (signal.SIGTERM, signal.SIGHUP):
    if signal.getsignal(number) != signal.SIG_IGN:  # nohup means it
        signal.signal(number, lambda seen, _: sys.exit(128 + seen))
try:
    main(sys.argv[1:])
except Unable as why:
    sys.exit(f"bench/driver: {why}")
except KeyboardInterrupt:
    sys.exit(130)
