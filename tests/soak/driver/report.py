# SPDX-License-Identifier: MIT
"""What came of a run, from the files that it left: a verdict, a page."""
import csv
import json
import statistics

import verdict

REACHABLE = ["closed/closed", "closed/truncated", "closed/reset", "closed/alerted", "closed/rejected", "closed/abandoned", "failed/closed",
             "failed/truncated", "failed/reset", "failed/alerted", "failed/rejected", "failed/abandoned", "aborted/closed", "aborted/truncated",
             "aborted/rejected", "aborted/abandoned"]


def number(text):
    return None if text == "" else float(text) if "." in text else int(text)


def rows(path, words):
    with open(path, newline="", encoding="utf-8") as file:
        return [{key: value if key in words else number(value) for key, value in row.items()} for row in csv.DictReader(file)]


class Report:
    def __init__(self, folder, warm_up=None):
        self.samples = rows(folder / "samples.csv", ("program",))
        self.latencies = rows(folder / "latency.csv", ("what",))
        self.facts = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        self.warm_up = self.facts["seconds"] / 6 if warm_up is None else warm_up
        self.findings = verdict.judge(self.samples, self.warm_up, resident=not self.facts["sanitized"])
        self.missing = [ending for ending in REACHABLE if not self.facts["joint"].get(ending)]
        quiet = {sample["t"] for sample in self.samples if sample["quiet"] and sample["t"] >= self.warm_up}
        self.judged = len(quiet) >= verdict.FEWEST
        self.flat = self.judged and verdict.is_flat(self.findings)
        self.good = self.flat and not self.facts["lie"] and not self.missing

    def cpu_share(self):
        """Of one core, all programs that were measured."""
        total = 0.0
        for program in dict.fromkeys(sample["program"] for sample in self.samples):
            own = [sample for sample in self.samples if sample["program"] == program]
            total += (own[-1]["cpu"] - own[0]["cpu"]) / max(1.0, own[-1]["t"] - own[0]["t"])
        return total

    def latency_rows(self):
        for what in dict.fromkeys(row["what"] for row in self.latencies):
            own = [row for row in self.latencies if row["what"] == what and row["t"] >= self.warm_up]
            if own:
                drift = verdict.drift([(row["t"], row["p50_us"]) for row in own])
                yield (what, sum(row["count"] for row in own), statistics.median(row["p50_us"] for row in own) / 1000,
                       statistics.median(row["p99_us"] for row in own) / 1000, drift)

    def verdict_lines(self):
        facts = self.facts
        told = f"{facts['connections']:,} connections in {facts['seconds'] / 60:.0f} minutes, each ending as its story allows"
        yield f"STOPPED: {facts['lie']}" if facts["lie"] else told
        if self.missing:
            yield "never seen: " + ", ".join(self.missing)
        if not self.judged:
            yield "too few quiet points to say whether it is flat"
            return
        yield "flat" if self.flat else "NOT FLAT: " + "; ".join(f"{f.program}, {f.figure}: {f.text}" for f in self.findings if not f.flat)

    def text(self):
        lines = [f"{'ok  ' if finding.flat else 'NOT '} {finding.program:22} {finding.figure:9} {finding.text}" for finding in self.findings if self.judged]
        lines += [f"     {what:22} {count:7} median {p50:8.2f} ms, 99th percentile {p99:8.2f} ms" + (f", last third to first {drift:.2f}" if drift else "")
                  for what, count, p50, p99, drift in self.latency_rows()]
        lines += [f"     foreign: {what}: {count}" for what, count in sorted(self.facts["foreign"].items())]
        return "\n".join([*lines, f"     {self.cpu_share():.2f} of one core", *self.verdict_lines()]) + "\n"

    def page(self, drawn):
        facts = self.facts
        text = ["<!-- SPDX-License-Identifier: MIT -->", "<!-- Printed by tests/soak: ./dev soak hour. -->", "", "# A soak", "",
                f"Servers and clients of three kinds (adieu_fd blocking in threads, adieu_fd in a poll loop, adieu_uv), the command, and other people's TLS, on "
                f"loopback for {facts['seconds'] / 60:.0f} minutes: connections of every kind, ending in every way. [tests/soak](../tests/soak/README.md) says how "
                "it is done, and what *flat* means.", "", "**" + ". ".join(line[0].upper() + line[1:] for line in self.verdict_lines()) + ".**", ""]
        titles = {"heap": "Heap in use at quiet points, when no connection lives", "resident": "Resident memory", "descriptors": "Open descriptors", "latency": "Latency"}
        for name in drawn:
            text += [f"![{titles[name]}](soak/{name}.svg)", ""]
        text += ["## What is held", "", f"At quiet points, behind {self.warm_up / 60:.0f} minutes of warm-up. Growth is that of a straight line through them.", "",
                 "| program | heap | resident | descriptors | threads | uv handles |", "| --- | --- | --- | --- | --- | --- |"]
        for program in dict.fromkeys(finding.program for finding in self.findings):
            cells = {finding.figure: f"{'' if finding.flat else '**not flat:** '}{finding.text}" for finding in self.findings if finding.program == program}
            text.append("| " + " | ".join([program, *(cells.get(figure, "") for figure in ("heap", "resident", "fds", "threads", "handles"))]) + " |")
        text += ["", f"All of them together took {self.cpu_share():.2f} of one core.", "", "## How long it took", "",
                 "Told, not judged: the machine had other things to do.", "", "| | how many | median, ms | 99th percentile, ms | median of the last third to the first |",
                 "| --- | --- | --- | --- | --- |"]
        text += [f"| {what} | {count} | {p50:.2f} | {p99:.2f} | {f'{drift:.2f}' if drift else ''} |" for what, count, p50, p99, drift in self.latency_rows()]
        told = {}
        for story, side, _, _, count in facts["stories"]:
            told[story] = told.get(story, 0) + (count if side == "client" else 0)
        text += ["", "## How they ended", "", f"{len(told)} stories, each told at least {min(told.values(), default=0):,} times; "
                 f"{len(REACHABLE) - len(self.missing)} of the {len(REACHABLE)} joint endings were seen. Either side of each connection between our programs, sending/receiving; *open*: the side let go without looking, as its story wants.", "",
                 "| ending | how often |", "| --- | --- |"]
        text += [f"| {ending} | {count} |" for ending, count in sorted(facts["joint"].items(), key=lambda item: -item[1])]
        text += ["", "## With others", "", "| | conversations |", "| --- | --- |"]
        text += [f"| {what} | {count} |" for what, count in sorted(facts["foreign"].items())]
        return "\n".join(text) + "\n"
