# SPDX-License-Identifier: MIT
"""
soak run --build FOLDER --out FOLDER [--minutes N] [--rate N] [--seed N] [--cycle S] [--warm-up S] [--docs FOLDER]
soak report --out FOLDER [--docs FOLDER] [--warm-up S]
"""
import argparse
import json
import os
import pathlib
import signal
import sys

import pictures
import programs
import report
import session
import truth
from plots import NoPlots  # pictures knows where it is


def stop(number, frame):
    raise KeyboardInterrupt


def kept(run, out, statuses, lie):
    """What the report needs beside the figures."""
    facts = {
        "seconds": round(run.now(), 1), "rate": run.wanted.rate, "seed": run.wanted.seed, "lie": lie,
        "connections": run.truth.checked, "unpaired": run.truth.unpaired, "joint": run.truth.joint,
        "stories": [[run.truth.stories[story].name, side, swapped, ending, count]
                    for (story, side, swapped, ending), count in sorted(run.truth.seen.items())],
        "foreign": run.foreign.done if run.foreign else {}, "foreign_endings": run.foreign_endings, "statuses": statuses,
        "sanitized": "ASAN_OPTIONS" in os.environ,
    }
    (out / "run.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")


def run(options):
    options.out.mkdir(parents=True, exist_ok=True)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    wanted = session.Wanted(options.build, options.out, options.minutes * 60, options.rate, options.seed,
                            strangers=not options.no_strangers, cycle=options.cycle)
    work = session.Session(wanted)
    lie = None
    try:
        work.run()
    except (truth.Lie, programs.Broken) as error:
        lie = str(error)
    except KeyboardInterrupt:
        lie = "interrupted"
    finally:
        statuses = work.end()
        kept(work, options.out, statuses, lie)
    for name, status in statuses.items():
        if status != 0 and lie is None and not name.startswith(("openssl", "adieu listen")):
            lie = f"{name} ended with status {status}"
            kept(work, options.out, statuses, lie)
    return tell(options)


def tell(options):
    whole = report.Report(options.out, options.warm_up)
    print(whole.text(), end="")
    if options.docs:
        try:
            drawn = pictures.draw_all(whole.samples, whole.latencies, options.docs / "soak")
        except NoPlots as error:
            print(f"soak: {error}", file=sys.stderr)
            drawn = []
        (options.docs / "soak.md").write_text(whole.page(drawn), encoding="utf-8")
    return 0 if whole.good else 1


def main():
    parser = argparse.ArgumentParser(prog="soak")
    parser.add_argument("what", choices=["run", "report"])
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"), help="a build folder")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="where figures go")
    parser.add_argument("--docs", type=pathlib.Path, help="where soak.md and soak/*.svg go")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=8, help="connections a second of each of the three clients")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--warm-up", type=float, help="seconds that do not count (default: a sixth of the run)")
    parser.add_argument("--cycle", type=float, default=30, help="seconds between two quiet points")
    parser.add_argument("--no-strangers", action="store_true", help="without the command and foreign TLS")
    options = parser.parse_args()
    sys.exit(run(options) if options.what == "run" else tell(options))


main()
