# SPDX-License-Identifier: MIT
"""docs/bench.md: the prose of bench/driver/page.md with the figures of docs/bench.json in it, and nothing else."""
import json
import re

import cases
import figures
import parts
import roster
import tables
import targets



def rounded(thing):
    """Six digits say all that was measured."""
    if isinstance(thing, float):
        return float(f"{thing:.6g}")
    if isinstance(thing, dict):
        return {name: rounded(value) for name, value in thing.items()}
    return [rounded(value) for value in thing] if isinstance(thing, list) else thing


def as_text(results):
    """JSON with the rounds of a figure on one line."""
    text = json.dumps(rounded(results), indent=1, ensure_ascii=False)
    return re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", lambda found: "[" + re.sub(r"\s+", " ", found[1]) + "]", text) + "\n"


def machine(results):
    facts = results["machine"]
    rows = [["processor", f"{facts['processor']}, {facts['cores']} cores" + (", a virtual machine" if facts["virtual"] else "")
             + (", whose two that are used are threads of one core" if facts.get("share_a_core") else "")],
            ["memory", facts["memory"]], ["system", f"{facts['system']}, {facts['kernel']}"],
            ["load before it began", facts["load_before"]], ["compiler", f"{facts['versions']['compiler']}; {facts['flags']}"],
            *([name, text] for name, text in facts["versions"].items() if name != "compiler"),
            ["adieu", f"commit {facts['commit']}"], ["measured", facts["date"]],
            ["it took", "; ".join(f"{name} {part['seconds']} s" for name, part in results["parts"].items())]]
    return tables.table(["", ""], rows, words=2)


def beaten(results):
    """Every figure in which a peer does better than the better one of ours."""
    rows = []
    for part, what, case, figure, better in compared_figures(results):
        known = {name: median for name in cases.peers(case) if (median := cases.median(case, name, figure)) is not None}
        ours = [known[name] for name in roster.OURS if name in known]
        if not ours:
            continue
        best = better(ours)
        ahead = sorted(((value, name) for name, value in known.items() if name in others() and better(value, best) != best), reverse=better is max)
        if ahead:
            rows.append([f"{part}: {what}", ", ".join(f"{roster.label(name)} {tables.number(value)}" for value, name in ahead), tables.number(best)])
    return tables.table(["figure", "who does better", "ours, the better one"], rows, words=2) if rows else "Nowhere.\n"


def others():
    return {peer.name for peer in roster.PEERS if not peer.limit} - set(roster.OURS)


def compared_figures(results):
    """(part, what, case, figure, min or max)"""
    for case in cases.of_part(results, "bulk"):
        yield "bulk, s/GB", f"{tables.suite_name(case)}, {tables.ways(case)}, {tables.size_name(case['write'])}", case, "cpu_s_per_gb", min
    for case in cases.of_part(results, "cores"):
        yield "two cores, GB/s", tables.size_name(case["write"]), case, "gb_per_s", max
    for case in cases.of_part(results, "connections"):
        yield "connections, µs", tables.connection_name(case), case, "server_us", min
    for case in cases.of_part(results, "idle"):
        for figure in sorted(cases.figures_of(case)):
            yield "idle, bytes", f"{'heap' if figure == 'heap_bytes' else 'resident'}, TLS {case['tls']}", case, figure, min
    for case in cases.of_part(results, "ping"):
        for figure, name in (("p50_us", "half within, µs"), ("server_us", "server CPU, µs"), ("instructions", "instructions")):
            yield "ping", name, case, figure, min
    for case in cases.of_part(results, "storm"):
        yield "storm, µs", f"{case['silent']} % silent", case, "server_us", min


def missing(results):
    texts = []
    for name in parts.NAMES:
        if name not in results["parts"]:
            texts.append(f"- {name}: it was not run")
        else:
            texts += [line.replace("- ", f"- {name}: ", 1) for line in tables.troubles(results, name)]
    return ("\n".join(texts) or "Everything that was asked for.") + "\n"


BLOCKS = {"targets": targets.table, "machine": machine, "beaten": beaten, "missing": missing,
          **{name: lambda results, name=name: "\n".join(tables.OF_PART[name](results)) for name in parts.NAMES}}


def inline(results):
    """Figures that the prose names: {bulk adieu_fd}."""
    main = cases.find(results, "bulk", tls="1.3", cipher="aes128", way="one", write=16384)
    full = cases.find(results, "connections", tls="1.3", resume="no")
    heap = cases.having(results, "idle", "heap_bytes", tls="1.3")
    pinged = cases.find(results, "ping", figure="time")
    answering, silent = (cases.find(results, "storm", silent=share) for share in (0, 100))
    pipe = next(iter(cases.of_part(results, "pipe")), None)
    two = next(iter(cases.of_part(results, "cores")), None)
    for word, case, figure, text in (("bulk", main, "cpu_s_per_gb", tables.number), ("connection", full, "server_us", tables.whole),
                                     ("heap", heap, "heap_bytes", tables.whole), ("ping", pinged, "p50_us", tables.number),
                                     ("storm", answering, "server_us", tables.number), ("silent", silent, "server_us", tables.number),
                                     ("pipe", pipe, "cpu_s_per_gb", tables.number), ("cores", two, "gb_per_s", tables.number)):
        for name in [*roster.BY_NAME, *roster.PIPES]:
            yield f"{word} {name}", text(cases.median(case, name, figure))
    noise = cases.ratios(main, roster.AGAIN.name, roster.BASE, "cpu_s_per_gb")
    yield "noise", tables.times(figures.median(noise))
    yield "noise spread", tables.middle(noise, tables.times)


def page(prose, results):
    said = dict(inline(results))
    prose = re.sub(r"\{([a-z_ ]+)\}", lambda found: said[found[1]], prose)
    prose = re.sub(r"^@([a-z]+)\n", lambda found: BLOCKS[found[1]](results), prose, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", prose)
