# SPDX-License-Identifier: MIT
"""
docs/bench/*.svg from docs/bench.json by gnuplot. They have no background, and colours that can be read on a light one and on a dark one. The same
figures give the same file: no date, no version.
"""
import math
import re
import subprocess

import cases
import figures
import roster
import tables

INK = "#757b84"  # as far from white as from black
COLOURS = {"adieu_fd": "#d9480f", "adieu_uv": "#e8890c", "openssl": "#1c7ed6", "gnutls": "#2f9e44", "asio": "#9c36b5",
           "libevent": "#0c8599", "go": "#4dabf7", "node": "#74a12e", "python": "#b08900", "aead": "#868e96", "plain": "#a3abb2", "limit": "#7f7f7f"}
HEAD = """\
set terminal svg size 760,{height} dynamic enhanced font "system-ui,DejaVu Sans,Helvetica,Arial,sans-serif,13" name "{name}"
set encoding utf8
set border 3 linecolor rgb "#7f7f7f"
set tics nomirror textcolor rgb "{ink}"
set grid {grid} linecolor rgb "#7f7f7f" linewidth 0.3
set title "{title}" textcolor rgb "{ink}"
set key off
"""


def head(name, height, grid, title):
    return HEAD.format(name=name, height=height, grid=grid, title=title, ink=INK)


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def block(name, rows):
    """A gnuplot datablock."""
    return f"${name} << EOD\n" + "\n".join(" ".join(map(str, row)) for row in rows) + "\nEOD\n"


def bulk(results):
    """Lines by the size of a write, named where they end. TCP and AEAD alone are in the limit."""
    found = [case for case in cases.of_part(results, "bulk") if case["way"] == "one" and (case["tls"], case["cipher"]) == ("1.3", "aes128")]
    ends = {name: value for name in roster.BY_NAME if name not in ("plain", "aead", roster.AGAIN.name)
            if found and (value := cases.median(found[-1], name, "cpu_s_per_gb"))}
    if len(found) < 2 or not ends:
        return None
    text = head("bulk", 520, "ytics", "CPU seconds for a GB, both sides, by the size of a write")
    text += "set logscale xy 2\nset rmargin 24\n"
    text += "set ytics (" + ", ".join(f'"{at}" {at}' for at in (0.25, 0.35, 0.5, 0.7, 1, 1.4, 2, 2.8, 4, 5.6, 8)) + ")\n"
    text += "set xtics (" + ", ".join(f"{quoted(tables.size_name(case['write']))} {case['write']}" for case in found) + ")\n"
    for name in ends:
        text += block(name, [(case["write"], value) for case in found if (value := cases.median(case, name, "cpu_s_per_gb"))])
    for name, place in apart(ends).items():
        text += f"set label {quoted(roster.label(name))} at {found[-1]['write'] * 1.12},{place} left textcolor rgb \"{COLOURS[name]}\"\n"
    return text + "plot " + ", ".join(
        f"${name} with linespoints linecolor rgb \"{COLOURS[name]}\" linewidth {3 if name in roster.OURS else 1.5} "
        f"pointtype 7 pointsize 0.4{' dashtype 2' if name == 'limit' else ''}" for name in ends) + "\n"


def apart(ends, gap=1.12):
    """Places for labels on a logarithmic axis: near their lines' ends, and none upon another."""
    names = sorted(ends, key=ends.get)
    places = [math.log(ends[name]) for name in names]
    for _ in range(200):
        for at in range(len(places) - 1):
            lack = math.log(gap) - (places[at + 1] - places[at])
            if lack > 0:
                places[at], places[at + 1] = places[at] - lack / 2, places[at + 1] + lack / 2
    return {name: round(math.exp(place), 4) for name, place in zip(names, places)}


def runs(results):
    """A dot for each run of the main case."""
    case = cases.find(results, "bulk", tls="1.3", cipher="aes128", way="one", write=16384)
    names = [name for name in cases.peers(case) if cases.runs(case, name, "cpu_s_per_gb")] if case else []
    if roster.BASE not in names:
        return None
    names.reverse()
    text = head("runs", 80 + 26 * len(names), "xtics", "Each run, against naive OpenSSL in the same round: left is cheaper")
    text += "set ytics (" + ", ".join(f"{quoted(roster.label(name))} {place}" for place, name in enumerate(names)) + ")\n"
    text += f"set yrange [-0.7:{len(names) - 0.3}]\nset xrange [0:*]\n"
    for place, name in enumerate(names):
        ratios = cases.ratios(case, name, roster.BASE, "cpu_s_per_gb")
        text += block(name, [(value, place) for value in ratios])
        middle = figures.median(ratios)
        text += f"set arrow from {middle},{place - 0.3} to {middle},{place + 0.3} nohead linewidth 2 linecolor rgb \"{INK}\"\n"
    return text + "plot " + ", ".join(
        f"${name} with points pointtype 7 pointsize 0.5 linecolor rgb \"{COLOURS.get(name, COLOURS[roster.BASE])}\"" for name in names) + "\n"


def bars(name, title, rows):
    """rows: (label, value, colour)"""
    rows = [row for row in rows if row[1] is not None][::-1]
    if not rows:
        return None
    text = head(name, 80 + 24 * len(rows), "xtics", title)
    text += "set ytics (" + ", ".join(f"{quoted(label)} {place}" for place, (label, _, _) in enumerate(rows)) + ")\n"
    text += f"set yrange [-0.7:{len(rows) - 0.3}]\nset xrange [0:{max(row[1] for row in rows) * 1.12}]\nset style fill solid noborder\n"
    for place, (_, value, fill) in enumerate(rows):
        text += f"set object rectangle from 0,{place - 0.32} to {value},{place + 0.32} fillcolor rgb \"{fill}\" fillstyle solid noborder\n"
        text += f"set label {quoted(tables.number(value))} at {value},{place} offset 0.6,0 textcolor rgb \"{INK}\"\n"
    return text + "plot -10 notitle\n"


def idle(results):
    rows = [(f"{peer.label}, {word}", value / 1000, COLOURS[peer.name])
            for figure, word in (("heap_bytes", "heap"), ("rss_bytes", "resident")) for peer in roster.PEERS
            if (value := cases.median(cases.having(results, "idle", figure, tls="1.3"), peer.name, figure)) is not None]
    return bars("idle", "An idle TLS 1.3 connection of a server, 1,000 bytes", rows)


def storm(results):
    rows = [(f"{peer.label}, {word}", value, COLOURS[peer.name])
            for silent, word in ((0, "all answer"), (100, "all silent")) for peer in roster.PEERS
            if (value := cases.median(cases.find(results, "storm", silent=silent), peer.name, "server_us")) is not None]
    return bars("storm", "Server CPU for each of 5,000 connections ended at once, µs", rows)


PLOTS = {"bulk": bulk, "runs": runs, "idle": idle, "storm": storm}


def without_comments(svg):
    """They name gnuplot's version."""
    svg = re.sub(r"<!--.*?-->\n?|<desc>.*?</desc>\n?", "", svg, flags=re.DOTALL)
    return re.sub(r"(<svg[^>]*>)", r"\1\n<!-- SPDX-License-Identifier: MIT -->", svg, count=1)


class NoPlots(Exception):
    """The text says why."""


def draw(script):
    try:
        done = subprocess.run(["gnuplot"], input=script, capture_output=True, text=True, timeout=30)
    except OSError as error:
        raise NoPlots(f"gnuplot cannot be started ({error.strerror})") from None
    if done.returncode or "<svg" not in done.stdout:
        raise NoPlots(f"gnuplot says: {done.stderr.strip()[:300]}")
    return without_comments(done.stdout)


def draw_all(results, folder):
    """Those of other figures go first: beside these they would be believed."""
    folder.mkdir(exist_ok=True)
    for name in PLOTS:
        (folder / f"{name}.svg").unlink(missing_ok=True)
    for name, plot in PLOTS.items():
        script = plot(results)
        if script:
            (folder / f"{name}.svg").write_text(draw(script))
