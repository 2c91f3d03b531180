# SPDX-License-Identifier: MIT
"""What was to be reached, and what was: one row for each figure, one column for each transport of ours."""
import dataclasses

import cases
import figures
import roster
import tables

KIB = 1024


@dataclasses.dataclass
class Cell:
    """One measured figure beside its bounds; less is better, unless there is none."""
    measured: float | None
    must: float | None = None
    aim: float | None = None
    spread: str = ""
    text: object = tables.times  # how its numbers are written
    more: str = ""

    def verdict(self):
        if self.measured is None:
            return "not measured"
        if self.must is None:
            return "reported"
        if self.aim is not None and self.measured <= self.aim:
            return "aim reached"
        return "holds" if self.measured <= self.must else f"missed by {100 * (self.measured / self.must - 1):.1f} %"

    def __str__(self):
        if self.measured is None:
            return self.verdict()
        return f"**{self.text(self.measured)}**{self.spread} {self.verdict()}" + (f"; {self.more}" if self.more else "")


@dataclasses.dataclass
class Row:
    what: str
    cells: list  # for adieu on descriptors and on libuv, or for the command alone

    def texts(self):
        """Bounds that are the same in both columns are said once."""
        def bounds(name):
            return "; ".join(dict.fromkeys(cell.text(value) for cell in self.cells if (value := getattr(cell, name)) is not None))
        return [self.what, bounds("must"), bounds("aim"), *map(str, self.cells), *[""] * (2 - len(self.cells))]


def compared(case, ours, base, figure, must=None, aim=None, more=""):
    ratios = cases.ratios(case, ours, base, figure)
    return Cell(figures.median(ratios), must, aim, f" ({tables.middle(ratios, tables.times)})" if len(ratios) > 1 else "", more=more)


def main_case(results):
    return cases.find(results, "bulk", tls="1.3", cipher="aes128", way="one", write=16 * KIB)


def bulk(results):
    main = main_case(results)
    for base, must, aim in (("openssl", 1.00, 0.90), ("asio", 0.90, 0.78), ("libevent", 0.80, 0.70)):
        yield Row(f"bulk, CPU for a GB against {roster.label(base)}",
                  [compared(main, ours, base, "cpu_s_per_gb", must, aim, everywhere(results, ours, base)) for ours in roster.OURS])


def everywhere(results, ours, base):
    ratios = figures.known([cases.ratio(case, ours, base, "cpu_s_per_gb") for case in cases.of_part(results, "bulk")])
    return f"in all {len(ratios)} cases {tables.between((min(ratios), max(ratios)), tables.times)}" if ratios else ""


def cores(results):
    for case in cases.of_part(results, "cores"):
        def cell(ours):
            share = cases.ratio(case, ours, "limit", "gb_per_s")
            return compared(case, ours, "openssl", "gb_per_s", more=f"{share:.0%} of the limit" if share else "")
        yield Row(f"two cores, GB/s against naive OpenSSL (more is better), writes of {tables.size_name(case['write'])}",
                  list(map(cell, roster.OURS)))


def connections(results):
    for resume, word in (("no", "full"), ("yes", "resumed")):
        case, older = (cases.find(results, "connections", tls=tls, resume=resume) for tls in ("1.3", "1.2"))
        def cell(ours):
            ratio = cases.ratio(older, ours, "openssl", "server_us")
            return compared(case, ours, "openssl", "server_us", 1.05, 1.02, f"TLS 1.2 {ratio:.2f}" if ratio else "")
        yield Row(f"handshake ({word}) and graceful end, server CPU against bare OpenSSL", list(map(cell, roster.OURS)))


def idle(results):
    case = cases.having(results, "idle", "heap_bytes", tls="1.3")
    yield Row("heap of an idle server connection and its handle, TLS 1.3, after 16 KB each way, bytes",
              [Cell(cases.median(case, ours, "heap_bytes"), 16 * KIB, 14.5 * KIB, text=tables.whole) for ours in roster.OURS])


def ping(results):
    case = cases.find(results, "ping", figure="instructions")
    bounds = {"adieu_fd": (1.05, 0.98), "adieu_uv": (1.15, 1.08)}
    yield Row("instructions of a server for a 1-byte ping against bare OpenSSL",
              [compared(case, ours, "openssl", "instructions", *bounds[ours]) for ours in roster.OURS])


def storm(results):
    for silent, who in ((0, "all answer"), (100, "all silent")):
        case = cases.find(results, "storm", silent=silent)
        yield Row(f"close storm, {who}, server CPU against a bare program",
                  [compared(case, ours, "openssl", "server_us", 1.2, 1.05) for ours in roster.OURS])
    silent = cases.find(results, "storm", silent=100)
    bound = silent["deadline_ms"] + 400 if silent else 1400
    yield Row("the same: the slowest run, ms until all silent clients are done",
              [Cell(max(figures.known(cases.values(silent, ours, "all_ms")), default=None), bound, text=tables.whole) for ours in roster.OURS])


def pipe(results):
    """The command stands on descriptors."""
    case = cases.find(results, "pipe", input="pipe")
    for base, must in (("openssl_pipe", 0.9), ("socat", 0.8)):
        yield Row(f"the command as a pipe, CPU for a GB against {roster.label(base)}", [compared(case, "adieu", base, "cpu_s_per_gb", must)])
    own, under = cases.median(case, "adieu", "cpu_s_per_gb"), cases.median(main_case(results), "adieu_fd", "cpu_s_per_gb")
    yield Row("the same against the library's own figure, writes of 16 KB", [Cell(own / under if own and under else None)])


def table(results):
    rows = [row for part in (bulk, cores, connections, idle, ping, storm, pipe) for row in part(results)]
    return summary(rows) + "\n" + tables.table(["", "must", "aim", *map(roster.label, roster.OURS)], [row.texts() for row in rows])


def summary(rows):
    verdicts = [cell.verdict() for row in rows for cell in row.cells if cell.must is not None]
    def count(word):
        return sum(verdict.startswith(word) for verdict in verdicts)
    return (f"Of {len(verdicts)} figures with a bound {count('aim')} reach their aim or more, {count('holds')} hold, {count('missed')} miss it"
            + (f", {count('not')} were not measured" if count("not") else "") + ".\n")
