# SPDX-License-Identifier: MIT
"""Tables in Markdown, aligned so that they can be read on a terminal too. Each part has one function; OF_PART names them."""
import re

import cases
import figures
import roster

NONE = "—"


def table(head, rows, words=1):
    """So many columns are words, the others are numbers."""
    texts = [[str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(row[column]) for row in texts) for column in range(len(head))]
    def line(row):
        cells = [cell.ljust(width) if number < words else cell.rjust(width) for number, (cell, width) in enumerate(zip(row, widths))]
        return "| " + " | ".join(cells) + " |"
    rule = ["-" * width if number < words else "-" * (width - 1) + ":" for number, width in enumerate(widths)]
    return "\n".join([line(texts[0]), line(rule), *map(line, texts[1:])]) + "\n"


def number(value, digits=3):
    """So many digits that mean something: 0.523, 5.23, 52.3, 523, 5,230."""
    if value is None:
        return NONE
    if value == 0:
        return "0"
    size = len(str(int(abs(value)))) if abs(value) >= 1 else 0
    return f"{value:,.{max(0, digits - size)}f}"


def times(value):
    return NONE if value is None else f"{value:.2f}"


def between(pair, text=number):
    return f"{text(pair[0])} to {text(pair[1])}"


def middle(values, text=number):
    """The middle half of the runs; one run has none."""
    return between(figures.quartiles(values), text) if len(figures.known(values)) > 1 else NONE


def size_name(count):
    return f"{count // 2**20} MB" if count >= 2**20 else f"{count // 1024} KB"


def suite_name(case):
    cipher = {"aes128": "AES-128-GCM", "aes256": "AES-256-GCM", "chacha": "ChaCha20-Poly1305"}.get(case.get("cipher"))
    return f"TLS {case['tls']}" + (f" {cipher}" if cipher else "")


def ways(case):
    return {"one": "one way", "both": "both ways"}[case["way"]]


def spread(case, figure, unit, base=roster.BASE):
    """One case in full: medians, quartiles, ratios of each round."""
    rows = [[roster.label(name), number(cases.median(case, name, figure)), middle(cases.values(case, name, figure)),
             times(cases.ratio(case, name, base, figure)), middle(cases.ratios(case, name, base, figure), times),
             cases.runs(case, name, figure)]
            for name in cases.peers(case)]
    return table(["", unit, "middle half of the runs", f"against {roster.label(base)}", "middle half", "runs"], rows)


def matrix(columns, figure, cell):
    """columns: (heading, case). One row a peer."""
    names = dict.fromkeys(name for _, case in columns for name in cases.peers(case))
    names.pop(roster.AGAIN.name, None)
    there = [name for name in roster.BY_NAME if name in names]
    return table(["", *(heading for heading, _ in columns)],
                 [[roster.label(name), *(cell(case, name, figure) for _, case in columns)] for name in there])


def absolute(case, name, figure):
    return number(cases.median(case, name, figure))


def relative(case, name, figure):
    return times(cases.ratio(case, name, roster.BASE, figure))


def both(case, name, figure):
    return f"{absolute(case, name, figure)} ({relative(case, name, figure)})" if cases.runs(case, name, figure) else NONE


def folded(title, texts):
    return f"<details>\n<summary>{title}</summary>\n\n" + "\n".join(texts) + "\n</details>\n"


def unfolded(text):
    """Without what is folded away: for a terminal."""
    return re.sub(r"<details>.*?</details>\n", "", text, flags=re.DOTALL)


def bulk(results):
    found = cases.of_part(results, "bulk")
    main = cases.find(results, "bulk", tls="1.3", cipher="aes128", way="one", write=16384)
    by_size = [(size_name(case["write"]), case) for case in found if difference(case) == size_name(case["write"])]
    rest = [(difference(case), case) for case in found if case not in [case for _, case in by_size]]
    texts = []
    if main:
        texts.append(f"{suite_name(main)}, one way, writes of 16 KB; CPU seconds for a GB:\n\n" + spread(main, "cpu_s_per_gb", "s/GB"))
    if by_size:
        texts.append("By the size of a write; CPU seconds for a GB:\n\n" + matrix(by_size, "cpu_s_per_gb", absolute))
        texts.append("The same against naive OpenSSL:\n\n" + matrix(by_size, "cpu_s_per_gb", relative))
    if rest:
        texts.append("Other things than TLS 1.3 with AES-128-GCM, one way, writes of 16 KB; CPU seconds for a GB, and against naive OpenSSL:\n\n"
                     + matrix(rest, "cpu_s_per_gb", both))
    return texts + [folded("All bulk cases with their spread", [
        f"{suite_name(case)}, {ways(case)}, writes of {size_name(case['write'])}:\n\n" + spread(case, "cpu_s_per_gb", "s/GB") for case in found])]


def difference(case):
    """What is not as in the main case; the size, if nothing else is."""
    said = ["TLS 1.2"] if case["tls"] != "1.3" else []
    said += [suite_name(case).split(" ", 2)[2]] if case["cipher"] != "aes128" else []
    said += ["both ways"] if case["way"] != "one" else []
    return ", ".join(said + ([size_name(case["write"])] if case["write"] != 16384 or not said else []))


def cores(results):
    texts = []
    for case in cases.of_part(results, "cores"):
        rows = [[roster.label(name), number(cases.median(case, name, "gb_per_s")), middle(cases.values(case, name, "gb_per_s")),
                 times(cases.ratio(case, name, roster.BASE, "gb_per_s")), times(cases.ratio(case, name, "limit", "gb_per_s")),
                 number(cases.median(case, name, "cpu_s_per_gb")), cases.runs(case, name, "gb_per_s")] for name in cases.peers(case)]
        texts.append(f"Writes of {size_name(case['write'])}:\n\n" + table(
            ["", "GB/s", "middle half", "against OpenSSL, naive", "share of the limit", "CPU s/GB", "runs"], rows))
    return texts


def connections(results):
    found = cases.of_part(results, "connections")
    columns = [(connection_name(case), case) for case in found]
    texts = [matrix(columns, "server_us", both)] if found else []
    return texts + [folded("With their spread", [f"{heading}:\n\n" + spread(case, "server_us", "µs") for heading, case in columns])]


def connection_name(case):
    return f"TLS {case['tls']} " + ("resumed" if case["resume"] == "yes" else "full")


def idle(results):
    found = cases.of_part(results, "idle")
    columns = [(f"heap, TLS {case['tls']}", case, "heap_bytes") for case in found if "heap_bytes" in cases.figures_of(case)]
    columns += [(f"resident, {case['connections']:,} connections", case, "rss_bytes") for case in found if "rss_bytes" in cases.figures_of(case)]
    names = [name for name in roster.BY_NAME if any(name in cases.peers(case) for _, case, _ in columns)]
    return [table(["bytes a connection", *(heading for heading, _, _ in columns)],
                  [[roster.label(name), *(whole(cases.median(case, name, figure)) for _, case, figure in columns)] for name in names])]


def whole(value):
    return NONE if value is None else f"{value:,.0f}"


def ping(results):
    waited, counted = cases.find(results, "ping", figure="time"), cases.find(results, "ping", figure="instructions")
    if not waited or not counted:
        return []
    rows = [[roster.label(name), number(cases.median(waited, name, "p50_us")), number(cases.median(waited, name, "p99_us")),
             times(cases.ratio(waited, name, roster.BASE, "p50_us")), number(cases.median(waited, name, "server_us")),
             whole(cases.median(counted, name, "instructions")), times(cases.ratio(counted, name, roster.BASE, "instructions"))]
            for name in cases.peers(waited)]
    return [table(["", "half within, µs", "99 % within, µs", "against OpenSSL, naive", "server CPU, µs", "server instructions",
                   "against OpenSSL, naive"], rows)]


def storm(results):
    texts = []
    for case in cases.of_part(results, "storm"):
        rows = [[roster.label(name), number(cases.median(case, name, "server_us")), middle(cases.values(case, name, "server_us")),
                 times(cases.ratio(case, name, roster.BASE, "server_us")), whole(cases.median(case, name, "all_ms")),
                 whole(max(figures.known(cases.values(case, name, "all_ms")), default=None)), whole(cases.median(case, name, "orderly")),
                 cases.runs(case, name, "server_us")] for name in cases.peers(case)]
        who = {0: "All clients answer", 100: "No client answers, nor reads", 50: "Every second client answers"}[case["silent"]]
        texts.append(f"{who}; {case['connections']:,} connections, the server's patience is {case['deadline_ms']:,} ms:\n\n" + table(
            ["", "server CPU each, µs", "middle half", "against OpenSSL, naive", "all done after, ms", "at most, ms", "orderly ends", "runs"], rows))
    return texts


def pipe(results):
    texts = []
    for case in cases.of_part(results, "pipe"):
        rows = [[roster.label(name), number(cases.median(case, name, "cpu_s_per_gb")), middle(cases.values(case, name, "cpu_s_per_gb")),
                 number(cases.median(case, name, "client_s_per_gb")), number(cases.median(case, name, "server_s_per_gb")),
                 times(cases.ratio(case, name, "openssl_pipe", "cpu_s_per_gb")), times(cases.ratio(case, name, "socat", "cpu_s_per_gb")),
                 cases.runs(case, name, "cpu_s_per_gb")] for name in cases.peers(case)]
        texts.append(f"The input is a {case['input']}:\n\n" + table(
            ["", "s/GB", "middle half", "client", "server", "against openssl", "against socat", "runs"], rows))
    return texts


SCALE = [("made_us", "made, µs"), ("rss_bytes", "resident bytes"), ("ping_us", "ping beside them, µs"), ("broadcast_us", "write of 1 KB, µs"),
         ("broadcast_ms", "to all, ms"), ("closed_us", "graceful end, µs"), ("closed_ms", "of all, ms")]


def scale(results):
    found = cases.of_part(results, "scale")
    names = [name for name in roster.BY_NAME if any(name in case["peers"] for case in found)]
    rows = [[f"{roster.label(name)}, {case['connections']:,}", *(number(cases.median(case, name, figure)) for figure, _ in SCALE)]
            for name in names for case in found if name in case["peers"]]
    return [table(["server and connections", *(heading for _, heading in SCALE)], rows)]


OF_PART = {"bulk": bulk, "cores": cores, "connections": connections, "idle": idle, "ping": ping, "storm": storm, "pipe": pipe, "scale": scale}


def describe(case):
    return ", ".join(f"{name} {value}" for name, value in case.items() if name not in ("rounds", "peers", "failed"))


def troubles(results, part):
    """Who did not do what, and why: one line for each reason."""
    why = results["parts"][part].get("failed")
    told = {why: ["all"]} if why else {}
    for case in cases.of_part(results, part):
        for name, reason in case.get("failed", {}).items():
            kept = max((cases.runs(case, name, figure) for figure in case["peers"].get(name, {})), default=0)
            but = f" ({kept} of {case['rounds']} runs count)" if kept else ""
            told.setdefault(f"{roster.label(name)}: {reason}{but}", []).append(describe(case))
    return [f"- {reason}" + (f" [{len(where)} cases]" if len(where) > 1 else f" [{where[0]}]") for reason, where in told.items()]


def of_part(results, part):
    """All of a part, as text."""
    texts = OF_PART[part](results) if cases.of_part(results, part) else []
    missing = troubles(results, part)
    return "\n".join(texts + (["Not measured, or not every time:\n\n" + "\n".join(missing) + "\n"] if missing else []))
