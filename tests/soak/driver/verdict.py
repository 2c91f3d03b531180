# SPDX-License-Identifier: MIT
"""
Whether a run was flat. Only quiet points count: moments at which no connection lives anywhere, so that what is still held is held for ever.

  heap          behind the warm-up the slope by Theil and Sen (the median of the slopes between all pairs of points: neither noise nor a
                few outliers move it), times the time that was watched, is less than 64 KB; or that of the second half is, in proportion: what
                fills up comes to rest, and a leak does not. In an hour of 15 connections a second 64 KB are little more than a byte for
                each. There is room for some of the blocks, 20 KB each, that a config's pool keeps (a bounded number of them) when for once
                more connections than ever were busy at the same moment
  descriptors,  at each quiet point behind the warm-up as many as at the first of them
  threads, uv handles
  resident      the same slope: less than 2 MB, or less than 10 % of the median. The kernel's pages follow the heap loosely

Latencies are told, not judged: the machine has other things to do.
"""
import dataclasses
import statistics

HEAP_BYTES, HEAP_SHARE = 64 * 1024, 0
RESIDENT_BYTES, RESIDENT_SHARE = 2 << 20, 0.10
FEWEST = 5  # points, or there is nothing to be said


def slope(points):
    """Theil and Sen's, of (time, value)."""
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for at, a in enumerate(points) for b in points[at + 1:] if b[0] != a[0]]
    return statistics.median(slopes) if slopes else 0.0


def growth(points):
    """By how much it grows in as long as was watched, as it did in all of that time or in its second half, whichever is less."""
    return min(slope(points), slope(points[len(points) // 2:])) * (points[-1][0] - points[0][0])


@dataclasses.dataclass(frozen=True)
class Finding:
    program: str
    figure: str
    flat: bool
    text: str


def creeping(program, figure, points, most, share):
    """It must stay under a bound in bytes, or under that share of what is held."""
    if len(points) < FEWEST:
        return Finding(program, figure, False, f"{len(points)} points are too few to tell")
    grown = growth(points)
    middle = statistics.median(value for _, value in points)
    return Finding(program, figure, grown < max(most, share * middle), f"{grown / 1024:+.1f} KB in {(points[-1][0] - points[0][0]) / 60:.0f} min, of {middle / 1024:.0f} KB")


def constant(program, figure, points):
    if len(points) < FEWEST:
        return Finding(program, figure, False, f"{len(points)} points are too few to tell")
    others = sorted({value for _, value in points} - {points[0][1]})
    text = f"{points[0][1]} at each of {len(points)}"
    if others:
        text = f"{points[0][1]} at first, and then {', '.join(map(str, others[:5]))} (last: {points[-1][1]})"
    return Finding(program, figure, not others, text)


def judge(samples, warm_up, resident=True):
    """samples: dicts with t, program, quiet, heap, fds, threads, handles, rss (None: not known). All findings."""
    findings = []
    for program in dict.fromkeys(sample["program"] for sample in samples):
        quiet = [sample for sample in samples if sample["program"] == program and sample["quiet"] and sample["t"] >= warm_up]

        def series(figure, quiet=quiet):
            return [(sample["t"], sample[figure]) for sample in quiet if sample[figure] is not None]

        if any(sample["heap"] is not None for sample in samples if sample["program"] == program):
            findings.append(creeping(program, "heap", series("heap"), HEAP_BYTES, HEAP_SHARE))
        if resident:
            findings.append(creeping(program, "resident", series("rss"), RESIDENT_BYTES, RESIDENT_SHARE))
        findings += [constant(program, figure, series(figure)) for figure in ("fds", "threads")]
        if any(sample["handles"] for sample in samples if sample["program"] == program):
            findings.append(constant(program, "handles", series("handles")))
    return findings


def is_flat(findings):
    return bool(findings) and all(finding.flat for finding in findings)


def drift(points):
    """The median of the last third against that of the first; None: too few."""
    third = len(points) // 3
    if third < FEWEST:
        return None
    first, last = (statistics.median(value for _, value in part) for part in (points[:third], points[-third:]))
    return last / first if first else None
