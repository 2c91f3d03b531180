# SPDX-License-Identifier: MIT
"""exact.py FOLDER BOUNDS: measures the programs in the folder, writes figures.json and figures.txt there, and holds the bounds (TAP)."""
import json
import pathlib
import sys
import tempfile
import tomllib

import measure

MEGABYTE = 1 << 20
# A bound that is further off than this from what was measured is worth setting anew.
SLACK = 1.04
FLOWS = ["kilobyte said", "kilobyte heard", "megabyte said", "megabyte heard"]
HANDSHAKES, CLOSES = ["full handshake", "resumed handshake"], ["answered close", "begun close"]
CONNECTIONS = ["full connection", "resumed connection"]
# What is shown: (what, title, operations, how)
SHOWN = [
    ("instructions", "instructions", ["ping", *FLOWS, *HANDSHAKES, *CLOSES, *CONNECTIONS], "{:,.0f}"),
    ("held", "heap bytes that are held (OpenSSL: with SSL_MODE_RELEASE_BUFFERS)", ["idle"], "{:,.0f}"),
    ("ours", "adieu's own allocations", ["ping", *FLOWS, *CONNECTIONS], "{:,.1f}"),
    ("pieces", "allocations of pieces, smaller than a record", ["ping", *FLOWS, *CONNECTIONS], "{:,.1f}"),
    ("buffers", "allocations as large as a record", ["ping", *FLOWS, *CONNECTIONS], "{:,.1f}"),
    ("calls", "system calls", ["ping", *FLOWS, *CONNECTIONS], "{:,.1f}"),
    ("copied", "bytes copied", FLOWS, "{:,.0f}"),
]


def table(figures, side):
    """Lines of text: each operation, each subject, and how many times bare OpenSSL's."""
    yield f"{side + ' side, each time':<28}{'OpenSSL':>12}{'adieu_fd':>12}{'':>8}{'adieu_uv':>12}"
    for what, title, operations, form in SHOWN:
        yield title
        for operation in operations:
            row = figures[what][operation, side]
            line = f"  {operation:<26}" + form.format(row["openssl"]).rjust(12)
            for subject in "fd", "uv":
                if subject in row:
                    ratio = f"x{row[subject] / row['openssl']:.3f}" if row["openssl"] > 0 else ""
                    line += form.format(row[subject]).rjust(12) + ratio.rjust(8)
            yield line


def cases(bounds):
    """(claim, bound, operation, subject) of every test."""
    for claim, bound in bounds.items():
        for operation in bound["operations"]:
            for subject in {**bound.get("least", {}), **bound.get("most", {})}:
                yield claim, bound, operation, subject


def value(figures, bound, operation, subject):
    """What was measured, in the bound's own terms; None: not in this build."""
    row = figures[bound["what"]][operation, bound.get("side", "server")]
    if subject not in row:
        return None
    divisors = {"byte": MEGABYTE, "openssl": row["openssl"], None: 1}
    return row[subject] / divisors[bound.get("per")]


def judge(figures, claim, bound, operation, subject):
    """A line of TAP, and one of the table."""
    name = f"{claim} ({operation}, {subject})"
    got = value(figures, bound, operation, subject)
    if got is None:
        return f"ok - {name} # SKIP not in this build", None
    low, high = bound.get("least", {}).get(subject, 0), bound.get("most", {}).get(subject, float("inf"))
    fine = low <= got <= high
    goals = [f"{goal} {bound[goal][subject]}" for goal in ("must", "aim") if goal in bound]
    held = [f"{goal} {bound[goal][subject]}" for goal in ("least", "most") if goal in bound]
    words = [f"{'' if fine else 'BROKEN: '}{name}: {got:.5g}", f"held {', '.join(held)}", *([", ".join(goals)] if goals else [])]
    if bound["what"] in ("instructions", "held") and got * SLACK < high < float("inf"):
        words.append("the bound could be lower")
    return f"{'ok' if fine else 'not ok'} - {name}", "; ".join(words)


def as_json(figures):
    return {what: {f"{operation}, {side}": row for (operation, side), row in places.items()} for what, places in figures.items()}


def main():
    folder, bounds = pathlib.Path(sys.argv[1]), tomllib.loads(pathlib.Path(sys.argv[2]).read_text())
    with tempfile.TemporaryDirectory() as place:
        figures = measure.measure(folder, measure.programs(folder), measure.certificate(pathlib.Path(place)))
    told = [judge(figures, *case) for case in cases(bounds)]
    lines = [*table(figures, "server"), "", *table(figures, "client"), "", *(text for _, text in told if text)]
    (folder / "figures.txt").write_text("\n".join(lines) + "\n")
    (folder / "figures.json").write_text(json.dumps(as_json(figures), indent=1) + "\n")
    print(f"1..{len(told)}")
    print("\n".join(f"# {line}" for line in lines))
    print("\n".join(line for line, _ in told))


if __name__ == "__main__":
    main()
